"""The map from an entity, device or column to its room and quantity, for files that do not state these themselves."""

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
    """What an entity stands for. What is None is left to the file or the entity's name."""

    room: str | None = None
    house: str | None = None
    sensor: str | None = None
    quantity: Quantity | None = None
    units: Units = field(default_factory=dict)
    ignore: bool = False


@dataclass(frozen=True)
class EntityMap:
    """Targets by entity. One star in an entity matches any text, and a star in its room is replaced by that text."""

    targets: Mapping[str, Target] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.targets)

    def find(self, *names: str | None) -> Target | None:
        """Returns the target of the first of ``names`` found in the map, or None."""
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
    """Returns the map given by ``--map`` options. If an entity is given more than once, the last one counts.

    An option is ENTITY=[HOUSE/]ROOM[:QUANTITY[:UNIT]], or the path of a TOML or JSON file.

    >>> read_map(["sensor.bath_t=bath:temperature:f"]).find("sensor.bath_t").room
    'bath'
    >>> read_map(["sensor.*_humidity=*:humidity"]).find("sensor.hall_humidity")
    Target(room='hall', house=None, sensor=None, quantity='humidity', units={}, ignore=False)

    Raises
    ------
    InputError
        If the map is invalid. The message says what is wrong and how a map is written.
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
    """Yields entities with what they stand for. The parts of an unquoted dotted TOML key are joined again."""
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
