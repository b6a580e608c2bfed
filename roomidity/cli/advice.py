"""A house's advice: what to do now, and the plan of the day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.table import Table
from rich.text import Text

from roomidity.cli.context import now_option, stage
from roomidity.cli.output import Output, json_option, shown
from roomidity.cli.places import house_argument
from roomidity.domain.houses import House
from roomidity.domain.slots import parse_slot
from roomidity.pipeline.advice_words import plain_advice
from roomidity.pipeline.advising import newest_advice
from roomidity.pipeline.ports import known_house

__all__ = ["advice", "advice_lines", "advice_of"]


@click.command()
@house_argument
@now_option("What held then.")
@json_option
def advice(house: str, now: datetime, as_json: bool) -> None:
    """Show when to air the rooms of HOUSE, and when to run its dehumidifiers: now, and today.

    Now: for fans and automations. A room is aired while the air at its coldest surface is humid (over 79 %RH, until 76)
    and outside holds less water; never below the room's minimum temperature, in quiet hours, for longer than the
    longest airing, or without values of the last hour from inside and outside. `no effect` is: it would not dry now.

    Today: for people. At most four airings, made each morning at 06:30 from the forecasts of the room and the weather;
    or why there are none. Of cellars it is said until when outside is drier, or wetter; of dehumidifiers, when.

    Limits, hours, prices and kinds of rooms are set by `roomidity house` and `roomidity room`. docs/advice.md says what
    advice goes by, and what it cannot know. On AWS it is made where the stage is deployed with --param advice=on.
    """
    output = Output(as_json=as_json)
    home = known_house(stage().houses, house)
    found = advice_of(home, now=now)
    if found["rooms"]:
        issued = f"{parse_slot(found['issued_at']).astimezone(ZoneInfo(home.zone)):%a %d %b %H:%M}"
        output.tables.print(_table(found["rooms"], title=f"{home.name}: advice of {issued}"))
        output.tables.print(shown(f"{found['effect']} {found['limits']}"))
    else:
        output.tables.print(shown(f"{home.name}: {found['note'] or 'no rooms to advise.'}"))
    output.answer({"house": home.name, "timezone": home.zone, **found})


def advice_of(home: House, *, now: datetime) -> dict[str, Any]:
    """Returns the advice of a house that holds ``now``, as plain values."""
    return plain_advice(home, newest_advice(stage().advice, home, now=now), now=now)


def advice_lines(room: Mapping[str, Any]) -> list[str]:
    """Returns what to do now in a room, and what its last airing brought if a contact saw one, a line each."""
    return [f"{room['room']}: {text}" for text in (room["text"], *(one["text"] for one in room["aired"][-1:]))]


def _table(rooms: list[dict[str, Any]], *, title: str) -> Table:
    table = Table("room", "now", "today", title=shown(title), title_justify="left", show_lines=True)
    for room in rooms:
        lines = list(room["plan"]["lines"])
        lines += [room[name]["text"] for name in ("cellar", "dehumidifier") if room[name] is not None]
        lines += [one["text"] for one in room["aired"]]
        table.add_row(shown(room["room"]), shown(room["text"]), Text("\n".join(lines)))
    return table
