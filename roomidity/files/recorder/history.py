"""Reads a recorder's history as readings, one time window after another, so that years of it fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from roomidity.errors import ReadingsFileError
from roomidity.files.checking import FileReadings, told_apart
from roomidity.files.hints import Hints
from roomidity.files.recorder.database import KNOWN_SCHEMAS, Recorder
from roomidity.files.recorder.entities import Entity, Series, entities_of, series_of
from roomidity.files.recorder.proposal import refused_without_map, refused_wrong_map
from roomidity.files.recorder.rows import rows_of
from roomidity.files.recorder.windows import Newest, Window, newest_of, rows_by_hour, windows_of
from roomidity.files.shapes import RAW, Shaped

__all__ = ["History"]


@dataclass(frozen=True)
class History:
    """A recorder's database seen through a map. Each iteration reads it afresh, in parts ordered by time.

    Rows written after it was opened are ignored. ``rows`` is the number of values to be read.
    """

    path: Path
    hints: Hints
    series: tuple[Series, ...]
    windows: tuple[Window, ...]
    newest: Newest
    rows: int
    first: FileReadings

    @classmethod
    def opened(cls, path: Path, hints: Hints) -> History:
        """Returns the history defined by ``hints``: their map, house and units.

        Raises
        ------
        ReadingsFileError
            If the database cannot be read, the map is missing or wrong, or no house is given.
            If it is about the map, the message names entities to use.
        """
        with Recorder.opened(path) as recorder:
            entities = entities_of(recorder)
            if not hints.entities:
                raise refused_without_map(entities, path)
            series, left = series_of(entities, hints)
            if not series:
                raise refused_wrong_map(entities, hints.entities.targets, path)
            if not all(one.house for one in series):
                found, expected = "Home Assistant's recorder, which names no house", "also house: give --house NAME"
                raise ReadingsFileError(path, column="house", found=found, expected=expected)
            newest = newest_of(recorder)
            hours, timeless = rows_by_hour(recorder, series)
            notes = tuple(_notes(recorder, entities, series, hints))
        unmapped = {one.name: one.rows for one in left if one.rows}
        said = Shaped(pl.DataFrame(schema=RAW), apart=True, unmapped=unmapped, notes=notes)
        first = told_apart([said], (), hints, counted="row")
        if timeless:
            first = replace(first, rejected={**first.rejected, "bad_time": timeless})
        return cls(path, hints, tuple(series), tuple(windows_of(hours)), newest, hours.total(), first)

    def __iter__(self) -> Iterator[FileReadings]:
        """Returns the parts. The first has no readings, only what concerns the whole file."""
        yield self.first
        with Recorder.opened(self.path) as recorder:
            for window in self.windows:
                rows, superseded = rows_of(recorder, list(self.series), window, self.newest)
                part = told_apart([Shaped(rows, apart=True)], (), self.hints, counted="row")
                yield replace(part, superseded=superseded)


def _notes(recorder: Recorder, entities: list[Entity], series: list[Series], hints: Hints) -> Iterator[str]:
    """Yields what a person should know before anything is read."""
    if recorder.schema is not None and recorder.schema > KNOWN_SCHEMAS[1]:
        yield (
            f"its schema {recorder.schema} is newer than those that are known ({KNOWN_SCHEMAS[0]} to "
            f"{KNOWN_SCHEMAS[1]}); it has all the columns that are read"
        )
    ((waiting,),) = recorder.select("SELECT COUNT(*) FROM (SELECT 1 FROM states WHERE metadata_id IS NULL LIMIT 1)")
    if waiting:
        yield "Home Assistant has not migrated all states yet: those are left out; let it finish, and send again"
    names = {one.name for one in entities}
    absent = [
        name
        for name, target in hints.entities.targets.items()
        if name.startswith("sensor.") and "*" not in name and name not in names and not target.ignore
    ]
    if absent:
        yield f"in the map and not in the database: {', '.join(absent[:6])}" + (" …" if len(absent) > 6 else "")
    empty = [one.entity.name for one in series if not one.entity.rows]
    if empty:
        yield f"in the map and without a single value: {', '.join(empty[:6])}" + (" …" if len(empty) > 6 else "")
