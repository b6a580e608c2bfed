"""From a forecast's p10, p50 and p90 to how likely a limit is passed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["lasting", "likely_over"]

_Z90: Final = 1.2816
"""Standard deviations from a normal distribution's median to its p90."""

_LEAST_SPREAD: Final = 0.05
"""Stored forecasts are rounded to 0.1."""


def likely_over(quantiles: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """The probability of more than ``limit``, from (3, n) p10, p50, p90: half a normal distribution on either side.

    >>> likely_over(np.array([[60.0], [66.0], [70.0]]), 70.0).round(2).tolist()
    [0.1]
    """
    low, median, high = quantiles
    above = limit >= median
    spread = np.maximum(np.where(above, high - median, median - low) / _Z90, _LEAST_SPREAD)
    z = np.clip((limit - median) / spread, -8.0, 8.0)
    # The normal distribution to 0.0003, by E. Page, Applied Statistics 26 (1977) 75-76; NumPy has none.
    return np.asarray(0.5 - 0.5 * np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def lasting(likely: NDArray[np.float64], slots: int) -> tuple[float, int, int]:
    """How likely some slots in a row are over, and the span [first, end) around the likeliest of them.

    In a row the least likely counts. The span is all beside it that is likelier than not, at least those slots.

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
