"""Values that stand still for longer than a room and its sensor's resolution explain."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import HUMIDITY
from roomidity.forecasting.serving.jumps import JUMPS
from roomidity.forecasting.serving.line import Line

__all__ = ["STUCK_READINGS", "stuck"]

STUCK_READINGS: Final = 96
"""The same value for a day of slots: a humidity in whole percents was seen to rest for 77, over a week-end."""

STUCK_RUNS: Final = 40
"""A series that changes more often is stuck sooner: after so many times its mean run. In the first three quarters of 24
real rooms' records, read to 1 %RH or to 0.01 °C, none stood still for more than 30, but one that stopped: a month."""

SATURATED: Final = 99.9
SATURATED_READINGS: Final = 288
"""Saturated air reads the same as long as it lasts: of a humidity that rose there, three days are no fault yet."""

KNOWN_READINGS: Final = 96
"""Readings beside the longest run that it takes to know the mean run."""


def stuck(line: Line) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns which readings stand still, and which of those were still measured, as far as one can tell.

    A run's first reading is the sensor's last, unless it jumped there: then the sensor failed with it. Slots without a
    reading do not count.

    Parameters
    ----------
    line
        Readings of slots, humidity (%RH) and temperature (°C).
    """
    still, first = np.zeros((2, len(line.values)), dtype=np.bool_)
    series = line.series
    begins = np.flatnonzero(np.concatenate([[True], (np.diff(line.values) != 0) | (np.diff(series) != 0)]))
    lengths = np.diff(begins, append=len(line.values))
    if len(line.values) < STUCK_RUNS or lengths.max() < STUCK_RUNS:
        return still, first
    of, value = series[begins], line.values[begins]
    quantity = line.quantity(of)
    count, runs = np.bincount(of, weights=lengths), np.bincount(of)
    longest = np.zeros(len(runs))
    np.maximum.at(longest, of, lengths)
    others = count - longest
    usual = np.where(others >= KNOWN_READINGS, others / np.maximum(runs - 1, 1), np.inf)
    jumped = (np.diff(of, prepend=-1) == 0) & (np.abs(np.diff(value, prepend=0)) > np.array(JUMPS)[quantity])
    saturated = (value >= SATURATED) & (quantity == HUMIDITY) & ~jumped
    most = np.where(saturated, SATURATED_READINGS, np.minimum(STUCK_RUNS * usual, STUCK_READINGS)[of])
    long = lengths >= most
    still[:] = np.repeat(long, lengths)
    first[begins[long & ~jumped]] = True
    return still, first
