"""Issues of the weather as a table, a row for each hour, in a backtest's columns: what people import and export.

Columns: issued_at, known_from and ts (UTC), temperature (°C), humidity (%RH); 49 hours an issue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import polars as pl

from roomidity.domain.slots import format_moment
from roomidity.domain.weather import HOURS, WeatherIssue, checked_issue
from roomidity.errors import InputError, ReadingsFileError

__all__ = ["ISSUE_COLUMNS", "IssueTable", "issue_rows", "read_issue_table"]

_TIMES: Final = ("issued_at", "known_from", "ts")
ISSUE_COLUMNS: Final = (*_TIMES, "temperature", "humidity")
_EXPECTED: Final = f"columns {', '.join(ISSUE_COLUMNS)}: a row for each of an issue's {HOURS} hours, times in UTC"


@dataclass(frozen=True)
class IssueTable:
    """The issues of a file, by when they became known; and why others of it cannot be used, in words."""

    issues: tuple[WeatherIssue, ...]
    refused: tuple[str, ...]


def issue_rows(issues: Iterable[WeatherIssue]) -> pl.DataFrame:
    """The issues as a table."""
    rows = [
        (issue.issued_at, issue.known_from, issue.first + timedelta(hours=hour), temperature, humidity)
        for issue in issues
        for hour, (temperature, humidity) in enumerate(zip(issue.temperature, issue.humidity, strict=True))
    ]
    schema = dict.fromkeys(_TIMES, pl.Datetime("ms", "UTC")) | dict.fromkeys(ISSUE_COLUMNS[3:], pl.Float64())
    return pl.DataFrame(rows, schema=schema, orient="row")


def read_issue_table(path: Path, *, place: str) -> IssueTable:
    """The issues of a parquet file, as those of a place.

    Raises
    ------
    ReadingsFileError
        If it is no such file.
    """
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        said = str(error).partition("\n")[0]
        raise ReadingsFileError(path, column=None, found=said, expected=f"parquet with {_EXPECTED}") from error
    for name in ISSUE_COLUMNS:
        if name not in table.columns:
            found = ", ".join(table.columns) or "none"
            raise ReadingsFileError(path, column=name, found=f"only {found}", expected=_EXPECTED)
        kind = table.schema[name]
        if name in _TIMES and not (isinstance(kind, pl.Datetime) and kind.time_zone is not None):
            raise ReadingsFileError(path, column=name, found=str(kind), expected="times with a time zone")
        if name not in _TIMES and not kind.is_numeric():
            raise ReadingsFileError(path, column=name, found=str(kind), expected="numbers")
    plain = table.select(
        pl.col(_TIMES).dt.convert_time_zone("UTC"), pl.col(ISSUE_COLUMNS[3:]).cast(pl.Float64).fill_null(float("nan"))
    )
    issues: list[WeatherIssue] = []
    refused: list[str] = []
    for _, rows in plain.group_by("known_from", "issued_at", maintain_order=True):
        try:
            issues.append(_issue(rows.sort("ts"), place))
        except InputError as error:
            refused.append(str(error))
    return IssueTable(tuple(sorted(issues, key=lambda issue: issue.known_from)), tuple(refused))


def _issue(rows: pl.DataFrame, place: str) -> WeatherIssue:
    issued_at, known_from, first = rows.select(_TIMES).row(0)
    if None in (issued_at, known_from, first):
        raise InputError(f"an issue lacks a time; expected {', '.join(_TIMES)} in each row")
    name = f"the issue of {format_moment(issued_at)}"
    if len(rows) != HOURS or (rows["ts"].diff().drop_nulls() != timedelta(hours=1)).any():
        raise InputError(f"{name} has {len(rows)} hours; expected {HOURS}, each an hour after the one before")
    temperature, humidity = (tuple(rows[quantity].to_list()) for quantity in ISSUE_COLUMNS[3:])
    try:
        return checked_issue(WeatherIssue(place, issued_at, known_from, first, temperature, humidity))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
