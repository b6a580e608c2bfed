"""Houses: as many rooms and sensors as a house can have, learnt in any order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.houses import MAX_NAME_BYTES, MAX_ROOMS, MAX_SENSORS, House, Room, Seen
from roomidity.pipeline.house_settings import removed, renamed, units_of, with_unit
from tests.unit.samples import NOW, fast

EMPTY = House(name="h1", timezone="UTC")
DAY = timedelta(days=1)


def seen(room: str, sensor: str = "", *, days_ago: float = 0, until_days_ago: float | None = None) -> Seen:
    first = NOW - days_ago * DAY
    return Seen(room, sensor, first, first if until_days_ago is None else NOW - until_days_ago * DAY)


sightings = st.builds(
    lambda room, sensor, first, length: Seen(
        room, sensor, NOW + timedelta(hours=first), NOW + timedelta(hours=first + length)
    ),
    st.sampled_from(["kitchen", "bath", "outdoor"]),
    st.sampled_from(["", "a", "b"]),
    st.integers(-500, 0),
    st.integers(0, 50),
)


@fast
@given(st.lists(sightings, max_size=12), st.data())
def test_neither_order_nor_repetition_of_what_was_seen_matters(many: list[Seen], data: st.DataObject) -> None:
    at_once, refused = EMPTY.admit(many)
    house = EMPTY
    for one in data.draw(st.permutations(many + many[:3])):
        house, none = house.admit([one])
        assert not none
    assert not refused
    assert house == at_once
    for name, room in house.rooms.items():
        own = [one for one in many if one.room == name]
        assert room.first_seen == min(one.first for one in own)
        assert room.last_seen == max(one.last for one in own)
        assert room.sensors == {one.sensor for one in own}


def test_a_house_has_at_most_64_rooms() -> None:
    full, refused = EMPTY.admit(seen(f"room {number}") for number in range(MAX_ROOMS))
    assert not refused
    more, refused = full.admit([seen("one more"), seen("room 0", "another sensor")])
    assert refused == {("one more", "")}
    assert set(more.rooms) == set(full.rooms)
    assert more.rooms["room 0"].sensors == {"", "another sensor"}


def test_a_house_has_at_most_256_sensors() -> None:
    full, refused = EMPTY.admit(seen(f"room {number % 8}", f"sensor {number}") for number in range(MAX_SENSORS))
    assert not refused
    _, refused = full.admit([seen("room 0", "one more"), seen("room 0", "sensor 0"), seen("a new room")])
    assert refused == {("room 0", "one more"), ("a new room", "")}


def test_the_names_of_a_house_take_at_most_32_kib_together() -> None:
    name = "🛁" * 64  # 256 bytes
    house, refused = EMPTY.admit(seen("kitchen", f"{number:03}{name[3:]}") for number in range(MAX_SENSORS))
    sensors = house.rooms["kitchen"].sensors
    used = sum(len(f"kitchen{sensor}".encode()) for sensor in sensors)
    assert used <= MAX_NAME_BYTES < used + 256
    assert len(refused) == MAX_SENSORS - len(sensors)
    again, refused = house.admit([seen("kitchen", min(sensors), days_ago=1)])
    assert not refused, "what is known stays welcome"
    assert again.rooms["kitchen"].first_seen == NOW - DAY


def test_what_was_seen_first_has_precedence() -> None:
    known, _ = EMPTY.admit(seen(f"room {number}", days_ago=number / 3) for number in range(MAX_ROOMS - 1))
    house, refused = known.admit([seen("b", days_ago=1), seen("a"), seen("c", days_ago=2)])
    assert refused == {("a", ""), ("b", "")}
    assert "c" in house.rooms


def test_a_house_is_last_seen_when_any_of_its_rooms_was() -> None:
    house, _ = EMPTY.admit([seen("kitchen", days_ago=5, until_days_ago=2), seen("bath", days_ago=3)])
    assert house.last_seen == NOW - 2 * DAY
    assert EMPTY.last_seen is None


def test_rooms_seen_in_the_last_seven_days_are_forecast_but_not_the_air_outside() -> None:
    house, _ = EMPTY.admit(
        [seen("kitchen"), seen("bath", days_ago=7), seen("attic", days_ago=7.01), seen("outdoor"), seen("Outdoor")]
    )
    assert house.rooms_to_forecast(NOW) == ("Outdoor", "bath", "kitchen")
    assert house.rooms_to_forecast(NOW + timedelta(seconds=1)) == ("Outdoor", "kitchen")


@pytest.mark.parametrize("version", [0, 7])
def test_admitting_keeps_all_else_and_changes_nothing_in_place(version: int) -> None:
    before = House("h1", "UTC", rooms={"kitchen": Room(NOW, NOW, frozenset({""}))}, settings={"a": 1}, version=version)
    after, _ = before.admit([seen("bath")])
    assert (after.version, after.settings, after.timezone) == (version, {"a": 1}, "UTC")
    assert set(before.rooms) == {"kitchen"}
    assert before.admit([seen("kitchen")])[0] == before


def full(*, unheard: int = 0) -> House:
    """A house with all its rooms, of which the first were last heard 31 days ago and more."""
    days = [31 + unheard - number if number < unheard else 0 for number in range(MAX_ROOMS)]
    house, refused = EMPTY.admit(seen(f"room {number}", days_ago=ago) for number, ago in enumerate(days))
    assert not refused
    return house


def test_the_room_unheard_for_the_longest_makes_place_for_a_new_one() -> None:
    house, refused = full(unheard=2).admit([seen("new")])
    assert not refused
    assert set(full().rooms) - set(house.rooms) == {"room 0"}
    house, refused = house.admit([seen("newer"), seen("newest"), seen("room 5", "another")])
    assert refused == {("newest", "")}
    assert set(full().rooms) - set(house.rooms) == {"room 0", "room 1"}


def test_no_room_makes_place_for_a_known_one_or_where_there_is_place() -> None:
    house, _ = full(unheard=2).admit([seen("room 5", "another")])
    assert set(house.rooms) == set(full().rooms)
    house, _ = full(unheard=2).without_room("room 9").admit([seen("new")])
    assert "room 0" in house.rooms


def test_a_room_heard_within_thirty_days_stays_and_late_readings_displace_none_that_were_heard_later() -> None:
    assert full().admit([seen("new")])[1] == {("new", "")}
    assert full(unheard=2).admit([seen("new", days_ago=60)])[1] == {("new", "")}


def test_rooms_make_place_for_names_that_are_too_long_only_if_that_does() -> None:
    long = "🛁" * 60
    sensors = [seen("room 0", f"{number:03}{long}", days_ago=31) for number in range(90)]
    house, _ = EMPTY.admit([*sensors, seen("heard")])
    grown, refused = house.admit([seen(f"{number}{long}", long) for number in range(5)])
    assert not refused
    assert "room 0" not in grown.rooms
    many = [seen("heard", f"{number:03}{long}") for number in range(98)]
    house, _ = EMPTY.admit([seen("room 0", days_ago=31), *many])
    assert house.admit([seen(long, long)]) == (house, {(long, long)}), "it would not have sufficed"


def test_a_room_that_was_removed_comes_back_as_new() -> None:
    house, _ = EMPTY.admit([seen("kitchen", days_ago=9), seen("kichen", days_ago=5)])
    without = house.without_room("kichen")
    assert set(without.rooms) == {"kitchen"}
    assert without.without_room("kichen") is without
    again, _ = without.admit([seen("kichen", days_ago=1)])
    assert again.rooms["kichen"].first_seen == NOW - DAY


def test_a_room_that_is_removed_takes_its_former_names_and_its_unit_along() -> None:
    house, _ = EMPTY.admit([seen("bath"), seen("attic")])
    house = renamed(renamed(house, "bath", "spa"), "spa", "well")
    for room in ("well", "attic"):
        house = with_unit(house, room, {"temperature": "f"})
    assert house.aliases == {"bath": "well", "spa": "well"}
    without = removed(house, "well")
    assert without.aliases == {}
    assert units_of([without]) == {("h1", "attic"): {"temperature": "f"}}
    again, _ = without.admit([seen("spa"), seen("well")])
    assert set(again.rooms) == {"attic", "spa", "well"}
    assert renamed(again, "attic", "bath").aliases == {"attic": "bath"}
    assert removed(removed(without, "attic"), "attic").settings == {}


@pytest.mark.parametrize("zone", ["", "Europe/Brusels", "/", "../x", "\0", "x" * 300])
def test_a_house_with_an_unknown_time_zone_is_reckoned_in_utc(zone: str) -> None:
    assert House("h1", zone).zone == "UTC"
    assert House("h1", "Europe/Brussels").zone == "Europe/Brussels"
