"""What is set of a house, and of a room: shown, checked and changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from roomidity.cli.context import stage
from roomidity.cli.output import Output, json_option, notes
from roomidity.cli.places import Place, house_argument, place_argument
from roomidity.domain.houses import OUTDOOR, House, Room
from roomidity.domain.names import is_name, kept_name
from roomidity.domain.slots import format_moment
from roomidity.errors import InputError
from roomidity.pipeline.changing import change_house
from roomidity.pipeline.house_settings import bad_settings, known_room, renamed, units_of, with_timezone, with_unit
from roomidity.pipeline.ports import known_house
from roomidity.readings.units import UNITS, parse_units

__all__ = ["house", "room"]


@click.command()
@house_argument
@click.option("--timezone", metavar="ZONE", help="Set the house's IANA time zone, such as Europe/Brussels.")
@json_option
def house(house: str, timezone: str | None, as_json: bool) -> None:
    """Show HOUSE: its rooms, time zone and settings; or set its time zone.

    Forecasts go by local time: people air and shower by the clock. A zone can be set before the first reading comes.

      roomidity house h1
      roomidity house h1 --timezone Europe/Brussels
    """
    output = Output(as_json=as_json)
    if timezone is None:
        home = known_house(stage().houses, house)
    else:
        home = _change(house, lambda read: with_timezone(read, timezone.strip()))
    output.tables.print(_house_table(home))
    for bad in bad_settings(home):
        notes.print(f"{bad}. To mend: {bad.mend}", markup=False, soft_wrap=True)
    output.answer(_house_json(home))


@click.command()
@place_argument
@click.option("--rename", "new", metavar="NEW", help="Call the room NEW from now on; it keeps its past.")
@click.option(
    "--unit",
    metavar="UNIT",
    help=f"In which unit the room's sensors report: one or several of {', '.join(UNITS)}, parted by commas, such as f "
    "or temperature:hundredths; none to have the values judged again.",
)
@json_option
def room(place: Place, new: str | None, unit: str | None, as_json: bool) -> None:
    """Show HOUSE/ROOM; rename it, or say in which unit its sensors report.

    A renamed room keeps its readings, forecasts, accuracy, model, unit and quarantine rules. Readings that still come
    by a former name are its own. To undo it, rename the room back.

    A unit holds for what is drained from then on, in place of °C and %RH. Readings that were rejected as `unit` before
    come in by a replay. It can be set before the first reading comes.

      roomidity room h1/bath --rename spa
      roomidity room h1/attic --unit f
      roomidity replay --house h1 --reason unit
    """
    output = Output(as_json=as_json)
    if place.room is None:
        raise click.UsageError(f"{place} names no room; give it as {place.house}/ROOM")
    named = place.room
    if new is not None and unit is not None:
        raise click.UsageError("--rename and --unit are two changes; give one at a time")
    if new is not None:
        free = kept_name(new, is_room=True)
        before = known_room(known_house(stage().houses, place.house), named)
        home = change_house(stage().houses, stage().backoff, place.house, lambda read: renamed(read, named, free))
        output.tables.print(
            f"{place.house}/{before} is called {free} now. To undo it: roomidity room {place.house}/{free} "
            f"--rename {before}",
            markup=False,
        )
        if free == OUTDOOR:
            notes.print("The room outdoor is the air outside: it is stored and not forecast.")
    elif unit is not None:
        units = None if unit.strip().lower() == "none" else parse_units(unit)
        home = _change(place.house, lambda read: with_unit(read, named, units), room=named)
        if units is not None:
            notes.print(
                f"Readings of it that were rejected before: roomidity replay --house {place.house} --reason unit, then "
                "roomidity drain",
                markup=False,
                soft_wrap=True,
            )
    else:
        home = known_house(stage().houses, place.house)
        known_room(home, named)
    now = free if new is not None else home.present(named)
    output.tables.print(_room_table(home, [now], title=f"{home.name}/{now}"))
    output.answer({"house": home.name, "room": now, **_room_json(home, now)})


def _change(name: str, change: Callable[[House], House], *, room: str | None = None) -> House:
    """Change a house, also one that was not heard yet: a setting may come before the first reading.

    Raises
    ------
    InputError
        If no house or room can have such a name.
    """
    for part in (name, room):
        if part is not None and not is_name(part):
            raise InputError(f"found the name {part!r}; expected 1 to 64 characters that can be seen, none of / # $ +")
    unheard = House(name=name, timezone=stage().settings.timezone)
    home = change_house(stage().houses, stage().backoff, name, change, default=unheard)
    if not home.rooms or (room is not None and home.present(room) not in home.rooms):
        known = ", ".join(sorted(home.rooms)) or f"no room of {name}"
        what = name if room is None else f"{name}/{room}"
        notes.print(
            f"{what} was not heard yet; the setting waits for its first reading. Heard so far: {known}.", markup=False
        )
    return home


def _house_table(home: House) -> Table:
    since = f", last heard {format_moment(home.last_seen)}" if home.last_seen else ", not heard yet"
    zone = home.timezone if home.zone == home.timezone else f"{home.zone}, in place of {home.timezone!r}"
    return _room_table(home, sorted({*home.rooms, *_set(home)}), title=f"{home.name}: time zone {zone}{since}")


def _room_table(home: House, rooms: list[str], *, title: str) -> Table:
    table = Table("room", "first heard", "last heard", "measures", "sensors", "unit", "former names")
    table.title, table.title_justify = Text(title), "left"
    for name in rooms:
        of = home.rooms.get(name)
        heard = ["–", "not yet", "–", "–"] if of is None else _heard(of)
        former = ", ".join(home.names_of(name)[1:])
        table.add_row(Text(name), *map(Text, (*heard, _unit_text(home, name) or "–", former or "–")))
    return table


def _heard(of: Room) -> list[str]:
    sensors = ", ".join(sorted(of.sensors - {""})) or "–"
    return [format_moment(of.first_seen), format_moment(of.last_seen), ", ".join(sorted(of.measured)) or "–", sensors]


def _set(home: House) -> dict[str, str]:
    """The units that are set, in words, by room."""
    return {
        name: ", ".join(f"{quantity} in {unit}" for quantity, unit in sorted(units.items()))
        for (_, name), units in units_of([home]).items()
    }


def _unit_text(home: House, room: str) -> str:
    return _set(home).get(room, "")


def _house_json(home: House) -> dict[str, Any]:
    return {
        "house": home.name,
        "timezone": home.timezone,
        "rooms": {name: _room_json(home, name) for name in sorted({*home.rooms, *_set(home)})},
        "aliases": dict(sorted(home.aliases.items())),
        "quarantine_rules": len(home.quarantine),
        "bad_settings": [asdict(bad) for bad in bad_settings(home)],
    }


def _room_json(home: House, name: str) -> dict[str, Any]:
    of = home.rooms.get(name)
    return {
        "first_seen": format_moment(of.first_seen) if of else None,
        "last_seen": format_moment(of.last_seen) if of else None,
        "measured": {quantity: format_moment(when) for quantity, when in sorted(of.measured.items())} if of else {},
        "sensors": sorted(of.sensors) if of else [],
        "units": dict(units_of([home]).get((home.name, name), {})),
        "former_names": list(home.names_of(name)[1:]),
    }
