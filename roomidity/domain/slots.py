"""Slots: 15-minute intervals, named by their start in UTC in a form that sorts chronologically as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

__all__ = [
    "SLOT",
    "SLOTS_A_DAY",
    "SLOT_MS",
    "SLOT_S",
    "SlotKey",
    "floor_slot",
    "format_moment",
    "format_slot",
    "from_epoch_ms",
    "is_present",
    "parse_slot",
    "parse_time",
    "to_epoch_ms",
]

SLOT_S: Final = 900
SLOT_MS: Final = SLOT_S * 1000
SLOT: Final = timedelta(seconds=SLOT_S)
SLOTS_A_DAY: Final = 86_400 // SLOT_S

_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9000
_TEXT: Final = "%Y-%m-%dT%H:%MZ"


def floor_slot(moment: datetime) -> datetime:
    """Returns the start of the slot that contains an aware ``moment``.

    >>> floor_slot(datetime(2026, 11, 22, 7, 14, 55, tzinfo=UTC)).isoformat()
    '2026-11-22T07:00:00+00:00'
    """
    ms = to_epoch_ms(moment)
    return from_epoch_ms(ms - ms % SLOT_MS)


def format_slot(slot: datetime) -> str:
    """Returns a slot as the text used in keys: ``YYYY-MM-DDTHH:MMZ``.

    >>> format_slot(datetime(2026, 11, 22, 7, tzinfo=UTC))
    '2026-11-22T07:00Z'
    """
    return slot.astimezone(UTC).strftime(_TEXT)


def parse_slot(text: str) -> datetime:
    """Returns the slot that :func:`format_slot` wrote.

    Raises
    ------
    ValueError
        If ``text`` has another form, or is not the start of a slot.
    """
    moment = parse_time(text)
    if floor_slot(moment) != moment or format_slot(moment) != text:
        raise ValueError(f"{text!r} is not the start of a 15-minute slot, written YYYY-MM-DDTHH:MMZ")
    return moment


def parse_time(text: str) -> datetime:
    """Returns the aware UTC time of ISO 8601 text that has an offset.

    >>> parse_time("2026-11-22T08:14:55+01:00").isoformat()
    '2026-11-22T07:14:55+00:00'

    Raises
    ------
    ValueError
        If ``text`` is not ISO 8601, has no offset, or lies outside the years 1 to 9999 in UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write UTC times with a Z at the end")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} lies outside the years 1 to 9999 in UTC") from error


def is_present(moment: datetime) -> bool:
    """Returns whether an aware ``moment`` lies in the years 1970 to 9000, which leaves room for the days around it.

    >>> is_present(datetime(2026, 11, 22, tzinfo=UTC)), is_present(datetime(1, 1, 1, tzinfo=UTC))
    (True, False)
    """
    return _FIRST_YEAR <= moment.year <= _LAST_YEAR


def to_epoch_ms(moment: datetime) -> int:
    """Returns the whole milliseconds since 1970 of an aware ``moment``, rounded down."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_epoch_ms(ms: int) -> datetime:
    """Returns the aware UTC time ``ms`` milliseconds after the start of 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def format_moment(moment: datetime) -> str:
    """Returns an aware ``moment`` as ISO 8601 text in UTC, to the second.

    >>> format_moment(datetime(2026, 11, 22, 7, 14, 55, tzinfo=UTC))
    '2026-11-22T07:14:55Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class SlotKey(NamedTuple):
    """The key of a stored set: the house, and the slot's start (ms since 1970)."""

    house: str
    slot_ms: int

    @property
    def start(self) -> datetime:
        """The slot's start as an aware UTC time."""
        return from_epoch_ms(self.slot_ms)

    def __str__(self) -> str:
        return f"{self.house} {format_slot(self.start)}"
