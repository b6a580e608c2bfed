"""The table ``accuracy``: how good a room's forecasts were, by day."""

from __future__ import annotations

from collections.abc import Iterator

from roomidity.store.erasing import erase
from roomidity.store.forecasts import room_id
from roomidity.store.tables import AccuracyItem

__all__ = ["AccuracyTable"]


class AccuracyTable:
    """Rooms' accuracy, which goes when the house does."""

    def __init__(self, item: type[AccuracyItem]) -> None:
        self._item = item

    def erase(self, house: str, room: str) -> Iterator[int]:
        """Delete a room's days; how many, some at a time."""
        return erase(self._item, room_id(house, room))
