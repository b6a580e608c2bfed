"""Notices: what has changed is written once, and then told; a failure here costs no forecast."""

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
    """What a house's notices go on from, written only on the version that was read, and the notices themselves."""

    def watch(self, house: str) -> Watch:
        """Returns it; a new one where there is none."""

    def put(self, watch: Watch, changed: Sequence[Notice] = (), *, home: House) -> bool:
        """Write it with the notices that changed, all or nothing.

        Returns
        -------
        False if another writer was there first, or the house was forgotten since ``home`` was read.
        """


class KeptNotices(Protocol):
    """The same, for who only reads."""

    def watch(self, house: str) -> Watch:
        """Returns what a house's notices go on from; a new one where there is none."""

    def newest(self, house: str, *, now: datetime, limit: int | None = None) -> list[Notice]:
        """Returns its notices that have not expired, newest first; all of them, or so many."""


class Telling(Protocol):
    """Where changes are told to whoever listens."""

    def tell(self, events: Sequence[dict[str, Any]]) -> list[bool]:
        """Tell some changes, at most ten. Returns for each whether it was taken."""


@dataclass(frozen=True)
class NoticePorts:
    """What notices talk to; ``telling`` is None where the stage tells nobody."""

    notices: Notices
    telling: Telling | None = None


@dataclass(frozen=True)
class Noticed:
    """What has changed, and how many changes are still to be told; ``failed`` where that could not be found out."""

    changes: tuple[Change, ...] = ()
    untold: int = 0
    failed: bool = False


_AT_ONCE: Final = 10
"""EventBridge takes no more; the next tick tells the rest."""


def note_changes(
    ports: NoticePorts | None,
    home: House,
    forecasts: Sequence[StoredForecast],
    *,
    outdoor: NDArray[np.float64] | None,
    issued_at: datetime,
) -> Noticed:
    """Bring a house's notices up to an issue time, and tell what has changed; it never raises.

    The same issue time again, or an earlier one, changes nothing, but tells what nobody has taken yet. Who takes a
    change gets it at least once: again where it could not be noted that it was taken.

    Parameters
    ----------
    outdoor
        What was measured outside, (2, slots) up to the issue time, or None.
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
            return Noticed()  # another one of this issue time was first, and tells
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
    """A house's notices as plain values: ``open``, by kind and room, and ``cleared``, newest first.

    Parameters
    ----------
    limit
        Of so many of the newest those that were cleared; None for all, and 0 for none, which takes a call less.
    """
    opened = notices.watch(home.name).opened
    held = [] if limit == 0 else notices.newest(home.name, now=now, limit=limit)
    urgent = sorted(opened.values(), key=lambda one: (URGENCY.index(one.finding.kind), one.finding.room or ""))
    return {
        "open": [plain_notice(home, one, at=now) for one in urgent],
        "cleared": [plain_notice(home, one, at=one.cleared_at) for one in held if one.cleared_at is not None],
    }


def plain_notice(home: House, notice: Notice, *, at: datetime) -> dict[str, Any]:
    """A notice as plain values, with its words in the house's language as they are read ``at`` some time."""
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
    """A change as it is told; ``news`` says whether anybody needs to be sent it: nobody, that damp air is over."""
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
