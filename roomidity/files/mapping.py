"""The map: which room and quantity an entity, a device or a column stands for, where a file does not say so itself."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Units, parse_units
from roomidity.errors import InputError

__all__ = ["EntityMap", "Target", "read_map"]

_KEYS: Final = frozenset({"house", "room", "sensor", "quantity", "unit", "ignore"})
_QUANTITIES: Final[Mapping[str, Quantity]] = {
    "temperature": "temperature",
    "temp": "temperature",
    "t": "temperature",
    "humidity": "humidity",
    "hum": "humidity",
    "rh": "humidity",
    "h": "humidity",
}


@dataclass(frozen=True)
class Target:
    """What an entity stands for; None is for the file, or its name, to say."""

    room: str | None = None
    house: str | None = None
    sensor: str | None = None
    quantity: Quantity | None = None
    units: Units = field(default_factory=dict)
    ignore: bool = False


@dataclass(frozen=True)
class EntityMap:
    """Targets by entity. One star in an entity stands for any text, and in the room for the same text."""

    targets: Mapping[str, Target] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.targets)

    def find(self, *names: str | None) -> Target | None:
        """The target of the first of ``names`` that the map has; None where it has none."""
        for name in names:
            if name is None:
                continue
            if name in self.targets:
                return self.targets[name]
            for entity, target in self.targets.items():
                head, star, tail = entity.partition("*")
                fits = name.startswith(head) and name.endswith(tail) and len(name) > len(head) + len(tail)
                if star and fits:
                    meant = name[len(head) : len(name) - len(tail)]
                    return Target(**{**vars(target), "room": target.room and target.room.replace("*", meant)})
        return None


def read_map(given: Iterable[str]) -> EntityMap:
    """The map that ``--map`` gives: ENTITY=[HOUSE/]ROOM[:QUANTITY[:UNIT]], or TOML or JSON files; the last counts.

    >>> read_map(["sensor.bath_t=bath:temperature:f"]).find("sensor.bath_t").room
    'bath'
    >>> read_map(["sensor.*_humidity=*:humidity"]).find("sensor.hall_humidity")
    Target(room='hall', house=None, sensor=None, quantity='humidity', units={}, ignore=False)

    Raises
    ------
    InputError
        Which says what is wrong with it, and how it is written.
    """
    targets: dict[str, Target] = {}
    for one in given:
        path = Path(one)
        if "=" in one and not path.is_file():
            entity, _, target = one.rpartition("=")
            targets[entity.strip()] = _from_text(target, one)
        else:
            targets |= {entity: _from_value(value, entity) for entity, value in _leaves(_load(path), "")}
    return EntityMap(targets)


def _load(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"--map {str(path)!r} is no file that can be read, nor ENTITY=ROOM[:QUANTITY[:UNIT]]"
        ) from error
    try:
        content = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError as error:
        said = str(error).partition("\n")[0]
        raise InputError(f'--map {path}: found {said}; expected TOML lines such as "sensor.bath" = "bath"') from error
    return content if isinstance(content, dict) else {}


def _leaves(content: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Entities and what they stand for; a dotted key of TOML that nobody quoted is put together again."""
    for name, value in content.items():
        if isinstance(value, dict) and not (value and set(value) <= _KEYS):
            inner = (
                "" if not prefix and name.lower() in ("map", "entities", "devices", "columns") else f"{prefix}{name}."
            )
            yield from _leaves(value, inner)
        else:
            yield f"{prefix}{name}", value


def _from_value(value: Any, entity: str) -> Target:
    if isinstance(value, str):
        return _from_text(value, f"{entity} = {value}")
    if isinstance(value, dict) and all(isinstance(value.get(name, ""), str) for name in _KEYS - {"ignore"}):
        if value.get("ignore"):
            return Target(ignore=True)
        parts = [value.get("room", ""), value.get("quantity", ""), value.get("unit", "")]
        target = _from_text(":".join(parts).rstrip(":"), f"{entity} = {value}")
        return Target(**{**vars(target), "house": value.get("house") or target.house, "sensor": value.get("sensor")})
    raise InputError(
        f'--map: {entity} stands for {value!r}; expected a room, "ROOM:QUANTITY:UNIT", or a table with '
        f"{', '.join(sorted(_KEYS))}"
    )


def _from_text(text: str, said: str) -> Target:
    place, *more = (part.strip() for part in text.split(":"))
    house, slash, room = place.rpartition("/")
    quantity = _QUANTITIES.get(more[0].lower()) if more else None
    if not room or len(more) > 2 or (more and more[0] and quantity is None):
        raise InputError(
            f"--map: found {said!r}; expected ENTITY=ROOM, ENTITY=ROOM:QUANTITY or ENTITY=ROOM:QUANTITY:UNIT, with "
            "temperature or humidity, and a unit such as c, f, percent or share"
        )
    units = parse_units(more[1]) if len(more) == 2 and more[1] else {}
    return Target(room=room, house=house if slash else None, quantity=quantity, units=units)
