"""Puts rooms under their present names in frames of readings and of values."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from roomidity.domain.aliases import Aliases
from roomidity.readings.union import SLOT_VALUES, bin_of, precedence

__all__ = ["HouseAliases", "rooms_by_present_names", "values_by_present_names"]

HouseAliases = Mapping[str, Aliases]
"""Aliases by house. A house without aliases may be missing."""


def rooms_by_present_names(rows: pl.DataFrame, aliases: HouseAliases) -> pl.DataFrame:
    """Returns ``rows`` (columns house, room and others) with each room under its present name."""
    steps = [(house, former, present) for house, names in aliases.items() for former, present in sorted(names.items())]
    if not steps:
        return rows
    renamed = pl.DataFrame(steps, schema=["house", "room", "present"], orient="row")
    named = rows.join(renamed, on=["house", "room"], how="left", maintain_order="left")
    return named.with_columns(pl.coalesce("present", "room").alias("room")).select(rows.columns)


def values_by_present_names(values: pl.DataFrame, aliases: HouseAliases) -> pl.DataFrame:
    """Returns values of sets (schema ``SLOT_VALUES``) with each room under its present name.

    Values sent under two names of one room form one set. As everywhere, one value in each bin is kept.
    """
    named = rooms_by_present_names(values, aliases)
    if named is values or named["room"].equals(values["room"]):
        return values
    series = [name for name in SLOT_VALUES if name != "rank"]
    bins = named.with_columns(precedence()).group_by(*series, bin_of("rank"), maintain_order=True)
    return bins.agg(pl.col("rank").sort_by("order").first()).select(values.columns)
