"""How readings came in of late: a record kept with the house, of those rooms alone whose readings come in oddly.

A healthy room has no record. One begins with a tick whose readings were late, off in time, or rejected; it says what
came in the last 24 h, in periods of two hours, and goes when :data:`CLEAN_TICKS` ticks with readings were in order.

A message counts once, at the first tick that takes it (:attr:`HouseDeliveries.through_ms`), and each tick counts alike
where times are judged: a year that is sent at once weighs no more than a quarter of an hour.
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
"""After so many ticks in order, four hours of a live room, what was mended is told no more."""

AHEAD_S: Final = 60
"""Nothing is sent before it is measured; clocks that are set differ by seconds."""
BEHIND_S: Final = 5 * 60
"""A gateway that sends what it has every 15 minutes sends a tenth of it within 90 s."""
BEHIND_FEW_S: Final = 20 * 60
"""Of a room that reports once in those 15 minutes the one reading may have waited for all of them."""
FEW_A_TICK: Final = 3


@dataclass(frozen=True)
class Deliveries:
    """How the readings of a room came in over the last day.

    Parameters
    ----------
    readings
        All whose time could be read, whether they were accepted or rejected.
    late
        Those that were sent after their slot had been forecast without them.
    lag_s
        By how many seconds they were sent after the time they bear (``sent - ts``): of a tenth less, of half less, of
        nine tenths less. Those rejected as future count, with a negative lag; they tell how far a clock is ahead.
    rejected
        How many were rejected, by reason.
    ticks, late_ticks
        How many drains they came in by, and how many of these brought more late ones than others.
    """

    readings: int = 0
    late: int = 0
    lag_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rejected: Mapping[str, int] = field(default_factory=dict)
    ticks: int = 0
    late_ticks: int = 0

    def beside(self, other: Deliveries) -> Deliveries:
        """Both together, if this one came before: all that they count, and the widest of their lags."""
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
        """The lag that a healthy room's quickest readings stay below."""
        return BEHIND_S if self.readings >= FEW_A_TICK * self.ticks else BEHIND_FEW_S

    @property
    def in_order(self) -> bool:
        """Whether there is nothing to remember: none is late, off in time, or rejected."""
        return not self.late and not self.rejected and -AHEAD_S <= self.lag_s[0] <= self.behind_s


@dataclass(frozen=True)
class Period:
    """What came in :data:`PERIOD`, from ``begins`` on."""

    begins: datetime
    of: Deliveries


@dataclass(frozen=True)
class RoomDeliveries:
    """A room's record: its periods in order of time, and how many ticks were in order since the last that was not."""

    periods: tuple[Period, ...] = ()
    clean_ticks: int = 0

    def with_tick(self, tick: Deliveries, *, now: datetime) -> RoomDeliveries | None:
        """The record with what a tick brought; None where there is nothing to remember any more."""
        clean_ticks = self.clean_ticks + 1 if tick.in_order else 0
        kept = self.since(now).periods
        if clean_ticks >= CLEAN_TICKS or (clean_ticks and not kept):
            return None
        begins = _floor(now)
        current = next((one for one in kept if one.begins == begins), Period(begins, Deliveries()))
        others = (one for one in kept if one.begins != begins)
        return RoomDeliveries((*others, replace(current, of=current.of.beside(tick))), clean_ticks)

    def since(self, now: datetime) -> RoomDeliveries:
        """The record without what is older than :data:`KEPT_FOR`, or, of a replayed house, newer than ``now``."""
        return replace(self, periods=tuple(one for one in self.periods if now - KEPT_FOR < one.begins <= now))

    def deliveries(self, now: datetime) -> Deliveries:
        """What came in the last 24 h."""
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
    """The records of a house's rooms; messages sent up to ``through_ms`` have been counted."""

    rooms: Mapping[str, RoomDeliveries] = field(default_factory=dict)
    through_ms: int = 0

    def with_tick(self, ticks: Mapping[str, Deliveries], *, through_ms: int, now: datetime) -> HouseDeliveries:
        """The records with what a tick brought; for names beyond :data:`MAX_ROOMS` none begins."""
        rooms = {name: room for name, room in self.rooms.items() if room.since(now).periods}
        for name, tick in sorted(ticks.items()):
            room = rooms.pop(name, RoomDeliveries()).with_tick(tick, now=now)
            if room is not None and len(rooms) < MAX_ROOMS:
                rooms[name] = room
        return HouseDeliveries(rooms, max(self.through_ms, through_ms)) if rooms else NO_DELIVERIES

    def of(self, names: Iterable[str], now: datetime) -> Deliveries:
        """What came to a room of late, by any of its ``names``; nothing where there is no record of it."""
        found = next((self.rooms[name] for name in names if name in self.rooms), RoomDeliveries())
        return found.deliveries(now)

    def renamed(self, old: str, new: str) -> HouseDeliveries:
        """The records once the room ``old`` is called ``new``."""
        return replace(self, rooms={new if name == old else name: room for name, room in self.rooms.items()})

    def without(self, names: Collection[str]) -> HouseDeliveries:
        """The records without those of a room that is called by ``names``."""
        left = {name: room for name, room in self.rooms.items() if name not in names}
        return replace(self, rooms=left) if left else NO_DELIVERIES


NO_DELIVERIES: Final = HouseDeliveries()


def _floor(moment: datetime) -> datetime:
    period_ms = PERIOD // timedelta(milliseconds=1)
    return from_epoch_ms(to_epoch_ms(moment) // period_ms * period_ms)
