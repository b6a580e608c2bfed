"""Forecasts of the weather among messages, told apart from readings: ``{"house", "weather": {...}}``, one a message.

``weather`` has ``issued_at``, and lists of 49 ``times`` (an hour apart), ``temperature`` (°C) and ``humidity`` (%RH).
When it became known is the message's word alone, not the sender's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import polars as pl

from roomidity.domain.messages import Message
from roomidity.domain.names import is_name, kept_name
from roomidity.domain.slots import from_epoch_ms, parse_time
from roomidity.domain.weather import HOURS, WeatherIssue, checked_issue, house_place
from roomidity.errors import InputError
from roomidity.readings.lenient import loads
from roomidity.readings.reasons import Reason
from roomidity.readings.wire import Decoded

__all__ = ["SentIssues", "read_issue", "sent_issues"]

_OTHERS: Final = frozenset({"readings", "room", "messages", "topic", "payload", "message"})
"""What stands there is of another form: readings, or a gateway's message that says something of the weather."""

_MS_FROM: Final = 1e11
"""An epoch is of seconds below, of milliseconds from here on."""


@dataclass(frozen=True)
class SentIssues:
    """Messages with the issues taken out: ``decoded`` has no row of them.

    ``issues`` are those that can be kept, by house, then by message (its index); ``faults`` has why the others cannot,
    with the house that they name, if it is a name.
    """

    decoded: Decoded
    issues: Mapping[str, Mapping[int, WeatherIssue]] = field(default_factory=dict)
    faults: Mapping[int, tuple[str | None, Reason]] = field(default_factory=dict)

    @property
    def messages(self) -> set[int]:
        """The messages that hold an issue, or what was meant to be one."""
        return {*self.faults, *(place for by_message in self.issues.values() for place in by_message)}


def sent_issues(decoded: Decoded) -> SentIssues:
    """Take the issues out of messages; only what is neither packed nor names a room can be one."""
    issues: dict[str, dict[int, WeatherIssue]] = {}
    faults: dict[int, tuple[str | None, Reason]] = {}
    for place in _may_be(decoded):
        message = decoded.messages[place]
        content = _weather_of(message)
        if content is None:
            continue
        house = content["house"]
        name = kept_name(house) if isinstance(house, str) else None
        if name is None or not is_name(name):
            faults[place] = None, "bad_name"
            continue
        try:
            issue = read_issue(content["weather"], place=house_place(name), known_from=from_epoch_ms(message.sent_ms))
        except InputError:
            faults[place] = name, "weather"
        else:
            issues.setdefault(name, {})[place] = issue
    found = SentIssues(decoded, issues, faults)
    if not found.messages:
        return found
    rows = decoded.rows.filter(~pl.col("message").is_in(list(found.messages)))
    return replace(found, decoded=replace(decoded, rows=rows))


def _may_be(decoded: Decoded) -> Sequence[int]:
    faults = decoded.rows["fault"]
    if faults.null_count() == len(faults):
        return []
    foreign = decoded.rows.filter(faults == "foreign")["message"].to_list()
    return [place for place in foreign if '"weather"' in decoded.messages[place].body]


def _weather_of(message: Message) -> dict[str, Any] | None:
    try:
        content = loads(message.body)
    except ValueError:
        return None
    is_one = isinstance(content, dict) and {"house", "weather"} <= content.keys() and _OTHERS.isdisjoint(content)
    return content if is_one else None


def read_issue(content: Any, *, place: str, known_from: datetime) -> WeatherIssue:
    """The issue that ``weather`` says.

    Raises
    ------
    InputError
        If it says none that can be kept.
    """
    if not isinstance(content, dict):
        raise InputError(f"the weather is {content!r:.80}; expected an object")
    times = [_time(one) for one in _list(content, "times")]
    if len(times) != HOURS or any(later - earlier != timedelta(hours=1) for earlier, later in pairwise(times)):
        raise InputError(f"the weather has {len(times)} times; expected {HOURS}, each an hour after the one before")
    return checked_issue(
        WeatherIssue(
            place=place,
            issued_at=_time(content.get("issued_at")),
            known_from=known_from,
            first=times[0],
            temperature=_numbers(content, "temperature"),
            humidity=_numbers(content, "humidity"),
        )
    )


def _list(content: Mapping[str, Any], name: str) -> list[Any]:
    found = content.get(name)
    if not isinstance(found, list):
        raise InputError(f"the weather's {name} are {found!r:.80}; expected a list of {HOURS}")
    return found


def _numbers(content: Mapping[str, Any], name: str) -> tuple[float, ...]:
    found = _list(content, name)
    try:
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in found):
            raise InputError(f"the weather's {name} has what is no number; expected {HOURS} numbers")
        return tuple(map(float, found))
    except OverflowError as error:
        raise InputError(f"the weather's {name} has a number beyond all weather") from error


def _time(value: Any) -> datetime:
    """A time as ISO 8601 with an offset, or since 1970 in s or ms."""
    try:
        if isinstance(value, str):
            return parse_time(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return from_epoch_ms(round(value if abs(value) >= _MS_FROM else value * 1000))
    except (ValueError, OverflowError) as error:
        raise InputError(f"a time of the weather is {value!r:.80}: {error}") from error
    raise InputError(f"a time of the weather is {value!r:.80}; expected ISO 8601 with an offset, or an epoch")
