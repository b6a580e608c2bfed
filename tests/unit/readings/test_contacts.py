"""Window contacts on the wire, in sets, and as courses: what was reported, how long it holds, and what is refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.contacts import HELD_FOR, Opening, course_of, open_shares, read_course, room_contacts
from roomidity.domain.observations import Observation, Statistics
from roomidity.domain.slots import SLOT
from roomidity.readings import check, decode, derive, pack_sets, unpack_sets
from roomidity.readings.union import SLOT_VALUES
from tests.unit.samples import NOW, SLOT_START, added, fast, message, reading, slot_key

KEY = slot_key("h1", SLOT_START)

reports = st.lists(st.tuples(st.integers(0, 899), st.booleans()), min_size=1, max_size=12).map(sorted)


def told(**changes: Any) -> dict[str, Any]:
    return reading(**{"temperature": ..., "humidity": ..., **changes})


def observed(**sensors: str) -> Observation:
    return {"kitchen": {"contact": Statistics(0.0, 0.0, 1.0, 1, changes=sensors)}}


def at(minute: float) -> datetime:
    return SLOT_START + timedelta(minutes=minute)


@pytest.mark.parametrize(
    ("sent", "value", "reason"),
    [
        ({"contact": "open"}, 1000, None),
        ({"contact": " Closed"}, 0, None),
        ({"contact": "unavailable"}, None, "no_value"),
        ({"contact": None}, None, "no_value"),
        ({"contact": "unavailable", "humidity": 50}, None, None),
        ({"contact": True}, None, "bad_value"),
        ({"contact": 1}, None, "bad_value"),
        ({"contact": "tilted", "humidity": 50}, None, "bad_value"),
        ({"contact": ["open"]}, None, "bad_value"),
        ({"contact": "x" * 300}, None, "bad_value"),
    ],
    ids=str,
)
@pytest.mark.parametrize("alone", [True, False], ids=["fast", "with care"])
def test_a_contact_on_the_wire(sent: dict[str, Any], value: int | None, reason: str | None, *, alone: bool) -> None:
    others = [] if alone else [reading(humidity="51 %")]
    checked = check(decode([message({"readings": [told(**sent), *others]})]), now=NOW)
    assert checked.rejected["reason"].to_list() == ([] if reason is None else [reason])
    accepted = checked.accepted.filter(pl.col("position") == 0)
    assert accepted["contact"].to_list() == ([] if reason else [value])


def test_a_contact_beside_readings_holds_for_all_of_them() -> None:
    common = {"house": "h1", "room": "kitchen", "contact": "open", "readings": [{"ts": "2026-11-22T07:00:00Z"}]}
    assert check(decode([message(common)]), now=NOW).accepted["contact"].to_list() == [1000]


def test_sets_with_contacts_have_a_format_of_their_own_and_those_without_stay_as_they_were() -> None:
    plain = added([{"time_ms": 0, "temperature": 21_300, "humidity": 51_200}])
    mixed = added([{"time_ms": 7_000, "contact": 1000}, {"time_ms": 0, "contact": 0, "slot": 0}], plain)
    before, after = pack_sets(plain), pack_sets(pl.concat([mixed, plain.with_columns(house=pl.lit("h2"))]))
    assert before[KEY][:1] == after[slot_key("h2", SLOT_START)][:1] == b"\x01"
    assert after[slot_key("h2", SLOT_START)] == before[KEY], "not a byte differs"
    assert after[KEY][:1] == b"\x02"
    found = unpack_sets(after)
    assert found.unreadable == {}
    whole = pl.concat([mixed, plain.with_columns(house=pl.lit("h2"))])
    assert found.values.sort(SLOT_VALUES.names()).equals(whole.sort(SLOT_VALUES.names()))


def test_an_observation_has_the_fraction_of_the_time_open_and_each_sensor_s_course() -> None:
    rows = [
        {"sensor": "left", "time_ms": 90_000, "contact": 0},
        {"sensor": "left", "time_ms": 450_000, "contact": 1000},
        {"sensor": "left", "time_ms": 500_000, "contact": 1000},
        {"sensor": "right", "time_ms": 600_000, "contact": 1000},
        {"sensor": "right", "time_ms": 855_000, "contact": 0},
        {"sensor": "left", "time_ms": 810_000, "contact": 0},
        {"sensor": "air", "time_ms": 0, "temperature": 20_000},
    ]
    (room,) = derive(added(rows), {})[KEY].values()
    assert room["temperature"].mean == 20.0
    expected = Statistics(0.5, 0.0, 1.0, 6, changes={"left": "-90 +450 -810", "right": "+600 -855"})
    assert room["contact"] == expected, "open for 405 of the 810 s that are known"


@fast
@given(reports)
def test_a_course_says_what_was_reported(given_reports: list[tuple[int, bool]]) -> None:
    changes = read_course(course_of(given_reports))
    for second in range(given_reports[0][0], 900, 7):
        last = [is_open for at_s, is_open in given_reports if at_s <= second][-1]
        assert [is_open for at_s, is_open in changes if at_s <= second][-1] == last
    assert all(before[1] != after[1] for before, after in pairwise(changes))


@pytest.mark.parametrize("text", ["", "600", "+900", "+600 -500", "+1 ", "+9999", "open", None, "+٣"])
def test_what_is_no_course_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"course|order"):
        read_course(text)


@fast
@given(
    st.dictionaries(st.sampled_from(["a", "b"]), st.dictionaries(st.integers(0, 3), reports, max_size=4), min_size=1)
)
def test_openings_are_what_replaying_every_second_shows(sensors: dict[str, dict[int, list[tuple[int, bool]]]]) -> None:
    slots = [
        (at(15 * number), observed(**{name: course_of(own[number]) for name, own in sensors.items() if number in own}))
        for number in range(4)
    ]
    until = at(60)
    rooms = room_contacts(reversed(slots), until=until)
    states: dict[str, bool] = {}
    is_open, is_known = [], []
    for second in range(3600):
        for name, own in sensors.items():
            for at_s, state in own.get(second // 900, []):
                if at_s == second % 900:
                    states[name] = state
        is_open.append(any(states.values()))
        is_known.append(bool(states))
    if not states:
        return
    contact = rooms["kitchen"]
    minutes = sum(opening.minutes for opening in contact.openings)
    assert minutes == pytest.approx(sum(is_open) / 60)
    assert (contact.is_open is True) == is_open[-1]
    if is_open[-1]:
        closed = [second for second in range(3600) if not is_open[second]]
        assert contact.since == at((closed[-1] + 1 if closed else is_known.index(True)) / 60)
    shares = open_shares(contact, SLOT_START, 4)
    for slot in range(4):
        known = sum(is_known[900 * slot : 900 * (slot + 1)])
        share = sum(is_open[900 * slot : 900 * (slot + 1)]) / known if known else np.nan
        assert shares[slot] == pytest.approx(share, nan_ok=True)
    around = open_shares(contact, SLOT_START - SLOT, 6)
    np.testing.assert_array_equal(around, [np.nan, *shares, np.nan])
    np.testing.assert_array_equal(open_shares(contact, SLOT_START + 2 * SLOT, 1), shares[2:3])


def test_a_state_holds_for_some_hours_and_then_is_unknown() -> None:
    slots = [(SLOT_START, observed(front="-0 +600"))]
    opened = at(10)
    held = room_contacts(slots, until=opened + HELD_FOR)["kitchen"]
    assert (held.is_open, held.since) == (True, opened)
    later = room_contacts(slots, until=opened + HELD_FOR + SLOT)["kitchen"]
    assert (later.is_open, later.since) == (None, None)
    assert later.openings == (Opening(opened, opened + HELD_FOR),)
    shares = open_shares(later, SLOT_START, 50)
    assert shares[0] == pytest.approx(1 / 3)
    assert shares[1:48].tolist() == [1.0] * 47
    assert np.isnan(shares[49])


def test_closed_is_only_what_all_contacts_of_a_room_say() -> None:
    front = (SLOT_START, observed(front="-0 +60 -600"))
    back = (SLOT_START - 50 * SLOT, observed(back="-0"))
    assert room_contacts([front], until=at(60))["kitchen"].is_open is False
    assert room_contacts([front], until=at(60))["kitchen"].since == at(10)
    assert room_contacts([front, back], until=at(60))["kitchen"].is_open is None, "nothing was heard of the other"
