"""The weather ahead, as a forecast of it was issued: what is stored, chosen and used of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

__all__ = ["HOURS", "WeatherIssue", "WeatherUsed"]

HOURS: Final = 49
"""Values of an issue, an hour apart: through two days after its first hour, so that one of a day ago covers 24 h."""


@dataclass(frozen=True)
class WeatherIssue:
    """A forecast of the air outside at a place, as it was issued.

    Parameters
    ----------
    place
        `place:<lat>,<lon>`, rounded to .1 degree, for a provider's; `house:<name>` for what a house's own gateway or an
        import gave.
    issued_at
        Aware time at which the forecast was made, by whoever made it.
    known_from
        Aware time from which it was known here. Only issues with `known_from` up to a forecast's issue time may be used
        by it: anything else would look ahead.
    first
        Aware time of the first value; the others follow an hour apart.
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
    """Which issue a room's forecast rests on: when it was issued, and its age in hours at the forecast's issue time."""

    issued_at: datetime
    age_h: float
