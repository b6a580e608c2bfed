"""Proposes a map with the entities that measure temperature or humidity and the rooms suggested by their names."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from roomidity.dialects.words import quantity_named
from roomidity.domain.names import is_name, kept_name
from roomidity.errors import ReadingsFileError
from roomidity.files.recorder.database import Recorder
from roomidity.files.recorder.entities import Entity, entities_of

__all__ = ["proposed_map", "refused_without_map", "refused_wrong_map"]

_SHOWN: Final = 16
"""Maximum number of entities listed in a message."""


def proposed_map(path: Path) -> tuple[str, int]:
    """Returns a map as TOML, with one line for each measuring entity, and the number of entities with a room.

    Entities whose name says they do not measure room air (processor, battery, dew point) are marked to be ignored.
    Entities that suggest no room are commented out, to be filled in by a person.

    Raises
    ------
    ReadingsFileError
        If it is not a recorder's database, or if nothing in it measures temperature or humidity.
    """
    with Recorder.opened(path) as recorder:
        measuring = _measuring(entities_of(recorder))
    if not measuring:
        raise _nothing(path)
    lines = ["# Whose rooms these are. Change what is wrong; what has no line is left out.", ""]
    return "\n".join([*lines, *map(_line, measuring), ""]), sum(_room(one) is not None for one in measuring)


def refused_without_map(entities: Iterable[Entity], path: Path) -> ReadingsFileError:
    """Returns the error for a missing map, which lists the entities and the proposed map."""
    measuring = _measuring(entities)
    if not measuring:
        return _nothing(path)
    lines = [f"  {_line(one)}" for one in measuring[:_SHOWN]]
    if len(measuring) > _SHOWN:
        lines.append(f"  … and {len(measuring) - _SHOWN} more")
    many = f"{len(measuring)} {'entity measures' if len(measuring) == 1 else 'entities measure'}"
    return ReadingsFileError(
        path,
        column=None,
        found=f"Home Assistant's recorder, of which {many} temperature or humidity",
        expected="a map that says whose rooms they are. To write one to map.toml, look at it, and use it:\n"
        f"  roomidity send {path} --propose-map map.toml\n"
        f"  roomidity send {path} --house HOUSE --map map.toml\nIt would be:\n" + "\n".join(lines),
    )


def refused_wrong_map(entities: Iterable[Entity], mapped: Iterable[str], path: Path) -> ReadingsFileError:
    """Returns the error for a map that contains none of the database's entities."""
    had = [json.dumps(name, ensure_ascii=False) for name in mapped]
    there = [json.dumps(one.name, ensure_ascii=False) for one in _measuring(entities)]
    return ReadingsFileError(
        path,
        column=None,
        found=f"none of the {len(had)} entities of the map with a room and a quantity: {_few(had)}",
        expected=f"some that it has: {_few(there) or 'it has none that measure temperature or humidity'}",
    )


def _nothing(path: Path) -> ReadingsFileError:
    return ReadingsFileError(
        path,
        column=None,
        found="Home Assistant's recorder, none of whose entities measures temperature or humidity",
        expected="sensors of these device classes that the recorder keeps (see its settings include and exclude)",
    )


def _measuring(entities: Iterable[Entity]) -> list[Entity]:
    """Returns the measuring entities that have rows, those with a room first, then by name."""
    found = [one for one in entities if one.quantity is not None and one.rows]
    return sorted(found, key=lambda one: (_room(one) is None, one.name))


def _room(entity: Entity) -> str | None:
    """Returns the suggested room, or None if the entity does not measure room air."""
    room = kept_name(entity.room or "", is_room=True)
    return room if is_name(room) and not _is_elsewhere(entity) else None


def _is_elsewhere(entity: Entity) -> bool:
    return quantity_named(f"{entity.name}_{entity.quantity}") is None


def _line(entity: Entity) -> str:
    """Returns a line of TOML."""
    name, room = _toml(entity.name), _room(entity)
    counts = f"{entity.quantity}: {entity.states:,} states, {entity.hours:,} hours"
    if room is not None:
        return f"{name} = {_toml(room)}  # {counts}"
    if _is_elsewhere(entity):
        return f"{name} = {{ ignore = true }}  # by its name no room's air; {counts}"
    return f'# {name} = "ROOM"  # {counts}'


def _toml(text: str) -> str:
    r"""Returns a TOML string with unprintable characters escaped.

    >>> print(_toml('b\x7f"🛁'))
    "b\U0000007F\"🛁"
    """
    said = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08X}" for letter in said)


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
