"""A provider of the weather on loopback, in Open-Meteo's documented form: it replays answers, also such as are none."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from roomidity.domain.slots import to_epoch_ms

__all__ = ["Answer", "answer_of", "answering"]


@dataclass(frozen=True)
class Answer:
    """What is answered: a status, headers, a body; how long it takes between its parts."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    parts: int = 1
    length: int | None = None


def answer_of(at: datetime, *, hours: int = 49, **changes: Any) -> Answer:
    """A sound answer to a question asked at a time, but for changes of it."""
    first = at.replace(minute=0, second=0, microsecond=0)
    times = [to_epoch_ms(first + number * timedelta(hours=1)) // 1000 for number in range(hours)]
    content = {
        "latitude": 52.52,
        "longitude": 13.419998,
        "generationtime_ms": 0.05,
        "utc_offset_seconds": 0,
        "timezone": "GMT",
        "timezone_abbreviation": "GMT",
        "elevation": 38.0,
        "hourly_units": {"time": "unixtime", "temperature_2m": "°C", "relative_humidity_2m": "%"},
        "hourly": {
            "time": times,
            "temperature_2m": [round(5 + number / 10, 1) for number in range(hours)],
            "relative_humidity_2m": [80 - number % 7 for number in range(hours)],
        },
    }
    hourly: dict[str, Any] = {**content["hourly"], **changes.pop("hourly", {})}  # type: ignore[dict-item]
    return Answer(json.dumps({**content, "hourly": hourly, **changes}).encode())


@contextmanager
def answering(*answers: Answer) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that gives answers one after the other, the last one for ever; its address, and the questions so far."""
    asked: list[dict[str, Any]] = []
    left: list[Answer] = list(answers)

    class _Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            asked.append({name: values[0] for name, values in query.items()} | {"headers": dict(self.headers)})
            answer = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
            self.end_headers()
            size = -(-len(answer.body) // answer.parts)
            try:
                for part in range(answer.parts):
                    time.sleep(answer.pause_s)
                    self.wfile.write(answer.body[part * size : (part + 1) * size])
                    self.wfile.flush()
            except OSError:  # who asked has gone
                return

        def log_message(self, *_: Any) -> None:
            """Nothing: the test asks what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/forecast", asked
    finally:
        server.shutdown()
        server.server_close()
