"""Two drains at once, and a drain that is killed: every slot exact, by sets, versions and deleting last."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import polars as pl
import pytest

from roomidity.local.simulation import simulate_house
from roomidity.readings import pack_readings
from tests.e2e.engine import Shell, assert_exact, plain, wanted

START: Final = datetime(2026, 1, 5, tzinfo=UTC)
NOW: Final = "2026-01-06T00:00:00Z"
VISIBILITY_S: Final = 3

SMALL_WAVES: Final = """
import json, os, sys
from dataclasses import replace
from roomidity.composition import Stage
from roomidity.pipeline.drain import drain
from roomidity.pipeline.waves import WaveSize
from roomidity.domain.slots import parse_time

stage = Stage.from_environment(os.environ)
ports, config = stage.drain_ports, replace(stage.drain_config, wave=WaveSize(messages=40))
ports.readings.depth(), list(ports.houses.all())
print("ready", flush=True)
sys.stdin.readline()
summary = drain(ports, config, now=parse_time("NOW"), remaining_s=lambda: 1e9, ask_forecasts=False)
print(json.dumps(summary.as_dict()), flush=True)
""".replace("NOW", NOW)

KILLED: Final = """
import os, signal
from roomidity.composition import Stage
from roomidity.pipeline.drain import drain
from roomidity.aws.queues import Queue
from roomidity.domain.slots import parse_time
from roomidity.aws.store import ObservationTable

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

WHERE = die
stage = Stage.from_environment(os.environ)
drain(stage.drain_ports, stage.drain_config, now=parse_time("NOW"), remaining_s=lambda: 1e9)
""".replace("NOW", NOW)


@pytest.fixture
def short_visibility(shell: Shell) -> Iterator[None]:
    """What was received and not deleted comes again after seconds, not after ten minutes."""
    queues = plain(shell.environment, "sqs")
    url = queues.get_queue_url(QueueName=f"{shell.prefix}-readings")["QueueUrl"]
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(VISIBILITY_S)})
    yield
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "600"})


def send(shell: Shell, house: str, *, max_bytes: int) -> pl.DataFrame:
    """A day of a simulated house in the queue, its readings in no order, so that every message touches many slots.

    By plain boto3, for `roomidity send` puts what a file holds in order of time.
    """
    readings = simulate_house(seed=5, start=START, days=1, house=house).readings
    shell.queue(pack_readings(readings.sample(fraction=1, shuffle=True, seed=2), max_bytes=max_bytes))
    return readings


def test_two_drains_at_once_share_the_queue_and_every_slot(shell: Shell) -> None:
    readings = send(shell, "shared", max_bytes=4_000)
    summaries = shell.at_once(SMALL_WAVES, SMALL_WAVES)
    shares = [summary["readings"] for summary in summaries]
    assert all(share["received"] > 0 for share in shares)
    assert sum(share["received"] for share in shares) == len(readings)
    assert sum(share["stored"] for share in shares) == len(readings)
    assert [summary["violations"] for summary in summaries] == [0, 0]
    assert_exact(shell.slots("shared"), wanted(readings))
    assert shell.roomidity("drain", "--now", NOW)["messages"] == 0


@pytest.mark.parametrize(
    ("house", "where"),
    [("before-deleting", "Queue.delete"), ("before-observations", "ObservationTable.put_many")],
)
@pytest.mark.usefixtures("short_visibility")
def test_a_killed_drain_costs_nothing(shell: Shell, house: str, where: str) -> None:
    readings = send(shell, house, max_bytes=100_000)
    killed = shell.python(KILLED.replace("WHERE", where))
    killed.communicate(timeout=120)
    assert killed.returncode == -9
    time.sleep(VISIBILITY_S + 0.5)
    drained = shell.roomidity("drain", "--now", NOW)
    assert drained["readings"] == {
        "received": len(readings),
        "stored": 0,
        "duplicate": len(readings),
        "rejected": 0,
    }
    assert (drained["slots_rederived"] > 0) == (where == "ObservationTable.put_many")
    assert drained["undeleted"] == 0
    assert_exact(shell.slots(house), wanted(readings))
    assert shell.roomidity("drain", "--now", NOW)["messages"] == 0
