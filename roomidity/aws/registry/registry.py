"""The model registry.

Models are in the bucket. The table ``models`` has their manifests, the champion, and the log of which model served
when.

A version is published as a candidate, and then promoted or refused. It serves only while the pointer names it. The
pointer is moved with optimistic locking, only if it is still as its mover saw it. Bytes are checked against the
manifest before they are parsed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from roomidity.aws.bucket import Bucket
from roomidity.aws.registry.objects import ModelObjects
from roomidity.aws.registry.pruning import delete_unrecorded, prune
from roomidity.aws.registry.records import ModelTable
from roomidity.domain.houses import House
from roomidity.domain.models import (
    PROMOTED,
    ROLLED_BACK,
    ModelRecord,
    Pointer,
    Pruned,
    RolledBack,
    Served,
    predecessors,
    sha256_of,
    version_of,
)
from roomidity.errors import InputError, ModelRefusedError, ModelUnreadableError, NotFoundError, StoreError
from roomidity.forecasting import Model, State
from roomidity.forecasting.model import Champion

__all__ = ["Registry"]

CANDIDATE_DAYS: Final = 30
"""Lifetime of a version that was never decided, because its trainer died or it was published by hand and forgotten."""
REFUSED_DAYS: Final = 90
"""How long the reason for refusing a version can be looked up."""

_STATE_TRIES: Final = 5


class Registry:
    """Models by house and version, and which one is the champion."""

    def __init__(self, table: ModelTable, bucket: Bucket) -> None:
        self._table = table
        self._objects = ModelObjects(bucket)

    def pointer(self, house: str) -> Pointer:
        """Returns the pointer to what serves a house, read consistently."""
        return self._table.pointer(house)

    def succession(self, house: str) -> tuple[str, ...]:
        """Returns the versions that may serve a house, in order of preference: the champion, then its predecessor."""
        return self._table.pointer(house, consistent=False).succession

    def load(self, house: str, version: str, *, first_state: bool = False) -> Champion:
        """Returns a version with its state.

        The state is the one that training left if ``first_state`` is true, or if no later state can be used.

        Raises
        ------
        ModelRefusedError
            If its bytes are not those that were registered.
        ModelUnreadableError
            If they cannot be read now.
        """
        try:
            record = self._table.get(house, version)
        except StoreError as error:
            raise ModelUnreadableError(version, why=str(error)) from error
        if record is None or not {"sha256", "first_state_sha256"} <= record.manifest.keys():
            found = "nothing" if record is None else "a manifest without checksums"
            raise ModelRefusedError(version, found=found, expected=f"a manifest of house {house!r}")
        manifest = record.facts
        model = self._objects.model(house, version, manifest["sha256"])
        first, lost = manifest["first_state_sha256"], None
        try:
            state = self._objects.state(house, version, first if first_state else record.state_sha256)
        except ModelRefusedError as error:
            if first in (record.state_sha256, "") or first_state or error.is_newer:
                raise
            state, lost = self._objects.state(house, version, first), str(error)
        return Champion(version=version, manifest=manifest, model=model, state=state, state_lost=lost)

    def record(self, house: str, version: str, *, now: datetime | None = None) -> ModelRecord:
        """Returns what is known of a version.

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
        """Returns what is known of every version that has not expired by ``now``, oldest first."""
        return [record for record in self._table.records(house) if now is None or not record.is_over(now)]

    def manifests(self, house: str, *, now: datetime | None = None) -> list[dict[str, Any]]:
        """Returns what is known of every version that has not expired by ``now``, oldest first, as plain values."""
        return [record.facts for record in self.records(house, now=now)]

    def served(self, house: str) -> list[Served]:
        """Returns the log of what served since when, newest first."""
        return list(self._table.served(house))

    def served_at(self, house: str, moment: datetime) -> Served | None:
        """Returns what served at a given time, or None for the prior if nothing had been promoted by then."""
        return next(self._table.served(house, at=moment), None)

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
        """Store a model as a candidate. Returns its version, which serves only once it is promoted.

        Publishing is idempotent: the same bytes with the same time are one version. A version that has served is left
        unchanged.

        Parameters
        ----------
        state
            The state to serve with.
        first_state
            The state that training left, with which the model can be judged again. Defaults to ``state``.
        decision
            Whether the model won its place (``won``), and why. None if nobody has judged it.
        home
            The house as it was read. If it was forgotten since, nothing is stored.
        """
        content, states = model.to_bytes(), [one.to_bytes() for one in (state, first_state or state)]
        version = version_of(content, trained_at)
        won = decision is None or decision["won"]
        facts = {
            **manifest,
            "house": house,
            "version": version,
            "sha256": sha256_of(content),
            "bytes": len(content),
            "first_state_sha256": sha256_of(states[1]),
        }
        record = ModelRecord(
            version=version,
            manifest=facts,
            state_sha256=sha256_of(states[0]),
            state_through=state.through,
            decision=decision,
            expires_at=trained_at + timedelta(days=CANDIDATE_DAYS if won else REFUSED_DAYS),
        )
        # The record is written first. Objects without a record belong to nobody, and pruning may delete them.
        if self._table.put(house, record, home=home):
            self._objects.put_model(house, version, content)
            for one in dict.fromkeys(states):
                self._objects.put_state(house, version, one)
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
        """Make ``version`` the champion from ``at`` on. Returns the new pointer.

        The pointer must still be as it was ``seen``, which defaults to its present value. If the new champion is ever
        refused, what really served before it serves again. That is the present champion or, if it is among the
        ``refused``, the one before it.

        Raises
        ------
        ChampionChangedError
            If the pointer moved in the meantime.
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
        """Record why a candidate does not serve. A version that serves or has served is left unchanged."""
        self._table.decide(house, version, decision, expires_at=at + timedelta(days=REFUSED_DAYS))

    def rollback(self, house: str, *, at: datetime) -> RolledBack:
        """Make what served before the champion serve again. Returns the new pointer and the versions skipped.

        Repeated rollbacks go further back, and finally to the prior. Versions that cannot serve are skipped, because
        their bytes are refused or were pruned. The version that serves again has the state of when it last served. The
        next nightly run advances the state over what happened since.

        Raises
        ------
        InputError
            If the prior serves already.
        ModelUnreadableError
            If what served before cannot be read now.
        ChampionChangedError
            If the pointer moved in the meantime.
        """
        pointer = self.pointer(house)
        if pointer.points_to is None:
            raise InputError(f"the prior serves house {house!r}; there is nothing to roll back to")
        before = [version for version in predecessors(self.served(house)) if version != pointer.points_to]
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
        """Replace a version's state by a later one. Returns False if the stored state reaches at least as far.

        The object is written before the record names it. The state before the former one stays for a while, for readers
        that have just read its name. Every reader therefore finds the state that it was told of, whoever else writes.

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
            sha256 = sha256 or self._objects.put_state(house, version, state.to_bytes())
            if self._table.replace_state(house, record, sha256=sha256, through=state.through):
                self._forget_state(house, record, sha256)
                return True
            try:
                record = self.record(house, version)
            except NotFoundError:  # the house was forgotten in the meantime
                self._objects.delete_state(house, version, sha256)
                raise
        raise StoreError(f"the state of model {version} was changed by others {_STATE_TRIES} times in a row")

    def prune(self, house: str, *, now: datetime) -> list[Pruned]:
        """Delete the objects of versions that no longer serve. Returns what was deleted."""
        return prune(self._table, self._objects, house, now=now)

    def erase_objects(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete a house's objects with all their versions. Yields the number deleted, page by page."""
        return self._objects.erase(house, dry_run=dry_run)

    def withdraw(self, house: str) -> None:
        """Delete the objects that have no record, which were written for a house that was forgotten in the meantime."""
        delete_unrecorded(self._table, self._objects, house)

    def _trouble(self, house: str, version: str) -> str | None:
        """Returns why a version cannot serve again, or None if it can."""
        if (record := self._table.get(house, version)) is not None and record.pruned:
            return f"model {version} was pruned, its bytes are gone"
        try:
            self.load(house, version)
        except ModelRefusedError as error:
            return str(error)
        return None

    def _forget_state(self, house: str, replaced: ModelRecord, sha256: str) -> None:
        """Delete the state before the replaced one, unless the version still refers to it."""
        named = {replaced.manifest["first_state_sha256"], replaced.state_sha256, sha256}
        if (former := replaced.former_state) is not None and former not in named:
            self._objects.delete_state(house, replaced.version, former)
