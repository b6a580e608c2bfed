"""What the way in gives away: clocks, zones, late gateways, units."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.forecasting.serving.deliveries import DELIVERY_NOTES, Deliveries, delivery_notes
from roomidity.forecasting.serving.notes import NOTES

HOUR = 3600.0


def steady(lag_s: float, *, spread_s: float = 60, readings: int = 288, late: int = 0, **rejected: int) -> Deliveries:
    lags = (lag_s, lag_s + spread_s / 2, lag_s + spread_s)
    ticks = max(1, readings // 3)
    return Deliveries(readings, late, lags, rejected, ticks=ticks, late_ticks=round(late * ticks / readings))


@pytest.mark.parametrize("wait_s", [0, 60, 300, 900])
@pytest.mark.parametrize("delay_s", [-30, 0, 5, 200])
def test_of_a_gateway_that_packs_for_a_quarter_of_an_hour_nothing_is_told(wait_s: float, delay_s: float) -> None:
    assert delivery_notes(steady(delay_s, spread_s=wait_s)) == ()


@pytest.mark.parametrize("offset_h", [-9.5, -5.75, -2, -1, 1, 3.5, 5, 8])
@pytest.mark.parametrize("delay_s", [0, 10, 80])
def test_local_time_sent_as_utc_is_a_zone(offset_h: float, delay_s: float) -> None:
    assert delivery_notes(steady(offset_h * HOUR + delay_s, late=288 * (offset_h > 0))) == ("zone",)


@pytest.mark.parametrize("minutes", [-7, -37, -2, 7, 24, 402, 70])
def test_another_steady_difference_is_a_clock(minutes: float) -> None:
    assert delivery_notes(steady(60 * minutes, late=288 * (minutes > 15))) == ("clock",)


def test_readings_refused_as_future_are_told_as_their_clock() -> None:
    assert delivery_notes(steady(-420, future=288)) == ("clock",)
    assert delivery_notes(steady(-420, future=288, implausible=40)) == ("clock", "rejected")


def test_a_gateway_that_sends_now_and_then_is_late_and_its_clock_is_right() -> None:
    assert delivery_notes(steady(120, spread_s=6 * HOUR, late=200)) == ("late",)
    assert delivery_notes(steady(900, spread_s=6 * HOUR, late=200)) == ("late",)
    assert delivery_notes(steady(120, spread_s=6 * HOUR, late=20)) == ()


def test_units_and_other_rejects_are_told_apart() -> None:
    assert delivery_notes(steady(5, unit=90)) == ("unit",)
    assert delivery_notes(steady(5, implausible=90)) == ("rejected",)
    assert delivery_notes(steady(5, unit=90, malformed=30)) == ("unit", "rejected")
    assert delivery_notes(Deliveries(rejected={"malformed": 500})) == ("rejected",)


@pytest.mark.parametrize("count", [1, 7, 14])
def test_accidents_are_not_told(count: int) -> None:
    assert delivery_notes(steady(5, implausible=count)) == ()


def test_of_a_room_that_reports_once_a_quarter_of_an_hour_the_gateways_wait_is_no_clock() -> None:
    waits = Deliveries(96, lag_s=(840, 870, 900), ticks=96)
    assert delivery_notes(waits) == ()
    assert delivery_notes(replace(waits, readings=288)) == ("clock",)


def test_of_what_comes_at_once_no_clock_is_told_and_no_lateness() -> None:
    assert delivery_notes(Deliveries(288, 288, (21_602, 21_610, 21_650), ticks=2, late_ticks=2)) == ()


def test_of_a_few_readings_nothing_is_told() -> None:
    assert delivery_notes(Deliveries()) == ()
    assert delivery_notes(steady(5 * HOUR, readings=7)) == ()
    assert delivery_notes(Deliveries(7, lag_s=(5 * HOUR, 5 * HOUR, 5 * HOUR), ticks=7)) == ()
    assert delivery_notes(Deliveries(rejected={"malformed": 7})) == ()


@given(
    readings=st.integers(0, 1000),
    late=st.integers(0, 1000),
    lags=st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3),
    rejected=st.dictionaries(st.sampled_from(["unit", "future", "implausible", "malformed"]), st.integers(0, 99)),
)
def test_whatever_came_notes_are_of_the_list_in_its_order(
    readings: int, late: int, lags: list[float], rejected: dict[str, int]
) -> None:
    least, half, most = sorted(lags)
    found = delivery_notes(
        Deliveries(
            readings, min(late, readings), (least, half, most), rejected, ticks=readings // 2, late_ticks=late // 2
        )
    )
    assert found == tuple(name for name in NOTES if name in found)
    assert set(found) <= set(DELIVERY_NOTES)
    assert not {"clock", "zone"} <= set(found)
    assert "late" not in found or not {"clock", "zone"} & set(found)
