"""The command that shows a house's notices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
from rich.table import Table

from roomidity.cli.context import now_option, stage
from roomidity.cli.output import Output, json_option, shown
from roomidity.cli.places import house_argument
from roomidity.domain.houses import House
from roomidity.domain.slots import parse_slot
from roomidity.pipeline.noticing import open_and_cleared
from roomidity.pipeline.ports import known_house

__all__ = ["notice_lines", "notices", "open_notices"]

_SHOWN: Final = 20


@click.command()
@house_argument
@click.option("--all", "everything", is_flag=True, help="All that were cleared and are kept, not only the newest 20.")
@now_option("As they read then.")
@json_option
def notices(house: str, everything: bool, now: datetime, as_json: bool) -> None:
    """Show what there is to tell of HOUSE: the notices that are open, and those that were cleared.

    A notice is raised when a forecast makes it likely (70 %), and cleared when it has been unlikely (under 30 %) for a
    while: air over 70 %RH for half an hour or more; mould, over 80 %RH at the coldest surface for six of the next 24
    hours, which takes air measured outside; a room or a house without readings; a sensor that is stuck. They are kept
    for 90 days.

    Words are in the house's language and by its clock: `roomidity house HOUSE --language de`. Where the stage tells
    notices (docs/notices.md), six a day are sent, unless `--notices-a-day` says otherwise; those over that are marked.
    """
    output = Output(as_json=as_json)
    home = known_house(stage().houses, house)
    found = open_and_cleared(stage().notices, home, now=now, limit=None if everything else _SHOWN)
    if found["open"]:
        output.tables.print(_table(home, found["open"], title=f"{home.name}: open notices"))
    else:
        output.tables.print(shown(f"{home.name}: no open notices."))
    if found["cleared"]:
        output.tables.print(_table(home, found["cleared"], title="Cleared"))
    output.answer({"house": home.name, **found})


def open_notices(home: House, *, now: datetime, room: str | None = None) -> list[dict[str, Any]]:
    """Returns a house's open notices, or those of one room, as plain values."""
    found = open_and_cleared(stage().notices, home, now=now, limit=0)["open"]
    return [one for one in found if room is None or one["room"] == room]


def notice_lines(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns the texts of notices, one line each."""
    return [f"! {one['text']}" for one in found]


def _table(home: House, found: Iterable[Mapping[str, Any]], *, title: str) -> Table:
    table = Table("raised", "cleared", "notice", "sent", title=shown(title), title_justify="left")
    for one in found:
        times = [_time(home, one[name]) for name in ("raised_at", "cleared_at")]
        table.add_row(*times, shown(one["text"]), "over the day's number" if one["muted"] else "")
    return table


def _time(home: House, slot: str | None) -> str:
    return "–" if slot is None else f"{parse_slot(slot).astimezone(ZoneInfo(home.zone)):%a %d %b %H:%M}"
