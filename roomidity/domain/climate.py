"""Properties of moist air: conversions between temperature, relative humidity and water content.

All functions are vectorised. Arguments broadcast, and results are float64. Pressures are in hPa, temperatures in °C and
relative humidities in %RH over liquid water (as sensors report it, even below freezing).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "STANDARD_PRESSURE_HPA",
    "absolute_humidity",
    "dew_point",
    "humidity_at",
    "mixing_ratio",
    "mixing_ratio_vapour_pressure",
    "relative_humidity",
    "saturation_vapour_pressure",
    "vapour_pressure",
]

# The Magnus formula over water, D. Sonntag, Zeitschrift für Meteorologie 40 (1990) 340-344, as recommended by WMO-No. 8
# (Guide to Instruments and Methods of Observation), annex 4.B: within 0.3 % of the reference between -45 and 60 °C.
_MAGNUS_HPA: Final = 6.112
_MAGNUS_FACTOR: Final = 17.62
_MAGNUS_C: Final = 243.12

_ZERO_C_IN_K: Final = 273.15
_G_K_PER_J: Final = 216.68
"""Molar mass of water vapour divided by the gas constant, for a pressure in hPa: 100 · 18.0153 g/mol / 8.31446
J/(mol·K).
"""
_MOLAR_RATIO_G_KG: Final = 621.98
"""Molar mass of water divided by that of dry air (18.0153 / 28.9647), in g/kg."""
STANDARD_PRESSURE_HPA: Final = 1013.25
"""Standard pressure of ISO 2533. Using a room's actual pressure changes the mixing ratio by less than 5 % below 500
m.
"""


def saturation_vapour_pressure(temperature: ArrayLike) -> NDArray[np.float64]:
    """Returns the saturation vapour pressure over liquid water, in hPa, at ``temperature`` in °C.

    This is the Magnus formula, which is accurate from -45 to 60 °C.

    >>> saturation_vapour_pressure([0.0, 20.0]).round(3).tolist()
    [6.112, 23.326]
    """
    celsius = np.asarray(temperature, dtype=np.float64)
    return np.asarray(_MAGNUS_HPA * np.exp(_MAGNUS_FACTOR * celsius / (_MAGNUS_C + celsius)))


def vapour_pressure(temperature: ArrayLike, humidity: ArrayLike) -> NDArray[np.float64]:
    """Returns the vapour pressure of air in hPa, from its temperature in °C and relative humidity in %RH.

    >>> float(vapour_pressure(20.0, 50.0).round(3))
    11.663
    """
    return np.asarray(saturation_vapour_pressure(temperature) * np.asarray(humidity, dtype=np.float64) / 100)


def relative_humidity(temperature: ArrayLike, vapour_pressure: ArrayLike) -> NDArray[np.float64]:
    """Returns the relative humidity in %RH at ``temperature`` (°C) and ``vapour_pressure`` (hPa).

    The result exceeds 100 if the air is supersaturated.

    >>> float(relative_humidity(20.0, 11.663).round(1))
    50.0
    """
    return np.asarray(100 * np.asarray(vapour_pressure, dtype=np.float64) / saturation_vapour_pressure(temperature))


def absolute_humidity(temperature: ArrayLike, humidity: ArrayLike) -> NDArray[np.float64]:
    """Returns the absolute humidity of air in g/m³, from its temperature in °C and relative humidity in %RH.

    >>> float(absolute_humidity(20.0, 50.0).round(2))
    8.62
    """
    kelvin = np.asarray(temperature, dtype=np.float64) + _ZERO_C_IN_K
    return np.asarray(_G_K_PER_J * vapour_pressure(temperature, humidity) / kelvin)


def dew_point(vapour_pressure: ArrayLike) -> NDArray[np.float64]:
    """Returns the dew point in °C of air with ``vapour_pressure`` (hPa, above 0), by inverting the Magnus formula.

    >>> float(dew_point(vapour_pressure(20.0, 50.0)).round(2))
    9.26
    """
    ratio = np.log(np.asarray(vapour_pressure, dtype=np.float64) / _MAGNUS_HPA)
    return np.asarray(_MAGNUS_C * ratio / (_MAGNUS_FACTOR - ratio))


def humidity_at(temperature: ArrayLike, *, of: ArrayLike, humidity: ArrayLike) -> NDArray[np.float64]:
    """Returns the humidity in %RH of air that is brought from temperature ``of`` to ``temperature`` (both in °C).

    ``humidity`` is the humidity in %RH at temperature ``of``. This describes outdoor air that enters a room: the vapour
    pressure stays the same while the temperature changes.

    >>> float(humidity_at(21.0, of=5.0, humidity=85.0).round(1))
    29.9
    """
    return relative_humidity(temperature, vapour_pressure(of, humidity))


def mixing_ratio(vapour_pressure: ArrayLike, *, pressure: float = STANDARD_PRESSURE_HPA) -> NDArray[np.float64]:
    """Returns the mixing ratio in grams of water vapour per kilogram of dry air.

    Unlike the other measures in this module, it does not change when the air is warmed.

    >>> float(mixing_ratio(11.663).round(2))
    7.24
    """
    vapour = np.asarray(vapour_pressure, dtype=np.float64)
    return np.asarray(_MOLAR_RATIO_G_KG * vapour / (pressure - vapour))


def mixing_ratio_vapour_pressure(ratio: ArrayLike, *, pressure: float = STANDARD_PRESSURE_HPA) -> NDArray[np.float64]:
    """Returns the vapour pressure in hPa for a mixing ratio in g/kg. This is the inverse of :func:`mixing_ratio`.

    >>> float(mixing_ratio_vapour_pressure(mixing_ratio(11.663)).round(3))
    11.663
    """
    grams = np.asarray(ratio, dtype=np.float64)
    return np.asarray(pressure * grams / (_MOLAR_RATIO_G_KG + grams))
