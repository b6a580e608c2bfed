"""The ports of the doctor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from roomidity.domain.damage import Damaged
from roomidity.domain.stage import QueueFacts, TableFacts, Trouble
from roomidity.pipeline.advising import KeptAdvice
from roomidity.pipeline.noticing import KeptNotices
from roomidity.pipeline.ports import (
    Accuracy,
    Forecasts,
    Houses,
    Moulds,
    Observations,
    Registry,
    Sets,
    Settings,
    Weather,
)

__all__ = ["Account", "DoctorPorts", "KeptRejects"]


class Account(Protocol):
    """The account behind the usual AWS variables. Each query raises if it has no answer."""

    region: str

    @property
    def endpoint(self) -> str:
        """The address to which calls go."""

    @property
    def is_emulator(self) -> bool:
        """Whether the endpoint is an emulator rather than AWS."""

    def regions(self) -> Sequence[str]:
        """Returns the existing regions."""

    def identity(self) -> str:
        """Returns the identity of the caller."""

    def stack_status(self, name: str) -> str | None:
        """Returns a stack's status, or None if it does not exist."""

    def queue(self, name: str, *, now: datetime) -> QueueFacts:
        """Returns what waits in a queue."""

    def table(self, name: str) -> TableFacts:
        """Returns facts about a table, and reads from it."""

    def concurrency(self) -> int:
        """Returns the maximum number of concurrent executions of all functions together."""

    def has_api(self, name: str) -> bool:
        """Returns whether an HTTP API with this name is up."""

    def iot_rule(self, name: str) -> bool:
        """Returns whether an AWS IoT rule is enabled."""

    def function_environment(self, name: str) -> Mapping[str, str]:
        """The environment of a function; it raises where there is none."""

    def reach_bucket(self, name: str) -> None:
        """Raises if a bucket is not reachable."""


class KeptRejects(Protocol):
    """The rejected readings kept in the bucket, by day."""

    def days(self, first: date | None = None, last: date | None = None) -> list[date]:
        """Returns the days with rejects from ``first`` to ``last``, both included."""

    def keys(self, day: date) -> Iterable[str]:
        """Returns the keys of a day's objects."""

    def lines(self, key: str) -> Iterator[dict[str, Any]]:
        """Yields an object's lines, or none if it no longer exists."""


@dataclass(frozen=True)
class DoctorPorts:
    """What the doctor asks. The ports after ``bucket`` are created only once the endpoint is known to answer.

    ``bucket`` returns the bucket's name. ``trouble_of`` explains an error of a call. ``damaged`` returns the items that
    the other ports could not read.
    """

    prefix: str
    account: Account
    trouble_of: Callable[[Exception], Trouble]
    bucket: Callable[[], str]
    houses: Callable[[], Houses]
    forecasts: Callable[[], Forecasts]
    registry: Callable[[], Registry]
    sets: Callable[[], Sets]
    observations: Callable[[], Observations]
    accuracy: Callable[[], Accuracy]
    moulds: Callable[[], Moulds]
    settings: Callable[[], Settings]
    notices: Callable[[], KeptNotices]
    advice: Callable[[], KeptAdvice]
    weather: Callable[[], Weather]
    rejects: Callable[[], KeptRejects]
    damaged: Callable[[], Sequence[Damaged]]
