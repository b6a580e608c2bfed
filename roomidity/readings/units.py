"""One set of rules for values from all inputs: what is plausible, what is clamped, and which unit a room uses.

A sensor that reports °F, shares of one or hundredths always does so. Units are therefore judged for a whole room and
never for a single reading, since one wild value is a momentary fault and not another unit.
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
"""Offset and scale of each unit: its value at zero of the contract's unit, and its increase per one of that unit."""


_HOTTEST: Final = 45.0
"""In °C. The median of a room is below this, even in a heat wave under the roof. 45 °F is 7 °C."""

_COLDEST_F: Final = 25.0
"""In °F. A room in °F has nine tenths of its values above this. Otherwise its hot values are wild ones in °C."""

_FULL_SHARE: Final = 1.05
"""Saturation as a share of one, with the tolerance. No home is as dry as 1 %RH."""

_BANDS: Final[Mapping[Quantity, tuple[tuple[float, Unit | None], ...]]] = MappingProxyType(
    {
        # Upper limits of the median for units other than the contract's. If two are possible, the commoner is taken.
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
            (200.0, None),  # 105 to 200 is not a value of a home in tenths.
            (1_050.0, "tenths"),
            (10_500.0, "hundredths"),
            (105_000.0, "thousandths"),
        ),
    }
)

SUSPECT: Final[Mapping[Quantity, tuple[float, float]]] = MappingProxyType(
    {"temperature": (-math.inf, _HOTTEST), "humidity": (_FULL_SHARE, 200.0)}
)
"""If no value lies outside, there is nothing to judge."""

_RESETS: Final[Mapping[Quantity, frozenset[float]]] = MappingProxyType(
    {
        "temperature": frozenset({-127.0, 0.0, 85.0, 127.0, 255.0, 327.67, 655.35}),
        "humidity": frozenset({0.0, 127.0, 255.0, 327.67, 655.35}),
    }
)
"""Values that sensors report when they fail or start, in whatever unit. They are no evidence."""

_SUSTAINED: Final = 3
"""Number of values that must contradict a room's past before its unit has changed. Fewer are wild values."""

_NEAR: Final[Mapping[Quantity, float]] = MappingProxyType({"temperature": 8.0, "humidity": 25.0})
"""In the contract's units. How far a room's converted values may be from its past to count as its own."""

_Values = TypeVar("_Values", float, NDArray[np.float64], pl.Expr)


def convert(values: _Values, unit: Unit) -> _Values:
    """Returns ``values`` given in ``unit``, converted to the contract's unit, °C or %RH.

    >>> convert(72.5, "f"), convert(0.45, "share"), convert(2130.0, "hundredths")
    (22.5, 45.0, 21.3)
    """
    zero, step = _SCALES[unit]
    return values if (zero, step) == (0.0, 1.0) else (values - zero) / step


def clamp(values: pl.Expr, spec: QuantitySpec) -> pl.Expr:
    """Returns ``values`` with those outside the plausible range by at most the tolerance clipped to it."""
    least, greatest = spec.plausible
    slight = values.is_between(least - spec.tolerance, greatest + spec.tolerance)
    return pl.when(slight).then(values.clip(least, greatest)).otherwise(values)


def judge(
    quantity: Quantity,
    values: Sequence[float] | NDArray[np.float64],
    past: Sequence[float] | NDArray[np.float64] | None = None,
) -> Unit | None:
    """Returns the unit that a room's values must be in, or None if they can be in the contract's unit.

    The median of the values decides, so that single wild values do not. If the room has a past, values similar to it
    are accepted. Others are in another unit only if there are at least three of them, all in that unit and, once
    converted, near the past.

    Parameters
    ----------
    quantity
        The quantity of the values.
    values
        The values of one room (or one of its sensors) as received, in any order, without those that are not finite.
    past
        The room's recent values in °C or %RH. None or empty if unknown.

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
        return unit  # The past was stored before units were judged, and is as wrong as the new values.
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
