"""Renamed rooms: however often, each name that a room ever had leads to it, and nothing else changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.aliases import in_present_names, present_rooms, rename, usable_aliases
from roomidity.domain.houses import House, Quarantine, Room, Seen
from roomidity.domain.units import parse_units
from roomidity.errors import InputError
from roomidity.pipeline.house_settings import bad_settings, renamed, units_of, with_timezone, with_unit
from tests.unit.samples import NOW, fast

NAMES = ("attic", "bath", "cellar", "den", "entry", "outdoor")
HEARD = Room(NOW, NOW, frozenset({""}))


def home(*rooms: str, **settings: Any) -> House:
    return House("h1", "Europe/Brussels", rooms=dict.fromkeys(rooms, HEARD), settings=settings)


class Reference:
    """Rooms as things with a number: which names each ever had, and which it has now."""

    def __init__(self, rooms: list[str]) -> None:
        self.present = dict(enumerate(rooms))
        self.names: dict[int, set[str]] = {number: {name} for number, name in self.present.items()}

    def of(self, name: str) -> int | None:
        return next((number for number, names in self.names.items() if name in names), None)

    def rename(self, old: str, new: str) -> bool:
        number = self.of(old)
        if number is None or self.present[number] == new or self.of(new) not in (None, number):
            return False
        self.present[number] = new
        self.names[number].add(new)
        return True


steps = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=12)


@fast
@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True), steps)
def test_any_sequence_of_renames_is_as_if_rooms_were_things(rooms: list[str], steps: list[tuple[str, str]]) -> None:
    house, reference = home(*rooms), Reference(rooms)
    for old, new in steps:
        before = house
        try:
            house = renamed(house, old, new)
        except InputError:
            assert not reference.rename(old, new)
            assert house == before
        else:
            assert reference.rename(old, new)
            back = renamed(house, new, before.present(old))
            assert back.rooms == before.rooms
            assert all(back.present(name) == before.present(name) for name in NAMES if name != new)
    assert set(house.rooms) == set(reference.present.values())
    for name in NAMES:
        number = reference.of(name)
        assert house.present(name) == (name if number is None else reference.present[number])
    for number, name in reference.present.items():
        assert set(house.names_of(name)) == reference.names[number]
    assert not list(bad_settings(house))


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("bath", "there is a room 'bath' already"),
        ("attic", "is called 'attic' already"),
        ("spa", "a former name of the room 'bath'"),
        ("a/b", "none of / # $ +"),
        ("", "1 to 64 characters"),
    ],
)
def test_a_name_that_is_not_free_is_refused_and_says_why(new: str, says: str) -> None:
    house = home("attic", "bath", aliases={"spa": "bath"})
    with pytest.raises(InputError, match="expected") as refused:
        renamed(house, "attic", new)
    assert says in str(refused.value)


def test_a_room_that_is_not_there_cannot_be_renamed() -> None:
    with pytest.raises(InputError, match=r"room 'cellar' of h1 does not exist; rooms: attic"):
        renamed(home("attic"), "cellar", "den")


def test_a_renamed_room_keeps_unit_and_quarantine() -> None:
    rule = Quarantine(NOW - timedelta(days=1), NOW, room="attic")
    house = with_unit(home("attic", "bath"), "attic", parse_units("f")).with_rule(rule)
    after = renamed(renamed(house, "attic", "loft"), "loft", "studio")
    assert units_of([after]) == {("h1", "studio"): {"temperature": "f"}}
    assert [one.room for one in after.present_rules] == ["studio"]
    assert after.standing(Quarantine(rule.start, rule.end, room="studio")) == rule
    assert after.with_rule(Quarantine(rule.start, rule.end, room="loft")) == after
    assert after.without_rule(Quarantine(rule.start, rule.end, room="studio")).quarantine == ()


def test_what_comes_by_a_former_name_is_the_rooms() -> None:
    house = home("spa", aliases={"bath": "spa"})
    grown, refused = house.admit([Seen("bath", "s1", NOW, NOW), Seen("den", "", NOW, NOW)])
    assert not refused
    assert set(grown.rooms) == {"spa", "den"}
    assert grown.rooms["spa"].sensors == {"", "s1"}


def test_aliases_written_by_hand_are_followed_as_far_as_they_lead() -> None:
    stored: dict[str, Any] = {"a": "b", "b": "spa", "c": "d", "d": "c", "e": 5, "bath": "spa", "f": "x/y"}
    assert usable_aliases(stored, {"spa", "bath"}) == {"a": "spa", "b": "spa"}
    assert usable_aliases(["a"], {"spa"}) == {}
    house = home("spa", "bath", aliases=stored)
    assert {bad.setting for bad in bad_settings(house)} == {f"alias {name!r}" for name in ("c", "d", "e", "bath", "f")}


def test_two_names_of_a_slot_become_one_room_whose_own_values_count() -> None:
    observed = {"bath": {"humidity": 60.0}, "spa": {"humidity": 50.0, "temperature": 20.0}, "den": {"humidity": 40.0}}
    assert in_present_names(observed, {"bath": "spa"}) == {
        "spa": {"humidity": 60.0, "temperature": 20.0},
        "den": {"humidity": 40.0},
    }
    assert in_present_names(observed, {"cellar": "spa"}) is observed


def test_a_models_rooms_stay_apart() -> None:
    assert present_rooms(("bath", "spa", "den"), {"bath": "spa"}) == ("spa", "spa/", "den")
    assert present_rooms(("a", "b"), {"a": "c", "b": "c"}) == ("c", "b/")


def test_a_name_that_former_rooms_lead_to_is_not_free() -> None:
    with pytest.raises(InputError, match="which was removed"):
        rename({"bath": "spa"}, {"den"}, "den", "spa")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"rooms": {"attic": {"unit": "g"}}}, "unit of room attic"),
        ({"rooms": {"attic": {"unit": 5}}}, "unit of room attic"),
        ({"rooms": {"attic": "f"}}, "unit of room attic"),
        ({"rooms": ["attic"]}, "unit of room rooms"),
        ({"aliases": "attic"}, "alias 'aliases'"),
    ],
)
def test_a_setting_that_is_none_is_named_and_heeded_by_nobody(settings: dict[str, Any], named: str) -> None:
    house = home("attic", **settings)
    (bad,) = bad_settings(house)
    assert bad.setting == named
    assert bad.mend
    assert units_of([house]) == {}
    assert house.aliases == {}
    assert with_unit(house, "attic", parse_units("f")).settings["rooms"] == {"attic": {"unit": "temperature:f"}}


@pytest.mark.parametrize("zone", ["Europe/Berln", "", 5, None, "../etc"])
def test_a_zone_that_is_none_gives_way_to_the_stages(zone: Any) -> None:
    house = House("h1", zone, default_timezone="Europe/Vienna")
    assert house.zone == "Europe/Vienna"
    (bad,) = bad_settings(house)
    assert bad.mend.startswith("roomidity house h1 --timezone ")
    assert with_timezone(house, "Europe/Berlin").zone == "Europe/Berlin"
    assert not list(bad_settings(with_timezone(house, "Europe/Berlin")))


def test_units_of_a_room_are_set_quantity_by_quantity_and_taken_back() -> None:
    house = with_unit(with_unit(home("attic"), "attic", parse_units("f")), "attic", parse_units("share"))
    assert units_of([house]) == {("h1", "attic"): {"temperature": "f", "humidity": "share"}}
    assert with_unit(house, "attic", None).settings == {}
