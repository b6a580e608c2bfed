"""Updates a house's notices: changes are stored once, then sent. A failure here never costs a forecast."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.notices.changes import URGENCY, advance, taken
from roomidity.domain.notices.findings import find, outdoor_ahead
from roomidity.domain.notices.notice import Change, Notice, Watch
from roomidity.domain.notices.words import words_of
from roomidity.domain.slots import format_slot
from roomidity.pipeline.house_settings import language_of, notices_a_day_of

__all__ = [
    "KeptNotices",
    "NoticePorts",
    "Noticed",
    "Notices",
    "Telling",
    "note_changes",
    "open_and_cleared",
    "plain_notice",
]

logger: Final = logging.getLogger(__name__)


class Notices(Protocol):
    """Stores a house's notices and their state, with optimistic locking on the state's version."""

    def watch(self, house: str) -> Watch:
        """Returns the state of a house's notices, which is empty if none is stored."""

    def put(self, watch: Watch, changed: Sequence[Notice] = (), *, home: House) -> bool:
        """Write the state and the notices that changed, all or nothing.

        Returns
        -------
        False if another writer was first, or if the house was forgotten since ``home`` was read.
        """


class KeptNotices(Protocol):
    """Read-only access to stored notices."""

    def watch(self, house: str) -> Watch:
        """Returns the state of a house's notices, which is empty if it has none."""

    def newest(self, house: str, *, now: datetime, limit: int | None = None) -> list[Notice]:
        """Returns a house's notices that have not expired, newest first, at most ``limit`` if that is given."""


class Telling(Protocol):
    """Sends changes to all subscribers."""

    def tell(self, events: Sequence[dict[str, Any]]) -> list[bool]:
        """Send up to ten changes. Returns for each whether it was accepted."""


@dataclass(frozen=True)
class NoticePorts:
    """The ports that notices need. ``telling`` is None if the stage sends notices to nobody."""

    notices: Notices
    telling: Telling | None = None


@dataclass(frozen=True)
class Noticed:
    """What changed, and how many changes are still unsent. ``failed`` is set if the update failed."""

    changes: tuple[Change, ...] = ()
    untold: int = 0
    failed: bool = False


_AT_ONCE: Final = 10
"""EventBridge's limit for one call. The next tick sends the rest."""


def note_changes(
    ports: NoticePorts | None,
    home: House,
    forecasts: Sequence[StoredForecast],
    *,
    outdoor: NDArray[np.float64] | None,
    issued_at: datetime,
) -> Noticed:
    """Update a house's notices for an issue time and send what changed. Never raises: failures are logged.

    Repeating an issue time, or going back to an earlier one, changes no notice but sends changes that were not accepted
    before. Delivery is at least once: a change is sent again if its acceptance could not be stored.

    Parameters
    ----------
    ports
        Where notices are stored and sent, or None to do nothing.
    forecasts
        The forecasts of the house's rooms, issued at ``issued_at``.
    outdoor
        (2, slots) humidity and temperature measured outdoors up to the issue time, or None.
    issued_at
        The issue time, aware.
    """
    if ports is None:
        return Noticed()
    try:
        return _note_changes(ports, home, forecasts, outside=outdoor_ahead(outdoor), issued_at=issued_at)
    except Exception:
        logger.exception("the notices of a house could not be brought up to date", extra={"house": home.name})
        return Noticed(failed=True)


def _note_changes(
    ports: NoticePorts,
    home: House,
    forecasts: Sequence[StoredForecast],
    *,
    outside: NDArray[np.float64],
    issued_at: datetime,
) -> Noticed:
    before = ports.notices.watch(home.name)
    watch, changes = advance(
        before,
        find(home, forecasts, outside=outside, issued_at=issued_at),
        at=issued_at,
        zone=home.zone,
        a_day=notices_a_day_of(home),
        sends=ports.telling is not None,
    )
    if watch != before:
        if not ports.notices.put(watch, [change.notice for change in changes], home=home):
            return Noticed()  # another run for this issue time was first, and sends the changes
        watch = replace(watch, version=watch.version + 1)
    for change in changes:
        logger.info("a notice was %s", change.word, extra={"house": home.name, "notice": change.notice.id})
    if ports.telling is None or not watch.unsent:
        return Noticed(changes)
    asked = watch.unsent[:_AT_ONCE]
    took = ports.telling.tell([_event(home, change, at=issued_at) for change in asked])
    left = taken(watch, [change for change, was_taken in zip(asked, took, strict=True) if was_taken])
    if left != watch:
        ports.notices.put(left, home=home)
    return Noticed(changes, untold=len(left.unsent))


def open_and_cleared(
    notices: KeptNotices, home: House, *, now: datetime, limit: int | None = 100
) -> dict[str, list[dict[str, Any]]]:
    """Returns a house's notices as plain values: ``open``, by urgency and room, and ``cleared``, newest first.

    Parameters
    ----------
    limit
        How many of the newest notices are searched for cleared ones. None searches all, and 0 none, which saves a call.
    """
    opened = notices.watch(home.name).opened
    held = [] if limit == 0 else notices.newest(home.name, now=now, limit=limit)
    urgent = sorted(opened.values(), key=lambda notice: (URGENCY.index(notice.finding.kind), notice.finding.room or ""))
    return {
        "open": [plain_notice(home, notice, at=now) for notice in urgent],
        "cleared": [
            plain_notice(home, notice, at=notice.cleared_at) for notice in held if notice.cleared_at is not None
        ],
    }


def plain_notice(home: House, notice: Notice, *, at: datetime) -> dict[str, Any]:
    """Returns a notice as plain values, with its text in the house's language as it reads at the time ``at``."""
    finding = replace(notice.finding, room=None if notice.finding.room is None else home.present(notice.finding.room))
    return {
        "id": notice.id,
        "kind": finding.kind,
        "room": finding.room,
        "text": words_of(replace(notice, finding=finding), at=at, zone=home.zone, language=language_of(home)),
        "likely": round(finding.likely, 2),
        "start": format_slot(finding.start),
        "end": format_slot(finding.end) if finding.end else None,
        "raised_at": format_slot(notice.raised_at),
        "cleared_at": format_slot(notice.cleared_at) if notice.cleared_at else None,
        "muted": notice.muted,
    }


def _event(home: House, change: Change, *, at: datetime) -> dict[str, Any]:
    """Returns a change as it is sent. ``news`` is "no" if no person needs to hear it, such as that damp air is over."""
    notice = change.notice
    is_news = change.word == "raised" or notice.finding.kind in {"silent", "stuck"}
    return {
        "change": change.word,
        "house": home.name,
        "timezone": home.zone,
        "language": language_of(home),
        "news": "yes" if is_news else "no",
        **plain_notice(home, notice, at=at),
    }
