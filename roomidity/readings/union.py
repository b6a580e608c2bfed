"""Adds readings to sets. A slot is the set of its values, and everything else is derived from the set.

Adding is a set union, and as such commutative, associative and idempotent. Within one 5-second bin of a sensor's
quantity one value is kept, the one with the smallest (time, value). Of a contact it is the one with the greatest in a
minute, since what counts is the state in which it is left. Therefore redelivery, reordering and late arrival cannot
change the outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from roomidity.domain.quantities import CONTACT, MEASURED
from roomidity.domain.slots import SLOT_MS, SlotKey

__all__ = [
    "BIN_MS",
    "SERIES",
    "SLOT_VALUES",
    "Union",
    "bin_of",
    "coded",
    "precedence",
    "rank_of",
    "series_numbers",
    "time_of",
    "union",
    "value_of",
]

BIN_MS: Final = 5_000
"""Width of a bin in ms. No room sensor reports more often. A slot has at most 180 values of a sensor's quantity."""

_CONTACT_BINS: Final = 12
"""Bins that are one for a contact, a minute. A window that moves more often airs nothing, and a slot stays small."""

_VALUE_BITS: Final = 18
_VALUE_OFFSET: Final = 100_000
"""In thousandths. It makes -60,000 .. 100,000 positive, which then fits 18 bits."""

SLOT_VALUES: Final = pl.Schema(
    {
        "house": pl.String(),
        "slot": pl.Int64(),
        "room": pl.String(),
        "sensor": pl.String(),
        "quantity": pl.UInt8(),
        "rank": pl.Int64(),
    }
)
"""One value per row. ``slot`` is the slot's start in ms since 1970, and ``quantity`` an index into MEASURED.

``rank`` combines the time in the slot (ms) and the value in one number whose order is that of (time, value).
"""

SERIES: Final = ("house", "slot", "room", "sensor")
"""The columns that identify a series, which is the values of one sensor in one slot."""

Number = TypeVar("Number", pl.Expr, npt.NDArray[np.int64])

_OUTCOMES: Final = ("stored", "conflict", "dense", "repeat")
"""Outcomes by precedence: a reading takes the first outcome that any of its values has."""

_MOST_SERIES: Final = 2**41
"""Upper limit of series numbers. It leaves room for a time in the slot and a quantity in 63 bits."""


@dataclass(frozen=True)
class Union:
    """The outcome of adding readings to sets.

    ``values`` are all values of the touched slots afterwards (schema :data:`SLOT_VALUES`). ``changed`` are the slots
    whose set has changed. ``outcomes`` (columns row, outcome) says for each reading whether it was ``stored`` or which
    kind of duplicate it is.
    """

    values: pl.DataFrame
    changed: list[SlotKey]
    outcomes: pl.DataFrame


def union(existing: pl.DataFrame, accepted: pl.DataFrame) -> Union:
    """Returns the values of the touched slots, old and new together.

    A reading is ``stored`` if one of its values found its bin empty. Otherwise it is compared with what the bin held
    before, or for a new bin with the value that is kept. It is a ``conflict`` if another value has the same time, else
    ``dense`` if the time differs, else a ``repeat``.

    Parameters
    ----------
    existing
        The stored values (schema :data:`SLOT_VALUES`).
    accepted
        Checked readings with a column ``row`` that identifies them.
    """
    both = _by_bin(existing, accepted)
    recurs = _recurs(both["bin"])
    if not recurs.any():
        return _all_new(both, accepted["row"])
    alone, shared = both.filter(~recurs), both.filter(recurs).with_columns(precedence()).sort("bin", "order", "place")
    held = pl.when(pl.col("place").is_null()).then("order").alias("held")
    bins = (
        shared.with_columns(held)
        .group_by("bin")
        .agg(pl.col(*SLOT_VALUES.names(), "order", "place").first(), pl.col("held").min())
    )
    bins = bins.with_columns(new=pl.col("held").is_null())
    added = alone.filter(pl.col("place").is_not_null())
    moved = bins.filter(pl.col("new") | (pl.col("order") < pl.col("held")))
    return Union(
        values=pl.concat([part.select(SLOT_VALUES.names()) for part in (alone, bins)]),
        changed=_slots_of(added, moved),
        outcomes=_outcomes(accepted["row"], added, _against(shared, bins)),
    )


def _all_new(values: pl.DataFrame, rows: pl.Series) -> Union:
    """Returns the union if no bin has two values, as in most drains. Everything is stored, in a seventh less time."""
    return Union(
        values=values.select(SLOT_VALUES.names()),
        # Of each series one value is enough, and numbers are told apart faster than names.
        changed=_slots_of(values.filter(pl.col("place").is_not_null()).unique("series")),
        outcomes=pl.DataFrame({"row": rows, "outcome": pl.repeat("stored", len(rows), eager=True)}),
    )


def _slots_of(*parts: pl.DataFrame) -> list[SlotKey]:
    """Returns the slots of the given rows, each once, in order."""
    slots = pl.concat([part.select("house", "slot") for part in parts]).unique().sort("house", "slot")
    return [SlotKey(*key) for key in slots.iter_rows()]


def _by_bin(existing: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    """Returns all values with their bins: stored ones, and those of readings with their ``place`` in ``accepted``."""
    named = pl.concat([existing.select(SERIES), accepted.select(SERIES)])
    series = series_numbers(named)
    incoming = accepted.with_columns(series[len(existing) :]).with_row_index("place")
    both = pl.concat(
        [
            existing.with_columns(series[: len(existing)], pl.lit(None, pl.UInt32).alias("place")),
            *(
                incoming.select(
                    *SERIES,
                    pl.lit(code, pl.UInt8).alias("quantity"),
                    rank_of(pl.col("time_ms").cast(pl.Int64), pl.col(name).cast(pl.Int64)).alias("rank"),
                    "series",
                    "place",
                ).drop_nulls("rank")
                for code, name in enumerate(MEASURED)
                if accepted[name].null_count() < len(accepted)
            ),
        ]
    )
    bins = pl.col("series") * (SLOT_MS // BIN_MS) + bin_of("rank")
    return both.with_columns((bins * len(MEASURED) + pl.col("quantity")).alias("bin"))


def _recurs(numbers: pl.Series) -> pl.Series:
    """Returns whether each number occurs in more than one row. Mostly none does, which sorting shows quickly."""
    order = numbers.arg_sort()
    in_order = numbers.gather(order).to_numpy()
    like_next = np.flatnonzero(in_order[1:] == in_order[:-1])
    recurs = np.zeros(len(numbers), dtype=np.bool_)
    recurs[order.to_numpy()[np.concatenate([like_next, like_next + 1])]] = True
    return pl.Series(recurs)


def _against(shared: pl.DataFrame, bins: pl.DataFrame) -> pl.DataFrame:
    """Returns the outcome of the readings' values in shared bins: quantity, place, and outcome as an index."""
    kept = bins.select(
        "bin", "new", pl.coalesce("held", "order").abs().alias("reference"), pl.col("place").alias("first")
    )
    outcome = (
        pl.when(pl.col("new") & (pl.col("place") == pl.col("first")))
        .then(_OUTCOMES.index("stored"))
        .when(time_of("rank") != time_of("reference"))
        .then(_OUTCOMES.index("dense"))
        .when(pl.col("rank") != pl.col("reference"))
        .then(_OUTCOMES.index("conflict"))
        .otherwise(_OUTCOMES.index("repeat"))
    )
    values = shared.filter(pl.col("place").is_not_null()).join(kept, on="bin")
    return values.select("quantity", "place", outcome.alias("outcome"))


def _outcomes(rows: pl.Series, added: pl.DataFrame, shared: pl.DataFrame) -> pl.DataFrame:
    """Returns the outcome of each reading, which is the first in ``_OUTCOMES`` that any of its values has."""
    by_value = np.full((len(MEASURED), len(rows)), len(_OUTCOMES) - 1)
    by_value[added["quantity"], added["place"]] = _OUTCOMES.index("stored")
    by_value[shared["quantity"], shared["place"]] = shared["outcome"]
    return pl.DataFrame({"row": rows, "outcome": pl.Series(_OUTCOMES)[by_value.min(axis=0)]})


def series_numbers(values: pl.DataFrame, of: Sequence[str] = SERIES) -> pl.Series:
    """Returns a number below ``_MOST_SERIES`` per row, ordered like its columns ``of`` and equal where these are.

    Grouping and sorting by numbers is much faster than by text.
    """
    slots = values["slot"] // SLOT_MS
    first, last = slots.to_frame().select(first=pl.first().min(), last=pl.first().max()).fill_null(0).row(0)
    series, different = pl.zeros(len(values), pl.Int64, eager=True), 1
    for name in of:
        codes, count = (slots - first, last - first + 1) if name == "slot" else coded(values[name])
        series, different = series * count + codes, different * count
        if different > _MOST_SERIES:
            series, different = series.rank("dense").cast(pl.Int64), len(values) + 1
    return series.alias("series")


def coded(names: pl.Series) -> tuple[pl.Series, int]:
    """Returns the place of each name among the distinct names in sorted order, and the number of distinct names."""
    different = names.unique().sort()
    return names.cast(pl.Enum(different)).to_physical().cast(pl.Int64), len(different)


def value_of(rank: str) -> pl.Expr:
    """Returns the value in thousandths encoded in the column ``rank``."""
    return (pl.col(rank) % (1 << _VALUE_BITS) - _VALUE_OFFSET).alias("value")


def time_of(rank: str) -> pl.Expr:
    """Returns the time in the slot in ms encoded in the column ``rank``."""
    return pl.col(rank) // (1 << _VALUE_BITS)


def bin_of(rank: str) -> pl.Expr:
    """Returns the number of the bin in its slot encoded in the column ``rank``, beside a column ``quantity``."""
    number = pl.col(rank) // (BIN_MS << _VALUE_BITS)
    return (number - pl.when(pl.col("quantity") == CONTACT).then(number % _CONTACT_BINS).otherwise(0)).alias("bin")


def precedence() -> pl.Expr:
    """Returns the number by which values of a bin precede one another: their rank, below 0 for those of contacts."""
    return pl.when(pl.col("quantity") == CONTACT).then(-pl.col("rank")).otherwise("rank").alias("order")


def rank_of(time_ms: Number, value: Number) -> Number:
    """Returns time in the slot (ms, Int64) and value (thousandths, Int64) encoded in one number."""
    return time_ms * (1 << _VALUE_BITS) + value + _VALUE_OFFSET
