"""Raises and clears notices from findings, with hysteresis. An uncertain finding neither raises nor clears one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from roomidity.domain.notices.notice import Change, Finding, Kind, Notice, Told, Watch
from roomidity.domain.slots import SLOT

__all__ = ["RULES", "URGENCY", "Rule", "advance", "taken"]


@dataclass(frozen=True)
class Rule:
    """When a kind of notice is raised, and when it is cleared.

    Parameters
    ----------
    raised, cleared
        A notice is raised at or above the first probability, and begins to lapse below the second.
    lapse
        How long the probability has to stay below ``cleared`` before the notice is cleared.
    rest
        How long after clearing the notice is not raised again.
    """

    raised: float
    cleared: float
    lapse: timedelta
    rest: timedelta


RULES: Final[Mapping[Kind, Rule]] = {
    "humid": Rule(0.7, 0.3, lapse=timedelta(hours=1), rest=timedelta(hours=6)),
    "mould": Rule(0.9, 0.3, lapse=timedelta(hours=6), rest=timedelta(hours=24)),
    "silent": Rule(0.9, 0.1, lapse=timedelta(minutes=30), rest=timedelta(0)),
    "stuck": Rule(0.9, 0.1, lapse=timedelta(hours=1), rest=timedelta(hours=6)),
}
"""`scripts/notices-study` measures how often these rules raise a notice, and how many notices come true."""

_MOVED: Final = timedelta(minutes=30)
_CHANGED: Final = 0.1
"""An open notice is stored again once its times or its probability have moved this far. Nothing is sent for that."""

_AT_ONCE: Final = 90
"""All changes are written in one DynamoDB transaction of at most 100 items. More follow at the next issue time."""

URGENCY: Final[Sequence[Kind]] = ("silent", "stuck", "mould", "humid")
"""Most urgent first: the order in which a house's daily limit is spent."""

_NEWS_FOR: Final = timedelta(hours=24)
"""A change that could not be delivered for this long is no longer news and is dropped."""


def advance(
    watch: Watch,
    found: Iterable[Finding],
    *,
    at: datetime,
    zone: str,
    a_day: int,
    sends: bool,
    rules: Mapping[Kind, Rule] = RULES,
) -> tuple[Watch, tuple[Change, ...]]:
    """Bring a house's notices up to the issue time ``at``.

    Parameters
    ----------
    watch
        The state after an earlier issue time. If its issue time is ``at`` or later, nothing changes.
    found
        All findings at ``at``, at most one for each key.
    at
        The issue time, aware.
    zone
        The house's time zone, in which its days begin and end.
    a_day
        Maximum number of notices sent on one day. Further ones are raised muted.
    sends
        Whether changes are sent to anybody. If not, none are kept as unsent.
    rules
        When a notice of each kind is raised and cleared. Only studies pass others than :data:`RULES`.

    Returns
    -------
    The new state and the changes. If there are none, the state is ``watch`` itself.
    """
    if watch.at is not None and at <= watch.at:
        return watch, ()
    by_key = {finding.key: finding for finding in found}
    opened, lapsing, rested = dict(watch.opened), dict(watch.lapsing), dict(watch.rested)
    changes: list[Change] = []
    for key, notice in watch.opened.items():
        opened[key], since = _seen_again(notice, by_key.get(key), lapsing.pop(key, None), at, rules)
        if since is None:
            continue
        rule = rules[notice.finding.kind]
        if at - since < rule.lapse or len(changes) >= _AT_ONCE:
            lapsing[key] = since
            continue
        changes.append(Change("cleared", replace(opened.pop(key), cleared_at=at)))
        if rule.rest:
            rested[key] = at + rule.rest
    rested = {key: until for key, until in rested.items() if until > at}
    today = at.astimezone(ZoneInfo(zone)).date()
    told = watch.told if watch.told is not None and watch.told.day == today else Told(today, 0)
    for finding in sorted(by_key.values(), key=_urgency):
        if len(changes) >= _AT_ONCE or finding.key in watch.opened or finding.key in rested:
            continue
        if not finding.judged or finding.likely < rules[finding.kind].raised:
            continue
        notice = Notice(watch.house, finding, raised_at=at, muted=told.count >= a_day)
        told = told if notice.muted else replace(told, count=told.count + 1)
        opened[finding.key] = notice
        changes.append(Change("raised", notice))
    news = [change for change in changes if sends and not change.notice.muted]
    fresh = [change for change in watch.unsent if sends and _moment(change) > at - _NEWS_FOR]
    after = replace(
        watch,
        opened=opened,
        lapsing=lapsing,
        rested=rested,
        told=told if told.count else None,
        unsent=(*fresh, *news),
    )
    same = replace(after, rested=watch.rested, told=watch.told) == watch and not changes
    return (watch, ()) if same else (replace(after, at=at), tuple(changes))


def taken(watch: Watch, sent: Iterable[Change]) -> Watch:
    """Returns the state without the unsent changes that have been delivered (``sent``)."""
    gone = {(change.word, change.notice.id) for change in sent}
    return replace(
        watch, unsent=tuple(change for change in watch.unsent if (change.word, change.notice.id) not in gone)
    )


def _urgency(finding: Finding) -> tuple[int, float, str]:
    """Returns a key that sorts the most urgent finding first."""
    return URGENCY.index(finding.kind), -finding.likely, finding.room or ""


def _seen_again(
    notice: Notice, finding: Finding | None, since: datetime | None, at: datetime, rules: Mapping[Kind, Rule]
) -> tuple[Notice, datetime | None]:
    """Returns an open notice updated by its finding, and since when it has been lapsing, or None if it is not."""
    if finding is not None and not finding.judged:
        over = notice.finding.end is not None and notice.finding.end <= at
        return notice, (since or at) if over else None
    if finding is None or finding.likely < rules[notice.finding.kind].cleared:
        return notice, since or at
    if notice.finding.start <= at and finding.start <= at + SLOT:  # it has begun and continues
        finding = replace(finding, start=notice.finding.start)
    return (replace(notice, finding=finding) if _differs(notice.finding, finding) else notice), None


def _differs(before: Finding, after: Finding) -> bool:
    if before.kind in {"silent", "stuck"}:
        return False  # only the beginning counts, and it stays the same
    return (
        abs(after.start - before.start) >= _MOVED
        or abs(after.likely - before.likely) >= _CHANGED
        or (before.end is None) != (after.end is None)
        or (before.end is not None and after.end is not None and abs(after.end - before.end) >= _MOVED)
    )


def _moment(change: Change) -> datetime:
    return change.notice.cleared_at or change.notice.raised_at
