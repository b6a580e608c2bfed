"""From what was found to what has changed, with hysteresis: what is uncertain raises nothing, and clears nothing."""

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
        The probability from which on it is raised, and under which it lapses.
    lapse
        For how long it has to stay there to be cleared.
    rest
        For how long after that it is not raised again.
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
"""`scripts/notices-study` says how often these raise a notice, and how many come true."""

_MOVED: Final = timedelta(minutes=30)
_CHANGED: Final = 0.1
"""By so much an open notice's times or probability change before it is written anew; nobody is told of that."""

_AT_ONCE: Final = 90
"""Changes are written all or nothing, and DynamoDB takes a hundred items; more come with the next issue time."""

URGENCY: Final[Sequence[Kind]] = ("silent", "stuck", "mould", "humid")
"""Which come first where a house has more than its number a day."""

_NEWS_FOR: Final = timedelta(hours=24)
"""What nobody has taken for so long is no news any more."""


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
    """What a house's notices are at an issue time, and what has changed; the same watch where nothing has.

    Parameters
    ----------
    watch
        As it was at an earlier issue time; of a later one or the same, nothing changes.
    zone
        The house's, whose days count.
    a_day
        How many people are sent on one; more are muted.
    sends
        Whether there is anybody to send to.
    rules
        When each kind is raised and cleared; others than the usual ones are for studies.
    """
    if watch.at is not None and at <= watch.at:
        return watch, ()
    by_key = {one.key: one for one in found}
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
    for finding in sorted(by_key.values(), key=lambda one: (URGENCY.index(one.kind), -one.likely, one.room or "")):
        if len(changes) >= _AT_ONCE or finding.key in watch.opened or finding.key in rested:
            continue
        if not finding.judged or finding.likely < rules[finding.kind].raised:
            continue
        notice = Notice(watch.house, finding, raised_at=at, muted=told.count >= a_day)
        told = told if notice.muted else replace(told, count=told.count + 1)
        opened[finding.key] = notice
        changes.append(Change("raised", notice))
    news = [one for one in changes if sends and not one.notice.muted]
    fresh = [one for one in watch.unsent if sends and _moment(one) > at - _NEWS_FOR]
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
    """The watch once some of its changes were taken."""
    gone = {(one.word, one.notice.id) for one in sent}
    return replace(watch, unsent=tuple(one for one in watch.unsent if (one.word, one.notice.id) not in gone))


def _seen_again(
    notice: Notice, finding: Finding | None, since: datetime | None, at: datetime, rules: Mapping[Kind, Rule]
) -> tuple[Notice, datetime | None]:
    """An open notice as it stands now, and since when it lapses, if it does."""
    if finding is not None and not finding.judged:
        over = notice.finding.end is not None and notice.finding.end <= at
        return notice, (since or at) if over else None
    if finding is None or finding.likely < rules[notice.finding.kind].cleared:
        return notice, since or at
    if notice.finding.start <= at and finding.start <= at + SLOT:  # it has begun, and goes on
        finding = replace(finding, start=notice.finding.start)
    return (replace(notice, finding=finding) if _differs(notice.finding, finding) else notice), None


def _differs(before: Finding, after: Finding) -> bool:
    if before.kind in {"silent", "stuck"}:
        return False  # since when it is so does not change by its going on
    return (
        abs(after.start - before.start) >= _MOVED
        or abs(after.likely - before.likely) >= _CHANGED
        or (before.end is None) != (after.end is None)
        or (before.end is not None and after.end is not None and abs(after.end - before.end) >= _MOVED)
    )


def _moment(change: Change) -> datetime:
    return change.notice.cleared_at or change.notice.raised_at
