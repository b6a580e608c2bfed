"""The table ``forecasts``: one item a room and issue time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import numpy as np

from roomidity.aws.store.erasing import erase
from roomidity.aws.store.tables import ForecastItem
from roomidity.domain.forecasts import QUANTILES, StoredForecast, room_id
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT_S, SLOTS_A_DAY, format_slot, parse_slot, to_epoch_ms

__all__ = ["ForecastTable"]

_FORMAT_VERSION: Final = 1


class ForecastTable:
    """Forecasts; issuing one again writes the same item."""

    def __init__(self, item: type[ForecastItem], *, keep_days: int) -> None:
        self._item = item
        self._keep_s = keep_days * 86_400

    def put_many(self, forecasts: Iterable[StoredForecast]) -> None:
        """Write the forecasts of a house's rooms."""
        items = [self._to_item(forecast) for forecast in forecasts]
        with self._item.batch_write() as batch:
            for item in items:
                batch.save(item)

    def latest(self, house: str, room: str, *, now: datetime) -> StoredForecast | None:
        """The newest forecast issued up to ``now`` that has not expired."""
        newest = self._item.issued_at <= format_slot(now)
        for item in self._item.query(room_id(house, room), newest, scan_index_forward=False, limit=1):
            return _to_forecast(item) if item.expires_at > to_epoch_ms(now) // 1000 else None
        return None

    def between(self, house: str, room: str, first: datetime, last: datetime) -> list[StoredForecast]:
        """The forecasts issued from ``first`` to ``last``, both included, in order of time."""
        span = self._item.issued_at.between(format_slot(first), format_slot(last))
        return [_to_forecast(item) for item in self._item.query(room_id(house, room), span)]

    def erase(self, house: str, room: str) -> Iterator[int]:
        """Delete a room's forecasts; how many, some at a time."""
        return erase(self._item, room_id(house, room))

    def _to_item(self, forecast: StoredForecast) -> ForecastItem:
        numbers: dict[str, Any] = {
            f"{quantity}_{name}": values
            for quantity, quantiles in forecast.quantities.items()
            for name, values in quantiles.items()
        }
        return self._item(
            room_id=room_id(forecast.house, forecast.room),
            issued_at=format_slot(forecast.issued_at),
            first_slot=format_slot(forecast.issued_at),
            step_s=SLOT_S,
            grade=forecast.grade,
            data_through=format_slot(forecast.data_through) if forecast.data_through else None,
            model_version=forecast.model_version,
            v=_FORMAT_VERSION,
            expires_at=to_epoch_ms(forecast.issued_at) // 1000 + self._keep_s,
            **numbers,
        )


def _to_forecast(item: ForecastItem) -> StoredForecast:
    house, room = item.room_id.split("/")
    numbers = [[getattr(item, f"{quantity}_{name}") for name in QUANTILES] for quantity in QUANTITIES]
    absent = np.full((len(QUANTILES), SLOTS_A_DAY), np.nan)
    return StoredForecast(
        house=house,
        room=room,
        issued_at=parse_slot(item.issued_at),
        quantiles=np.array([absent if rows[0] is None else rows for rows in numbers]),
        grade=dict(item.grade),
        data_through=parse_slot(item.data_through) if item.data_through else None,
        model_version=item.model_version,
    )
