"""Notices, the findings behind them, and the state of a house's notices between issue times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, Literal, get_args

from roomidity.domain.slots import format_slot

__all__ = ["KEPT_FOR", "KINDS", "Change", "Finding", "Key", "Kind", "Notice", "Told", "Watch", "Word"]

Kind = Literal["humid", "mould", "silent", "stuck"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""humid: air above 70 %RH. mould: above 80 %RH at the coldest surface for hours. silent: no readings arrive. stuck: a
sensor repeats one value."""

Word = Literal["raised", "cleared"]

Key = tuple[Kind, str | None]
"""Kind and room (None for the whole house). There is at most one open notice for each key."""

KEPT_FOR: Final = timedelta(days=90)
"""A notice expires this long after it was cleared, and a house's state this long after its last change."""


@dataclass(frozen=True)
class Finding:
    """One condition of a house or room, as found at an issue time.

    Parameters
    ----------
    room
        The room's name, or None for the whole house.
    likely
        The probability (0 to 1) that the condition holds or will occur within 24 h.
    start, end
        Aware times between which it is expected to hold. ``end`` is None if no end is in sight.
    judged
        False if the finding rests on a silent or stuck sensor, so that it can neither raise nor clear a notice.
    """

    kind: Kind
    room: str | None
    likely: float
    start: datetime
    end: datetime | None = None
    judged: bool = True

    @property
    def key(self) -> Key:
        """The key of the notice that this finding is about."""
        return self.kind, self.room


@dataclass(frozen=True)
class Notice:
    """A notice that was raised, with the latest finding behind it.

    Parameters
    ----------
    finding
        The finding as last updated.
    raised_at, cleared_at
        Issue times at which the notice was raised and cleared. ``cleared_at`` is None while it is open.
    muted
        Whether it exceeds the house's daily limit. A muted notice is shown but not sent.
    """

    house: str
    finding: Finding
    raised_at: datetime
    cleared_at: datetime | None = None
    muted: bool = False

    @property
    def id(self) -> str:
        """An identifier that stays the same while the notice is open, and sorts by time.

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
    """How many notices of a house have been sent on one day of its local time."""

    day: date
    count: int


@dataclass(frozen=True)
class Watch:
    """The state of a house's notices between issue times: open notices, and what is remembered of cleared ones.

    Parameters
    ----------
    version
        Number of times the state was written. 0 if it was never stored.
    at
        The issue time of the last change.
    opened
        The open notices by key.
    lapsing
        For open notices whose condition has ended: since when.
    rested
        For cleared notices: until when they are not raised again.
    told
        The number of notices sent on the latest day, or None if there were none.
    unsent
        Changes that have not been delivered yet, oldest first.
    """

    house: str
    version: int = 0
    at: datetime | None = None
    opened: Mapping[Key, Notice] = field(default_factory=dict)
    lapsing: Mapping[Key, datetime] = field(default_factory=dict)
    rested: Mapping[Key, datetime] = field(default_factory=dict)
    told: Told | None = None
    unsent: tuple[Change, ...] = ()
