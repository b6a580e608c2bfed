"""What functions call at AWS, written down on the way: ``python -m tests.e2e.deploy.recorder``, run in the sandbox.

It stands between the functions' containers and the emulator, passes on what they ask and are answered, and appends a
line of JSON for each call: who, told by the user agent, which has the function's name from ``AWS_SDK_UA_APP_ID``; the
service, told by the signature; the operation, and the parameters that say what it is about.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["described"]

_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
_NAMES: Final = ("TableName", "QueueName", "QueueUrl")
_OBJECT_CALLS: Final = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject"}


def described(method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """A request as function, service, operation and parameters; what is not known is called so, never left out.

    Examples
    --------
    >>> signed = "AWS4-HMAC-SHA256 Credential=test/20260315/eu-central-1/dynamodb/aws4_request, Signature=0"
    >>> asked = {"User-Agent": "Boto3/1 app/roomidity-dev-drain", "Authorization": signed}
    >>> described("POST", "/", {**asked, "X-Amz-Target": "DynamoDB_20120810.Scan"}, b'{"TableName": "t", "Limit": 9}')
    {'function': 'drain', 'service': 'dynamodb', 'operation': 'Scan', 'parameters': {'TableName': 't'}}
    """
    application = re.search(r"\bapp/\S*?([^\s-]+)(?:\s|$)", headers.get("User-Agent", ""))
    scope = re.search(r"Credential=[^/]*/\d+/[^/]+/([^/]+)/", headers.get("Authorization", ""))
    service = scope[1] if scope else "unknown"
    if service == "s3":
        operation, parameters = _object_call(method, path, body)
    elif service == "lambda":
        operation, parameters = _function_call(method, path)
    elif target := headers.get("X-Amz-Target"):
        operation, parameters = target.rpartition(".")[2], _about(json.loads(body or b"{}"))
    else:
        operation, parameters = parse_qs(body.decode("utf-8", "replace")).get("Action", ["unknown"])[0], {}
    return {
        "function": application[1] if application else "unknown",
        "service": service,
        "operation": operation,
        "parameters": parameters,
    }


def _about(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The tables, queues and buses of a request, without what it says to them."""
    about: dict[str, Any] = {name: parameters[name] for name in _NAMES if name in parameters}
    if "RequestItems" in parameters:
        about["RequestItems"] = {table: {} for table in parameters["RequestItems"]}
    if "Entries" in parameters:  # of EventBridge; SQS names its own by their queue
        buses = {one["EventBusName"] for one in parameters["Entries"] if "EventBusName" in one}
        about |= {"Entries": [{"EventBusName": one} for one in sorted(buses)]} if buses else {}
    if "TransactItems" in parameters:
        about["TransactItems"] = [
            {kind: {"TableName": part["TableName"]} for kind, part in item.items()}
            for item in parameters["TransactItems"]
        ]
    return about


def _object_call(method: str, path: str, body: bytes) -> tuple[str, dict[str, Any]]:
    """A request to S3, whose operations are told by method and path alone; buckets stand in the path."""
    split = urlsplit(path)
    bucket, _, key = unquote(split.path).lstrip("/").partition("/")
    query = parse_qs(split.query, keep_blank_values=True)
    if not key:
        if method == "POST" and "delete" in query:
            keys = re.findall(r"<Key>(.*?)</Key>", body.decode())
            return "DeleteObjects", {"Bucket": bucket, "Delete": {"Objects": [{"Key": one} for one in keys]}}
        if method == "GET":
            return "ListObjectVersions" if "versions" in query else "ListObjectsV2", {"Bucket": bucket}
        return f"{method} bucket", {"Bucket": bucket}
    parameters: dict[str, Any] = {"Bucket": bucket, "Key": key}
    if "versionId" in query:
        parameters["VersionId"] = query["versionId"][0]
    if {"uploads", "uploadId"} & query.keys():
        return "UploadPart" if method == "PUT" else "CreateMultipartUpload", parameters
    return _OBJECT_CALLS.get(method, f"{method} object"), parameters


def _function_call(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """A request to Lambda, of which functions make one kind."""
    invoked = re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", urlsplit(path).path)
    return ("Invoke", {"FunctionName": unquote(invoked[1])}) if invoked else (f"{method} {path}", {})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: ClassVar[tuple[str, int]]
    log: ClassVar[Path]
    lock: ClassVar = threading.Lock()

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._there = http.client.HTTPConnection(*self.upstream)

    def finish(self) -> None:
        self._there.close()
        super().finish()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        call = described(self.command, self.path, self.headers, body)  # type: ignore[arg-type]  # it finds any case
        with self.lock, self.log.open("a") as file:
            file.write(json.dumps(call) + "\n")
        self._there.request(self.command, self.path, body, dict(self.headers))
        answer = self._there.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _pass_on  # noqa: N815  # as the standard library wants them

    def log_message(self, *_: Any) -> None:
        """What is asked stands in the log already."""


def _lead_in(listening: socket.socket, upstream: tuple[str, int]) -> None:
    """Connect those who call at ``listening``, a socket made outside the sandbox, to ``upstream`` within."""
    while True:
        caller, _ = listening.accept()
        try:
            there = socket.create_connection(upstream)
        except OSError:  # the emulator is not up yet
            caller.close()
            continue
        for source, sink in ((caller, there), (there, caller)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while part := source.recv(2**16):
            sink.sendall(part)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        sink.close()


def _main() -> None:
    parser = argparse.ArgumentParser(description="Record and pass on what functions call.")
    parser.add_argument("--port", type=int, required=True, help="where the functions call")
    parser.add_argument("--upstream", type=int, required=True, help="the emulator's port")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--outside", type=int, required=True, help="a listening socket")
    given = parser.parse_args()
    upstream = ("127.0.0.1", given.upstream)
    threading.Thread(target=_lead_in, args=(socket.socket(fileno=given.outside), upstream), daemon=True).start()
    _Handler.upstream, _Handler.log = upstream, given.log
    ThreadingHTTPServer(("0.0.0.0", given.port), _Handler).serve_forever()  # noqa: S104  # within, containers call it


if __name__ == "__main__":
    _main()
