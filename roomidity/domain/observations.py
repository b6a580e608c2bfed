"""What is stored of a slot: the set of its values, packed, and what was observed, with what that was derived from."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec.structs import replace

__all__ = ["SET_FORMAT", "Observation", "Origin", "RoomMeans", "Statistics", "StoredSet", "without_flags"]

SET_FORMAT: Final = b"\x01"
"""The first byte of a packed set that this version can read. Another is a newer version's: it is left as it is."""

_DIGEST_BYTES: Final = 6
"""An observation has to fit a write unit. That a restored set has the digest of what it replaced by chance is one in
280 million million."""


@dataclass(frozen=True)
class StoredSet:
    """A slot's packed set. ``version`` counts its writes; the first is 1. ``life`` is that of the house it is of."""

    packed: bytes
    version: int
    life: int = 0

    @property
    def is_newer(self) -> bool:
        """Whether a newer version packed it: format bytes count up from 1, and stay below those of text."""
        return SET_FORMAT < self.packed[:1] < b" "

    def digest(self, rules: Iterable[str] = ()) -> str:
        """What the set is, and under which quarantine rules (by id) it is looked at; eight characters."""
        content = hashlib.blake2b(self.packed, digest_size=_DIGEST_BYTES)
        for rule in sorted(rules):
            content.update(rule.encode())
        return base64.urlsafe_b64encode(content.digest()).decode()


class Statistics(msgspec.Struct, frozen=True, gc=False):
    """Of the values of a quantity in a room and a slot, in °C or %RH, rounded to 0.001.

    ``mean``, ``min``, ``max`` and ``count`` are of all of them. ``robust`` is the mean of those that agree, where that
    is another number. ``fault`` says what the slots around it give away of the sensor. It is not derived from the set:
    verification adds it, and what is derived anew does not have it.

    A struct, not a dataclass: a drain makes one for every quantity, room and slot, in a tenth of the time.
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


def without_flags(observation: Observation) -> Observation:
    """The observation as it follows from its set: without what verification added."""
    return {
        room: {quantity: replace(one, fault=None) if one.fault else one for quantity, one in quantities.items()}
        for room, quantities in observation.items()
    }


@dataclass(frozen=True, slots=True)
class Origin:
    """What an observation was derived from: the version of its set, and the number of the house's rules.

    ``digest`` is of what they say. Numbers alone do not tell where a table was restored: the same numbers are then
    given again, to other contents. It is empty where it is not known, as in observations of before. What is ``sealed``
    is of a newer version of roomidity: it cannot be read, and gives way to nothing.
    """

    version: int
    rules: int = 0
    digest: str = field(default="", compare=False)
    sealed: bool = False

    def is_as_new_as(self, other: Origin) -> bool:
        """Whether neither number is lower; of two, neither may be so: a newer set, under older rules."""
        return self.version >= other.version and self.rules >= other.rules

    def covers(self, other: Origin) -> bool:
        """Whether nothing went into ``other`` that did not go into this."""
        is_other = self == other and bool(self.digest and other.digest) and self.digest != other.digest
        return self.is_as_new_as(other) and not is_other


RoomMeans = dict[str, dict[str, float]]
"""room -> quantity -> the mean of the readings that agree (the robust value; where nothing is wild, the mean).

Where some were left out as wild, `<quantity>_mean` is there as well: the mean of all. Of the newest slots, which
nothing later bears out, `<quantity>_count` is there, too: how many readings there were.
"""
