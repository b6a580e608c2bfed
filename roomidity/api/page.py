"""The page: static files of the package, public, without data. Its link has the token behind a #: no server sees it."""

from __future__ import annotations

import mimetypes
from functools import cache
from importlib.resources import files
from typing import Final

from roomidity.api.request import Reply

__all__ = ["CONTENT_SECURITY_POLICY", "page_file"]

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing inline, nothing sent elsewhere."""

_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "public, no-cache",  # a new version is seen at once; an unchanged one is answered by its ETag
    "vary": "Accept-Encoding",
}

_INDEX: Final = "index.html"
_KINDS: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}


def page_file(path: str) -> Reply | None:
    """The file at a path, ``/`` being the page itself; None where there is none."""
    name = path.removeprefix("/") or _INDEX
    body = _files().get(name)
    if body is None:
        return None
    ending = f".{name.rpartition('.')[2]}"
    kind = _KINDS.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Reply(200, kind, body, _HEADERS)


@cache
def _files() -> dict[str, bytes]:
    """All files of the page by their names: what is not in the package cannot be asked for."""
    folder = files("roomidity") / "page"
    return {
        one.name: one.read_bytes()
        for one in folder.iterdir()
        if one.is_file() and not one.name.startswith((".", "_")) and not one.name.endswith(".py")
    }
