"""Forecasts one house with all its rooms at once, by its champion or by the prior.

There is always a forecast, whatever fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from roomidity.domain.deliveries import Deliveries
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.knots import at_knots, spread
from roomidity.domain.quantities import QUANTITIES, SPECS, Quantity
from roomidity.domain.weather_adds import weather_adds
from roomidity.errors import ForgottenError
from roomidity.forecasting import LEVELS, Explanation, HouseForecast, explain
from roomidity.forecasting.serving.deliveries import delivery_notes
from roomidity.forecasting.window import FloatArray
from roomidity.pipeline.advice_parts import AdvicePorts, Advised
from roomidity.pipeline.credible import credible_forecasts
from roomidity.pipeline.history import read_window
from roomidity.pipeline.house_settings import log_bad_settings
from roomidity.pipeline.noticing import Noticed, NoticePorts, note_changes
from roomidity.pipeline.openings import contacts_if_read, open_since, rewarming
from roomidity.pipeline.ports import Forecasts, Houses, Observations, Registry, Weather, forgotten_since, known_house
from roomidity.pipeline.serving import Serving, serving_model
from roomidity.pipeline.weather_ahead import HeldWeather, with_weather
from roomidity.stopwatch import Timed, untimed

__all__ = ["ForecastPorts", "IssuedForecast", "explain_room", "forecast_house"]

_LEVELS: Final = [LEVELS.index(level) for level in (0.1, 0.5, 0.9)]
"""The positions of p10, p50 and p90 among the levels of a forecast."""


@dataclass(frozen=True)
class ForecastPorts:
    """The ports of forecasting."""

    houses: Houses
    observations: Observations
    forecasts: Forecasts
    registry: Registry
    weather: Weather
    held_weather: HeldWeather = field(default_factory=HeldWeather, compare=False)
    """Issues of the weather, from forecast to forecast."""
    notices: NoticePorts | None = None
    advice: AdvicePorts | None = None


@dataclass(frozen=True)
class IssuedForecast:
    """The forecasts that were written, and the model used.

    ``refused`` maps rooms to why its forecast was refused for them; ``noticed`` says how the house's notices changed,
    and ``advised`` what it was advised.
    """

    rooms: tuple[StoredForecast, ...]
    serving: Serving
    refused: Mapping[str, str] = field(default_factory=dict)
    noticed: Noticed = field(default_factory=Noticed)
    advised: Advised = field(default_factory=Advised)


def forecast_house(ports: ForecastPorts, *, house: str, issued_at: datetime, timed: Timed = untimed) -> IssuedForecast:
    """Issue the forecasts of a house. Returns what was written.

    The same issue time always writes the same items. The timed phases are read_house, load_model, read_window,
    read_weather, forecast, write, notices and advice.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    ForgottenError
        If it was forgotten, possibly in the meantime. Nothing of the forecast is left then.
    """
    with timed("read_house"):
        home = known_house(ports.houses, house)
    log_bad_settings(home)
    rooms = home.rooms_to_forecast(issued_at)
    with timed("load_model"):
        serving = serving_model(ports.registry, house, aliases=home.aliases)
    if not rooms:
        return IssuedForecast(rooms=(), serving=serving)
    with timed("read_window"):
        window = read_window(ports.observations, home, rooms, issued_at=issued_at, state=serving.state)
        recent, contacts = contacts_if_read(ports.observations, home, issued_at)
    with timed("read_weather"):
        window = with_weather(window, ports.weather, home, ports.held_weather)
    with timed("forecast"):
        found = credible_forecasts(ports.registry, home, window, serving)
        opened, regains = open_since(contacts), rewarming(window, contacts)
        stored = tuple(
            _to_stored(issued, place, house=home, version=version, opened=opened, regains=regains)
            for place, (issued, version) in enumerate(found.by_room)
        )
    with timed("write"):
        written = tuple(ports.forecasts.put_many(stored))
        if forgotten_since(ports.houses, home):
            ports.forecasts.delete_many(stored)
            raise ForgottenError(house)
    with timed("notices"):
        noticed = note_changes(ports.notices, home, written, outdoor=window.outdoor, issued_at=issued_at)
    with timed("advice"):
        advised = Advised()
        if ports.advice is not None:
            from roomidity.pipeline.advising import advise_house  # noqa: PLC0415  # most stages give no advice

            advised = advise_house(ports.advice, home, written, window, issued_at=issued_at, recent=recent)
    return IssuedForecast(rooms=written, serving=serving, refused=found.refused, noticed=noticed, advised=advised)


def explain_room(ports: ForecastPorts, *, house: House, forecast: StoredForecast) -> tuple[Explanation, ...]:
    """Returns for each quantity what drove a room's forecast.

    It uses the model that serves the house now.
    """
    room, issued_at = forecast.room, forecast.issued_at
    rooms = house.rooms_to_forecast(issued_at)
    if room not in rooms:
        return ()
    serving = serving_model(ports.registry, house.name, aliases=house.aliases)
    window = read_window(ports.observations, house, rooms, issued_at=issued_at)
    window = with_weather(window, ports.weather, house, ports.held_weather)
    regains = rewarming(window, contacts_if_read(ports.observations, house, issued_at)[1])
    return tuple(
        one.with_regained(regains[room])
        if room in regains and _regains(one.quantity, forecast.grade.get(one.quantity))
        else one
        for one in explain(window, serving.model, serving.state, room)
    )


def _regains(quantity: Quantity, grade: str | None) -> bool:
    """Returns whether a forecast regains what an airing took: a model's lacks it, others say what was measured."""
    return quantity == "temperature" and grade in ("full", "prior")


def _to_stored(
    issued: HouseForecast,
    place: int,
    *,
    house: House,
    version: str,
    opened: Mapping[str, datetime],
    regains: Mapping[str, FloatArray],
) -> StoredForecast:
    """Returns one room's part, rounded at the knots. A quantity that the room does not measure is NaN.

    Parameters
    ----------
    opened
        Since when a window is open, by room.
    regains
        What temperatures regain after an airing, by room.
    """
    room = issued.rooms[place]
    levels = issued.quantiles[place][:, _LEVELS]
    for of_quantity, quantity, spec in zip(levels, QUANTITIES, SPECS, strict=True):
        if room in regains and _regains(quantity, issued.grades[place].get(quantity)):
            np.clip(of_quantity + regains[room], *spec.plausible, out=of_quantity)
    forecast = np.isfinite(levels).all(axis=(1, 2), keepdims=True)
    rounded = [
        spread(rows.round(spec.decimals), decimals=spec.decimals)
        for rows, spec in zip(at_knots(levels), SPECS, strict=True)
    ]
    added = np.full((len(QUANTITIES), 1), np.nan) if issued.weather_adds is None else issued.weather_adds[place]
    adds = {quantity: weather_adds(rows, quantity) for quantity, rows in zip(QUANTITIES, added, strict=True)}
    return StoredForecast(
        house=house.name,
        room=room,
        issued_at=issued.issued_at,
        quantiles=np.where(forecast, np.stack(rounded), np.nan),
        grade={str(quantity): grade for quantity, grade in issued.grades[place].items()},
        data_through=issued.data_through[place],
        model_version=version,
        notes=_notes(issued.notes[place], house.delivered(room, issued.issued_at)),
        weather=issued.weather,
        weather_adds={quantity: found for quantity, found in adds.items() if found is not None},
        open_since=opened.get(room),
    )


def _notes(sensors: Sequence[str], delivered: Deliveries) -> tuple[str, ...]:
    """Returns the known faults. A room whose readings arrive late or are rejected is not called dead."""
    deliveries = delivery_notes(delivered)
    return (*(note for note in sensors if note != "dead" or not deliveries), *deliveries)
