"""Policies of the closed loop, which decide every 5 minutes which windows are open. Arrays are (houses, rooms)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.advice.acting import KEEP_GAP_G_KG, OPEN_GAP_G_KG, WORTH_MIN, minutes_until_cold
from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM, DayHours
from roomidity.domain.climate import dew_point, mixing_ratio, vapour_pressure
from roomidity.domain.comfort.walls import surface_humidity

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

STEP_MIN = 5
FANS = replace(DEFAULT_HOUSE, quiet_hours=DayHours(0, 0))
"""Fans run at any hour under all policies, so that quiet hours do not blur the comparison."""


@dataclass(frozen=True)
class Seen:
    """What a policy sees: the time (``minute`` of the local day) and the air as sensors report it."""

    at: datetime
    minute: int
    temperature: FloatArray
    humidity: FloatArray
    outside_c: FloatArray
    outside_humidity: FloatArray
    outside_mean_c: FloatArray
    """Running mean over 12 h; shape (houses, 1), as the two outdoor values above."""


Policy = Callable[[Seen], BoolArray]


def nothing(seen: Seen) -> BoolArray:
    """Returns that all windows are closed."""
    return np.zeros(seen.temperature.shape, dtype=bool)


@dataclass
class Person:
    """Follows the share ``share`` of all advice, each time ``late_min`` minutes late."""

    share: float
    late_min: float
    rng: np.random.Generator

    def does(self, shape: tuple[int, ...]) -> BoolArray:
        """Returns which advice is followed this time."""
        return np.asarray(self.rng.random(shape) < self.share)


@dataclass
class Due:
    """Airings due: when each begins, in minutes since 1970 (infinite if never), and how many minutes it takes."""

    starts: FloatArray
    minutes: FloatArray
    """Shape (houses, rooms, airings), as ``starts``."""

    def opened(self, at: datetime) -> BoolArray:
        """Returns which rooms are open."""
        age = at.timestamp() / 60 - self.starts
        return np.asarray(((age >= 0) & (age < self.minutes)).any(axis=-1))


@dataclass
class Fixed:
    """Airs for 15 minutes at 07:00 and 19:00, as tenants are told to do. ``person`` may forget or be late."""

    person: Person
    starts: tuple[int, ...] = (7 * 60, 19 * 60)
    due: Due | None = None

    def __call__(self, seen: Seen) -> BoolArray:
        if seen.minute in self.starts:
            rooms = (*seen.temperature.shape, 1)
            begin = seen.at.timestamp() / 60 + self.person.late_min
            self.due = Due(np.where(self.person.does(rooms), begin, np.inf), np.full(rooms, 15.0))
        return nothing(seen) if self.due is None else self.due.opened(seen.at)


@dataclass
class Threshold:
    """Opens by a measure with hysteresis, within the same limits as advice: temperatures, gap, longest run and rest."""

    wants: Callable[[Seen], tuple[BoolArray, BoolArray]]
    """Returns in which rooms to begin, and in which to go on."""
    is_open: BoolArray = field(default_factory=lambda: np.zeros((1, 1), dtype=bool))
    since_min: FloatArray = field(default_factory=lambda: np.full((1, 1), 1e9))

    def __call__(self, seen: Seen) -> BoolArray:
        begin, go_on = self.wants(seen)
        mild = (seen.outside_c >= FANS.min_outdoor_c) & (seen.outside_c <= FANS.max_outdoor_c)
        allowed = (seen.temperature >= DEFAULT_ROOM.min_temperature_c) & mild
        gap = mixing_ratio(vapour_pressure(seen.temperature, seen.humidity)) - mixing_ratio(
            vapour_pressure(seen.outside_c, seen.outside_humidity)
        )
        stays = self.is_open & go_on & (gap > KEEP_GAP_G_KG) & (self.since_min < FANS.longest_run_min)
        opens = ~self.is_open & begin & (gap > OPEN_GAP_G_KG) & (self.since_min >= FANS.rest_min)
        following = allowed & (stays | opens)
        self.since_min = np.where(following == self.is_open, self.since_min, 0.0) + STEP_MIN
        self.is_open = following
        return following


def hygrostat(limit: float) -> Threshold:
    """Returns a hygrostat with 3 %RH of hysteresis."""
    return Threshold(lambda seen: (seen.humidity > limit, seen.humidity > limit - 3))


def dew_point_controller(limit: float) -> Threshold:
    """Returns a dew-point controller: 3 K on, 2 K off, above a humidity with 3 %RH of hysteresis."""

    def wants(seen: Seen) -> tuple[BoolArray, BoolArray]:
        difference = dew_point(vapour_pressure(seen.temperature, seen.humidity)) - dew_point(
            vapour_pressure(seen.outside_c, seen.outside_humidity)
        )
        return (difference >= 3) & (seen.humidity > limit), (difference >= 2) & (seen.humidity > limit - 3)

    return Threshold(wants)


def act_now(open_above: float, *, f_rsi: FloatArray | float = DEFAULT_ROOM.f_rsi) -> Threshold:
    """Returns the product's act now for all rooms at once; a test compares it with the decision for each room.

    ``f_rsi`` is what it knows of the walls.
    """

    def wants(seen: Seen) -> tuple[BoolArray, BoolArray]:
        surface = surface_humidity(seen.temperature, seen.humidity, seen.outside_mean_c, f_rsi=f_rsi)
        warm = minutes_until_cold(seen.temperature, seen.outside_c, DEFAULT_ROOM) >= WORTH_MIN
        return (surface > open_above) & warm, surface > open_above - 3

    return Threshold(wants)


def automatic(f_rsi: FloatArray, measured: FloatArray) -> Mapping[str, Policy]:
    """Returns the policies that need no person. Of these, the oracle knows f_Rsi and sees true values.

    ``measured`` is f_Rsi as measured with a thermometer.
    """
    return {
        "hygrostat 55": hygrostat(55),
        "hygrostat 60": hygrostat(60),
        "hygrostat 65": hygrostat(65),
        "dew point, RH 55": dew_point_controller(55),
        "act now": act_now(DEFAULT_ROOM.open_above),
        "act now, f_Rsi measured": act_now(DEFAULT_ROOM.open_above, f_rsi=measured),
        "oracle, act now": act_now(DEFAULT_ROOM.open_above, f_rsi=f_rsi),
    }
