"""The ports through which the API reads. It writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from roomidity.domain.comfort.course import MouldDay
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.models import ModelRecord, Pointer, Served
from roomidity.domain.observations import Observation
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.pipeline.advising import KeptAdvice
from roomidity.pipeline.noticing import KeptNotices
from roomidity.pipeline.ports import Settings

__all__ = ["ApiPorts", "KnownHouses", "KnownModels", "ReadAccuracy", "ReadForecasts", "ReadMoulds", "ReadObservations"]


class KnownHouses(Protocol):
    """Access to houses."""

    def get(self, name: str) -> House | None:
        """Returns a house, or None if it does not exist."""


class ReadForecasts(Protocol):
    """Access to forecasts by room and issue time."""

    def latest(self, house: str, room: str, *, now: datetime) -> StoredForecast | None:
        """Returns a room's newest forecast issued by ``now``, or None."""

    def issued(
        self, house: str, rooms: Iterable[str], moments: Iterable[datetime], *, now: datetime
    ) -> list[StoredForecast]:
        """Returns the forecasts of the given rooms and issue times that have not expired."""


class ReadObservations(Protocol):
    """Access to observations by slot."""

    def between(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, Observation]]:
        """Yields each observed slot in [start, end) with its observation, in order of time."""

    def newest_means(
        self, house: str, slots: Iterable[datetime]
    ) -> Iterator[tuple[datetime, dict[str, dict[str, float]]]]:
        """Yields the given slots with their means."""


class ReadAccuracy(Protocol):
    """Access to accuracy by room and day."""

    def of_days(self, house: str, rooms: Iterable[str], days: Iterable[date]) -> list[DayAccuracy]:
        """Returns the rows of the given rooms and days."""


class ReadMoulds(Protocol):
    """Access to mould records by day."""

    def of_days(self, house: str, days: Iterable[date]) -> list[MouldDay]:
        """Returns the existing records of the given days of a house, in order of time."""


class KnownModels(Protocol):
    """Access to what is known of models, without their bytes."""

    def pointer(self, house: str) -> Pointer:
        """Returns the pointer to the model that serves a house."""

    def records(self, house: str) -> list[ModelRecord]:
        """Returns every version's record, oldest first."""

    def served(self, house: str) -> Iterable[Served]:
        """Returns the log of which model served since when, newest first."""


@dataclass(frozen=True)
class ApiPorts:
    """All ports of the API."""

    settings: Settings
    houses: KnownHouses
    observations: ReadObservations
    forecasts: ReadForecasts
    accuracy: ReadAccuracy
    moulds: ReadMoulds
    models: KnownModels
    notices: KeptNotices
    advice: KeptAdvice
