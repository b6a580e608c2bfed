"""Forgets a house: deletes everything stored of it, in parallel with whatever else runs.

An interrupted deletion does no harm. First the house is replaced by a note that it was forgotten, and only then is
anything deleted. Every other writer reads the house last, and undoes what it wrote for a house that was forgotten in
the meantime. What was sent before is dropped by the drain that receives it (:mod:`roomidity.pipeline.deletions`). In
the end the note holds only a hash of the name and the time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from roomidity.domain.deletion import remains, tombstone
from roomidity.domain.houses import House
from roomidity.errors import ConflictError
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.ports import Houses

__all__ = ["ForgetPorts", "OfHouse", "OfModels", "OfRoom", "OfSlots", "forget_house"]


class OfHouse(Protocol):
    """A place where data are stored by house."""

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete what is stored of a house, or only count it. Yields the number, in parts."""


class OfSlots(Protocol):
    """A place where slots are stored."""

    def rooms(self, house: str) -> set[str]:
        """Returns the rooms that were observed, including those that the house no longer has."""


class OfRoom(Protocol):
    """A place where data are stored by room."""

    def erase(self, house: str, room: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete what is stored of a room, or only count it. Yields the number, in parts."""

    def bytes(self) -> int:
        """Returns the approximate size of everything stored here, in bytes."""

    def erase_below(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Do the same for any room of a house, by reading everything stored. Yields the number, in parts."""


class OfModels(Protocol):
    """The place where models' bytes are stored."""

    def erase_objects(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete a house's objects, or only count them. Yields the number, in parts."""


class ErasableHouses(Houses, Protocol):
    """Houses, including the deletion of a house that cannot be read."""

    def erase(self, house: str) -> Iterator[int]:
        """Delete a house. Yields the number deleted."""


@dataclass(frozen=True)
class ForgetPorts:
    """The ports of forgetting, with tables by name."""

    houses: ErasableHouses
    observed: OfSlots
    by_house: Mapping[str, OfHouse]
    by_room: Mapping[str, OfRoom]
    objects: OfModels
    rejects: OfHouse
    backoff: BackOff
    clock: Callable[[], datetime]


def forget_house(
    ports: ForgetPorts,
    *,
    house: str,
    at: datetime | None = None,
    dry_run: bool = False,
    search: Collection[str] = (),
) -> Iterator[tuple[str, int]]:
    """Delete everything stored of a house. Yields what was deleted and how many, in parts.

    If it is interrupted, running it again does the rest. Sets are deleted before observations, which are derived from
    them. Observations are deleted after the forecasts of rooms that the house no longer has, because only observations
    name these rooms. Manifests are deleted before the objects that they name, and the names of rooms last.

    Parameters
    ----------
    at
        The time of the deletion, which separates what was sent before from what is sent later. Defaults to now.
    dry_run
        Whether only to count.
    search
        The tables keyed by room that are to be scanned whole, since they may have a room that nothing else names.

    Raises
    ------
    ConflictError
        If other writers of the house were faster every time.
    """
    stands = ports.houses.get_many([house]).get(house)
    stone = stands if dry_run else _bury(ports, house, at or ports.clock())
    named = {*stone.rooms, *stone.aliases, *stone.aliases.values()} if stone is not None else set()
    rooms = sorted(named.union(ports.observed.rooms(house)))
    tables = list(ports.by_house.items())
    parts = [  # each begins to delete when its first count is requested
        *((name, table.erase(house, dry_run=dry_run)) for name, table in tables if name == "readings"),
        *((name, table.erase(house, room, dry_run=dry_run)) for name, table in ports.by_room.items() for room in rooms),
        *((name, table.erase(house, dry_run=dry_run)) for name, table in tables if name != "readings"),
        ("objects", ports.objects.erase_objects(house, dry_run=dry_run)),
        ("rejects", ports.rejects.erase(house, dry_run=dry_run)),
        *((name, ports.by_room[name].erase_below(house, dry_run=dry_run)) for name in search if not dry_run),
    ]
    for what, counts in parts:
        for count in counts:
            yield what, count
    if not dry_run and stone is not None:
        _leave(ports, stone)
    if stands is not None and not stands.is_forgotten:
        yield "houses", 1


def _bury(ports: ForgetPorts, house: str, at: datetime) -> House:
    """Replace the house by the note, whatever its present state. Returns the note."""
    for attempt in range(ATTEMPTS):
        stands = ports.houses.get_many([house]).get(house, House(house, "UTC"))
        stone = tombstone(stands, max(at, stands.forgotten_at or at))
        if stands.flaw is not None:  # the version may be what cannot be read
            sum(ports.houses.erase(house))
            stone = replace(stone, version=0)
        try:
            ports.houses.put(stone)
        except ConflictError:
            ports.backoff.pause(attempt)
        else:
            return replace(stone, version=stone.version + 1)
    raise ConflictError(f"house {house!r}", attempts=ATTEMPTS)


def _leave(ports: ForgetPorts, stone: House) -> None:
    """Reduce the note to when the house was forgotten. A conflict means that a parallel deletion does the same."""
    try:
        ports.houses.put(remains(stone))
    except ConflictError:
        return
