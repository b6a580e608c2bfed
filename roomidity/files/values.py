"""Reads values as written in files, and the units in the cells."""

from __future__ import annotations

from typing import Final

import polars as pl

from roomidity.domain.quantities import Quantity
from roomidity.readings.numerals import NO_VALUE, split_number

__all__ = ["read_values"]

_BLANKS: Final = " \t\u00a0\"'"


def read_values(cells: pl.Series, quantity: Quantity) -> pl.DataFrame:
    """Returns the number in each cell (``value``, not converted), its ``unit``, and ``bad``, the text if not a number.

    All three are null for a cell that states a missing value (empty, NaN, ``unavailable``).
    """
    none = pl.repeat(None, len(cells), dtype=pl.String, eager=True)
    dtype = cells.dtype
    if dtype.is_numeric():
        return _frame(cells.cast(pl.Float64).fill_nan(None), none, none)
    if dtype == pl.Null:
        return _frame(cells.cast(pl.Float64), none, none)
    if dtype != pl.String:
        return _frame(
            pl.repeat(None, len(cells), dtype=pl.Float64, eager=True), none, cells.cast(pl.String, strict=False)
        )
    plain = cells.str.strip_chars(_BLANKS)
    value = plain.cast(pl.Float64, strict=False).fill_nan(None)
    rest = plain.is_not_null() & value.is_null()
    if not rest.any():
        return _frame(value, none, none)
    different = plain.filter(rest).unique()
    read = [_read(text, quantity) for text in different]
    places = rest.arg_true()
    left = plain.filter(rest)
    columns = [
        left.replace_strict(different, pl.Series(own, dtype=kind), default=None, return_dtype=kind)
        for own, kind in zip(zip(*read, strict=True), (pl.Float64, pl.String, pl.String), strict=True)
    ]
    return _frame(
        *(whole.scatter(places, own) for whole, own in zip((value, none.clone(), none.clone()), columns, strict=True))
    )


def _frame(value: pl.Series, unit: pl.Series, bad: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"value": value, "unit": unit, "bad": bad})


def _read(text: str, quantity: Quantity) -> tuple[float | None, str | None, str | None]:
    if text.lower() in NO_VALUE:
        return None, None, None
    try:
        value, unit = split_number(text, quantity)
    except ValueError:
        return None, None, text
    return value, unit, None
