"""With new items written many at a time the adapters keep the contract, and any schedule of faults ends exact."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given

from roomidity.aws import queues
from roomidity.composition import Stage
from roomidity.domain.slots import SLOT, floor_slot, format_moment
from roomidity.local.functions import Context
from roomidity.pipeline.drain import drain
from roomidity.pipeline.refusals import noted_refusal
from tests.contract import CONTRACT
from tests.integration.conftest import ENVIRONMENT
from tests.integration.deployed import Deployed
from tests.integration.partiql import Inserts, answering_inserts
from tests.integration.stage import metered
from tests.schedules import Case, Effort, Place, Tally, schedules
from tests.unit.samples import reading


@pytest.fixture
def batching(stage: Stage) -> Stage:
    """A stage of the same tables, whose drains write new items many at a time."""
    return Stage.from_environment({**ENVIRONMENT, "ROOMIDITY_BATCH_INSERT": "on"})


@pytest.fixture
def inserts(batching: Stage, monkeypatch: pytest.MonkeyPatch) -> Inserts:
    return answering_inserts(monkeypatch)


def send_of(batching: Stage, houses: int, *, slot: int = 0) -> Deployed:
    place = Deployed(batching, None)
    at = format_moment(place.now - (slot + 3) * SLOT + timedelta(minutes=1))
    place.send(json.dumps(reading(house=f"house {number}", ts=at)) for number in range(houses))
    return place


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
def test_the_adapters(promise: Callable[[Place], None], batching: Stage, inserts: Inserts, plain_queues: Any) -> None:
    promise(Deployed(batching, plain_queues))


def test_any_schedule_of_faults_and_drains_ends_exact(
    batching: Stage,
    plain_queues: Any,
    record_property: Callable[[str, Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where a statement in four fails, half of those after they are done."""
    monkeypatch.setattr(queues, "_BATCH", 3)
    inserts = answering_inserts(monkeypatch, random.Random(1))
    assert batching.inserting is not None
    batching.inserting.sleep = lambda _: None
    tally = Tally()

    @Effort.cases(6, shrinks=False)
    @given(schedules)
    def ends_exact(schedule: list[Any]) -> None:
        Case(Deployed(batching, plain_queues), tally).run(schedule)

    ends_exact()
    record_property("tally", tally.as_dict())
    assert tally.faults.total() > tally.cases
    assert inserts.codes >= {"DuplicateItem", "ThrottlingError"}


def test_a_wave_of_new_slots_is_few_calls(batching: Stage, inserts: Inserts) -> None:
    place = send_of(batching, 30)
    summary = drain(place.ports, batching.drain_config, now=place.now, remaining_s=lambda: 300.0)
    assert (summary.stored, summary.slots_changed) == (30, 30)
    assert inserts.statements == 60
    again = send_of(batching, 30)
    summary = drain(again.ports, batching.drain_config, now=again.now, remaining_s=lambda: 300.0)
    assert (summary.stored, summary.duplicate) == (0, 30)
    assert inserts.statements == 60, "what stands there is not inserted"


def test_a_tick_makes_few_calls_a_house_and_an_hourly_one_writes_each(
    stage: Stage, inserts: Inserts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A budget: .6 calls a house, 1.6 where each house is written."""
    many = 60
    monkeypatch.setenv("ROOMIDITY_BATCH_INSERT", "on")
    start = floor_slot(datetime.now(UTC)) - timedelta(days=8)  # by a clock of its own: what is sent now is not late
    calls: list[float] = []
    with metered() as meter:
        for tick in range(9):
            at = start + tick * SLOT
            came = format_moment(at + timedelta(minutes=1))
            stage.readings_queue.send([json.dumps(reading(house=f"house {number}", ts=came)) for number in range(many)])
            meter.take()
            event = {"source": "aws.events", "time": format_moment(at + SLOT), "detail": {}}
            import_module("handlers.drain").handler(event, Context(function_name="drain"))
            calls.append(sum(count for (what, _), count in meter.take().items() if what == "calls") / many)
    on_trial, rest = calls[:4], calls[4:]
    assert max(on_trial) <= 1.7
    assert sum(count > 0.6 for count in rest) <= 2, "those in which each house is written"
    assert max(rest) <= 1.6
    assert inserts.statements == 2 * 9 * many


def test_a_batch_that_is_refused_costs_nothing_and_is_told(batching: Stage) -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "BatchExecuteStatement")

    def deny(*_: Any, **__: Any) -> None:
        raise denied

    batching.clients.session.register("before-call.dynamodb.BatchExecuteStatement", deny)
    place = send_of(batching, 5)
    summary = drain(place.ports, batching.drain_config, now=place.now, remaining_s=lambda: 300.0)
    assert (summary.stored, summary.slots_changed) == (5, 5)
    assert batching.inserting is not None
    assert batching.inserting.refused is not None
    noted = noted_refusal(batching.house_settings, now=place.now)
    assert noted is not None
    assert batching.inserting.refused in noted
    assert noted_refusal(batching.house_settings, now=place.now + timedelta(days=2)) is None
