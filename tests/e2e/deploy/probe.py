"""A cold start's time, measured within a container of the image: ``python3 probe.py HANDLER EVENT``.

Prints as JSON the seconds from a process's start to its first result, of the function under the Runtime Interface
Emulator and of a bare interpreter that imports what every function needs and makes the same clients, one after the
other: as near as can be in time, so that what else the machine does troubles both alike.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any, Final

__all__: list[str] = []

URL: Final = "http://127.0.0.1:8080/2015-03-31/functions/function/invocations"
BARE: Final = """
import boto3, numpy
session = boto3.Session()
clients = [session.client(name) for name in ("sqs", "s3", "dynamodb")]
print("ready", flush=True)
"""


def of_function(handler: str, event: str) -> tuple[float, Any]:
    """The seconds, and what the function answered."""
    begin = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603  # the image's own entry point
        ["/lambda-entrypoint.sh", handler], stdout=sys.stderr, start_new_session=True
    )
    try:
        while True:
            try:
                with urllib.request.urlopen(URL, event.encode(), timeout=300) as answer:
                    content = json.load(answer)
                return time.perf_counter() - begin, content
            except urllib.error.URLError as error:
                if process.poll() is not None or not isinstance(error.reason, ConnectionRefusedError):
                    raise
                time.sleep(0.001)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def of_bare() -> float:
    """The seconds."""
    begin = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return time.perf_counter() - begin


if __name__ == "__main__":
    bare_s = of_bare()
    function_s, answered = of_function(sys.argv[1], sys.argv[2])
    sys.stdout.write(json.dumps({"function_s": function_s, "bare_s": bare_s, "answer": answered}) + "\n")
