"""What is written of when a room was heard lags by less than an hour; all else of a house is written at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.houses import House, Seen, Trial
from roomidity.domain.rooms import LAG
from roomidity.domain.slots import SLOT
from roomidity.pipeline.hearing import as_heard
from tests.fakes import World
from tests.unit.pipeline.test_faults import drain_all, send
from tests.unit.samples import SLOT_START, reading

AT = datetime(2026, 3, 15, 12, tzinfo=UTC)


def house(**of: Any) -> House:
    seen = Seen("kitchen", "s", AT, AT, {"humidity": AT})
    return House("h1", "UTC", **of).admit([seen])[0]


def heard(at: datetime, room: str = "kitchen", sensor: str = "s", **measured: datetime) -> House:
    return house().admit([Seen(room, sensor, at, at, measured)])[0]


@pytest.mark.parametrize(
    ("later", "recorded"),
    [
        (heard(AT + LAG - timedelta(seconds=1), humidity=AT + LAG - timedelta(seconds=1)), True),
        (heard(AT + LAG), False),
        (heard(AT + timedelta(minutes=1), humidity=AT + LAG), False),
        (heard(AT - timedelta(minutes=1)), False),
        (heard(AT, sensor="another"), False),
        (heard(AT, room="bath"), False),
        (heard(AT, temperature=AT), False),
        (replace(house(), timezone="Europe/Brussels"), False),
        (replace(house(), rules_version=1), False),
        (replace(house(), trial=Trial()), False),
        (replace(house(), rooms={}), False),
    ],
    ids=[
        "heard again within the hour",
        "heard an hour later",
        "measured an hour later",
        "heard before",
        "another sensor",
        "another room",
        "another quantity",
        "another time zone",
        "other rules",
        "on trial",
        "a room removed",
    ],
)
def test_what_will_do(later: House, recorded: bool) -> None:
    assert later.is_recorded(house()) is recorded


@given(st.lists(st.tuples(st.integers(0, 240), st.sampled_from(["kitchen", "bath"])), min_size=1, max_size=30))
def test_whatever_comes_the_record_lags_by_less_than_an_hour(ticks: list[tuple[int, str]]) -> None:
    stored = told = house()
    for minutes, room in ticks:
        at = AT + timedelta(minutes=minutes)
        seen = [Seen(room, "s", at, at, {"humidity": at})]
        told = told.admit(seen)[0]
        grown = stored.admit(seen)[0]
        stored = stored if grown.is_recorded(stored) else grown
        assert stored.rooms.keys() == told.rooms.keys()
        for name, truth in told.rooms.items():
            lagging = stored.rooms[name]
            assert timedelta(0) <= truth.last_seen - lagging.last_seen < LAG
            assert timedelta(0) <= truth.measured["humidity"] - lagging.measured["humidity"] < LAG
            assert lagging.first_seen == truth.first_seen


def test_what_is_shown_goes_by_observations() -> None:
    world = World()
    send(world, [reading(ts=(SLOT_START - count * SLOT).isoformat()) for count in range(4)])  # it is real
    drain_all(world)
    for minutes in (15, 45):
        at = SLOT_START + timedelta(minutes=minutes)
        rooms = [reading(ts=at.isoformat()), reading(ts=at.isoformat(), room="bath", temperature=None)]
        send(world, rooms[: 1 + (minutes < 30)])
        drain_all(world)
    (written,) = world.houses.get_many(["h1"]).values()
    assert written.last_seen == SLOT_START + timedelta(minutes=15), "the bath was new then, and nothing is since"
    shown = as_heard(world.observations, written)
    assert shown.rooms["kitchen"].last_seen == SLOT_START + timedelta(minutes=45)
    assert shown.rooms["kitchen"].measured == dict.fromkeys(
        ("humidity", "temperature"), SLOT_START + timedelta(minutes=45)
    )
    assert shown.rooms["bath"].last_seen == SLOT_START + timedelta(minutes=15)
    assert shown.rooms["bath"].measured == {"humidity": SLOT_START + timedelta(minutes=15)}
    assert as_heard(world.observations, House("h2", "UTC")) == House("h2", "UTC")
