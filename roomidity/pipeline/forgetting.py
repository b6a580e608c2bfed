"""Forget a house: all that is kept of it, in an order in which being ended half way does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from roomidity.pipeline.ports import Houses

__all__ = ["ForgetPorts", "OfHouse", "OfModels", "OfRoom", "forget_house"]


class OfHouse(Protocol):
    """Where something is kept by house."""

    def erase(self, house: str) -> Iterator[int]:
        """Delete what is kept of a house; how many, some at a time."""


class OfSlots(OfHouse, Protocol):
    """Where slots are kept."""

    def rooms(self, house: str) -> set[str]:
        """The rooms that were observed, also those that the house has no more."""


class OfRoom(Protocol):
    """Where something is kept by room."""

    def erase(self, house: str, room: str) -> Iterator[int]:
        """Delete what is kept of a room; how many, some at a time."""


class OfModels(OfHouse, Protocol):
    """Where models are kept: what is known of them, and their bytes."""

    def erase_objects(self, house: str) -> Iterator[int]:
        """Delete a house's objects; how many, some at a time."""


class ErasableHouses(Houses, OfHouse, Protocol):
    """Houses, which can be deleted."""


@dataclass(frozen=True)
class ForgetPorts:
    """What forgetting talks to."""

    houses: ErasableHouses
    sets: OfHouse
    observations: OfSlots
    forecasts: OfRoom
    accuracy: OfRoom
    moulds: OfHouse
    settings: OfHouse
    registry: OfModels
    rejects: OfHouse


def forget_house(ports: ForgetPorts, *, house: str) -> Iterator[tuple[str, int]]:
    """Delete all that is kept of a house; of what, and how many, some at a time.

    Where it ends half way, running it again does the rest. Sets go before observations, which are derived from them,
    and these after the forecasts of rooms that the house has no more, which they alone name;
    manifests before the objects that they name; the house itself goes last, since it knows its rooms.
    """
    home = ports.houses.get(house)
    named = {*home.rooms, *home.aliases, *home.aliases.values()} if home is not None else set()
    rooms = sorted(named.union(ports.observations.rooms(house)))
    parts = [  # each begins to delete when it is asked for its first count
        ("readings", ports.sets.erase(house)),
        *(("forecasts", ports.forecasts.erase(house, room)) for room in rooms),
        *(("accuracy", ports.accuracy.erase(house, room)) for room in rooms),
        ("accuracy", ports.moulds.erase(house)),
        ("observations", ports.observations.erase(house)),
        ("settings", ports.settings.erase(house)),
        ("models", ports.registry.erase(house)),
        ("objects", ports.registry.erase_objects(house)),
        ("rejects", ports.rejects.erase(house)),
        ("houses", ports.houses.erase(house)),
    ]
    for what, counts in parts:
        for count in counts:
            yield what, count
