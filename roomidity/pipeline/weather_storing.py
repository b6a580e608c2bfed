"""Issues of the weather that a house's gateway queued: stored, a duplicate, or rejected, each counted as one reading.

Sent again, one stands already and is a duplicate; one that came a second time under another message is so for a day.
Like all that is written of a house, an issue is taken back where the house was forgotten meanwhile.
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
"""How far an issue is looked for that is the same, or makes too many an hour."""

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
    """What became of issues, by message: ``outcomes`` of those that were accepted, and why others were rejected.

    ``gone`` were sent before their house was forgotten; ``left`` stay in the queue, for want of time or as the table
    did not take them (``failure``).
    """

    outcomes: dict[int, str] = field(default_factory=dict)
    faults: dict[int, tuple[str | None, Reason]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    failure: Exception | None = None

    @property
    def rejected(self) -> pl.DataFrame:
        """Returns the rejected ones, a row each, as those of readings."""
        rows = [(place, 0, house, None, None, reason) for place, (house, reason) in sorted(self.faults.items())]
        return pl.DataFrame(rows, schema=_REJECTED, orient="row")

    def counts(self, left: Collection[int]) -> Counter[str]:
        """What became of those accepted whose messages are not ``left``."""
        return Counter(outcome for place, outcome in self.outcomes.items() if place not in left)

    def rejects(self, left: Collection[int]) -> Counter[str]:
        """Those of a house that was forgotten since, but for messages that are ``left``."""
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
    """Store the issues that messages hold, some houses at a time.

    Parameters
    ----------
    weather, houses
        Where they are stored, and whether a house was forgotten meanwhile.
    sent
        The messages' issues, by house.
    known
        The houses that are there: what comes of another is rejected, for anybody can make up names.
    lives
        Of houses of whose name one was forgotten: what was sent before is dropped.
    may_go_on
        Asked before each part; what is then left comes again.
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
    if gone:  # a drain that died may have stored them
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
        except Exception as error:  # whatever it is, the readings of other messages are stored
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
            elif too_many_an_hour([one.known_from for one in stands], issue.known_from):
                stored.faults[place] = name, "weather"
            else:
                stands.append(issue)
                new[place] = issue
    for place, written in zip(new, weather.put_many(list(new.values())), strict=True):
        stored.outcomes[place] = "stored" if written else "repeat"  # of another drain, at the same time
    _take_back(weather, houses, issues, lives, new, stored)


def _duplicate(issue: WeatherIssue, stands: Sequence[WeatherIssue]) -> Duplicate | None:
    """How an issue is one that stands already: known or issued at the same time, with the same values or others."""
    for one in stands:
        if one.known_from == issue.known_from or one.issued_at == issue.issued_at:
            is_same = replace(one, known_from=issue.known_from) == issue
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
    """Delete what was just written of houses that were forgotten since they were read."""
    now = houses.get_many(sorted(issues)) if new else {}
    for name, by_message in issues.items():
        if name in now and now[name].life != lives.get(name, 0):
            late = new.keys() & by_message.keys()
            weather.delete_many([new[place] for place in late])
            stored.gone |= late
            for place in late:
                del stored.outcomes[place]
