"""Stores weather issues that gateways sent to the queue. Each counts as one reading: stored, duplicate or rejected.

A message that is delivered twice is a duplicate, and so is the same issue in another message within a day. As with all
data of a house, issues are deleted again if the house was forgotten while they were being stored.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import polars as pl

from roomidity.domain.messages import Message
from roomidity.domain.weather import WeatherIssue, house_place, too_many_an_hour
from roomidity.pipeline.ports import Houses, Weather
from roomidity.readings.issues import SentIssues
from roomidity.readings.reasons import FORGOTTEN, Duplicate, Reason

__all__ = ["StoredIssues", "store_issues"]

logger: Final = logging.getLogger(__name__)

_LOOKED_BACK: Final = timedelta(hours=24)
"""How far back stored issues are searched for duplicates, and to enforce the hourly limit."""

_HOUSES_AT_ONCE: Final = 200

_REJECTED: Final = {
    "message": pl.UInt32(),
    "position": pl.UInt32(),
    "house": pl.String(),
    "room": pl.String(),
    "at": pl.Int64(),
    "reason": pl.String(),
}


@dataclass
class StoredIssues:
    """The outcome of each issue, by the place of its message.

    Parameters
    ----------
    outcomes
        "stored", or the kind of duplicate, for each accepted issue.
    faults
        The house (if known) and the reason for each rejected issue.
    gone
        Messages sent before their house was forgotten.
    left
        Messages that stay in the queue, because time ran out or the table refused them.
    failure
        The last error of the table, if any.
    """

    outcomes: dict[int, str] = field(default_factory=dict)
    faults: dict[int, tuple[str | None, Reason]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    failure: Exception | None = None

    @property
    def rejected(self) -> pl.DataFrame:
        """The rejected issues, one row each, in the schema of rejected readings."""
        rows = [(place, 0, house, None, None, reason) for place, (house, reason) in sorted(self.faults.items())]
        return pl.DataFrame(rows, schema=_REJECTED, orient="row")

    def counts(self, left: Collection[int]) -> Counter[str]:
        """Returns how often each outcome occurred, excluding messages in ``left``."""
        return Counter(outcome for place, outcome in self.outcomes.items() if place not in left)

    def rejects(self, left: Collection[int]) -> Counter[str]:
        """Returns the number of issues dropped because their house was forgotten, excluding messages in ``left``."""
        gone = len(self.gone.difference(left))
        return Counter({FORGOTTEN: gone}) if gone else Counter()


def store_issues(
    weather: Weather,
    houses: Houses,
    sent: SentIssues,
    *,
    known: Collection[str],
    lives: Mapping[str, int],
    may_go_on: Callable[[], bool],
) -> StoredIssues:
    """Store the issues contained in messages, some houses at a time.

    Parameters
    ----------
    weather, houses
        The tables: issues are stored in one, and the other tells whether a house was forgotten meanwhile.
    sent
        The issues by house.
    known
        Names of the existing houses. Issues for any other name are rejected, because anybody can invent names.
    lives
        For names of which a house was forgotten: when, in ms since 1970. Issues sent up to then are dropped.
    may_go_on
        Called before each part. If it returns False, the remaining messages stay in the queue.
    """
    stored = StoredIssues(faults=dict(sent.faults))
    issues: dict[str, dict[int, WeatherIssue]] = {}
    for name, by_message in sent.issues.items():
        of_before = {place for place in by_message if _is_of_before(sent.decoded.messages[place], lives.get(name, -1))}
        stored.gone |= of_before
        rest = {place: issue for place, issue in by_message.items() if place not in of_before}
        if name in known:
            issues[name] = rest
        else:
            stored.faults |= dict.fromkeys(rest, (name, "weather"))
    gone = [sent.issues[name][place] for name in sent.issues for place in stored.gone & sent.issues[name].keys()]
    if gone:  # a drain that crashed may have stored them
        weather.delete_many(gone)
    waiting = [name for name, by_message in issues.items() if by_message]
    for first in range(0, len(waiting), _HOUSES_AT_ONCE):
        some = {name: issues[name] for name in waiting[first : first + _HOUSES_AT_ONCE]}
        places = {place for by_message in some.values() for place in by_message}
        if not may_go_on():
            stored.left |= places
            continue
        try:
            _store(weather, houses, some, lives, stored)
        except Exception as error:  # no error here may cost the readings of other messages
            logger.exception("issues of the weather could not be stored; their messages stay in the queue")
            stored.failure = error
            stored.left |= places
    return stored


def _is_of_before(message: Message, end: int) -> bool:
    return message.origin_ms <= end


def _store(
    weather: Weather,
    houses: Houses,
    issues: Mapping[str, Mapping[int, WeatherIssue]],
    lives: Mapping[str, int],
    stored: StoredIssues,
) -> None:
    moments = [issue.known_from for by_message in issues.values() for issue in by_message.values()]
    since, until = min(moments) - _LOOKED_BACK, max(moments) + timedelta(hours=1)
    standing: dict[str, list[WeatherIssue]] = {}
    for issue in weather.issues(map(house_place, issues), since=since, until=until):
        standing.setdefault(issue.place, []).append(issue)
    new: dict[int, WeatherIssue] = {}
    for name, by_message in issues.items():
        stands = standing.get(house_place(name), [])
        for place, issue in sorted(by_message.items(), key=lambda one: one[1].known_from):
            duplicate = _duplicate(issue, stands)
            if duplicate is not None:
                stored.outcomes[place] = duplicate
            elif too_many_an_hour([other.known_from for other in stands], issue.known_from):
                stored.faults[place] = name, "weather"
            else:
                stands.append(issue)
                new[place] = issue
    for place, written in zip(new, weather.put_many(list(new.values())), strict=True):
        stored.outcomes[place] = "stored" if written else "repeat"  # another drain stored it at the same time
    _take_back(weather, houses, issues, lives, new, stored)


def _duplicate(issue: WeatherIssue, stands: Sequence[WeatherIssue]) -> Duplicate | None:
    """Returns whether an issue repeats a stored one or conflicts with it, or None if it is new.

    Issues with the same `known_from` or `issued_at` are the same issue. They conflict if their values differ.
    """
    for other in stands:
        if other.known_from == issue.known_from or other.issued_at == issue.issued_at:
            is_same = replace(other, known_from=issue.known_from) == issue
            return "repeat" if is_same else "conflict"
    return None


def _take_back(
    weather: Weather,
    houses: Houses,
    issues: Mapping[str, Mapping[int, WeatherIssue]],
    lives: Mapping[str, int],
    new: Mapping[int, WeatherIssue],
    stored: StoredIssues,
) -> None:
    """Delete the issues just written for houses that were forgotten after they had been read."""
    now = houses.get_many(sorted(issues)) if new else {}
    for name, by_message in issues.items():
        if name in now and now[name].life != lives.get(name, 0):
            late = new.keys() & by_message.keys()
            weather.delete_many([new[place] for place in late])
            stored.gone |= late
            for place in late:
                del stored.outcomes[place]
