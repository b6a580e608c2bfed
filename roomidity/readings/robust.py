"""The robust value of a slot: the mean of the readings that agree, which a single wild value does not move.

Sorted by value, the readings of an undisturbed quarter of an hour leave no gap wider than :data:`GAPS`, however fast a
shower's steam rises. Their robust value is exactly their mean. If there is a wider gap, only the larger group of a
sensor's readings counts. So if fewer than half of a sensor's readings in a slot are wild, they do not count at all (the
breakdown point of the median). A wild value within the gap cannot be recognised, and moves the value of n readings by
at most the gap divided by n.

Two groups of the same size give no majority, such as a shower's first reading and the one before it. Then the earlier
group counts, and the later one is believed once the next slot confirms it. Sensors of one room may hang in different
corners, so one of them is left out only if it is far from the majority of three or more.
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
"""In thousandths of %RH and °C. With a reading each minute, no true reading is this far from all others of its slot.

Steam was seen to raise a slot's mean by 41 %RH, and a radiator to raise one by 5 K.
"""

_SENSORS_APART: Final = 2.5
"""Multiple of the gap by which sensors of a room may differ, such as one by the window and one by the stove."""

_ROOM: Final = ("house", "slot", "room", "quantity")

_Integers = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


def robust_values(values: pl.DataFrame, statistics: pl.DataFrame) -> pl.DataFrame:
    """Returns the robust value of each room and slot whose readings do not all agree: the key columns and ``robust``.

    It depends only on the set of values and not on their order.

    Parameters
    ----------
    values
        Schema ``SLOT_VALUES``.
    statistics
        For the same values: house, slot, room, quantity, and ``min`` and ``max`` in thousandths.

    Returns
    -------
    One row for each group wider than the gap, with ``robust`` in thousandths, not rounded.
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
    """Returns series number, sum and count of the values in the group that counts, for each series (sensor).

    This is the largest group, or the one that begins first among groups of the same size.
    """
    order = np.argsort(series * (np.ptp(value) + 1) + value)  # Far below 2**63, and faster to sort than two columns.
    series, value = series[order], value[order]
    begins = _begins(series, value, gap[order])
    total, first = np.add.reduceat(value, begins), np.minimum.reduceat(time[order], begins)
    series, count = series[begins], np.diff(begins, append=len(value))
    order = np.lexsort((first, -count, series))
    counts = order[np.unique(series[order], return_index=True)[1]]
    return series[counts], total[counts], count[counts]


def _of_rooms(room: _Integers, total: _Integers, count: _Integers, gap: _Integers) -> _Floats:
    """Returns the robust value of each room (a number below ``len(gap)``) from the sums and counts of its sensors.

    Sensors that agree form a corner. If one corner has more than half of the sensors, it alone counts, else all do.
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
    """Returns where groups begin: at a new owner, and at a value more than the gap above the one before it."""
    apart = (owner[1:] != owner[:-1]) | (np.diff(value) > gap[1:])
    return np.append(0, np.flatnonzero(apart) + 1)
