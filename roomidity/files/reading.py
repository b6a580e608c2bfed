"""Reads a file's readings, and refuses the file as a whole if it has more bad rows than readings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from roomidity.errors import ReadingsFileError, RejectedFileError
from roomidity.files.checking import FileReadings, told_apart
from roomidity.files.hints import Hints
from roomidity.files.objects import is_json, read_objects
from roomidity.files.parquet import MAGIC, read_parquet
from roomidity.files.recorder import History, is_sqlite
from roomidity.files.report import problems, remedies
from roomidity.files.roles import roles_of
from roomidity.files.separated import read_separated
from roomidity.files.shapes import shape
from roomidity.files.table import Table
from roomidity.files.text import decoded, refuse_binary

__all__ = ["read_parts", "read_readings", "refuse_bad", "refused"]

_LEFT_OUT: Final = frozenset({"no_value", "unmapped"})
"""Reasons that do not indicate a faulty file: there was no reading, or the row is about something else."""


def read_readings(path: Path, hints: Hints | None = None) -> FileReadings:
    """Returns the readings of a file in any supported form.

    Parameters
    ----------
    path
        The file. Its format is recognised by its content, not by its extension.
    hints
        What the file does not state itself.

    Raises
    ------
    ReadingsFileError
        If it cannot be read, or names no house, room, time or quantity.
    RejectedFileError
        If more of its rows are bad than good.
    """
    hints = hints or Hints()
    if _is_history(path):
        whole = FileReadings.joined(History.opened(path, hints))
        refuse_bad(path, whole, readings=len(whole.readings))
        return whole
    tables = _tables(path)
    faults = [fault for table in tables for fault in table.faults]
    shaped = [shape(table, hints, path) for table in tables if not table.rows.is_empty()]
    if not shaped:
        for table in tables:
            if len(table.rows.columns) > 1:
                roles_of(table, hints, path)  # An error about an unrecognisable header is more helpful.
        if faults:
            raise refused(path, FileReadings.none(faults, counted=tables[0].counted))
        raise ReadingsFileError(path, column=None, found="no rows", expected="readings")
    found = told_apart(shaped, faults, hints, counted=tables[0].counted)
    refuse_bad(path, found, readings=len(found.readings))
    return found


def read_parts(path: Path, hints: Hints | None = None) -> Iterable[FileReadings]:
    """Returns the readings in parts ordered by time that each fit in memory: several for a history, else one.

    The result can be iterated repeatedly. For a history, the caller must call :func:`refuse_bad` once it has seen all
    parts.

    Raises
    ------
    ReadingsFileError, RejectedFileError
        As :func:`read_readings` does.
    """
    return History.opened(path, hints or Hints()) if _is_history(path) else (read_readings(path, hints),)


def refuse_bad(path: Path, found: FileReadings, *, readings: int) -> None:
    """Refuses a file without readings, or with more bad rows than readings.

    Parameters
    ----------
    path
        The file.
    found
        What is wrong with it.
    readings
        Number of readings in it.

    Raises
    ------
    RejectedFileError
        If the file is refused.
    """
    bad = sum(count for reason, count in found.rejected.items() if reason not in _LEFT_OUT)
    if not readings or bad > readings:
        raise refused(path, found, readings=readings)


def refused(path: Path, found: FileReadings, *, readings: int | None = None) -> RejectedFileError:
    """Returns the error that says what is wrong with a file and how to correct it."""
    return RejectedFileError(
        path,
        readings=len(found.readings) if readings is None else readings,
        rejected=found.rejected,
        found=problems(found),
        remedies=remedies(found),
    )


def _is_history(path: Path) -> bool:
    try:
        return is_sqlite(path)
    except OSError as error:
        found = error.strerror or str(error)
        raise ReadingsFileError(path, column=None, found=found, expected="a file that can be read") from error


def _tables(path: Path) -> list[Table]:
    try:
        with path.open("rb") as file:
            is_parquet = file.read(len(MAGIC)) == MAGIC
        data = b"" if is_parquet else path.read_bytes()
    except OSError as error:
        found = error.strerror or str(error)
        raise ReadingsFileError(path, column=None, found=found, expected="a file that can be read") from error
    if is_parquet:
        return [read_parquet(path)]
    refuse_binary(data, path)
    text, _ = decoded(data)
    return [read_objects(text)] if is_json(text) else read_separated(text)
