"""The table ``forecasts``, with one item per room and issue time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Final

from roomidity.aws.store.batches import batch_get
from roomidity.aws.store.forecast_items import item_of, stored_of
from roomidity.aws.store.reading import Reader
from roomidity.aws.store.tables import FORECAST_FORMAT, ForecastItem
from roomidity.domain.damage import Damage
from roomidity.domain.forecasts import StoredForecast, room_id
from roomidity.domain.slots import format_slot, to_epoch_ms

__all__ = ["ForecastTable"]

_LOOKED_AT: Final = 8
"""How many of a room's newest forecasts are read to find one that is not damaged."""


class ForecastTable:
    """Forecasts by room and issue time. Issuing a forecast again overwrites the same item.

    Parameters
    ----------
    write_format
        Of the items written; those of every format up to ``FORECAST_FORMAT`` are read.
    """

    def __init__(
        self, item: type[ForecastItem], *, keep_days: int, damage: Damage, write_format: int = FORECAST_FORMAT
    ) -> None:
        self._item = item
        self._reader = Reader(damage)
        self._keep_s = keep_days * 86_400
        self._format = write_format

    def put_many(self, forecasts: Iterable[StoredForecast]) -> tuple[StoredForecast, ...]:
        """Write the forecasts of a house's rooms. Returns them as they will be read: rounded further where need be."""
        items = [
            item_of(self._item, forecast, keep_s=self._keep_s, write_format=self._format) for forecast in forecasts
        ]
        with self._item.batch_write() as batch:
            for item in items:
                batch.save(item)
        return tuple(map(stored_of, items))

    def delete_many(self, forecasts: Iterable[StoredForecast]) -> None:
        """Delete forecasts, as far as they exist."""
        with self._item.batch_write() as batch:
            for one in forecasts:
                batch.delete(self._item(room_id(one.house, one.room), format_slot(one.issued_at)))

    def latest(self, house: str, room: str, *, now: datetime) -> StoredForecast | None:
        """Returns the newest readable forecast issued up to ``now``, or None if there is none or it has expired."""
        until = self._item.issued_at <= format_slot(now)
        items = self._item.query(
            room_id(house, room), until, scan_index_forward=False, page_size=1
        )  # usually one is enough
        newest = self._reader.each(islice(items, _LOOKED_AT), lambda item: (stored_of(item), float(item.expires_at)))
        found, expires_at = next(newest, (None, 0.0))
        return found if expires_at > to_epoch_ms(now) // 1000 else None

    def between(self, house: str, room: str, first: datetime, last: datetime) -> list[StoredForecast]:
        """Returns the forecasts issued from ``first`` to ``last``, both included, in order of time."""
        span = self._item.issued_at.between(format_slot(first), format_slot(last))
        return list(self._reader.each(self._item.query(room_id(house, room), span), stored_of))

    def issued(
        self, house: str, rooms: Iterable[str], moments: Iterable[datetime], *, now: datetime
    ) -> list[StoredForecast]:
        """Returns the unexpired forecasts of the given rooms and issue times, with one call for each 100 of them."""
        slots = [format_slot(moment) for moment in moments]
        keys = [(room_id(house, room), slot) for room in rooms for slot in slots]
        until_s = to_epoch_ms(now) // 1000
        found = self._reader.each(
            batch_get(self._item, keys), lambda item: (stored_of(item), float(item.expires_at) > until_s)
        )
        return [forecast for forecast, is_kept in found if is_kept]
