"""AWS in the sandbox: the emulator, on port 80 for its registry's sake, and the recorder that functions call.

Beside it stands a provider of the weather, which functions reach as one on the internet.
"""

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from roomidity.local.engine import ONLY_HTTP
from tests.e2e.deploy.sandbox import REGION, Sandbox, SandboxError
from tests.e2e.permissions import Call, calls_of

__all__ = ["ACCOUNT", "Cloud", "cloud"]

ACCOUNT: Final = "000000000000"

_CHECKOUT: Final = Path(__file__).parents[3]
_PORT: Final = 80
_RECORDER: Final = 8000
_PROVIDER: Final = 8001
_START_S: Final = 30.0


@dataclass(frozen=True)
class Cloud:
    """The emulator as it is reached from this machine, at ``endpoint``, and from within, at ``inner_endpoint``."""

    inside: Sandbox
    endpoint: str

    inner_endpoint: str = f"http://127.0.0.1:{_PORT}"
    functions_endpoint: str = f"http://host.docker.internal:{_RECORDER}"
    weather_url: str = f"http://host.docker.internal:{_PROVIDER}/v1/forecast"
    """Of the provider, for functions."""

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator."""
        return boto3.Session("test", "test", region_name=REGION).client(  # type: ignore[call-overload]  # any service
            service,
            endpoint_url=self.endpoint,
            config=Config(connect_timeout=2, read_timeout=330, retries={"total_max_attempts": 1}),
        )

    @property
    def log(self) -> Path:
        """What the emulator says."""
        return self.inside.folder / "emulator.log"

    @property
    def _recorded(self) -> Path:
        return self.inside.folder / "calls.ndjson"

    @property
    def _questions(self) -> Path:
        return self.inside.folder / "questions.ndjson"

    def questions(self) -> list[dict[str, str]]:
        """Each question that the provider of the weather was asked so far."""
        return [json.loads(line) for line in self._questions.read_text().splitlines()]

    def requests(self) -> list[dict[str, Any]]:
        """Each request of a function so far: function, service, operation, parameters."""
        return [json.loads(line) for line in self._recorded.read_text().splitlines()]

    def calls(self) -> set[Call]:
        """What the functions called so far, as it has to be allowed."""
        return {
            call
            for one in self.requests()
            for call in calls_of(
                one["function"], one["service"], one["operation"], one["parameters"], account=ACCOUNT, region=REGION
            )
        }


@contextmanager
def cloud(inside: Sandbox) -> Iterator[Cloud]:
    """Run the emulator, the recorder and the provider; they end with the sandbox.

    Raises
    ------
    SandboxError
        If they do not answer.
    """
    with socket.create_server(("127.0.0.1", 0)) as outside:
        found = Cloud(inside, f"http://127.0.0.1:{outside.getsockname()[1]}")
        found._recorded.touch()
        found._questions.touch()
        inside.start(
            *("env", f"--chdir={_CHECKOUT}", sys.executable, "-m", "tests.e2e.deploy.emulator"),
            log=found.log,
            environment={
                "GATEWAY_PORT": str(_PORT),
                "BIND_HOST": "0.0.0.0",  # containers call it, at the bridge's address  # noqa: S104
                "MINISTACK_HOST": "127.0.0.1",
                "MINISTACK_REGION": REGION,
                **ONLY_HTTP,
                "AWS_ENDPOINT_URL": found.functions_endpoint,  # what it gives its functions
            },
        )
        options = {"--port": _RECORDER, "--upstream": _PORT, "--log": found._recorded, "--outside": outside.fileno()}
        inside.start(
            *("env", f"--chdir={_CHECKOUT}", sys.executable, "-m", "tests.e2e.deploy.recorder"),
            *(str(word) for option in options.items() for word in option),
            log=inside.folder / "recorder.log",
            pass_fds=(outside.fileno(),),
        )
        inside.start(
            *("env", f"--chdir={_CHECKOUT}", sys.executable, "-m", "tests.e2e.deploy.provider"),
            *("--port", str(_PROVIDER), "--log", found._questions),
            log=inside.folder / "provider.log",
        )
        _wait_until_ready(found)
        yield found


def _wait_until_ready(found: Cloud) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{found.endpoint}/_ministack/health", timeout=1):  # noqa: S310  # loopback
                return
        except OSError:
            time.sleep(0.2)
    raise SandboxError(f"the emulator did not start within {_START_S:.0f} s; its log: {found.log}")
