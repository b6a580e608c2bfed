"""Requests in the form that HTTP APIs and function URLs pass them (payload 2.0), and the replies they accept."""

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
    """An HTTP request. ``path`` is as the gateway gives it, ``query`` is raw, and header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Request:
        """Returns the request in an event. Whatever the event lacks is left empty."""
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
        """Returns whether the client already has the version that the ETag names."""
        known = {one.strip() for one in self.headers.get("if-none-match", "").split(",")}
        return etag in known or "*" in known

    @property
    def takes_gzip(self) -> bool:
        """Whether the client accepts gzip. A weight of 0 means that it does not."""
        offered = [one.strip().lower().partition(";") for one in self.headers.get("accept-encoding", "").split(",")]
        return any(
            name.strip() == "gzip" and weight.replace(" ", "") not in {"q=0", "q=0.0"} for name, _, weight in offered
        )


@dataclass(frozen=True)
class Reply:
    """An HTTP reply. ``tagged`` is what the ETag covers, if that is not the body itself."""

    status: int
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    tagged: bytes | None = None

    @classmethod
    def problem(cls, status: HTTPStatus, detail: str, **headers: str) -> Reply:
        """Returns a problem reply, which must not be cached."""
        body = json.dumps(problem_of(status, detail), ensure_ascii=False).encode()
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(int(status), PROBLEM_TYPE, body, {"cache-control": "no-store", **more})

    def to_event(self, request: Request) -> dict[str, Any]:
        """Returns the reply as payload 2.0.

        It has only headers if the client already has the content, and is compressed if that is worthwhile.
        """
        headers = {**_ALWAYS, **self.headers}
        if self.status == HTTPStatus.OK:
            covered = self.body if self.tagged is None else self.tagged
            # Weak, as it is the same whether compressed or not.
            etag = f'W/"{hashlib.sha256(covered).hexdigest()[:32]}"'
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
