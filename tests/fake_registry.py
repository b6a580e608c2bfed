"""A registry in memory: what :mod:`tests.contract_of_stores` asks of the real one, it does as well."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from roomidity.domain.houses import House
from roomidity.domain.models import (
    PROMOTED,
    ModelRecord,
    Pointer,
    Pruned,
    Served,
    sha256_of,
    version_of,
)
from roomidity.domain.models import (
    trained_at as moment_of,
)
from roomidity.errors import (
    ChampionChangedError,
    InputError,
    ModelRefusedError,
    ModelUnreadableError,
    NotFoundError,
)
from roomidity.forecasting import Model, State
from roomidity.forecasting.model import Champion
from roomidity.pipeline.ports import Houses, forgotten_since

__all__ = ["FakeRegistry", "Serves", "champion_of"]

Key = tuple[str, str]


class Serves(Protocol):
    """What a champion is found by."""

    def pointer(self, house: str) -> Pointer: ...

    def load(self, house: str, version: str, *, first_state: bool = False) -> Champion: ...


def champion_of(registry: Serves, house: str) -> Champion | None:
    """The model that serves a house; None while the prior does."""
    version = registry.pointer(house).points_to
    return None if version is None else registry.load(house, version)


class FakeRegistry:
    """Models as bytes, which are checked against what was registered when they are loaded; a pointer that is moved only
    from where it was seen. ``meanwhile`` is called once, before the next promotion; what is ``unreadable`` cannot be
    read now, of what is ``forgetful`` the first state is lost, and of ``lost_states`` every other, and why.
    """

    def __init__(self, houses: Houses | None = None) -> None:
        self._houses = houses
        self.before_publishing: Callable[[], object] | None = None
        self.meanwhile: Callable[[], object] | None = None
        self.models: dict[Key, bytes] = {}
        self.pruned_at: list[datetime] = []
        self.unreadable: set[str] = set()
        self.forgetful: set[str] = set()
        self.lost_states: dict[str, str] = {}
        self.stored: dict[Key, ModelRecord] = {}
        self._states: dict[Key, bytes] = {}
        self._first_states: dict[Key, bytes] = {}
        self._pointers: dict[str, Pointer] = {}
        self._log: dict[str, list[Served]] = {}

    @property
    def decisions(self) -> dict[Key, Mapping[str, Any]]:
        """What was decided of each version that was judged."""
        return {key: record.decision for key, record in self.stored.items() if record.decision is not None}

    def pointer(self, house: str) -> Pointer:
        return self._pointers.get(house, Pointer())

    def succession(self, house: str) -> tuple[str, ...]:
        return self.pointer(house).succession

    def records(self, house: str, *, now: datetime | None = None) -> list[ModelRecord]:
        found = [record for (of, _), record in sorted(self.stored.items(), key=lambda item: item[0]) if of == house]
        return [record for record in found if now is None or not record.is_over(now)]

    def manifests(self, house: str, *, now: datetime | None = None) -> list[dict[str, Any]]:
        return [record.facts for record in self.records(house, now=now)]

    def served(self, house: str) -> list[Served]:
        return self._log.get(house, [])[::-1]

    def load(self, house: str, version: str, *, first_state: bool = False) -> Champion:
        key = house, version
        if version in self.unreadable:
            raise ModelUnreadableError(version, why="S3 says SlowDown")
        if key not in self.stored:
            raise ModelRefusedError(version, found="nothing", expected=f"a manifest of house {house!r}")
        manifest = self.stored[key].facts
        if key not in self.models or (first_state and version in self.forgetful):
            raise ModelRefusedError(version, found="nothing", expected="an object")
        found = sha256_of(self.models[key])
        if found != manifest["sha256"]:
            raise ModelRefusedError(version, found=f"sha256 {found}", expected=manifest["sha256"])
        lost = self.lost_states.get(version)
        state = State.from_bytes((self._first_states if first_state or lost else self._states)[key], version)
        model = Model.from_bytes(self.models[key], version)
        return Champion(version, manifest, model, state, state_lost=None if first_state else lost)

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
        event, self.before_publishing = self.before_publishing, None
        if event is not None:
            event()
        content, first = model.to_bytes(), (first_state or state).to_bytes()
        version = version_of(content, trained_at)
        held = self.stored.get((house, version))
        is_free = held is None or (held.expires_at is not None and not held.pruned)
        if not is_free or (home is not None and self._houses is not None and forgotten_since(self._houses, home)):
            return version
        facts = {
            **manifest,
            "house": house,
            "version": version,
            "sha256": sha256_of(content),
            "bytes": len(content),
            "first_state_sha256": sha256_of(first),
        }
        kept = timedelta(days=30 if decision is None or decision["won"] else 90)
        self.models[house, version] = content
        self._states[house, version], self._first_states[house, version] = state.to_bytes(), first
        self.stored[house, version] = ModelRecord(
            version,
            facts,
            state_sha256=sha256_of(state.to_bytes()),
            state_through=state.through,
            decision=None if decision is None else dict(decision),
            expires_at=trained_at + kept,
        )
        return version

    def promote(
        self,
        house: str,
        version: str,
        *,
        at: datetime,
        why: str = PROMOTED,
        seen: Pointer | None = None,
        refused: Collection[str] = (),
    ) -> Pointer:
        event, self.meanwhile = self.meanwhile, None
        if event is not None:
            event()
        now = self.pointer(house)
        expected = now if seen is None else seen
        if expected.points_to == version:
            return expected
        if expected != now:
            raise ChampionChangedError(house, found=now.points_to, expected=expected.points_to)
        record = self.stored.get((house, version))
        if record is not None and record.pruned:
            raise InputError(f"model {version} of house {house!r} was pruned, its bytes are gone; train anew")
        if record is None or record.is_over(at):
            raise NotFoundError(f"model {version} of house {house!r}", hint="list them")
        previous = next((one for one in now.succession if one not in refused), None)
        at = at.replace(microsecond=0)
        self._pointers[house] = moved = Pointer(version, previous, max(at, now.since or at), now.counter + 1)
        self._log.setdefault(house, []).append(Served(version, moved.since or at, why, previous))
        self.stored[house, version] = replace(record, expires_at=None)
        return moved

    def refuse(self, house: str, version: str, *, decision: Mapping[str, Any], at: datetime) -> None:
        record = self.stored.get((house, version))
        if record is not None and record.expires_at is not None:
            self.stored[house, version] = replace(record, decision=dict(decision), expires_at=at + timedelta(days=90))

    def put_state(self, house: str, version: str, state: State) -> bool:
        record = self.stored.get((house, version))
        if record is None:
            raise NotFoundError(f"model {version} of house {house!r}", hint="list them")
        if state.through <= record.state_through:
            return False
        self._states[house, version] = state.to_bytes()
        self.stored[house, version] = replace(
            record,
            state_sha256=sha256_of(state.to_bytes()),
            state_through=state.through,
            former_state=record.state_sha256,
        )
        self.lost_states.pop(version, None)
        return True

    def prune(self, house: str, *, now: datetime) -> list[Pruned]:
        self.pruned_at.append(now)
        pointer = self.pointer(house)
        served = [version for version in dict.fromkeys(entry.version for entry in self.served(house)) if version]
        kept = {*pointer.succession, *served[:3]}
        kept |= {one.version for one in self.records(house, now=now) if one.standing(pointer) == "candidate"}
        pruned = []
        for key in [key for key in self.models if key[0] == house and key[1] not in kept]:
            if moment_of(key[1]) <= now - timedelta(hours=1):
                states = {self._states.pop(key), self._first_states.pop(key)}
                del self.models[key]
                if key in self.stored:
                    self.stored[key] = replace(self.stored[key], pruned=True)
                pruned.append(Pruned(key[1], 1 + len(states)))
        return pruned

    def withdraw(self, house: str) -> None:
        self._delete_objects([key for key in self.models if key[0] == house and key not in self.stored])

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        found = [key for key in self.stored if key[0] == house]
        yield len(found) + (house in self._pointers) + len(self._log.get(house, ()))
        if not dry_run:
            self._pointers.pop(house, None)
            self._log.pop(house, None)
            for key in found:
                del self.stored[key]

    def erase_objects(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        found = [key for key in self.models if key[0] == house]
        yield sum(1 + len({self._states[key], self._first_states[key]}) for key in found)
        if not dry_run:
            self._delete_objects(found)

    def _delete_objects(self, keys: list[Key]) -> None:
        for key in keys:
            del self.models[key], self._states[key], self._first_states[key]
