"""The coldest inner surface of a room's outer walls: its temperature, and the humidity of the air next to it.

Follows EN ISO 13788. The surface temperature lies between the outdoor and indoor temperatures, at a fraction given by
the temperature factor f_Rsi. A surface follows the outdoor temperature only slowly, so an exponential moving average
over 12 h stands for it. The standard, and DIN 4108-2 with it, regards more than 80 %RH at the surface as a mould risk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from roomidity.domain.climate import humidity_at
from roomidity.domain.comfort.mould import MATERIALS
from roomidity.errors import InputError

__all__ = [
    "DEFAULT_WALL",
    "RISK_HUMIDITY",
    "OutdoorMean",
    "Wall",
    "surface_humidity",
    "surface_temperature",
    "usable_walls",
]

RISK_HUMIDITY: Final = 80.0
"""Humidity in %RH at a surface above which mould is to be expected (EN ISO 13788; DIN 4108-2)."""

_MEAN_H: Final = 12.0
"""Time constant in hours with which the inner surface of a light outer wall follows the outdoor temperature."""

_UNKNOWN_AFTER_H: Final = 24
"""After this many hours without an outdoor temperature, the mean no longer describes the present weather."""


@dataclass(frozen=True)
class Wall:
    """What a person sets about a room's coldest surface: f_Rsi (0.2 to 1) and the sensitivity class of its material.

    DIN 4108-2 requires 0.7 for every surface of a new building, so an old building may have less. Most walls are
    papered or painted, which is "sensitive".
    """

    f_rsi: float = 0.7
    material: str = "sensitive"

    def __post_init__(self) -> None:
        if isinstance(self.f_rsi, bool) or not isinstance(self.f_rsi, int | float) or not 0.2 <= self.f_rsi <= 1:
            raise InputError(
                f"f_Rsi is {self.f_rsi!r:.80}; expected a number from 0.2 (a bare metal frame) to 1 (as warm as the "
                "room); new buildings have 0.7 or more"
            )
        if not isinstance(self.material, str) or self.material not in MATERIALS:
            raise InputError(f"the material is {self.material!r:.80}; expected one of {', '.join(MATERIALS)}")

    @classmethod
    def from_plain(cls, stored: Any) -> Self:
        """Returns the wall in a room's stored settings, with defaults for what is not set.

        Raises
        ------
        InputError
            If a setting cannot be used.
        """
        return cls(**{name: stored[name] for name in ("f_rsi", "material") if name in stored})


DEFAULT_WALL: Final = Wall()


def usable_walls(settings: Mapping[str, Any]) -> dict[str, Wall]:
    """Returns by room the walls in a house's settings that differ from the default. Unusable settings are ignored.

    >>> usable_walls({"rooms": {"bath": {"f_rsi": 0.6}, "attic": {"f_rsi": 7}, "hall": {"unit": "f"}}})
    {'bath': Wall(f_rsi=0.6, material='sensitive')}
    """
    rooms = settings.get("rooms")
    found = {}
    for room, stored in rooms.items() if isinstance(rooms, Mapping) else ():
        try:
            wall = Wall.from_plain(stored if isinstance(stored, Mapping) else {})
        except InputError:
            continue
        if wall != DEFAULT_WALL:
            found[room] = wall
    return found


@dataclass(frozen=True)
class OutdoorMean:
    """The exponential moving average over 12 h of the outdoor temperature (°C), and the hours since it was measured."""

    value: float = math.nan
    silent_h: int = 0

    def over(self, temperatures: ArrayLike) -> tuple[NDArray[np.float64], OutdoorMean]:
        """Returns the mean after each hour of ``temperatures`` (°C, hourly, NaN where unknown), and the final state.

        An hour without a measurement leaves the mean unchanged. After 24 such hours it is NaN until the next
        measurement.

        >>> means, mean = OutdoorMean().over([10.0, 10.0, 22.0])
        >>> means.round(2).tolist(), round(mean.value, 2)
        ([10.0, 10.0, 10.96], 10.96)
        """
        share = 1 - math.exp(-1 / _MEAN_H)
        value, silent = self.value, self.silent_h
        means = []
        for temperature in np.asarray(temperatures, dtype=np.float64).tolist():
            if math.isfinite(temperature):
                value = temperature if math.isnan(value) else value + share * (temperature - value)
                silent = 0
            else:
                silent += 1
                if silent >= _UNKNOWN_AFTER_H:
                    value, silent = math.nan, _UNKNOWN_AFTER_H
            means.append(value)
        return np.array(means), OutdoorMean(value, silent)


def surface_temperature(inside: ArrayLike, outside: ArrayLike, *, f_rsi: ArrayLike) -> NDArray[np.float64]:
    """Returns the temperature in °C of a room's coldest surface, from the indoor and mean outdoor temperatures in °C.

    If it is warmer outside than inside, the coldest surface has the room's temperature.

    >>> float(surface_temperature(20.0, 0.0, f_rsi=0.7)), float(surface_temperature(18.0, 30.0, f_rsi=0.7))
    (14.0, 18.0)
    """
    room, air = np.asarray(inside, dtype=np.float64), np.asarray(outside, dtype=np.float64)
    return np.asarray(np.minimum(air + np.asarray(f_rsi) * (room - air), room))


def surface_humidity(
    inside: ArrayLike, humidity: ArrayLike, outside: ArrayLike, *, f_rsi: ArrayLike
) -> NDArray[np.float64]:
    """Returns the humidity in %RH at the coldest surface, capped at 100 (where water condenses).

    >>> float(surface_humidity(20.0, 50.0, 0.0, f_rsi=0.7).round(1))
    73.1
    """
    at_surface = surface_temperature(inside, outside, f_rsi=f_rsi)
    return np.asarray(np.minimum(humidity_at(at_surface, of=inside, humidity=humidity), 100.0))
