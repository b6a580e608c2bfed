"""A house's last days as its night reads them: once, however many of the night's steps look at them.

Scores look at six days, flags at five of these, the mould index at fifteen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import TypeVar

from roomidity.domain.observations import Observation, Origin, RoomMeans
from roomidity.domain.slots import SlotKey
from roomidity.pipeline.ports import PastObservations

__all__ = ["ReadOnce"]

Slot = TypeVar("Slot")


class ReadOnce:
    """The same observations, of which those of a house in [``start``, ``end``) are read once, when first asked for.

    Of these, the means are of what :meth:`derived` yields. Flags that are written are seen from then on; what others
    write meanwhile is not.

    Parameters
    ----------
    stored
        Where they are read, and flags are written.
    """

    def __init__(self, stored: PastObservations, house: str, start: datetime, end: datetime) -> None:
        self._stored = stored
        self._house = house
        self._start = start
        self._end = max(start, end)

    @cached_property
    def _held(self) -> dict[SlotKey, tuple[Observation, Origin]]:
        found = self._stored.derived(self._house, self._start, self._end)
        return {key: (observation, origin) for key, observation, origin in found}

    def derived(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[SlotKey, Observation, Origin]]:
        """Yields each observed slot in [start, end) with its observation and its origin, in order of time."""
        return self._joined(self._stored.derived, lambda key, held: (key, *held), house, start, end)

    def means(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, RoomMeans]]:
        """Yields each observed slot in [start, end) with the rooms' means, in order of time."""
        return self._joined(self._stored.means, lambda key, held: (key.start, _means(held[0])), house, start, end)

    def _joined(
        self,
        read: Callable[[str, datetime, datetime], Iterator[Slot]],
        shown: Callable[[SlotKey, tuple[Observation, Origin]], Slot],
        house: str,
        start: datetime,
        end: datetime,
    ) -> Iterator[Slot]:
        """Yields what is held, shown, between what is read of before and after it."""
        if house != self._house or end <= self._start or start >= self._end:
            return read(house, start, end)
        return chain(
            read(house, start, self._start),
            (shown(key, held) for key, held in self._held.items() if start <= key.start < end),
            read(house, self._end, end),
        )

    def replace_many(self, observed: Mapping[SlotKey, tuple[Observation, Origin]]) -> set[SlotKey]:
        """Write the flags of each whose stored counterpart has the same origin.

        Returns the keys of those not written.
        """
        refused = self._stored.replace_many(observed)
        self._held.update({key: observed[key] for key in observed.keys() & self._held.keys() - refused})
        return refused


def _means(observation: Observation) -> RoomMeans:
    """Returns what :meth:`~roomidity.pipeline.ports.Observations.means` says of a slot; a contact has no mean."""
    found: RoomMeans = {}
    for room, quantities in observation.items():
        for quantity, statistics in quantities.items():
            if quantity != "contact":
                means = found.setdefault(room, {})
                means[quantity] = statistics.value
                if statistics.robust is not None:
                    means[f"{quantity}_mean"] = statistics.mean
    return found
