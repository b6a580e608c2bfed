"""A house that a job or a person names must have been seen."""

from __future__ import annotations

from roomidity.errors import NotFoundError
from roomidity.houses import House
from roomidity.pipeline.ports import Houses

__all__ = ["known_house"]


def known_house(houses: Houses, name: str) -> House:
    """The house called ``name``.

    Raises
    ------
    NotFoundError
        If it was never seen.
    """
    house = houses.get(name)
    if house is None:
        raise NotFoundError(f"house {name!r}", hint="it appears with its first reading")
    return house
