"""How a house's readings arrived recently. A record is kept only for rooms whose readings arrive oddly.

A healthy room has no record. One begins with the first tick whose readings were late, off in time, or rejected. It
covers what arrived in the last 24 h, in periods of two hours, and is dropped once :data:`CLEAN_TICKS` ticks with
readings were in order.

A message counts once, at the first tick that takes it (:attr:`HouseDeliveries.through_ms`). Where times are judged,
every tick has the same weight: a year of readings sent at once weighs no more than a quarter of an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from roomidity.domain.rooms import MAX_ROOMS
from roomidity.domain.slots import from_epoch_ms, to_epoch_ms

__all__ = [
    "AHEAD_S",
    "BEHIND_S",
    "CLEAN_TICKS",
    "KEPT_FOR",
    "NO_DELIVERIES",
    "PERIOD",
    "Deliveries",
    "HouseDeliveries",
    "Period",
    "RoomDeliveries",
]

PERIOD: Final = timedelta(hours=2)
KEPT_FOR: Final = timedelta(hours=24)

CLEAN_TICKS: Final = 16
"""After this many ticks in order (four hours of a live room), a problem that has been mended is no longer reported."""

AHEAD_S: Final = 60
"""Nothing is sent before it is measured, but clocks that are kept in time still differ by seconds."""
BEHIND_S: Final = 5 * 60
"""A gateway that sends its readings every 15 minutes sends a tenth of them within 90 s of measuring."""
BEHIND_FEW_S: Final = 20 * 60
"""If a room reports only once in those 15 minutes, that one reading may have waited for all of them."""
FEW_A_TICK: Final = 3


@dataclass(frozen=True)
class Deliveries:
    """How the readings of a room arrived over the last day.

    Parameters
    ----------
    readings
        Number of readings whose time could be read, whether they were accepted or rejected.
    late
        Number of readings that were sent after their slot had been forecast without them.
    lag_s
        The 0.1, 0.5 and 0.9 quantiles of the lag in seconds between a reading's time and its sending (``sent - ts``).
        Readings rejected as future count with a negative lag, which shows how far a clock is ahead.
    rejected
        Number of rejected readings, by reason.
    ticks, late_ticks
        Number of drains that the readings arrived in, and how many of these brought more late readings than others.
    """

    readings: int = 0
    late: int = 0
    lag_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rejected: Mapping[str, int] = field(default_factory=dict)
    ticks: int = 0
    late_ticks: int = 0

    def beside(self, other: Deliveries) -> Deliveries:
        """Returns both combined, where this one came before ``other``. Counts are added, and the widest lags kept."""
        lags = [one.lag_s for one in (self, other) if one.readings] or [other.lag_s]
        return Deliveries(
            readings=self.readings + other.readings,
            late=self.late + other.late,
            lag_s=(min(lag[0] for lag in lags), lags[-1][1], max(lag[2] for lag in lags)),
            rejected=Counter(self.rejected) + Counter(other.rejected),
            ticks=self.ticks + other.ticks,
            late_ticks=self.late_ticks + other.late_ticks,
        )

    @property
    def behind_s(self) -> float:
        """The lag in seconds that the quickest readings of a healthy room stay below."""
        return BEHIND_S if self.readings >= FEW_A_TICK * self.ticks else BEHIND_FEW_S

    @property
    def in_order(self) -> bool:
        """Whether there is nothing to remember, because no reading is late, off in time, or rejected."""
        return not self.late and not self.rejected and -AHEAD_S <= self.lag_s[0] <= self.behind_s


@dataclass(frozen=True)
class Period:
    """What arrived in one :data:`PERIOD` that starts at ``begins``."""

    begins: datetime
    of: Deliveries


@dataclass(frozen=True)
class RoomDeliveries:
    """A room's record: its periods in order of time, and how many ticks in a row have been in order."""

    periods: tuple[Period, ...] = ()
    clean_ticks: int = 0

    def with_tick(self, tick: Deliveries, *, now: datetime) -> RoomDeliveries | None:
        """Returns the record with a tick added, or None if there is nothing to remember any more."""
        clean_ticks = self.clean_ticks + 1 if tick.in_order else 0
        kept = self.since(now).periods
        if clean_ticks >= CLEAN_TICKS or (clean_ticks and not kept):
            return None
        begins = _floor(now)
        current = next((one for one in kept if one.begins == begins), Period(begins, Deliveries()))
        others = (one for one in kept if one.begins != begins)
        return RoomDeliveries((*others, replace(current, of=current.of.beside(tick))), clean_ticks)

    def since(self, now: datetime) -> RoomDeliveries:
        """Returns the record without periods older than :data:`KEPT_FOR` or (in a replay) newer than ``now``."""
        return replace(self, periods=tuple(one for one in self.periods if now - KEPT_FOR < one.begins <= now))

    def deliveries(self, now: datetime) -> Deliveries:
        """Returns what arrived in the last 24 h."""
        known = [one.of for one in self.since(now).periods]
        timed = sorted((one.lag_s for one in known if one.readings), key=lambda lag: lag[1])
        few = len(timed) // 10
        lag_s = (0.0, 0.0, 0.0)
        if timed:
            lag_s = (
                sorted(lag[0] for lag in timed)[few],
                timed[ceil(len(timed) / 2) - 1][1],
                sorted(lag[2] for lag in timed)[-1 - few],
            )
        return Deliveries(
            readings=sum(one.readings for one in known),
            late=sum(one.late for one in known),
            lag_s=lag_s,
            rejected=sum((Counter(one.rejected) for one in known), Counter[str]()),
            ticks=sum(one.ticks for one in known),
            late_ticks=sum(one.late_ticks for one in known),
        )


@dataclass(frozen=True)
class HouseDeliveries:
    """The records of a house's rooms. Messages sent up to ``through_ms`` have been counted."""

    rooms: Mapping[str, RoomDeliveries] = field(default_factory=dict)
    through_ms: int = 0

    def with_tick(self, ticks: Mapping[str, Deliveries], *, through_ms: int, now: datetime) -> HouseDeliveries:
        """Returns the records with a tick added. No record begins for names beyond :data:`MAX_ROOMS`."""
        rooms = {name: room for name, room in self.rooms.items() if room.since(now).periods}
        for name, tick in sorted(ticks.items()):
            room = rooms.pop(name, RoomDeliveries()).with_tick(tick, now=now)
            if room is not None and len(rooms) < MAX_ROOMS:
                rooms[name] = room
        return HouseDeliveries(rooms, max(self.through_ms, through_ms)) if rooms else NO_DELIVERIES

    def of(self, names: Iterable[str], now: datetime) -> Deliveries:
        """Returns what arrived recently for a room under any of its ``names``. It is empty if there is no record."""
        found = next((self.rooms[name] for name in names if name in self.rooms), RoomDeliveries())
        return found.deliveries(now)

    def renamed(self, old: str, new: str) -> HouseDeliveries:
        """Returns the records after the room ``old`` was renamed to ``new``."""
        return replace(self, rooms={new if name == old else name: room for name, room in self.rooms.items()})

    def without(self, names: Collection[str]) -> HouseDeliveries:
        """Returns the records without those of a room that is known by ``names``."""
        left = {name: room for name, room in self.rooms.items() if name not in names}
        return replace(self, rooms=left) if left else NO_DELIVERIES


NO_DELIVERIES: Final = HouseDeliveries()


def _floor(moment: datetime) -> datetime:
    period_ms = PERIOD // timedelta(milliseconds=1)
    return from_epoch_ms(to_epoch_ms(moment) // period_ms * period_ms)
