"""The weather ahead as model inputs: chooses the issue that a forecast may use, and expresses it relative to now.

There is no look-ahead. An issue counts only from `known_from` on, both in forecasts and in the past that states and
models are fitted to. As with all inputs, only changes from the newest value enter, never levels. A provider's mean
error over the last week is subtracted first, since the ridges have no intercept and could not learn it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.climate import saturation_vapour_pressure, vapour_pressure
from roomidity.domain.quantities import HUMIDITY, QUANTITIES, TEMPERATURE
from roomidity.domain.slots import SLOT_MS, to_epoch_ms
from roomidity.domain.weather import HOURS, WeatherIssue, WeatherUsed
from roomidity.forecasting.serving.features import WEATHER_FEATURES, WEATHER_LEADS, WEATHER_PAST, Basis
from roomidity.forecasting.serving.gaps import fill, mean_of_last
from roomidity.forecasting.window import STEPS, FloatArray, IntArray, Window, slot_number

__all__ = ["Outlook", "observed_ahead"]

Inputs = TypeVar("Inputs", bound=Basis)

_HOUR: Final = 4
"""Slots."""

BIAS_HOURS: Final = 7 * 24
"""Hours over which a provider's mean error is taken. At any place it lasts for weeks and changes with the season."""

_COURSE: Final = np.concatenate([[0], WEATHER_LEADS])
"""Slots ahead at which an issue is read: now and the leads."""

ANCHOR: Final = np.exp(-_COURSE / (12 * _HOUR))
"""Decay of the difference between outdoor sensor and issue, with a time constant of 12 h: it outlasts an afternoon."""

WEATHER_SCALE: Final = np.array([10.0, 5.0])
"""Inputs are divided by this: %RH and °C of an unusual day. Fixed, since few houses have weather to learn it from."""

WEATHER_CLIP: Final = 6.0

_VAPOUR, _WARMTH = 0, 1
"""Rows of outdoor values in this module: vapour pressure (hPa) and temperature (°C), in the order of QUANTITIES."""

_CELLS: Final = 1 << 20
"""Maximum number of pairs of issue time and issue compared, or of inputs made, at once, which bounds memory."""


@dataclass(frozen=True)
class Outlook:
    """A place's issues as arrays, in the order in which they were issued.

    Parameters
    ----------
    issues
        The complete issues: HOURS finite values of each quantity.
    known
        (issues,) number of the first slot at whose start each issue was known.
    first
        (issues,) beginning of each issue, in slots since 1970.
    values
        (2, issues, HOURS) vapour pressure (hPa) and temperature (°C).
    """

    issues: tuple[WeatherIssue, ...]
    known: IntArray
    first: FloatArray
    values: FloatArray

    @classmethod
    def of(cls, window: Window) -> Self:
        """Returns the window's issues, given in any order, that cover any of its slots or later ones."""
        begin = window.start - timedelta(hours=HOURS - 1)
        near = [one for one in window.issues if one.first >= begin and one.known_from <= window.end]
        whole = [one for one in near if len(one.temperature) == len(one.humidity) == HOURS]
        whole.sort(key=lambda one: (one.issued_at, one.known_from))
        parts = ([one.humidity for one in whole], [one.temperature for one in whole])
        values = np.array(parts, dtype=np.float64).reshape(2, len(whole), HOURS)
        finite = np.asarray(np.isfinite(values).all(axis=(0, 2)))
        if not finite.all():
            whole, values = [one for one, kept in zip(whole, finite, strict=True) if kept], values[:, finite]
        values[_VAPOUR] = vapour_pressure(values[_WARMTH], values[_VAPOUR])
        return cls(
            issues=tuple(whole),
            known=np.array([-(-to_epoch_ms(one.known_from) // SLOT_MS) for one in whole], dtype=np.int64),
            first=np.array([to_epoch_ms(one.first) / SLOT_MS for one in whole], dtype=np.float64),
            values=values,
        )

    def newest(self, at: IntArray, *, ahead: int = STEPS) -> IntArray:
        """Returns for each slot the index of the newest known issue that covers it, (times,), or -1 if there is none.

        Parameters
        ----------
        at
            (times,) slots since 1970, ascending.
        ahead
            Number of slots after ``at`` that an issue has to cover as well.
        """
        found = np.full(len(at), -1)
        if not self.issues:
            return found
        last = self.first + _HOUR * (HOURS - 1) - ahead
        step = max(1, _CELLS // len(self.issues))
        for begin in range(0, len(at), step):
            times = at[begin : begin + step, None]
            near = np.flatnonzero((self.first <= times[-1]) & (last >= times[0]) & (self.known <= times[-1]))
            usable = (self.known[near] <= times) & (self.first[near] <= times) & (times <= last[near])
            if len(near):
                newest = near[len(near) - 1 - usable[:, ::-1].argmax(axis=1)]
                found[begin : begin + step] = np.where(usable.any(axis=1), newest, -1)
        return found

    def used(self, at: datetime) -> WeatherUsed | None:
        """Returns the issue used by a forecast that is issued at the start of a slot, or None."""
        place = int(self.newest(np.array([slot_number(at)]))[0])
        if place < 0:
            return None
        issued_at = self.issues[place].issued_at
        return WeatherUsed(issued_at, (at - issued_at).total_seconds() / 3600)

    def ahead(self, basis: Inputs, window: Window, origins: IntArray) -> Inputs:
        """Returns the inputs at ``origins``, extended by the newest issue known at each.

        Parameters
        ----------
        basis
            The inputs of the window's rooms at these origins.
        window
            The readings behind the inputs, including outdoor ones if there is a sensor.
        origins
            (origins,) columns of the window at which forecasts begin.
        """
        at = np.asarray(origins) + window.first
        chosen = self.newest(at)
        if (chosen < 0).all():
            return basis
        begin = (int(at[0]) - 1) // _HOUR * _HOUR - BIAS_HOURS * _HOUR
        hours = np.arange(begin, int(at[-1]), _HOUR)
        stitched = self._read(self.newest(hours, ahead=0), hours + 0.5)
        sensor = _sensor(window, begin, int(at[-1]))
        hourly = sensor[:, ::_HOUR]
        newest = (at - 1 - begin) // _HOUR
        bias = _mean_error(stitched - hourly, newest)
        course = self._read(chosen[:, None], at[:, None] + _COURSE) - bias[..., None]
        course = course + np.nan_to_num(sensor[:, at - begin - 1, None] - course[..., :1]) * ANCHOR
        known = np.where(np.isfinite(hourly), hourly, stitched)
        return replace(basis, weather=_inputs(basis, course, _means(known, newest)))

    def _read(self, places: IntArray, at: NDArray[np.number[Any]]) -> FloatArray:
        """Returns the issues at ``places`` interpolated to times (slots since 1970), (2, ...), NaN if a place is -1."""
        if not self.issues:
            return np.full((2, *np.broadcast_shapes(places.shape, at.shape)), np.nan)
        hours = (at - self.first[places]) / _HOUR
        before = np.clip(hours.astype(np.int64), 0, HOURS - 2)
        part = hours - before
        values = (1 - part) * self.values[:, places, before] + part * self.values[:, places, before + 1]
        return np.where(places >= 0, values, np.nan)


def observed_ahead(basis: Basis, window: Window, origins: IntArray) -> Basis:
    """Returns the inputs with the weather as later measured by the outdoor sensor, where no issue was known.

    It replaces issues only for fitting ridges. Used anywhere else, it would be look-ahead and make forecasts look too
    good.
    """
    origins = np.asarray(origins)
    at = origins + window.first
    begin = (int(at[0]) - 1) // _HOUR * _HOUR - BIAS_HOURS * _HOUR
    sensor = _sensor(window, begin, window.last)
    places = (at - begin - 1)[:, None] + np.concatenate([[0], WEATHER_LEADS + 1])
    course = np.where(places < sensor.shape[1], sensor[:, np.minimum(places, sensor.shape[1] - 1)], np.nan)
    inputs = _inputs(basis, course, _means(sensor[:, ::_HOUR], (at - 1 - begin) // _HOUR))
    if basis.weather is not None:
        np.copyto(inputs, basis.weather, where=np.isfinite(basis.weather))
    return replace(basis, weather=inputs)


def _sensor(window: Window, first: int, last: int) -> FloatArray:
    """Returns outdoor vapour pressure and temperature in the slots from ``first`` to ``last``, (2, slots)."""
    values = np.full((len(QUANTITIES), last - first), np.nan)
    if window.outdoor is not None:
        begin, end = max(first, window.first), min(last, window.last)
        values[:, begin - first : end - first] = fill(window.outdoor)[:, begin - window.first : end - window.first]
        values[_VAPOUR] = vapour_pressure(values[TEMPERATURE], values[HUMIDITY])
    return values


def _mean_error(errors: FloatArray, newest: IntArray) -> FloatArray:
    """Returns the mean error over BIAS_HOURS up to each hour ``newest``, (2, origins).

    An unknown error counts as 0. So if little of the week is known, as for a provider's first issues, the correction is
    small.
    """
    sums = np.cumsum(np.concatenate([np.zeros((2, 1)), np.nan_to_num(errors)], axis=1), axis=1)
    return np.asarray((sums[:, newest + 1] - sums[:, newest + 1 - BIAS_HOURS]) / BIAS_HOURS)


def _means(known: FloatArray, newest: IntArray) -> FloatArray:
    """Returns means of hourly values over the last WEATHER_PAST hours, (2, origins, spans)."""
    return np.stack([mean_of_last(known, newest, int(span)) for span in WEATHER_PAST], axis=2)


def _inputs(basis: Basis, course: FloatArray, means: FloatArray) -> FloatArray:
    """Returns the inputs, (rooms, origins, WEATHER_FEATURES), from outdoor values now, at the leads, and from means.

    They are NaN if a value at a lead is unknown. If only a mean or a room's temperature is unknown, its inputs are 0,
    which stands for no difference.
    """
    now = course[..., :1]
    changes = np.concatenate([course[..., 1:] - now, np.nan_to_num(means - now)], axis=2)
    known = np.asarray(np.isfinite(course).all(axis=(0, 2)))
    rooms, origins = basis.newest.shape[:2]
    inputs = np.empty((rooms, origins, WEATHER_FEATURES))
    step = max(1, _CELLS // max(1, origins * WEATHER_FEATURES))  # rooms; of a single origin, all
    for begin in range(0, rooms, step):
        some = slice(begin, begin + step)
        saturated = saturation_vapour_pressure(basis.newest[some, :, TEMPERATURE, None])
        parts = (
            np.nan_to_num(100 * changes[_VAPOUR] / saturated),
            np.broadcast_to(changes[_WARMTH], (*saturated.shape[:2], changes.shape[2])),
        )
        scaled = np.concatenate([part / size for part, size in zip(parts, WEATHER_SCALE, strict=True)], axis=2)
        inputs[some] = np.where(known[:, None], np.clip(scaled, -WEATHER_CLIP, WEATHER_CLIP), np.nan)
    return inputs
