"""The robust value of a slot: the mean of those readings that agree, which a wild one among them does not move.

Readings of a sensor follow each other: sorted by value, those of an undisturbed quarter of an hour leave no gap wider
than :data:`GAPS`, however fast a shower's steam rises, and their robust value is exactly their mean. Where there is a
wider gap, the larger group of a sensor's readings counts and the others do not. So fewer than half of a sensor's
readings in a slot, however wild, do not count at all (the breakdown point of the median); a wild value within the gap
cannot be told from the others, and moves the value of n readings by at most the gap over n.

Two groups of the same size, such as a shower's first reading beside the one before it, give no majority. Then the
earlier one counts: the later is believed when the next slot bears it out. Among the sensors of a room, which may hang
in different corners, one is left out only where it stands far from most of three or more.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from roomidity.domain.quantities import QUANTITIES
from roomidity.readings.union import coded, time_of, value_of

__all__ = ["GAPS", "robust_values"]

GAPS: Final = {"humidity": 10_000, "temperature": 2_000}
"""Thousandths of %RH and °C: no reading a minute leaves so much between itself and all others of its slot. Steam was
seen to raise a slot's mean by 41 %RH, a radiator to raise one by 5 K."""

_SENSORS_APART: Final = 2.5
"""Sensors of a room may differ by so many times the gap: one by the window, one by the stove."""

_ROOM: Final = ("house", "slot", "room", "quantity")

_Integers = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


def robust_values(values: pl.DataFrame, statistics: pl.DataFrame) -> pl.DataFrame:
    """The robust value of each room and slot whose readings do not all agree: columns of the key, and ``robust``.

    It follows from the set of values and from nothing else, in whatever order they stand.

    Parameters
    ----------
    values
        Schema ``SLOT_VALUES``.
    statistics
        Of the same values: house, slot, room, quantity, and ``min`` and ``max`` in thousandths.

    Returns
    -------
    A row for each group that is wider than the gap; ``robust`` in thousandths, not rounded.
    """
    gaps = {code: GAPS[name] for code, name in enumerate(QUANTITIES)}
    wide = statistics.with_columns(gap=pl.col("quantity").replace_strict(gaps, return_dtype=pl.Int64))
    rooms = wide.filter(pl.col("max") - pl.col("min") > pl.col("gap")).select(*_ROOM, "gap").with_row_index("number")
    if rooms.is_empty():
        return rooms.select(*_ROOM, robust=pl.lit(None, pl.Float64))
    readings = values.join(rooms, on=_ROOM)
    room, value, time = (
        column.to_numpy()
        for column in readings.select(pl.col("number").cast(pl.Int64), value_of("rank"), time=time_of("rank"))
    )
    sensor, sensors = coded(readings["sensor"])
    gap = rooms["gap"].to_numpy()
    series, total, count = _of_sensors(room * sensors + sensor.to_numpy(), value, time, gap[room])
    return rooms.select(_ROOM).with_columns(robust=_of_rooms(series // sensors, total, count, gap))


def _of_sensors(
    series: _Integers, value: _Integers, time: _Integers, gap: _Integers
) -> tuple[_Integers, _Integers, _Integers]:
    """Of each series (a sensor's readings) the group that counts: its number, its values' sum, and how many they are.

    The largest does, of two as large the one that begins first.
    """
    order = np.argsort(series * (np.ptp(value) + 1) + value)  # far below 2**63, and sorted faster than two columns
    series, value = series[order], value[order]
    begins = _begins(series, value, gap[order])
    total, first = np.add.reduceat(value, begins), np.minimum.reduceat(time[order], begins)
    series, count = series[begins], np.diff(begins, append=len(value))
    order = np.lexsort((first, -count, series))
    counts = order[np.unique(series[order], return_index=True)[1]]
    return series[counts], total[counts], count[counts]


def _of_rooms(room: _Integers, total: _Integers, count: _Integers, gap: _Integers) -> _Floats:
    """The robust value of each room (a number below ``len(gap)``) from sums and counts of its sensors.

    Sensors that hang together are a corner. Where one has more than half of the sensors it alone counts, else all do.
    """
    order = np.lexsort((total / count, room))
    room, total, count = room[order], total[order], count[order]
    begins = _begins(room, total / count, _SENSORS_APART * gap[room])
    sensors = np.diff(begins, append=len(room))
    corner = room[begins]
    is_most = 2 * sensors > np.bincount(room)[corner]
    has_most = np.bincount(corner, weights=is_most) > 0
    counts = np.repeat(is_most | ~has_most[corner], sensors)
    return np.bincount(room, weights=total * counts) / np.bincount(room, weights=count * counts)


def _begins(owner: _Integers, value: npt.NDArray[np.generic], gap: npt.NDArray[np.generic]) -> _Integers:
    """Where groups begin: at another owner's values, and at one that is more than the gap above the one before it."""
    apart = (owner[1:] != owner[:-1]) | (np.diff(value) > gap[1:])
    return np.append(0, np.flatnonzero(apart) + 1)
