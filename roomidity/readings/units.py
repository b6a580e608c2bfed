"""One rule set for values at every door: what is plausible, what is clamped, and which unit a room speaks.

A sensor that reports °F, shares of one or hundredths does so always. So units are judged of a whole room, never of a
reading: one wild value is a fault of the moment, and no unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from roomidity.domain.quantities import Quantity, QuantitySpec
from roomidity.domain.units import Unit

__all__ = [
    "SUSPECT",
    "clamp",
    "convert",
    "judge",
]


_SCALES: Final[Mapping[Unit, tuple[float, float]]] = MappingProxyType(
    {
        "c": (0.0, 1.0),
        "f": (32.0, 1.8),
        "k": (273.15, 1.0),
        "percent": (0.0, 1.0),
        "share": (0.0, 0.01),
        "tenths": (0.0, 10.0),
        "hundredths": (0.0, 100.0),
        "thousandths": (0.0, 1000.0),
    }
)
"""What a unit says at zero of the contract's, and by how much it rises for each one of it."""


_HOTTEST: Final = 45.0
"""°C: the middle of what a room measures is below, in a heat wave under the roof too; 45 °F is 7 °C."""

_COLDEST_F: Final = 25.0
"""A room in °F has nine tenths of its values above: colder ones beside hot ones are °C with wild values among them."""

_FULL_SHARE: Final = 1.05
"""Saturation as a share of one, with the tolerance. No home is as dry as 1 %RH."""

_BANDS: Final[Mapping[Quantity, tuple[tuple[float, Unit | None], ...]]] = MappingProxyType(
    {
        # Up to which middle value which unit, of those that are not the contract's; where two could be, the commoner.
        "temperature": (
            (_HOTTEST, None),
            (113.0, "f"),
            (243.0, "tenths"),
            (320.0, "k"),
            (450.0, "tenths"),
            (4_500.0, "hundredths"),
            (45_000.0, "thousandths"),
        ),
        "humidity": (
            (0.0, None),
            (_FULL_SHARE, "share"),
            (200.0, None),  # 105 to 200 is no value of a home in tenths
            (1_050.0, "tenths"),
            (10_500.0, "hundredths"),
            (105_000.0, "thousandths"),
        ),
    }
)

SUSPECT: Final[Mapping[Quantity, tuple[float, float]]] = MappingProxyType(
    {"temperature": (-math.inf, _HOTTEST), "humidity": (_FULL_SHARE, 200.0)}
)
"""Where no value lies outside, there is nothing to judge."""

_RESETS: Final[Mapping[Quantity, frozenset[float]]] = MappingProxyType(
    {
        "temperature": frozenset({-127.0, 0.0, 85.0, 127.0, 255.0, 327.67, 655.35}),
        "humidity": frozenset({0.0, 127.0, 255.0, 327.67, 655.35}),
    }
)
"""What sensors say when they fail or start, in whatever unit: no evidence."""

_SUSTAINED: Final = 3
"""Values that contradict a room's own past before its unit is said to have changed; fewer are wild."""

_NEAR: Final[Mapping[Quantity, float]] = MappingProxyType({"temperature": 8.0, "humidity": 25.0})
"""In the contract's units: how far from its past a room may be for values of another unit to be its own."""

_Values = TypeVar("_Values", float, NDArray[np.float64], pl.Expr)


def convert(values: _Values, unit: Unit) -> _Values:
    """``values`` said in ``unit`` in the contract's, °C or %RH.

    >>> convert(72.5, "f"), convert(0.45, "share"), convert(2130.0, "hundredths")
    (22.5, 45.0, 21.3)
    """
    zero, step = _SCALES[unit]
    return values if (zero, step) == (0.0, 1.0) else (values - zero) / step


def clamp(values: pl.Expr, spec: QuantitySpec) -> pl.Expr:
    """``values`` with what lies beyond a bound, by the tolerance at most, at that bound; others as they are."""
    least, greatest = spec.plausible
    slight = values.is_between(least - spec.tolerance, greatest + spec.tolerance)
    return pl.when(slight).then(values.clip(least, greatest)).otherwise(values)


def judge(
    quantity: Quantity,
    values: Sequence[float] | NDArray[np.float64],
    past: Sequence[float] | NDArray[np.float64] | None = None,
) -> Unit | None:
    """The unit that a room's values can only be in where that is not the contract's; None where they can be.

    The middle of the values decides, so that single wild ones do not. Where the room has a past, values that are no
    unlike it are left alone, and others are of another unit only if there are three or more of them, all of that unit
    and, converted, near the past.

    Parameters
    ----------
    quantity
        Which.
    values
        Of one room (or one of its sensors), as they came, in any order; without those that are not finite.
    past
        What the room measured of late, in °C or %RH; None or empty where nothing is known of it.

    >>> judge("temperature", [72.3, 72.5]), judge("temperature", [21.3, 72.5]), judge("humidity", [0.45])
    ('f', None, 'share')
    >>> judge("temperature", [72.5], past=[21.2, 21.3, 21.4]), judge("temperature", [72.5] * 3, past=[21.2, 21.3, 21.4])
    (None, 'f')
    """
    evidence = sorted(float(value) for value in values if float(value) not in _RESETS[quantity])
    unit = _unit_of(quantity, evidence)
    if unit is None or past is None or len(past) == 0:
        return unit
    before = sorted(float(value) for value in past)
    if _unit_of(quantity, before) is not None:
        return unit  # stored before anybody looked: as wrong as what comes now
    near = abs(convert(_rank(evidence, 0.5), unit) - _rank(before, 0.5)) <= _NEAR[quantity]
    same = _unit_of(quantity, evidence[:1]) == _unit_of(quantity, evidence[-1:]) == unit
    return unit if near and same and len(evidence) >= _SUSTAINED else None


def _unit_of(quantity: Quantity, ordered: Sequence[float]) -> Unit | None:
    if not ordered:
        return None
    middle = _rank(ordered, 0.5)
    unit = next((unit for upper, unit in _BANDS[quantity] if middle <= upper), None)
    if (unit == "f" and _rank(ordered, 0.1) < _COLDEST_F) or (
        unit == "share" and _rank(ordered[::-1], 0.1) > _FULL_SHARE
    ):
        return None
    return unit


def _rank(ordered: Sequence[float], share: float) -> float:
    return ordered[int(share * (len(ordered) - 1))]
