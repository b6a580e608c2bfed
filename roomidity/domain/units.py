"""The units in which sensors may report, and the parsing of unit settings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

from roomidity.domain.quantities import MeasuredQuantity, Quantity
from roomidity.errors import InputError

__all__ = ["DEFAULT_UNITS", "UNITS", "RoomUnits", "Unit", "Units", "parse_units"]

Unit = Literal["c", "f", "k", "percent", "share", "tenths", "hundredths", "thousandths"]
Units = Mapping[Quantity, Unit]
RoomUnits = Mapping[tuple[str, str], Units]
"""The units of each (house, room)."""

UNITS: Final[tuple[Unit, ...]] = get_args(Unit)
DEFAULT_UNITS: Final[Mapping[MeasuredQuantity, Unit]] = MappingProxyType({"humidity": "percent", "temperature": "c"})
"""The units of the API contract: %RH and °C. A contact has none."""

_OF: Final[Mapping[Unit, tuple[Quantity, ...]]] = MappingProxyType(
    {
        "c": ("temperature",),
        "f": ("temperature",),
        "k": ("temperature",),
        "percent": ("humidity",),
        "share": ("humidity",),
        "tenths": ("humidity", "temperature"),
        "hundredths": ("humidity", "temperature"),
        "thousandths": ("humidity", "temperature"),
    }
)

_SPELLINGS: Final[Mapping[str, Unit]] = MappingProxyType(
    {"celsius": "c", "fahrenheit": "f", "kelvin": "k", "%": "percent", "%rh": "percent", "fraction": "share"}
)


def parse_units(text: str) -> dict[Quantity, Unit]:
    """Returns the units in a setting, which is one unit or several separated by commas.

    Each unit applies to all quantities that can have it, unless the setting names one quantity.

    >>> parse_units("f"), parse_units("F, share"), parse_units("temperature:hundredths")
    ({'temperature': 'f'}, {'temperature': 'f', 'humidity': 'share'}, {'temperature': 'hundredths'})

    Raises
    ------
    InputError
        If a unit is unknown, or the quantity cannot have it.
    """
    found: dict[Quantity, Unit] = {}
    for part in text.split(","):
        only, _, name = part.strip().lower().rpartition(":")
        unit = _unit_named(name)
        quantities = [one for one in _OF[unit] if not only or one == only] if unit else []
        if unit is None or not quantities:
            raise InputError(
                f"the unit is {part.strip()!r}; expected one of {', '.join(UNITS)}, for one quantity alone such as "
                "temperature:hundredths, or several parted by commas"
            )
        found |= dict.fromkeys(quantities, unit)
    return found


def _unit_named(name: str) -> Unit | None:
    name = name.strip().removeprefix("°").removeprefix("deg")
    return next((unit for unit in UNITS if unit == name), _SPELLINGS.get(name))
