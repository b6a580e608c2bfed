"""Sensor faults that a course of slots gives away: values that stand still, jumps that no room makes, reset values.

:func:`judge` says of each reading whether the others bear it out. Training, the gate and scores leave out what is wrong
in hindsight (:func:`faults`); a forecast leaves out as well what nothing has confirmed yet (:func:`believed`), so that
the last value before a silence is not carried on for a week.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.forecasting.serving.jumps import jumps
from roomidity.forecasting.serving.line import Line
from roomidity.forecasting.serving.resets import resets
from roomidity.forecasting.serving.stuck import stuck
from roomidity.forecasting.window import FloatArray, Window

__all__ = [
    "FAULTS",
    "JUMP",
    "RESET",
    "STOPPED",
    "STUCK",
    "UNCONFIRMED",
    "Codes",
    "believed",
    "faults",
    "judge",
    "without_faults",
]

FAULTS: Final = ("", "stuck", "jump", "reset", "unconfirmed", "stuck")
"""What each code says; the first, that nothing is wrong."""

STUCK: Final = 1
JUMP: Final = 2
RESET: Final = 3
UNCONFIRMED: Final = 4
STOPPED: Final = 5
"""The first of the readings that stand still, where it is the last that was measured: believed, and no target."""

Codes = NDArray[np.int8]


def judge(values: FloatArray, agreed: NDArray[np.bool_] | None = None) -> Codes:
    """Returns the place in FAULTS of what is wrong with each reading, of the shape of ``values``; 0 where nothing is.

    Parameters
    ----------
    values
        Raw slot means, (rooms, 2, slots), humidity (%RH) then temperature (°C); NaN where there is no reading.
    agreed
        Of the same shape, slots whose readings bear each other out: they need none of another slot.
    """
    codes = np.zeros(values.shape, dtype=np.int8)
    refused = resets(values)
    line = Line.of(values)
    others = line.without(refused)
    wild, unconfirmed = jumps(others)
    still, first = stuck(line)
    for of, readings, code in (
        (others, unconfirmed, UNCONFIRMED),
        (others, wild, JUMP),
        (line, still, STUCK),
    ):
        if readings.any():
            codes[of.marked(readings)] = code
    if agreed is not None:
        codes[agreed & (codes == UNCONFIRMED)] = 0
    codes[refused & (codes != STUCK)] = RESET
    if first.any():
        codes[line.marked(first) & ~refused] = STOPPED
    return codes


def faults(values: FloatArray) -> Codes:
    """Returns what :func:`judge` finds in hindsight: a reading that the next one may yet confirm is no fault."""
    codes = judge(values)
    codes[codes == UNCONFIRMED] = 0
    codes[codes == STOPPED] = STUCK
    return codes


def without_faults(window: Window) -> Window:
    """Returns the window with its faulty slots unknown; the same object where there are none."""
    return _without(window, faults(window.values) > 0)


def believed(window: Window, codes: Codes) -> Window:
    """Returns the window without the readings that ``codes`` (of :func:`judge`) refuse: what forecasts build on."""
    return _without(window, (codes > 0) & (codes != STOPPED))


def _without(window: Window, wrong: NDArray[np.bool_]) -> Window:
    return replace(window, values=np.where(wrong, np.nan, window.values)) if wrong.any() else window
