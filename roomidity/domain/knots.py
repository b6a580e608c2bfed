"""Knots: the slots at which a forecast is predicted and stored. Between them it is interpolated linearly.

Models predict only at the knots, so storing 28 numbers instead of 96 loses nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from roomidity.domain.slots import SLOTS_A_DAY

__all__ = ["INTERPOLATION", "KNOTS", "KNOTS_TEXT", "at_knots", "knots_of", "spread"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int_]

KNOTS_TEXT: Final = "1-4,6,8-96/4"
"""The knots as stored in items, in the range and step notation of cron. A list of numbers would take 75 bytes more, and
so a second write unit."""


def knots_of(text: str) -> IntArray:
    """Returns the leads (in slots) that a text such as ``1-4,6,8-96/4`` denotes.

    >>> knots_of("1-4,6,8-96/44").tolist()
    [1, 2, 3, 4, 6, 8, 52, 96]

    Raises
    ------
    ValueError
        If the text is malformed, or the leads do not ascend from 1 to 96.
    """
    leads: list[int] = []
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        leads += range(int(first), int(last or first) + 1, int(step or 1))
    if leads != sorted(set(leads)) or not leads or (leads[0], leads[-1]) != (1, SLOTS_A_DAY):
        raise ValueError(f"its knots {text!r:.80} do not ascend from 1 to {SLOTS_A_DAY}, as {KNOTS_TEXT!r} does")
    return np.array(leads)


KNOTS: Final = knots_of(KNOTS_TEXT)
"""The leads that models predict, fewer than a third of all. The others are interpolated linearly."""

INTERPOLATION: Final = np.array([np.interp(np.arange(1, SLOTS_A_DAY + 1), KNOTS, unit) for unit in np.eye(len(KNOTS))])
"""(knots, 96) matrix that interpolates values at the knots to all leads."""


def at_knots(values: FloatArray) -> FloatArray:
    """Returns the values at the knots, (..., 28), of values for all slots, (..., 96)."""
    chosen: FloatArray = values[..., KNOTS - 1]
    return chosen


def spread(values: FloatArray, knots: str = KNOTS_TEXT, *, decimals: int) -> FloatArray:
    """Returns values for all slots, (..., 96), interpolated from those at the knots, (..., knots), and rounded.

    Values at the knots are preserved. The result is the same on every machine and for every shape, because it is
    computed element by element. In a matrix product, the order of summation depends on the shape.

    >>> spread(KNOTS / 10, decimals=1)[4:8]
    array([0.5, 0.6, 0.7, 0.8])
    """
    left, share = _between(knots)
    lower, upper = values[..., left], values[..., np.minimum(left + 1, values.shape[-1] - 1)]
    return (lower + (upper - lower) * share).round(decimals)


@cache
def _between(knots: str) -> tuple[IntArray, FloatArray]:
    """Returns for each slot the index of the knot at or before it, and the fraction (0 to 1) of the way to the next."""
    leads = knots_of(knots)
    slots = np.arange(1, SLOTS_A_DAY + 1)
    left = np.searchsorted(leads, slots, side="right") - 1
    gaps = np.diff(leads, append=leads[-1] + 1)
    return left, (slots - leads[left]) / gaps[left]
