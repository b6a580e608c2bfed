"""The table ``accuracy``: how accurate a room's forecasts were, by the day on which they were issued."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime

import numpy as np

from roomidity.aws.store.batches import batch_get
from roomidity.aws.store.reading import FORMAT_VERSION, Reader, is_sound
from roomidity.aws.store.tables import AccuracyItem, connection_of
from roomidity.aws.store.writing import Guard, Write, guard_for, save_many
from roomidity.domain.damage import Damage, whole
from roomidity.domain.forecasts import room_id
from roomidity.domain.houses import House
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import to_epoch_ms
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.forecasting.evaluation.scores import LEAD_HOURS, STORED_SUMS, Score

__all__ = ["AccuracyTable"]


class AccuracyTable:
    """Rooms' accuracy by day.

    A row is replaced only by one based on at least as many forecasts, because forecasts expire before it does.
    """

    def __init__(
        self,
        item: type[AccuracyItem],
        *,
        retention_days: int,
        damage: Damage,
        guard: Callable[[House], Guard] | None = None,
    ) -> None:
        self._item = item
        self._guard = guard
        self._reader = Reader(damage)
        self._retention_s = retention_days * 86_400

    def put_many(self, rows: Iterable[DayAccuracy], *, home: House | None = None) -> int:
        """Write rows. Returns how many were written.

        A row is not written if the stored one is based on more forecasts, or if a ``home`` is given and was forgotten
        since it was read.
        """
        guard = guard_for(home, self._guard)
        return sum(save_many([self._write(row) for row in rows], connection_of(self._item), guard))

    def between(self, house: str, room: str, first: date, last: date) -> list[DayAccuracy]:
        """Returns a room's rows of the days from ``first`` to ``last``, both included, in order of time."""
        if last < first:
            return []
        span = self._item.day.between(first.isoformat(), last.isoformat())
        return list(self._reader.each(self._item.query(room_id(house, room), span), _to_row))

    def of_days(self, house: str, rooms: Iterable[str], days: Iterable[date]) -> list[DayAccuracy]:
        """Returns the rows of the given rooms and days, with one call for each 100 of them."""
        names = [day.isoformat() for day in days]
        keys = [(room_id(house, room), day) for room in rooms for day in names]
        return list(self._reader.each(batch_get(self._item, keys), _to_row))

    def _write(self, row: DayAccuracy) -> Write:
        midnight = datetime.combine(row.day, datetime.min.time(), tzinfo=UTC)
        item = self._item(
            room_id=room_id(row.house, row.room),
            day=row.day.isoformat(),
            **row.plain(),
            v=FORMAT_VERSION,
            expires_at=to_epoch_ms(midnight) // 1000 + self._retention_s,
        )
        damaged = ~is_sound(self._item.forecasts)  # a damaged row is replaced
        not_fewer = self._item.room_id.does_not_exist() | damaged | (self._item.forecasts <= row.forecasts)
        known_format = self._item.v.does_not_exist() | ~is_sound(self._item.v) | (self._item.v <= FORMAT_VERSION)
        return Write(item, not_fewer & known_format, house=row.house, size_bytes=5_000, keep=True)


def _to_score(plain: Mapping[str, list[float]]) -> Score:
    sums = [np.array(plain[name], dtype=np.float64) for name in STORED_SUMS.values()]
    if any(of.shape != (LEAD_HOURS,) or not np.isfinite(of).all() for of in sums):
        raise ValueError(f"its sums are not {LEAD_HOURS} finite numbers each")
    return Score(*sums)


def _to_row(item: AccuracyItem) -> DayAccuracy:
    if item.v != FORMAT_VERSION:
        raise ValueError(f"it has format {item.v!r}; this version reads {FORMAT_VERSION}: update roomidity")
    house, room = item.room_id.split("/")
    scores = {quantity: getattr(item, quantity) for quantity in QUANTITIES}
    return DayAccuracy(
        house=house,
        room=room,
        day=date.fromisoformat(item.day),
        forecasts=whole(item.forecasts),
        complete=bool(item.complete),
        scores={quantity: _to_score(plain) for quantity, plain in scores.items() if plain is not None},
        six_hourly={quantity: _to_score(plain) for quantity, plain in item.six_hourly.items()},
        rests_on=item.rests_on,
    )
