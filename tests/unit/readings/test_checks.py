"""The checks at the edge: what is accepted, and the first reason why not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from roomidity.domain.slots import SLOT, format_moment, to_epoch_ms
from roomidity.readings import REASONS, Limits, check, decode
from tests.unit.samples import NOW, SENT, message, reading

FIVE_MINUTES = timedelta(minutes=5)
MS = timedelta(milliseconds=1)
DAY = timedelta(days=1)
FUTURE = format_moment(NOW + timedelta(days=1))
OLD = "2020-01-01T00:00:00Z"


def reason(content: Any, **limits: Any) -> str | None:
    """Why the one reading of a message is rejected; None if it is accepted."""
    checked = check(decode([message(content)]), now=NOW, limits=Limits(**limits))
    assert len(checked.accepted) + len(checked.rejected) == 1
    return checked.rejected["reason"].item() if len(checked.rejected) else None


def iso_ms(moment: Any) -> str:
    return str(moment.isoformat(timespec="milliseconds"))


CASES = [
    ("not JSON", "malformed"),
    (reading(room="a/b", ts="x", temperature="x"), "bad_name"),
    (reading(house=..., ts=..., temperature=99), "bad_name"),
    (reading(room=["a"], ts={}, temperature="x"), "bad_name"),
    (reading(ts="x", temperature="x"), "bad_time"),
    (reading(ts=..., temperature=..., humidity=...), "bad_time"),
    (reading(ts=FUTURE, temperature="x", humidity=150), "bad_value"),
    (reading(ts=FUTURE, temperature="x", humidity=...), "bad_value"),
    (reading(ts=FUTURE, temperature=..., humidity=...), "no_value"),
    (reading(ts=FUTURE, humidity=150), "implausible"),
    (reading(ts=OLD, temperature=-300), "implausible"),
    (reading(ts=FUTURE, temperature=72.5, humidity=150), "unit"),
    (reading(ts=FUTURE), "future"),
    (reading(ts=OLD), "too_old"),
    ({"house": "h2", "readings": [reading(ts="x", temperature="x")]}, "house_conflict"),
    ({"house": "h2", "readings": [reading(room="a/b", ts="x")]}, "bad_name"),
    (reading(), None),
]


@pytest.mark.parametrize(("content", "expected"), CASES)
def test_the_first_reason_that_applies_is_given(content: Any, expected: str | None) -> None:
    assert reason(content) == expected


def test_the_cases_give_every_reason_but_those_that_are_for_others_to_say() -> None:
    assert {expected for _, expected in CASES} == {*REASONS, None} - {"too_many", "quota", "unmapped", "weather"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"temperature": -60}, None),
        ({"temperature": -60.001}, "implausible"),
        ({"temperature": 85}, None),
        ({"temperature": 85.001}, "unit"),
        ({"humidity": 0}, None),
        ({"humidity": -0.001}, None),
        ({"humidity": -5.001}, "implausible"),
        ({"humidity": 100}, None),
        ({"humidity": 105}, None),
        ({"humidity": 105.001}, "implausible"),
        ({"temperature": float("nan")}, "implausible"),
        ({"humidity": float("inf")}, "implausible"),
        ({"temperature": -99, "humidity": ...}, "implausible"),
        ({"temperature": ..., "humidity": 150}, "implausible"),
    ],
)
def test_plausible_is_from_bound_to_bound_and_one_bad_field_costs_the_reading(
    values: dict[str, Any], expected: str | None
) -> None:
    assert reason(reading(**values)) == expected


def test_up_to_five_minutes_after_the_message_was_sent_is_no_future() -> None:
    assert reason(reading(ts=iso_ms(SENT + FIVE_MINUTES))) is None
    assert reason(reading(ts=iso_ms(SENT + FIVE_MINUTES + MS))) == "future"


def test_the_future_is_told_by_when_the_message_was_sent_not_by_the_issue_time() -> None:
    replayed = message(reading(ts=format_moment(NOW + DAY)), sent=NOW + 2 * DAY)
    assert len(check(decode([replayed]), now=NOW).accepted) == 1


def test_readings_are_accepted_back_to_the_retention_window() -> None:
    oldest = NOW - 400 * DAY
    assert reason(reading(ts=iso_ms(oldest))) is None
    assert reason(reading(ts=iso_ms(oldest - MS))) == "too_old"
    assert reason(reading(ts=iso_ms(NOW - 2 * DAY)), retention_days=1) == "too_old"


@pytest.mark.parametrize("ts", ["-0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
def test_times_at_the_ends_of_the_calendar_are_rejected(ts: str) -> None:
    assert reason(reading(ts=ts)) in ("bad_time", "future", "too_old")


@pytest.mark.parametrize(
    "ts", ["", "yesterday", "2026-11-22", "2026-11-22T07:14:55", "2026-02-30T07:14:55Z", -1, "-5", "1e99", "nan", "inf"]
)
def test_a_time_that_cannot_be_read_or_has_no_offset_is_bad(ts: Any) -> None:
    assert reason(reading(ts=ts)) == "bad_time"


@pytest.mark.parametrize("field", ["house", "room", "sensor"])
@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("n" * 64, True),
        ("n" * 65, False),
        ("🛁" * 64, True),
        ("🛁" * 65, False),
        ("caf\u00e9", True),
        ("cafe\u0301", True),  # the same, decomposed
        (" a ", True),
        ("a\n", False),
        ("living room", True),
        ("z2m-0x00158d", True),
        ("..", True),
        ("a/b", False),
        ("a#", False),
        ("$a", False),
        ("a+b", False),
        ("a\nb", False),
        ("a\x00", False),
        ("a\x7f", False),
        ("a\x85", False),
    ],
)
def test_names(field: str, name: str, good: bool) -> None:
    assert reason(reading(**{field: name})) == (None if good else "bad_name")


@pytest.mark.parametrize("field", ["house", "room"])
@pytest.mark.parametrize("name", ["", None, ...])
def test_house_and_room_must_have_a_name(field: str, name: Any) -> None:
    assert reason(reading(**{field: name})) == "bad_name"


@pytest.mark.parametrize("name", ["", None, ...])
def test_a_sensor_need_not_have_a_name(name: Any) -> None:
    accepted = check(decode([message(reading(sensor=name))]), now=NOW).accepted
    assert accepted["sensor"].item() == ""


def test_late_is_a_slot_that_closed_before_the_previous_issue_time() -> None:
    slots = [NOW - back * SLOT for back in (4, 3, 2, 1)]
    accepted = check(decode([message(reading(ts=format_moment(slot))) for slot in slots]), now=NOW).accepted
    assert accepted["late"].to_list() == [True, True, False, False]


def test_accepted_readings_lie_in_slots_and_are_whole_thousandths() -> None:
    (row,) = check(decode([message(reading(temperature=21.3004, humidity=...))]), now=NOW).accepted.to_dicts()
    assert row == {
        "message": 0,
        "position": 0,
        "house": "h1",
        "room": "kitchen",
        "sensor": "s1",
        "slot": to_epoch_ms(NOW - 4 * SLOT),
        "time_ms": (14 * 60 + 55) * 1000,
        "temperature": 21_300,
        "humidity": None,
        "contact": None,
        "late": True,
    }


def test_a_rejected_reading_names_its_house_only_where_that_is_a_name() -> None:
    contents = [reading(humidity=150), reading(house="a/b"), "not JSON"]
    rejected = check(decode([message(content) for content in contents]), now=NOW).rejected
    assert rejected["house"].to_list() == ["h1", None, None]
    assert rejected.select("message", "position").rows() == [(0, 0), (1, 0), (2, 0)]
