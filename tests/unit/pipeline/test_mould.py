"""The nightly step of mould: daily equals at once, late changes are derived anew, and again writes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from roomidity.domain.comfort.course import MouldDay
from roomidity.domain.houses import OUTDOOR, House, Seen
from roomidity.domain.observations import Observation, Origin, Statistics
from roomidity.domain.slots import SLOT
from roomidity.pipeline.house_settings import renamed, with_wall
from roomidity.pipeline.mould import advance_mould
from tests.fakes import World
from tests.unit.samples import slot_key

DAY = timedelta(days=1)
FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAYS = 24
END = FIRST.replace(hour=0) + DAYS * DAY
"""Midnight after the last day that was measured in whole."""


def one(value: float, fault: str | None = None) -> Statistics:
    return Statistics(value, value, value, 1, fault=fault)


def observe(
    world: World, slot: datetime, *, humidity: float, outside: float | None = -2.0, fault: str | None = None
) -> None:
    key = slot_key("h1", slot)
    version = world.observations.stored[key][1] if key in world.observations.stored else 0
    observation: Observation = {
        "bath": {"humidity": one(humidity, fault), "temperature": one(21.0)},
        "study": {"humidity": one(humidity - 25), "temperature": one(20.0)},
    }
    if outside is not None:
        observation[OUTDOOR] = {"temperature": one(outside)}
    world.observations.put_many({key: (observation, Origin(version + 1))})


@pytest.fixture
def world() -> World:
    """Three weeks and more of a damp bath and a dry study in winter, with hours in which nothing came."""
    made = World()
    course = np.random.default_rng(7).normal(size=DAYS * 96)
    for number in range((END - FIRST) // SLOT):
        if number % 500 < 30:
            continue
        slot = FIRST + number * SLOT
        outside = None if number % 300 < 20 else float(3 * np.sin(number / 200) + course[number])
        observe(made, slot, humidity=float(74 + 5 * np.sin(number / 90) + course[number]), outside=outside)
    names = ("bath", "study", OUTDOOR)
    house, _ = House("h1", "UTC").admit([Seen(name, "", FIRST, END) for name in names])
    made.houses.put(house)
    return made


def night(world: World, day: datetime = END) -> int:
    """The night after ``day`` has begun; how many days it wrote."""
    home = world.houses.get("h1")
    assert home is not None
    return advance_mould(world.observations, world.moulds, home, now=day + timedelta(minutes=20))


def newest(world: World) -> MouldDay:
    return max(world.moulds.stored.values(), key=lambda one: one.day)


def at_once(world: World) -> dict[tuple[str, date], MouldDay]:
    """The days as one night computes them that has nothing to go on from."""
    fresh = World()
    fresh.observations, fresh.houses = world.observations, world.houses
    night(fresh)
    return fresh.moulds.stored


def test_advanced_daily_equals_computed_at_once(world: World) -> None:
    written = [night(world, FIRST.replace(hour=0) + number * DAY) for number in range(1, DAYS + 1)]
    assert written == [1] * DAYS
    assert world.moulds.stored == at_once(world)
    mould = newest(world).rooms
    assert mould["bath"].index > 0.3
    assert mould["study"].index == 0
    assert {of.since for of in mould.values()} == {FIRST.date()}
    assert newest(world).day == (END - DAY).date()


def test_a_first_night_starts_at_0_on_the_first_day_and_again_writes_nothing(world: World) -> None:
    assert night(world, FIRST.replace(hour=0) + DAY) == 1
    (first,) = world.moulds.stored.values()
    assert (first.rooms["bath"].since, first.rooms["bath"].hours) == (FIRST.date(), 8)  # 09:00 to 16:30 came not at all
    assert first.rooms["bath"].index < 0.05
    assert night(world, FIRST.replace(hour=0) + DAY) == 0


@pytest.mark.parametrize("back", [1, 5, 14])
def test_a_set_that_changes_derives_its_day_and_those_after_anew(world: World, back: int) -> None:
    night(world)
    observe(world, END - back * DAY + 5 * SLOT, humidity=30.0)
    assert night(world) == back
    assert world.moulds.stored == at_once(world)


def test_a_set_of_long_ago_is_seen_within_a_week(world: World) -> None:
    night(world)
    observe(world, FIRST + 40 * SLOT, humidity=30.0)
    for number in range(7):
        observe(world, END + number * DAY, humidity=60.0)
        night(world, END + (number + 1) * DAY)
    assert world.moulds.stored == at_once_until(world, END + 7 * DAY)


def at_once_until(world: World, day: datetime) -> dict[tuple[str, date], MouldDay]:
    fresh = World()
    fresh.observations, fresh.houses = world.observations, world.houses
    night(fresh, day)
    return fresh.moulds.stored


def test_a_flag_leaves_its_slot_out(world: World) -> None:
    night(world)
    before = newest(world)
    for number in range(4):
        key = slot_key("h1", END - DAY + number * SLOT)
        observation, version = world.observations.stored[key]
        observation = {**observation, "bath": {**observation["bath"], "humidity": one(74.0, "stuck")}}
        assert world.observations.replace_many({key: (observation, Origin(version))}) == set()
    assert night(world) == 1
    assert newest(world).rooms["bath"].hours == before.rooms["bath"].hours - 1


def test_a_wall_that_is_set_derives_all_anew(world: World) -> None:
    night(world)
    before = newest(world).rooms
    home = world.houses.get("h1")
    assert home is not None
    world.houses.put(with_wall(home, "bath", f_rsi=0.9, material=None))
    assert night(world) == DAYS
    after = newest(world).rooms
    assert after["bath"].index < before["bath"].index
    assert after["study"] == before["study"]
    assert world.moulds.stored == at_once(world)


def test_a_rule_of_quarantine_derives_anew_however_old_its_slots_are(world: World) -> None:
    night(world)
    home = world.houses.get("h1")
    assert home is not None
    world.houses.put(replace(home, rules_version=1))
    key = slot_key("h1", FIRST + 40 * SLOT)
    observation, version = world.observations.stored[key]
    world.observations.put_many({key: ({"study": observation["study"]}, Origin(version, 1))})
    assert night(world) == DAYS
    assert world.moulds.stored == at_once(world)


def test_a_renamed_room_keeps_its_course(world: World) -> None:
    night(world)
    before = newest(world).rooms["bath"]
    home = world.houses.get("h1")
    assert home is not None
    world.houses.put(renamed(home, "bath", "spa"))
    night(world)
    assert newest(world).rooms["spa"] == before
    assert "bath" not in newest(world).rooms


def test_without_air_outside_there_is_none(world: World) -> None:
    home = world.houses.get("h1")
    assert home is not None
    world.houses.put(home.without_room(OUTDOOR))
    assert night(world) == 0
    assert world.moulds.stored == {}


def test_what_has_expired_leaves_the_index_as_it_was(world: World) -> None:
    """Observations go before the days of mould do: a night that looks at everything must not begin at 0 again."""
    night(world)
    before = newest(world)
    for key in [key for key in world.observations.stored if key.start < FIRST + 5.4 * DAY]:
        del world.observations.stored[key]
    for number in range(7):  # one of them looks at everything
        assert night(world, END + (number + 1) * DAY) == 1
    after = newest(world).rooms["bath"]
    assert after.since == FIRST.date()
    assert before.rooms["bath"].index - 0.1 < after.index <= before.rooms["bath"].index
