"""Reads Parquet with nested, categorical or decimal types."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from roomidity.errors import ReadingsFileError
from roomidity.files.table import LINE, Table

__all__ = ["MAGIC", "read_parquet"]

MAGIC: Final = b"PAR1"


def read_parquet(path: Path) -> Table:
    """Returns the rows of a Parquet file.

    Each struct in a list becomes a row, and struct fields become columns with dotted names.

    Raises
    ------
    ReadingsFileError
        If the file is damaged or cut short.
    """
    try:
        rows = pl.read_parquet(path, use_statistics=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        found = "a Parquet file that is damaged or cut short"
        raise ReadingsFileError(path, column=None, found=found, expected="a whole one: copy it again") from error
    rows = rows.rename({name: f"{name} " for name in rows.columns if name == LINE}).with_row_index(LINE, offset=1)
    rows = rows.with_columns(pl.col(LINE).cast(pl.Int64))
    while nested := [name for name, dtype in rows.schema.items() if _is_nested(dtype)]:
        for name in nested:
            if isinstance(rows.schema[name], pl.List | pl.Array):
                rows = rows.explode(name)
            else:
                fields = rows[name].struct.unnest()
                rows = rows.drop(name).hstack(fields.rename({field: f"{name}.{field}" for field in fields.columns}))
    return Table(rows.with_columns(_plain(name, dtype) for name, dtype in rows.schema.items()), counted="row")


def _is_nested(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Struct) or (
        isinstance(dtype, pl.List | pl.Array) and isinstance(dtype.inner, pl.Struct | pl.List | pl.Array)
    )


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    """Returns a column with categories and bytes as text and decimals as floating point. Others are unchanged."""
    if isinstance(dtype, pl.Categorical | pl.Enum | pl.Binary):
        return pl.col(name).cast(pl.String, strict=False)
    return pl.col(name).cast(pl.Float64) if isinstance(dtype, pl.Decimal) else pl.col(name)
