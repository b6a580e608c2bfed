"""Series with gaps: filled forward for at most 3 h (``FILL_SLOTS``), and averaged over what is known."""

from __future__ import annotations

from typing import Final

import numpy as np

from roomidity.forecasting.window import FloatArray, IntArray, Window

__all__ = ["FILL_SLOTS", "PROFILE_DAYS", "fill", "known_mean", "led", "mean_of_last", "measured_slots", "reached"]

PROFILE_DAYS: Final = 7
"""Days that the usual course is taken from: a week, so that every weekday is in it once."""

_HOUR: Final = 4
"""Slots."""

FILL_SLOTS: Final = 12
"""A gap of at most 3 h is bridged with the value before it; after that the newest value is too old to build on."""


def fill(values: FloatArray, limit: int = FILL_SLOTS) -> FloatArray:
    """Returns ``values`` with gaps along the last axis filled forward, causally, for at most ``limit`` slots.

    >>> fill(np.array([np.nan, 1.0, np.nan, np.nan, 2.0]), limit=1)
    array([nan,  1.,  1., nan,  2.])
    """
    known = np.isfinite(values)
    heard = np.flatnonzero(known.any(axis=tuple(range(values.ndim - 1))))
    if len(heard) and heard[0]:  # before the first reading of any, there is nothing to fill with
        return led(fill(values[..., heard[0] :], limit), int(heard[0]))
    if known.all():
        return values.copy()
    places = np.arange(values.shape[-1])
    newest = np.maximum.accumulate(np.where(known, places, -1), axis=-1)
    filled = np.take_along_axis(values, np.maximum(newest, 0), axis=-1)
    return np.where((newest >= 0) & (places - newest <= limit), filled, np.nan)


def led(values: FloatArray, slots: int) -> FloatArray:
    """Returns ``values`` with ``slots`` unknown ones before the first, along the last axis."""
    return np.concatenate([np.full((*values.shape[:-1], slots), np.nan), values], axis=-1) if slots else values


def reached(values: FloatArray, origins: IntArray, slots: int) -> tuple[FloatArray, IntArray]:
    """Returns the columns that ``slots`` before the ``origins`` lie in, filled, and the newest column of each origin.

    No others are gone through; where there are too few, unknown ones stand before them.

    Parameters
    ----------
    values
        Raw values, (..., slots).
    origins
        First unknown columns, in order, (origins,).
    slots
        How far back is looked.
    """
    begin = max(int(origins[0]) - slots - FILL_SLOTS, 0) if len(origins) else 0
    lead = max(slots - (int(origins[0]) - begin), 0) if len(origins) else slots
    end = int(origins[-1]) if len(origins) else values.shape[-1]
    return led(fill(values[..., begin:end]), lead), np.asarray(origins) - begin + lead - 1


def mean_of_last(values: FloatArray, newest: IntArray, slots: int) -> FloatArray:
    """Returns the mean of what is known of ``slots`` up to each column ``newest``, (..., origins); else NaN.

    >>> mean_of_last(np.array([1.0, np.nan, 4.0, 5.0]), np.array([2, 3]), 2)
    array([4. , 4.5])
    """
    if len(newest) == 1:  # as in serving: running sums over all that is known would be thrown away
        last = int(newest[0]) + 1
        return known_mean(values[..., max(last - slots, 0) : last])[..., None]
    zero = np.zeros((*values.shape[:-1], 1))
    sums = np.cumsum(np.concatenate([zero, np.nan_to_num(values)], axis=-1), axis=-1)
    counts = np.cumsum(np.concatenate([zero, np.isfinite(values)], axis=-1), axis=-1)
    end, begin = newest + 1, newest + 1 - slots
    count = counts[..., end] - counts[..., begin]
    return np.where(count > 0, (sums[..., end] - sums[..., begin]) / np.maximum(count, 1), np.nan)


def known_mean(values: FloatArray) -> FloatArray:
    """Returns the mean over the last axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=-1) / np.maximum(count, 1), np.nan)


def measured_slots(window: Window) -> IntArray:
    """Returns the numbers of the slots of those hours in which something was measured in any room, in order of time.

    By the hour, so that a sensor that reports once in one counts as one that reports every minute does.
    """
    numbers = window.first + np.arange(window.slots)
    measured = np.isfinite(window.values).any(axis=(0, 1))
    return numbers[np.isin(numbers // _HOUR, numbers[measured] // _HOUR)]
