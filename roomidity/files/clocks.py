"""Converts local times to moments. In autumn one hour occurs twice, and in spring one hour does not exist."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["resolve"]

_HOUR_MS: Final = 3_600_000


def resolve(rows: pl.DataFrame, timezone: str | None, series: list[str]) -> pl.DataFrame:
    """Returns ``rows`` with ``at`` filled in from ``local``, and a column ``why`` that explains unresolved times.

    The order of a series' rows resolves the repeated hour: its second occurrence begins where the times go back.

    Parameters
    ----------
    rows
        Columns at and local (both in ms since 1970, local in local time), in the order of the file, and those of
        ``series``.
    timezone
        The IANA zone of the local times, or None if unknown.
    series
        Columns that identify rows recorded together in order of time.
    """
    rows = rows.with_columns(pl.lit(None, pl.String).alias("why"))
    if rows["local"].null_count() == rows.height:
        return rows
    naive = pl.col("at").is_null() & pl.col("local").is_not_null()
    if timezone is None:
        return rows.with_columns(why=pl.when(naive).then(pl.lit("it has no offset, and no zone is known")))
    clock = pl.col("local").cast(pl.Datetime("ms"))
    early, late = (
        clock.dt.replace_time_zone(timezone, ambiguous=which, non_existent="null").dt.epoch("ms")
        for which in ("earliest", "latest")
    )
    rows = rows.with_row_index("place").with_columns(early.alias("early"), late.alias("late"))
    rows = rows.with_columns(
        pl.coalesce("at", pl.when(pl.col("early") == pl.col("late")).then("early")).alias("at"),
        pl.when(naive & pl.col("early").is_null())
        .then(pl.lit(f"it did not exist: the clocks of {timezone} went forward"))
        .alias("why"),
    )
    twice = rows.filter(pl.col("at").is_null() & pl.col("early").is_not_null())
    if twice.height:
        rows = rows.update(_told(rows, twice, timezone, series), on="place", include_nulls=False)
    return rows.drop("place", "early", "late")


def _told(rows: pl.DataFrame, twice: pl.DataFrame, timezone: str, series: list[str]) -> pl.DataFrame:
    """Returns place, at and why for the rows in repeated hours."""
    places: list[int] = []
    moments: list[int | None] = []
    whys: list[str | None] = []
    concerned = rows.filter(pl.col("local").is_not_null()).join(
        twice.select(series).unique(), on=series, how="semi", nulls_equal=True, maintain_order="left"
    )
    for own in concerned.partition_by(series, maintain_order=True):
        if int((own["local"].diff().sign() < 0).sum()) * 2 > own.height:
            own = own.reverse()  # newest first  # noqa: PLW2901
        local = own["local"].to_numpy()
        doubtful = (own["at"].is_null() & own["early"].is_not_null()).to_numpy()
        for begin, end in _runs(doubtful):
            second = _begin_of_second(local, begin, end)
            for at in range(begin, end):
                places.append(own["place"][at])
                moments.append(None if second is None else own["early" if at < second else "late"][at])
                why = f"it came twice when the clocks of {timezone} went back, and the order does not tell which it is"
                whys.append(why if second is None else None)
    return pl.DataFrame(
        {"place": places, "at": moments, "why": whys}, schema={"place": pl.UInt32, "at": pl.Int64, "why": pl.String}
    )


def _runs(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marked.astype(np.int8), [0]])))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def _begin_of_second(local: NDArray[np.int64], begin: int, end: int) -> int | None:
    """Returns the index in [begin, end) at which the clock was put back, or None if the order does not show it."""
    hour = local[begin:end]
    if (begin > 0 and local[begin - 1] > hour.min()) or (end < len(local) and local[end] < hour.max()):
        return None  # Not in order of time.
    back = np.flatnonzero(np.diff(hour) < 0) + 1
    if len(back) == 1:
        return begin + int(back[0])
    if len(back) == 0 and len(hour) == 2 and hour[0] == hour[1]:
        return begin + 1  # Hourly rows: the same time twice.
    return None
