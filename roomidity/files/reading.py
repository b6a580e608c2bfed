"""A file's readings: opened, told apart, and refused as a whole where hardly any row is one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from roomidity.errors import ReadingsFileError, RejectedFileError
from roomidity.files.checking import FileReadings, told_apart
from roomidity.files.hints import Hints
from roomidity.files.objects import is_json, read_objects
from roomidity.files.parquet import MAGIC, read_parquet
from roomidity.files.report import problems, remedies
from roomidity.files.roles import roles_of
from roomidity.files.separated import read_separated
from roomidity.files.shapes import shape
from roomidity.files.table import Table
from roomidity.files.text import decoded, refuse_binary

__all__ = ["read_readings", "refused"]

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
    bad = sum(count for reason, count in found.rejected.items() if reason not in _LEFT_OUT)
    if found.readings.is_empty() or bad > len(found.readings):
        raise refused(path, found)
    return found


def refused(path: Path, found: FileReadings) -> RejectedFileError:
    """The error that says what is wrong with a file, and what would mend it."""
    return RejectedFileError(
        path,
        readings=len(found.readings),
        rejected=found.rejected,
        found=problems(found),
        remedies=remedies(found),
    )


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
