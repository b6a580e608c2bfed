"""The rule of 5 seconds, for a person: of what a sensor says of a quantity within them one value is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from roomidity.domain.quantities import QUANTITIES

__all__ = ["dense_rows", "dense_text", "duplicates_text"]

_BIN: Final = "5s"
_SAID: Final = {
    "repeat": "the same again",
    "conflict": "another value at the same time",
    "dense": "within 5 s of another value",
}


def duplicates_text(kinds: Mapping[str, int]) -> str:
    """How many of each kind there were, in words; those that were none are left out.

    >>> duplicates_text({"repeat": 0, "conflict": 0, "dense": 720})
    '720 dense: within 5 s of another value'
    """
    return ", ".join(f"{count:,} {kind}: {_SAID[kind]}" for kind, count in sorted(kinds.items()) if count)


def dense_rows(readings: pl.DataFrame) -> int:
    """How many readings hold no value that is kept, as their sensor says another within the same 5 seconds."""
    sensor = [name for name in ("house", "room", "sensor") if name in readings.columns]
    measured = [quantity for quantity in QUANTITIES if quantity in readings.columns]
    rows = readings.select(*sensor, "ts", *measured).unique(subset=[*sensor, "ts"]).sort("ts")
    in_bin = [*sensor, pl.col("ts").dt.truncate(_BIN)]
    is_first = [
        pl.col(name).is_not_null() & (pl.col(name).is_not_null().cum_sum().over(in_bin) == 1) for name in measured
    ]
    return int(rows.select((~pl.any_horizontal(is_first)).sum()).item()) if measured else 0


def dense_text(count: int) -> list[str]:
    """What to tell of so many dense readings: nothing, where there are none."""
    if not count:
        return []
    said = (
        f"{count:,} of them lie within 5 s of another of their sensor: of each 5 s one value is kept, the first. The "
        "others are counted as dense; send means of 5 s or more if they are to count."
    )
    return [said]
