"""The common result of reading any format: rows with their line numbers, and lines that are not rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import polars as pl

from roomidity.readings import Reason

__all__ = ["LINE", "Fault", "FaultReason", "Table"]

LINE: Final = "\x00line"
"""The name of the column with line numbers. No file has a column of this name."""

FaultReason = (
    Reason
    | Literal[
        "too_long",  # a line longer than 1 MiB
        "unmapped",  # a single value whose room or quantity is unknown
    ]
)


@dataclass(frozen=True)
class Fault:
    """A line or row that is not a reading, with the reason and an explanation."""

    line: int
    reason: FaultReason
    why: str


@dataclass(frozen=True)
class Table:
    """Unchecked rows as in the file, with one column per field.

    ``rows`` has the column :data:`LINE`. In text formats all other columns are text. ``faults`` are the lines that are
    not rows. ``counted`` is what the number in ``LINE`` counts: lines, or rows if the format has no lines. ``dialect``
    describes how the file was read.
    """

    rows: pl.DataFrame
    faults: list[Fault] = field(default_factory=list)
    counted: Literal["line", "row"] = "line"
    dialect: str = ""
