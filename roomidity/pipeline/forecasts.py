"""Forecast: one house, all its rooms at once, by its champion or by the prior. The forecast never stops."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from roomidity.errors import ModelRefusedError
from roomidity.forecasting import (
    LEVELS,
    QUANTITIES,
    Explanation,
    HouseForecast,
    Model,
    State,
    explain,
    forecast,
    load_prior,
)
from roomidity.forecasting.window import FloatArray
from roomidity.houses import House
from roomidity.pipeline.lookup import known_house
from roomidity.pipeline.ports import Forecasts, Houses, Observations, Registry
from roomidity.pipeline.windows import read_window
from roomidity.store import StoredForecast

__all__ = ["ForecastPorts", "IssuedForecast", "Serving", "explain_room", "forecast_house", "serving_model"]

logger: Final = logging.getLogger(__name__)

_QUANTILES: Final = {"p10": LEVELS.index(0.1), "p50": LEVELS.index(0.5), "p90": LEVELS.index(0.9)}


@dataclass(frozen=True)
class ForecastPorts:
    """What forecasting talks to."""

    houses: Houses
    observations: Observations
    forecasts: Forecasts
    registry: Registry


@dataclass(frozen=True)
class Serving:
    """The model and state that serve a house. ``refused`` if its own champion could not be used."""

    version: str
    model: Model
    state: State
    refused: bool = False


@dataclass(frozen=True)
class IssuedForecast:
    """What was written: the rooms' forecasts, and by which model."""

    rooms: tuple[StoredForecast, ...]
    serving: Serving


def forecast_house(ports: ForecastPorts, *, house: str, issued_at: datetime) -> IssuedForecast:
    """Issue the forecasts of a house; the same issue time again writes the same items.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    """
    home = known_house(ports.houses, house)
    rooms = home.rooms_to_forecast(issued_at)
    serving = serving_model(ports.registry, house)
    if not rooms:
        return IssuedForecast(rooms=(), serving=serving)
    window = read_window(ports.observations, home, rooms, issued_at=issued_at)
    issued = forecast(window, serving.model, serving.state)
    stored = tuple(_to_stored(issued, place, house=house, version=serving.version) for place in range(len(rooms)))
    ports.forecasts.put_many(stored)
    return IssuedForecast(rooms=stored, serving=serving)


def explain_room(ports: ForecastPorts, *, house: House, room: str, issued_at: datetime) -> tuple[Explanation, ...]:
    """What drives a room's forecast at ``issued_at``, by the model that serves the house now, for each quantity."""
    rooms = house.rooms_to_forecast(issued_at)
    if room not in rooms:
        return ()
    serving = serving_model(ports.registry, house.name)
    window = read_window(ports.observations, house, rooms, issued_at=issued_at)
    return explain(window, serving.model, serving.state, room)


def serving_model(registry: Registry, house: str) -> Serving:
    """The house's champion; what served before where that is refused; the prior where there is nothing of its own."""
    refused = False
    for version in registry.succession(house):
        try:
            own = registry.load(house, version)
        except ModelRefusedError as error:
            logger.exception("model refused, the next in line serves", extra={"house": house, "version": error.version})
            refused = True
        else:
            return Serving(version=own.version, model=own.model, state=own.state, refused=refused)
    model, state, manifest = load_prior()
    return Serving(version=str(manifest["version"]), model=model, state=state, refused=refused)


def _to_stored(issued: HouseForecast, place: int, *, house: str, version: str) -> StoredForecast:
    """One room's part, with the quantities that it has."""
    quantities: dict[str, dict[str, FloatArray]] = {}
    for row, quantity in enumerate(QUANTITIES):
        levels = issued.quantiles[place, row]
        if np.isfinite(levels).all():
            quantities[quantity] = {name: levels[level].round(1) for name, level in _QUANTILES.items()}
    return StoredForecast(
        house=house,
        room=issued.rooms[place],
        issued_at=issued.issued_at,
        quantities=quantities,
        grade={str(quantity): grade for quantity, grade in issued.grades[place].items()},
        data_through=issued.data_through[place],
        model_version=version,
    )
