"""A plan of the day for people: at most four airings, where they bring most for the warmth they cost.

How often follows from how long the coldest surface is expected to be humid; when, from the forecasts of the room and of
the weather. Without them nothing is planned, and what is measured now decides (:mod:`roomidity.domain.advice.acting`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.advice.air import Air
from roomidity.domain.advice.effects import AIR_CHANGES_PER_H, AiringEffect, airing_effect, cooling_k
from roomidity.domain.advice.outlook import Outlook
from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM, HouseAdvice, RoomAdvice
from roomidity.domain.likelihood import likely_over
from roomidity.domain.slots import SLOT_S

__all__ = [
    "LENGTHS_MIN",
    "MAX_AIRINGS",
    "DayPlan",
    "Forbids",
    "NotToday",
    "PlannedAiring",
    "Withheld",
    "expected_humid_hours",
    "plan_day",
]

MAX_AIRINGS: Final = 4
"""More a day is not followed by people."""

NotToday = Literal["dry_all_day", "outside_wetter", "too_cold", "no_time", "no_forecast", "no_weather"]
Forbids = Literal["room_cold", "outside_cold", "outside_hot", "inside_unknown"]
"""What is measured that forbids an airing which the forecasts allow."""

LENGTHS_MIN: Final = (15.0, 10.0, 5.0)
"""How long to air: the longest of these that neither leaves the room too cold nor exceeds the longest run."""
_AIRINGS_AN_HOUR: Final = 0.2
"""Airings for each hour in which the surface is expected to be humid."""
_SPARED_H: Final = 0.5
"""Expected hours that are not worth an airing: every forecast leaves some small probability."""
_APART_SLOTS: Final = 8
"""Slots between two airings (2 h): sooner, surfaces have not yet given back what the next could take."""
_WORTH_G_KG: Final = 1.0
_LEAST_K: Final = 2.0
"""Difference to outside below which warmth is not worth counting."""
_SLOT: Final = timedelta(seconds=SLOT_S)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PlannedAiring:
    """An airing from ``at`` (aware) on, and what it brings."""

    at: datetime
    effect: AiringEffect

    @property
    def end(self) -> datetime:
        """When it is to be closed."""
        return self.at + timedelta(minutes=self.effect.minutes)


@dataclass(frozen=True)
class Withheld:
    """A planned airing that what is measured forbids (:mod:`roomidity.domain.advice.withholding`).

    ``found_c`` is the room's temperature (°C) as it was measured then, NaN if unknown.
    """

    airing: PlannedAiring
    why: Forbids
    found_c: float


@dataclass(frozen=True)
class DayPlan:
    """The airings of a room in the next 24 h, in order, or why there are none.

    Parameters
    ----------
    airings
        At most :data:`MAX_AIRINGS`, with those withheld.
    not_today
        Why there are none, or None if there are, or were but for what is measured.
    humid_hours
        Hours in which the coldest surface is expected to be humid without airing, NaN if unknown.
    until
        For ``no_time``: when airing would help, in quiet hours.
    missing
        What the outlook lacked.
    withheld
        Airings that are not to take place while what is measured forbids them.
    """

    airings: tuple[PlannedAiring, ...]
    not_today: NotToday | None
    humid_hours: float
    until: datetime | None = None
    missing: tuple[str, ...] = ()
    withheld: tuple[Withheld, ...] = ()

    @property
    def intended(self) -> list[PlannedAiring]:
        """All airings in order, also those withheld."""
        return sorted([*self.airings, *(one.airing for one in self.withheld)], key=lambda airing: airing.at)

    @property
    def heat_kwh(self) -> float:
        """Heat that all of them cost together."""
        return sum(airing.effect.heat_kwh for airing in self.airings)


def expected_humid_hours(surface: FloatArray, limit: float) -> float:
    """Returns the expected number of hours above ``limit`` %RH, from p10, p50 and p90, shape (3, slots)."""
    return float(likely_over(surface, limit).sum()) * SLOT_S / 3600


def plan_day(
    outlook: Outlook,
    *,
    outside_mean_c: float,
    minutes_of_day: NDArray[np.int64],
    room: RoomAdvice = DEFAULT_ROOM,
    house: HouseAdvice = DEFAULT_HOUSE,
) -> DayPlan:
    """Returns the airings of the next 24 h.

    Parameters
    ----------
    outlook
        What is to be expected.
    outside_mean_c
        Mean outdoor temperature of the last 12 h (°C).
    minutes_of_day
        Local time of each of the 96 slots in minutes since midnight, shape (96,). Quiet hours are judged by it.
    """
    surface = outlook.surface(f_rsi=room.f_rsi, outside_mean_c=outside_mean_c)
    if outlook.humidity is None or outlook.temperature is None or surface is None:
        return DayPlan((), "no_forecast", math.nan, missing=outlook.missing)
    inside_g, outside_g = outlook.room_g_kg, outlook.outside_g_kg
    outside_c, outside_rh = outlook.outside_temperature, outlook.outside_humidity
    if inside_g is None or outside_g is None or outside_c is None or outside_rh is None:
        return DayPlan((), "no_weather", math.nan, missing=outlook.missing)
    humid_h = expected_humid_hours(surface, room.open_above)
    wanted = min(MAX_AIRINGS, math.ceil(_AIRINGS_AN_HOUR * (humid_h - _SPARED_H)))
    if wanted <= 0:
        return DayPlan((), "dry_all_day", humid_h, missing=outlook.missing)

    gap, inside_c = inside_g - outside_g, outlook.temperature
    dries = np.isfinite(gap) & (gap > _WORTH_G_KG)
    if not dries.any():
        return DayPlan((), "outside_wetter", humid_h, missing=outlook.missing)
    minutes = _minutes(inside_c, outside_c, room, house)
    mild = (outside_c >= house.min_outdoor_c) & (outside_c <= house.max_outdoor_c) & (minutes > 0)
    awake = np.array([_is_awake(int(minute), house) for minute in minutes_of_day])
    if not (dries & mild).any():
        return DayPlan((), "too_cold", humid_h, missing=outlook.missing)
    allowed = dries & mild & awake
    if not allowed.any():
        first = int(np.argmax(dries & mild))
        return DayPlan((), "no_time", humid_h, until=outlook.first + first * _SLOT, missing=outlook.missing)
    worth = np.where(allowed, gap / np.maximum(inside_c - outside_c, _LEAST_K), -np.inf)
    airings = [
        PlannedAiring(
            outlook.first + slot * _SLOT,
            airing_effect(
                Air(float(inside_c[slot]), float(outlook.humidity[1, slot])),
                Air(float(outside_c[slot]), float(outside_rh[slot])),
                minutes=float(minutes[slot]),
                volume_m3=room.volume_m3,
            ),
        )
        for slot in sorted(_best(worth, wanted, apart_slots=_apart_slots(house)))
    ]
    return DayPlan(tuple(airings), None, humid_h, missing=outlook.missing)


def _is_awake(minute: int, house: HouseAdvice) -> bool:
    """Returns whether an airing that begins then ends before the quiet hours, by minutes of the local day."""
    last = (minute + int(LENGTHS_MIN[0]) - 1) % 1440
    return not (house.quiet_hours.contains(minute) or house.quiet_hours.contains(last))


def _apart_slots(house: HouseAdvice) -> int:
    """Returns how many slots lie between the beginnings of two airings: also as many as the house's rest takes."""
    return max(_APART_SLOTS, math.ceil(60 * (house.rest_min + LENGTHS_MIN[0]) / SLOT_S))


def _best(worth: FloatArray, wanted: int, *, apart_slots: int) -> list[int]:
    """Returns up to ``wanted`` slots of the greatest worth, each ``apart_slots`` or more from all others."""
    left = worth.copy()
    chosen: list[int] = []
    while len(chosen) < wanted and np.isfinite(left.max()):
        slot = int(left.argmax())
        chosen.append(slot)
        left[max(slot - apart_slots + 1, 0) : slot + apart_slots] = -np.inf
    return chosen


def _minutes(inside_c: FloatArray, outside_c: FloatArray, room: RoomAdvice, house: HouseAdvice) -> FloatArray:
    """Returns how long to air in each slot without getting the room below its minimum, 0 for not at all."""
    minutes = np.zeros(len(inside_c))
    for length in reversed(LENGTHS_MIN):  # The longest that fits stays.
        if length <= house.longest_run_min:
            cooler = cooling_k(inside_c, outside_c, length, air_changes_per_h=AIR_CHANGES_PER_H)
            minutes[inside_c + np.minimum(cooler, 0) >= room.min_temperature_c] = length
    return minutes
