"""Window contacts: when a room's windows were open, from the states that its contacts reported.

A contact reports an event, or its state again from time to time. A state holds until the next report, but no longer
than :data:`HELD_FOR`: after that it is unknown. Nothing is guessed from humidity or temperature.

An observation keeps a sensor's course in a slot as text, such as ``-0 +600 -840``: closed at the slot's start, open
600 s after it, closed again 840 s after it. A report that changes nothing is left out, but for the slot's first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.observations import Observation
from roomidity.domain.slots import SLOT_S

__all__ = [
    "HELD_FOR",
    "Opening",
    "RoomContact",
    "course_of",
    "may_be_older",
    "open_shares",
    "read_course",
    "room_contacts",
]

HELD_FOR: Final = timedelta(hours=12)
"""How long a state holds without a report: a night with an open window. Most contacts report every hour; those that
report changes alone are known to be open from when they say so, and their closed state is forgotten at no cost.
"""

_REPORTS_WITHIN: Final = timedelta(minutes=75)
"""From one report to the next of a contact that reports every hour, and a slot."""

_COURSE: Final = re.compile(r"[+-][0-9]{1,3}(?: [+-][0-9]{1,3})*")

_Events = Sequence[tuple[datetime, bool]]


@dataclass(frozen=True)
class Opening:
    """The window was open from ``start`` to ``end`` (aware), as its contact says."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> float:
        """How long it was open."""
        return (self.end - self.start).total_seconds() / 60


@dataclass(frozen=True)
class RoomContact:
    """What a room's contacts told up to a time.

    Parameters
    ----------
    openings
        When one of the room's windows or more were open, in order. One that is not over ends at that time.
    known
        When the state of at least one contact was known, in order, in the same form.
    is_open
        Whether a window is open at that time. None if that is unknown of any contact and none is open.
    since
        Since when it is open, or closed after having been open. None if unknown.
    """

    openings: tuple[Opening, ...] = ()
    known: tuple[Opening, ...] = ()
    is_open: bool | None = None
    since: datetime | None = None


def may_be_older(since: datetime, at: datetime) -> bool:
    """Returns whether a state that held at ``at`` may be older than ``since``: what was reported earlier is not read.

    >>> at = datetime(2026, 3, 2, 20)
    >>> may_be_older(at - timedelta(hours=10), at), may_be_older(at - timedelta(hours=11), at)
    (False, True)
    """
    return at - since > HELD_FOR - _REPORTS_WITHIN


def course_of(reports: Iterable[tuple[int, bool]]) -> str:
    """Returns the course of one sensor's reports in a slot: (seconds since its start, whether open), in order.

    >>> course_of([(2, False), (600, True), (700, True), (840, False)])
    '-2 +600 -840'
    """
    parts: list[str] = []
    last: bool | None = None
    for at_s, is_open in reports:
        if is_open != last:
            parts.append(f"{'+' if is_open else '-'}{at_s}")
            last = is_open
    return " ".join(parts)


def read_course(text: str) -> list[tuple[int, bool]]:
    """Returns the changes in a course: (seconds since the slot's start, whether open from then on).

    Raises
    ------
    ValueError
        If it is no course of a slot.
    """
    if not isinstance(text, str) or _COURSE.fullmatch(text) is None:
        raise ValueError(f"{text!r:.80} is no course of a contact")
    changes = [(int(part[1:]), part[0] == "+") for part in text.split(" ")]
    if changes[-1][0] >= SLOT_S or changes != sorted(changes, key=lambda change: change[0]):
        raise ValueError(f"{text!r:.80} is not in order, or leaves its slot")
    return changes


def room_contacts(slots: Iterable[tuple[datetime, Observation]], *, until: datetime) -> dict[str, RoomContact]:
    """Returns by room what its contacts told in the given slots (start, observation), in any order, up to ``until``."""
    events: dict[str, dict[str, list[tuple[datetime, bool]]]] = {}
    for start, observation in slots:
        for room, quantities in observation.items():
            contact = quantities.get("contact")
            for sensor, text in ((contact and contact.changes) or {}).items():
                own = events.setdefault(room, {}).setdefault(sensor, [])
                own += ((start + timedelta(seconds=at_s), is_open) for at_s, is_open in read_course(text))
    return {room: _of_room(sensors, until) for room, sensors in events.items()}


def open_shares(contact: RoomContact, start: datetime, slots: int) -> NDArray[np.float64]:
    """Returns for each slot from ``start`` on the fraction of its known time in which the room was open, else NaN."""
    known = _seconds_within(contact.known, start, slots)
    is_open = _seconds_within(contact.openings, start, slots)
    return np.asarray(np.divide(is_open, known, out=np.full(slots, math.nan), where=known > 0))


def _of_room(sensors: Mapping[str, _Events], until: datetime) -> RoomContact:
    told = {sensor: [*_held(events, until)] for sensor, events in sensors.items()}
    openings = _joined(Opening(start, end) for held in told.values() for start, end, is_open in held if is_open)
    known = _joined(Opening(start, end) for held in told.values() for start, end, _ in held)
    now = [held[-1][2] if held and held[-1][1] >= until else None for held in told.values()]
    if any(now):
        return RoomContact(openings, known, is_open=True, since=openings[-1].start)
    if not now or None in now:
        return RoomContact(openings, known)
    return RoomContact(openings, known, is_open=False, since=openings[-1].end if openings else None)


def _held(events: _Events, until: datetime) -> Iterable[tuple[datetime, datetime, bool]]:
    """Yields from when to when each reported state held, up to ``until``."""
    ordered = sorted((event for event in events if event[0] <= until), key=lambda event: event[0])
    for place, (at, is_open) in enumerate(ordered):
        following = ordered[place + 1][0] if place + 1 < len(ordered) else until
        end = min(following, at + HELD_FOR)
        if end > at or place + 1 == len(ordered):
            yield at, end, is_open


def _joined(spans: Iterable[Opening]) -> tuple[Opening, ...]:
    """Returns the union of the spans, in order."""
    joined: list[Opening] = []
    for span in sorted(spans, key=lambda span: span.start):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Opening(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def _seconds_within(spans: Sequence[Opening], start: datetime, slots: int) -> NDArray[np.float64]:
    """Returns how much of each slot the spans take, which are in order and apart: a month may have thousands."""
    edges = SLOT_S * np.arange(slots + 1.0)
    ends = np.array([((span.start - start).total_seconds(), (span.end - start).total_seconds()) for span in spans])
    if not len(ends):
        return np.zeros(slots)
    taken = np.cumsum(np.stack([np.zeros(len(ends)), ends[:, 1] - ends[:, 0]], axis=1))
    return np.diff(np.interp(edges, ends.ravel(), taken))
