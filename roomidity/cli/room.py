"""A house's rooms: list them, rename one, say its unit or its coldest surface, and remove one that was never meant."""

from __future__ import annotations

from typing import Any

import click

from roomidity.cli.advice_options import given_advice, room_advice_options
from roomidity.cli.context import stage
from roomidity.cli.house import change_setting
from roomidity.cli.house_tables import advice_text, house_table, room_json, room_table, rooms_of
from roomidity.cli.output import Output, json_option, notes, shown
from roomidity.cli.places import Place, place_argument
from roomidity.domain.comfort.mould import MATERIALS
from roomidity.domain.comfort.walls import DEFAULT_WALL
from roomidity.domain.houses import MAX_ROOMS, OUTDOOR, UNHEARD
from roomidity.domain.names import kept_name
from roomidity.domain.units import UNITS, parse_units
from roomidity.pipeline.advice_settings import with_room_advice
from roomidity.pipeline.changing import change_house
from roomidity.pipeline.hearing import as_heard
from roomidity.pipeline.house_settings import known_room, removed, renamed, with_unit, with_wall
from roomidity.pipeline.ports import known_house

__all__ = ["room"]


@click.command(
    help=f"""Show the rooms of HOUSE, or one; rename HOUSE/ROOM, say its unit or its coldest surface, or remove it.

    A renamed room keeps its readings, forecasts, accuracy, model, unit and quarantine rules. Readings that still come
    by a former name are its own. To undo it, rename the room back.

    A unit holds for what is drained from then on, in place of °C and %RH. Readings that were rejected as `unit` before
    come in by a replay. It can be set before the first reading comes.

    The risk of mould is that at the coldest surface of the room's outer walls. How cold it gets is its temperature
    factor (EN ISO 13788): {DEFAULT_WALL.f_rsi} unless set, as new buildings have at least; .5 to .65 is an old wall's
    corner, and 1 a surface as warm as the room. What it is made of says how fast mould grows (the classes of the VTT
    model): very-sensitive is raw wood, sensitive (unless set) wallpaper, plasterboard and planed wood, medium-resistant
    concrete and plaster, resistant glass, metal and tiles. The next night derives the mould index anew.

    Advice (`roomidity advice HOUSE`) goes by what kind of room it is, from which humidity at its coldest surface to
    air, and below which temperature never; its volume says what an airing costs. These are set together, any of them.

    A house has at most {MAX_ROOMS} rooms, one for every name that readings come with: remove what was mistyped.
    A room that is removed is no longer forecast, listed or shown, and its place is free; its unit and its former names
    are forgotten. Nothing of it is deleted: readings, forecasts and accuracy expire by themselves, 400 days after they
    were made (forecasts 35) unless set otherwise. Heard again, also by readings that still wait in the queue, it comes
    back as a new room.

    Where all places are taken, a new room takes that of the one unheard for the longest, if that is {UNHEARD.days} days
    or more before the house's newest reading.

      roomidity room h1
      roomidity room h1/bath --rename spa
      roomidity room h1/attic --unit f
      roomidity room h1/bath --f-rsi 0.6 --material resistant
      roomidity room h1/cellar --kind cellar --dehumidifier 200
      roomidity room h1/nursery --min-temperature 19 --volume 30
      roomidity replay --house h1 --reason unit
      roomidity room h1/kichen --remove
    """
)
@place_argument
@click.option("--rename", "new", metavar="NEW", help="Call the room NEW from now on; it keeps its past.")
@click.option(
    "--unit",
    metavar="UNIT",
    help=f"In which unit the room's sensors report: one or several of {', '.join(UNITS)}, parted by commas, such as f "
    "or temperature:hundredths; none to have the values judged again.",
)
@click.option("--f-rsi", type=float, metavar="F", help="The temperature factor of the coldest surface, 0.2 to 1.")
@click.option("--material", type=click.Choice(tuple(MATERIALS)), help="What the coldest surface is made of.")
@click.option("--remove", is_flag=True, help="Take the room out of the house.")
@room_advice_options
@json_option
def room(
    place: Place,
    new: str | None,
    unit: str | None,
    f_rsi: float | None,
    material: str | None,
    remove: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Show rooms, or change one."""
    wall = f_rsi is not None or material is not None
    advice = given_advice(given)
    changes = (new is not None) + (unit is not None) + wall + remove + bool(advice)
    if changes > 1:
        raise click.UsageError(
            "--rename, --unit, --remove, --f-rsi with --material, and what is set for advice are changes of their own; "
            "give one at a time"
        )
    if changes and place.room is None:
        raise click.UsageError(f"{place} names no room; give it as {place}/ROOM")
    output = Output(as_json=as_json)
    if place.room is None or not changes:
        _show(output, place)
    elif new is not None:
        _rename(output, place.house, place.room, kept_name(new, is_room=True))
    elif unit is not None:
        _set_unit(output, place.house, place.room, unit)
    elif advice:
        _set_advice(output, place.house, place.room, advice)
    elif wall:
        _set_wall(output, place.house, place.room, f_rsi=f_rsi, material=material)
    else:
        _remove(output, place.house, place.room)


def _show(output: Output, place: Place) -> None:
    home = as_heard(stage().observations, known_house(stage().houses, place.house))
    if place.room is None:
        rooms = rooms_of(home)
        output.tables.print(house_table(home))
    else:
        rooms = [known_room(home, place.room)]
        output.tables.print(room_table(home, rooms, title=f"{home.name}/{rooms[0]}"))
        output.tables.print(shown(advice_text(home, rooms[0])))
    output.answer({"house": home.name, "rooms": {name: room_json(home, name) for name in rooms}})


def _rename(output: Output, house: str, named: str, new: str) -> None:
    before = known_room(known_house(stage().houses, house), named)
    home, _ = change_house(stage().houses, stage().backoff, house, lambda read: renamed(read, named, new))
    output.tables.print(
        f"{house}/{before} is called {new} now. To undo it: roomidity room {house}/{new} --rename {before}"
    )
    if new == OUTDOOR:
        notes.print("The room outdoor is the air outside: it is stored and not forecast.")
    output.tables.print(room_table(home, [new], title=f"{house}/{new}"))
    output.answer({"house": house, "room": new, **room_json(home, new)})


def _set_unit(output: Output, house: str, named: str, unit: str) -> None:
    units = None if unit.strip().lower() == "none" else parse_units(unit)
    home = change_setting(house, lambda read: with_unit(read, named, units), room=named)
    if units is not None:
        notes.print(
            f"Readings of it that were rejected before: roomidity replay --house {house} --reason unit, then roomidity "
            "drain",
            soft_wrap=True,
        )
    name = home.present(named)
    output.tables.print(room_table(home, [name], title=f"{house}/{name}"))
    output.answer({"house": house, "room": name, **room_json(home, name)})


def _set_wall(output: Output, house: str, named: str, *, f_rsi: float | None, material: str | None) -> None:
    home = change_setting(house, lambda read: with_wall(read, named, f_rsi=f_rsi, material=material), room=named)
    name = home.present(named)
    output.tables.print(room_table(home, [name], title=f"{house}/{name}"))
    output.answer({"house": house, "room": name, **room_json(home, name)})


def _set_advice(output: Output, house: str, named: str, advice: dict[str, Any]) -> None:
    home = change_setting(house, lambda read: with_room_advice(read, named, advice), room=named)
    name = home.present(named)
    output.tables.print(room_table(home, [name], title=f"{house}/{name}"))
    output.tables.print(shown(advice_text(home, name)))
    output.answer({"house": house, "room": name, **room_json(home, name)})


def _remove(output: Output, house: str, named: str) -> None:
    name = known_room(known_house(stage().houses, house), named)
    home, is_removed = change_house(stage().houses, stage().backoff, house, lambda read: removed(read, name))
    places = MAX_ROOMS - len(home.rooms)
    output.tables.print(f"{house}/{name} is removed; {house} has a place for {places} more rooms.")
    output.answer({"house": house, "room": name, "removed": is_removed})
