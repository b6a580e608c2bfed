"""What an airing brings, how a room follows the air outside, and what may be set, against numbers found elsewhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from roomidity.domain.advice.air import Air, moisture_gap
from roomidity.domain.advice.effects import airing_effect, exchanged, remaining
from roomidity.domain.advice.response import outdoor_response
from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM, DayHours, HouseAdvice, RoomAdvice
from roomidity.domain.comfort.walls import Wall
from roomidity.errors import InputError


def test_what_is_left_of_an_airing_is_what_was_measured() -> None:
    """In simulated houses, airings of 10 to 30 minutes were predicted to bring -6.8 %RH at once, -1.9, -.7 and -.16."""
    effect = airing_effect(Air(20.0, 52.0), Air(7.0, 85.0), minutes=18.0, volume_m3=40.0)
    assert effect.after_1h / effect.after_24h == pytest.approx(1.9 / 0.16, rel=0.1)
    assert effect.after_6h / effect.after_1h == pytest.approx(0.7 / 1.9, rel=0.1)
    assert effect.at_once / effect.after_1h == pytest.approx(6.8 / 1.9, rel=0.2)
    assert effect.cooling_k == pytest.approx(-0.115 * 13 * (1 - math.exp(-1.2)))


def test_the_kernels() -> None:
    assert remaining(0.0).round(9) == remaining(0.0, whole_floor=True).round(9) == 1.0
    one, floor = remaining([1.0, 6.0, 24.0]), remaining([1.0, 6.0, 24.0], whole_floor=True)
    assert (floor > one).all()
    assert floor.round(3).tolist() == [0.341, 0.169, 0.050]
    assert exchanged([0.0, 15.0, 1e9]).round(3).tolist() == [0.0, 0.632, 1.0]


def test_airing_with_wetter_air_wets_and_with_warmer_air_costs_no_heat() -> None:
    effect = airing_effect(Air(18.0, 60.0), Air(28.0, 60.0), minutes=15.0, volume_m3=40.0)
    assert moisture_gap(Air(18.0, 60.0), Air(28.0, 60.0)) < 0 < effect.after_1h
    assert (effect.heat_kwh, effect.cooling_k > 0) == (0.0, True)


def test_heat_is_that_of_the_air_that_came_in() -> None:
    effect = airing_effect(Air(20.0, 60.0), Air(0.0, 80.0), minutes=30.0, volume_m3=50.0)
    assert effect.heat_kwh == pytest.approx(1.2 * 1006 * (50 * 4 * 0.5) * 20 / 3.6e6, rel=0.001)


def test_the_response_is_found_again_and_flagged_where_sources_hide_it() -> None:
    rng = np.random.default_rng(5)
    outside = 6 + np.convolve(rng.normal(0, 1.0, 60 * 24 + 100), np.exp(-np.arange(60) / 20) / 4, "same")[: 60 * 24]
    season = np.linspace(0, 4, len(outside))
    followed = np.empty_like(outside)
    mean = outside[0]
    for hour, value in enumerate(outside):
        mean += (1 - math.exp(-1 / 12)) * (value - mean)
        followed[hour] = 0.6 * mean
    found = outdoor_response(followed + season + rng.normal(0, 0.05, len(outside)), outside)
    assert found is not None
    assert (found.tau_h, found.is_reliable) == (12.0, True)
    assert found.gain == pytest.approx(0.6, abs=0.03)
    hidden = outdoor_response(followed + rng.normal(0, 2.0, len(outside)), outside)
    assert hidden is not None
    assert not hidden.is_reliable


def test_gaps_do_not_disturb_the_response_and_too_little_gives_none() -> None:
    rng = np.random.default_rng(6)
    outside = 6 + rng.normal(0, 1.0, 30 * 24).cumsum() * 0.1
    room = 3 + 0.5 * outside
    room[100:150] = np.nan
    outside[300:310] = np.nan
    found = outdoor_response(room, outside)
    assert found is not None
    assert (found.hours, found.tau_h) == (30 * 24 - 60, 1.0)
    assert outdoor_response(room[:200], outside[:200]) is None
    assert outdoor_response(np.full(500, np.nan), np.full(500, np.nan)) is None
    assert outdoor_response(rng.normal(0, 1, 500), np.full(500, 6.0)) is None


def test_a_wall_that_nobody_measured_is_taken_to_be_worse() -> None:
    assert RoomAdvice().f_rsi == pytest.approx(0.6)
    assert RoomAdvice(wall=Wall(0.75)).f_rsi == 0.75


def test_settings_come_from_plain_values() -> None:
    room = RoomAdvice.from_plain({"kind": "cellar", "f_rsi": 0.6, "min_temperature_c": 8, "unit": "f"})
    assert (room.kind, room.wall, room.min_temperature_c, room.open_above) == ("cellar", Wall(0.6), 8, 79.0)
    house = HouseAdvice.from_plain({"quiet_hours": "21:00-07:00", "rest_min": 60})
    assert (house.quiet_hours, house.rest_min) == (DayHours(1260, 420), 60)
    assert (RoomAdvice.from_plain({}), HouseAdvice.from_plain({})) == (DEFAULT_ROOM, DEFAULT_HOUSE)


@pytest.mark.parametrize(
    ("settings", "stored", "told"),
    [
        (RoomAdvice, {"kind": "garage"}, "expected one of room, bathroom"),
        (RoomAdvice, {"kind": ["cellar"]}, "expected one of"),
        (RoomAdvice, {"open_above": "76"}, "open_above is '76'; expected a number from 60 to 95"),
        (RoomAdvice, {"open_above": math.nan}, "expected a number"),
        (RoomAdvice, {"min_temperature_c": True}, "min_temperature_c is True"),
        (RoomAdvice, {"open_above": 74, "close_below": 73}, "expected at least 2 between"),
        (RoomAdvice, {"window_contact": "yes"}, "expected true or false"),
        (RoomAdvice, {"ventilation": "wind"}, "expected one of none"),
        (RoomAdvice, {"f_rsi": 7}, "f_Rsi is 7"),
        (RoomAdvice, [], "expected a map"),
        (HouseAdvice, {"quiet_hours": "22-6"}, "expected two local times"),
        (HouseAdvice, {"quiet_hours": None}, "expected two local times"),
        (HouseAdvice, {"longest_run_min": 600}, "expected a number from 5 to 120"),
    ],
)
def test_what_cannot_be_used_is_said(settings: Any, stored: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        settings.from_plain(stored)


def test_hours_may_cross_midnight_and_equal_ends_are_no_time() -> None:
    assert [DayHours(60, 120).contains(minute) for minute in (59, 60, 119, 120)] == [False, True, True, False]
    assert not any(DayHours(0, 0).contains(minute) for minute in range(1440))
