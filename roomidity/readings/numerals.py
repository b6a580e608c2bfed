"""Numbers as people and devices write them: with a decimal comma, with a unit, or as a word for a missing value."""

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
"""Texts for a missing value in lower case, as used by spreadsheets, libraries and Home Assistant."""

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
"""Units by their sign, in lower case and without blanks."""

_LONGEST: Final = 64
"""Maximum length in characters. Longer text is no measured value, and its conversion takes more than linear time."""

_NUMERAL: Final = re.compile(
    r"\s*([+\-−]?)\s*([0-9]+[.,]?[0-9]*|[.,][0-9]+)(e[+-]?[0-9]+)?\s*([^0-9\s].*)?", re.IGNORECASE | re.DOTALL
)


def read_number(text: str, quantity: Quantity) -> float | None:
    """Returns the number in a text, converted if it has another unit, or None if the text states a missing value.

    >>> read_number(" 21,3 °C ", "temperature"), read_number("72.5 °F", "temperature"), read_number("n/a", "humidity")
    (21.3, 22.5, None)

    Raises
    ------
    ValueError
        If it is not a number, or has a unit of another quantity.
    """
    if text.strip().lower() in NO_VALUE:
        return None
    value, unit = split_number(text, quantity)
    return value if unit is None else convert(value, unit)


def split_number(text: str, quantity: Quantity) -> tuple[float, Unit | None]:
    """Returns the number and the unit in a text. The number is not converted, and the unit may be None.

    Raises
    ------
    ValueError
        If it is not a number, or has a unit of another quantity.
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
