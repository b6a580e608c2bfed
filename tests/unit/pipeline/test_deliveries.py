"""How readings come in is noted in the house by the drain, and told by its forecasts: through a day of both."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from roomidity.domain.deliveries import CLEAN_TICKS, KEPT_FOR, NO_DELIVERIES, Deliveries
from roomidity.domain.houses import House
from roomidity.domain.slots import SLOT, format_moment
from roomidity.errors import ConflictError, StoreError
from roomidity.pipeline.drain import DrainConfig, DrainSummary, drain
from roomidity.pipeline.forecasts import forecast_house
from roomidity.pipeline.house_settings import renamed
from tests.fakes import World
from tests.unit.samples import NOW

CONFIG = DrainConfig(timezone="UTC")
FIVE = timedelta(minutes=5)
HOUR = timedelta(hours=1)


def tick(
    world: World,
    now: datetime,
    *,
    off: timedelta = timedelta(0),
    rooms: Iterable[str] = ("kitchen",),
    sent: datetime | None = None,
    **values: Any,
) -> DrainSummary:
    """The three readings of a room that a gateway sends in the quarter of an hour before ``now``, and their drain.

    ``off`` is added to the times that they bear.
    """
    for back in (3 * FIVE, 2 * FIVE, FIVE):
        at = now - back
        given = {"temperature": 20.5, "humidity": 51.0} | values
        packed = [{"room": room, "ts": format_moment(at + off), **given} for room in rooms]
        body = json.dumps({"house": "h1", "readings": packed})
        world.readings.send([body], sent=sent or at + timedelta(seconds=20))
    return drain(world.drain_ports(), CONFIG, now=now, remaining_s=lambda: 300.0)


def home(world: World) -> House:
    found = world.houses.get("h1")
    assert found is not None
    return found


def notes(world: World, now: datetime, room: str = "kitchen") -> tuple[str, ...]:
    issued = forecast_house(world.forecast_ports(), house="h1", issued_at=now)
    return next(tuple(one.notes) for one in issued.rooms if one.room == room)


@pytest.fixture
def world() -> World:
    """A house that has reported well for an hour before NOW."""
    world = World()
    for back in (3, 2, 1):
        tick(world, NOW - back * SLOT)
    return world


def test_of_a_room_whose_readings_come_in_order_nothing_is_written(world: World) -> None:
    versions = [home(world).version]
    for count in range(3):
        tick(world, NOW + count * SLOT)
        versions.append(home(world).version)
    assert home(world).deliveries == NO_DELIVERIES
    assert versions[1:] == [versions[1]] * 3  # when it was last seen lags by under an hour
    assert notes(world, NOW + 3 * SLOT) == ()


@pytest.mark.parametrize(
    ("off", "note"),
    [(-6 * HOUR, "zone"), (HOUR, "zone"), (timedelta(minutes=7), "clock"), (timedelta(minutes=-11), "clock")],
    ids=str,
)
def test_times_that_are_steadily_off_are_noted_once_three_drains_bear_it_out(
    world: World, off: timedelta, note: str
) -> None:
    for count in range(4):
        assert notes(world, NOW + count * SLOT) == ((note,) if count == 3 else ())
        tick(world, NOW + count * SLOT, off=off)
    came = home(world).delivered("kitchen", NOW + 4 * SLOT)
    assert (came.readings, came.ticks) == (12, 4)
    assert came.lag_s == pytest.approx(tuple([20 - off.total_seconds()] * 3))
    assert came.rejected == ({"future": 12} if off > timedelta(0) else {})
    assert came.late == (12 if off < -HOUR else 0)


def test_what_was_mended_is_told_no_more_after_four_hours(world: World) -> None:
    for count in range(8):
        tick(world, NOW + count * SLOT, off=HOUR)
    for count in range(8, 8 + CLEAN_TICKS):
        assert notes(world, NOW + count * SLOT) != ()
        tick(world, NOW + count * SLOT)
    assert home(world).deliveries == NO_DELIVERIES
    assert notes(world, NOW + (8 + CLEAN_TICKS) * SLOT) == ()


def test_a_room_that_falls_silent_is_told_for_a_day(world: World) -> None:
    for count in range(4):
        tick(world, NOW + count * SLOT, off=HOUR)
    assert notes(world, NOW + KEPT_FOR - HOUR) == ("zone",)
    assert notes(world, NOW + KEPT_FOR + 2 * HOUR) == ()


def test_each_room_has_a_record_of_its_own(world: World) -> None:
    for count in range(4):
        tick(world, NOW + count * SLOT, rooms=["attic"], off=-6 * HOUR)
        tick(world, NOW + count * SLOT)
    now = NOW + 4 * SLOT
    assert notes(world, now, "attic") == ("zone",)
    assert notes(world, now) == ()


def test_a_past_that_is_sent_at_once_is_neither_late_nor_a_clock(world: World) -> None:
    times = [NOW - HOUR * hours for hours in range(2, 400)]
    body = {"house": "h1", "room": "kitchen", "readings": [{"ts": format_moment(at), "humidity": 50} for at in times]}
    world.readings.send([json.dumps(body)], sent=NOW - FIVE)
    tick(world, NOW)
    assert home(world).delivered("kitchen", NOW).late > 100
    assert notes(world, NOW) == ()


def test_refused_units_are_noted_and_need_no_accepted_reading(world: World) -> None:
    for count in range(3):
        summary = tick(world, NOW + count * SLOT, rooms=["kitchen", "attic"], temperature=70.5)
        assert summary.rejected["unit"] == 6
    assert notes(world, NOW + 3 * SLOT) == ("unit",)
    assert home(world).delivered("attic", NOW).rejected == {"unit": 9}  # of a room that was never accepted


def test_a_message_that_comes_twice_counts_once(world: World) -> None:
    world.readings.undeletable.update(f"message {number}" for number in range(100))
    for count in range(4):
        tick(world, NOW + count * SLOT, off=HOUR)
        world.readings.time_out()
    assert home(world).delivered("kitchen", NOW + 4 * SLOT).rejected == {"future": 12}


def test_of_a_stage_that_is_replayed_the_tick_is_when_readings_come(world: World) -> None:
    years_later = NOW + timedelta(days=1000)
    for count in range(4):
        tick(world, NOW + count * SLOT, sent=years_later)
    assert home(world).deliveries == NO_DELIVERIES
    for count in range(4, 8):
        tick(world, NOW + count * SLOT, off=-6 * HOUR, sent=years_later)
    assert notes(world, NOW + 8 * SLOT) == ("zone",)


def test_of_a_house_that_nobody_knows_nothing_is_kept() -> None:
    world = World()
    tick(world, NOW, off=HOUR)
    assert world.houses.get("h1") is None


def test_a_renamed_room_keeps_its_record_and_a_removed_one_does_not(world: World) -> None:
    for count in range(4):
        tick(world, NOW + count * SLOT, off=HOUR)
    now = NOW + 4 * SLOT
    world.houses.put(renamed(home(world), "kitchen", "galley"))
    assert notes(world, now, "galley") == ("zone",)
    tick(world, now, off=HOUR)
    assert home(world).delivered("galley", now).rejected == {"future": 15}
    assert home(world).without_room("galley").deliveries == NO_DELIVERIES


@pytest.mark.parametrize("error", [ConflictError("house 'h1'", attempts=1), StoreError("no"), ValueError("odd")])
def test_a_note_that_cannot_be_written_costs_the_drain_nothing(
    world: World, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = world.houses.put

    def refuse(house: House) -> None:
        if house.deliveries != NO_DELIVERIES:
            raise error
        put(house)

    monkeypatch.setattr(world.houses, "put", refuse)
    for count in range(4):
        summary = tick(world, NOW + count * SLOT, off=-6 * HOUR)
        assert (summary.stored, summary.forecast_jobs, summary.undeleted) == (3, 1, 0)
    assert world.readings.is_empty()


def test_with_no_time_left_nothing_is_noted(world: World) -> None:
    left = iter([300.0] * 6 + [40.0] * 99)
    body = {"house": "h1", "room": "kitchen", "ts": format_moment(NOW + HOUR), "humidity": 50}
    world.readings.send([json.dumps(body)], sent=NOW - FIVE)
    summary = drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: next(left))
    assert summary.forecast_jobs == 1
    assert home(world).deliveries in (NO_DELIVERIES, replace(home(world).deliveries))


def test_made_up_rooms_take_no_more_places_than_a_house_has(world: World) -> None:
    rooms = [f"room {number}" for number in range(300)]
    tick(world, NOW, rooms=rooms, off=HOUR)
    assert len(home(world).deliveries.rooms) == 64


def test_no_record_is_no_deliveries(world: World) -> None:
    assert home(world).delivered("kitchen", NOW) == Deliveries()


def test_who_sends_for_another_house_leaves_no_note_in_this_one(world: World) -> None:
    others = [{"house": "h1", "room": "kitchen", "ts": format_moment(NOW - FIVE), "humidity": 50.0}] * 20
    world.readings.send([json.dumps({"house": "h2", "readings": others})], sent=NOW - FIVE)
    summary = tick(world, NOW)
    assert summary.rejected == {"house_conflict": 20}
    assert home(world).deliveries == NO_DELIVERIES
