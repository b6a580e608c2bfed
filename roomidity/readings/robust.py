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

from collections.abc import Sequence
from typing import Final

import polars as pl
from polars.dataframe.group_by import GroupBy

from roomidity.domain.quantities import QUANTITIES
from roomidity.readings.union import time_of, value_of

__all__ = ["GAPS", "robust_values"]

GAPS: Final = {"humidity": 10_000, "temperature": 2_000}
"""Thousandths of %RH and °C: no reading a minute leaves so much between itself and all others of its slot. Steam was
seen to raise a slot's mean by 41 %RH, a radiator to raise one by 5 K."""

_SENSORS_APART: Final = 2.5
"""Sensors of a room may differ by so many times the gap: one by the window, one by the stove."""

_ROOM: Final = ("house", "slot", "room", "quantity")
_SENSOR: Final = (*_ROOM, "sensor")


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
    wide = statistics.filter(pl.col("max") - pl.col("min") > _gap()).select(_ROOM)
    readings = values.join(wide, on=_ROOM, how="semi").select(*_SENSOR, value_of("rank"), time=time_of("rank"))
    groups = _grouped(readings, of=_SENSOR, gap=_gap()).agg(
        pl.col("value").sum().alias("sum"), pl.len().alias("count"), pl.col("time").min()
    )
    sensors = groups.sort(*_SENSOR, "count", "time", descending=[False] * len(_SENSOR) + [True, False]).unique(
        _SENSOR, keep="first", maintain_order=True
    )
    means = sensors.select(*_SENSOR, "sum", "count", value=pl.col("sum") / pl.col("count"))
    corners = _grouped(means, of=_ROOM, gap=_SENSORS_APART * _gap()).agg(
        pl.col("sum", "count").sum(), pl.len().alias("sensors")
    )
    most = 2 * pl.col("sensors") > pl.col("sensors").sum().over(_ROOM)
    believed = corners.filter(most | ~most.any().over(_ROOM))
    return believed.group_by(_ROOM).agg(robust=pl.col("sum").sum() / pl.col("count").sum())


def _grouped(rows: pl.DataFrame, *, of: Sequence[str], gap: pl.Expr) -> GroupBy:
    """The rows ``of`` each in groups of values that leave no wider gap."""
    apart = pl.col("value").diff().fill_null(0) > gap
    return rows.sort(*of, "value").with_columns(group=apart.cum_sum().over(of)).group_by(*of, "group")


def _gap() -> pl.Expr:
    gaps = {code: GAPS[name] for code, name in enumerate(QUANTITIES)}
    return pl.col("quantity").replace_strict(gaps, return_dtype=pl.Int64)
