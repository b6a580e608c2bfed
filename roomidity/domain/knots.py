"""Knots: the slots of a forecast at which numbers are kept; between them lie straight lines.

A model predicts at the knots alone, so that nothing is lost where only those are stored: 28 numbers for 96.
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
"""How items name them: ranges and steps as cron writes them. A list of the numbers would take 75 bytes more, and with
them a second write unit."""


def knots_of(text: str) -> IntArray:
    """Returns the leads that a text such as ``1-4,6,8-96/4`` names.

    >>> knots_of("1-4,6,8-96/44").tolist()
    [1, 2, 3, 4, 6, 8, 52, 96]

    Raises
    ------
    ValueError
        If it has another form, or they do not ascend from 1 to 96.
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
"""Leads that models predict; the others lie on straight lines between: a third of the numbers, for a smooth course."""

INTERPOLATION: Final = np.array([np.interp(np.arange(1, SLOTS_A_DAY + 1), KNOTS, unit) for unit in np.eye(len(KNOTS))])
"""Matrix (knots, 96) that spreads values at the knots over all leads."""


def at_knots(values: FloatArray) -> FloatArray:
    """Returns what stands at the knots, (..., 28), of values of all slots, (..., 96)."""
    chosen: FloatArray = values[..., KNOTS - 1]
    return chosen


def spread(values: FloatArray, knots: str = KNOTS_TEXT, *, decimals: int) -> FloatArray:
    """Returns values of all slots, (..., 96), from those at the knots, rounded; what stands at a knot stays as it is.

    The same numbers give the same ones, wherever it is done: element by element, by no matrix product whose order of
    sums depends on its shape.

    >>> spread(KNOTS / 10, decimals=1)[4:8]
    array([0.5, 0.6, 0.7, 0.8])
    """
    left, share = _between(knots)
    lower, upper = values[..., left], values[..., np.minimum(left + 1, values.shape[-1] - 1)]
    return (lower + (upper - lower) * share).round(decimals)


@cache
def _between(knots: str) -> tuple[IntArray, FloatArray]:
    """For each slot the knot at or before it, and how far it lies on the way to the next, 0 to 1."""
    leads = knots_of(knots)
    slots = np.arange(1, SLOTS_A_DAY + 1)
    left = np.searchsorted(leads, slots, side="right") - 1
    gaps = np.diff(leads, append=leads[-1] + 1)
    return left, (slots - leads[left]) / gaps[left]
