"""Moist air: what temperature and relative humidity say about the water in it, and back.

Everything is vectorised: arguments broadcast, results are float64. Pressures are in hPa, temperatures in °C, relative
humidity in %RH over liquid water (as sensors report it, below freezing too).
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
"""Molar mass over gas constant of water vapour, for a pressure in hPa: 100 · 18.0153 g/mol / 8.31446 J/(mol·K)."""
_MOLAR_RATIO_G_KG: Final = 621.98
"""Molar mass of water over that of dry air (18.0153 / 28.9647), in grams a kilogram."""
STANDARD_PRESSURE_HPA: Final = 1013.25
"""ISO 2533. A room's own pressure changes the mixing ratio by less than 5 % below 500 m."""


def saturation_vapour_pressure(temperature: ArrayLike) -> NDArray[np.float64]:
    """The largest pressure that water vapour can have over liquid water, in hPa, at ``temperature`` in °C.

    Magnus formula; good from -45 to 60 °C.

    >>> saturation_vapour_pressure([0.0, 20.0]).round(3).tolist()
    [6.112, 23.326]
    """
    celsius = np.asarray(temperature, dtype=np.float64)
    return np.asarray(_MAGNUS_HPA * np.exp(_MAGNUS_FACTOR * celsius / (_MAGNUS_C + celsius)))


def vapour_pressure(temperature: ArrayLike, humidity: ArrayLike) -> NDArray[np.float64]:
    """The pressure of the water vapour in air, in hPa, from its temperature in °C and humidity in %RH.

    >>> float(vapour_pressure(20.0, 50.0).round(3))
    11.663
    """
    return np.asarray(saturation_vapour_pressure(temperature) * np.asarray(humidity, dtype=np.float64) / 100)


def relative_humidity(temperature: ArrayLike, vapour_pressure: ArrayLike) -> NDArray[np.float64]:
    """Relative humidity in %RH at ``temperature`` (°C) and ``vapour_pressure`` (hPa); over 100 if supersaturated.

    >>> float(relative_humidity(20.0, 11.663).round(1))
    50.0
    """
    return np.asarray(100 * np.asarray(vapour_pressure, dtype=np.float64) / saturation_vapour_pressure(temperature))


def absolute_humidity(temperature: ArrayLike, humidity: ArrayLike) -> NDArray[np.float64]:
    """Grams of water vapour in a cubic metre of air, from its temperature in °C and humidity in %RH.

    >>> float(absolute_humidity(20.0, 50.0).round(2))
    8.62
    """
    kelvin = np.asarray(temperature, dtype=np.float64) + _ZERO_C_IN_K
    return np.asarray(_G_K_PER_J * vapour_pressure(temperature, humidity) / kelvin)


def dew_point(vapour_pressure: ArrayLike) -> NDArray[np.float64]:
    """The temperature in °C at which air with ``vapour_pressure`` (hPa, above 0) is saturated: Magnus inverted.

    >>> float(dew_point(vapour_pressure(20.0, 50.0)).round(2))
    9.26
    """
    ratio = np.log(np.asarray(vapour_pressure, dtype=np.float64) / _MAGNUS_HPA)
    return np.asarray(_MAGNUS_C * ratio / (_MAGNUS_FACTOR - ratio))


def humidity_at(temperature: ArrayLike, *, of: ArrayLike, humidity: ArrayLike) -> NDArray[np.float64]:
    """The humidity in %RH of air after it is brought to ``temperature``, from that which it has at temperature ``of``.

    This is what outdoor air becomes in a room: the same vapour, another temperature.

    >>> float(humidity_at(21.0, of=5.0, humidity=85.0).round(1))
    29.9
    """
    return relative_humidity(temperature, vapour_pressure(of, humidity))


def mixing_ratio(vapour_pressure: ArrayLike, *, pressure: float = STANDARD_PRESSURE_HPA) -> NDArray[np.float64]:
    """Grams of water vapour per kilogram of dry air: unlike all else here, warming the air does not change it.

    >>> float(mixing_ratio(11.663).round(2))
    7.24
    """
    vapour = np.asarray(vapour_pressure, dtype=np.float64)
    return np.asarray(_MOLAR_RATIO_G_KG * vapour / (pressure - vapour))


def mixing_ratio_vapour_pressure(ratio: ArrayLike, *, pressure: float = STANDARD_PRESSURE_HPA) -> NDArray[np.float64]:
    """The vapour pressure in hPa that :func:`mixing_ratio` came from, given its value in g/kg.

    >>> float(mixing_ratio_vapour_pressure(mixing_ratio(11.663)).round(3))
    11.663
    """
    grams = np.asarray(ratio, dtype=np.float64)
    return np.asarray(pressure * grams / (_MOLAR_RATIO_G_KG + grams))
