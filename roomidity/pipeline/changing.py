"""Changing a house: what was read is changed and written, again where another writer was there first."""

from __future__ import annotations

from collections.abc import Callable

from roomidity.domain.houses import House
from roomidity.errors import ConflictError
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.ports import Houses, known_house

__all__ = ["change_house"]


def change_house(houses: Houses, backoff: BackOff, name: str, change: Callable[[House], House]) -> bool:
    """Write the house as ``change`` makes it; whether that changed anything.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    ItemDamagedError
        If it can be read only in part.
    ConflictError
        If other writers of the house were faster every time.
    """
    for attempt in range(ATTEMPTS):
        home = known_house(houses, name)
        changed = change(home)
        if changed == home:
            return False
        try:
            houses.put(changed)
        except ConflictError:
            backoff.pause(attempt)
        else:
            return True
    raise ConflictError(f"house {name!r}", attempts=ATTEMPTS)
