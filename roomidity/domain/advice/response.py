"""How much and how slowly a room's water follows that of the air outside.

The response is fitted to anomalies from the mean of 7 days, so that the season, which both share, counts for nothing.
It is not an air-change rate, which humidity alone cannot give: surfaces exchange some 15 times the water of the air,
and a balance that leaves them out finds a tenth of the true rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LEAST_R2", "OutdoorResponse", "outdoor_response"]

FloatArray = NDArray[np.float64]

LEAST_R2: Final = 0.2
"""Below this, sources inside hide the response, as in bathrooms (R² about .06)."""

_WEEK_H: Final = 168
_LEAST_HOURS: Final = 14 * 24
_TAUS_H: Final = np.array([1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 30, 36, 48, 72, 96], dtype=np.float64)


@dataclass(frozen=True)
class OutdoorResponse:
    """A room's water follows ``gain`` times that outside, smoothed over ``tau_h`` hours.

    ``r2`` is the share of the room's weekly anomalies that this explains, over ``hours`` known hours.
    """

    gain: float
    tau_h: float
    r2: float
    hours: int

    @property
    def is_reliable(self) -> bool:
        """Whether the response explains enough for its numbers to be shown without a warning."""
        return self.r2 >= LEAST_R2


def outdoor_response(room_g_kg: ArrayLike, outside_g_kg: ArrayLike) -> OutdoorResponse | None:
    """Returns the response that fits two hourly series of mixing ratios (g/kg, NaN where unknown) of equal length.

    Returns None if fewer than 14 days are known of both, or the air outside never changed.

    Notes
    -----
    The time constant is the best of a grid from 1 to 96 h.
    """
    room, outside = np.asarray(room_g_kg, dtype=np.float64), np.asarray(outside_g_kg, dtype=np.float64)
    smooth = _smoothed(outside)
    known = np.isfinite(room) & np.isfinite(smooth).all(axis=1) & np.isfinite(outside)
    if known.sum() < _LEAST_HOURS:
        return None
    y = _anomalies(np.where(known, room, np.nan)[:, None])[known]
    x = _anomalies(np.where(known[:, None], smooth, np.nan))[known]
    power, total = (x**2).sum(axis=0), float((y**2).sum())
    if power.min() < 1e-9 or total < 1e-9:
        return None
    product = (x * y).sum(axis=0)
    best = int(np.argmax(np.where(product > 0, product**2 / power, 0.0)))
    gain = max(float(product[best] / power[best]), 0.0)
    return OutdoorResponse(gain, float(_TAUS_H[best]), gain * float(product[best]) / total, int(known.sum()))


def _smoothed(values: FloatArray) -> FloatArray:
    """Returns exponential means for every tau, shape (hours, taus). An unknown hour leaves them as they are."""
    share = 1 - np.exp(-1 / _TAUS_H)
    mean = np.full(len(_TAUS_H), np.nan)
    means = np.empty((len(values), len(_TAUS_H)))
    for hour, value in enumerate(values.tolist()):
        if np.isfinite(value):
            mean = np.where(np.isnan(mean), value, mean + share * (value - mean))
        means[hour] = mean
    return means


def _anomalies(values: FloatArray) -> FloatArray:
    """Returns columns minus their centred means of 7 days, which leave unknown hours out."""
    known = np.isfinite(values)
    sums, counts = (
        np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(column, axis=0)])
        for column in (np.where(known, values, 0.0), known.astype(np.float64))
    )
    hour = np.arange(len(values))
    first, last = np.maximum(hour - _WEEK_H // 2, 0), np.minimum(hour + _WEEK_H // 2, len(values))
    return np.asarray(values - (sums[last] - sums[first]) / np.maximum(counts[last] - counts[first], 1.0))
