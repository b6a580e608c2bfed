"""Forget a house: all that is kept of it, beside whatever else runs, and so that being ended half way does no harm.

First a note that it was forgotten takes the house's place, and only then is anything deleted. Whatever else writes of a
house reads it last, and takes back what it wrote of one that was forgotten meanwhile; what was sent before is dropped
by the drain that receives it (:mod:`roomidity.pipeline.deletions`). In the end the note has no more than name and time.
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
    """Where something is kept by house."""

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete what is kept of a house, or only count it. Yields how many, some at a time."""


class OfSlots(Protocol):
    """Where slots are kept."""

    def rooms(self, house: str) -> set[str]:
        """The rooms that were observed, also those that the house has no more."""


class OfRoom(Protocol):
    """Where something is kept by room."""

    def erase(self, house: str, room: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete what is kept of a room, or only count it. Yields how many, some at a time."""

    def bytes(self) -> int:
        """How large all of it is, about."""

    def erase_below(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """The same of any room, in reading all that is kept of any house."""


class OfModels(Protocol):
    """Where models' bytes are kept."""

    def erase_objects(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete a house's objects, or only count them. Yields how many, some at a time."""


class ErasableHouses(Houses, Protocol):
    """Houses, of which one that cannot be read can be deleted."""

    def erase(self, house: str) -> Iterator[int]:
        """Delete a house. Returns how many there were."""


@dataclass(frozen=True)
class ForgetPorts:
    """What forgetting talks to; the tables by name."""

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
    """Delete all that is kept of a house; of what, and how many, some at a time.

    Where it ends half way, running it again does the rest. Sets go before observations, which are derived from them,
    and these after the forecasts of rooms that the house has no more, which they alone name;
    manifests before the objects that they name; the names of rooms last.

    Parameters
    ----------
    at
        The time of the deletion, by which what was sent before is told from what is sent later; by default, now.
    dry_run
        Whether only to count.
    search
        The tables by room that are to be read whole: a room may be there that nothing else names.

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
    parts = [  # each begins to delete when it is asked for its first count
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
    """Put the note in the house's place, whatever stands there; the note."""
    for attempt in range(ATTEMPTS):
        stands = ports.houses.get_many([house]).get(house, House(house, "UTC"))
        stone = tombstone(stands, max(at, stands.forgotten_at or at))
        if stands.flaw is not None:  # its version may be what cannot be read
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
    """Let the note say no more than when the house was forgotten; who forgets it at the same time may do so too."""
    try:
        ports.houses.put(remains(stone))
    except ConflictError:
        return
