"""The registry: models in the bucket; in the table ``models`` their manifests, the champion, and who served when.

A version is published as a candidate, and promoted or refused. It serves only while the pointer names it, and the
pointer moves only from where its mover saw it. Bytes are checked against the manifest before they are parsed.
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
"""A version that was never decided expires: its trainer died, or it was published by hand and forgotten."""
REFUSED_DAYS: Final = 90
"""Why a version was refused can be read for a quarter."""

_STATE_TRIES: Final = 5


class Registry:
    """Models by house and version, and which one is the champion."""

    def __init__(self, table: ModelTable, bucket: Bucket) -> None:
        self._table = table
        self._objects = ModelObjects(bucket)

    def pointer(self, house: str) -> Pointer:
        """What serves a house, read consistently."""
        return self._table.pointer(house)

    def succession(self, house: str) -> tuple[str, ...]:
        """The versions that serve a house, the next where the one before is refused: the champion, its predecessor."""
        return self._table.pointer(house, consistent=False).succession

    def load(self, house: str, version: str, *, first_state: bool = False) -> Champion:
        """A version with its state, or with the one that its training left it, where that is asked for or all there is.

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

    def manifests(self, house: str, *, now: datetime | None = None) -> list[dict[str, Any]]:
        """Returns what is known of every version that has not expired by ``now``, oldest first, as plain values."""
        return [record.facts for record in self.records(house, now=now)]

    def served(self, house: str) -> list[Served]:
        """Who served since when, newest first."""
        return list(self._table.served(house))

    def served_at(self, house: str, moment: datetime) -> Served | None:
        """Who served at a time; None: nothing had been promoted by then, the prior served."""
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
        home
            The house as it was read: should it have been forgotten since, nothing is kept.
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
        # The record first: what has none is nobody's, and pruning may delete it.
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
        """Replace a version's state by a later one. Returns False if the stored one reaches as far or further.

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
            sha256 = sha256 or self._objects.put_state(house, version, state.to_bytes())
            if self._table.replace_state(house, record, sha256=sha256, through=state.through):
                self._forget_state(house, record, sha256)
                return True
            try:
                record = self.record(house, version)
            except NotFoundError:  # the house was forgotten meanwhile
                self._objects.delete_state(house, version, sha256)
                raise
        raise StoreError(f"the state of model {version} was changed by others {_STATE_TRIES} times in a row")

    def prune(self, house: str, *, now: datetime) -> list[Pruned]:
        """Delete the objects of what serves no more. Returns what was deleted."""
        return prune(self._table, self._objects, house, now=now)

    def erase_objects(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete a house's objects, with what a versioned bucket keeps of them. Yields how many, some at a time."""
        return self._objects.erase(house, dry_run=dry_run)

    def withdraw(self, house: str) -> None:
        """Delete the objects that have no record: they came to a house that was forgotten meanwhile."""
        delete_unrecorded(self._table, self._objects, house)

    def _trouble(self, house: str, version: str) -> str | None:
        """Why a version cannot serve again; None if it can."""
        if (record := self._table.get(house, version)) is not None and record.pruned:
            return f"model {version} was pruned, its bytes are gone"
        try:
            self.load(house, version)
        except ModelRefusedError as error:
            return str(error)
        return None

    def _forget_state(self, house: str, replaced: ModelRecord, sha256: str) -> None:
        """Delete the state before the one that was replaced, unless the version is still known by it."""
        named = {replaced.manifest["first_state_sha256"], replaced.state_sha256, sha256}
        if (former := replaced.former_state) is not None and former not in named:
            self._objects.delete_state(house, replaced.version, former)
