"""Separates the rows of a file into readings and rejected rows, each with its reason, by the rules of all inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from roomidity.domain.names import is_name, kept_name
from roomidity.domain.quantities import QUANTITIES, SPECS, Quantity
from roomidity.domain.units import DEFAULT_UNITS, UNITS, Unit, Units
from roomidity.files.clocks import resolve
from roomidity.files.hints import Hints
from roomidity.files.shapes import Shaped
from roomidity.files.table import Fault
from roomidity.readings.judging import in_units
from roomidity.readings.units import clamp, convert

__all__ = ["EXAMPLES", "FileReadings", "told_apart"]

EXAMPLES: Final = 3
"""Number of rows per reason shown in a message."""

_SERIES: Final = ["house", "room", "sensor", "series"]
_SPAN_MS: Final = (0, 4_200_000_000_000)
"""From 1970 to 2103, in ms since 1970."""

_READING: Final = ("house", "room", "sensor", "ts", "temperature", "humidity")


@dataclass(frozen=True)
class FileReadings:
    """The contents of a file.

    Parameters
    ----------
    readings
        Columns house, room, sensor (only if the file names any), ts (UTC), temperature (°C), humidity (%RH), ordered by
        time.
    rejected
        Number of rejected rows by reason.
    examples
        Some of the rejected rows by reason.
    units
        For rooms rejected because of their unit: the unit they must be in, by house and room.
    notes
        What a person should know about how the file was read.
    counted
        What row numbers count: lines, or rows if the format has no lines.
    superseded
        Number of rows that are means over a time for which finer rows exist. No reading is lost with them.
    """

    readings: pl.DataFrame
    rejected: Mapping[str, int]
    examples: Mapping[str, Sequence[Fault]]
    units: Mapping[tuple[str, str], Units] = field(default_factory=dict)
    notes: Sequence[str] = ()
    counted: str = "line"
    superseded: int = 0

    @classmethod
    def joined(cls, parts: Iterable[FileReadings]) -> FileReadings:
        """Returns the contents of all parts of a file. There must be at least one."""
        found = list(parts)
        rejected = sum((Counter(part.rejected) for part in found), Counter[str]())
        examples: dict[str, list[Fault]] = {}
        units: dict[tuple[str, str], Units] = {}
        for part in found:
            units |= part.units
            for reason, own in part.examples.items():
                examples[reason] = [*examples.get(reason, ()), *own][:EXAMPLES]
        held = [part.readings for part in found if not part.readings.is_empty()]
        readings = pl.concat(held, how="diagonal") if held else found[0].readings
        notes = tuple(dict.fromkeys(note for part in found for note in part.notes))
        superseded = sum(part.superseded for part in found)
        return cls(readings, rejected, examples, units, notes, found[0].counted, superseded)

    @classmethod
    def none(cls, faults: Sequence[Fault], *, counted: str) -> FileReadings:
        """Returns the contents of a file in which no line is a row."""
        examples: dict[str, list[Fault]] = {}
        for fault in faults:
            examples.setdefault(fault.reason, []).append(fault)
        counts = {reason: len(own) for reason, own in examples.items()}
        return cls(pl.DataFrame(), counts, examples, counted=counted)


def told_apart(
    shaped: Sequence[Shaped], faults: Sequence[Fault], hints: Hints, *, counted: str = "line"
) -> FileReadings:
    """Returns the readings in all parts of a file, and what is wrong with the other rows."""
    rows = pl.concat(
        resolve(one.rows, hints.timezone or one.zone, _SERIES).with_columns(pl.lit(one.apart).alias("apart"))
        for one in shaped
    )
    rows = _in_contract_units(_with_names(rows), hints).with_columns(
        pl.when(pl.col("at").is_between(*_SPAN_MS)).then("at").alias("at")
    )
    rows = rows.with_columns(clamp(pl.col(spec.name), spec) for spec in SPECS)
    rows = rows.with_columns(_reason().alias("reason"))
    bad = rows.filter(pl.col("reason").is_not_null())
    rejected: Counter[str] = Counter(dict(bad["reason"].value_counts().iter_rows()))
    examples: dict[str, list[Fault]] = {}
    for (reason,), own in bad.sort("line").group_by("reason", maintain_order=True):
        examples[reason] = [Fault(row["line"], reason, _why(row)) for row in own.head(EXAMPLES).iter_rows(named=True)]
    for fault in sorted(faults, key=lambda fault: fault.line):
        rejected[fault.reason] += 1
        examples.setdefault(fault.reason, []).append(fault)
    unmapped = Counter[str]()
    for one in shaped:
        unmapped.update(one.unmapped)
    notes = list(dict.fromkeys(note for one in shaped for note in one.notes))
    if unmapped:
        rejected["unmapped"] += unmapped.total()
        notes.append(f"left out, for no room or quantity is known: {_counted(unmapped)}")
    good = rows.filter(pl.col("reason").is_null())
    return FileReadings(_readings(good), rejected, examples, _units(bad), notes, counted)


def _with_names(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows with names as they are stored, and ``nameless``, the column whose name is invalid."""
    nameless = pl.lit(None, pl.String)
    for column in ("sensor", "room", "house"):
        different = rows[column].unique().drop_nulls()
        kept = pl.Series([kept_name(name, is_room=column == "room") for name in different], dtype=pl.String)
        holds = pl.Series([is_name(name) or (name == "" and column == "sensor") for name in kept], dtype=pl.Boolean)
        if not kept.equals(different):
            rows = rows.with_columns(pl.col(column).replace_strict(different, kept, default=None))
        bad = kept.filter(~holds).to_list()
        empty = pl.col(column).is_null() if column != "sensor" else pl.lit(value=False)
        nameless = pl.coalesce(pl.when(empty | pl.col(column).is_in(bad)).then(pl.lit(column)), nameless)
    return rows.with_columns(pl.col("sensor").fill_null("")).with_columns(nameless.alias("nameless"))


def _in_contract_units(rows: pl.DataFrame, hints: Hints) -> pl.DataFrame:
    """Returns the rows with values in °C and %RH and the verdict on their unit.

    The unit in the cell takes precedence, then the unit given by the user, then the unit in the column's name.
    """
    rooms = rows.select("house", "room").unique().drop_nulls()
    asked = {(house, room): hints.units_of(room) for house, room in rooms.iter_rows()}
    for quantity in QUANTITIES:
        said = pl.col(f"{quantity}_said")
        if hints.units:
            units = {room: of.get(quantity) for (_, room), of in asked.items()}
            said = pl.coalesce(pl.col("room").replace_strict(units, default=None, return_dtype=pl.String), said)
        rows = rows.with_columns(pl.coalesce(f"{quantity}_unit", said).alias("in"))
        present = set(rows["in"].unique().drop_nulls())
        value = pl.col(quantity)
        for unit in (one for one in UNITS if one in present and one != DEFAULT_UNITS[quantity]):
            value = pl.when(pl.col("in") == unit).then(convert(pl.col(quantity), unit)).otherwise(value)
        rows = rows.with_columns(value.alias(quantity))
    declared = {room: {quantity: DEFAULT_UNITS[quantity] for quantity in of} for room, of in asked.items() if of}
    return in_units(rows, declared, lambda _house, _room, _quantity: None)


def _reason() -> pl.Expr:
    outside = [~pl.col(spec.name).is_between(*spec.plausible) | pl.col(spec.name).is_nan() for spec in SPECS]
    return pl.coalesce(
        pl.when(applies).then(pl.lit(reason))
        for reason, applies in (
            ("bad_name", pl.col("nameless").is_not_null()),
            ("bad_time", pl.col("at").is_null()),
            ("bad_value", pl.col("bad").is_not_null()),
            ("no_value", pl.all_horizontal(pl.col(QUANTITIES).is_null())),
            ("unit", pl.col("other_unit").is_not_null()),
            ("implausible", pl.any_horizontal(outside)),
        )
    )


def _why(row: Mapping[str, Any]) -> str:
    """Returns a description of what is wrong with a row."""
    match row["reason"]:
        case "bad_name":
            name = row[row["nameless"]]
            return f"the {row['nameless']} {name!r} is no name" if name else f"it names no {row['nameless']}"
        case "bad_time" if row["time"] is None or not row["time"].strip():
            return "it has no time"
        case "bad_time":
            return f"{_cut(row['time'])}: {row['why'] or 'no time that can be read'}"
        case "bad_value":
            return f"{_cut(row['bad'])} is no number"
        case "no_value":
            return "it has neither temperature nor humidity"
    if row["reason"] == "unit":
        odd = [name for name in QUANTITIES if row.get(f"unit of {name}") is not None]
        return f"{' and '.join(f'{name} {row[name]:g}' for name in odd)} in {row['room']!r}"
    units = (("temperature", "°C"), ("humidity", "%RH"))
    return " and ".join(f"{row[name]:g} {unit}" for name, unit in units if row[name] is not None)


def _cut(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _counted(counts: Counter[str]) -> str:
    shown = ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(6))
    return shown + (f" and {len(counts) - 6} more" if len(counts) > 6 else "")


def _units(bad: pl.DataFrame) -> dict[tuple[str, str], Units]:
    """Returns the units that the rooms rejected for their unit must be in."""
    found: dict[tuple[str, str], dict[Quantity, Unit]] = {}
    for quantity in QUANTITIES:
        if (column := f"unit of {quantity}") in bad.columns:
            of = (
                bad.filter(pl.col("reason") == "unit")
                .select("house", "room", column)
                .drop_nulls()
                .unique()
                .sort(pl.all())
            )
            for house, room, unit in of.iter_rows():
                found.setdefault((house, room), {})[quantity] = unit
    return dict(found)


def _readings(good: pl.DataFrame) -> pl.DataFrame:
    """Returns the readings ordered by time. Separate temperature and humidity of the same moment become one reading."""
    ts = pl.from_epoch("at", time_unit="ms").dt.replace_time_zone("UTC").alias("ts")
    if good["apart"].any():
        keys = ["house", "room", "sensor", "at"]
        halves = [
            good.filter("apart", pl.col(quantity).is_not_null())
            .select(*keys, pl.int_range(pl.len()).over(keys).alias("time"), quantity)
            .with_columns(pl.int_range(pl.len()).alias(f"place of {quantity}"))
            for quantity in QUANTITIES
        ]
        joined = halves[0].join(halves[1], on=[*keys, "time"], how="full", coalesce=True, nulls_equal=True)
        whole = good.filter(~pl.col("apart")).select(*keys, *QUANTITIES)
        good = pl.concat([whole, joined.sort("at", "house", "room", "sensor", "time").select(whole.columns)])
    readings = good.select(ts if name == "ts" else name for name in _READING).sort("ts", maintain_order=True)
    return readings.drop("sensor") if (readings["sensor"] == "").all() else readings
