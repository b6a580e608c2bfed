"""What the use cases need of the world outside. The adapters offer it; tests have fakes that keep the same promises."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from roomidity.domain.comfort.course import MouldDay
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.messages import Message
from roomidity.domain.models import Pointer, Pruned
from roomidity.domain.observations import Observation, Origin, RoomMeans, StoredSet
from roomidity.domain.setting import Setting
from roomidity.domain.slots import SlotKey
from roomidity.domain.weather import WeatherIssue
from roomidity.errors import ForgottenError, NotFoundError
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
    """At least once, in any order: what is received and not deleted comes again."""

    def receive(self) -> list[Message]:
        """Returns some of the waiting messages, or none if none wait."""

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete messages. Those that could not be deleted are received again."""


class JobQueue(Protocol):
    """Where work for other functions is put."""

    def send(self, bodies: Sequence[str]) -> None:
        """Send each body as a message."""


class Function(Protocol):
    """A function of the stage."""

    def begin(self, event: Mapping[str, Any]) -> None:
        """Have it called with ``event``, without waiting for what it does."""


class Houses(Protocol):
    """Houses, written only on the version that was read."""

    def get(self, name: str) -> House | None:
        """A house, or None, as for one that was forgotten."""

    def get_many(self, names: Iterable[str]) -> dict[str, House]:
        """Those that exist; those that were forgotten come as such."""

    def all(self) -> Iterator[House]:
        """Every house but those that were forgotten."""

    def put(self, house: House) -> None:
        """Store a house; ConflictError if another writer was there first."""


class Settings(Protocol):
    """What is set of a house by kind, each kind written and deleted only on the version that was read."""

    def get(self, house: str, kind: str) -> Setting | None:
        """What is set, or None; ItemDamagedError if it cannot be read."""

    def list(self, house: str) -> list[Setting]:
        """All that is set of a house, by kind."""

    def put(self, setting: Setting) -> Setting:
        """Store a setting, as it stands then; ConflictError if another writer was there first."""

    def delete(self, setting: Setting) -> None:
        """Delete a setting; ConflictError if another writer changed it meanwhile."""


class Sets(Protocol):
    """Packed sets, each written only on the version that was read."""

    def get_many(self, keys: Iterable[SlotKey]) -> dict[SlotKey, StoredSet]:
        """Those that exist."""

    def put_many(self, sets: Mapping[SlotKey, StoredSet]) -> set[SlotKey]:
        """Write each set whose stored version is one less than its own. Returns the keys of the others."""

    def raise_versions(self, sets: Mapping[SlotKey, StoredSet], to: Mapping[SlotKey, int]) -> set[SlotKey]:
        """Give each set, if it is still as it was read, a higher version. Returns the keys of those that are not."""

    def delete_before(self, lives: Mapping[SlotKey, int]) -> None:
        """Delete each set that is of an earlier life of its house than the one given with its slot."""

    def between(self, house: str, start: datetime, end: datetime) -> Iterator[dict[SlotKey, StoredSet]]:
        """The sets of [start, end), read consistently, in order of time, a bounded number at once."""


class Observations(Protocol):
    """Observations, never replaced by those of an older set or of older rules."""

    def origins(self, keys: Iterable[SlotKey]) -> dict[SlotKey, Origin]:
        """What each was derived from."""

    def put_many(self, observed: Mapping[SlotKey, tuple[Observation, Origin]]) -> set[SlotKey]:
        """Write each unless one of a newer set or newer rules is stored. Returns the keys of those not written."""

    def delete(self, keys: Iterable[SlotKey]) -> None:
        """Delete the observations of some slots."""

    def means(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, RoomMeans]]:
        """Each slot in [start, end) that was observed, and the rooms' means, in order of time."""

    def newest_means(self, house: str, slots: Iterable[datetime]) -> Iterator[tuple[datetime, RoomMeans]]:
        """The means and counts of some slots, read consistently."""

    def derived(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[SlotKey, Observation, Origin]]:
        """Each slot in [start, end) that was observed, what was, and what it was derived from, in order of time."""

    def replace_many(self, observed: Mapping[SlotKey, tuple[Observation, Origin]]) -> set[SlotKey]:
        """Write each where one of the very same origin stands. Returns the keys of those not written."""


class Rejects(Protocol):
    """Where rejected readings are kept."""

    def put(self, day: date, rejects: Sequence[Mapping[str, Any]]) -> str:
        """Store the rejects. Returns the object's key."""

    def replace(self, key: str, rejects: Sequence[Mapping[str, Any]]) -> object:
        """Put others in the place of all that was kept there."""


class Forecasts(Protocol):
    """Forecasts; issuing one again writes the same item."""

    def put_many(self, forecasts: Iterable[StoredForecast]) -> None:
        """Write the forecasts of a house's rooms."""

    def delete_many(self, forecasts: Iterable[StoredForecast]) -> None:
        """Delete forecasts, if they are there."""

    def latest(self, house: str, room: str, *, now: datetime) -> StoredForecast | None:
        """A room's newest that was issued by ``now``."""

    def between(self, house: str, room: str, first: datetime, last: datetime) -> list[StoredForecast]:
        """Those issued from ``first`` to ``last``, both included."""


class Accuracy(Protocol):
    """Rooms' accuracy by day; a row gives way only to one of as many forecasts or more."""

    def put_many(self, rows: Iterable[DayAccuracy], *, home: House | None = None) -> int:
        """Write rows, but none of a ``home`` that was forgotten since it was read. Returns how many were written."""

    def between(self, house: str, room: str, first: date, last: date) -> list[DayAccuracy]:
        """A room's rows of the days from ``first`` to ``last``, both included, in order of time."""


class Moulds(Protocol):
    """Houses' mould by day."""

    def put_many(self, days: Iterable[MouldDay], *, home: House | None = None) -> int:
        """Write days; how many were written: none of a ``home`` that was forgotten since it was read."""

    def between(self, house: str, first: date, last: date) -> list[MouldDay]:
        """A house's days from ``first`` to ``last``, both included, in order of time."""


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
        """What is known of every version that has not expired by ``now``, oldest first."""

    def pointer(self, house: str) -> Pointer:
        """What serves a house."""

    def succession(self, house: str) -> tuple[str, ...]:
        """The versions that serve a house, the next where the one before is refused; StoreError if unreadable."""

    def load(self, house: str, version: str, *, first_state: bool = False) -> Champion:
        """A version with its state, or with its first.

        ModelRefusedError if its bytes are not what was registered; ModelUnreadableError if they cannot be read now.
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
        """Keep a model as a candidate, but not of a ``home`` that was forgotten since it was read; its version."""

    def withdraw(self, house: str) -> None:
        """Delete the objects that have no record: they came to a house that was forgotten meanwhile."""

    def promote(
        self, house: str, version: str, *, at: datetime, seen: Pointer | None = None, refused: Collection[str] = ()
    ) -> Pointer:
        """Make a version the champion, none of the ``refused`` its predecessor.

        ChampionChangedError if the pointer is not as it was ``seen``.
        """

    def refuse(self, house: str, version: str, *, decision: Mapping[str, Any], at: datetime) -> None:
        """Write why a candidate does not serve."""

    def put_state(self, house: str, version: str, state: State) -> bool:
        """Replace a version's state by a later one. Returns False if the stored one reaches as far."""

    def prune(self, house: str, *, now: datetime) -> Sequence[Pruned]:
        """Delete the objects of what serves no more."""


@dataclass(frozen=True)
class TrainingPorts:
    """What training talks to."""

    houses: Houses
    observations: Observations
    registry: Registry
    weather: Weather


def known_house(houses: Houses, name: str) -> House:
    """The house called ``name``.

    Raises
    ------
    NotFoundError
        If it was never seen; ForgottenError if it was forgotten.
    """
    house = houses.get_many([name]).get(name)
    if house is None:
        raise NotFoundError(f"house {name!r}", hint="it appears with its first reading")
    if house.is_forgotten:
        raise ForgottenError(name)
    return house


def forgotten_since(houses: Houses, home: House) -> bool:
    """Whether the house was forgotten since it was read, also where a new one has come in its place."""
    now = houses.get_many([home.name]).get(home.name)
    return now is not None and now.life != home.life


def is_forgotten(houses: Houses, name: str) -> bool:
    """Whether all that is left of the house called ``name`` is that it was forgotten."""
    house = houses.get_many([name]).get(name)
    return house is not None and house.is_forgotten
