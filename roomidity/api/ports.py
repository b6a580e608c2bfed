"""What the API reads. It writes nothing."""

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
from roomidity.pipeline.noticing import KeptNotices
from roomidity.pipeline.ports import Settings

__all__ = ["ApiPorts", "KnownHouses", "KnownModels", "ReadAccuracy", "ReadForecasts", "ReadMoulds", "ReadObservations"]


class KnownHouses(Protocol):
    """Houses."""

    def get(self, name: str) -> House | None:
        """A house, or None."""


class ReadForecasts(Protocol):
    """Forecasts by room and issue time."""

    def latest(self, house: str, room: str, *, now: datetime) -> StoredForecast | None:
        """A room's newest that was issued by ``now``."""

    def issued(
        self, house: str, rooms: Iterable[str], moments: Iterable[datetime], *, now: datetime
    ) -> list[StoredForecast]:
        """Those of some rooms that were issued at some times and have not expired."""


class ReadObservations(Protocol):
    """Observations by slot."""

    def between(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, Observation]]:
        """Each slot in [start, end) that was observed, and what was, in order of time."""

    def newest_means(
        self, house: str, slots: Iterable[datetime]
    ) -> Iterator[tuple[datetime, dict[str, dict[str, float]]]]:
        """The means of some slots."""


class ReadAccuracy(Protocol):
    """Accuracy by room and day."""

    def of_days(self, house: str, rooms: Iterable[str], days: Iterable[date]) -> list[DayAccuracy]:
        """The rows of some rooms and days."""


class ReadMoulds(Protocol):
    """Mould by day."""

    def of_days(self, house: str, days: Iterable[date]) -> list[MouldDay]:
        """Those of some of a house's days that there are, in order of time."""


class KnownModels(Protocol):
    """What is known of models; not their bytes."""

    def pointer(self, house: str) -> Pointer:
        """What serves a house."""

    def records(self, house: str) -> list[ModelRecord]:
        """Every version's record, oldest first."""

    def served(self, house: str) -> Iterable[Served]:
        """Who served since when, newest first."""


@dataclass(frozen=True)
class ApiPorts:
    """What the API reads."""

    settings: Settings
    houses: KnownHouses
    observations: ReadObservations
    forecasts: ReadForecasts
    accuracy: ReadAccuracy
    moulds: ReadMoulds
    models: KnownModels
    notices: KeptNotices
