"""The web page: public static files without data.

Links to it have the token after the #, so that no server receives it.
"""

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
"""Allows nothing from elsewhere, nothing inline, and nothing to be sent elsewhere."""

_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # A new version is seen at once, and an unchanged one is revalidated by its ETag.
    "cache-control": "public, no-cache",
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
    """Returns the file at a path (``/`` is the page itself), or None if there is none."""
    name = path.removeprefix("/") or _INDEX
    body = _files().get(name)
    if body is None:
        return None
    ending = f".{name.rpartition('.')[2]}"
    kind = _KINDS.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Reply(200, kind, body, _HEADERS)


@cache
def _files() -> dict[str, bytes]:
    """Returns all files of the page by name, so that nothing outside the package can be requested."""
    folder = files("roomidity") / "page"
    return {
        one.name: one.read_bytes()
        for one in folder.iterdir()
        if one.is_file() and not one.name.startswith((".", "_")) and not one.name.endswith(".py")
    }
