"""Inputs of the models: everything relative to the newest value, so that nothing depends on the season's level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.knots import INTERPOLATION, KNOTS
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT_S, SLOTS_A_DAY
from roomidity.forecasting.serving.gaps import PROFILE_DAYS, known_mean, mean_of_last, reached
from roomidity.forecasting.serving.outdoor import OUTDOOR_FEATURES, outdoor_inputs
from roomidity.forecasting.window import STEPS, FloatArray, IntArray

__all__ = [
    "CALENDAR",
    "FEATURES",
    "INPUTS",
    "INTERPOLATION",
    "KNOTS",
    "KNOT_BLOCKS",
    "KNOT_WEIGHTS",
    "OUTDOOR_BEGIN",
    "PAST_SLOTS",
    "SERIES_FEATURES",
    "WEATHER_FEATURES",
    "WEATHER_LEADS",
    "WEATHER_PAST",
    "YOUNG_FEATURES",
    "Basis",
    "Design",
    "calendar",
    "clock",
    "design",
    "local_time",
    "targets",
]

PAST_SLOTS: Final = PROFILE_DAYS * SLOTS_A_DAY + 1
"""Slots up to the newest one that the inputs look at: the newest and the seven days before it."""

KNOT_WEIGHTS: Final = INTERPOLATION.sum(axis=1)
"""Leads that each knot stands for."""

KNOT_BLOCKS: Final = (KNOTS - 1) // 12
"""The block of 12 leads (3 h) in which each knot lies."""

LAGS: Final = np.array([1, 2, 4, 8, 12, 16, *range(24, 185, 8)])
HOURLY: Final = np.flatnonzero(KNOTS % 4 == 0)
YOUNG_FEATURES: Final = len(LAGS) + 2
"""Of a quantity's inputs, those that a room has from its first two days on; the others need a week."""

SERIES_FEATURES: Final = YOUNG_FEATURES + len(HOURLY) + 1
HARMONICS: Final = 4
CALENDAR: Final = 2 * HARMONICS + 1
OUTDOOR_BEGIN: Final = len(QUANTITIES) * SERIES_FEATURES + CALENDAR
"""Where, among the inputs, those of the air outside begin; the room's own course and the clock stand before."""

FEATURES: Final = OUTDOOR_BEGIN + OUTDOOR_FEATURES
"""A room's own inputs: all that its ridges see."""

INPUTS: Final = FEATURES + len(QUANTITIES) * SERIES_FEATURES
"""A room's own inputs and the mean of the house's rooms: what the prior network sees."""

WEATHER_LEADS: Final = np.arange(8, STEPS + 1, 8)
"""Slots ahead at which the weather to come is looked at: every 2 h."""

WEATHER_PAST: Final = np.array([6, 24, 72])
"""Hours of the past over which it is averaged."""

WEATHER_FEATURES: Final = len(QUANTITIES) * (len(WEATHER_LEADS) + len(WEATHER_PAST))
"""Inputs of the weather ahead, which stand apart from the others: a house may know nothing of it."""


_AT_ONCE: Final = 512
"""Origins whose mean over the rooms is taken at once."""


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What ridges and the prior network see of several rooms at several origins.

    Parameters
    ----------
    newest
        The value that differences are taken from, (rooms, origins, 2); NaN where there is none.
    series
        Differences from it, (rooms, origins, 2, SERIES_FEATURES); 0 where unknown.
    outdoor
        The unusual part of the difference to the air outside, (rooms, origins, OUTDOOR_FEATURES); 0 where unknown.
    weather
        Changes of the air outside to come and since, as far as they were known, for vapour pressure at the room's
        temperature and for temperature, scaled and clipped, (rooms, origins, WEATHER_FEATURES); NaN at origins
        without an issue. None where there is no issue at all: see :mod:`~roomidity.forecasting.serving.weather`.
    """

    newest: FloatArray
    series: FloatArray
    outdoor: FloatArray
    weather: FloatArray | None = None

    @property
    def informed(self) -> NDArray[np.bool_]:
        """Whether an issue of the weather was known at each origin, (origins,)."""
        if self.weather is None:
            return np.zeros(self.newest.shape[1], dtype=np.bool_)
        return np.asarray(np.isfinite(self.weather).all(axis=(0, 2)))

    def inputs(self, clock: FloatArray, *, only: slice = slice(None)) -> FloatArray:
        """Returns inputs, (rooms, origins, INPUTS): the room's own, the clock, the air outside, the mean of the rooms.

        The weather and the people move all rooms of a house, so their mean tells what is not one room's noise. Rooms
        that measure nothing do not count.

        Parameters
        ----------
        clock
            What :func:`calendar` says of the origins, (origins, CALENDAR).
        only
            Of which rooms; the mean is of all of them.
        """
        series, outdoor = self.series[only], self.outdoor[only]
        rooms, origins = series.shape[:2]
        return np.concatenate(
            [
                series.reshape(rooms, origins, -1),
                np.broadcast_to(clock, (rooms, origins, CALENDAR)),
                outdoor,
                np.broadcast_to(self._house.reshape(origins, -1), (rooms, origins, INPUTS - FEATURES)),
            ],
            axis=2,
        )

    @cached_property
    def _house(self) -> FloatArray:
        """The mean over the rooms, some origins at a time: a product of all would be as large as the design."""
        means = np.empty(self.series.shape[1:])
        for begin in range(0, len(means), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            measuring = np.isfinite(self.newest[:, part])[..., None]
            total = (self.series[:, part] * measuring).sum(axis=0)
            means[part] = total / np.maximum(measuring.sum(axis=0), 1)
        return means


@dataclass(frozen=True, kw_only=True)
class Design(Basis):
    """All that a forecast is made from: besides the inputs, the courses that simple experts and error scales go by.

    Parameters
    ----------
    profile
        Mean increment at the knots over the last 7 days, (rooms, origins, 2, knots); 0 where unknown.
    yesterday
        Values 24 h before the knots minus the newest, (rooms, origins, 2, knots); 0 where unknown.
    volatility
        Root mean square increment at the knots over the last 7 days, (rooms, origins, 2, knots); 0 where unknown.
    """

    profile: FloatArray
    yesterday: FloatArray
    volatility: FloatArray


def design(values: FloatArray, origins: IntArray, outdoor: FloatArray | None = None) -> Design:
    """Returns the inputs at ``origins``, from nothing but the slots before each.

    Parameters
    ----------
    values
        Raw slot means, (rooms, 2, slots).
    origins
        Columns at which forecasts begin, in order: column ``o`` is the first unknown slot. From 0 to slots.
    outdoor
        The same of the air outside, (2, slots), where the house measures it.
    """
    padded, now = reached(values, origins, PAST_SLOTS)
    newest = padded[:, :, now]
    lagged = padded[:, :, now[:, None] - LAGS] - newest[..., None]

    means = (
        np.stack([mean_of_last(padded, now, span) for span in (SLOTS_A_DAY, 2 * SLOTS_A_DAY)], axis=3)
        - newest[..., None]
    )

    days = SLOTS_A_DAY * np.arange(1, PROFILE_DAYS + 1)
    bases = padded[:, :, now[:, None] - days]
    later = padded[:, :, now[:, None, None] + KNOTS[:, None] - days]
    increments = later - bases[..., None, :]
    profile = known_mean(increments)
    same_time = known_mean(bases) - newest
    yesterday = later[..., 0] - newest[..., None]

    series = np.concatenate([lagged, means, profile[..., HOURLY], same_time[..., None]], axis=3)
    return Design(
        newest=newest.swapaxes(1, 2),
        series=np.nan_to_num(series).swapaxes(1, 2),
        profile=np.nan_to_num(profile).swapaxes(1, 2),
        yesterday=np.nan_to_num(yesterday).swapaxes(1, 2),
        volatility=np.sqrt(np.nan_to_num(known_mean(increments**2))).swapaxes(1, 2),
        outdoor=(
            np.zeros((len(values), len(now), OUTDOOR_FEATURES))
            if outdoor is None
            else outdoor_inputs(values, outdoor, origins)
        ),
    )


def targets(values: FloatArray, origins: IntArray) -> FloatArray:
    """Returns raw values at the knots after each origin, (rooms, origins, 2, knots); NaN where there is none (yet).

    Parameters
    ----------
    values
        Slot means, (rooms, 2, slots).
    origins
        Columns at which forecasts begin.
    """
    padded = np.concatenate([values, np.full((*values.shape[:2], STEPS), np.nan)], axis=2)
    return padded[:, :, np.asarray(origins)[:, None] + KNOTS - 1].swapaxes(1, 2)


def calendar(slots: IntArray | Sequence[int], timezone: str) -> FloatArray:
    """Returns the local time of day and the weekend at slots numbered since 1970, (slots, CALENDAR).

    Four daily harmonics, sine and cosine, then 1 on Saturdays and Sundays.
    """
    return clock(*local_time(slots, timezone))


def local_time(slots: IntArray | Sequence[int], timezone: str) -> tuple[FloatArray, FloatArray]:
    """Returns local time as a share of the day, and 1 on Saturdays and Sundays, at slots numbered since 1970."""
    zone = ZoneInfo(timezone)
    numbers = np.asarray(slots, dtype=np.int64)
    hours, where = np.unique(numbers // 4, return_inverse=True)
    shift = np.array([_offset_s(hour * 3600, zone) for hour in hours.tolist()], dtype=np.int64)[where]
    local = numbers * SLOT_S + shift
    return (local % 86_400) / 86_400, ((local // 86_400 + 3) % 7 >= 5).astype(np.float64)


def clock(day: FloatArray, weekend: FloatArray) -> FloatArray:
    """Returns the calendar's inputs, (slots, CALENDAR), from what :func:`local_time` says."""
    turns = 2 * np.pi * day[:, None] * np.arange(1, HARMONICS + 1)
    return np.concatenate([np.sin(turns), np.cos(turns), weekend[:, None]], axis=1)


def _offset_s(epoch_s: int, zone: ZoneInfo) -> int:
    """Seconds that local time is ahead of UTC; zones change on hours of UTC."""
    offset = datetime.fromtimestamp(epoch_s, tz=UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())
