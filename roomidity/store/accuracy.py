"""The table ``accuracy``: how good a room's forecasts were, by the day on which they were issued."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np

from roomidity.forecasting import QUANTITIES
from roomidity.forecasting.scoring import Score
from roomidity.slots import to_epoch_ms
from roomidity.store.erasing import erase
from roomidity.store.forecasts import room_id
from roomidity.store.tables import AccuracyItem, connection_of
from roomidity.store.writing import Write, save_many

__all__ = ["AccuracyTable", "DayAccuracy"]

_FORMAT_VERSION: Final = 1

_DECIMALS: Final = 3
"""Of a sum; the smallest ones are of 16 slots, whose mean then is good to 0.0001."""

_COUNTS: Final = ("count", "inside")


@dataclass(frozen=True)
class DayAccuracy:
    """How good the forecasts were that were issued for a room on one day (UTC).

    Parameters
    ----------
    day
        The day of issue; the slots that were forecast reach into the next.
    forecasts
        How many issue times there are, whether or not anything was measured after them.
    complete
        Whether the 24 h of all of them are over.
    scores
        Sums by lead hour, each of shape (24,), by quantity; one that was not forecast is absent.
    six_hourly
        The same of the issue times 00, 06, 12 and 18 UTC that a backtest would count.
    """

    house: str
    room: str
    day: date
    forecasts: int
    complete: bool
    scores: Mapping[str, Score]
    six_hourly: Mapping[str, Score]

    def plain(self) -> dict[str, Any]:
        """Plain numbers, rounded: what is stored, and what tells a row from another."""
        return {
            "forecasts": self.forecasts,
            "complete": self.complete,
            **{quantity: _plain(score) for quantity, score in self.scores.items()},
            "six_hourly": {quantity: _plain(score) for quantity, score in self.six_hourly.items()},
        }


class AccuracyTable:
    """Rooms' accuracy by day. A row gives way only to one of as many forecasts or more: forecasts expire before it."""

    def __init__(self, item: type[AccuracyItem], *, retention_days: int) -> None:
        self._item = item
        self._retention_s = retention_days * 86_400

    def put_many(self, rows: Iterable[DayAccuracy]) -> int:
        """Write rows; how many were written, for one that rests on fewer forecasts than what stands there is not."""
        return sum(save_many([self._write(row) for row in rows], connection_of(self._item)))

    def between(self, house: str, room: str, first: date, last: date) -> list[DayAccuracy]:
        """A room's rows of the days from ``first`` to ``last``, both included, in order of time."""
        if last < first:
            return []
        span = self._item.day.between(first.isoformat(), last.isoformat())
        return [_to_row(item) for item in self._item.query(room_id(house, room), span)]

    def erase(self, house: str, room: str) -> Iterator[int]:
        """Delete a room's days; how many, some at a time."""
        return erase(self._item, room_id(house, room))

    def _write(self, row: DayAccuracy) -> Write:
        midnight = datetime.combine(row.day, datetime.min.time(), tzinfo=UTC)
        item = self._item(
            room_id=room_id(row.house, row.room),
            day=row.day.isoformat(),
            **row.plain(),
            v=_FORMAT_VERSION,
            expires_at=to_epoch_ms(midnight) // 1000 + self._retention_s,
        )
        not_fewer = self._item.room_id.does_not_exist() | (self._item.forecasts <= row.forecasts)
        return Write(item, not_fewer, house=row.house, size_bytes=5_000)


def _plain(score: Score) -> dict[str, list[float]]:
    """Lists by the names of the sums."""
    plain: dict[str, list[float]] = {}
    for part in fields(score):
        sums = getattr(score, part.name)
        plain[part.name] = sums.astype(int).tolist() if part.name in _COUNTS else sums.round(_DECIMALS).tolist()
    return plain


def _to_score(plain: Mapping[str, list[float]]) -> Score:
    return Score(*(np.array(plain[part.name], dtype=np.float64) for part in fields(Score)))


def _to_row(item: AccuracyItem) -> DayAccuracy:
    house, room = item.room_id.split("/")
    scores = {quantity: getattr(item, quantity) for quantity in QUANTITIES}
    return DayAccuracy(
        house=house,
        room=room,
        day=date.fromisoformat(item.day),
        forecasts=int(item.forecasts),
        complete=item.complete,
        scores={quantity: _to_score(plain) for quantity, plain in scores.items() if plain is not None},
        six_hourly={quantity: _to_score(plain) for quantity, plain in item.six_hourly.items()},
    )
