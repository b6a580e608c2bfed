"""A house and its rooms as tables and as JSON: when they were heard, and what is set of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from rich.table import Table

from roomidity.cli.output import shown
from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM, usable_house, usable_room
from roomidity.domain.comfort.walls import DEFAULT_WALL, Wall, usable_walls
from roomidity.domain.houses import MAX_ROOMS, House, Room
from roomidity.domain.position import Position
from roomidity.domain.slots import format_moment
from roomidity.pipeline.advice_settings import plain_settings
from roomidity.pipeline.house_settings import bad_settings, language_of, notices_a_day_of, units_of

__all__ = ["advice_text", "house_json", "house_table", "room_json", "room_table", "rooms_of"]


def house_table(home: House) -> Table:
    """Returns the rooms of a house under its time zone."""
    since = f", last heard {format_moment(home.last_seen)}" if home.last_seen else ", not heard yet"
    zone = home.timezone if home.zone == home.timezone else f"{home.zone}, in place of {home.timezone!r}"
    places = f"{len(home.rooms)} of {MAX_ROOMS} rooms"
    position = Position.of_settings(home.settings)
    where = f", at {position}" if position else ""
    return room_table(home, rooms_of(home), title=f"{home.name}: {places}, time zone {zone}{where}{since}")


def rooms_of(home: House) -> list[str]:
    """Returns the rooms that were heard, or of which something is set."""
    return sorted({*home.rooms, *_set(home), *usable_walls(home.settings), *_advised(home)})


def advice_text(home: House, room: str | None = None) -> str:
    """Returns what advice goes by in a house or a room: what is set, and the defaults of the rest."""
    settings = usable_house(home.settings) if room is None else usable_room(home.settings, room)
    defaults = plain_settings(DEFAULT_HOUSE if room is None else DEFAULT_ROOM)
    parts = [
        f"{name} {value}" + ("" if value == defaults[name] else " (set)")
        for name, value in plain_settings(settings).items()
    ]
    return f"Advice goes by: {', '.join(parts)}."


def _advised(home: House) -> list[str]:
    rooms = home.settings.get("rooms")
    names = rooms if isinstance(rooms, Mapping) else {}
    return [name for name in names if usable_room(home.settings, name) != DEFAULT_ROOM]


def room_table(home: House, rooms: Iterable[str], *, title: str) -> Table:
    """Returns some rooms of a house."""
    table = Table("room", "first heard", "last heard", "measures", "sensors", "unit", "coldest surface", "former names")
    table.title, table.title_justify = shown(title), "left"
    units, walls = _set(home), usable_walls(home.settings)
    for name in rooms:
        of = home.rooms.get(name)
        heard = ["–", "not yet", "–", "–"] if of is None else _heard(of)
        former = ", ".join(home.names_of(name)[1:])
        table.add_row(*map(shown, (name, *heard, units.get(name, "–"), _wall(walls.get(name)), former or "–")))
    return table


def _wall(wall: Wall | None) -> str:
    return "–" if wall is None else f"f_Rsi {wall.f_rsi:g}, {wall.material}"


def _heard(of: Room) -> list[str]:
    sensors = ", ".join(sorted(of.sensors - {""})) or "–"
    return [format_moment(of.first_seen), format_moment(of.last_seen), ", ".join(sorted(of.measured)) or "–", sensors]


def _set(home: House) -> dict[str, str]:
    """The units that are set, in words, by room."""
    return {
        name: ", ".join(f"{quantity} in {unit}" for quantity, unit in sorted(units.items()))
        for (_, name), units in units_of([home]).items()
    }


def house_json(home: House) -> dict[str, Any]:
    """Returns all that is set of a house, and its rooms."""
    position = Position.of_settings(home.settings)
    return {
        "house": home.name,
        "timezone": home.timezone,
        "language": language_of(home),
        "notices_a_day": notices_a_day_of(home),
        "position": None if position is None else position.plain(),
        "advice": plain_settings(usable_house(home.settings)),
        "rooms": {name: room_json(home, name) for name in rooms_of(home)},
        "aliases": dict(sorted(home.aliases.items())),
        "quarantine_rules": len(home.quarantine),
        "bad_settings": [asdict(bad) for bad in bad_settings(home)],
    }


def room_json(home: House, name: str) -> dict[str, Any]:
    """Returns what is known and set of a room; None and nothing where it was not heard yet."""
    of = home.rooms.get(name)
    wall = usable_walls(home.settings).get(name, DEFAULT_WALL)
    return {
        "first_seen": format_moment(of.first_seen) if of else None,
        "last_seen": format_moment(of.last_seen) if of else None,
        "measured": {quantity: format_moment(when) for quantity, when in sorted(of.measured.items())} if of else {},
        "sensors": sorted(of.sensors) if of else [],
        "units": dict(units_of([home]).get((home.name, name), {})),
        "f_rsi": wall.f_rsi,
        "material": wall.material,
        "advice": plain_settings(usable_room(home.settings, name)),
        "former_names": list(home.names_of(name)[1:]),
    }
