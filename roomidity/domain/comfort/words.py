"""A room's comfort as a word with its reasons, by the categories of EN 16798-1.

Humidity follows the design criteria of EN 16798-1:2019, annex B (as in table B.7 of EN 15251:2007): humidify below 30,
25 and 20 %RH and dehumidify above 50, 60 and 70 %RH in categories I, II and III, and have at most 12 g/kg. Temperature
follows the values for living spaces of the same annex: 21.0 to 25.5, 20.0 to 26.0 and 18.0 to 27.0 °C. Everything
beyond category III is category IV.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from roomidity.domain.climate import mixing_ratio, vapour_pressure

__all__ = ["MUGGY_G_KG", "Category", "Comfort", "Reason", "comfort_of", "humidity_category", "temperature_category"]

Category = Literal["I", "II", "III", "IV"]
Bands = tuple[tuple[Category, float, float], ...]
"""The smallest and largest value of each category."""

_HUMIDITY: Final[Bands] = (("I", 30, 50), ("II", 25, 60), ("III", 20, 70))
_TEMPERATURE: Final[Bands] = (("I", 21, 25.5), ("II", 20, 26), ("III", 18, 27))

MUGGY_G_KG: Final = 12.0
"""EN 16798-1 recommends no more water than this in the air of occupied rooms, whatever their temperature."""

_TOO_LOW: Final = {"humidity": {"III": "dry", "IV": "very_dry"}, "temperature": {"III": "cool", "IV": "cold"}}
_TOO_HIGH: Final = {"humidity": {"III": "humid", "IV": "damp"}, "temperature": {"III": "warm", "IV": "hot"}}


@dataclass(frozen=True)
class Reason:
    """A limit that a room's air violates: ``quantity`` (humidity, temperature, mixing_ratio), value and limit."""

    quantity: str
    value: float
    limit: float


@dataclass(frozen=True)
class Comfort:
    """A room's comfort.

    Parameters
    ----------
    word
        "comfortable", or the worst of the conditions found: very_dry, dry, humid, damp, muggy, cold, cool, warm, hot.
    severity
        0 for comfortable, 1 for a temperature of category III, 2 for humidity of category III, a temperature of
        category IV, or muggy air, and 3 for humidity of category IV.
    humidity, temperature
        The categories, or None where the quantity is not known.
    why
        Every reason, worst first. Empty if the room is comfortable.
    """

    word: str
    severity: int
    humidity: Category | None
    temperature: Category | None
    why: tuple[Reason, ...]


def humidity_category(humidity: float) -> Category:
    """Returns the category of EN 16798-1 that a humidity (%RH) meets.

    >>> humidity_category(45), humidity_category(55), humidity_category(70), humidity_category(70.1)
    ('I', 'II', 'III', 'IV')
    """
    return _category(humidity, _HUMIDITY)


def temperature_category(temperature: float) -> Category:
    """Returns the category of EN 16798-1 that a living space's temperature (°C) meets.

    >>> temperature_category(21), temperature_category(26), temperature_category(18), temperature_category(17.9)
    ('I', 'II', 'III', 'IV')
    """
    return _category(temperature, _TEMPERATURE)


def comfort_of(humidity: float, temperature: float) -> Comfort | None:
    """Returns the comfort of air from its humidity (%RH) and temperature (°C).

    Either value may be NaN. Returns None if both are.

    >>> comfort_of(72, 20).word, comfort_of(45, 22).word, comfort_of(math.nan, 16).word
    ('damp', 'comfortable', 'cold')
    """
    known = {name: value for name, value in (("humidity", humidity), ("temperature", temperature)) if _known(value)}
    if not known:
        return None
    found: list[tuple[int, str, Reason]] = []
    categories: dict[str, Category] = {}
    for quantity, value in known.items():
        table = _HUMIDITY if quantity == "humidity" else _TEMPERATURE
        categories[quantity] = category = _category(value, table)
        if category in {"III", "IV"}:
            too_low = value < table[0][1]
            word = (_TOO_LOW if too_low else _TOO_HIGH)[quantity][category]
            _, low, high = table[2] if category == "IV" else table[1]
            severity = {"III": 1, "IV": 2}[category] + (quantity == "humidity")
            found.append((severity, word, Reason(quantity, value, low if too_low else high)))
    if len(known) == 2:
        grams = float(mixing_ratio(vapour_pressure(temperature, humidity)))
        if grams > MUGGY_G_KG:
            found.append((2, "muggy", Reason("mixing_ratio", grams, MUGGY_G_KG)))
    found.sort(key=lambda one: -one[0])
    return Comfort(
        word=found[0][1] if found else "comfortable",
        severity=found[0][0] if found else 0,
        humidity=categories.get("humidity"),
        temperature=categories.get("temperature"),
        why=tuple(reason for _, _, reason in found),
    )


def _known(value: float) -> bool:
    return math.isfinite(value)


def _category(value: float, table: Bands) -> Category:
    return next((category for category, low, high in table if low <= value <= high), "IV")
