"""A real Mosquitto on loopback, in a folder of its own; and processes that bridge it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

__all__ = ["BridgeProcess", "Mosquitto", "Publisher", "free_port", "program", "until"]

PATIENCE_S: Final = 60.0
PROCESSES: Final = get_context("forkserver")
PROCESSES.set_forkserver_preload(["roomidity.cli.bridge", "roomidity.bridge.mqtt", "tests.mosquitto"])


def program(name: str) -> str:
    """Where a program of Mosquitto's is; skips where it is not, but in CI, where that would hide a failure."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"])
    found = shutil.which(name, path=places)
    if found is None:
        message = f"{name} is not installed (Debian: apt-get install mosquitto)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    return str(found)


def until(is_so: Callable[[], bool], what: str, *, patience_s: float = PATIENCE_S) -> None:
    """Wait until something is so, however slow the machine."""
    end = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """A broker that keeps its state in ``folder``, with ``more`` lines of configuration."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.port = free_port()
        self.folder = folder
        self._program = program("mosquitto")
        self._process: subprocess.Popen[bytes] | None = None
        self.lines = [
            f"user {'root' if os.getuid() == 0 else 'nobody'}",  # heeded for root alone, who is to keep the folder
            f"listener {self.port} 127.0.0.1",
            "set_tcp_nodelay true",
            "persistence true",
            f"persistence_location {folder}/",
            *(more or ("allow_anonymous true", "max_queued_messages 100000")),
        ]
        (folder / "mosquitto.conf").write_text("\n".join([*self.lines, ""]))

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> Mosquitto:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own configuration
                [self._program, "-c", str(self.folder / "mosquitto.conf")], stdout=log, stderr=log
            )
        until(self._listens, f"Mosquitto: {(self.folder / 'log').read_text()}")
        return self

    def stop(self) -> None:
        """End it as a restart does: it saves what it keeps."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Publisher:
    """A client that publishes at QoS 1, connects again by itself, and then sends again what was not acknowledged."""

    def __init__(self, port: int) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._client.max_queued_messages_set(0)
        self._client.max_inflight_messages_set(100)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._last: Any = None

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        self._last = self._client.publish(topic, payload, qos, retain)

    def wait(self) -> None:
        """Until the broker has it all."""
        until(self._last.is_published, "the broker to take what was published")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class BridgeProcess:
    """The command, in a process that is forked from one which has imported it, so that it is there at once."""

    def __init__(self, environment: Mapping[str, str], *arguments: str, log: Path) -> None:
        self._log = log
        log.write_bytes(b"")
        self._process = PROCESSES.Process(target=_carry, args=(dict(environment), arguments, str(log)), daemon=True)
        self._process.start()

    def wait_until_it_carries(self) -> None:
        until(lambda: "Carrying" in self.said or not self._process.is_alive(), "the bridge to start")
        assert self._process.is_alive(), self.said

    @property
    def said(self) -> str:
        return self._log.read_text("utf-8")

    def kill(self) -> None:
        self._process.kill()
        self._process.join(PATIENCE_S)

    def end(self) -> int | None:
        """Tell it to end; its exit status."""
        self._process.terminate()
        self._process.join(PATIENCE_S)
        return self._process.exitcode


def _carry(environment: Mapping[str, str], arguments: tuple[str, ...], log: str) -> None:
    import logging  # noqa: PLC0415  # this runs in the process of its own

    from roomidity.cli.bridge import bridge  # noqa: PLC0415

    os.environ.update(environment)
    with Path(log).open("ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False, buffering=1)  # noqa: SIM115
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    bridge.main(list(arguments), standalone_mode=False)


def running(broker: Mosquitto) -> Iterator[Mosquitto]:
    """For a fixture: the broker, started, and stopped in the end."""
    try:
        yield broker.start()
    finally:
        broker.stop()
