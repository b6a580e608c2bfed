"""Probabilities of exceeding a limit, from a forecast's p10, p50 and p90."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["lasting", "likely_over"]

_Z90: Final = 1.2816
"""Standard deviations from a normal distribution's median to its p90."""

_LEAST_SPREAD: Final = 0.05
"""Lower bound for the standard deviation, since stored forecasts are rounded to 0.1."""


def likely_over(quantiles: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Returns the probability of exceeding ``limit``, (n,), from the p10, p50 and p90 of a forecast, (3, n).

    On each side of the median, the distribution is taken as half of a normal distribution.

    >>> likely_over(np.array([[60.0], [66.0], [70.0]]), 70.0).round(2).tolist()
    [0.1]
    """
    low, median, high = quantiles
    above = limit >= median
    spread = np.maximum(np.where(above, high - median, median - low) / _Z90, _LEAST_SPREAD)
    z = np.clip((limit - median) / spread, -8.0, 8.0)
    # NumPy has no normal distribution. Accurate to 0.0003: E. Page, Applied Statistics 26 (1977) 75-76.
    return np.asarray(0.5 - 0.5 * np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def lasting(likely: NDArray[np.float64], slots: int) -> tuple[float, int, int]:
    """Returns how likely ``slots`` consecutive slots exceed a limit, and the span [first, end) of the likeliest run.

    A run is as likely as its least likely slot. The span is the likeliest run, extended on both sides as long as the
    probability is at least 0.5.

    Parameters
    ----------
    likely
        (n,) probability of exceeding the limit in each slot, 0 to 1.

    >>> lasting(np.array([0.1, 0.6, 0.9, 0.8, 0.2]), 2)
    (0.8, 1, 4)
    """
    runs = np.lib.stride_tricks.sliding_window_view(likely, slots).min(axis=1)
    peak = int(runs.argmax())
    first, end = peak, peak + slots
    while first > 0 and likely[first - 1] >= 0.5:
        first -= 1
    while end < len(likely) and likely[end] >= 0.5:
        end += 1
    return float(runs[peak]), first, end
