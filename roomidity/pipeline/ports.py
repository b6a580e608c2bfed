"""What the use cases need of the world outside. The adapters offer it; tests have fakes that keep the same promises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from roomidity.forecasting import Model, State
from roomidity.houses import House
from roomidity.readings import Message, SlotKey
from roomidity.readings.observations import Observation, Origin
from roomidity.registry import Champion
from roomidity.store import RoomMeans, StoredForecast, StoredSet

__all__ = [
    "Forecasts",
    "Houses",
    "JobQueue",
    "Observations",
    "ReadingsQueue",
    "Registry",
    "Rejects",
    "Sets",
    "TrainingPorts",
]


class ReadingsQueue(Protocol):
    """At least once, in any order: what is received and not deleted comes again."""

    def receive(self) -> list[Message]:
        """Some messages; none when none wait."""

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete messages; those that could not be come back."""


class JobQueue(Protocol):
    """Where work for other functions is put."""

    def send(self, bodies: Sequence[str]) -> None:
        """Send each body as a message."""


class Houses(Protocol):
    """Houses, written only on the version that was read."""

    def get(self, name: str) -> House | None:
        """A house, or None."""

    def get_many(self, names: Iterable[str]) -> dict[str, House]:
        """Those that exist."""

    def all(self) -> Iterator[House]:
        """Every house."""

    def put(self, house: House) -> None:
        """Store a house; ConflictError if another writer was there first."""


class Sets(Protocol):
    """Packed sets, each written only on the version that was read."""

    def get_many(self, keys: Iterable[SlotKey]) -> dict[SlotKey, StoredSet]:
        """Those that exist."""

    def put_many(self, sets: Mapping[SlotKey, StoredSet]) -> set[SlotKey]:
        """Write each whose stored version is one less; the keys of the others."""

    def between(self, house: str, start: datetime, end: datetime) -> Iterator[dict[SlotKey, StoredSet]]:
        """The sets of [start, end), read consistently, in order of time, a bounded number at once."""


class Observations(Protocol):
    """Observations, never replaced by those of an older set or of older rules."""

    def origins(self, keys: Iterable[SlotKey]) -> dict[SlotKey, Origin]:
        """What each was derived from."""

    def put_many(self, observed: Mapping[SlotKey, tuple[Observation, Origin]]) -> set[SlotKey]:
        """Write each unless one of a newer set or of newer rules stands there; the keys of those not written."""

    def means(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, RoomMeans]]:
        """Each slot in [start, end) that was observed, and the rooms' means, in order of time."""

    def newest_means(self, house: str, slots: Iterable[datetime]) -> Iterator[tuple[datetime, RoomMeans]]:
        """The means of some slots, read consistently."""


class Rejects(Protocol):
    """Where rejected readings are kept."""

    def put(self, day: date, rejects: Sequence[Mapping[str, Any]]) -> str:
        """Keep them; where."""


class Forecasts(Protocol):
    """Forecasts; issuing one again writes the same item."""

    def put_many(self, forecasts: Iterable[StoredForecast]) -> None:
        """Write the forecasts of a house's rooms."""

    def between(self, house: str, room: str, first: datetime, last: datetime) -> list[StoredForecast]:
        """Those issued from ``first`` to ``last``, both included."""


class Registry(Protocol):
    """Models by house and version, and which one is the champion."""

    def manifests(self, house: str) -> list[dict[str, Any]]:
        """What is known of every version, oldest first."""

    def champion_version(self, house: str) -> str | None:
        """The name of the model that serves, or None."""

    def champion(self, house: str) -> Champion | None:
        """The model that serves, or None; ModelRefusedError if its bytes are not what was registered."""

    def publish(
        self, house: str, *, model: Model, state: State, manifest: Mapping[str, Any], trained_at: datetime
    ) -> str:
        """Keep a model; its version."""

    def promote(self, house: str, version: str, *, at: datetime) -> None:
        """Make a version the champion."""

    def put_state(self, house: str, version: str, state: State) -> None:
        """Replace the state of a version."""


@dataclass(frozen=True)
class TrainingPorts:
    """What training talks to."""

    houses: Houses
    observations: Observations
    registry: Registry
