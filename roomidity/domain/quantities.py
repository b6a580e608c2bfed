"""The table of quantities: what rooms measure, in the order of every axis over quantities.

A further quantity begins with a row here; docs/architecture.md lists what else names one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = ["HUMIDITY", "QUANTITIES", "SPECS", "TEMPERATURE", "VALUE_DECIMALS", "Quantity", "QuantitySpec"]

Quantity = Literal["humidity", "temperature"]

VALUE_DECIMALS: Final = 3
"""Readings are kept to 0.001: finer than any room sensor."""


@dataclass(frozen=True)
class QuantitySpec:
    """One quantity.

    Parameters
    ----------
    name
        Its key in readings, observations and forecasts.
    unit
        As it is written for people.
    plausible
        The least and the greatest value that a sensor can report, in ``unit``; forecasts stay within.
    tolerance
        How far beyond ``plausible`` a value is taken for the bound, in ``unit``.
    decimals
        Of a stored forecast.
    shown_decimals
        Of a value shown to a person.
    jump
        What no room goes and comes back within three slots, in ``unit``.
    """

    name: Quantity
    unit: str
    plausible: tuple[float, float]
    tolerance: float
    decimals: int
    shown_decimals: int
    jump: float


SPECS: Final = (
    QuantitySpec("humidity", "%RH", plausible=(0.0, 100.0), tolerance=5.0, decimals=1, shown_decimals=0, jump=13.0),
    QuantitySpec("temperature", "°C", plausible=(-60.0, 85.0), tolerance=0.0, decimals=1, shown_decimals=1, jump=2.0),
)
"""A polymer sensor in saturated air reads a few per cent over 100: HTU21D and SHT2x by up to 5 within their stated
accuracy, just when humidity matters most.

In 22 real rooms read every 15 minutes or oftener, no humidity went and came back as far as its jump within three slots
but one that a rise of temperature went with, and no temperature.
"""

QUANTITIES: Final[tuple[Quantity, ...]] = get_args(Quantity)

HUMIDITY: Final = QUANTITIES.index("humidity")
TEMPERATURE: Final = QUANTITIES.index("temperature")
