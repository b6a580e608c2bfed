"""The VTT mould index of a surface, from 0 (no growth) through 3 (visible to the naked eye) to 6 (fully covered).

Growth and decline on pine: A. Hukka and H. Viitanen, A mathematical model of mould growth on wooden material, Wood
Science and Technology 33 (1999) 475-485. Classes of other materials: H. Viitanen and T. Ojanen, Improved model to
predict mold growth in building materials, Thermal Performance of the Exterior Envelopes of Whole Buildings X (2007),
with the coefficients of T. Ojanen and others, Mold growth modeling of building structures using sensitivity classes of
materials, the same conference XI (2010). The time step is one hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["MATERIALS", "MAX_INDEX", "VISIBLE_INDEX", "Material", "critical_humidity", "grow"]

MAX_INDEX: Final = 6.0
VISIBLE_INDEX: Final = 3.0
"""From this index on, growth is visible to the naked eye. From 1 on, it is visible under a microscope."""

_GROWS_C: Final = (0.0, 50.0)
_HOURS_A_WEEK: Final = 168.0
_SPROUTED_INDEX: Final = 1.0

# Hourly decline of the index on pine: during the first 6 h after growth ended, then none until 24 h, then slow.
_DECLINE: Final = (0.00133, 0.0, 0.000667)
_DECLINE_H: Final = (6, 24)


@dataclass(frozen=True)
class Material:
    """A material's sensitivity class.

    Parameters
    ----------
    before, after
        Growth rate relative to pine (k1), before the index reaches 1 and afterwards.
    limits
        The coefficients A, B and C of the largest index that can grow at a given humidity.
    least_humidity
        Humidity in %RH below which nothing grows at any temperature.
    decline
        Rate of decline relative to pine.
    """

    before: float
    after: float
    limits: tuple[float, float, float]
    least_humidity: float
    decline: float


MATERIALS: Final[Mapping[str, Material]] = {
    "very-sensitive": Material(1.0, 2.0, (1.0, 7.0, 2.0), 80.0, decline=1.0),
    "sensitive": Material(0.578, 0.386, (0.3, 6.0, 1.0), 80.0, decline=0.25),
    "medium-resistant": Material(0.072, 0.097, (0.0, 5.0, 1.5), 85.0, decline=0.25),
    "resistant": Material(0.033, 0.014, (0.0, 3.0, 1.0), 85.0, decline=0.25),
}
"""very-sensitive: raw wood. sensitive: planed wood, wallpaper, plasterboard. medium-resistant: concrete, plaster,
mineral wool. resistant: glass, metal, tiles. The decline of all classes but raw wood is the one that the authors
call relatively low.
"""


def critical_humidity(temperature: ArrayLike, material: str) -> NDArray[np.float64]:
    """Returns the critical humidity in %RH, at and above which mould grows on a material, for temperatures in °C.

    It is 100 at 0 °C and below.

    >>> critical_humidity([0.0, 10.0, 25.0], "sensitive").round(1).tolist()
    [100.0, 82.0, 80.0]
    """
    celsius = np.asarray(temperature, dtype=np.float64)
    cold = np.clip(celsius, 0.0, 20.0)
    curve = -0.00267 * cold**3 + 0.160 * cold**2 - 3.13 * cold + 100.0
    return np.maximum(np.where(celsius > 20.0, 0.0, curve), MATERIALS[material].least_humidity)


def grow(index: float, dry_h: int, *, temperature: ArrayLike, humidity: ArrayLike, material: str) -> tuple[float, int]:
    """Returns the mould index after some hours at a surface, and the number of hours since mould last grew.

    Parameters
    ----------
    index, dry_h
        Both values before these hours.
    temperature, humidity
        Hourly values at the surface, in °C and %RH. An hour in which either is NaN changes nothing.

    Notes
    -----
    The result is the same whether the hours are passed at once or in parts.
    """
    of = MATERIALS[material]
    celsius, relative = np.broadcast_arrays(np.asarray(temperature, np.float64), np.asarray(humidity, np.float64))
    critical = critical_humidity(celsius, material)
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.isfinite(celsius) & np.isfinite(relative)
        grows = known & (celsius > _GROWS_C[0]) & (celsius <= _GROWS_C[1]) & (relative >= critical) & (critical < 100)
        over = np.where(grows, (critical - relative) / (critical - 100.0), 0.0)
        weeks = np.exp(-0.68 * np.log(celsius) - 13.9 * np.log(relative) + 66.02)
    greatest = of.limits[0] + of.limits[1] * over - of.limits[2] * over**2
    rates = np.where(grows, 1 / (_HOURS_A_WEEK * np.where(grows, weeks, 1.0)), 0.0)
    for there, wet, rate, most in zip(known.tolist(), grows.tolist(), rates.tolist(), greatest.tolist(), strict=True):
        if not there:
            continue
        if wet:
            dry_h = 0
            speed = of.before if index < _SPROUTED_INDEX else of.after
            slowing = max(1 - float(np.exp(2.3 * (index - most))), 0.0)
            index = min(index + speed * slowing * rate, MAX_INDEX)
        else:
            dry_h += 1
            phase = sum(dry_h > hours for hours in _DECLINE_H)
            index = max(index - of.decline * _DECLINE[phase], 0.0)
    return index, dry_h
