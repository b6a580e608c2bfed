"""Renamed rooms: a former name leads to the present one, at the door and on every read; nothing stored is rewritten.

Aliases are kept flat: each former name leads straight to the name that the room has now, so that one look-up is enough
however often it was renamed, and a name leads to one room at most.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from roomidity.domain.names import is_name
from roomidity.errors import InputError

__all__ = ["NO_ALIASES", "Aliases", "in_present_names", "present_rooms", "rename", "usable_aliases"]

Aliases = Mapping[str, str]
"""former name -> the name that the room has now"""

NO_ALIASES: Final[Aliases] = MappingProxyType({})

_NO_ROOM: Final = "/"
"""Ends what stands for a room whose name another one has taken over: no room's name holds it."""

Value = TypeVar("Value")


def usable_aliases(stored: Any, rooms: Collection[str]) -> dict[str, str]:
    """Those of stored aliases that lead from a name to a room's present one, chains followed to their end.

    Left out are those that are no names, lead in a circle, or would hide a room that is there.

    >>> usable_aliases({"a": "b", "b": "c", "x": "y", "y": "x", "d": 1}, {"c"})
    {'a': 'c', 'b': 'c'}
    """
    if not isinstance(stored, Mapping):
        return {}
    steps = {
        former: name
        for former, name in stored.items()
        if isinstance(name, str) and is_name(former) and is_name(name) and former not in rooms
    }
    found = {}
    for former in steps:
        name, seen = former, set[str]()
        while name in steps and name not in seen:
            seen.add(name)
            name = steps[name]
        if name not in steps:
            found[former] = name
    return found


def rename(aliases: Aliases, rooms: Collection[str], old: str, new: str) -> dict[str, str]:
    """The aliases once the room ``old`` is called ``new``; a room may be given back a name that it had.

    >>> rename({}, {"bath"}, "bath", "spa")
    {'bath': 'spa'}
    >>> rename({"bath": "spa"}, {"spa"}, "spa", "bath")
    {'spa': 'bath'}

    Raises
    ------
    InputError
        If ``new`` is no name, is a room's already, or leads to another room.
    """
    if not is_name(new):
        raise InputError(f"the new name is {new!r}; expected 1 to 64 characters that can be seen, and none of / # $ +")
    if new == old:
        raise InputError(f"the room is called {old!r} already; expected another name")
    if new in rooms:
        raise InputError(
            f"there is a room {new!r} already; expected a name that is free, since two rooms cannot become one; "
            "rename or remove that room first"
        )
    if aliases.get(new, old) != old:
        raise InputError(
            f"{new!r} is a former name of the room {aliases[new]!r}, whose readings come in by it; expected a name "
            f"that is free, or one that {old!r} had before"
        )
    if new in (set(aliases.values()) - {old}):
        raise InputError(f"former rooms lead to {new!r}, which was removed; expected a name that is free")
    moved = {former: new if name == old else name for former, name in aliases.items() if former != new}
    return {**moved, old: new}


def in_present_names(by_room: Mapping[str, Mapping[str, Value]], aliases: Aliases) -> Mapping[str, Mapping[str, Value]]:
    """What is kept by room and quantity, under the rooms' present names.

    Where two names of one slot are one room now (a room was removed, and its name given to another), what was measured
    under the former name counts: that is the room's own.

    >>> in_present_names({"bath": {"humidity": 51.2}}, {"bath": "spa"})
    {'spa': {'humidity': 51.2}}
    """
    if aliases.keys().isdisjoint(by_room):
        return by_room
    found = {room: dict(quantities) for room, quantities in by_room.items() if room not in aliases}
    for former in sorted(aliases.keys() & by_room.keys()):
        found.setdefault(aliases[former], {}).update(by_room[former])
    return found


def present_rooms(rooms: Iterable[str], aliases: Aliases) -> tuple[str, ...]:
    """The rooms of a model under their present names, in their order, each once.

    >>> present_rooms(("bath", "attic"), {"bath": "spa"})
    ('spa', 'attic')
    """
    named = tuple(rooms)
    moved = {aliases[room] for room in named if room in aliases}
    found: list[str] = []
    for room in named:
        name = aliases.get(room, room)
        taken = (room == name and name in moved) or name in found
        found.append(f"{room}{_NO_ROOM}" if taken else name)
    return tuple(found)
