"""The table ``observations``: what forecasts and dashboards read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pynamodb.exceptions import PutError

from roomidity.readings import SlotKey
from roomidity.readings.observations import Observation
from roomidity.slots import SLOT, format_slot, parse_slot, to_epoch_ms
from roomidity.store.parallel import in_parallel
from roomidity.store.tables import ObservationItem

__all__ = ["ObservationTable"]


class ObservationTable:
    """Observations, never replaced by those of an older set."""

    def __init__(self, item: type[ObservationItem], *, retention_days: int) -> None:
        self._item = item
        self._retention_s = retention_days * 86_400

    def versions(self, keys: Iterable[SlotKey]) -> dict[SlotKey, int]:
        """The version of the set that each stored observation was derived from, read consistently."""
        names = [(key.house, format_slot(key.start)) for key in keys]
        found = self._item.batch_get(names, consistent_read=True, attributes_to_get=["house", "slot", "version"])
        return {SlotKey(item.house, to_epoch_ms(parse_slot(item.slot))): int(item.version) for item in found}

    def put_many(self, observed: Mapping[SlotKey, tuple[Observation, int]]) -> None:
        """Write each observation with the version of its set, unless one of a newer set stands there."""
        in_parallel(self._put, observed.items())

    def _put(self, entry: tuple[SlotKey, tuple[Observation, int]]) -> None:
        key, (observation, version) = entry
        item = self._item(
            house=key.house,
            slot=format_slot(key.start),
            rooms={
                room: {quantity: asdict(statistics) for quantity, statistics in quantities.items()}
                for room, quantities in observation.items()
            },
            version=version,
            expires_at=key.slot_ms // 1000 + self._retention_s,
        )
        not_newer = self._item.house.does_not_exist() | (self._item.version <= version)
        try:
            item.save(condition=not_newer)
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise

    def between(
        self, house: str, start: datetime, end: datetime, *, consistent: bool = False
    ) -> Iterator[tuple[datetime, dict[str, Any]]]:
        """Slot and ``rooms`` of each observation in [start, end), in order of time."""
        if end - SLOT < start:
            return
        span = self._item.slot.between(format_slot(start), format_slot(end - SLOT))
        for item in self._item.query(house, span, consistent_read=consistent):
            yield parse_slot(item.slot), dict(item.rooms)
