"""What functions are called with: the issue time of a schedule's event, the body of a job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from roomidity.errors import InputError
from roomidity.slots import floor_slot, parse_slot, parse_time
from roomidity.terms import is_name

__all__ = ["ForecastJob", "TrainingJob", "issue_time"]


def issue_time(event: Mapping[str, Any], *, clock: datetime) -> datetime:
    """The event's ``time`` floored to the slot; ``clock`` (now) where the event has none.

    Raises
    ------
    InputError
        If the time cannot be read.
    """
    text = event.get("time")
    if text is None:
        return floor_slot(clock)
    try:
        return floor_slot(parse_time(text))
    except (TypeError, ValueError) as error:
        raise InputError(f"the event's time is {text!r}; expected ISO 8601 with an offset") from error


@dataclass(frozen=True)
class ForecastJob:
    """Issue the forecasts of a house at an issue time."""

    house: str
    issued_at: datetime

    @classmethod
    def from_body(cls, body: str) -> ForecastJob:
        """The job that a message asks for.

        Raises
        ------
        InputError
            If the body is no such job.
        """
        job = _object(body)
        try:
            return cls(house=_house(job), issued_at=parse_slot(job["issued_at"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"forecast job {body!r} has no issued_at of the form YYYY-MM-DDTHH:MMZ") from error


@dataclass(frozen=True)
class TrainingJob:
    """Train a model for a house, and why. ``now`` is the time to train at, where it is not the present."""

    house: str
    reason: str
    now: datetime | None = None

    @classmethod
    def from_body(cls, body: str) -> TrainingJob:
        """The job that a message asks for.

        Raises
        ------
        InputError
            If the body is no such job.
        """
        job = _object(body)
        try:
            now = parse_time(job["now"]) if "now" in job else None
        except (TypeError, ValueError) as error:
            raise InputError(f"training job {body!r} has a now that is not ISO 8601 with an offset") from error
        return cls(house=_house(job), reason=str(job.get("reason", "")), now=now)


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
    if not isinstance(house, str) or not is_name(house):
        raise InputError(f"job for house {house!r}; expected a name of 1 to 64 characters without / # $ +")
    return house
