"""SQS over loopback, as much of it as a producer calls, for a bridge that is a process of its own.

It can be away (nothing listens), or refuse entries of a batch. It keeps what it took, and notes what was asked for.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

__all__ = ["QUEUE", "SqsServer"]

QUEUE: Final = "roomidity-test-readings"

Refuse = Callable[[str], tuple[str, bool] | None]
"""By body why an entry is refused, and whether that is the sender's fault."""


class SqsServer:
    """The server; a context, in which it listens."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.messages: list[dict[str, Any]] = []  # of a broker, in those bodies, repeats among them
        self.operations: set[str] = set()
        self.refuse: Refuse = lambda _body: None
        self.delay_s = 0.0
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_away()

    def listen(self) -> None:
        self._server = _Server(("127.0.0.1", self._port), type("Handler", (_Handler,), {"sqs": self}))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def go_away(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.operations.add(operation)
            if operation == "GetQueueUrl":
                if asked["QueueName"] == QUEUE:
                    return 200, {"QueueUrl": f"{self.endpoint}/000000000000/{QUEUE}"}
                return 400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The queue does not exist."}
            if operation != "SendMessageBatch":
                return 400, {"__type": "com.amazonaws.sqs#AccessDenied", "message": f"not allowed: {operation}"}
            taken, refused = [], []
            for entry in asked["Entries"]:
                if (why := self.refuse(entry["MessageBody"])) is None:
                    self.bodies.append(entry["MessageBody"])
                    self.messages += json.loads(entry["MessageBody"])["messages"]
                    taken.append({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "0" * 32})
                else:
                    refused.append({"Id": entry["Id"], "Code": why[0], "Message": "refused", "SenderFault": why[1]})
            return 200, {"Successful": taken, "Failed": refused}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Who calls may be killed meanwhile."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    sqs: SqsServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.sqs._server is None:  # away, and this connection with it
            self.close_connection = True
            return
        status, content = self.sqs.answer(self.headers["X-Amz-Target"].rpartition(".")[2], asked)
        time.sleep(self.sqs.delay_s)  # what was taken is taken before the sender hears of it
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
