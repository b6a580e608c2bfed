"""A file's readings: opened, told apart, and refused as a whole where hardly any row is one."""

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
"""Reasons that speak for no fault of the file: there was no reading, or it is of something else."""


def read_readings(path: Path, hints: Hints | None = None) -> FileReadings:
    """The readings of a file, in whatever form.

    Parameters
    ----------
    path
        The file; what it is is told by what is in it, not by its ending.
    hints
        What names what the file does not.

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
                roles_of(table, hints, path)  # a header that is none says more
        if faults:
            raise refused(path, FileReadings.none(faults, counted=tables[0].counted))
        raise ReadingsFileError(path, column=None, found="no rows", expected="readings")
    found = told_apart(shaped, faults, hints, counted=tables[0].counted)
    refuse_bad(path, found, readings=len(found.readings))
    return found


def read_parts(path: Path, hints: Hints | None = None) -> Iterable[FileReadings]:
    """The same in parts, in order of time, each of which fits in memory: many of a history, one of any other file.

    It can be iterated again. What of a history is too bad to be used is for who has seen all of it to say, by
    :func:`refuse_bad`.

    Raises
    ------
    ReadingsFileError, RejectedFileError
        As :func:`read_readings` does.
    """
    return History.opened(path, hints or Hints()) if _is_history(path) else (read_readings(path, hints),)


def refuse_bad(path: Path, found: FileReadings, *, readings: int) -> None:
    """Refuse a file that holds no reading, or fewer than bad rows.

    Parameters
    ----------
    found
        What is wrong with it.
    readings
        How many it holds.

    Raises
    ------
    RejectedFileError
        If it is such a file.
    """
    bad = sum(count for reason, count in found.rejected.items() if reason not in _LEFT_OUT)
    if not readings or bad > readings:
        raise refused(path, found, readings=readings)


def refused(path: Path, found: FileReadings, *, readings: int | None = None) -> RejectedFileError:
    """The error that says what is wrong with a file, and what would mend it."""
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
