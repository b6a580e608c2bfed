"""What became of accepted readings, and selection of their rows by slot."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from roomidity.domain.slots import SlotKey
from roomidity.errors import ConflictError

__all__ = ["Stored", "keys_of", "rows_but", "rows_of"]


@dataclass
class Stored:
    """What became of accepted readings (``outcomes``), and how many slots' sets and observations were written.

    ``left`` are the messages (by index) that must stay in the queue, because they have readings of a slot whose set
    cannot be read, or readings that were ``not_stored``. The latter happens if there was no time, or if other writers
    were faster every time (which sets ``overtaken``).
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    slots_changed: int = 0
    slots_rederived: int = 0
    left: set[int] = field(default_factory=set)
    not_stored: int = 0
    overtaken: ConflictError | None = None

    def leave(self, rows: pl.DataFrame) -> None:
        """Leave readings for another drain."""
        self.not_stored += len(rows)
        self.left.update(rows["message"].unique())


def keys_of(rows: pl.DataFrame) -> list[SlotKey]:
    """Returns the slots of rows, in order of first appearance."""
    return [SlotKey(*key) for key in rows.select("house", "slot").unique(maintain_order=True).iter_rows()]


def rows_but(rows: pl.DataFrame, apart: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows that are not ``apart``, by their column ``row``."""
    return rows.join(apart.select("row"), on="row", how="anti", maintain_order="left")


def rows_of(rows: pl.DataFrame, keys: set[SlotKey]) -> pl.DataFrame:
    """Returns the rows of the given slots."""
    if not keys:
        return rows.clear()
    wanted = pl.DataFrame(list(keys), schema={"house": pl.String, "slot": pl.Int64}, orient="row")
    return rows.join(wanted, on=["house", "slot"], how="semi", maintain_order="left")
