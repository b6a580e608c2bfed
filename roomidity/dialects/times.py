"""Decides when a value was measured: the device's own time if it can be trusted, else when its message was received."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

__all__ = ["TimeSource", "absolute", "format_exact", "measured_at"]

TimeSource = Literal["device", "received"]

_FIRST: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""Earliest trusted time. A clock that was never set counts from 1970 or 2000."""

_FAR: Final = timedelta(hours=12)
_KEPT: Final = timedelta(days=400)
_AHEAD: Final = timedelta(minutes=5)
"""How far a device's clock may be ahead. A reading beyond that would lie in the future."""

_EPOCHS: Final = ((1e11, 1_000_000.0), (1e14, 1_000.0), (1e17, 1.0))
"""Upper limits of epochs in s, ms and µs, with the µs per unit. Larger epochs are in ns."""

_NUMERAL: Final = re.compile(r"\d{1,20}(\.\d{1,12})?")
_SHORTEST: Final = 16
"""Minimum length of a date with a time, in characters."""


def measured_at(said: Any, *, received: datetime, zone: str) -> tuple[datetime, TimeSource]:
    """Returns when something was measured, in UTC, and whether that is the device's time or the time of receipt.

    A time without an offset is taken as local in the house's ``zone`` or as UTC, whichever is nearer to ``received``.
    The same rule resolves the ambiguous hour in autumn. Such a time is not trusted if it is more than 12 h from
    ``received``.

    A time with an offset, and an epoch, may lie up to 400 days in the past, since gateways resend what they have
    stored. Earlier times come from a clock that was reset. A time before 2020 or more than 12 h ahead is never trusted.
    """
    found = absolute(said)
    if found is None:
        found = _local(said, received, zone)
    if found is None or found < _FIRST or not -_KEPT <= found - received <= _FAR:
        return received, "received"
    return found, "device"


def absolute(said: Any) -> datetime | None:
    """Returns the UTC time for an epoch in s to ns (number or text) or ISO 8601 with an offset, else None."""
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        return None
    if isinstance(said, str):
        said = said.strip()
        if not _NUMERAL.fullmatch(said):
            moment = _iso(said)
            return None if moment is None or moment.tzinfo is None else _in_utc(moment)
        said = float(said) if "." in said else int(said)
    if not 0 < said < 1e20:
        return None
    for below, us in _EPOCHS:
        if said < below:
            return _after_1970(round(said * us))
    return _after_1970(round(said / 1000))


def format_exact(moment: datetime) -> str:
    """Returns ISO 8601 in UTC, to the second, ms or µs as needed.

    >>> format_exact(datetime(2026, 11, 22, 7, 14, 55, 440_000, tzinfo=UTC))
    '2026-11-22T07:14:55.440Z'
    """
    digits = "seconds" if not moment.microsecond else "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=digits).replace("+00:00", "Z")


def _after_1970(us: int) -> datetime | None:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    except OverflowError:
        return None


def _iso(text: str) -> datetime | None:
    if not _SHORTEST <= len(text) <= 64:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _in_utc(moment: datetime) -> datetime | None:
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _local(said: Any, received: datetime, zone: str) -> datetime | None:
    """Returns the candidate nearest to ``received`` for a time without an offset, or None if it is too far.

    Candidates more than 5 min ahead of ``received`` are taken only if there is no other.
    """
    moment = _iso(said.strip()) if isinstance(said, str) else None
    if moment is None or moment.tzinfo is not None:
        return None
    local = _zone(zone)
    candidates = [_in_utc(moment.replace(tzinfo=local, fold=fold)) for fold in (0, 1)]
    candidates.append(moment.replace(tzinfo=UTC))
    possible = [one for one in candidates if one is not None]
    nearest = min(possible, key=lambda one: (one - received > _AHEAD, abs(one - received)))
    return nearest if abs(nearest - received) <= _FAR else None


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
