"""Forecasts out: issue them by hand, and show them as a table and a chart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from roomidity.cli.advice import advice_lines, advice_of
from roomidity.cli.charts import chart, forecast_table
from roomidity.cli.context import now_option, stage
from roomidity.cli.explanations import explanation_json, explanation_table
from roomidity.cli.notes import print_notes
from roomidity.cli.notices import notice_lines, open_notices
from roomidity.cli.output import Output, json_option, shown
from roomidity.cli.places import Place, house_argument, place_argument
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.slots import floor_slot, format_moment, format_slot
from roomidity.domain.weather_adds import weather_words
from roomidity.errors import NotFoundError
from roomidity.pipeline.forecasts import explain_room, forecast_house
from roomidity.pipeline.house_settings import known_room, language_of
from roomidity.pipeline.openings import opening_words
from roomidity.pipeline.renamed import latest_forecast

__all__ = ["forecast", "forecast_json", "show"]


@click.command()
@house_argument
@now_option("The issue time, floored to its 15-minute slot.")
@json_option
def forecast(house: str, now: datetime, as_json: bool) -> None:
    """Issue the forecasts of all rooms of HOUSE, as the function `forecast` does for each job."""
    output = Output(as_json=as_json)
    issued = forecast_house(stage().forecast_ports, house=house, issued_at=floor_slot(now))
    if not issued.rooms:
        raise NotFoundError(
            f"a room of {house} seen in the week before {format_slot(floor_slot(now))}",
            hint="send newer readings, or give the time of the data with --now",
        )
    timezone = _timezone(house)
    output.tables.print(forecast_table(issued.rooms, timezone=timezone))
    print_notes(output, issued.rooms)
    output.answer({"rooms": [forecast_json(one) for one in issued.rooms]})


@click.command()
@place_argument
@now_option("Show the newest forecast issued by then.")
@click.option("--explain", is_flag=True, help="Of HOUSE/ROOM: say what drove the forecast.")
@json_option
def show(place: Place, now: datetime, explain: bool, as_json: bool) -> None:
    """Show the newest forecast of HOUSE as a table, or of HOUSE/ROOM as a table and a chart.

    Times are the house's local ones. The grade says what a forecast rests on: full (the house's own model), prior (the
    model shipped with the package), sparse (under 60 % of the last two days were measured, by how often the sensor
    reports), persistence (nothing that is believed for 3 hours, or longer than the sensor is ever silent). Below stands
    what is known to be wrong with the sensors, and after a ! what there is to tell (`roomidity notices HOUSE`).
    Where the stage advises, it ends with what to do now (`roomidity advice HOUSE`), and with what the last airing
    brought where a window contact saw it.
    """
    output = Output(as_json=as_json)
    if explain and place.room is None:
        raise click.UsageError(f"--explain speaks of one room; give it as {place}/ROOM")
    home = stage().houses.get(place.house)
    if home is None:
        known = ", ".join(sorted(one.name for one in stage().houses.all())) or "none yet"
        raise NotFoundError(f"house {place.house!r}", hint=f"houses here: {known}")
    room = known_room(home, place.room) if place.room else None
    rooms = [room] if room else sorted(home.rooms)
    latest = [latest_forecast(stage().forecasts, home, name, now=now) for name in rooms]
    found = [one for one in latest if one is not None]
    if not found:
        raise NotFoundError(
            f"a forecast of {place} issued by {format_slot(floor_slot(now))}",
            hint=f"issue one with `roomidity forecast {home.name}`",
        )
    output.tables.print(forecast_table(found, timezone=home.zone))
    if (weather := found[0].weather) is not None:
        output.tables.print(f"Weather issued {format_moment(weather.issued_at)}, {weather.age_h:g} h before.")
    for line in _rests_on(home, found):
        output.tables.print(shown(line))
    print_notes(output, found)
    to_tell = open_notices(home, now=now, room=room)
    for line in notice_lines(to_tell):
        output.tables.print(shown(line))
    advised = [one for one in advice_of(home, now=now)["rooms"] if room is None or one["room"] == room]
    for one in advised:
        for line in advice_lines(one):
            output.tables.print(shown(line))
    if room:
        output.tables.print(chart(found[0], timezone=home.zone, width=output.tables.width))
    answer: dict[str, Any] = {"rooms": [forecast_json(one) for one in found], "notices": to_tell, "advice": advised}
    if explain and room:
        reasons = explain_room(stage().forecast_ports, house=home, forecast=found[0])
        for reason in reasons:
            output.tables.print(explanation_table(reason))
        answer["explanation"] = {reason.quantity: explanation_json(reason) for reason in reasons}
    output.answer(answer)


def forecast_json(forecast: StoredForecast) -> dict[str, Any]:
    """A room's forecast as plain values."""
    return {
        "house": forecast.house,
        "room": forecast.room,
        "issued_at": format_slot(forecast.issued_at),
        "first_slot": format_slot(forecast.issued_at),
        "grade": dict(forecast.grade),
        "data_through": format_slot(forecast.data_through) if forecast.data_through else None,
        "model_version": forecast.model_version,
        "weather": forecast.weather
        and {"issued_at": format_moment(forecast.weather.issued_at), "age_h": forecast.weather.age_h},
        "weather_adds": {quantity: asdict(adds) for quantity, adds in forecast.weather_adds.items()},
        "notes": list(forecast.notes),
        "open_since": format_moment(forecast.open_since) if forecast.open_since else None,
        **{
            quantity: {name: values.tolist() for name, values in quantiles.items()}
            for quantity, quantiles in forecast.quantities.items()
        },
    }


def _rests_on(home: House, forecasts: Sequence[StoredForecast]) -> Iterator[str]:
    """Yields in words what forecasts rest on beside what was measured: the weather ahead, and open windows."""
    language = language_of(home)
    for one in forecasts:
        for quantity, adds in one.weather_adds.items():
            told = weather_words(adds, quantity, issued_at=one.issued_at, zone=home.zone, language=language)
            yield f"{one.room}: {told}"
        if one.open_since is not None:
            told = opening_words(one.open_since, issued_at=one.issued_at, zone=home.zone, language=language)
            yield f"{one.room}: {told}"


def _timezone(house: str) -> str:
    home = stage().houses.get(house)
    return home.zone if home else stage().settings.timezone
