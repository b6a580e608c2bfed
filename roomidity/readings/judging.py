"""Units of a frame: rooms with a set unit are converted; sensors of the others are checked for another unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import polars as pl

from roomidity.domain.quantities import QUANTITIES, Quantity
from roomidity.domain.units import RoomUnits
from roomidity.readings.units import SUSPECT, convert, judge

__all__ = ["Past", "in_units"]

Past = Callable[[str, str, Quantity], Sequence[float] | None]
"""What a room of a house measured of a quantity of late, in the contract's unit; None where nothing is known."""


_SENSOR: Final = ("house", "room", "sensor")
"""Whose unit it is: two sensors of a room may differ."""


def in_units(rows: pl.DataFrame, units: RoomUnits, past: Past) -> pl.DataFrame:
    """``rows`` with converted values, and a column ``other_unit``: the unit that makes a reading useless as it stands.

    Parameters
    ----------
    rows
        Columns house, room, sensor, temperature, humidity.
    units
        In which units rooms are known to report: converted, and not judged.
    past
        Asked of a room only where its values look like another unit's.
    """
    for (house, room), known in units.items():
        of_room = (pl.col("house") == house) & (pl.col("room") == room)
        rows = rows.with_columns(
            pl.when(of_room).then(convert(pl.col(quantity), unit)).otherwise(quantity).alias(quantity)
            for quantity, unit in known.items()
        )
    other = pl.lit(None, pl.String)
    for quantity in QUANTITIES:
        verdicts = _verdicts(rows, quantity, units, past)
        if verdicts.height:
            rows = rows.join(verdicts, on=_SENSOR, how="left", maintain_order="left", nulls_equal=True)
            other = pl.coalesce(other, pl.when(pl.col(quantity).is_not_null()).then(f"unit of {quantity}"))
    return rows.with_columns(other.alias("other_unit"))


def _verdicts(rows: pl.DataFrame, quantity: Quantity, units: RoomUnits, past: Past) -> pl.DataFrame:
    """The sensors whose values can only be in another unit, and in which."""
    least, greatest = SUSPECT[quantity]
    value = pl.col(quantity)
    odd = rows.lazy().filter(value.is_finite() & (value != 0) & ~value.is_between(least, greatest, closed="none"))
    suspects = odd.select(_SENSOR).unique().collect()
    found: list[tuple[str, str, str, str]] = []
    if suspects.height:
        values = rows.filter(value.is_finite()).join(suspects, on=_SENSOR, how="semi").group_by(_SENSOR).agg(value)
        for house, room, sensor, measured in values.iter_rows():
            if quantity in units.get((house, room), {}) or (unit := judge(quantity, measured)) is None:
                continue
            before = past(house, room, quantity)
            if before is None or (unit := judge(quantity, measured, before)) is not None:
                found.append((house, room, sensor, unit))
    return pl.DataFrame(found, schema=[*_SENSOR, f"unit of {quantity}"], orient="row") if found else suspects.clear()
