"""The table ``forecasts``, with one item per room and issue time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any, Final

import numpy as np

from roomidity.aws.store.batches import batch_get
from roomidity.aws.store.reading import FORMAT_VERSION, Reader
from roomidity.aws.store.tables import ForecastItem
from roomidity.domain.damage import Damage, number_within
from roomidity.domain.forecasts import QUANTILES, StoredForecast, room_id
from roomidity.domain.quantities import QUANTITIES, SPECS
from roomidity.domain.slots import SLOT_S, SLOTS_A_DAY, format_slot, parse_slot, to_epoch_ms

__all__ = ["ForecastTable"]

_LOOKED_AT: Final = 8
"""How many of a room's newest forecasts are read to find one that is not damaged."""


class ForecastTable:
    """Forecasts by room and issue time. Issuing a forecast again overwrites the same item."""

    def __init__(self, item: type[ForecastItem], *, keep_days: int, damage: Damage) -> None:
        self._item = item
        self._reader = Reader(damage)
        self._keep_s = keep_days * 86_400

    def put_many(self, forecasts: Iterable[StoredForecast]) -> None:
        """Write the forecasts of a house's rooms."""
        items = [self._to_item(forecast) for forecast in forecasts]
        with self._item.batch_write() as batch:
            for item in items:
                batch.save(item)

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
        newest = self._reader.each(islice(items, _LOOKED_AT), lambda item: (_to_forecast(item), float(item.expires_at)))
        found, expires_at = next(newest, (None, 0.0))
        return found if expires_at > to_epoch_ms(now) // 1000 else None

    def between(self, house: str, room: str, first: datetime, last: datetime) -> list[StoredForecast]:
        """Returns the forecasts issued from ``first`` to ``last``, both included, in order of time."""
        span = self._item.issued_at.between(format_slot(first), format_slot(last))
        return list(self._reader.each(self._item.query(room_id(house, room), span), _to_forecast))

    def issued(
        self, house: str, rooms: Iterable[str], moments: Iterable[datetime], *, now: datetime
    ) -> list[StoredForecast]:
        """Returns the unexpired forecasts of the given rooms and issue times, with one call for each 100 of them."""
        slots = [format_slot(moment) for moment in moments]
        keys = [(room_id(house, room), slot) for room in rooms for slot in slots]
        until_s = to_epoch_ms(now) // 1000
        found = self._reader.each(
            batch_get(self._item, keys), lambda item: (_to_forecast(item), float(item.expires_at) > until_s)
        )
        return [forecast for forecast, is_kept in found if is_kept]

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
            notes=forecast.notes,
            data_through=format_slot(forecast.data_through) if forecast.data_through else None,
            model_version=forecast.model_version,
            v=FORMAT_VERSION,
            expires_at=to_epoch_ms(forecast.issued_at) // 1000 + self._keep_s,
            **numbers,
        )


def _to_forecast(item: ForecastItem) -> StoredForecast:
    if item.v != FORMAT_VERSION:
        raise ValueError(f"it has format {item.v!r}; this version reads {FORMAT_VERSION}: update roomidity")
    house, room = item.room_id.split("/")
    quantiles = np.full((len(QUANTITIES), len(QUANTILES), SLOTS_A_DAY), np.nan)
    grade = dict(item.grade)
    for place, spec in enumerate(SPECS):
        rows = [getattr(item, f"{spec.name}_{name}") for name in QUANTILES]
        if all(row is None for row in rows):
            continue
        if any(row is None or row.shape != (SLOTS_A_DAY,) for row in rows) or not isinstance(grade[spec.name], str):
            raise ValueError(f"its {spec.name} is not {len(QUANTILES)} times {SLOTS_A_DAY} numbers, with a grade")
        low, high = spec.plausible
        for bound in (np.min(rows), np.max(rows)):  # the plausible range, and as much again on either side
            number_within(float(bound), (2 * low - high, 2 * high - low))
        quantiles[place] = rows
    if not isinstance(item.model_version, str):
        raise ValueError("it has no model_version")  # noqa: TRY004  # ValueError, like all other flaws
    return StoredForecast(
        house=house,
        room=room,
        issued_at=parse_slot(item.issued_at),
        quantiles=quantiles,
        grade=grade,
        data_through=parse_slot(item.data_through) if item.data_through else None,
        model_version=item.model_version,
        notes=item.notes or (),
    )
