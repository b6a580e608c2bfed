"""Values derived from a room's newest values and forecast: comfort, airing, the coldest surface and mould."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from roomidity.api.asked import Asked
from roomidity.domain.aliases import in_present_names
from roomidity.domain.climate import absolute_humidity, dew_point, mixing_ratio, vapour_pressure
from roomidity.domain.comfort.airing import airing_of
from roomidity.domain.comfort.course import MouldDay
from roomidity.domain.comfort.walls import (
    DEFAULT_WALL,
    RISK_HUMIDITY,
    OutdoorMean,
    Wall,
    surface_humidity,
    surface_temperature,
    usable_walls,
)
from roomidity.domain.comfort.words import comfort_of
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import OUTDOOR
from roomidity.domain.quantities import HUMIDITY, QUANTITIES, TEMPERATURE
from roomidity.domain.slots import parse_time

__all__ = ["Derivation"]

Newest = Mapping[str, Mapping[str, Any]]

_FRESH: Final = timedelta(hours=3)
"""An older value says nothing about the present. A forecast carries the last value forward for the same span."""

_READ_H: Final = 48
"""Hours of the past that are read. In that time the outdoor mean forgets all but 2 %."""

_PAST_H: Final = 24
_MOULD_DAYS: Final = 3
"""How many days back to look for the newest nightly run."""

_SLOTS_AN_HOUR: Final = 4
_LONG_RISK_H: Final = 6
_MICROSCOPE, _VISIBLE = 1, 3


@dataclass(frozen=True)
class Derivation:
    """The data that all rooms of a response share.

    Parameters
    ----------
    outdoor
        The newest outdoor values by quantity, without stale ones.
    hourly
        By room, an array of shape (2, 48) with the hourly means of humidity (%RH) and temperature (°C) up to now, NaN
        where unknown.
    means
        Array of shape (48,): the mean outdoor temperature (°C) after each of these hours.
    mould
        The newest day with mould records, or None.
    """

    asked: Asked
    outdoor: Mapping[str, float]
    hourly: Mapping[str, NDArray[np.float64]]
    means: NDArray[np.float64]
    walls: Mapping[str, Wall]
    mould: MouldDay | None

    @classmethod
    def of(cls, asked: Asked, outdoor: Newest) -> Derivation:
        """Returns the shared data, read in two calls if the house measures the air outside, and in none otherwise."""
        home, now = asked.home, asked.now
        hourly: dict[str, NDArray[np.float64]] = {}
        mould: list[MouldDay] = []
        if OUTDOOR in home.rooms:
            hourly = _hourly(asked, now)
            today = now.astimezone(UTC).date()
            mould = asked.ports.moulds.of_days(home.name, [today - timedelta(days=back) for back in range(_MOULD_DAYS)])
        outside = hourly.get(OUTDOOR, np.full((2, _READ_H), np.nan))[TEMPERATURE]
        return cls(
            asked=asked,
            outdoor=_fresh(outdoor, now),
            hourly=hourly,
            means=OutdoorMean().over(outside)[0],
            walls=usable_walls(home.settings),
            mould=mould[-1] if mould else None,
        )

    def room(self, room: str, newest: Newest, forecast: StoredForecast | None) -> dict[str, Any]:
        """Returns the derived values of a room as plain values. Values whose inputs are missing are None.

        ``missing`` names the missing inputs: outdoor, outdoor_stale, outdoor_humidity, outdoor_temperature, humidity,
        temperature, stale, night. ``concern`` is larger for a room that needs more attention. The future values in
        ``surface`` use the forecast together with the present 12 h mean of the outdoor temperature (``ahead_by``).
        """
        if room == OUTDOOR:
            return _of_air(_fresh(newest, self.asked.now)) | {"missing": []}
        fresh = _fresh(newest, self.asked.now)
        humidity, temperature = (fresh.get(quantity, math.nan) for quantity in QUANTITIES)
        comfort = comfort_of(humidity, temperature)
        surface = self._surface(room, fresh, forecast)
        mould = self._mould(room)
        return _of_air(fresh) | {
            "comfort": None
            if comfort is None
            else {
                "word": comfort.word,
                "severity": comfort.severity,
                "humidity_category": comfort.humidity,
                "temperature_category": comfort.temperature,
                "why": [_rounded(asdict(reason)) for reason in comfort.why],
            },
            "airing": self._airing(fresh, surface),
            "surface": surface,
            "mould": mould,
            "missing": self._missing(newest, fresh, mould),
            "concern": _concern(comfort.severity if comfort else None, humidity, surface, mould, forecast),
        }

    def _surface(self, room: str, fresh: Mapping[str, float], forecast: StoredForecast | None) -> dict[str, Any] | None:
        mean = float(self.means[-1])
        if len(fresh) < len(QUANTITIES) or math.isnan(mean):
            return None
        wall = self.walls.get(room, DEFAULT_WALL)
        humidity, temperature = (fresh[quantity] for quantity in QUANTITIES)
        past_humidity, past_temperature = self.hourly.get(room, np.full((2, _READ_H), np.nan))[:, -_PAST_H:]
        past = surface_humidity(past_temperature, past_humidity, self.means[-_PAST_H:], f_rsi=wall.f_rsi)
        ahead: dict[str, float | None] = {"risk_hours_ahead": None, "risk_hours_ahead_p90": None}
        if forecast is not None and np.isfinite(forecast.quantiles[:, 1]).all():
            warm = forecast.quantiles[TEMPERATURE, 1]
            for name, row in (("risk_hours_ahead", 1), ("risk_hours_ahead_p90", 2)):
                at_surface = surface_humidity(warm, forecast.quantiles[HUMIDITY, row], mean, f_rsi=wall.f_rsi)
                ahead[name] = float((at_surface > RISK_HUMIDITY).sum()) / _SLOTS_AN_HOUR
        return _rounded(
            {
                "f_rsi": wall.f_rsi,
                "material": wall.material,
                "outdoor_mean_c": mean,
                "temperature_c": float(surface_temperature(temperature, mean, f_rsi=wall.f_rsi)),
                "humidity": float(surface_humidity(temperature, humidity, mean, f_rsi=wall.f_rsi)),
                "hours_past": int(np.isfinite(past).sum()),
                "risk_hours_past": int((past[np.isfinite(past)] > RISK_HUMIDITY).sum()),
                **ahead,
                "ahead_by": "outdoor_mean",
            }
        )

    def _airing(self, fresh: Mapping[str, float], surface: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if len(fresh) < len(QUANTITIES) or len(self.outdoor) < len(QUANTITIES):
            return None
        found = airing_of(
            temperature=fresh["temperature"],
            humidity=fresh["humidity"],
            outside_temperature=self.outdoor["temperature"],
            outside_humidity=self.outdoor["humidity"],
            surface_humidity=surface["humidity"] if surface else None,
        )
        return _rounded(asdict(found))

    def _mould(self, room: str) -> dict[str, Any] | None:
        aliases = self.asked.home.aliases
        rooms = {} if self.mould is None else {aliases.get(name, name): of for name, of in self.mould.rooms.items()}
        if self.mould is None or room not in rooms:
            return None
        return {
            "index": round(rooms[room].index, 3),
            "since": rooms[room].since.isoformat(),
            "through": self.mould.day.isoformat(),
            "risk_hours": rooms[room].risk_hours,
        }

    def _missing(self, newest: Newest, fresh: Mapping[str, float], mould: Mapping[str, Any] | None) -> list[str]:
        lacking: list[str] = [quantity for quantity in QUANTITIES if quantity not in newest]
        if len(fresh) + len(lacking) < len(QUANTITIES):
            lacking.append("stale")
        outdoor = self.asked.home.rooms.get(OUTDOOR)
        if outdoor is None:
            return [*lacking, "outdoor"]
        lacking += [f"outdoor_{quantity}" for quantity in QUANTITIES if quantity not in outdoor.measured]
        if any(quantity not in self.outdoor for quantity in outdoor.measured):
            lacking.append("outdoor_stale")
        if mould is None and not {*lacking} & {*QUANTITIES, "outdoor_temperature"}:
            lacking.append("night")
        return lacking


def _hourly(asked: Asked, now: datetime) -> dict[str, NDArray[np.float64]]:
    end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    start = end - timedelta(hours=_READ_H)
    sums: dict[str, NDArray[np.float64]] = {}
    for slot, observed in asked.ports.observations.between(asked.home.name, start, end):
        hour = int((slot - start) // timedelta(hours=1))
        for room, quantities in in_present_names(observed, asked.home.aliases).items():
            held = sums.setdefault(room, np.zeros((2, len(QUANTITIES), _READ_H)))
            for row, quantity in enumerate(QUANTITIES):
                if quantity in quantities and (quantities[quantity].fault is None or room == OUTDOOR):
                    held[:, row, hour] += quantities[quantity].value, 1
    return {room: np.where(count > 0, total / np.maximum(count, 1), np.nan) for room, (total, count) in sums.items()}


def _fresh(newest: Newest, now: datetime) -> dict[str, float]:
    return {
        quantity: float(of["value"]) for quantity, of in newest.items() if parse_time(of["measured_at"]) >= now - _FRESH
    }


def _of_air(fresh: Mapping[str, float]) -> dict[str, Any]:
    """Returns the values derived from one body of air alone.

    It is empty if a quantity is unknown, or the humidity is 0, which has no dew point.
    """
    if len(fresh) < len(QUANTITIES) or fresh["humidity"] <= 0:
        return {}
    vapour = vapour_pressure(fresh["temperature"], fresh["humidity"])
    return _rounded(
        {
            "dew_point_c": float(dew_point(vapour)),
            "absolute_humidity_g_m3": float(absolute_humidity(fresh["temperature"], fresh["humidity"])),
            "mixing_ratio_g_kg": float(mixing_ratio(vapour)),
        }
    )


def _concern(
    severity: int | None,
    humidity: float,
    surface: Mapping[str, Any] | None,
    mould: Mapping[str, Any] | None,
    forecast: StoredForecast | None,
) -> float:
    """Returns how much attention a room needs, from 0 to 4.

    The fraction, which grows with the humidity's distance from 45 %RH, orders rooms of the same level.
    """
    most = 2 if severity is None else severity  # a room that is not heard may be in any state
    if surface is not None:
        risk = max(surface["risk_hours_past"], surface["risk_hours_ahead"] or 0)
        most = max(most, 0 if risk < 1 else 2 if risk < _LONG_RISK_H else 3)
    if mould is not None:
        most = max(most, 4 if mould["index"] >= _VISIBLE else 3 if mould["index"] >= _MICROSCOPE else 0)
    if forecast is not None and forecast.notes:
        most = max(most, 1)
    return most + (0 if math.isnan(humidity) else round(abs(humidity - 45) / 100, 3))


def _rounded(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in plain.items()}
