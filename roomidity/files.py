"""Files of readings: Parquet, CSV or JSON lines, checked as a whole, with errors that name the column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from roomidity.errors import ReadingsFileError
from roomidity.readings.messages import pack_lines, pack_readings

__all__ = ["SUFFIXES", "bodies_of", "read_outdoor", "read_slots", "read_tidy"]

SUFFIXES: Final = (".parquet", ".csv", ".jsonl", ".ndjson", ".json")
_NAMES: Final = ("house", "room")
_VALUES: Final = ("temperature", "humidity")


def read_tidy(path: Path, *, house: str | None = None) -> pl.DataFrame:
    """A Parquet file's readings: house, room, sensor where there is one, ts (UTC), temperature (°C), humidity (%RH).

    Rows with neither value are left out: they say that there was no reading.

    Parameters
    ----------
    path
        The file.
    house
        The house's name, where the file has no such column.

    Raises
    ------
    ReadingsFileError
        If it cannot be read, or a column is missing or of another type.
    """
    readings = _read_parquet(path)
    if house is not None:
        readings = readings.with_columns(pl.lit(house).alias("house"))
    return _checked(readings, path)


def read_slots(path: Path) -> pl.DataFrame:
    """A Parquet file of slot means, for evaluation: checked like :func:`read_tidy`, each slot of a room once.

    Raises
    ------
    ReadingsFileError
        If it cannot be read, a column is missing, of another type or in another unit, or a slot stands twice.
    """
    readings = read_tidy(path)
    missing = [name for name in _VALUES if name not in readings.columns]
    if missing:
        found = "only " + ", ".join(readings.columns)
        raise ReadingsFileError(path, column=missing[0], found=found, expected=f"a column {missing[0]!r}")
    _check_units(readings, path)
    _check_slots(readings, ["house", "room"], path)
    return readings


def read_outdoor(path: Path) -> pl.DataFrame:
    """A Parquet file of the air outside: ts (UTC), temperature (°C), humidity (%RH).

    Raises
    ------
    ReadingsFileError
        As :func:`read_slots` does.
    """
    readings = _read_parquet(path)
    for name in ("ts", *_VALUES):
        if name not in readings.columns:
            found = "only " + ", ".join(readings.columns)
            raise ReadingsFileError(path, column=name, found=found, expected=f"a column {name!r}")
    named = readings.select("ts", *_VALUES).with_columns(pl.lit("all").alias("house"), pl.lit("outdoor").alias("room"))
    checked = _checked(named, path)
    _check_units(checked, path)
    _check_slots(checked, [], path)
    return checked.select("ts", *_VALUES)


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        found = str(error).split("\n", maxsplit=1)[0]
        raise ReadingsFileError(path, column=None, found=found, expected="a Parquet file") from error


def _check_units(readings: pl.DataFrame, path: Path) -> None:
    """Kelvin, Fahrenheit and shares of one are told by their middle."""
    for name, least, greatest, unit in (("temperature", -40, 45, "°C"), ("humidity", 1.5, 100, "%RH, 0 to 100")):
        middle = readings[name].drop_nulls().to_numpy()
        if len(middle) and not least <= (median := float(np.median(middle))) <= greatest:
            raise ReadingsFileError(path, column=name, found=f"a median of {median:.2f}", expected=unit)


def _check_slots(readings: pl.DataFrame, keys: list[str], path: Path) -> None:
    slots = readings.with_columns(pl.col("ts").dt.truncate("15m"))
    twice = slots.filter(pl.struct(*keys, "ts").is_duplicated()).sort(*keys, "ts")
    if len(twice):
        first = ", ".join(str(twice[name][0]) for name in (*keys, "ts"))
        raise ReadingsFileError(
            path,
            column="ts",
            found=f"{len(twice)} rows that share a slot, the first: {first}",
            expected="each slot once",
        )


def _checked(readings: pl.DataFrame, path: Path) -> pl.DataFrame:
    """The readings with UTC times and Float64 values, or an error that names the column."""
    there = ", ".join(readings.columns)
    for name in (*_NAMES, "ts"):
        if name not in readings.columns:
            hint = " (or name the house with --house)" if name == "house" else ""
            raise ReadingsFileError(path, column=name, found=f"only {there}", expected=f"a column {name!r}{hint}")
    if not set(_VALUES) & set(readings.columns):
        raise ReadingsFileError(path, column=None, found=there, expected="a column 'temperature' or 'humidity'")
    for name in (*_NAMES, "sensor"):
        if name in readings.columns and readings.schema[name] != pl.String:
            raise ReadingsFileError(path, column=name, found=str(readings.schema[name]), expected="text")
    for name in _VALUES:
        if name in readings.columns and not readings.schema[name].is_numeric():
            raise ReadingsFileError(path, column=name, found=str(readings.schema[name]), expected="numbers")
    _check_times(readings, path)
    if readings.is_empty():
        raise ReadingsFileError(path, column=None, found="no rows", expected="readings")
    values = [name for name in _VALUES if name in readings.columns]
    for name in values:
        if readings[name].cast(pl.Float64).is_infinite().any():
            raise ReadingsFileError(path, column=name, found="infinity", expected="finite numbers, or nulls")
    return readings.with_columns(
        pl.col("ts").dt.convert_time_zone("UTC").dt.cast_time_unit("ms"),
        *(pl.col(name).cast(pl.Float64).fill_nan(None) for name in values),
    ).filter(pl.any_horizontal(pl.col(values).is_not_null()))


def _check_times(readings: pl.DataFrame, path: Path) -> None:
    ts = readings.schema["ts"]
    if not isinstance(ts, pl.Datetime):
        raise ReadingsFileError(path, column="ts", found=str(ts), expected="Datetime with time zone UTC")
    if ts.time_zone is None:
        raise ReadingsFileError(
            path,
            column="ts",
            found="times without a time zone",
            expected="UTC (in Polars: dt.replace_time_zone('UTC'))",
        )
    if readings["ts"].null_count():
        raise ReadingsFileError(path, column="ts", found=f"{readings['ts'].null_count()} nulls", expected="none")


def bodies_of(path: Path, *, house: str | None, max_bytes: int) -> tuple[int, Iterator[str]]:
    """How many readings a file holds, and the message bodies that they pack into.

    A Parquet file is checked here as a whole. Of a text file every line is sent as it stands, for the drain to judge: a
    bad one is rejected with its reason, kept, and does not hold up the others.

    Raises
    ------
    ReadingsFileError
        If the file cannot be read at all.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ReadingsFileError(path, column=None, found=f"the ending {suffix!r}", expected=", ".join(SUFFIXES))
    if suffix == ".parquet":
        # By time, so that a message holds few slots: drains of a year sorted by room write each slot many times over.
        readings = read_tidy(path, house=house).sort("ts", maintain_order=True)
        return len(readings), pack_readings(readings, max_bytes=max_bytes)
    try:
        if suffix == ".csv":
            lines = _csv_lines(path, house=house)
        else:
            lines = [line for line in path.read_text("utf-8", errors="replace").split("\n") if line.strip()]
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ReadingsFileError(path, column=None, found=str(error), expected="a text file of readings") from error
    return len(lines), pack_lines(lines, max_bytes=max_bytes)


def _csv_lines(path: Path, *, house: str | None) -> list[str]:
    """A line of JSON for each row; a value that is no number stays text, so that the drain can say so."""
    rows = pl.read_csv(path, infer_schema=False)
    if house is not None:
        rows = rows.with_columns(pl.lit(house).alias("house"))
    for name in (*_NAMES, "ts"):
        if name not in rows.columns:
            raise ReadingsFileError(path, column=name, found=", ".join(rows.columns), expected=f"a column {name!r}")
    values = [name for name in _VALUES if name in rows.columns]
    if not values:
        there = ", ".join(rows.columns)
        raise ReadingsFileError(path, column=None, found=there, expected="a column 'temperature' or 'humidity'")
    numbers = rows.with_columns(pl.col(values).cast(pl.Float64, strict=False))
    finite = (numbers[name].is_finite().fill_null(value=False) for name in values)
    odd = pl.any_horizontal(rows[name].is_not_null() & ~good for name, good in zip(values, finite, strict=True))
    is_odd = rows.select(odd).to_series()
    return _json_lines(numbers.filter(~is_odd)) + _json_lines(rows.filter(is_odd))


def _json_lines(rows: pl.DataFrame) -> list[str]:
    return rows.write_ndjson().split("\n")[:-1]
