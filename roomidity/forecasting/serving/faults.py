"""Sensor faults that a course of slot means gives away: values that stand still, and jumps that no room makes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import SPECS, TEMPERATURE
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.window import FloatArray, Window

__all__ = ["FAULTS", "JUMP", "STUCK", "faults", "without_faults", "without_jumps"]

FAULTS: Final = ("", "stuck", "jump")
"""What each code of :func:`faults` says; the first, that nothing is wrong."""

STUCK: Final = 1
JUMP: Final = 2

STUCK_SLOTS: Final = SLOTS_A_DAY
"""The same mean for a day: sensors of a tenth of a degree were seen to rest for 13 h in rooms that nobody used."""

JUMPS: Final = tuple(spec.jump for spec in SPECS)
"""%RH and °C that a room does not go and come back within JUMP_SLOTS."""

JUMP_SLOTS: Final = 2


def faults(values: FloatArray) -> NDArray[np.int8]:
    """The place in FAULTS of what is wrong with each slot, of the shape of ``values``; 0 where there is no reading.

    A slot is judged by those on both sides of it, so the newest is never called a jump before it has come back.

    Parameters
    ----------
    values
        Raw slot means, (rooms, 2, slots), humidity (%RH) then temperature (°C); NaN where there is no reading.
    """
    return np.where(_stuck(values), STUCK, np.where(_jumps(values), JUMP, 0)).astype(np.int8)


def without_faults(window: Window) -> Window:
    """The window with its faulty slots unknown; the same object where there are none."""
    return _without(window, faults(window.values) > 0)


def without_jumps(window: Window) -> Window:
    """The window without its jumps: what forecasts build on, for one wild value would carry 24 h with it.

    The newest slot cannot have come back yet. A temperature there that jumped waits for the next to confirm it; a
    humidity does not: steam is as fast.
    """
    calm = _without(window, _jumps(window.values))
    if window.slots < 2:
        return calm
    before, newest = calm.values[:, TEMPERATURE, -2], calm.values[:, TEMPERATURE, -1]
    unconfirmed = np.zeros(window.values.shape, dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        unconfirmed[:, TEMPERATURE, -1] = np.abs(newest - before) > JUMPS[TEMPERATURE]
    return _without(calm, unconfirmed)


def _without(window: Window, wrong: NDArray[np.bool_]) -> Window:
    return replace(window, values=np.where(wrong, np.nan, window.values)) if wrong.any() else window


def _stuck(values: FloatArray) -> NDArray[np.bool_]:
    """Where a reading stands in a run of STUCK_SLOTS or more that are the same, gaps not counted."""
    found = np.zeros(values.shape, dtype=np.bool_)
    for series in np.ndindex(*values.shape[:2]):
        known = np.flatnonzero(np.isfinite(values[series]))
        run = np.cumsum(np.diff(values[series][known], prepend=np.nan) != 0) - 1
        lengths = np.bincount(run) if len(run) else run
        found[series][known] = lengths[run] >= STUCK_SLOTS
    return found


def _jumps(values: FloatArray) -> NDArray[np.bool_]:
    """Where at most JUMP_SLOTS readings stand beyond JUMPS on the same side of the slots before and after them."""
    found = np.zeros(values.shape, dtype=np.bool_)
    limit = np.array(JUMPS)[:, None]
    for length in range(1, JUMP_SLOTS + 1):
        if values.shape[-1] < length + 2:
            break
        before, after = values[..., : -length - 1], values[..., length + 1 :]
        within = [values[..., 1 + place : values.shape[-1] - length + place] for place in range(length)]
        with np.errstate(invalid="ignore"):
            above = np.minimum.reduce(within) - np.maximum(before, after) > limit
            below = np.minimum(before, after) - np.maximum.reduce(within) > limit
        for place in range(length):
            found[..., 1 + place : values.shape[-1] - length + place] |= above | below
    return found
