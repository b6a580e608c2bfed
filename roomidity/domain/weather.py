"""Weather forecasts as they were issued, and which issue a room's forecast used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

__all__ = ["HOURS", "WeatherIssue", "WeatherUsed"]

HOURS: Final = 49
"""Hourly values of an issue. They cover two days after its first hour, so that one of a day ago still covers 24 h."""


@dataclass(frozen=True)
class WeatherIssue:
    """A forecast of the air outside at a place, as it was issued.

    Parameters
    ----------
    place
        `place:<lat>,<lon>`, rounded to .1 degree, for the issue of a provider, or `house:<name>` for one that came from
        a house's own gateway or an import.
    issued_at
        Aware time at which the forecast was made, by whoever made it.
    known_from
        Aware time from which it was known here. Only issues with `known_from` up to a forecast's issue time may be used
        by it: anything else would look ahead.
    first
        Aware time of the first value. The others follow an hour apart.
    temperature
        `HOURS` values in °C.
    humidity
        `HOURS` values in %RH.
    """

    place: str
    issued_at: datetime
    known_from: datetime
    first: datetime
    temperature: tuple[float, ...]
    humidity: tuple[float, ...]


@dataclass(frozen=True)
class WeatherUsed:
    """The weather issue that a room's forecast is based on: its issue time, and its age (h) at the forecast's."""

    issued_at: datetime
    age_h: float
