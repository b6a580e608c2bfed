"""Changes a house with optimistic locking: read, change and write, and repeat if another writer was there first."""

from __future__ import annotations

from collections.abc import Callable

from roomidity.domain.houses import House
from roomidity.errors import ConflictError
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.ports import Houses, known_house

__all__ = ["change_house"]


def change_house(
    houses: Houses, backoff: BackOff, name: str, change: Callable[[House], House], *, default: House | None = None
) -> tuple[House, bool]:
    """Write the house as ``change`` makes it. ``default`` stands in for a house that was never heard.

    Returns
    -------
    tuple[House, bool]
        The house as it is now, and whether it was changed.

    Raises
    ------
    NotFoundError
        If the house was never seen, and there is no default.
    ItemDamagedError
        If it can be read only in part.
    ConflictError
        If other writers of the house were faster every time.
    """
    for attempt in range(ATTEMPTS):
        home = known_house(houses, name) if default is None else houses.get(name) or default
        changed = change(home)
        if changed == home and home.version:
            return home, False
        try:
            houses.put(changed)
        except ConflictError:
            backoff.pause(attempt)
        else:
            return changed, True
    raise ConflictError(f"house {name!r}", attempts=ATTEMPTS)
