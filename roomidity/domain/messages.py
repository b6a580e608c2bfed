"""Inputs of the functions: queue messages, the issue time of a scheduled event, and jobs with their serialisation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal, Self

from roomidity.domain.names import is_key
from roomidity.domain.slots import floor_slot, format_moment, format_slot, is_present, parse_slot, parse_time
from roomidity.errors import InputError

__all__ = ["ForecastJob", "Message", "NightCall", "Refusal", "Resent", "TrainingJob", "TrainingReason", "issue_time"]

TrainingReason = Literal["first", "daily", "weekly", "drift", "quarantine", "repair"]
"""Why the nightly run requests a training. A person may give another reason."""


_FAR: Final = timedelta(hours=1)
"""A scheduled event is delivered within ten minutes or dropped."""


@dataclass(frozen=True)
class Message:
    """A message as received: its id, body, time of sending (ms since 1970), and the handle that deletes it.

    ``first_sent_ms`` is when a replayed message was first sent. It decides whether that was before a deletion.
    """

    id: str
    body: str
    sent_ms: int
    handle: str
    first_sent_ms: int | None = None

    @property
    def origin_ms(self) -> int:
        """When the message was first sent, in ms since 1970."""
        return self.sent_ms if self.first_sent_ms is None else min(self.sent_ms, self.first_sent_ms)


class Resent(str):
    """A body that was sent before, with the time at which it was first sent.

    If a house was forgotten since, the body counts as sent at that time. If it combines bodies that were sent
    separately, the newest time counts.
    """

    __slots__ = ("first_sent_ms",)

    first_sent_ms: int

    def __new__(cls, body: str, first_sent_ms: int) -> Self:
        """Returns the body with the time attached."""
        resent = super().__new__(cls, body)
        resent.first_sent_ms = first_sent_ms
        return resent


def issue_time(event: Mapping[str, Any], *, clock: datetime, is_live: bool = False) -> datetime:
    """Returns the event's ``time`` floored to the slot, or that of ``clock`` if the event has none.

    Parameters
    ----------
    event
        A scheduled event, or one made by hand.
    clock
        The present time.
    is_live
        Whether scheduled events must be of the present. A stage on a laptop is replayed, with the data's time as its
        clock.

    Raises
    ------
    InputError
        If the time cannot be read, or a live scheduled event gives a time far from the present.
    """
    text = event.get("time")
    if text is None:
        return floor_slot(clock)
    try:
        moment = parse_time(text)
    except (TypeError, ValueError) as error:
        raise InputError(f"the event's time is {text!r}; expected ISO 8601 with an offset") from error
    if not is_present(moment):
        raise InputError(f"the event's time is {text!r}; expected one of the years 1970 to 9000")
    if is_live and event.get("source") == "aws.events" and abs(moment - clock) > _FAR:
        raise InputError(
            f"the schedule's event says {text!r}, but it is {format_moment(clock)}: more than an hour apart, at "
            "which good readings are too old or too early. Leave out 'source' to drain at that time all the same"
        )
    return floor_slot(moment)


@dataclass(frozen=True)
class Refusal:
    """Why a queue did not accept a message, in the queue's words. ``is_final`` means that it never will accept it."""

    said: str
    is_final: bool


@dataclass(frozen=True)
class ForecastJob:
    """A request to issue the forecasts of a house at an issue time."""

    house: str
    issued_at: datetime

    @classmethod
    def from_body(cls, body: str) -> ForecastJob:
        """Returns the job that a message asks for.

        Raises
        ------
        InputError
            If the body is not such a job.
        """
        job = _object(body)
        try:
            issued_at = parse_slot(job["issued_at"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"forecast job {body!r} has no issued_at of the form YYYY-MM-DDTHH:MMZ") from error
        if not is_present(issued_at):
            raise InputError(f"forecast job {body!r}: expected issued_at in the years 1970 to 9000")
        return cls(house=_house(job), issued_at=issued_at)

    def to_body(self) -> str:
        """Returns the message that asks for the job."""
        return json.dumps({"house": self.house, "issued_at": format_slot(self.issued_at)})


@dataclass(frozen=True)
class TrainingJob:
    """A request to train a model for a house, with the reason. ``now`` is the time to train at, if not the present."""

    house: str
    reason: str
    now: datetime | None = None

    @classmethod
    def from_body(cls, body: str) -> TrainingJob:
        """Returns the job that a message asks for.

        Raises
        ------
        InputError
            If the body is not such a job.
        """
        job = _object(body)
        try:
            now = parse_time(job["now"]) if "now" in job else None
        except (TypeError, ValueError) as error:
            raise InputError(f"training job {body!r} has a now that is not ISO 8601 with an offset") from error
        if now is not None and not is_present(now):
            raise InputError(f"training job {body!r}: expected now in the years 1970 to 9000")
        return cls(house=_house(job), reason=str(job.get("reason", "")), now=now)

    def to_body(self) -> str:
        """Returns the message that asks for the job."""
        now = {} if self.now is None else {"now": format_slot(self.now)}
        return json.dumps({"house": self.house, "reason": self.reason, **now})


@dataclass(frozen=True)
class NightCall:
    """A request for the nightly run of the named houses, or of all if none is named.

    If ``day`` is given, only the scores of that day are computed again.
    """

    now: datetime
    houses: tuple[str, ...] = ()
    day: date | None = None

    @classmethod
    def from_event(cls, event: Mapping[str, Any], *, clock: datetime) -> NightCall:
        """Returns the call that ``{"house"?, "houses"?, "day"?, "time"?}`` or a scheduled event asks for.

        Raises
        ------
        InputError
            If a name, the day or the time cannot be read.
        """
        names = [event["house"]] if event.get("house") else event.get("houses", [])
        if not isinstance(names, list) or not all(isinstance(name, str) and is_key(name) for name in names):
            raise InputError(f"the event's houses are {names!r}; expected names of 1 to 64 characters without / # $ +")
        return cls(now=issue_time(event, clock=clock), houses=tuple(names), day=_day(event.get("day")))

    def to_event(self) -> dict[str, Any]:
        """Returns the event that asks for it."""
        day = {} if self.day is None else {"day": self.day.isoformat()}
        return {"time": format_moment(self.now), "houses": list(self.houses), **day}


def _day(text: Any) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise InputError(f"the event's day is {text!r}; expected YYYY-MM-DD") from error
    if not is_present(datetime(day.year, day.month, day.day, tzinfo=UTC)):
        raise InputError(f"the event's day is {text!r}; expected one of the years 1970 to 9000")
    return day


def _object(body: str) -> dict[str, Any]:
    try:
        job = json.loads(body)
    except ValueError as error:
        raise InputError(f"job {body!r} is not JSON") from error
    if not isinstance(job, dict):
        raise InputError(f"job {body!r} is not a JSON object")
    return job


def _house(job: Mapping[str, Any]) -> str:
    house = job.get("house")
    if not isinstance(house, str) or not is_key(house):
        raise InputError(f"job for house {house!r}; expected a name of 1 to 64 characters without / # $ +")
    return house
