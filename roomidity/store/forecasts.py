"""The table ``forecasts``: one item a room and issue time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from roomidity.slots import SLOT_S, format_slot, parse_slot, to_epoch_ms
from roomidity.store.erasing import erase
from roomidity.store.tables import ForecastItem
from roomidity.terms import QUANTITIES

__all__ = ["QUANTILES", "ForecastTable", "StoredForecast", "room_id"]

_FORMAT_VERSION: Final = 1
QUANTILES: Final = ("p10", "p50", "p90")
"""What is stored of a forecast."""


def room_id(house: str, room: str) -> str:
    """What a room's forecasts are found by; neither name holds a slash."""
    return f"{house}/{room}"


@dataclass(frozen=True)
class StoredForecast:
    """A room's forecast as dashboards read it.

    ``quantities`` maps humidity (%RH) and temperature (°C) to p10, p50 and p90, 96 numbers each, rounded to 0.1; one
    that the room does not measure is absent. ``grade`` maps them to what the forecast rests on. ``notes`` are codes of
    what is known to be wrong with the room's sensors, or with how their readings arrive; for most rooms nothing.
    """

    house: str
    room: str
    issued_at: datetime
    quantities: Mapping[str, Mapping[str, npt.NDArray[np.float64]]]
    grade: Mapping[str, str]
    data_through: datetime | None
    model_version: str
    notes: Sequence[str] = ()


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
            f"{quantity}_{name}": values.round(1)
            for quantity, quantiles in forecast.quantities.items()
            for name, values in quantiles.items()
        }
        return self._item(
            room_id=room_id(forecast.house, forecast.room),
            issued_at=format_slot(forecast.issued_at),
            first_slot=format_slot(forecast.issued_at),
            step_s=SLOT_S,
            grade=forecast.grade,
            notes=forecast.notes,
            data_through=format_slot(forecast.data_through) if forecast.data_through else None,
            model_version=forecast.model_version,
            v=_FORMAT_VERSION,
            expires_at=to_epoch_ms(forecast.issued_at) // 1000 + self._keep_s,
            **numbers,
        )


def _to_forecast(item: ForecastItem) -> StoredForecast:
    house, room = item.room_id.split("/")
    quantities: dict[str, Any] = {}
    for quantity in QUANTITIES:
        quantiles = {name: getattr(item, f"{quantity}_{name}") for name in QUANTILES}
        if quantiles["p50"] is not None:
            quantities[quantity] = quantiles
    return StoredForecast(
        house=house,
        room=room,
        issued_at=parse_slot(item.issued_at),
        quantities=quantities,
        grade=dict(item.grade),
        data_through=parse_slot(item.data_through) if item.data_through else None,
        model_version=item.model_version,
        notes=item.notes or (),
    )
