"""Determines the columns of a table by their names, the map and their contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from roomidity.domain.quantities import QUANTITIES
from roomidity.errors import ReadingsFileError
from roomidity.files.headers import Column, Role, columns
from roomidity.files.hints import Hints
from roomidity.files.table import LINE, Table
from roomidity.files.times import read_times
from roomidity.files.values import read_values

__all__ = ["Roles", "listed", "roles_of", "times_of"]

_CLOCK: Final = r"^\s*\d{1,2}:\d{2}"
_OF_A_DAY: Final = r"\d\D+\d{1,2}:\d{2}|^\d{12,14}$"
"""Matches a date with a time of day."""

_SHOWN: Final = 12
"""Maximum number of columns listed in a message."""

_SAMPLE: Final = 20
"""Number of cells examined to see what a column holds."""

_NAME: Final = 40
"""Maximum length of a listed name in characters."""


@dataclass(frozen=True)
class Roles:
    """The columns of a table by role. ``mapped`` are the columns named by the map."""

    rows: pl.DataFrame
    columns: Mapping[str, Column]
    mapped: frozenset[str] = frozenset()

    def of(self, role: Role) -> list[Column]:
        """Returns the columns with a role, best first."""
        return sorted((one for one in self.columns.values() if one.role == role), key=lambda one: one.rank)

    def best(self, *roles: Role) -> Column | None:
        """Returns the best column of the first of ``roles`` that has one, or None."""
        return next((found[0] for role in roles if (found := self.of(role))), None)

    @property
    def is_long(self) -> bool:
        """Whether each row holds a single value, whose quantity is named by other columns."""
        plain = [one for one in self.of("quantity") if "." not in one.name or one.name in self.mapped]
        return bool(self.of("value")) and not plain

    @property
    def said(self) -> str:
        """The columns in words."""
        return (
            f"columns {listed(filter(None, self.columns))}"
            if any(self.columns)
            else "columns, none of which has a name"
        )


def listed(names: Iterable[str]) -> str:
    """Returns the first few names in words."""
    quoted = [repr(name if len(name) <= _NAME else f"{name[:_NAME]}…") for name in names]
    return ", ".join(quoted[:_SHOWN]) + (f" and {len(quoted) - _SHOWN} more" if len(quoted) > _SHOWN else "")


def roles_of(table: Table, hints: Hints, path: Path) -> Roles:
    """Returns the roles of a table's columns.

    Raises
    ------
    ReadingsFileError
        If no column holds measured values.
    """
    had = table.rows.columns[1:3]
    rows = _with_tags(table.rows)
    names = [name for name in rows.columns if name != LINE]
    found = columns(names)
    if had in (["name", "time"], ["name", "tags"]):  # InfluxDB's command line writes the measurement into this column.
        found["name"] = Column("name", "field", rank=50)
    mapped: set[str] = set()
    for name, one in found.items():
        target = None if one.role in ("time", "date") else hints.entities.find(name)
        if target is None:
            continue
        quantity = target.quantity or one.quantity
        if target.ignore or quantity is None or target.room is None:
            found[name] = Column(name)
            continue
        unit = target.units.get(quantity, one.unit)
        found[name] = Column(name, "quantity", one.rank, quantity=quantity, unit=unit, label=target.room)
        mapped.add(name)
    if not any(one.role in ("quantity", "value") for one in found.values()):
        found |= _by_cells(rows, found)
    roles = Roles(rows, found, frozenset(mapped))
    if not roles.of("quantity") and not roles.of("value"):
        _refuse_headless(names, path)
        raise ReadingsFileError(
            path,
            column=None,
            found=f"the {roles.said}" if any(found) else roles.said,
            expected="a column 'temperature' or 'humidity', or --map COLUMN=ROOM:QUANTITY for each that holds one",
        )
    return roles


def _by_cells(rows: pl.DataFrame, found: Mapping[str, Column]) -> dict[str, Column]:
    """Returns columns named only by their room, with the unit in each cell: ``21.3 °C``."""
    told: dict[str, Column] = {}
    for name, one in found.items():
        if one.role not in ("other", "name", "room") or rows.schema[name] != pl.String:
            continue
        cells = rows[name].drop_nulls().head(_SAMPLE)
        for quantity in QUANTITIES:
            if len(cells) and not read_values(cells, quantity)["unit"].null_count():
                told[name] = Column(name, "quantity", 5, quantity=quantity, label=name)
    return told


def _refuse_headless(names: list[str], path: Path) -> None:
    if names and read_times(pl.Series(names)).select(pl.any_horizontal(pl.all().is_not_null()).any()).item():
        expected = "one that names the columns first, such as house,room,ts,temperature,humidity"
        raise ReadingsFileError(
            path, column=None, found=f"a first line with values: {listed(names)}", expected=expected
        )


def _with_tags(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows with a column per tag. InfluxDB's command line joins tags: ``room=bath,sensor=s1``."""
    if "tags" not in rows.columns or rows.schema["tags"] != pl.String:
        return rows
    pairs = rows["tags"].unique().drop_nulls().to_list()
    names = dict.fromkeys(part.partition("=")[0] for pair in pairs for part in pair.split(",") if "=" in part)
    for name in names:
        if name not in rows.columns:
            own = {
                pair: dict(part.split("=", 1) for part in pair.split(",") if "=" in part).get(name) for pair in pairs
            }
            rows = rows.with_columns(
                pl.col("tags").replace_strict(own, default=None, return_dtype=pl.String).alias(name)
            )
    return rows.drop("tags")


def times_of(roles: Roles, hints: Hints, path: Path) -> tuple[pl.DataFrame, str | None]:
    """Returns the columns at, local and time (the text) of each row, and the zone if a column's name states it.

    Raises
    ------
    ReadingsFileError
        If no column holds times.
    """
    date, clock = roles.best("date"), roles.best("time")
    if clock is None and date is None:
        clock = _only_times(roles)
    if clock is None and date is None:
        expected = "a column 'ts', or one called time, timestamp, datetime, date and time, Zeit, Zeitpunkt, Datum"
        raise ReadingsFileError(path, column="ts", found=f"only the {roles.said}", expected=expected)
    told = clock or date
    assert told is not None  # noqa: S101  # one of them is there
    texts = roles.rows[told.name]
    if date is not None and clock is not None and _shows_clock_alone(texts):
        dates = roles.rows[date.name].cast(pl.String, strict=False).str.strip_chars()
        joined = pl.select(pl.concat_str(dates, texts.cast(pl.String, strict=False).str.strip_chars(), separator=" "))
        texts = joined.to_series()
        told = replace(told, zone=told.zone or date.zone, day_first=date.day_first)
    elif clock is None and texts.dtype == pl.String and not texts.str.contains(_OF_A_DAY).any():
        found = f"dates without a time of day, such as {texts.drop_nulls().first()!r}"
        raise ReadingsFileError(path, column=told.name, found=found, expected="a column with the time, too")
    day_first = hints.day_first if hints.day_first is not None else told.day_first
    found_times = read_times(texts, day_first=day_first)
    zone = told.zone
    if zone is not None and zone[0] in "+-":
        offset_ms = int(f"{zone[0]}1") * (int(zone[1:3]) * 60 + int(zone[4:])) * 60_000
        found_times = found_times.with_columns(at=pl.coalesce("at", pl.col("local") - offset_ms), local=None)
        found_times = found_times.cast({"local": pl.Int64})
        zone = None
    text = texts if texts.dtype == pl.String else texts.cast(pl.String, strict=False)
    found_times = found_times.with_columns(text.alias("time"))
    for other in roles.of("time"):  # In a file of several dialects, the times are spread over several columns.
        if not text.is_null().any():
            break
        if other.name != told.name:
            more = roles.rows[other.name]
            read = read_times(more, day_first=day_first).with_columns(more.cast(pl.String, strict=False).alias("time"))
            none = text.is_null()
            found_times = found_times.select(
                pl.when(none).then(read[name]).otherwise(name).alias(name) for name in read.columns
            )
            text = found_times["time"]
    return found_times, zone


def _only_times(roles: Roles) -> Column | None:
    """Returns the only column of times if it has no telling name, such as the index of pandas, or None."""
    names = [name for name, dtype in roles.rows.schema.items() if isinstance(dtype, pl.Datetime)]
    return roles.columns[names[0]] if len(names) == 1 else None


def _shows_clock_alone(texts: pl.Series) -> bool:
    if texts.dtype == pl.Time:
        return True
    return texts.dtype == pl.String and bool(texts.str.contains(_CLOCK).any())
