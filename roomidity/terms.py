"""The terms that all layers share: names, keys, messages, rules, observations. No frames: forecasts need no Polars."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from roomidity.slots import format_moment, format_slot, from_epoch_ms, to_epoch_ms

__all__ = ["QUANTITIES", "Message", "Observation", "Origin", "Quarantine", "SlotKey", "Statistics", "is_name"]

QUANTITIES: Final = ("humidity", "temperature")

_MAX_NAME: Final = 64
_FORBIDDEN: Final = frozenset("/#$+")  # key separator and the wildcards of MQTT topics


def is_name(name: str) -> bool:
    """Whether a house or a room may be called ``name``: 1 to 64 characters, NFC, printable in keys and topics.

    >>> is_name("kitchen"), is_name("h1/kitchen"), is_name("")
    (True, False, False)
    """
    return 1 <= len(name) <= _MAX_NAME and (
        (name.isascii() and name.isalnum())
        or (
            _FORBIDDEN.isdisjoint(name)
            and unicodedata.is_normalized("NFC", name)
            and not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
        )
    )


@dataclass(frozen=True)
class Message:
    """One message as received: its id, its text, when it was sent (ms since 1970), and the handle that deletes it."""

    id: str
    body: str
    sent_ms: int
    handle: str


class SlotKey(NamedTuple):
    """What a stored set is found by: the house, and the slot's start (ms since 1970)."""

    house: str
    slot_ms: int

    @property
    def start(self) -> datetime:
        """The slot's start, aware UTC."""
        return from_epoch_ms(self.slot_ms)

    def __str__(self) -> str:
        return f"{self.house} {format_slot(self.start)}"


@dataclass(frozen=True)
class Quarantine:
    """A rule of a house: values of a room (None: all), of a sensor (None: all), in [start, end), do not count.

    ``number`` says as which change of the house's rules it came; 0 is not known. It is no part of what the rule is.
    """

    start: datetime
    end: datetime
    room: str | None = None
    sensor: str | None = None
    number: int = field(default=0, compare=False)

    @property
    def id(self) -> str:
        """A short name, the same for the same rule.

        >>> from roomidity.slots import parse_slot
        >>> Quarantine(parse_slot("2026-01-05T00:00Z"), parse_slot("2026-01-06T00:00Z"), room="bath").id
        'd7f652'
        """
        facts = (to_epoch_ms(self.start), to_epoch_ms(self.end), self.room, self.sensor)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:6]

    def plain(self) -> dict[str, str | None]:
        """Words for a manifest, where the rule can still be read when the house no longer has it."""
        return {
            "id": self.id,
            "start": format_moment(self.start),
            "end": format_moment(self.end),
            "room": self.room,
            "sensor": self.sensor,
        }


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the values of a quantity in a room and a slot, in °C or %RH, rounded to 0.001.

    ``mean``, ``min``, ``max`` and ``count`` are of all of them. ``robust`` is the mean of those that agree, where that
    is another number. ``fault`` says what the slots around it give away of the sensor. It is not derived from the set:
    verification adds it, and what is derived anew does not have it.
    """

    mean: float
    min: float
    max: float
    count: int
    robust: float | None = None
    fault: str | None = None

    @property
    def value(self) -> float:
        """What forecasts go by: the robust value, which is the mean where nothing is wild."""
        return self.mean if self.robust is None else self.robust


Observation = dict[str, dict[str, Statistics]]
"""room -> quantity -> statistics."""


class Origin(NamedTuple):
    """What an observation was derived from: the version of its set, and the number of the house's rules."""

    version: int
    rules: int = 0

    def covers(self, other: Origin) -> bool:
        """Whether nothing newer went into ``other``; neither may cover the other: a newer set, under older rules."""
        return self.version >= other.version and self.rules >= other.rules
