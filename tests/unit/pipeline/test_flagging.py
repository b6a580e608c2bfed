"""Flags of sensor faults in observations: set where they hold, removed where they do not, and written only then."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from roomidity.domain.houses import OUTDOOR
from roomidity.domain.observations import Origin, Statistics
from roomidity.domain.slots import SLOT
from roomidity.pipeline.flagging import flag_faults
from tests.fakes import World
from tests.unit.samples import NOW, slot_key

DAY = timedelta(days=1)


def observe(world: World, slot: datetime, mean: float, *, room: str = "kitchen", quantity: str = "humidity") -> None:
    key = slot_key("h1", slot)
    observation, version = world.observations.stored.get(key, ({}, 0))
    of_room = {**observation.get(room, {}), quantity: Statistics(mean, mean, mean, 1)}
    world.observations.put_many({key: ({**observation, room: of_room}, Origin(version + 1))})


@pytest.fixture
def world() -> World:
    """Six days of a kitchen whose humidity moves and whose temperature does too."""
    made = World()
    for back in range(1, 6 * 96 + 1):
        observe(made, NOW - back * SLOT, 50 + back % 5)
        observe(made, NOW - back * SLOT, 20 + back % 3, quantity="temperature")
    return made


def flags(world: World, *, room: str = "kitchen", quantity: str = "humidity") -> dict[int, str]:
    """What is flagged, by slots before NOW."""
    return {
        (NOW - key.start) // SLOT: fault
        for key, (observation, _) in world.observations.stored.items()
        if (fault := observation[room][quantity].fault) is not None
    }


def stick(world: World, backs: range, **more: str) -> None:
    for back in backs:
        observe(world, NOW - back * SLOT, 55.0, **more)


def flag(world: World, now: datetime = NOW) -> int:
    return flag_faults(world.observations, house="h1", now=now)


def test_where_nothing_is_wrong_nothing_is_written(world: World) -> None:
    before = dict(world.observations.stored)
    assert flag(world) == 0
    assert world.observations.stored == before


def test_a_value_that_stands_still_for_a_day_is_stuck_and_its_neighbours_are_not(world: World) -> None:
    stick(world, range(10, 106))
    assert flag(world) == 96
    assert flags(world) == dict.fromkeys(range(10, 106), "stuck")
    assert flags(world, quantity="temperature") == {}


def test_less_than_forty_readings_are_not_stuck_until_they_are(world: World) -> None:
    stick(world, range(1, 40))
    assert flag(world) == 0
    observe(world, NOW, 55.0)
    assert flag(world, NOW + SLOT) == 40


def test_a_sensor_that_often_rests_is_stuck_after_a_day(world: World) -> None:
    for back in range(1, 6 * 96 + 1):
        observe(world, NOW - back * SLOT, 50 + back // 3 % 5)
    stick(world, range(1, 96))
    assert flag(world) == 0
    observe(world, NOW, 55.0)
    assert flag(world, NOW + SLOT) == 96


def test_flags_go_by_the_robust_value(world: World) -> None:
    for back in range(10, 60):
        key = slot_key("h1", NOW - back * SLOT)
        observation, version = world.observations.stored[key]
        of_room = {**observation["kitchen"], "humidity": Statistics(50.0 + back, 50.0, 99.0, 3, robust=52.5)}
        world.observations.put_many({key: ({"kitchen": of_room}, Origin(version + 1))})
    assert flag(world) == 50
    assert set(flags(world).values()) == {"stuck"}


def test_a_jump_is_flagged_once_it_has_come_back(world: World) -> None:
    observe(world, NOW - SLOT, 95.0)
    assert flag(world) == 0
    observe(world, NOW, 52.0)
    assert flag(world, NOW + SLOT) == 1
    assert flags(world) == {1: "jump"}


def test_again_changes_nothing(world: World) -> None:
    stick(world, range(10, 106))
    flag(world)
    before = dict(world.observations.stored)
    assert flag(world) == 0
    assert world.observations.stored == before


def test_means_and_origins_stay(world: World) -> None:
    stick(world, range(10, 106))
    keys = list(world.observations.stored)
    means, origins = list(world.observations.means("h1", NOW - 6 * DAY, NOW)), world.observations.origins(keys)
    assert flag(world) == 96
    assert list(world.observations.means("h1", NOW - 6 * DAY, NOW)) == means
    assert world.observations.origins(keys) == origins


def test_a_flag_goes_when_it_does_not_hold_any_more(world: World) -> None:
    stick(world, range(10, 106))
    flag(world)
    observe(world, NOW - 60 * SLOT, 56.0)  # a late reading: the run is broken
    assert flags(world).keys() == set(range(10, 106)) - {60}  # derived anew, without a flag
    assert flag(world) == 0  # each part still stands for longer than this sensor ever rests
    for back in (30, 80):
        observe(world, NOW - back * SLOT, 56.0)
    assert flag(world) == 93
    assert flags(world) == {}


def test_what_is_derived_anew_is_flagged_again(world: World) -> None:
    stick(world, range(10, 106))
    flag(world)
    observe(world, NOW - 60 * SLOT, 55.0)
    assert flag(world) == 1
    assert flags(world).keys() == set(range(10, 106))


def test_what_was_derived_anew_meanwhile_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stick(world, range(10, 106))
    replace_many = world.observations.replace_many

    def late(observed: dict[object, object]) -> object:
        observe(world, NOW - 60 * SLOT, 56.0)
        return replace_many(observed)  # type: ignore[arg-type]

    monkeypatch.setattr(world.observations, "replace_many", late)
    assert flag(world) == 95
    assert 60 not in flags(world)
    key = slot_key("h1", NOW - 60 * SLOT)
    assert world.observations.stored[key][0]["kitchen"]["humidity"].mean == 56.0


def test_flags_of_older_slots_stay_as_they_were(world: World) -> None:
    """A run that began before what is read could be cut short, and its flags be taken from it."""
    stick(world, range(290, 5 * 96))
    assert flag(world, NOW - 2 * DAY) == 5 * 96 - 290
    before = flags(world)
    assert flag(world) == 0
    assert flags(world) == before


def test_the_air_outside_is_not_judged(world: World) -> None:
    stick(world, range(1, 200), room=OUTDOOR)
    assert flag(world) == 0


def test_rooms_and_quantities_are_judged_apart(world: World) -> None:
    stick(world, range(1, 110), room="bath", quantity="temperature")
    stick(world, range(40, 140))
    flag(world)
    assert flags(world).keys() == set(range(40, 140))
    bath = {
        (NOW - key.start) // SLOT
        for key, (observation, _) in world.observations.stored.items()
        if "bath" in observation and observation["bath"]["temperature"].fault == "stuck"
    }
    assert bath == set(range(1, 110))


def test_a_house_without_observations_has_no_flags() -> None:
    assert flag(World()) == 0
