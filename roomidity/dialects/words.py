"""Names that say what is measured: keys of objects and IDs of entities, in English and German."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from roomidity.dialects.contacts import contact_values
from roomidity.dialects.heard import is_scalar
from roomidity.domain.quantities import QUANTITIES, MeasuredQuantity, Quantity
from roomidity.domain.units import Unit
from roomidity.readings.numerals import UNIT_SIGNS, read_number

__all__ = ["Said", "plain_values", "quantity_named", "room_named", "unit_signed", "unnumbered_values"]

Said = tuple[MeasuredQuantity, Any, Unit | None]
"""A quantity, its value, and the unit stated by its name."""

_STEMS: Final[Mapping[Quantity, tuple[str, ...]]] = MappingProxyType(
    {
        "temperature": ("temperature", "temperatur", "temp"),
        "humidity": ("humidity", "humid", "hum", "rh", "rhum", "feuchte", "feuchtigkeit", "luftfeuchtigkeit"),
    }
)
_PLACES: Final = ("", "air", "room", "ambient", "indoor", "inside", "relative", "rel", "luft", "raum")
_UNITS: Final[Mapping[Quantity, Mapping[str, Unit | None]]] = MappingProxyType(
    {
        "temperature": {"c": "c", "celsius": "c", "degc": "c", "": None, "f": "f", "fahrenheit": "f", "k": "k"},
        "humidity": {"": None, "percent": "percent", "pct": "percent"},
    }
)
_KEYS: Final[Mapping[str, tuple[int, Quantity, Unit | None]]] = MappingProxyType(
    {
        place + stem + ending: (rank, quantity, unit)
        for quantity, stems in _STEMS.items()
        for place in _PLACES
        for stem in stems
        for rank, (ending, unit) in enumerate(_UNITS[quantity].items())
    }
    | {"relhum": (0, "humidity", None), "tempcsht": (0, "temperature", "c"), "humsht": (0, "humidity", "percent")}
    | {"tempcds": (9, "temperature", "c")}  # A probe on a cable ranks behind the sensor of the room.
)
"""Keys in lower case without punctuation, with their rank among the quantity's keys, quantity and unit."""

_NO_SIGN: Final = re.compile(r"[\W_]+")
_DIGITS: Final = re.compile(r"\d+$")
_TOKENS: Final = re.compile(r"[^\W\d_]+")
_ENDINGS: Final[Mapping[str, Quantity]] = MappingProxyType(
    {"temperature": "temperature", "temperatur": "temperature", "humidity": "humidity", "feuchtigkeit": "humidity"}
)
_TOKENS_OF: Final[Mapping[str, Quantity]] = MappingProxyType(
    {stem: quantity for quantity, stems in _STEMS.items() for stem in stems}
)
_ELSEWHERE: Final = frozenset(
    {"cpu", "chip", "core", "soc", "esp", "device", "processor", "internal", "board", "mcu", "driver", "battery"}
    | {
        "dew",
        "dewpoint",
        "taupunkt",
        "target",
        "setpoint",
        "set",
        "soll",
        "water",
        "wasser",
        "boiler",
        "flow",
        "return",
    }
    | {"vorlauf", "rücklauf", "color", "colour", "soil", "boden", "absolute", "absolut", "fridge", "freezer", "oven"}
    | {"heater", "flue", "feels", "apparent", "min", "max", "offset", "calibration"}
)
"""Words that mark a value as not that of room air, whatever it measures."""


def quantity_named(name: str) -> Quantity | None:
    """Returns the quantity of room air that the name of an entity, object or property states, or None.

    >>> quantity_named("flur_humidity"), quantity_named("sensor.bath_temp"), quantity_named("cpu_temperature")
    ('humidity', 'temperature', None)
    """
    tokens = _TOKENS.findall(name.lower())
    if not _ELSEWHERE.isdisjoint(tokens):
        return None
    for token in reversed(tokens):
        found = _TOKENS_OF.get(token) or next((of for end, of in _ENDINGS.items() if token.endswith(end)), None)
        if found:
            return found
    return None


def room_named(name: str) -> str | None:
    """Returns the room suggested by a display name, which is the name without the words for what is measured, or None.

    >>> room_named("Kitchen temperature"), room_named("0x00158d0001a2b3c4")
    ('kitchen', None)
    """
    if re.fullmatch(r"(0x)?[0-9a-fA-F:_-]{6,}", name):
        return None
    words = [word for word in re.split(r"[\s_/.]+", name.lower()) if word and word not in _TOKENS_OF]
    words = [word for word in words if word not in ("sensor", "th", "state")]
    return " ".join(words)[:64] or None


def plain_values(found: Mapping[str, Any]) -> Iterator[Said]:
    """Yields for each quantity the value with the clearest key. If both °C and °F are given, °C is taken."""
    yield from _best(found, lambda key: key)


def unnumbered_values(found: Mapping[str, Any]) -> Iterator[Said]:
    """Yields the same as :func:`plain_values`, but keys may end in a channel number."""
    yield from _best(found, lambda key: _DIGITS.sub("", key))


def _best(found: Mapping[str, Any], shorten: Callable[[str], str]) -> Iterator[Said]:
    ranked: dict[Quantity, tuple[int, Any, Unit | None]] = {}
    for key, value in found.items():
        if len(key) > 64:
            continue
        letters = _NO_SIGN.sub("", key.lower())
        known = _KEYS.get(letters)
        if known is None and (known := _KEYS.get(shorten(letters))) is not None:
            known = (known[0] + 10, *known[1:])
        said = value.get("value") if isinstance(value, dict) else value
        if known is None or not is_scalar(said):
            continue
        rank, quantity, unit = known
        rank += 0 if _is_number(said, quantity) else 100
        if quantity not in ranked or rank < ranked[quantity][0]:
            ranked[quantity] = (rank, said, unit)
    for quantity in QUANTITIES[::-1]:
        if quantity in ranked:
            _, value, unit = ranked[quantity]
            yield quantity, value, unit
    yield from contact_values(found)


def _is_number(value: Any, quantity: Quantity) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return read_number(value, quantity) is not None
    except ValueError:
        return False


def unit_signed(sign: Any, quantity: MeasuredQuantity) -> Unit | None:
    """Returns the unit for a sign such as °F, or None if the quantity cannot have it.

    >>> unit_signed("°F", "temperature"), unit_signed("%", "temperature")
    ('f', None)
    """
    unit = UNIT_SIGNS.get("".join(sign.lower().split())) if isinstance(sign, str) and len(sign) <= 16 else None
    return unit if unit and (unit == "percent") == (quantity == "humidity") else None
