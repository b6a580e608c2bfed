"""Files as slot means, for evaluation and for training a prior."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from roomidity.domain.houses import OUTDOOR
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT_S
from roomidity.errors import ReadingsFileError
from roomidity.files.checking import FileReadings
from roomidity.files.hints import Hints
from roomidity.files.reading import read_parts, read_readings, refuse_bad, refused
from roomidity.files.report import problems

__all__ = ["SlotMeans", "read_outdoor", "read_slots", "read_whole"]

_SLOT: Final = f"{SLOT_S}s"
_ROOM: Final = ["house", "room"]
_ALL: Final = "all"
"""The house of a file of the air outside, which names none."""


@dataclass(frozen=True)
class SlotMeans:
    """Columns house, room, ts (start of the slot, UTC), temperature (°C), humidity (%RH); and words on the file."""

    means: pl.DataFrame
    notes: tuple[str, ...] = ()


def read_whole(path: Path, hints: Hints | None = None) -> FileReadings:
    """A file's readings as :func:`read_readings` has them, of all its rooms.

    Raises
    ------
    ReadingsFileError, RejectedFileError
        As there; also if a room is in another unit, for which there is a remedy: without it, it would be left out.
    """
    found = read_readings(path, hints)
    if found.units:
        raise refused(path, found)
    return found


def read_slots(path: Path, hints: Hints | None = None) -> SlotMeans:
    """The means of a file's readings in each slot of a room, whatever their cadence; repeats count once.

    Raises
    ------
    ReadingsFileError, RejectedFileError
        As :func:`read_whole` does.
    """
    means: list[pl.DataFrame] = []
    told: list[FileReadings] = []
    readings = 0
    for part in read_parts(path, hints):  # which begin and end with whole slots
        readings += len(part.readings)
        if len(part.readings):
            means.append(_means(part.readings, _ROOM))
        told.append(replace(part, readings=part.readings.head(1)))
    found = FileReadings.joined(told)
    refuse_bad(path, found, readings=readings)
    if found.units:
        raise refused(path, found, readings=readings)
    return SlotMeans(pl.concat(means).sort(*_ROOM, "ts"), tuple(problems(found)))


def read_outdoor(path: Path, hints: Hints | None = None) -> pl.DataFrame:
    """The slot means of a file of the air outside: ts (start of the slot, UTC), temperature (°C), humidity (%RH).

    Raises
    ------
    ReadingsFileError, RejectedFileError
        As :func:`read_whole` does; also if a quantity is missing, or the air outside is not told from rooms.
    """
    hints = replace(hints or Hints(), house=_ALL, room=OUTDOOR)
    readings = read_whole(path, hints).readings
    rooms = sorted(readings["room"].unique())
    if len(rooms) > 1:
        readings = readings.filter(pl.col("room") == OUTDOOR)
    if readings.is_empty():
        found = f"the rooms {', '.join(rooms[:8])}"
        raise ReadingsFileError(path, column="room", found=found, expected=f"one room, or one called {OUTDOOR!r}")
    for quantity in QUANTITIES:
        if readings[quantity].null_count() == len(readings):
            raise ReadingsFileError(path, column=quantity, found="no values", expected=f"a column {quantity!r}")
    return _means(readings, []).select("ts", "temperature", "humidity")


def _means(readings: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    slot = pl.col("ts").dt.truncate(_SLOT)
    means = readings.unique(maintain_order=True).group_by(*keys, slot, maintain_order=True)
    return means.agg(pl.col("temperature", "humidity").mean()).sort(*keys, "ts")
