"""How readings are queued: looked at as a whole before anything is sent, then sent no faster than asked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, Protocol

import msgspec
import polars as pl

from roomidity.cli.duplicates import dense_rows
from roomidity.domain.slots import floor_slot, format_moment
from roomidity.files import FileReadings
from roomidity.readings import LIMITS, pack_readings

__all__ = ["Pace", "Queued", "Survey", "inside", "outside_text", "queue_all", "survey"]

_CALL_BODIES: Final = 10
_SAMPLE: Final = 5
"""Readings that a dry run shows."""

_MARGIN: Final = timedelta(hours=1)
"""What is left of its retention when a reading is queued: a drain comes within a quarter of an hour."""

_A_READING: Final = '"ts":'
"""Stands once in each; in a name the quotes would be escaped."""


class Sends(Protocol):
    """A queue."""

    def send(self, bodies: Sequence[str]) -> None:
        """Send each body as a message."""


@dataclass
class Survey:
    """What is to be queued, and what not, before anything is.

    ``found`` says what is wrong with the file, without its readings. ``outside`` counts what is older than the stage
    keeps, of which the oldest is of ``oldest``.
    """

    found: FileReadings
    readings: int = 0
    dense: int = 0
    ahead: int = 0
    outside: int = 0
    oldest: datetime | None = None
    first: datetime | None = None
    last: datetime | None = None
    rooms: Counter[tuple[str, str]] = field(default_factory=Counter)
    sample: list[dict[str, Any]] = field(default_factory=list)

    @property
    def houses(self) -> list[str]:
        """The houses of the readings."""
        return sorted({house for house, _ in self.rooms})

    def by_room(self) -> dict[str, int]:
        """How many readings each room has; the house stands before it where there are several."""
        alone = len(self.houses) == 1
        named = {room if alone else f"{house}/{room}": count for (house, room), count in self.rooms.items()}
        return dict(sorted(named.items()))

    def retention_needed(self, now: datetime) -> int:
        """The days that a stage would have to keep readings for, to take all."""
        return 0 if self.oldest is None else math.ceil((now - self.oldest) / timedelta(days=1)) + 1


def inside(readings: pl.DataFrame, now: datetime, retention_days: int) -> pl.DataFrame:
    """Those that a stage still keeps when the next drain takes them."""
    if readings.is_empty():
        return readings
    return readings.filter(pl.col("ts") >= floor_slot(now) - timedelta(days=retention_days) + _MARGIN)


def survey(
    parts: Iterable[FileReadings],
    *,
    now: datetime,
    keep: Callable[[pl.DataFrame], pl.DataFrame],
    tell: Callable[[int], None],
) -> Survey:
    """Look at all parts of a file.

    Parameters
    ----------
    now
        The present.
    keep
        Gives those of a part's readings that are to be queued.
    tell
        Hears how many rows a part had.
    """
    told: list[FileReadings] = []
    seen = Survey(FileReadings.none((), counted="row"))
    for part in parts:
        told.append(replace(part, readings=part.readings.head(1)))
        kept = keep(part.readings)
        tell(len(part.readings) + sum(part.rejected.values()) + part.superseded)
        if len(part.readings) > len(kept):
            seen.outside += len(part.readings) - len(kept)
            oldest: Any = part.readings["ts"].min()
            seen.oldest = oldest if seen.oldest is None else min(oldest, seen.oldest)
        if len(kept):
            _count(seen, kept, now)
    seen.found = FileReadings.joined(told)
    return seen


def _count(seen: Survey, kept: pl.DataFrame, now: datetime) -> None:
    seen.readings += len(kept)
    seen.dense += dense_rows(kept)
    seen.ahead += len(kept.filter(pl.col("ts") > now + timedelta(milliseconds=LIMITS.future_ms)))
    first: Any = kept["ts"].min()
    last: Any = kept["ts"].max()
    seen.first = first if seen.first is None else min(first, seen.first)
    seen.last = last if seen.last is None else max(last, seen.last)
    for house, room, count in kept.group_by("house", "room").len().iter_rows():
        seen.rooms[house, room] += count
    if len(seen.sample) < _SAMPLE:
        seen.sample += islice(_unpacked(pack_readings(kept.head(_SAMPLE))), _SAMPLE - len(seen.sample))


def _unpacked(bodies: Iterable[str]) -> Iterator[dict[str, Any]]:
    for body in bodies:
        packed = msgspec.json.decode(body)
        for reading in packed["readings"]:
            yield {"house": packed["house"], **reading}


class Pace:
    """Keeps what is sent to a rate of readings a second; none for 0."""

    def __init__(self, rate: float, *, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free = clock()

    def keep(self, readings: int) -> None:
        """Wait as long as so many readings take; what was slower by itself is not made up for."""
        if not self.rate:
            return
        self._free = max(self._free, self._clock() - 1.0) + readings / self.rate
        wait = self._free - self._clock()
        if wait > 0:
            self._sleep(wait)


@dataclass
class Queued:
    """What has been sent so far."""

    readings: int = 0
    messages: int = 0
    bytes: int = 0


def queue_all(bodies: Iterable[str], queue: Sends, pace: Pace, sent: Queued, tell: Callable[[int], None]) -> None:
    """Send all bodies; ``sent`` has what is in the queue at any time, also where this ends in an error."""
    batch: list[str] = []
    most = 1 if pace.rate else _CALL_BODIES

    def flush() -> None:
        queue.send(batch)
        count = sum(body.count(_A_READING) for body in batch)
        sent.readings += count
        sent.messages += len(batch)
        sent.bytes += sum(len(body.encode()) for body in batch)
        batch.clear()
        tell(count)
        pace.keep(count)

    for body in bodies:
        batch.append(body)
        if len(batch) == most:
            flush()
    if batch:
        flush()


def outside_text(seen: Survey, *, now: datetime, retention_days: int) -> list[str]:
    """What to tell of readings that are older than the stage keeps them; nothing, where there are none."""
    if not seen.outside or seen.oldest is None:
        return []
    days = seen.retention_needed(now)
    said = (
        f"Left out, older than the {retention_days} days that the stage keeps readings: {seen.outside:,} readings, "
        f"from {format_moment(seen.oldest)} on. To take them, deploy it with --param retentionDays={days}, and send "
        f"again with ROOMIDITY_RETENTION_DAYS={days} set. `backtest` and `scripts/train-prior` read them all the same."
    )
    return [said]
