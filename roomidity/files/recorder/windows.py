"""Windows of whole hours whose number of rows fits in memory, however long the history is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from roomidity.files.recorder.database import Recorder
from roomidity.files.recorder.entities import Series

__all__ = ["HOUR_S", "SOURCES", "Newest", "Source", "Window", "ids_of", "newest_of", "rows_by_hour", "windows_of"]

HOUR_S: Final = 3600

_MOST_ROWS: Final = 100_000
"""Maximum number of rows per window. They take some 60 MB while being read and checked."""

_LAST_S: Final = 4_200_000_000
"""End of the valid times, in 2103. Later times and times before 1970 are invalid."""


@dataclass(frozen=True)
class Source:
    """A table of values: its key, the column of its times, and whether it holds states or statistics.

    ``middle_s`` is the time in s from a row's time to the middle of the interval it is the mean of.
    """

    table: str
    key: str
    time: str
    of_states: bool
    middle_s: int

    def number_of(self, one: Series) -> int | None:
        """Returns the number of a series in the table, or None if the table does not have it."""
        return one.entity.states_id if self.of_states else one.entity.statistics_id


SOURCES: Final = (
    Source("states", "state_id", "last_updated_ts", of_states=True, middle_s=0),
    Source("statistics_short_term", "id", "start_ts", of_states=False, middle_s=150),
    Source("statistics", "id", "start_ts", of_states=False, middle_s=1800),
)
"""Finest first: states, 5-minute means, hourly means."""


@dataclass(frozen=True)
class Window:
    """The time [``begin_s``, ``end_s``) in s since 1970, which consists of whole hours and has about ``rows`` rows."""

    begin_s: int
    end_s: int
    rows: int


Newest = Mapping[str, int]
"""The number of the newest row to be read, by table."""


def ids_of(series: Iterable[Series], source: Source) -> str:
    """Returns a source's numbers of the series as JSON, so that a query takes any number of them as one parameter."""
    numbers = (source.number_of(one) for one in series)
    return json.dumps([number for number in numbers if number is not None])


def newest_of(recorder: Recorder) -> Newest:
    """Returns the newest row of each source. Rows that Home Assistant writes later are ignored."""
    found = {}
    for source in SOURCES:
        ((newest,),) = recorder.select(f"SELECT MAX({source.key}) FROM {source.table}")  # noqa: S608  # of our own
        found[source.table] = newest or 0
    return found


def rows_by_hour(recorder: Recorder, series: list[Series]) -> tuple[Counter[int], int]:
    """Returns the number of rows in each hour since 1970, and the number of rows without a valid time."""
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
    """Yields windows that cover every hour with rows, in order. An hour is never split.

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
