"""Advice: made beside the forecast, written where it changed or an hour has passed, and told; it costs no forecast."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from roomidity.domain.advice.house import HouseSeen, advise
from roomidity.domain.advice.issue import AdviceIssue, as_of, is_due, told_rooms
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.observations import Observation
from roomidity.errors import ItemDamagedError
from roomidity.forecasting import Window
from roomidity.pipeline.advice_parts import AdvicePorts, Advices, Advised, KeptAdvice
from roomidity.pipeline.advice_words import plain_room
from roomidity.pipeline.house_settings import language_of
from roomidity.pipeline.noticing import Telling
from roomidity.pipeline.openings import contact_slots
from roomidity.pipeline.ports import forgotten_since

__all__ = ["AdvicePorts", "Advices", "Advised", "KeptAdvice", "advise_house", "newest_advice"]

logger: Final = logging.getLogger(__name__)

_AT_ONCE: Final = 10
"""EventBridge takes no more; the next tick tells the rest."""


def advise_house(
    ports: AdvicePorts,
    home: House,
    forecasts: Sequence[StoredForecast],
    window: Window,
    *,
    issued_at: datetime,
    recent: Sequence[tuple[datetime, Observation]] | None = None,
) -> Advised:
    """Advise a house at an issue time, and tell what has changed; it never raises.

    An issue time that was advised before is left alone. Who is told of a change is told at least once: again where it
    could not be written, or nobody took it.

    Parameters
    ----------
    forecasts
        Those of its rooms, as they were written.
    window
        What its rooms measured up to the issue time, with the weather ahead that was known.
    recent
        The slots whose contacts still tell something. They are read if they are not given.
    """
    try:
        return _advise_house(ports, home, forecasts, window, issued_at=issued_at, recent=recent)
    except Exception:
        logger.exception("a house could not be advised", extra={"house": home.name})
        return Advised(failed=True)


def newest_advice(kept: KeptAdvice, home: House, *, now: datetime) -> AdviceIssue | None:
    """Returns the newest advice of a house under its rooms' present names, as it holds ``now``.

    Advice that is outdated or cannot be read is none: nobody may act on it.
    """
    try:
        issue = kept.latest(home.name, now=now)
    except ItemDamagedError:
        return None
    held = None if issue is None else as_of(issue, now)
    if held is None:
        return None
    return replace(held, rooms={present: one for room, one in held.rooms.items()
                                if (present := home.present(room)) in home.rooms})  # fmt: skip


def _advise_house(
    ports: AdvicePorts,
    home: House,
    forecasts: Sequence[StoredForecast],
    window: Window,
    *,
    issued_at: datetime,
    recent: Sequence[tuple[datetime, Observation]] | None,
) -> Advised:
    before, forgot = None, False
    try:
        before = ports.advice.latest(home.name, now=issued_at)
    except ItemDamagedError:
        forgot = True
    if before is not None and before.issued_at >= issued_at:
        return Advised(before)
    seen = HouseSeen(
        forecasts=forecasts,
        measured=dict(zip(window.rooms, window.values, strict=True)),
        outdoor=window.outdoor,
        recent=contact_slots(ports.observations, home, issued_at) if recent is None else recent,
        weather=max(window.issues, key=lambda issue: (issue.known_from, issue.issued_at), default=None),
    )
    issue = advise(home, seen, at=issued_at, before=before, forgot=forgot)
    if ports.telling is not None:
        issue = replace(issue, untold=_tell(ports.telling, home, issue, told_rooms(before, issue)))
    if not is_due(before, issue):
        return Advised(issue, untold=len(issue.untold))
    written = ports.advice.put(issue)
    if written and forgotten_since(ports.houses, home):
        ports.advice.delete(issue)
        return Advised()
    return Advised(issue, written=written, untold=len(issue.untold))


def _tell(telling: Telling, home: House, issue: AdviceIssue, changed: Sequence[str]) -> tuple[str, ...]:
    """Tell what changed for some rooms, before it is written, so that what is written says what nobody took.

    Returns
    -------
    The rooms of which nobody took it.
    """
    asked, later = changed[:_AT_ONCE], changed[_AT_ONCE:]
    if not asked:
        return ()
    try:
        took = telling.tell([_event(home, issue, room) for room in asked])
    except Exception:
        logger.exception("changed advice could not be told; the next tick tries again", extra={"house": home.name})
        return tuple(changed)
    return (*(room for room, was_taken in zip(asked, took, strict=True) if not was_taken), *later)


def _event(home: House, issue: AdviceIssue, room: str) -> dict[str, Any]:
    """A change as it is told. It is no news to be sent to a person: a plan is looked up, and a fan reads no text."""
    return {
        "change": "advised",
        "house": home.name,
        "timezone": home.zone,
        "language": language_of(home),
        "news": "no",
        "issued_at": issue.issued_at.strftime("%Y-%m-%dT%H:%MZ"),
        **plain_room(home, room, issue.rooms[room], now=issue.issued_at),
    }
