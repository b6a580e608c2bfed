"""Detects the shape of a table and converts its rows to readings, which are not checked yet.

The shapes are one reading per row, one column per room, and one value per row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from roomidity.domain.houses import OUTDOOR
from roomidity.domain.names import OUTSIDE
from roomidity.domain.quantities import Quantity
from roomidity.errors import ReadingsFileError
from roomidity.files.headers import Column, Role
from roomidity.files.hints import Hints
from roomidity.files.long import targets_of
from roomidity.files.mapping import Target
from roomidity.files.roles import Roles, listed, roles_of, times_of
from roomidity.files.table import LINE, Table
from roomidity.files.values import read_values
from roomidity.files.zones import told_zone
from roomidity.readings.numerals import UNIT_SIGNS

__all__ = ["RAW", "Shaped", "shape"]

_QUANTITIES: Final[tuple[Quantity, Quantity]] = ("temperature", "humidity")

RAW: Final = pl.Schema(
    {"line": pl.Int64(), "house": pl.String(), "room": pl.String(), "sensor": pl.String(), "series": pl.Int64()}
    | {"at": pl.Int64(), "local": pl.Int64(), "time": pl.String()}
    | {"temperature": pl.Float64(), "temperature_unit": pl.String(), "temperature_said": pl.String()}
    | {"humidity": pl.Float64(), "humidity_unit": pl.String(), "humidity_said": pl.String(), "bad": pl.String()}
)
"""One reading per row. ``line`` is its line number, and ``series`` identifies rows recorded together.

``at`` is the moment and ``local`` the local time, both in ms since 1970, and ``time`` is the original text. A
``…_unit`` is the unit in the cell, a ``…_said`` the unit named by the column or the map. ``bad`` is the text of a value
that is not a number.
"""

_DESCRIBING: Final[tuple[Role, ...]] = ("entity", "sensor", "name", "room")
_OUT: Final = OUTSIDE | {"out"}


@dataclass(frozen=True)
class Shaped:
    """Rows of :data:`RAW`. ``zone`` is the zone of their local times if the file states it. ``notes`` are for the user.

    ``apart`` means that temperature and humidity are in separate rows. ``unmapped`` counts values of unknown room or
    quantity by their name.
    """

    rows: pl.DataFrame
    zone: str | None = None
    apart: bool = False
    unmapped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def _overruled(roles: Roles, hints: Hints) -> tuple[str, ...]:
    """Returns notes on options that the file itself answers, so that they apply only where the file is empty."""
    notes = []
    given: tuple[tuple[Role, str | None], ...] = (("house", hints.house), ("room", hints.room))
    for role, option in given:
        own = roles.best(role)
        if own is None or option is None:
            continue
        other = set(roles.rows[own.name].cast(pl.String, strict=False).drop_nulls()) - {"", option}
        if other:
            notes.append(
                f"--{role} {option} names only what the file does not: its {own.name!r} is {listed(sorted(other))}"
            )
    return tuple(notes)


@dataclass(frozen=True)
class _Source:
    """Columns with the values of one room. ``sparse`` means that a row without any of them is not a reading."""

    columns: tuple[Column, ...]
    room: pl.Expr
    sensor: pl.Expr
    sparse: bool = False


def shape(table: Table, hints: Hints, path: Path) -> Shaped:
    """Returns the rows of a table as readings.

    Raises
    ------
    ReadingsFileError
        If it has no times or nothing measured, or if nothing states its house and room.
    """
    roles = roles_of(table, hints, path)
    times, zone = times_of(roles, hints, path)
    beside, zone_notes = told_zone(roles)
    zone = zone or beside
    rows = roles.rows.with_columns(times.select(pl.all().name.prefix("moment ")))
    if roles.is_long:
        long = _long(rows, roles, zone, hints, path)
        return replace(long, notes=(*long.notes, *zone_notes))
    sources = list(_sources(roles, hints))
    _refuse_nameless(roles, sources, hints, path)
    house = _named(roles.best("house"), hints.house)
    parts = [_part(rows, roles, source, house, hints) for source in sources]
    used = {one.name for source in sources for one in source.columns}
    left = [one.name for one in roles.of("quantity") if one.name not in used]
    notes = (*_overruled(roles, hints), *zone_notes)
    if left:
        notes += (f"columns that were not read: {listed(left)}",)
    found = pl.concat(parts)
    if not hints.entities:
        return Shaped(found, zone, notes=notes)
    unmapped = found["room"].null_count()
    of = roles.best(*_DESCRIBING)
    counts = {f"{of.name} that the map does not have": unmapped} if unmapped and of else {}
    return Shaped(found.filter(pl.col("room").is_not_null()), zone, unmapped=counts, notes=notes)


def _sources(roles: Roles, hints: Hints) -> Iterator[_Source]:
    """Yields the sources of readings in a table.

    This is one if rows are readings, plus one for outdoor air beside them, or one for each room's columns.
    """
    groups: dict[str, list[Column]] = {}
    for one in roles.of("quantity"):
        group = groups.setdefault(one.label.lower(), [])
        if one.quantity not in {other.quantity for other in group}:
            group.append(one)
    own = _room_column(roles, hints)
    room = _room(roles, own, hints)
    sensor = _sensor(roles, own, room)
    is_named = own is not None or hints.room is not None or bool(hints.entities)
    if "" not in groups and len(groups) == 1 and is_named and not roles.mapped:
        groups = {"": next(iter(groups.values()))}
    for label, group in groups.items():
        if roles.mapped and not {one.name for one in group} & roles.mapped:
            continue
        if label == "":
            yield _Source(tuple(group), room, sensor)
        elif label in _OUT:
            yield _Source(tuple(group), pl.lit(OUTDOOR), sensor, sparse=True)
        elif roles.mapped or not ("" in groups or is_named):
            yield _Source(tuple(group), pl.lit(group[0].label), sensor, sparse=True)
        elif "" not in groups:  # Several sensors in a room.
            yield _Source(tuple(group), room, pl.lit(group[0].label), sparse=True)


def _room_column(roles: Roles, hints: Hints) -> Column | None:
    """Returns the column with the room. A column with device names counts only if nothing else states the room."""
    return roles.best("room") or (None if hints.room or hints.entities else roles.best("name"))


def _sensor(roles: Roles, own: Column | None, room: pl.Expr) -> pl.Expr:
    """Returns a row's sensor. Several devices in a room are separate sensors."""
    sensor, device = roles.best("sensor"), roles.best("name")
    if sensor is not None or device is None or device == own:
        return _named(sensor, None)
    name = pl.col(device.name).cast(pl.String, strict=False).str.replace_all(r"[/#$+]", ":").str.slice(0, 64)
    shared = roles.rows.select(room.alias("room"), name.alias("name")).unique().group_by("room").len()
    rooms = shared.filter(pl.col("len") > 1)["room"].drop_nulls()
    return pl.when(room.is_in(rooms.to_list())).then(name)


def _room(roles: Roles, own: Column | None, hints: Hints) -> pl.Expr:
    """Returns a row's room: from the map if a cell is in it, else from the room's column, else from ``--room``."""
    return pl.coalesce(*_told(roles, hints, lambda target: target.room), _named(own, hints.room))


def _told(roles: Roles, hints: Hints, of: Callable[[Target], str | None]) -> list[pl.Expr]:
    """Returns what the map says about each row, according to the cells that name its origin."""
    found = []
    for column in (one for role in _DESCRIBING for one in roles.of(role)):
        cells = roles.rows[column.name].cast(pl.String, strict=False).unique().drop_nulls()
        told = {cell: said for cell in cells if (target := hints.entities.find(cell)) and (said := of(target))}
        if told:
            mapped = pl.col(column.name).cast(pl.String, strict=False)
            found.append(mapped.replace_strict(told, default=None, return_dtype=pl.String))
    return found


def _refuse_nameless(roles: Roles, sources: list[_Source], hints: Hints, path: Path) -> None:
    """Raises an error that names everything missing at once."""
    lacks_room = _room_column(roles, hints) is None and hints.room is None and not hints.entities
    lacks = {
        "house": roles.best("house") is None and hints.house is None,
        "room": lacks_room and any(not source.sparse for source in sources),
    }
    missing = [name for name, is_missing in lacks.items() if is_missing]
    if not missing:
        return
    entity = roles.best("entity", "sensor")
    mapping = f"; or --map X=ROOM for each {entity.name!r}" if entity and "room" in missing else ""
    raise ReadingsFileError(
        path,
        column=missing[0],
        found=f"only the {roles.said}",
        expected=f"also {' and '.join(missing)}: give {' '.join(f'--{one} NAME' for one in missing)}{mapping}",
    )


def _named(own: Column | None, given: str | None) -> pl.Expr:
    """Returns a column of names, completed with the given name where it is empty or missing."""
    if own is None:
        return pl.lit(given, pl.String)
    text = pl.col(own.name).cast(pl.String, strict=False)
    return (
        text
        if given is None
        else pl.when(text.str.strip_chars().fill_null("") == "").then(pl.lit(given)).otherwise(text)
    )


def _part(rows: pl.DataFrame, roles: Roles, source: _Source, house: pl.Expr, hints: Hints) -> pl.DataFrame:
    found = rows.select(
        pl.col(LINE).alias("line"),
        house.alias("house"),
        source.room.alias("room"),
        source.sensor.alias("sensor"),
        pl.lit(0, pl.Int64).alias("series"),
        *(pl.col(f"moment {name}").alias(name) for name in ("at", "local", "time")),
    )
    unit = roles.best("unit")
    by_quantity = {one.quantity: one for one in source.columns}
    bad = pl.lit(None, pl.String)
    for quantity in _QUANTITIES:
        column = by_quantity.get(quantity)
        read = read_values(rows[column.name], quantity) if column else _nothing(len(rows), quantity)
        said = [pl.lit(column.unit if column else None, pl.String)]
        if unit is not None and quantity == "temperature":
            said.insert(0, pl.lit(_units(rows[unit.name])))
        told = _told(roles, hints, partial(_unit_of, quantity=quantity))
        units = rows.select(pl.coalesce(*told, *said).alias(f"{quantity}_said")).to_series()
        found = found.with_columns(
            read["value"].alias(quantity),
            read["unit"].alias(f"{quantity}_unit"),
            units if len(units) == len(rows) else units.new_from_index(0, len(rows)),
        )
        bad = pl.coalesce(bad, read["bad"])
    found = found.with_columns(bad.alias("bad")).select(RAW.names())
    if not source.sparse:
        return found
    return found.filter(pl.any_horizontal(pl.col(*_QUANTITIES, "bad").is_not_null()))


def _unit_of(target: Target, *, quantity: Quantity) -> str | None:
    return target.units.get(quantity)


def _nothing(count: int, quantity: Quantity) -> pl.DataFrame:
    return read_values(pl.repeat(None, count, dtype=pl.Float64, eager=True), quantity)


def _units(cells: pl.Series) -> pl.Series:
    """Returns the temperature units named by a column of units."""
    texts = cells.cast(pl.String, strict=False)
    different = texts.unique().drop_nulls()
    signs = [UNIT_SIGNS.get("".join(text.lower().split())) for text in different]
    signs = [sign if sign in ("c", "f", "k") else None for sign in signs]
    return texts.replace_strict(different, pl.Series(signs, dtype=pl.String), default=None, return_dtype=pl.String)


def _long(rows: pl.DataFrame, roles: Roles, zone: str | None, hints: Hints, path: Path) -> Shaped:
    """Returns the single values in a file as readings of one quantity each."""
    value = roles.best("value")
    assert value is not None  # noqa: S101  # that is what makes it long
    targets = targets_of(roles, hints, path)
    if targets.known["target house"].null_count():
        expected = "also house: give --house NAME"
        raise ReadingsFileError(path, column="house", found=f"only the {roles.said}", expected=expected)
    known = targets.known.with_row_index("series")
    found = rows.join(known, on=targets.by, how="inner", nulls_equal=True, maintain_order="left")
    parts = []
    for quantity in _QUANTITIES:
        own = found.filter(pl.col("target quantity") == quantity)
        read = read_values(own[value.name], quantity)
        parts.append(
            own.select(
                pl.col(LINE).alias("line"),
                *(pl.col(f"target {name}").alias(name) for name in ("house", "room", "sensor")),
                pl.col("series").cast(pl.Int64),
                *(pl.col(f"moment {name}").alias(name) for name in ("at", "local", "time")),
                pl.col("target said").alias(f"{quantity}_said"),
            ).with_columns(
                read["value"].alias(quantity), read["unit"].alias(f"{quantity}_unit"), read["bad"].alias("bad")
            )
        )
    filled = [
        part.with_columns(pl.lit(None, RAW[name]).alias(name) for name in RAW if name not in part.columns)
        for part in parts
    ]
    return Shaped(
        pl.concat(part.select(RAW.names()) for part in filled).sort("line", maintain_order=True),
        zone,
        apart=True,
        unmapped=targets.unmapped,
    )
