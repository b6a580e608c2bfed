"""Windows of whole hours, each of as many rows as fit well in memory, however long the history is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from roomidity.files.recorder.database import Recorder
from roomidity.files.recorder.entities import Series

__all__ = ["HOUR_S", "SOURCES", "Source", "Window", "ids_of", "rows_by_hour", "windows_of"]

HOUR_S: Final = 3600

_MOST_ROWS: Final = 100_000
"""Some 60 MB while they are read and checked."""

_LAST_S: Final = 4_200_000_000
"""2103: what is later, or before 1970, is no time."""


@dataclass(frozen=True)
class Source:
    """A table of values: the column of its times, which of an entity's two numbers it has, and its intervals.

    ``middle_s`` is from the time in it to the middle of what it is the mean of.
    """

    table: str
    key: str
    time: str
    of_states: bool
    middle_s: int

    def number_of(self, one: Series) -> int | None:
        """The number by which the table has a series; None where it does not."""
        return one.entity.states_id if self.of_states else one.entity.statistics_id


SOURCES: Final = (
    Source("states", "state_id", "last_updated_ts", of_states=True, middle_s=0),
    Source("statistics_short_term", "id", "start_ts", of_states=False, middle_s=150),
    Source("statistics", "id", "start_ts", of_states=False, middle_s=1800),
)
"""The finest first: states, means of 5 minutes, means of hours."""


@dataclass(frozen=True)
class Window:
    """From ``begin_s`` to before ``end_s``, whole hours since 1970; about ``rows`` rows are in it."""

    begin_s: int
    end_s: int
    rows: int


def ids_of(series: Iterable[Series], source: Source) -> str:
    """The numbers that a source has of the series, as JSON, so that a query takes any many of them."""
    numbers = (source.number_of(one) for one in series)
    return json.dumps([number for number in numbers if number is not None])


def rows_by_hour(recorder: Recorder, series: list[Series]) -> tuple[Counter[int], int]:
    """How many rows each hour since 1970 has, and how many have no time."""
    hours: Counter[int] = Counter()
    timeless = 0
    for source in SOURCES:
        is_time = f"typeof({source.time}) IN ('integer', 'real') AND {source.time} BETWEEN 0 AND {_LAST_S}"
        hour = f"CASE WHEN {is_time} THEN CAST({source.time} / {HOUR_S} AS INTEGER) END"
        sql = (
            f"SELECT {hour} AS hour, COUNT(*) FROM {source.table} "  # noqa: S608  # names of our own
            "WHERE metadata_id IN (SELECT value FROM json_each(?)) GROUP BY hour"
        )
        for number, count in recorder.select(sql, ids_of(series, source)):
            if number is None:
                timeless += count
            else:
                hours[number] += count
    return hours, timeless


def windows_of(hours: Counter[int], *, most_rows: int = _MOST_ROWS) -> Iterator[Window]:
    """Windows that cover every hour with rows, in order; an hour is never parted.

    >>> list(windows_of(Counter({5: 2, 6: 2, 9: 1}), most_rows=3))
    [Window(begin_s=18000, end_s=21600, rows=2), Window(begin_s=21600, end_s=36000, rows=3)]
    """
    begin = end = rows = 0
    for hour in sorted(hours):
        if rows and rows + hours[hour] > most_rows:
            yield Window(begin * HOUR_S, end * HOUR_S, rows)
            rows = 0
        begin = begin if rows else hour
        end = hour + 1
        rows += hours[hour]
    if rows:
        yield Window(begin * HOUR_S, end * HOUR_S, rows)
