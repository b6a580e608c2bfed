"""What a notice is, and what a house's notices go on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, Literal, get_args

from roomidity.domain.slots import format_slot

__all__ = ["KEPT_FOR", "KINDS", "Change", "Finding", "Key", "Kind", "Notice", "Told", "Watch", "Word"]

Kind = Literal["humid", "mould", "silent", "stuck"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""humid: over 70 %RH. mould: over 80 %RH at the coldest surface for hours. silent: no readings. stuck: a sensor is."""

Word = Literal["raised", "cleared"]

Key = tuple[Kind, str | None]
"""What there is at most one open notice of: its kind and its room, None for the whole house."""

KEPT_FOR: Final = timedelta(days=90)
"""After it was cleared, or last looked at."""


@dataclass(frozen=True)
class Finding:
    """What was found at an issue time.

    Parameters
    ----------
    likely
        The probability that it is so, or comes within 24 h; 0 to 1.
    start, end
        From when on, and until when; ``end`` is None where none can be seen.
    judged
        Whether it was really looked at: what rests on a sensor that is silent or stuck neither raises nor clears.
    """

    kind: Kind
    room: str | None
    likely: float
    start: datetime
    end: datetime | None = None
    judged: bool = True

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.kind, self.room


@dataclass(frozen=True)
class Notice:
    """A notice: what was found, as it was seen last, when it was raised, and when it was cleared, if it was.

    ``muted`` is one over the house's number a day: it is shown, and nobody is sent it.
    """

    house: str
    finding: Finding
    raised_at: datetime
    cleared_at: datetime | None = None
    muted: bool = False

    @property
    def id(self) -> str:
        """The same for the same notice, however often it is found; in order of time.

        >>> from roomidity.domain.slots import parse_slot
        >>> at = parse_slot("2026-11-22T07:00Z")
        >>> Notice("h1", Finding("humid", "bath", 0.8, at), at).id
        '2026-11-22T07:00Z/humid/bath'
        """
        return f"{format_slot(self.raised_at)}/{self.finding.kind}/{self.finding.room or ''}"


@dataclass(frozen=True)
class Change:
    """A notice that was raised or cleared."""

    word: Word
    notice: Notice


@dataclass(frozen=True)
class Told:
    """How many notices were raised for people to be sent on a day, by the house's own clock."""

    day: date
    count: int


@dataclass(frozen=True)
class Watch:
    """What a house's notices go on from: those that are open, and what is remembered of those that were.

    Parameters
    ----------
    version
        Counts the writes; 0 is one that was never stored.
    at
        The issue time of the last change.
    opened
        By key. ``lapsing`` says since when an open one is no longer found, ``rested`` until when one that was cleared
        is not raised again.
    unsent
        Changes that nobody has taken yet, oldest first.
    """

    house: str
    version: int = 0
    at: datetime | None = None
    opened: Mapping[Key, Notice] = field(default_factory=dict)
    lapsing: Mapping[Key, datetime] = field(default_factory=dict)
    rested: Mapping[Key, datetime] = field(default_factory=dict)
    told: Told | None = None
    unsent: tuple[Change, ...] = ()
