"""The ports of the use cases. Adapters implement them, and tests have fakes that keep the same guarantees."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from roomidity.errors import ForgottenError, NotFoundError

if TYPE_CHECKING:  # a drain needs no forecasting, and pays for its import with each cold start
    from roomidity.domain.comfort.course import MouldDay
    from roomidity.domain.forecasts import StoredForecast
    from roomidity.domain.houses import House
    from roomidity.domain.messages import Message
    from roomidity.domain.models import Pointer, Pruned
    from roomidity.domain.observations import Observation, Origin, RoomMeans, StoredSet
    from roomidity.domain.setting import Setting
    from roomidity.domain.slots import SlotKey
    from roomidity.domain.weather import WeatherIssue
    from roomidity.forecasting import Model, State
    from roomidity.forecasting.evaluation.accuracy import DayAccuracy
    from roomidity.forecasting.model import Champion

__all__ = [
    "Accuracy",
    "Forecasts",
    "Function",
    "Houses",
    "JobQueue",
    "Moulds",
    "Observations",
    "PastObservations",
    "ReadingsQueue",
    "Registry",
    "Rejects",
    "Sets",
    "Settings",
    "TrainingPorts",
    "Weather",
    "forgotten_since",
    "is_forgotten",
    "known_house",
]


class ReadingsQueue(Protocol):
    """A queue with at-least-once delivery in any order. What is received and not deleted is received again."""

    def receive(self) -> list[Message]:
        """Returns some of the waiting messages, or none if none wait."""

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete messages. Returns those that could not be deleted, which will be received again."""


class JobQueue(Protocol):
    """A queue of work for other functions."""

    def send(self, bodies: Sequence[str]) -> None:
        """Send each body as a message."""


class Function(Protocol):
    """A function of the stage."""

    def begin(self, event: Mapping[str, Any]) -> None:
        """Invoke the function with ``event``, without waiting for its result."""


class Houses(Protocol):
    """Houses, written with optimistic locking on the version that was read."""

    def get(self, name: str) -> House | None:
        """Returns a house, or None if it does not exist or was forgotten."""

    def get_many(self, names: Iterable[str]) -> dict[str, House]:
        """Returns the existing houses, including those that were forgotten."""

    def without_rooms(self, names: Iterable[str]) -> dict[str, House]:
        """The same, as far as their rules, aliases and deletion; rooms, and when they were heard, may be left out."""

    def all(self) -> Iterator[House]:
        """Yields every house except those that were forgotten."""

    def active(self, at: datetime) -> list[str]:
        """The names of those that are active at a time, in their order."""

    def put(self, house: House) -> None:
        """Store a house. Raises ConflictError if another writer was there first."""

    def mark(self, houses: Iterable[House]) -> set[str]:
        """Store of each house only what is to be read again. Returns those where another writer was there first."""


class Settings(Protocol):
    """Settings of a house by kind, written and deleted with optimistic locking on the version that was read."""

    def get(self, house: str, kind: str) -> Setting | None:
        """Returns a setting, or None. Raises ItemDamagedError if it cannot be read."""

    def list(self, house: str) -> list[Setting]:
        """Returns all settings of a house, by kind."""

    def put(self, setting: Setting) -> Setting:
        """Store a setting. Returns it as stored. Raises ConflictError if another writer was there first."""

    def delete(self, setting: Setting) -> None:
        """Delete a setting. Raises ConflictError if another writer changed it in the meantime."""


class Sets(Protocol):
    """Packed sets, written with optimistic locking on the version that was read."""

    def get_many(self, keys: Iterable[SlotKey]) -> dict[SlotKey, StoredSet]:
        """Returns the sets that exist."""

    def put_many(self, sets: Mapping[SlotKey, StoredSet]) -> set[SlotKey]:
        """Write each set whose stored version is one less than its own. Returns the keys of the others."""

    def raise_versions(self, sets: Mapping[SlotKey, StoredSet], to: Mapping[SlotKey, int]) -> set[SlotKey]:
        """Raise the version of each set that is unchanged since it was read. Returns the keys of those that are not."""

    def delete_before(self, lives: Mapping[SlotKey, int]) -> None:
        """Delete each set that belongs to an earlier life of its house than the life given for its slot."""

    def between(self, house: str, start: datetime, end: datetime) -> Iterator[dict[SlotKey, StoredSet]]:
        """Yields the sets of [start, end), read consistently, in order of time, a bounded number at a time."""


class PastObservations(Protocol):
    """What is read of observations of the past, and flagged."""

    def means(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, RoomMeans]]:
        """Yields each observed slot in [start, end) with the rooms' means, in order of time."""

    def derived(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[SlotKey, Observation, Origin]]:
        """Yields each observed slot in [start, end) with its observation and its origin, in order of time."""

    def replace_many(self, observed: Mapping[SlotKey, tuple[Observation, Origin]]) -> set[SlotKey]:
        """Write the flags of each whose stored counterpart has the same origin.

        Returns the keys of those not written.
        """


class Observations(PastObservations, Protocol):
    """Observations. They are never replaced by those of an older set or of older rules."""

    def origins(self, keys: Iterable[SlotKey]) -> dict[SlotKey, Origin]:
        """Returns what each observation was derived from."""

    def put_many(self, observed: Mapping[SlotKey, tuple[Observation, Origin]]) -> set[SlotKey]:
        """Write each unless one of a newer set or newer rules is stored. Returns the keys of those not written."""

    def delete(self, keys: Iterable[SlotKey]) -> None:
        """Delete the observations of the given slots."""

    def newest_means(self, house: str, slots: Iterable[datetime]) -> Iterator[tuple[datetime, RoomMeans]]:
        """Yields the given slots with means and counts, read consistently."""


class Rejects(Protocol):
    """The place where rejected readings are kept."""

    def put(self, day: date, rejects: Sequence[Mapping[str, Any]]) -> str:
        """Store the rejects. Returns the object's key."""

    def replace(self, key: str, rejects: Sequence[Mapping[str, Any]]) -> object:
        """Replace everything that was kept under a key."""


class Forecasts(Protocol):
    """Forecasts by room and issue time. Issuing one again overwrites the same item."""

    def put_many(self, forecasts: Iterable[StoredForecast]) -> Sequence[StoredForecast]:
        """Write the forecasts of a house's rooms. Returns them as they will be read, rounded further where need be."""

    def delete_many(self, forecasts: Iterable[StoredForecast]) -> None:
        """Delete forecasts, as far as they exist."""

    def latest(self, house: str, room: str, *, now: datetime) -> StoredForecast | None:
        """Returns a room's newest forecast issued by ``now``, or None."""

    def between(self, house: str, room: str, first: datetime, last: datetime) -> list[StoredForecast]:
        """Returns the forecasts issued from ``first`` to ``last``, both included."""


class Accuracy(Protocol):
    """Rooms' accuracy by day. A row is replaced only by one based on at least as many forecasts."""

    def put_many(self, rows: Iterable[DayAccuracy], *, home: House | None = None) -> int:
        """Write rows, but none of a ``home`` that was forgotten since it was read. Returns how many were written."""

    def between(self, house: str, room: str, first: date, last: date) -> list[DayAccuracy]:
        """Returns a room's rows of the days from ``first`` to ``last``, both included, in order of time."""


class Moulds(Protocol):
    """Houses' mould by day."""

    def put_many(self, days: Iterable[MouldDay], *, home: House | None = None) -> int:
        """Write days, but none of a ``home`` that was forgotten since it was read. Returns how many were written."""

    def between(self, house: str, first: date, last: date) -> list[MouldDay]:
        """Returns a house's days from ``first`` to ``last``, both included, in order of time."""


class Weather(Protocol):
    """Forecasts of the air outside as they were issued, by place and by when each became known here."""

    def issues(
        self, places: Iterable[str], *, since: datetime, until: datetime, most: int | None = None
    ) -> list[WeatherIssue]:
        """Those of some places known from ``since`` to ``until``, oldest first; of each the newest ``most``."""

    def put_many(self, issues: Iterable[WeatherIssue]) -> list[bool]:
        """Write issues; of each, whether nothing stood there: what became known at the same time stays as it is."""

    def delete_many(self, issues: Iterable[WeatherIssue]) -> None:
        """Delete issues, if they are there."""

    def take_call(self, day: date, *, at_most: int) -> bool:
        """Count a call of a provider on a day; False, and none is counted, if there were ``at_most``."""


class Registry(Protocol):
    """Models by house and version, and which one is the champion."""

    def manifests(self, house: str, *, now: datetime | None = None) -> list[dict[str, Any]]:
        """Returns what is known of every version that has not expired by ``now``, oldest first."""

    def pointer(self, house: str) -> Pointer:
        """Returns the pointer to what serves a house."""

    def succession(self, house: str) -> tuple[str, ...]:
        """Returns the versions that may serve a house, in order of preference.

        Raises StoreError if they cannot be read.
        """

    def load(self, house: str, version: str, *, first_state: bool = False) -> Champion:
        """Returns a version with its present or first state.

        Raises ModelRefusedError if its bytes are not what was registered, and ModelUnreadableError if they cannot be
        read now.
        """

    def publish(
        self,
        house: str,
        *,
        model: Model,
        state: State,
        manifest: Mapping[str, Any],
        trained_at: datetime,
        first_state: State | None = None,
        decision: Mapping[str, Any] | None = None,
        home: House | None = None,
    ) -> str:
        """Store a model as a candidate. Returns its version.

        Nothing is stored if a ``home`` is given and was forgotten since it was read.
        """

    def withdraw(self, house: str) -> None:
        """Delete the objects that have no record, which were written for a house that was forgotten in the meantime."""

    def promote(
        self, house: str, version: str, *, at: datetime, seen: Pointer | None = None, refused: Collection[str] = ()
    ) -> Pointer:
        """Make a version the champion. Returns the new pointer. None of the ``refused`` becomes its predecessor.

        Raises ChampionChangedError if the pointer is not as it was ``seen``.
        """

    def refuse(self, house: str, version: str, *, decision: Mapping[str, Any], at: datetime) -> None:
        """Record why a candidate does not serve."""

    def put_state(self, house: str, version: str, state: State) -> bool:
        """Replace a version's state by a later one. Returns False if the stored state reaches at least as far."""

    def prune(self, house: str, *, now: datetime) -> Sequence[Pruned]:
        """Delete the objects of versions that no longer serve. Returns what was deleted."""


@dataclass(frozen=True)
class TrainingPorts:
    """The ports of training."""

    houses: Houses
    observations: Observations
    registry: Registry
    weather: Weather


def known_house(houses: Houses, name: str) -> House:
    """Returns the house called ``name``.

    Raises
    ------
    NotFoundError
        If it was never seen.
    ForgottenError
        If it was forgotten.
    """
    house = houses.get_many([name]).get(name)
    if house is None:
        raise NotFoundError(f"house {name!r}", hint="it appears with its first reading")
    if house.is_forgotten:
        raise ForgottenError(name)
    return house


def forgotten_since(houses: Houses, home: House) -> bool:
    """Returns whether the house was forgotten since it was read, even if a new one has replaced it."""
    now = houses.without_rooms([home.name]).get(home.name)
    return now is not None and now.life != home.life


def is_forgotten(houses: Houses, name: str) -> bool:
    """Returns whether only the fact that it was forgotten is left of the house called ``name``."""
    house = houses.get_many([name]).get(name)
    return house is not None and house.is_forgotten
