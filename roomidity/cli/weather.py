"""Commands about weather forecasts: show those known for a house, and import past ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Table

from roomidity.cli.context import now_option, stage
from roomidity.cli.help import Commands
from roomidity.cli.output import Output, json_option, notes, progress, shown
from roomidity.cli.places import HOUSE, house_argument
from roomidity.domain.position import Position
from roomidity.domain.slots import format_moment
from roomidity.domain.weather import HOURS, WeatherIssue, covers_a_day, house_place
from roomidity.errors import InputError, NotFoundError
from roomidity.pipeline.ports import known_house
from roomidity.pipeline.weather_ahead import HeldWeather, places_of, weather_known
from roomidity.readings.issue_table import read_issue_table

__all__ = ["weather"]

_AT_ONCE: Final = 500
"""Number of issues written at once, after which the progress bar moves."""

_SHOWN_REFUSED: Final = 5


@click.group(cls=Commands)
def weather() -> None:
    """Say what is known of the weather ahead, and bring in forecasts of it as they were issued.

    docs/weather.md says where they come from, and what leaves the house. Every command takes --json.
    """


@weather.command()
@house_argument
@now_option("Show what was known by then.")
@json_option
def show(house: str, now: datetime, as_json: bool) -> None:
    """Show the weather of the next 24 hours that a forecast of HOUSE rests on, hour by hour."""
    output = Output(as_json=as_json)
    home = known_house(stage().houses, house)
    issues = weather_known(stage().weather, home, HeldWeather(), until=now)
    issue = next((one for one in reversed(issues) if covers_a_day(one, now)), None)
    if issue is None:
        newest = f"the newest was issued {format_moment(issues[-1].issued_at)}" if issues else "there is none"
        raise NotFoundError(
            f"a forecast of the weather at {' or '.join(places_of(home))} that covers the 24 h from "
            f"{format_moment(now)} ({newest})",
            hint="docs/weather.md says where it can come from",
        )
    hours = [
        (issue.first + timedelta(hours=hour), temperature, humidity)
        for hour, (temperature, humidity) in enumerate(zip(issue.temperature, issue.humidity, strict=True))
        if now - timedelta(hours=1) < issue.first + timedelta(hours=hour) <= now + timedelta(hours=24)
    ]
    table = Table("time (UTC)", "°C", "%RH")
    title = f"{house}: weather of {issue.place}, issued {format_moment(issue.issued_at)}, {_age_h(issue, now):g} h ago"
    table.title, table.title_justify = shown(title), "left"
    for at, temperature, humidity in hours:
        table.add_row(f"{at:%a %H:%M}", f"{temperature:.1f}", f"{humidity:.0f}")
    output.tables.print(table)
    plain = [{"ts": format_moment(at), "temperature": warm, "humidity": humid} for at, warm, humid in hours]
    output.answer({"house": house, **_plain(issue, now), "hours": plain})


@weather.command("list")
@house_argument
@now_option("List what was known by then.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many of the newest.")
@json_option
def list_(house: str, now: datetime, limit: int, as_json: bool) -> None:
    """List the forecasts of the weather that are known for HOUSE, of the last 8 days, newest first."""
    output = Output(as_json=as_json)
    home = known_house(stage().houses, house)
    issues = weather_known(stage().weather, home, HeldWeather(), until=now)[::-1][:limit]
    table = Table("issued at", "known from", "of", "first hour", "covers 24 h")
    for one in issues:
        covers = "yes" if covers_a_day(one, now) else "no"
        cells = (
            format_moment(one.issued_at),
            format_moment(one.known_from),
            one.place,
            format_moment(one.first),
            covers,
        )
        table.add_row(*map(shown, cells))
    output.tables.print(table)
    output.answer({"house": house, "places": list(places_of(home)), "issues": [_plain(one, now) for one in issues]})


@weather.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--house", type=HOUSE, help="As this house's own, which it uses first.")
@click.option("--position", metavar="LAT,LON", help="As a provider's for this place, to .1 degree.")
@json_option
def import_(file: Path, house: str | None, position: str | None, as_json: bool) -> None:
    """Bring in forecasts of the weather as they were issued, from a parquet FILE.

    Columns: issued_at, known_from and ts (UTC; a row for each of the 49 hours of an issue), temperature (°C) and
    humidity (%RH). A forecast rests on what was known by its issue time, so known_from must say when it really was:
    some hours after issued_at for most weather services. What is stored already under the same known_from stays as it
    is, so that a file can be imported again. Trainings learn from it.

      roomidity weather import issued.parquet --house h1
      roomidity weather import issued.parquet --position 52.5,13.4
    """
    output = Output(as_json=as_json)
    if (house is None) == (position is None):
        raise click.UsageError("give either --house HOUSE or --position LAT,LON: whose weather it is")
    if house is not None:
        known_house(stage().houses, house)
    place = house_place(house) if house is not None else Position.parse(position or "").place
    table = read_issue_table(file, place=place)
    for why in table.refused[:_SHOWN_REFUSED]:
        notes.print(f"Left out: {why}", soft_wrap=True)
    if len(table.refused) > _SHOWN_REFUSED:
        notes.print(f"Left out: {len(table.refused) - _SHOWN_REFUSED} more.")
    if not table.issues:
        raise InputError(
            f"{file}: found no issue of the weather that can be used, and {len(table.refused)} that cannot; expected "
            f"{HOURS} hourly rows an issue"
        )
    stored = 0
    with progress() as bar:
        task = bar.add_task("storing", total=len(table.issues))
        for first in range(0, len(table.issues), _AT_ONCE):
            some = table.issues[first : first + _AT_ONCE]
            stored += sum(stage().weather.put_many(some))
            bar.update(task, advance=len(some))
    there, refused = len(table.issues) - stored, len(table.refused)
    output.tables.print(
        f"Imported {stored:,} issues of the weather at {place}; {there:,} were there already, {refused:,} left out.",
        soft_wrap=True,
    )
    output.answer({"place": place, "stored": stored, "there": there, "refused": refused})


def _age_h(issue: WeatherIssue, now: datetime) -> float:
    return round((now - issue.issued_at) / timedelta(hours=1), 2)


def _plain(issue: WeatherIssue, now: datetime) -> dict[str, Any]:
    return {
        "place": issue.place,
        "issued_at": format_moment(issue.issued_at),
        "known_from": format_moment(issue.known_from),
        "first": format_moment(issue.first),
        "age_h": _age_h(issue, now),
        "covers_24_h": covers_a_day(issue, now),
    }
