"""A request as HTTP APIs and function URLs hand it over (payload 2.0), and the answer that they take."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from roomidity.api.problems import PROBLEM_TYPE, problem_of

__all__ = ["Reply", "Request"]

_WORTH_COMPRESSING_BYTES: Final = 1_000

_ALWAYS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "vary": "Authorization, Accept-Encoding",
}


@dataclass(frozen=True)
class Request:
    """What was sent. ``path`` as the gateway gives it, ``query`` raw; names of headers are in small letters."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Request:
        """The request of an event; what an event lacks is empty."""
        context = event.get("requestContext") or {}
        http = context.get("http") or {}
        return cls(
            method=str(http.get("method", "GET")).upper(),
            path=str(event.get("rawPath") or "/"),
            query=str(event.get("rawQueryString") or ""),
            headers={str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()},
            context=context,
        )

    def has(self, etag: str) -> bool:
        """Whether who asks has what the ETag names."""
        known = {one.strip() for one in self.headers.get("if-none-match", "").split(",")}
        return etag in known or "*" in known

    @property
    def takes_gzip(self) -> bool:
        """Whether who asks can decompress; one that is given no weight is not wanted."""
        offered = [one.strip().lower().partition(";") for one in self.headers.get("accept-encoding", "").split(",")]
        return any(
            name.strip() == "gzip" and weight.replace(" ", "") not in {"q=0", "q=0.0"} for name, _, weight in offered
        )


@dataclass(frozen=True)
class Reply:
    """What is answered. ``tagged`` is what the ETag covers, where that is not the body itself."""

    status: int
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    tagged: bytes | None = None

    @classmethod
    def problem(cls, status: HTTPStatus, detail: str, **headers: str) -> Reply:
        """A problem, which nobody may keep."""
        body = json.dumps(problem_of(status, detail), ensure_ascii=False).encode()
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(int(status), PROBLEM_TYPE, body, {"cache-control": "no-store", **more})

    def to_event(self, request: Request) -> dict[str, Any]:
        """The answer as payload 2.0: its headers alone where who asks has it, compressed where that is worth it."""
        headers = {**_ALWAYS, **self.headers}
        if self.status == HTTPStatus.OK:
            covered = self.body if self.tagged is None else self.tagged
            etag = f'W/"{hashlib.sha256(covered).hexdigest()[:32]}"'  # weak: the same whether compressed or not
            headers["etag"] = etag
            if request.has(etag):
                return {
                    "statusCode": int(HTTPStatus.NOT_MODIFIED),
                    "headers": headers,
                    "body": "",
                    "isBase64Encoded": False,
                }
        headers["content-type"] = self.kind
        body = self.body
        if len(body) >= _WORTH_COMPRESSING_BYTES and request.takes_gzip:
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=5, mtime=0)
        if request.method == "HEAD":
            body = b""
        return {
            "statusCode": self.status,
            "headers": headers,
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
