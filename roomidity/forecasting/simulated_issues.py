"""Simulates weather forecasts as a provider might have issued them: the measured weather with realistic errors.

They serve backtests of houses without a history of issues, the training of the prior, and the demo.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from roomidity.domain.climate import dew_point, relative_humidity, saturation_vapour_pressure, vapour_pressure
from roomidity.domain.quantities import HUMIDITY, TEMPERATURE
from roomidity.domain.slots import SLOT_MS, from_epoch_ms
from roomidity.domain.weather import HOURS, WeatherIssue
from roomidity.forecasting.window import FloatArray

__all__ = ["DELAY", "EVERY_SLOTS", "simulate_issues"]

EVERY_SLOTS: Final = 24
"""Slots between two runs of the provider's model, 6 h."""

DELAY: Final = timedelta(hours=4)
"""Delay between a run's time and the availability of its forecast."""

MEMORY_AN_HOUR: Final = 0.95
"""Autocorrelation of errors at leads one hour apart."""

BIAS_MEMORY_ISSUES: Final = 40.0
"""Time constant of the slow bias in issues (ten days), after which its autocorrelation has fallen to 1/e."""

GAP_HOURS: Final = 3
"""Longest gap in the outdoor readings that is interpolated, in hours."""

_HOUR: Final = 4
"""Slots."""


@dataclass(frozen=True)
class _Errors:
    """Standard deviations (K) of one quantity: at a run's time, the increase a day ahead, and that of a slow bias."""

    now: float
    a_day: float
    bias: float


TEMPERATURE_ERRORS: Final = _Errors(now=0.6, a_day=0.8, bias=0.4)
DEW_POINT_ERRORS: Final = _Errors(now=0.8, a_day=0.9, bias=0.5)
"""As for point forecasts: 24 h from now, including the issue's age, temperature is off by 1.7 K, dew point by 2.0 K."""


def simulate_issues(
    outdoor: FloatArray, *, first: int, seed: int | None, place: str = "house:simulated"
) -> list[WeatherIssue]:
    """Returns an issue for every 6 h of the readings, oldest first, as they would have arrived.

    Each covers HOURS hours from its time on, and is known :data:`DELAY` later. There is no issue if the weather after
    it was not measured, except that the last issues continue the end of the readings.

    Parameters
    ----------
    outdoor
        (2, slots) outdoor slot means: humidity (%RH), then temperature (°C). NaN where not measured.
    first
        Number of the first slot since 1970.
    seed
        Seed of the errors, or None for perfect forecasts that are known when they are issued.
    place
        As in :class:`~roomidity.domain.weather.WeatherIssue`.
    """
    begin = -(-first // EVERY_SLOTS) * EVERY_SLOTS
    hourly = _bridged(outdoor[:, begin - first :: _HOUR]) if outdoor.shape[1] > begin - first else np.empty((2, 0))
    count = -(-hourly.shape[1] * _HOUR // EVERY_SLOTS)
    if not count:
        return []
    warmth, vapour = hourly[TEMPERATURE], vapour_pressure(hourly[TEMPERATURE], np.maximum(hourly[HUMIDITY], 1.0))
    ahead = np.arange(count)[:, None] * (EVERY_SLOTS // _HOUR) + np.arange(HOURS)
    ahead = np.minimum(ahead, hourly.shape[1] - 1)
    temperature, dew = warmth[ahead], dew_point(vapour)[ahead]
    if seed is not None:
        rng = np.random.default_rng(seed)
        temperature = temperature + _errors(rng, count, TEMPERATURE_ERRORS)
        dew = dew + _errors(rng, count, DEW_POINT_ERRORS)
    pressure = saturation_vapour_pressure(np.minimum(dew, temperature))
    humidity = np.clip(relative_humidity(temperature, pressure), 0.0, 100.0)
    whole = np.flatnonzero(np.isfinite(temperature + humidity).all(axis=1))
    delay = timedelta(0) if seed is None else DELAY
    found = []
    for number in whole.tolist():
        issued_at = from_epoch_ms((begin + number * EVERY_SLOTS) * SLOT_MS)
        found.append(
            WeatherIssue(
                place=place,
                issued_at=issued_at,
                known_from=issued_at + delay,
                first=issued_at,
                temperature=tuple(temperature[number].tolist()),
                humidity=tuple(humidity[number].tolist()),
            )
        )
    return found


def _errors(rng: np.random.Generator, count: int, of: _Errors) -> FloatArray:
    """Errors of ``count`` issues, (issues, HOURS): autoregressive along the lead, and a bias that changes slowly."""
    push = np.sqrt(1 - MEMORY_AN_HOUR**2)
    course = rng.standard_normal((count, HOURS))
    for hour in range(1, HOURS):
        course[:, hour] = MEMORY_AN_HOUR * course[:, hour - 1] + push * course[:, hour]
    keep = float(np.exp(-1 / BIAS_MEMORY_ISSUES))
    bias = rng.standard_normal(count)
    for issue in range(1, count):
        bias[issue] = keep * bias[issue - 1] + np.sqrt(1 - keep**2) * bias[issue]
    size = of.now + of.a_day * np.arange(HOURS) / 24
    return np.asarray(size * course + of.bias * bias[:, None])


def _bridged(hourly: FloatArray) -> FloatArray:
    """Values with gaps of at most GAP_HOURS filled along straight lines."""
    filled = np.array(hourly, dtype=np.float64)
    places = np.arange(filled.shape[1])
    for row in filled:
        known = np.flatnonzero(np.isfinite(row))
        if len(known) < 2:
            continue
        after = np.clip(np.searchsorted(known, places), 1, len(known) - 1)
        gap = known[after] - known[after - 1] - 1
        inside = (places > known[0]) & (places < known[-1]) & (gap <= GAP_HOURS)
        row[inside] = np.interp(places[inside], known, row[known])
    return filled
