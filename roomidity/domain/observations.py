"""What is stored of a slot: the set of its values, packed, and what was observed, with what that was derived from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Observation", "Origin", "RoomMeans", "Statistics", "StoredSet"]


@dataclass(frozen=True)
class StoredSet:
    """A slot's packed set. ``version`` counts its writes; the first is 1."""

    packed: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the values of a quantity in a room and a slot, in °C or %RH, rounded to 0.001.

    ``fault`` says what the slots around it give away of the sensor. It is not derived from the set: verification adds
    it, and what is derived anew does not have it.
    """

    mean: float
    min: float
    max: float
    count: int
    fault: str | None = None


Observation = dict[str, dict[str, Statistics]]
"""room -> quantity -> statistics."""


class Origin(NamedTuple):
    """What an observation was derived from: the version of its set, and the number of the house's rules."""

    version: int
    rules: int = 0

    def covers(self, other: Origin) -> bool:
        """Whether nothing newer went into ``other``; neither may cover the other: a newer set, under older rules."""
        return self.version >= other.version and self.rules >= other.rules


RoomMeans = dict[str, dict[str, float]]
"""room -> quantity -> mean."""
