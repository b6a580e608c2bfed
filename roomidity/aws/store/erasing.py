"""Deletes or counts everything under a key, however much it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from pynamodb.models import Model

from roomidity.aws.store.tables import Tables
from roomidity.domain.forecasts import room_id
from roomidity.domain.weather import house_place

__all__ = ["OfHousePlaces", "OfHouses", "OfRooms", "by_house", "by_room", "erase"]

_AT_ONCE: Final = 25
"""BatchWriteItem accepts no more items."""


def erase(item: type[Model], owner: str, *, dry_run: bool = False) -> Iterator[int]:
    """Delete every item under the hash key ``owner``. Yields the number deleted, batch by batch.

    If it is interrupted, running it again does the rest. It reads consistently and repeats until nothing is left, so
    that items written in the meantime are found. It reads only the keys of items. With ``dry_run`` it only counts.
    """
    keys = _keys(item)
    while True:
        found = 0
        for count in _delete(item, item.query(owner, consistent_read=True, attributes_to_get=keys), dry_run=dry_run):
            found += count
            yield count
        if dry_run or not found:
            return


def _keys(item: type[Model]) -> list[str]:
    return [name for name, one in item.get_attributes().items() if one.is_hash_key or one.is_range_key]


def _delete(item: type[Model], items: Iterable[Any], *, dry_run: bool) -> Iterator[int]:
    found = iter(items)
    while some := list(islice(found, _AT_ONCE)):
        if not dry_run:
            with item.batch_write() as batch:
                for one in some:
                    batch.delete(one)
        yield len(some)


class OfHouses:
    """A table keyed by house, as deletion sees it."""

    def __init__(self, item: type[Model]) -> None:
        self._item = item

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete what is stored of a house. Yields the number deleted, batch by batch."""
        return erase(self._item, house, dry_run=dry_run)


class OfHousePlaces:
    """A table that is keyed by place, as deletion sees it: what is a house's own stands under a place of its name."""

    def __init__(self, item: type[Model]) -> None:
        self._item = item

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete what is kept of a house. Yields how many, some at a time."""
        return erase(self._item, house_place(house), dry_run=dry_run)


class OfRooms:
    """A table keyed by house and room, as deletion sees it."""

    def __init__(self, item: type[Model]) -> None:
        self._item = item

    def erase(self, house: str, room: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete what is stored of a room. Yields the number deleted, batch by batch."""
        return erase(self._item, room_id(house, room), dry_run=dry_run)

    def bytes(self) -> int:
        """Returns the size of the table in bytes, which DynamoDB updates every six hours."""
        return int(self._item.describe_table()["TableSizeBytes"])

    def erase_below(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete what is stored of any room of a house, by scanning the whole table.

        Yields the number deleted, batch by batch.
        """
        room: Any = self._item.get_attributes()["room_id"]
        of_house = self._item.scan(room.startswith(room_id(house, "")), attributes_to_get=_keys(self._item))
        return _delete(self._item, of_house, dry_run=dry_run)


def by_house(tables: Tables) -> dict[str, OfHouses | OfHousePlaces]:
    """Returns the tables keyed by house, by name, except ``houses`` itself. A new table needs a line here."""
    return {
        "readings": OfHouses(tables.readings),
        "observations": OfHouses(tables.observations),
        "settings": OfHouses(tables.settings),
        "models": OfHouses(tables.models),
        "notices": OfHouses(tables.notices),
        "advice": OfHouses(tables.advice),
        "weather": OfHousePlaces(tables.weather),
    }


def by_room(tables: Tables) -> dict[str, OfRooms]:
    """Returns the tables keyed by house and room, by name. A new table needs a line here."""
    return {
        "forecasts": OfRooms(tables.forecasts),
        "accuracy": OfRooms(tables.accuracy),
    }
