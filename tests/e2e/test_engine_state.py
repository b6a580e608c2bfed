"""The laptop's engine is killed: it goes on from what it saved last, and says what that costs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from roomidity.errors import EngineError
from roomidity.local import kept
from roomidity.local.engine import Engine, running
from roomidity.local.saving import SAVE_EVERY_S
from tests.e2e.engine import CHECKOUT, plain
from tests.e2e.test_engine import sockets

PATIENCE_S: Final = 60


def queue_of(engine: Engine) -> tuple[Any, str]:
    queues = plain(engine.environment, "sqs")
    return queues, queues.get_queue_url(QueueName=f"{engine.service}-{engine.stage}-readings")["QueueUrl"]


def bodies(engine: Engine) -> set[str]:
    queues, url = queue_of(engine)
    answer = queues.receive_message(QueueUrl=url, VisibilityTimeout=0, MaxNumberOfMessages=10)
    return {message["Body"] for message in answer.get("Messages", [])}


def emulator_of(engine: Engine) -> int:
    """The process that has the engine's port."""
    port = f"0100007F:{int(engine.endpoint.rpartition(':')[2]):04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (socket,) = [row[9] for row in rows if row[1] == port and row[3] == "0A"]
    return next(int(one.name) for one in Path("/proc").glob("[0-9]*") if socket in sockets(one))


@contextmanager
def killed(state: Path) -> Iterator[Engine]:
    """An engine that ends by kill -9."""
    with suppress(EngineError), running(CHECKOUT, state, stage="test") as engine:
        yield engine
        os.kill(emulator_of(engine), signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the emulator is found by its socket in Linux's /proc")
def test_a_killed_engine_goes_on_from_what_it_saved_last_and_says_so(states: Path) -> None:
    state = states / "killed"
    with killed(state) as engine:
        queues, url = queue_of(engine)
        queues.send_message(QueueUrl=url, MessageBody="saved")
        sent, deadline = time.time(), time.monotonic() + PATIENCE_S
        while not any(path.stat().st_mtime > sent + 0.1 for path in state.glob("saved-*/manifest.json")):
            assert time.monotonic() < deadline, f"nothing was saved, though that is done every {SAVE_EVERY_S} s"
            time.sleep(0.1)
        queues.send_message(QueueUrl=url, MessageBody="later")
    told: list[str] = []
    with running(CHECKOUT, state, stage="test", tell=told.append) as engine:
        assert bodies(engine) in ({"saved"}, {"saved", "later"})
        queues, url = queue_of(engine)
        queues.send_message(QueueUrl=url, MessageBody="before an orderly end")
    assert len(told) == 1
    assert "was killed, or the machine went down. Its state is of 20" in told[0]

    told.clear()
    with running(CHECKOUT, state, stage="test", tell=told.append) as engine:
        assert "before an orderly end" in bodies(engine)
    assert told == []

    found = kept.read(state)
    assert found is not None
    os.truncate(found.folder / "sqs.json", 100)
    with pytest.raises(EngineError, match=r"sqs\.json has 100 bytes; expected"), running(CHECKOUT, state, stage="test"):
        pass
