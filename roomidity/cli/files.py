"""The options of every command that reads a file of readings: what the file does not say itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from roomidity.cli.output import notes
from roomidity.files import Hints, read_map, read_units
from roomidity.settings import check_timezone

__all__ = ["FORMS", "file_options", "hints_of", "tell"]

Command = TypeVar("Command", bound=Callable[..., Any])

FORMS = """A file is Parquet, CSV or JSON (lines or arrays); its separator, decimal comma and encoding are recognised;
or Home Assistant's home-assistant_v2.db, with a map of its entities.

Columns or keys, in any case, English or German: house, room, sensor (may be absent), ts (also time, timestamp, date and
time, Zeit; ISO 8601 with an offset, or an epoch in s to ns), temperature, humidity. A unit in the name, as in
"Temperature (°F)", or in the cells is heeded. A column a room (kitchen_temperature) is read as well, and so are
InfluxDB's annotated and plain CSV, and files of single values (entity_id, state, last_changed; or field and value).

\b
--house and --room name what a file does not. --map says what an entity,
a device or a column stands for:
  --map sensor.bath_t=bath:temperature --map sensor.loft=loft:temperature:f
  --map 'sensor.*_humidity=*:humidity'   one star stands for the room's name
  --map map.toml                         "sensor.bath_t" = "bath:temperature"
"""


def file_options(command: Command) -> Command:
    """Add the options; the command takes them as ``**given`` and hands them to :func:`hints_of`."""
    for option in (
        click.option("--month-first", "day_first", flag_value=False, type=bool, help="11/10/2026 is November 10."),
        click.option("--day-first", "day_first", flag_value=True, type=bool, help="11/10/2026 is October 11."),
        click.option(
            "--map",
            "maps",
            multiple=True,
            metavar="ENTITY=ROOM[:QUANTITY[:UNIT]]|FILE",
            help="What an entity, device or column stands for; repeatable, or a TOML or JSON file.",
        ),
        click.option(
            "--unit",
            "units",
            multiple=True,
            metavar="[ROOM=]UNIT",
            help="c, f, k, percent, share, tenths, hundredths or thousandths: of all rooms, or of one; repeatable.",
        ),
        click.option("--room", help="The room, where the file does not name it."),
        click.option("--house", help="The house, where the file does not name it."),
    ):
        command = option(command)
    return command


def hints_of(
    *,
    house: str | None,
    room: str | None,
    units: Iterable[str],
    maps: Iterable[str],
    day_first: bool | None,
    timezone: str | None = None,
) -> Hints:
    """What the options say.

    Raises
    ------
    ConfigurationError, InputError
        If the time zone, a unit or the map is none.
    """
    return Hints(
        house=house,
        room=room,
        timezone=None if timezone is None else check_timezone(timezone, "--timezone"),
        units=read_units(units),
        entities=read_map(maps),
        day_first=day_first,
    )


def tell(lines: Iterable[str]) -> None:
    """Words on a file, to standard error."""
    for line in lines:
        notes.print(line, markup=False, soft_wrap=True)
