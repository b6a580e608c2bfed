"""What is to be expected of a room and of the air outside in the next 24 h, and what that rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from roomidity.domain.climate import mixing_ratio, vapour_pressure
from roomidity.domain.comfort.walls import surface_humidity
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.slots import SLOT_S, SLOTS_A_DAY
from roomidity.domain.weather import WeatherIssue

__all__ = ["Outlook", "outdoor_mean_ahead", "outlook_of"]

FloatArray = NDArray[np.float64]

_USABLE: Final = frozenset({"full", "prior"})
"""Grades of forecasts that advice is based on. ``sparse`` ones are too uncertain, and ``persistence`` knows nothing."""
_OLDEST: Final = timedelta(hours=2)
"""A forecast issued longer ago than this missed eight ticks: something is wrong, and what is measured now decides."""
_SLOT_H: Final = SLOT_S / 3600
_MEAN_H: Final = 12.0


@dataclass(frozen=True)
class Outlook:
    """The 96 slots from ``first`` on.

    Parameters
    ----------
    first
        Start of the first slot.
    humidity
        Array of shape (3, 96) in %RH: p10, p50 and p90. None if there is no forecast that can be relied on.
    temperature
        Array of shape (96,) in °C, the room's p50, or None as above.
    outside_temperature, outside_humidity
        Arrays of shape (96,) in °C and %RH, NaN beyond what is known, or None without weather ahead.
    missing
        Why the forecast or the weather is missing: ``no_forecast``, ``old_forecast``, ``sparse``, ``persistence``,
        ``no_weather``, ``no_humidity``. Empty if both are there.
    """

    first: datetime
    humidity: FloatArray | None
    temperature: FloatArray | None
    outside_temperature: FloatArray | None
    outside_humidity: FloatArray | None
    missing: tuple[str, ...] = ()

    @property
    def outside_g_kg(self) -> FloatArray | None:
        """The mixing ratio outside in g/kg, shape (96,), or None."""
        if self.outside_temperature is None or self.outside_humidity is None:
            return None
        return np.asarray(mixing_ratio(vapour_pressure(self.outside_temperature, self.outside_humidity)))

    @property
    def room_g_kg(self) -> FloatArray | None:
        """The mixing ratio in the room by the medians in g/kg, shape (96,), or None."""
        if self.temperature is None or self.humidity is None:
            return None
        return np.asarray(mixing_ratio(vapour_pressure(self.temperature, self.humidity[1])))

    def surface(self, *, f_rsi: float, outside_mean_c: float) -> FloatArray | None:
        """Returns %RH at the coldest surface by p10, p50 and p90, shape (3, 96), or None without a forecast.

        ``outside_mean_c`` is the mean of the last 12 h. Without weather ahead it is taken to stay.
        """
        if self.temperature is None or self.humidity is None:
            return None
        mean = np.full(SLOTS_A_DAY, outside_mean_c)
        if self.outside_temperature is not None:
            mean = outdoor_mean_ahead(outside_mean_c, self.outside_temperature)
        return surface_humidity(self.temperature, self.humidity, mean, f_rsi=f_rsi)


def outlook_of(
    stored: StoredForecast | None,
    *,
    now: datetime,
    weather: WeatherIssue | None = None,
) -> Outlook:
    """Returns what can be relied on of a room's forecast and the weather ahead, and what is missing."""
    missing: list[str] = []
    humidity = temperature = None
    why = _unusable(stored, now)
    if stored is not None and why is None:
        humidity, temperature = stored.quantiles[0], stored.quantiles[1, 1]
    elif why is not None:
        missing.append(why)
    at = stored.issued_at if stored is not None and why is None else now
    outside_c, outside_rh = _weather_ahead(weather, at)
    if outside_c is None:
        missing.append("no_weather")
    return Outlook(at, humidity, temperature, outside_c, outside_rh, tuple(missing))


def outdoor_mean_ahead(mean_c: float, temperature: ArrayLike) -> FloatArray:
    """Returns the 12 h exponential mean after each slot of ``temperature`` (°C), from that before, ``mean_c``."""
    share = 1 - math.exp(-_SLOT_H / _MEAN_H)
    means = []
    for value in np.asarray(temperature, dtype=np.float64).tolist():
        if math.isfinite(value):
            mean_c = value if math.isnan(mean_c) else mean_c + share * (value - mean_c)
        means.append(mean_c)
    return np.array(means)


def _unusable(stored: StoredForecast | None, now: datetime) -> str | None:
    """Returns why a forecast is not to be relied on, or None if it is."""
    if stored is None:
        return "no_forecast"
    if not timedelta(0) <= now - stored.issued_at <= _OLDEST:
        return "old_forecast"
    if not np.isfinite(stored.quantiles).all():
        return "no_humidity"
    grades: Mapping[str, str] = stored.grade
    worst = [grade for grade in grades.values() if grade not in _USABLE]
    if worst or not grades:
        return "persistence" if "persistence" in worst else "sparse"
    return None


def _weather_ahead(weather: WeatherIssue | None, at: datetime) -> tuple[FloatArray | None, FloatArray | None]:
    """Returns the temperature and humidity of the slots from ``at`` on, or (None, None) if none is covered."""
    if weather is None or weather.known_from > at:
        return None, None
    hours = np.arange(len(weather.temperature))
    wanted = (at - weather.first).total_seconds() / 3600 + _SLOT_H * (np.arange(SLOTS_A_DAY) + 0.5)
    found = [
        np.interp(wanted, hours, np.asarray(values, dtype=np.float64), left=np.nan, right=np.nan)
        for values in (weather.temperature, weather.humidity)
    ]
    if not np.isfinite(np.array(found)).all(axis=0)[:4].all():  # The next hour at least.
        return None, None
    return found[0], found[1]
