"""Whose time a value bears: the device's where it can be trusted, else that of receiving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.dialects.times import format_exact, measured_at
from tests.unit.samples import fast

WINTER = datetime(2026, 2, 3, 12, 0, 10, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 25, 0, 40, tzinfo=UTC)
"""In Central Europe the hour from 2 to 3 comes twice in this night: from 0 and from 1 o'clock in UTC."""


def at(said: Any, received: datetime = WINTER, zone: str = "Europe/Oslo") -> str:
    moment, source = measured_at(said, received=received, zone=zone)
    return f"{source} {format_exact(moment)[8:]}"


NOTHING: tuple[Any, ...] = (None, 0, -5, "", "soon", True, [], {}, 1e300, "9" * 30)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2026-02-03T13:00:00", "device 03T12:00:00Z"),  # local
        ("2026-02-03 13:00:00", "device 03T12:00:00Z"),
        ("2026-02-03T12:00:00", "device 03T12:00:00Z"),  # UTC, which is nearer
        ("2026-02-03T13:00:00+03:00", "device 03T10:00:00Z"),
        ("2026-02-01T13:00:00Z", "device 01T13:00:00Z"),  # kept by a gateway, and sent again
        ("2026-02-01T13:00:00", "received 03T12:00:10Z"),  # local, and more than 12 h off
        ("2022-02-01T13:00:00Z", "received 03T12:00:10Z"),  # a clock that was reset
        ("2026-02-04T00:30:00Z", "received 03T12:00:10Z"),  # 12 h ahead
        ("2019-12-31T23:00:00Z", "received 03T12:00:10Z"),
        ("1970-01-01T00:00:12", "received 03T12:00:10Z"),
        (1_770_120_000, "device 03T12:00:00Z"),
        (1_770_120_000.25, "device 03T12:00:00.250Z"),
        ("1770120000", "device 03T12:00:00Z"),
        (1_770_120_000_125, "device 03T12:00:00.125Z"),
        (1_770_120_000_125_250, "device 03T12:00:00.125250Z"),
        (1_770_120_000_125_250_999, "device 03T12:00:00.125251Z"),
        ("2026-02-03T12:00:00.125250999Z", "device 03T12:00:00.125250Z"),
        *((nothing, "received 03T12:00:10Z") for nothing in NOTHING),
        ("0001-01-01T00:00:00", "received 03T12:00:10Z"),
        ("9999-12-31T23:59:59-12:00", "received 03T12:00:10Z"),
        (float("nan"), "received 03T12:00:10Z"),
    ],
    ids=str,
)
def test_a_time_is_the_devices_where_it_can_be_trusted(said: Any, expected: str) -> None:
    assert at(said) == expected


@pytest.mark.parametrize(("received", "expected"), [(AUTUMN, 0), (AUTUMN + timedelta(hours=1), 1)])
def test_the_doubtful_hour_is_the_one_in_which_the_message_came(received: datetime, expected: int) -> None:
    assert at("2026-10-25T02:39:30", received) == f"device 25T0{expected}:39:30Z"


def test_what_cannot_have_been_yet_is_not_taken_for_the_nearer() -> None:
    received = WINTER + timedelta(minutes=50)  # as UTC it would be ten minutes ahead
    assert at("2026-02-03T13:00:00", received) == "device 03T12:00:00Z"


@fast
@given(st.integers(1_577_923_200, 1_893_456_000), st.integers(0, 240))
def test_a_local_time_is_found_again_whatever_the_season(seconds: int, late_s: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    local = moment.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None)
    found, source = measured_at(local.isoformat(), received=moment + timedelta(seconds=late_s), zone="America/New_York")
    assert (found, source) == (moment, "device")


@fast
@given(st.one_of(st.text(max_size=80), st.integers(), st.floats(), st.binary(), st.none()))
def test_nothing_makes_it_raise(said: Any) -> None:
    moment, _ = measured_at(said, received=WINTER, zone="Europe/Oslo")
    assert moment.tzinfo is not None
