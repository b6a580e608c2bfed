"""What the doctor asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from roomidity.domain.damage import Damaged
from roomidity.domain.stage import QueueFacts, TableFacts, Trouble
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
    """What is behind the usual AWS variables; each question raises where it has no answer."""

    region: str

    @property
    def endpoint(self) -> str:
        """Where calls go."""

    @property
    def is_emulator(self) -> bool:
        """Whether that is not AWS."""

    def regions(self) -> Sequence[str]:
        """The regions that there are."""

    def identity(self) -> str:
        """Who we are there."""

    def stack_status(self, name: str) -> str | None:
        """A stack's status, or None."""

    def queue(self, name: str, *, now: datetime) -> QueueFacts:
        """What waits in a queue."""

    def table(self, name: str) -> TableFacts:
        """A table that can be read."""

    def concurrency(self) -> int:
        """How many functions may run at once, in all."""

    def has_api(self, name: str) -> bool:
        """Whether an HTTP API of that name is up."""

    def iot_rule(self, name: str) -> bool:
        """Whether a rule of AWS IoT is switched on."""

    def function_environment(self, name: str) -> Mapping[str, str]:
        """The environment of a function; it raises where there is none."""

    def reach_bucket(self, name: str) -> None:
        """Ask for a bucket."""


class KeptRejects(Protocol):
    """The rejected readings that the bucket keeps, by day."""

    def days(self, first: date | None = None, last: date | None = None) -> list[date]:
        """The days of which there are any, from ``first`` to ``last``, both included."""

    def keys(self, day: date) -> Iterable[str]:
        """The objects of a day."""

    def lines(self, key: str) -> Iterator[dict[str, Any]]:
        """An object's lines; none where it is gone."""


@dataclass(frozen=True)
class DoctorPorts:
    """What the doctor asks; those after ``bucket`` are made only once the endpoint is known to answer.

    ``bucket`` names the bucket; ``trouble_of`` says what an error of a call means; ``damaged`` are the items that the
    others met and could not read.
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
    weather: Callable[[], Weather]
    rejects: Callable[[], KeptRejects]
    damaged: Callable[[], Sequence[Damaged]]
