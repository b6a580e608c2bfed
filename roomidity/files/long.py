"""Files of single values: finds each value's room and quantity from the map or from the cells beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit
from roomidity.errors import ReadingsFileError
from roomidity.files.headers import Role, quantity_of
from roomidity.files.hints import Hints
from roomidity.files.roles import Roles
from roomidity.readings.numerals import UNIT_SIGNS

__all__ = ["TARGETS", "Targets", "targets_of"]

TARGETS: Final = pl.Schema(
    dict.fromkeys(("target house", "target room", "target sensor", "target quantity", "target said"), pl.String())
)
"""What a combination of describing cells stands for. ``said`` is the unit named by map or cell."""

_DESCRIBING: Final[tuple[Role, ...]] = ("house", "room", "name", "sensor", "entity", "unit")


_SUGGESTED: Final = 8
"""Maximum number of map lines that a message proposes."""

_FIELDS: Final = 3
"""Maximum number of columns that may state the quantity, such as InfluxDB's field and measurement."""


@dataclass(frozen=True)
class Targets:
    """What each distinct combination of the describing columns ``by`` stands for.

    ``known`` has those columns and :data:`TARGETS`. ``unmapped`` counts the rows of unknown combinations by their name.
    """

    by: list[str]
    known: pl.DataFrame
    unmapped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Cells:
    """A combination of describing cells by role. Empty cells are None."""

    cells: Mapping[str, str | None]

    fields: tuple[str, ...] = ()

    def __getitem__(self, role: Role) -> str | None:
        return self.cells.get(role)

    @property
    def unit(self) -> Unit | None:
        """The unit named by a cell. Home Assistant writes it where InfluxDB has the measurement."""
        signs = ("".join(text.lower().split()) for text in (self["unit"], *self.fields) if text)
        return next((UNIT_SIGNS[sign] for sign in signs if sign in UNIT_SIGNS), None)

    @property
    def called(self) -> str:
        """The name a person would use for it."""
        named = (self["entity"], self["name"], self["sensor"], *self.fields, self["unit"], self["room"])
        return next((name for name in named if name), "values without a name")


def targets_of(roles: Roles, hints: Hints, path: Path) -> Targets:
    """Returns the room and quantity of each value in a file.

    Raises
    ------
    ReadingsFileError
        If this is known of no value. The message proposes a map.
    """
    described: dict[str, str] = {role: one.name for role in _DESCRIBING if (one := roles.best(role)) is not None}
    fields = [one.name for one in roles.of("field")][:_FIELDS]
    by = [*described.values(), *fields]
    if not by:
        found = f"the {roles.said}"
        expected = "a column that says what each value is: a quantity, an entity"
        raise ReadingsFileError(path, column=None, found=found, expected=expected)
    combinations = roles.rows.group_by(by, maintain_order=True).len("rows")
    found_rows: list[dict[str, str | None]] = []
    unmapped: Counter[str] = Counter()
    left: list[_Cells] = []
    for row in combinations.iter_rows(named=True):
        said = {role: _cell(row[name]) for role, name in described.items()}
        cells = _Cells(said, tuple(text for name in fields if (text := _cell(row[name]))))
        target = _target(cells, hints)
        if target == {}:
            continue  # The map says to ignore it.
        if target is None:
            unmapped[cells.called] += row["rows"]
            left.append(cells)
        else:
            found_rows.append({name: row[name] for name in by} | target)
    if not found_rows and left:
        raise _unmapped(left, roles, path)
    schema = pl.Schema({name: roles.rows.schema[name] for name in by} | {**TARGETS, "target entity": pl.String()})
    return Targets(by, _sensors(pl.DataFrame(found_rows, schema=schema)).drop("target entity"), dict(unmapped))


def _cell(value: object) -> str | None:
    return None if value is None or not str(value).strip() else str(value).strip()


def _target(cells: _Cells, hints: Hints) -> dict[str, str | None] | None:
    """Returns what a combination stands for. None if unknown, empty if it is to be ignored."""
    told = hints.entities.find(cells["entity"], cells["name"], cells["sensor"], cells["room"], *cells.fields)
    if told is not None and told.ignore:
        return {}
    words = [quantity_of(name) for name in (*cells.fields, cells["entity"], cells["name"]) if name]
    word = next((one for one in words if one is not None), None)
    quantity = (told and told.quantity) or (word and word.quantity) or _by_unit(cells)
    if quantity is None:
        return None
    room = (told and told.room) or cells["room"] or hints.room
    if room is None and cells["entity"] is None:
        of_name = cells["name"] if cells["name"] and quantity_of(cells["name"]) is None else None
        room = of_name or (word.label if word and word.label else None)
    house = (told and told.house) or cells["house"] or hints.house
    if room is None:
        return None
    unit: Unit | None = told.units.get(quantity) if told else None
    unit = unit or cells.unit or (word.unit if word else None)
    sensor = (told and told.sensor) or cells["sensor"]
    own = {"house": house, "room": room, "sensor": sensor, "quantity": quantity, "said": unit}
    return {f"target {name}": value for name, value in own.items()} | {
        "target entity": cells["entity"] or cells["name"]
    }


def _by_unit(cells: _Cells) -> Quantity | None:
    """Returns temperature for °C, °F or K unless the name says otherwise. A per cent value may be a battery's."""
    called = " ".join(name for name in (cells["entity"], cells["name"]) if name)
    return "temperature" if cells.unit in ("c", "f", "k") and quantity_of(f"{called} temperature") else None


def _sensors(known: pl.DataFrame) -> pl.DataFrame:
    """Returns ``known`` with entities that measure the same quantity in the same room as separate sensors."""
    name = pl.col("target entity").str.replace_all(r"[/#$+]", ":").str.slice(0, 64)
    shared = pl.col("target entity").n_unique().over("target house", "target room", "target quantity") > 1
    return known.with_columns(pl.coalesce("target sensor", pl.when(shared).then(name)).alias("target sensor"))


def _unmapped(left: Iterable[_Cells], roles: Roles, path: Path) -> ReadingsFileError:
    """Returns an error that lists the names of a file's entities and proposes a map for those with telling names."""
    named = roles.best("entity", "name", "sensor", "field")
    column = named.name if named else None
    called = sorted({one.called for one in left})
    named_words = {name: word for name in called if (word := quantity_of(name)) is not None}
    suggested = [f"--map {name}={word.label or 'ROOM'}:{word.quantity}" for name, word in named_words.items()]
    if len(suggested) > _SUGGESTED:  # One line with a star covers all entities named alike.
        stars = {
            f"{name.replace(word.label, '*', 1)}=*:{word.quantity}" for name, word in named_words.items() if word.label
        }
        suggested = [f"--map '{star}'" for star in sorted(stars)]
    shown = ", ".join(called[:6]) + (f" and {len(called) - 6} more" if len(called) > 6 else "")
    advice = "\n  ".join(suggested[:_SUGGESTED]) or f"--map {called[0]}=ROOM:temperature"
    more = "\n  … or a file: --map FILE (see --help)" if len(suggested) > _SUGGESTED else ""
    return ReadingsFileError(
        path,
        column=column,
        found=f"single values of {shown}",
        expected=f"a map that says of which room and quantity they are, such as\n  {advice}{more}",
    )
