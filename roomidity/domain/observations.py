"""What is stored of a slot: the set of its values, packed, and what was observed, with what that was derived from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Observation", "Origin", "RoomMeans", "Statistics", "StoredSet"]


@dataclass(frozen=True)
class StoredSet:
    """A slot's packed set. ``version`` counts its writes; the first is 1. ``life`` is that of the house it is of."""

    packed: bytes
    version: int
    life: int = 0


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


RoomMeans = dict[str, dict[str, float]]
"""room -> quantity -> the mean of the readings that agree (the robust value; where nothing is wild, the mean).

Where some were left out as wild, `<quantity>_mean` is there as well: the mean of all. Of the newest slots, which
nothing later bears out, `<quantity>_count` is there, too: how many readings there were.
"""
