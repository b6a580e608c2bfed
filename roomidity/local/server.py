"""Serves the API and its page on loopback. Each request becomes the event that AWS would make of it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote

from roomidity.errors import EngineError
from roomidity.local.functions import Functions

__all__ = ["event_of", "serving"]

_HOST: Final = "127.0.0.1"
_PORT: Final = 4567
"""The port next to the engine's own."""

_IDLE_S: Final = 30
_BUFFER_BYTES: Final = 64 * 1024
"""Large enough to write an answer at once. If header and body are apart, delayed acknowledgements cost 40 ms a call."""


def event_of(method: str, target: str, headers: dict[str, str]) -> dict[str, Any]:
    """Returns a request as the event of an HTTP API, with its path decoded once and cut at a decoded question mark."""
    raw, _, query = target.partition("?")
    path = unquote(raw, errors="replace").partition("?")[0]
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {"stage": "$default", "http": {"method": method, "path": path}},
        "isBase64Encoded": False,
    }


@contextmanager
def serving(port: int | None, *, replayed_to: datetime | None = None) -> Iterator[str]:
    """Serves the stage selected by the process's environment for the duration of the block. Yields its address.

    Parameters
    ----------
    port
        The port on loopback. If None, 4567, or a free one if that is taken.
    replayed_to
        The end of replayed data, which is then the handler's clock. No request can change it.

    Raises
    ------
    EngineError
        If the port is taken.
    """
    server = _listening(port, replayed_to)
    thread = threading.Thread(target=server.serve_forever, name="page", daemon=True)
    thread.start()
    try:
        yield f"http://{_HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listening(port: int | None, replayed_to: datetime | None) -> _Server:
    for one in [_PORT, 0] if port is None else [port]:
        try:
            return _Server((_HOST, one), replayed_to)
        except OSError as error:
            why = error
    raise EngineError(f"port {port} cannot be listened on: {why.strerror}; give another with --page-port") from why


class _Server(ThreadingHTTPServer):
    """Handles connections in threads, but one request at a time, as in a Lambda execution environment."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], replayed_to: datetime | None) -> None:
        super().__init__(address, _Handler)
        self._functions = Functions()
        self._lock = threading.Lock()
        self._replayed_to = replayed_to

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return self._functions.requested("api", event, replayed_to=self._replayed_to)

    def knows(self, host: str) -> bool:
        """Returns whether the Host header is ours.

        Otherwise another site could read through the user's browser by a name that resolves to this host.
        """
        return host in {f"{name}:{self.server_port}" for name in (_HOST, "localhost")}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "roomidity"
    sys_version = ""
    timeout = _IDLE_S
    disable_nagle_algorithm = True
    wbufsize = _BUFFER_BYTES
    server: _Server

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # Any method, since the function decides which are allowed.
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # a path names a house: nothing is logged
        """Does nothing."""

    def _answer(self) -> None:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # The unread body would be taken for the next request.
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or not self.server.knows(hosts[0]):
            self._send(
                HTTPStatus.MISDIRECTED_REQUEST, {"content-type": "text/plain"}, b"this is not the host you mean\n"
            )
            return
        headers = {name.lower(): ",".join(self.headers.get_all(name) or []) for name in self.headers}
        try:
            given = self.server.answer(event_of(self.command, self.path, headers))
        except Exception:  # noqa: BLE001  # the handler has logged it; AWS would answer as much
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, {"content-type": "text/plain"}, b"this failed; see the log\n")
            return
        body = base64.b64decode(given["body"]) if given["isBase64Encoded"] else given["body"].encode()
        self._send(given["statusCode"], given["headers"], body)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
