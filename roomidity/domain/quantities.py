"""The table of quantities: those that are forecast, and those that are measured, which are these and more.

QUANTITIES is the order of every array axis of forecasting. MEASURED is the order of quantities on the wire, in sets and
in observations. To add a quantity, begin with a row here. docs/architecture.md lists the other places that name
quantities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = [
    "CONTACT",
    "HUMIDITY",
    "MEASURED",
    "MEASURED_SPECS",
    "QUANTITIES",
    "SPECS",
    "TEMPERATURE",
    "VALUE_DECIMALS",
    "MeasuredQuantity",
    "Quantity",
    "QuantitySpec",
]

Quantity = Literal["humidity", "temperature"]
"""A quantity that is forecast."""

MeasuredQuantity = Literal[Quantity, "contact"]
"""A quantity that is measured, whether or not it is forecast. A contact is 1 while its window is open, else 0."""

VALUE_DECIMALS: Final = 3
"""Readings are kept to 0.001, which is finer than any room sensor resolves."""


@dataclass(frozen=True)
class QuantitySpec:
    """One quantity.

    Parameters
    ----------
    name
        Its key in readings, observations and forecasts.
    unit
        The unit as shown to people.
    plausible
        The smallest and largest value that a sensor can report, in ``unit``. Forecasts stay within them.
    tolerance
        How far beyond ``plausible`` a value may lie to be taken for the bound, in ``unit``.
    decimals
        Decimals of a stored forecast.
    shown_decimals
        Decimals of a value shown to a person.
    jump
        A change that no room makes and reverses within three slots, in ``unit``.
    """

    name: MeasuredQuantity
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
"""A polymer sensor in saturated air reads a few per cent over 100. An HTU21D or SHT2x may exceed it by up to 5 %RH
within its stated accuracy, just when humidity matters most.

In 22 real rooms read at least every 15 minutes, no temperature made and reversed its jump within three slots. One
humidity did, together with a rise in temperature.
"""

MEASURED_SPECS: Final = (
    *SPECS,
    QuantitySpec("contact", "", plausible=(0.0, 1.0), tolerance=0.0, decimals=3, shown_decimals=2, jump=math.inf),
)
"""Of what is measured, beginning with :data:`SPECS`."""

QUANTITIES: Final[tuple[Quantity, ...]] = get_args(Quantity)
MEASURED: Final[tuple[MeasuredQuantity, ...]] = get_args(MeasuredQuantity)

HUMIDITY: Final = QUANTITIES.index("humidity")
TEMPERATURE: Final = QUANTITIES.index("temperature")
CONTACT: Final = MEASURED.index("contact")
"""Its place in MEASURED. Those before it are the places of the quantities that are forecast."""
