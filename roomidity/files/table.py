"""What every format is read into: rows with the line they came from, and lines that hold no row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import polars as pl

from roomidity.readings import Reason

__all__ = ["LINE", "Fault", "FaultReason", "Table"]

LINE: Final = "\x00line"
"""The column of a table that has the line; no file's column is called so."""

FaultReason = (
    Reason
    | Literal[
        "too_long",  # a line of over 1 MiB
        "unmapped",  # a value of a file of single values of which no room or quantity is known
    ]
)


@dataclass(frozen=True)
class Fault:
    """A line, or row, that is no reading, and why in words."""

    line: int
    reason: FaultReason
    why: str


@dataclass(frozen=True)
class Table:
    """Rows as a file has them, a column a field, unchecked.

    ``rows`` has the column :data:`LINE`; text formats have text in all others. ``faults`` are the lines that hold no
    row. ``counted`` is what the number in ``LINE`` counts: lines, or rows where a format has no lines. ``dialect`` says
    in words how the file was read.
    """

    rows: pl.DataFrame
    faults: list[Fault] = field(default_factory=list)
    counted: Literal["line", "row"] = "line"
    dialect: str = ""
