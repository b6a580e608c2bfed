"""Units of a frame: converts rooms with a set unit, and checks sensors of other rooms for a wrong unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import polars as pl

from roomidity.domain.quantities import QUANTITIES, Quantity
from roomidity.domain.units import RoomUnits
from roomidity.readings.units import SUSPECT, convert, judge

__all__ = ["Past", "in_units"]

Past = Callable[[str, str, Quantity], Sequence[float] | None]
"""Returns recent values of a quantity in a house's room in the contract's unit, or None if nothing is known."""


_SENSOR: Final = ("house", "room", "sensor")
"""Units are judged by sensor, because two sensors in a room may differ."""


def in_units(rows: pl.DataFrame, units: RoomUnits, past: Past) -> pl.DataFrame:
    """Returns ``rows`` with converted values, and a column ``other_unit`` with the unit that makes a reading unusable.

    Parameters
    ----------
    rows
        Columns house, room, sensor, temperature, humidity.
    units
        The units that rooms are known to use. Their values are converted and not judged.
    past
        Returns a room's recent values. Called only if its values look as if they were in another unit.
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
    """Returns the sensors whose values can only be in another unit, with that unit."""
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
