"""The command that shows a house in the terminal and keeps it up to date."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import numpy as np
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from roomidity.cli.charts import sparkline
from roomidity.cli.context import Moment, stage
from roomidity.cli.forecasts import forecast_json
from roomidity.cli.notices import notice_lines, open_notices
from roomidity.cli.output import UNITS, Output, json_option, shown
from roomidity.cli.places import house_argument
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.likelihood import lasting, likely_over
from roomidity.domain.notices.findings import DAMP, DAMP_SLOTS
from roomidity.domain.quantities import HUMIDITY, QUANTITIES, SPECS
from roomidity.domain.slots import SLOT
from roomidity.errors import StoreError
from roomidity.pipeline.ports import known_house
from roomidity.pipeline.renamed import latest_forecast

__all__ = ["watch"]

_EVERY_S: Final = 60.0
_OLD: Final = timedelta(hours=1)
_NARROW: Final = 76
"""Terminals with fewer columns do not show the chart of the next hours."""

_COLOURS: Final = ((0.5, "bold red"), (0.1, "yellow"))
"""The minimum probability of more than 70 %RH for each colour."""

_DECIMALS: Final = {spec.name: spec.shown_decimals for spec in SPECS}


@click.command()
@house_argument
@click.option(
    "--every-s", type=click.FloatRange(1, 3600), default=_EVERY_S, show_default=True, help="How often to look, in s."
)
@click.option("--now", type=Moment(), help="Show it as it stood then, and end.")
@json_option
def watch(house: str, every_s: float, now: datetime | None, as_json: bool) -> None:
    """Watch HOUSE: its rooms and notices, looked at again every minute, until Ctrl-C.

    A room is yellow where air over 70 %RH is possible within 24 hours (10 %), and red where it is likelier than not.
    The table takes the width that the terminal has, also when that changes. Where there is no terminal, it is printed
    once; with --json, one JSON object is.
    """
    output = Output(as_json=as_json)
    console = output.tables
    if as_json or now is not None or not console.is_terminal:
        at = now or datetime.now(UTC)
        home, found, notices = _look(house, at)
        console.print(_view(home, found, notices, at=at, width=console.width))
        answer = {"house": home.name, "timezone": home.zone, "rooms": [_room_json(one) for one in found]}
        output.answer(answer | {"notices": notices})
        return
    seen = _look(house, datetime.now(UTC))  # fails for an unknown house before the screen is taken over
    with contextlib.suppress(KeyboardInterrupt), Live(console=console, screen=True, auto_refresh=False) as live:
        said = ""
        while True:
            at = datetime.now(UTC)
            try:
                seen = _look(house, at)
                said = ""
            except StoreError as error:
                said = f"not answered: {error}"
            _hold(live, seen, said, at=at, until=time.monotonic() + every_s)


def _hold(
    live: Live, seen: tuple[House, list[StoredForecast], list[dict[str, Any]]], said: str, *, at: datetime, until: float
) -> None:
    """Show the view until it is time to look again, redrawing it whenever the terminal's width changes."""
    width = 0
    while (left_s := until - time.monotonic()) > 0:
        if live.console.width != width:
            width = live.console.width
            foot = shown(said or f"looked at {at.astimezone(ZoneInfo(seen[0].zone)):%H:%M:%S}; Ctrl-C ends it")
            live.update(Group(_view(*seen, at=at, width=width), foot), refresh=True)
        time.sleep(min(left_s, 0.25))


def _look(house: str, at: datetime) -> tuple[House, list[StoredForecast], list[dict[str, Any]]]:
    home = known_house(stage().houses, house)
    latest = (latest_forecast(stage().forecasts, home, room, now=at) for room in sorted(home.rooms))
    return home, [one for one in latest if one is not None], open_notices(home, now=at)


def _view(
    home: House, found: list[StoredForecast], notices: list[dict[str, Any]], *, at: datetime, width: int
) -> Group:
    table = Table(
        title=shown(f"{home.name}, {at.astimezone(ZoneInfo(home.zone)):%a %d %b %H:%M}"), title_justify="left"
    )
    headings = ["room", "", "now", "highest", "at", "risk", *(["the next 24 hours"] if width >= _NARROW else [])]
    for heading in headings:
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for one in sorted(found, key=lambda one: -_risk(one)):
        colour = next((name for least, name in _COLOURS if _risk(one) >= least), "")
        name = Text.assemble((str(shown(one.room)), colour or "bold"))
        for quantity, quantiles in one.quantities.items():
            median = quantiles["p50"]
            place = int(median.argmax())
            values = [f"{median[spot]:.{_DECIMALS[quantity]}f}" for spot in (0, place)]
            when = (one.issued_at + place * SLOT).astimezone(ZoneInfo(home.zone))
            risk = Text(f"{round(100 * _risk(one))} %", style=colour) if quantity == QUANTITIES[HUMIDITY] else Text("")
            cells: list[Any] = [name, UNITS[quantity], *values, f"{when:%H:%M}", risk]
            style = "dim" if at - one.issued_at > _OLD else ""
            table.add_row(*cells, *([sparkline(median)] if width >= _NARROW else []), style=style)
            name = Text("")
    lines = [Text(line, style="bold red" if _is_urgent(of) else "yellow") for of, line in _lines(notices)]
    return Group(table, *lines)


def _lines(notices: list[dict[str, Any]]) -> list[tuple[Mapping[str, Any], str]]:
    return list(zip(notices, (str(shown(line)) for line in notice_lines(notices)), strict=True))


def _is_urgent(notice: Mapping[str, Any]) -> bool:
    return notice["kind"] in {"silent", "mould"}


def _risk(one: StoredForecast) -> float:
    """Returns the probability of more than 70 %RH for half an hour within 24 h, or 0 if humidity is not forecast."""
    humidity = one.quantiles[HUMIDITY]
    return lasting(likely_over(humidity, DAMP), DAMP_SLOTS)[0] if np.isfinite(humidity).all() else 0.0


def _room_json(one: StoredForecast) -> dict[str, Any]:
    return forecast_json(one) | {"damp_risk": round(_risk(one), 3)}
