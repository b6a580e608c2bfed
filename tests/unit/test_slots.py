"""Slots: text that sorts as time does, and floors that agree with the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.slots import (
    SLOT,
    SLOT_MS,
    floor_slot,
    format_moment,
    format_slot,
    from_epoch_ms,
    parse_slot,
    parse_time,
    to_epoch_ms,
)
from tests.unit.samples import fast

moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.timezones())  # noqa: DTZ001


@fast
@given(moments)
def test_a_moment_lies_in_its_slot(moment: datetime) -> None:
    slot = floor_slot(moment)
    assert slot <= moment < slot + SLOT
    assert slot.tzinfo is UTC
    assert slot.minute % 15 == slot.second == slot.microsecond == 0
    assert parse_slot(format_slot(slot)) == slot


@fast
@given(moments, moments)
def test_sorting_text_sorts_time(one: datetime, other: datetime) -> None:
    first, second = sorted([floor_slot(one), floor_slot(other)])
    assert format_slot(first) <= format_slot(second)


@fast
@given(st.integers(-(10**12), 10**13))
def test_milliseconds_come_back(ms: int) -> None:
    assert to_epoch_ms(from_epoch_ms(ms)) == ms


def test_milliseconds_are_rounded_down() -> None:
    assert to_epoch_ms(datetime(1970, 1, 1, 0, 0, 0, 1999, tzinfo=UTC)) == 1
    assert to_epoch_ms(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


def test_a_day_has_96_slots() -> None:
    assert timedelta(days=1) == 96 * SLOT
    assert SLOT_MS == 900_000


def test_text_is_in_utc_whatever_the_zone() -> None:
    moment = datetime(2026, 11, 22, 8, 15, 30, tzinfo=timezone(timedelta(hours=1)))
    assert format_slot(moment) == "2026-11-22T07:15Z"
    assert format_moment(moment) == "2026-11-22T07:15:30Z"


@pytest.mark.parametrize("text", ["2026-11-22T07:16Z", "2026-11-22T07:15", "2026-11-22T07:15:00Z", "", "07:15Z"])
def test_what_is_no_slot_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not the start of a 15-minute slot|has no offset|Invalid isoformat"):
        parse_slot(text)


@pytest.mark.parametrize("text", ["2026-11-22T07:15:00", "2026-11-22", "", "now"])
def test_a_time_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"has no offset|Invalid isoformat"):
        parse_time(text)
