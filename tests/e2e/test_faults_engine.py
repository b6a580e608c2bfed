"""The real adapters against the local engine: faults and interleavings; and many drains at once over many houses."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from roomidity.aws import queues
from roomidity.composition import Stage
from tests.contract import CONTRACT
from tests.contract_of_stores import STORE_CONTRACT, Stores, deployed_stores
from tests.e2e.engine import Shell, plain
from tests.e2e.test_drains import SMALL_WAVES
from tests.integration.deployed import Deployed
from tests.oracle import observed_of, sets_of
from tests.schedules import Case, Effort, Place, Tally, schedules

START = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def stage(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The engine's stage, called from this process."""
    for name, value in shell.engine.environment.items():
        monkeypatch.setenv(name, value)
    return Stage.from_environment(os.environ)


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
def test_the_adapters_keep_the_contract(promise: Callable[[Place], None], stage: Stage, shell: Shell) -> None:
    promise(Deployed(stage, plain(shell.environment, "sqs")))


@pytest.mark.parametrize("promise", STORE_CONTRACT, ids=lambda promise: promise.__name__)
def test_the_adapters_of_stores_keep_the_contract(promise: Callable[[Stores], None], stage: Stage) -> None:
    promise(deployed_stores(stage))


def test_any_schedule_of_faults_and_drains_ends_exact(
    stage: Stage,
    shell: Shell,
    record_property: Callable[[str, Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queues, "_BATCH", 3)
    tally = Tally()

    @Effort.cases(4, shrinks=False)
    @given(schedules)
    def ends_exact(schedule: list[Any]) -> None:
        Case(Deployed(stage, plain(shell.environment, "sqs")), tally).run(schedule)

    ends_exact()
    record_property("tally", tally.as_dict())
    assert tally.faults.total() > 0


@pytest.mark.parametrize(("drains", "houses"), [(4, 1), (4, 12)])
def test_drains_at_once_finish_and_are_exact(shell: Shell, stage: Stage, drains: int, houses: int) -> None:
    """Every message touches the slots that all others touch, and a third of the readings comes twice."""
    randomness = random.Random(houses)
    sent: list[dict[str, Any]] = [
        {
            "house": f"{houses} side by side {number % houses}",
            "room": f"room {number % 3}",
            "ts": (START + timedelta(seconds=randomness.randrange(2_700))).isoformat(),
            "temperature": randomness.randrange(15_000, 25_000) / 1000,
            "humidity": randomness.randrange(30_000, 70_000) / 1000,
        }
        for number in range(3_000)
    ]
    arriving = [*sent, *sent[::3]]
    randomness.shuffle(arriving)
    stage.readings_queue.send([json.dumps({"readings": arriving[at : at + 10]}) for at in range(0, len(arriving), 10)])

    summaries = shell.at_once(*[SMALL_WAVES] * drains)
    shares = [summary["readings"] for summary in summaries]
    assert all(share["received"] == share["stored"] + share["duplicate"] > 0 for share in shares)
    assert [summary["violations"] for summary in summaries] == [0] * drains
    assert sum(share["received"] for share in shares) == len(arriving)

    expected = observed_of(sets_of(sent))
    found = {
        (house, slot, room, quantity): (mean, least, greatest, number)
        for house in {one["house"] for one in sent}
        for slot, room, quantity, mean, least, greatest, number in shell.slots(house).iter_rows()
    }
    slots = {ms: f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%MZ}" for _, ms, _, _ in expected}
    assert found.keys() == {(house, slots[ms], room, quantity) for house, ms, room, quantity in expected}
    for (house, ms, room, quantity), (mean, least, greatest, number) in expected.items():
        statistics = found[house, slots[ms], room, quantity]
        assert abs(statistics[0] - mean) < 0.000_501
        assert statistics[1:] == (float(least), float(greatest), number)
