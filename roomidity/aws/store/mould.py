"""Mould records in the table ``accuracy``, one item per house and day with all its rooms.

The hash key is the house's name followed by `#mould`, which is not the key of any room. Readers of a room's accuracy
therefore never meet these items.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from roomidity.aws.store.erasing import erase
from roomidity.aws.store.reading import Reader
from roomidity.aws.store.tables import MouldItem, connection_of
from roomidity.aws.store.writing import Guard, Write, guard_for, save_many
from roomidity.domain.comfort.course import HOURS, MouldDay, RoomMould
from roomidity.domain.comfort.mould import MAX_INDEX
from roomidity.domain.comfort.walls import OutdoorMean
from roomidity.domain.damage import Damage, number_within, whole
from roomidity.domain.houses import House
from roomidity.domain.slots import to_epoch_ms

__all__ = ["MouldTable"]

_FORMAT_VERSION: Final = 1

_LONGER_DAYS: Final = 30
"""A day is kept this much longer than the data it was derived from, as the starting point of the days after it."""


class MouldTable:
    """Houses' mould by day.

    Writes are unconditional within one format. A day is derived from observations, so the last writer wrote the same or
    something newer.
    """

    def __init__(
        self,
        item: type[MouldItem],
        *,
        retention_days: int,
        damage: Damage,
        guard: Callable[[House], Guard] | None = None,
    ) -> None:
        self._item = item
        self._guard = guard
        self._reader = Reader(damage)
        self._retention_s = (retention_days + _LONGER_DAYS) * 86_400

    def put_many(self, days: Iterable[MouldDay], *, home: House | None = None) -> int:
        """Write days.

        Returns how many were written, which is none if a ``home`` is given and was forgotten since it was read.
        """
        guard = guard_for(home, self._guard)
        return sum(save_many([self._write(day) for day in days], connection_of(self._item), guard))

    def between(self, house: str, first: date, last: date) -> list[MouldDay]:
        """Returns a house's days from ``first`` to ``last``, both included, in order of time.

        Unreadable days are left out.
        """
        if last < first:
            return []
        span = self._item.day.between(first.isoformat(), last.isoformat())
        return list(self._reader.each(self._item.query(_key(house), span), _to_day))

    def of_days(self, house: str, days: Iterable[date]) -> list[MouldDay]:
        """Returns the existing records of the given days of a house, in order of time, with one call."""
        keys = [(_key(house), day.isoformat()) for day in days]
        return sorted(self._reader.each(self._item.batch_get(keys), _to_day), key=lambda one: one.day)

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete a house's days. Yields the number deleted, batch by batch."""
        return erase(self._item, _key(house), dry_run=dry_run)

    def _write(self, one: MouldDay) -> Write:
        midnight = datetime.combine(one.day, datetime.min.time(), tzinfo=UTC)
        item = self._item(
            room_id=_key(one.house),
            day=one.day.isoformat(),
            inputs=one.inputs,
            settings=one.settings,
            outdoor={
                "mean": None if math.isnan(one.outdoor.value) else one.outdoor.value,
                "silent_h": one.outdoor.silent_h,
            },
            rooms={room: _from_room(mould) for room, mould in one.rooms.items()},
            v=_FORMAT_VERSION,
            expires_at=to_epoch_ms(midnight) // 1000 + self._retention_s,
        )
        size = 200 * (len(one.rooms) + 1)
        return Write(item, self._item.v.does_not_exist() | (self._item.v <= _FORMAT_VERSION), one.house, size)


def _key(house: str) -> str:
    return f"{house}#mould"


def _from_room(of: RoomMould) -> dict[str, Any]:
    return {
        "index": of.index,
        "dry_h": of.dry_h,
        "since": of.since.isoformat(),
        "hours": of.hours,
        "risk_hours": of.risk_hours,
    }


def _to_room(of: Mapping[str, Any]) -> RoomMould:
    return RoomMould(
        index=number_within(float(of["index"]), (0.0, MAX_INDEX)),
        dry_h=whole(of["dry_h"]),
        since=date.fromisoformat(of["since"]),
        hours=whole(number_within(of["hours"], (0, HOURS))),
        risk_hours=whole(number_within(of["risk_hours"], (0, HOURS))),
    )


def _to_day(item: MouldItem) -> MouldDay:
    if item.v != _FORMAT_VERSION:
        raise ValueError(f"it has format {item.v!r}; this version reads {_FORMAT_VERSION}: update roomidity")
    mean = item.outdoor["mean"]
    return MouldDay(
        house=item.room_id.removesuffix("#mould"),
        day=date.fromisoformat(item.day),
        inputs=str(item.inputs),
        settings=str(item.settings),
        outdoor=OutdoorMean(
            math.nan if mean is None else number_within(float(mean), (-60.0, 85.0)), whole(item.outdoor["silent_h"])
        ),
        rooms={room: _to_room(of) for room, of in item.rooms.items()},
    )
