"""Forgotten houses: how long a deletion is remembered, so that messages sent before it are dropped.

All that remains of a forgotten house is the time of its deletion (:attr:`House.forgotten_at`), stored under a hash of
its name. Messages sent before that time may still wait in a queue, and must not bring the house back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from roomidity.domain.houses import House

__all__ = ["OPENS_AFTER", "REMEMBERED_FOR", "is_open", "lives_of", "remains", "tombstone"]

REMEMBERED_FOR: Final = timedelta(days=120)
"""A message waits up to 14 days in a queue, and as long again in a dead-letter queue. Rejected readings are kept for 90
days.
"""

OPENS_AFTER: Final = timedelta(hours=1)
"""A deletion takes minutes. After this time it is taken to have died half-way, so a new house of the same name need not
wait.
"""

_UNDER_WAY: Final = "forgetting"


def tombstone(house: House, at: datetime) -> House:
    """Returns the record that replaces a house while it is being forgotten.

    It keeps the rooms' names, so that a deletion that dies half-way can be resumed.
    """
    settings = {"aliases": dict(house.aliases), _UNDER_WAY: True}
    return House(
        house.name, "UTC", {name: replace(room, sensors=frozenset()) for name, room in house.rooms.items()},
        settings=settings, version=house.version, forgotten_at=at,
    )  # fmt: skip


def remains(stone: House) -> House:
    """Returns the record that remains once a deletion is complete, which holds only the time of the deletion."""
    return House(stone.name, "UTC", version=stone.version, forgotten_at=stone.forgotten_at)


def is_open(house: House, now: datetime) -> bool:
    """Returns whether a new house of this name may be created, which is not so while the old one is being deleted."""
    under_way = house.is_forgotten and house.settings.get(_UNDER_WAY) is True
    return not under_way or house.forgotten_at is None or now > house.forgotten_at + OPENS_AFTER


def lives_of(houses: Iterable[House]) -> dict[str, int]:
    """Returns the life of each house whose name belonged to a house that was forgotten before."""
    return {house.name: house.life for house in houses if house.life}
