"""Numbers as people and devices write them: text, a decimal comma, the unit beside it, a word where there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit
from roomidity.readings.units import convert

__all__ = ["NO_VALUE", "UNIT_SIGNS", "read_number", "split_number"]

NO_VALUE: Final = frozenset(
    {"", "-", "--", "---", "–", "?", "na", "n/a", "#n/a", "nan", "null", "none", "nil"}
    | {"unknown", "unavailable", "undefined", "missing", "offline"}
)
"""What says, in small letters, that there is no value: spreadsheets, libraries, Home Assistant."""

_SIGNS: Final[Mapping[Unit, str]] = MappingProxyType(
    {
        "c": "c °c ºc ℃ ° celsius degc grad gradc deg",
        "f": "f °f ºf ℉ fahrenheit degf",
        "k": "k °k kelvin",
        "percent": "% %rh rh% rh %r.h. %rf %r.f. percent pct prozent",
    }
)
UNIT_SIGNS: Final[Mapping[str, Unit]] = MappingProxyType(
    {sign: unit for unit, signs in _SIGNS.items() for sign in signs.split()}
)
"""In small letters and without blanks."""

_LONGEST: Final = 64
"""Characters; what is longer is no measured value, and converting it takes more than linear time."""

_NUMERAL: Final = re.compile(
    r"\s*([+\-−]?)\s*([0-9]+[.,]?[0-9]*|[.,][0-9]+)(e[+-]?[0-9]+)?\s*([^0-9\s].*)?", re.IGNORECASE | re.DOTALL
)


def read_number(text: str, quantity: Quantity) -> float | None:
    """The number that a text says, in the contract's unit if it names another; None where it says that there is none.

    >>> read_number(" 21,3 °C ", "temperature"), read_number("72.5 °F", "temperature"), read_number("n/a", "humidity")
    (21.3, 22.5, None)

    Raises
    ------
    ValueError
        If it is no number, or has a unit of something else.
    """
    if text.strip().lower() in NO_VALUE:
        return None
    value, unit = split_number(text, quantity)
    return value if unit is None else convert(value, unit)


def split_number(text: str, quantity: Quantity) -> tuple[float, Unit | None]:
    """The number and the unit that a text says.

    Raises
    ------
    ValueError
        If it is no number, or has a unit of something else.
    """
    found = _NUMERAL.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise ValueError(f"{text[:_LONGEST]!r} is no number")
    sign, digits, exponent, said = found.groups()
    value = float(f"{'-' if sign in ('-', '−') else ''}{digits.replace(',', '.')}{exponent or ''}")
    if said is None:
        return value, None
    unit = UNIT_SIGNS.get("".join(said.lower().split()))
    if unit is None or (unit == "percent") != (quantity == "humidity"):
        raise ValueError(f"{text!r} is no {quantity}")
    return value, unit
