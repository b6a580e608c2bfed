"""Renamed rooms: a former name leads to the room's present name.

Names are translated when readings arrive and on every read, so nothing that is stored has to be rewritten.

Aliases are kept flat. Each former name maps directly to the room's present name, so one look-up is enough however often
the room was renamed, and a name never leads to more than one room.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from roomidity.domain.names import is_name
from roomidity.errors import InputError

__all__ = ["NO_ALIASES", "Aliases", "in_present_names", "present_rooms", "rename", "usable_aliases"]

Aliases = Mapping[str, str]
"""Maps each former name to the name that the room has now."""

NO_ALIASES: Final[Aliases] = MappingProxyType({})

_NO_ROOM: Final = "/"
"""Suffix that marks a room whose name has since been given to another room. Room names cannot contain it."""

Value = TypeVar("Value")


def usable_aliases(stored: Any, rooms: Collection[str]) -> dict[str, str]:
    """Returns the stored aliases that lead from a former name to a present room name, with chains resolved.

    Aliases are left out if they are not valid names, form a circle, or would hide an existing room.

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
    """Returns the aliases after the room ``old`` has been renamed to ``new``.

    A room may be given back a name that it had before.

    >>> rename({}, {"bath"}, "bath", "spa")
    {'bath': 'spa'}
    >>> rename({"bath": "spa"}, {"spa"}, "spa", "bath")
    {'spa': 'bath'}

    Raises
    ------
    InputError
        If ``new`` is not a valid name, already belongs to a room, or leads to another room.
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


def in_present_names(by_room: dict[str, dict[str, Value]], aliases: Aliases) -> dict[str, dict[str, Value]]:
    """Returns values kept by room and quantity, keyed by the rooms' present names.

    Two names in one slot can refer to the same room now, if a room was removed and its name given to another room.
    Values measured under the former name then take precedence, because they belong to the present room.

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
    """Returns a model's rooms under their present names, in their original order and without repeats.

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
