"""A provider of the weather within the sandbox, for a deployed function: ``python -m tests.e2e.deploy.provider``.

Every question is answered with a forecast of the present in Open-Meteo's form, and appended to a log as a line of JSON.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from tests.provider import answer_of

__all__: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    log: ClassVar[Path]

    def do_GET(self) -> None:
        with self.log.open("a") as file:
            file.write(json.dumps(dict(parse_qsl(urlsplit(self.path).query))) + "\n")
        # From an hour ago on, so that a question of one hour may be answered in the next.
        answer = answer_of(datetime.now(UTC) - timedelta(hours=1), hours=52)
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        """What is asked stands in the log already."""


def _main() -> None:
    parser = argparse.ArgumentParser(description="Answer questions for the weather ahead.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    given = parser.parse_args()
    _Handler.log = given.log
    ThreadingHTTPServer(("0.0.0.0", given.port), _Handler).serve_forever()  # noqa: S104  # within, containers call it


if __name__ == "__main__":
    _main()
