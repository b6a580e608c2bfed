"""Forgotten houses: how long it is remembered that one was, and what was sent before.

What is left of a house that was forgotten is when that was (:attr:`House.forgotten_at`), under a hash of its name:
messages that were sent before may still wait in a queue, and must not bring it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from roomidity.domain.houses import House

__all__ = ["OPENS_AFTER", "REMEMBERED_FOR", "is_open", "lives_of", "remains", "tombstone"]

REMEMBERED_FOR: Final = timedelta(days=120)
"""A message waits 14 days in a queue, and as long as a dead letter; what was rejected is kept for 90."""

OPENS_AFTER: Final = timedelta(hours=1)
"""A deletion takes minutes; after this it has died half way, and a new house of the name need not wait for it."""

_UNDER_WAY: Final = "forgetting"


def tombstone(house: House, at: datetime) -> House:
    """What stands in a house's place while it is being forgotten: its rooms' names, so that who dies can go on."""
    settings = {"aliases": dict(house.aliases), _UNDER_WAY: True}
    return House(
        house.name, "UTC", {name: replace(room, sensors=frozenset()) for name, room in house.rooms.items()},
        settings=settings, version=house.version, forgotten_at=at,
    )  # fmt: skip


def remains(stone: House) -> House:
    """What is left in the end: when it was forgotten."""
    return House(stone.name, "UTC", version=stone.version, forgotten_at=stone.forgotten_at)


def is_open(house: House, now: datetime) -> bool:
    """Whether a new house of the name may come: not while the old one is being deleted."""
    under_way = house.is_forgotten and house.settings.get(_UNDER_WAY) is True
    return not under_way or house.forgotten_at is None or now > house.forgotten_at + OPENS_AFTER


def lives_of(houses: Iterable[House]) -> dict[str, int]:
    """The life of each house of whose name one was forgotten before."""
    return {house.name: house.life for house in houses if house.life}
