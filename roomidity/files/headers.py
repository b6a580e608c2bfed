"""Recognises columns by their names, in English or German and in any case, with the unit and room they may contain."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal

from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit
from roomidity.errors import ConfigurationError
from roomidity.files.words import (
    ALONE,
    DOMAINS,
    FIELDS,
    HUMIDITY,
    JOINED,
    NOT_OF_AIR,
    ROLES,
    TEMPERATURE,
    TIMES,
    UNITS_AFTER,
    UNITS_ALONE,
)
from roomidity.readings.numerals import UNIT_SIGNS
from roomidity.settings import check_timezone

__all__ = ["Column", "Role", "column", "columns", "quantity_of"]

Role = Literal[
    "house", "room", "name", "sensor", "entity", "field", "value", "unit", "tags", "time", "date", "quantity", "other"
]


@dataclass(frozen=True)
class Column:
    """What a column's name says.

    ``rank`` orders columns of the same role, best first. For a quantity, ``unit`` is the unit in the name, and
    ``label`` is the rest of the name, which may be a room. ``short`` marks a quantity given only by a single letter or
    a per cent sign beside other words, which may mean something else. For a time, ``zone`` is the offset or zone in the
    name, and ``day_first`` is the order of day and month.
    """

    name: str
    role: Role = "other"
    rank: int = 0
    quantity: Quantity | None = None
    unit: Unit | None = None
    label: str = ""
    short: bool = False
    zone: str | None = None
    day_first: bool | None = None


_PARTS: Final = re.compile(r"°\s*[CcFfKk]\b|[°℃℉%‰]|[A-ZÄÖÜ]+(?![a-zäöüß])|[A-ZÄÖÜ]?[a-zäöüß]+|[0-9]+|[^\W\d_]+")
"""Words: a unit's sign, capital letters, a capital followed by small letters, or digits."""

_SERIAL: Final = re.compile(r"\([^)]*\b(?:S/N|LGR|SEN)\b[^)]*\)", re.IGNORECASE)
"""A logger's serial number beside the quantity."""

_OFFSET: Final = re.compile(r"(?:UTC|GMT)\s*([+-])\s*(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_ZONE: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_]+)?")
_ORDER: Final = re.compile(r"\b(dd?|mm?)[./-](dd?|mm?)[./-]yy", re.IGNORECASE)
_RELATIVE: Final = re.compile(r"(?<![^\W\d_])r\.?\s?[hf](?![^\W\d_])\.?", re.IGNORECASE)
"""rH, r.F. and similar: relative humidity (German: relative Feuchte)."""

_BRACKETED: Final = re.compile(r"[\[(]\s*([^\])]+?)\s*[\])]")
_UTC: Final = re.compile(r"(?:^|[\W_])(?:UTC|GMT|Z|Zulu)(?:$|[\W_])|utc$", re.IGNORECASE)


def columns(names: Iterable[str]) -> dict[str, Column]:
    """Returns what each column of a table is, by name.

    A single ``t`` or ``h`` beside other words is a quantity only if both occur with the same words, as in T_out and
    H_out.
    """
    found = {name: column(name) for name in names}
    pairs: dict[str, set[Quantity | None]] = {}
    for one in found.values():
        if one.role == "quantity":
            pairs.setdefault(one.label.lower(), set()).add(one.quantity)
    return {
        name: replace(one, role="other") if one.short and len(pairs[one.label.lower()]) < 2 else one
        for name, one in found.items()
    }


@cache
def column(name: str) -> Column:
    """Returns what a column with this name is.

    >>> found = column("Living Room Temperature (°F)")
    >>> found.quantity, found.unit, found.label
    ('temperature', 'f', 'Living Room')
    >>> column("Luftfeuchte [%]").quantity, column("Datum/Uhrzeit").role, column("last_changed").role
    ('humidity', 'time', 'time')
    """
    text = _RELATIVE.sub("RH", unicodedata.normalize("NFKC", _SERIAL.sub("", name)).strip("\ufeff \"'#"))
    last = re.split(r"[.]", text)[-1] if re.fullmatch(r"[\w.]+", text) else text
    for whole, penalty in ((text, 0), (last, 50)):
        key = "_".join(word.lower() for word in _words(whole))
        if key in ROLES:
            role, rank = ROLES[key]
            found = Column(name, role=role, rank=rank + penalty)
            return _with_zone(found, text) if role in ("time", "date") else found
    words = [word.lower() for word in _words(text)]
    if {"unit", "units", "einheit"} & set(words):
        return Column(name, role="unit", rank=60)
    quantity = _quantity(name, text)
    if quantity is not None:
        return quantity
    if words and words[0] in TIMES and not set(words) & {"zone", "zeitzone", "offset", "added", "timezone"}:
        return _with_zone(Column(name, role="time", rank=90), text)
    return Column(name)


def _with_zone(time: Column, text: str) -> Column:
    order = _ORDER.search(text)
    return replace(time, zone=_zone(text), day_first=None if order is None else order[1].lower().startswith("d"))


def _words(text: str) -> list[str]:
    return _PARTS.findall(text)


def _zone(text: str) -> str | None:
    """Returns the offset (``+01:00``) or IANA zone in the name of a time column, or None."""
    if offset := _OFFSET.search(text):
        sign, hours, minutes = offset.groups()
        return f"{sign}{int(hours):02}:{minutes or '00'}"
    if (zone := _ZONE.search(text)) and _is_timezone(zone[0]):
        return zone[0]
    return "+00:00" if _UTC.search(text) else None


def _is_timezone(name: str) -> bool:
    try:
        check_timezone(name, "a column")
    except ConfigurationError:
        return False
    return True


@dataclass
class _Word:
    text: str
    start: int
    end: int


def _split(text: str) -> list[_Word]:
    """Returns the words of a name, with German compounds and joined words split: ``aussentemperatur``, ``tempinf``."""
    words = []
    for found in _PARTS.finditer(text):
        start = found.start()
        for part in JOINED.get(found[0].lower()) or _compound(found[0].lower()) or (found[0],):
            words.append(_Word(text[start : start + len(part)], start, start + len(part)))
            start += len(part)
    return words


def _compound(word: str) -> tuple[str, ...] | None:
    for ending in ("luftfeuchtigkeit", "luftfeuchte", "feuchtigkeit", "feuchte", "temperatur", "temp"):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending), ending
    return None


def _quantity(name: str, text: str) -> Column | None:
    words = _split(text)
    lower = [word.text.lower() for word in words]
    if set(lower) & NOT_OF_AIR:
        return None
    of: Quantity
    for of, meant in (("temperature", TEMPERATURE), ("humidity", HUMIDITY)):
        place = next((place for place, word in enumerate(lower) if word in meant), None)
        short = False
        if place is None:
            letter = "t" if of == "temperature" else "h"
            place = next((place for place in (0, len(lower) - 1) if lower and lower[place] == letter), None)
            short = place is not None and any(not word.isdigit() for at, word in enumerate(lower) if at != place)
        if place is not None:
            break
    else:
        return _by_unit(name, text, words)
    unit, used = _unit(of, lower, place)
    label = _label(text, words, used)
    return Column(name, "quantity", _rank(lower, of), quantity=of, unit=unit, label=label, short=short)


def _by_unit(name: str, text: str, words: list[_Word]) -> Column | None:
    """Returns a column whose name gives the quantity only by its unit: ``°C``, ``Kitchen [%]``, ``Kitchen (F)``."""
    used = set()
    unit: Unit | None = None
    for bracket in _BRACKETED.finditer(text):
        unit = UNIT_SIGNS.get("".join(bracket[1].lower().split()))
        used = {at for at, word in enumerate(words) if bracket.start() < word.start < bracket.end()}
        if unit is not None:
            break
    else:
        used = {at for at, word in enumerate(words) if word.text[0] in "°%" or word.text.lower() in UNITS_ALONE}
        unit = next((UNIT_SIGNS.get("".join(words[at].text.lower().split())) for at in sorted(used)), None)
    if unit is None:
        return None
    label = _label(text, words, used)
    of: Quantity = "humidity" if unit == "percent" else "temperature"
    return Column(name, "quantity", 5, quantity=of, unit=unit, label=label, short=of == "humidity" and label != "")


def _rank(lower: list[str], of: Quantity) -> int:
    """Returns a rank: the contract's own names first, then the shortest. °F ranks after °C if both are present."""
    return len(lower) - 1 - (lower == [of]) + 10 * bool({"f", "°f", "fahrenheit"} & set(lower))


def _unit(of: Quantity, lower: list[str], place: int) -> tuple[Unit | None, set[int]]:
    """Returns the unit beside a quantity, and the positions of the words for either."""
    used = {place}
    found: Unit | None = None
    for at, word in enumerate(lower):
        sign = "".join(word.split())
        unit = UNIT_SIGNS.get(sign) or UNITS_AFTER.get(sign)
        letter = sign in ("c", "f", "k", "rh", "rf")
        if at == place or unit is None or (letter and at < place) or (unit == "percent") != (of == "humidity"):
            continue
        used.add(at)
        found = found or unit
    return found, used


def _label(text: str, words: list[_Word], used: set[int]) -> str:
    """Returns what is left of a name, in its own spelling, without quantity, unit and words that say nothing."""
    left = [word for at, word in enumerate(words) if at not in used and word.text.lower() not in DOMAINS]
    if all(word.text.lower() in ALONE for word in left):
        return ""
    pieces: list[list[_Word]] = []
    for word in left:
        between = text[pieces[-1][-1].end : word.start] if pieces else None
        if between is not None and not _PARTS.search(between):
            pieces[-1].append(word)
        else:
            pieces.append([word])
    return " ".join(text[piece[0].start : piece[-1].end] for piece in pieces)


@cache
def quantity_of(text: str) -> Column | None:
    """Returns the meaning of a cell such as ``RH`` or ``sensor.bath_humidity``, or None if it names no quantity."""
    key = text.strip()
    known = FIELDS.get(key.lower())
    if known is not None:
        return Column(key, "quantity", quantity=known)
    found = column(key)
    if found.role == "quantity":
        return found
    return _quantity(key, unicodedata.normalize("NFKC", key))
