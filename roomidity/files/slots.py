"""Reads files as slot means, for evaluation and for training a prior."""

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
"""The house assigned to a file of outdoor air, which names none."""


@dataclass(frozen=True)
class SlotMeans:
    """Columns house, room, ts (start of slot, UTC), temperature (°C) and humidity (%RH), with notes on the file."""

    means: pl.DataFrame
    notes: tuple[str, ...] = ()


def read_whole(path: Path, hints: Hints | None = None) -> FileReadings:
    """Returns a file's readings as :func:`read_readings` does, but never without some of its rooms.

    Raises
    ------
    ReadingsFileError, RejectedFileError
        As :func:`read_readings` does. Also if a room is in another unit, since it would otherwise be left out.
        The message says how to state the unit.
    """
    found = read_readings(path, hints)
    if found.units:
        raise refused(path, found)
    return found


def read_slots(path: Path, hints: Hints | None = None) -> SlotMeans:
    """Returns the means of a file's readings by room and slot, whatever their cadence. Exact repeats count once.

    Raises
    ------
    ReadingsFileError, RejectedFileError
        As :func:`read_whole` does.
    """
    means: list[pl.DataFrame] = []
    told: list[FileReadings] = []
    readings = 0
    for part in read_parts(path, hints):  # Parts begin and end at slot boundaries, so that no mean is split.
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
    """Returns the slot means in a file of outdoor air: ts (start of slot, UTC), temperature (°C), humidity (%RH).

    Raises
    ------
    ReadingsFileError, RejectedFileError
        As :func:`read_whole` does. Also if a quantity is missing, or if outdoor air cannot be distinguished from rooms.
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
