"""A house's rooms: list them, and remove one that was never meant."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from roomidity.cli.context import stage
from roomidity.cli.output import Output, json_option, shown
from roomidity.domain.houses import MAX_ROOMS, UNHEARD, House, Room
from roomidity.domain.slots import format_moment
from roomidity.errors import NotFoundError
from roomidity.pipeline.changing import change_house
from roomidity.pipeline.ports import known_house

__all__ = ["room"]


@click.command(
    help=f"""List the rooms of HOUSE, or one, with when each was heard; with --remove, take HOUSE/ROOM out.

    A house has at most {MAX_ROOMS} rooms, one for every name that readings come with: remove what was mistyped.
    A room that is removed is no longer forecast, listed or shown, and its place is free. Nothing of it is deleted:
    readings, forecasts and accuracy expire by themselves, 400 days after they were made (forecasts 35) unless set
    otherwise. Heard again, also by readings that still wait in the queue, it comes back as a new room.

    Where all places are taken, a new room takes that of the one unheard for the longest, if that is {UNHEARD.days} days
    or more before the house's newest reading.
    """
)
@click.argument("target", metavar="HOUSE[/ROOM]")
@click.option("--remove", is_flag=True, help="Take the room out of the house.")
@json_option
def room(target: str, remove: bool, as_json: bool) -> None:
    """List rooms, or remove one."""
    output = Output(as_json=as_json)
    house, slash, name = target.partition("/")
    if (slash or remove) and not name:
        raise click.UsageError(f"{target} names no room; give it as {house}/ROOM")
    home = known_house(stage().houses, house)
    if name and name not in home.rooms:
        raise NotFoundError(f"room {name!r} of {house}", hint=f"rooms: {', '.join(sorted(home.rooms)) or 'none'}")
    if remove:
        changed = change_house(stage().houses, stage().backoff, house, lambda read: read.without_room(name))
        places = MAX_ROOMS - len(known_house(stage().houses, house).rooms)
        output.tables.print(f"{house}/{name} is removed; {house} has a place for {places} more rooms.")
        output.answer({"house": house, "room": name, "removed": changed})
        return
    rooms = {name: home.rooms[name]} if name else dict(sorted(home.rooms.items()))
    output.tables.print(_table(home, rooms))
    output.answer({"house": house, "rooms": {one: _plain(of) for one, of in rooms.items()}})


def _table(home: House, rooms: dict[str, Room]) -> Table:
    title = shown(f"{home.name}: {len(home.rooms)} of {MAX_ROOMS} rooms")
    table = Table("room", "first heard", "last heard", "measures", "sensors", title=title, title_justify="left")
    for name, of in rooms.items():
        sensors = ", ".join(sorted(of.sensors - {""})) or "–"
        heard = format_moment(of.first_seen), format_moment(of.last_seen)
        table.add_row(shown(name), *heard, ", ".join(sorted(of.measured)) or "–", shown(sensors))
    return table


def _plain(of: Room) -> dict[str, Any]:
    return {
        "first_seen": format_moment(of.first_seen),
        "last_seen": format_moment(of.last_seen),
        "measured": {quantity: format_moment(when) for quantity, when in sorted(of.measured.items())},
        "sensors": sorted(of.sensors),
    }
