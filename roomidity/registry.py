"""The registry: models in the bucket; in the table ``models`` their manifests, the champion, and who served when.

A version is published as a candidate, and promoted or refused. It serves only while the pointer names it, and the
pointer moves only from where its mover saw it. Bytes are checked against the manifest before they are parsed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from roomidity.bucket import Bucket
from roomidity.errors import InputError, ModelRefusedError, ModelUnreadableError, NotFoundError, StoreError
from roomidity.forecasting import Model, State
from roomidity.store import ModelRecord, ModelTable, Pointer, Served

__all__ = ["PROMOTED", "ROLLED_BACK", "Champion", "Pruned", "Registry", "RolledBack", "version_of"]

PROMOTED: Final = "promoted"
ROLLED_BACK: Final = "rolled back"
"""Why a model serves, as the log says it."""

CANDIDATE_DAYS: Final = 30
"""A version that was never decided expires: its trainer died, or it was published by hand and forgotten."""
REFUSED_DAYS: Final = 90
"""Why a version was refused can be read for a quarter."""

KEPT_SERVED: Final = 3
"""Versions whose bytes are kept of those that served last: the champion, and two to go back to."""
UNTOUCHED: Final = timedelta(hours=1)
"""Pruning leaves younger versions alone: they may be on their way to serving. A training ends within 15 minutes."""

_NPZ: Final = "application/octet-stream"
_VERSION: Final = "%Y%m%dT%H%MZ"
_STATE_TRIES: Final = 5

_CACHED: Final = 64
"""Champions kept by a warm function, about 1 MB each."""


@dataclass(frozen=True)
class Champion:
    """A model that serves a house, its state, and what is known of them."""

    version: str
    manifest: Mapping[str, Any]
    model: Model
    state: State


@dataclass(frozen=True)
class Pruned:
    """A version whose objects were deleted, and how many."""

    version: str
    objects: int


@dataclass(frozen=True)
class RolledBack:
    """Where a rollback led, and why each version was passed over that could not serve."""

    pointer: Pointer
    skipped: Mapping[str, str]


def version_of(model: Model, trained_at: datetime) -> str:
    """The name of a model: when it was trained and what its bytes are, so that it never means another."""
    return _named(model.to_bytes(), trained_at)


class Registry:
    """Models by house and version, and which one is the champion."""

    def __init__(self, table: ModelTable, bucket: Bucket) -> None:
        self._table = table
        self._bucket = bucket
        self._load = lru_cache(maxsize=_CACHED)(self._load_verified)

    # ---- What is there.

    def pointer(self, house: str) -> Pointer:
        """What serves a house, read consistently."""
        return self._table.pointer(house)

    def champion_version(self, house: str) -> str | None:
        """The name of the model that serves, or None while the prior does."""
        return self._table.pointer(house, consistent=False).points_to

    def champion(self, house: str) -> Champion | None:
        """The model that serves, or None; loaded once per version of model and state.

        Raises
        ------
        ModelRefusedError
            If its bytes are not those that were registered; ModelUnreadableError if they cannot be read now.
        """
        version = self.champion_version(house)
        return None if version is None else self.load(house, version)

    def succession(self, house: str) -> tuple[str, ...]:
        """The versions that serve a house, the next where the one before is refused: the champion, its predecessor."""
        return self._table.pointer(house, consistent=False).succession

    def load(self, house: str, version: str, *, first_state: bool = False) -> Champion:
        """A version with its state, or with the one that its training left it.

        Raises
        ------
        ModelRefusedError
            If its bytes are not those that were registered; ModelUnreadableError if they cannot be read now.
        """
        try:
            record = self._table.get(house, version)
        except StoreError as error:
            raise ModelUnreadableError(version, why=str(error)) from error
        if record is None or not {"sha256", "first_state_sha256"} <= record.manifest.keys():
            found = "nothing" if record is None else "a manifest without checksums"
            raise ModelRefusedError(version, found=found, expected=f"a manifest of house {house!r}")
        manifest = _facts(record)
        state = manifest["first_state_sha256"] if first_state else record.state_sha256
        model, loaded = self._load(house, version, manifest["sha256"], state)
        return Champion(version=version, manifest=manifest, model=model, state=loaded)

    def record(self, house: str, version: str, *, now: datetime | None = None) -> ModelRecord:
        """What is known of a version.

        Raises
        ------
        NotFoundError
            If the registry has no such version, or it has expired by ``now``.
        """
        record = self._table.get(house, version)
        if record is None or (now is not None and record.is_over(now)):
            raise NotFoundError(
                f"model {version} of house {house!r}", hint=f"list them with `roomidity models list {house}`"
            )
        return record

    def records(self, house: str, *, now: datetime | None = None) -> list[ModelRecord]:
        """What is known of every version that has not expired by ``now``, oldest first."""
        return [record for record in self._table.records(house) if now is None or not record.is_over(now)]

    def manifest(self, house: str, version: str) -> dict[str, Any]:
        """What is known of a version, as plain values.

        Raises
        ------
        NotFoundError
            If the registry has no such version.
        """
        return _facts(self.record(house, version))

    def manifests(self, house: str, *, now: datetime | None = None) -> list[dict[str, Any]]:
        """What is known of every version that has not expired by ``now``, as plain values, oldest first."""
        return [_facts(record) for record in self.records(house, now=now)]

    def served(self, house: str) -> list[Served]:
        """Who served since when, newest first."""
        return list(self._table.served(house))

    def served_at(self, house: str, moment: datetime) -> Served | None:
        """Who served at a time; None: nothing had been promoted by then, the prior served."""
        return next(self._table.served(house, at=moment), None)

    # ---- What changes it.

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
    ) -> str:
        """Keep a model as a candidate; its version. It serves only once it is promoted.

        Published again, the same bytes of the same time are one version; one that has served stays as it is.

        Parameters
        ----------
        state
            What it is to serve with.
        first_state
            The state that its training left, with which it can be judged again; ``state`` where there is no other.
        decision
            Whether it won its place (``won``), and why; may be absent, where nobody has judged it.
        """
        content, states = model.to_bytes(), [one.to_bytes() for one in (state, first_state or state)]
        version = _named(content, trained_at)
        won = decision is None or decision["won"]
        facts = {
            **manifest,
            "house": house,
            "version": version,
            "sha256": _sha256(content),
            "bytes": len(content),
            "first_state_sha256": _sha256(states[1]),
        }
        record = ModelRecord(
            version=version,
            manifest=facts,
            state_sha256=_sha256(states[0]),
            state_through=state.through,
            decision=decision,
            expires_at=trained_at + timedelta(days=CANDIDATE_DAYS if won else REFUSED_DAYS),
        )
        # The record first: what has none is nobody's, and pruning may delete it.
        if self._table.put(house, record):
            self._bucket.put(_model_key(house, version), content, content_type=_NPZ)
            for one in dict.fromkeys(states):
                self._put_state(house, version, one)
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
        """Make ``version`` the champion from ``at`` on, if the pointer still is as it was ``seen`` (by default: now).

        Should it be refused one day, what really served before serves again: the champion, or where that is among the
        ``refused``, the one before it.

        Raises
        ------
        ChampionChangedError
            If the pointer moved meanwhile.
        NotFoundError
            If the registry has no such version.
        InputError
            If its objects were pruned.
        """
        pointer = seen or self.pointer(house)
        if pointer.points_to == version:
            return pointer
        previous = next((one for one in pointer.succession if one not in refused), None)
        return self._table.move(house, pointer, to=version, previous=previous, at=at, why=why)

    def refuse(self, house: str, version: str, *, decision: Mapping[str, Any], at: datetime) -> None:
        """Write why a candidate does not serve. One that serves or has served stays as it is."""
        self._table.decide(house, version, decision, expires_at=at + timedelta(days=REFUSED_DAYS))

    def rollback(self, house: str, *, at: datetime) -> RolledBack:
        """Make what served before the champion serve again: again, what served before that; in the end the prior.

        Versions that cannot serve, by their bytes or because they were pruned, are passed over. What serves has its
        state as it was when it served last; the next night moves it on over what happened since.

        Raises
        ------
        InputError
            If the prior serves already.
        ModelUnreadableError
            If what served before cannot be read now.
        ChampionChangedError
            If the pointer moved meanwhile.
        """
        pointer = self.pointer(house)
        if pointer.points_to is None:
            raise InputError(f"the prior serves house {house!r}; there is nothing to roll back to")
        before = [version for version in _predecessors(self.served(house)) if version != pointer.points_to]
        troubles = ((version, self._trouble(house, version)) for version in before)
        skipped: dict[str, str] = {}
        target = None
        for version, trouble in troubles:
            if trouble is None:
                target = version
                break
            skipped[version] = trouble
        previous = next((version for version, trouble in troubles if trouble is None), None)
        moved = self._table.move(house, pointer, to=target, previous=previous, at=at, why=ROLLED_BACK)
        return RolledBack(moved, skipped)

    def put_state(self, house: str, version: str, state: State) -> bool:
        """Move the state of a version on; whether it was: one that reaches as far or further stays.

        The object is written before it is named, and the state before the former one stays a while for who has just
        read its name; so every reader finds what it was told of, whoever else writes.

        Raises
        ------
        NotFoundError
            If the registry has no such version.
        """
        record = self.record(house, version)
        sha256 = ""
        for _ in range(_STATE_TRIES):
            if state.through <= record.state_through:
                return False
            sha256 = sha256 or self._put_state(house, version, state.to_bytes())
            if self._table.replace_state(house, record, sha256=sha256, through=state.through):
                self._forget_state(house, record, sha256)
                return True
            record = self.record(house, version)
        raise StoreError(f"the state of model {version} was changed by others {_STATE_TRIES} times in a row")

    def prune(self, house: str, *, now: datetime) -> list[Pruned]:
        """Delete the objects of what serves no more; what was deleted.

        Kept are those of the last KEPT_SERVED versions that served, of candidates, and of anything younger than
        UNTOUCHED. A version is barred from serving before its objects go, in one transaction with a look at the
        pointer: so what the pointer names has its objects, whoever promotes meanwhile.
        """
        objects: dict[str, list[str]] = {}
        for key in self._bucket.keys(_house_prefix(house)):  # before the records: an object has its record first
            objects.setdefault(key.removeprefix(_house_prefix(house)).partition("/")[0], []).append(key)
        pointer = self.pointer(house)
        records = {record.version: record for record in self._table.records(house)}
        served = [one for one in dict.fromkeys(entry.version for entry in self._table.served(house)) if one is not None]
        kept = {pointer.points_to, pointer.previous, *served[:KEPT_SERVED]}
        kept |= {
            record.version
            for record in records.values()
            if record.standing(pointer) == "candidate" and not record.is_over(now)
        }
        pruned = []
        for version, keys in objects.items():
            if version in kept or _trained_at(version) > now - UNTOUCHED:
                continue
            record = records.get(version)
            if record is not None and not record.pruned and not self._table.mark_pruned(house, version, at=now):
                continue  # it has come to serve, or was forgotten
            for key in keys:
                self._bucket.delete(key)
            pruned.append(Pruned(version, len(keys)))
        return pruned

    def erase(self, house: str) -> Iterator[int]:
        """Delete a house's manifests, pointer and log; how many, some at a time. From then on the prior serves it."""
        return self._table.erase(house)

    def erase_objects(self, house: str) -> Iterator[int]:
        """Delete a house's objects, with what a versioned bucket keeps of them; how many, some at a time."""
        for page in self._bucket.versions(_house_prefix(house)):
            self._bucket.erase(page)
            yield len(page)

    def _trouble(self, house: str, version: str) -> str | None:
        """Why a version cannot serve again; None if it can."""
        record = self._table.get(house, version)
        if record is not None and record.pruned:
            return f"model {version} was pruned, its bytes are gone"
        try:
            self.load(house, version)
        except ModelRefusedError as error:
            return str(error)
        return None

    # ---- Bytes.

    def _put_state(self, house: str, version: str, content: bytes) -> str:
        sha256 = _sha256(content)
        self._bucket.put(_state_key(house, version, sha256), content, content_type=_NPZ)
        return sha256

    def _forget_state(self, house: str, replaced: ModelRecord, sha256: str) -> None:
        """Delete the state before the one that was replaced, unless the version is still known by it."""
        named = {replaced.manifest["first_state_sha256"], replaced.state_sha256, sha256}
        if replaced.former_state is not None and replaced.former_state not in named:
            self._bucket.delete(_state_key(house, replaced.version, replaced.former_state))

    def _load_verified(self, house: str, version: str, sha256: str, state_sha256: str) -> tuple[Model, State]:
        model = self._verified(_model_key(house, version), version, sha256)
        state = self._verified(_state_key(house, version, state_sha256), version, state_sha256)
        return Model.from_bytes(model, version), State.from_bytes(state, version)

    def _verified(self, key: str, version: str, sha256: str) -> bytes:
        try:
            content = self._bucket.get(key)
        except NotFoundError as error:
            raise ModelRefusedError(version, found="nothing", expected=f"an object at {key}") from error
        except StoreError as error:
            raise ModelUnreadableError(version, why=str(error)) from error
        found = _sha256(content)
        if found != sha256:
            raise ModelRefusedError(version, found=f"sha256 {found}", expected=sha256)
        return content


def _predecessors(log: Iterable[Served]) -> list[str]:
    """What to go back to from here, the next first: what was promoted and has not been gone back from; each once.

    >>> from datetime import datetime
    >>> def log(*entries):  # newest first
    ...     return [Served(version, datetime(2026, 3, 1), why, None) for version, why in reversed(entries)]
    >>> promoted = [("A", PROMOTED), ("B", PROMOTED), ("A", "promoted by hand")]
    >>> _predecessors(log(*promoted))
    ['A', 'B']
    >>> _predecessors(log(*promoted, ("B", ROLLED_BACK), ("C", PROMOTED)))
    ['C', 'B']
    """
    line: list[str] = []
    for entry in reversed(list(log)):
        if entry.why != ROLLED_BACK:
            line = [version for version in line if version != entry.version]
        elif entry.version in line:
            line = line[: line.index(entry.version)]
        else:
            line = []
        if entry.version is not None:
            line.append(entry.version)
    return line[::-1]


def _facts(record: ModelRecord) -> dict[str, Any]:
    """All that is known of a version: the manifest, its state's checksum, and the decision, if there is one."""
    decision = {} if record.decision is None else {"decision": dict(record.decision)}
    return {**record.manifest, "state_sha256": record.state_sha256, **decision}


def _named(content: bytes, trained_at: datetime) -> str:
    return f"{trained_at:{_VERSION}}-{_sha256(content)[:8]}"


def _trained_at(version: str) -> datetime:
    """When a version was trained, by its name; long ago, if that is no version's."""
    try:
        return datetime.strptime(version.partition("-")[0], _VERSION).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _house_prefix(house: str) -> str:
    return f"models/{house}/"


def _model_key(house: str, version: str) -> str:
    return f"{_house_prefix(house)}{version}/model.npz"


def _state_key(house: str, version: str, sha256: str) -> str:
    return f"{_house_prefix(house)}{version}/state-{sha256[:8]}.npz"
