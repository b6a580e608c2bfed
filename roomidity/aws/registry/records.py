"""The table ``models``: each version's record, the pointer to the champion, and the log of what served since when.

A house has three kinds of items, which differ in their sort key. ``20260314T1230Z-1a2b3c4d`` is a version, ``champion``
the pointer, and ``served#2026-03-14T12:30:00Z#00000001`` a log entry for what was promoted at that time. The pointer
alone determines what serves. It moves in one transaction with a log entry and with the version that it names from then
on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pynamodb.attributes import Attribute
from pynamodb.exceptions import GetError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from roomidity.aws.registry.facts import check_decision, check_manifest
from roomidity.aws.store.reading import Reader
from roomidity.aws.store.tables import ModelItem, connection_of
from roomidity.aws.store.writing import Guard, guard_for, is_cancelled, transact
from roomidity.domain.damage import Damage, whole
from roomidity.domain.houses import House
from roomidity.domain.models import ModelRecord, Pointer, Served
from roomidity.domain.slots import format_moment, parse_time
from roomidity.errors import ChampionChangedError, InputError, NotFoundError, StoreError

__all__ = ["ModelTable"]

_POINTER: Final = "champion"
_SERVED: Final = "served#"
_AFTER: Final = "~"
"""Sorts after every character that can occur in a log entry's key."""


class ModelTable:
    """The records, pointers and logs of models."""

    def __init__(self, item: type[ModelItem], damage: Damage, *, guard: Callable[[House], Guard] | None = None) -> None:
        self._item = item
        self._guard = guard
        self._reader = Reader(damage)

    def put(self, house: str, record: ModelRecord, *, home: House | None = None) -> bool:
        """Write a version's record.

        Returns False, leaving it as it is, if a record exists that has served or was pruned.

        Nothing is written if a ``home`` is given and was forgotten since it was read.
        """
        item = self._item
        new = item(
            house=house,
            version=record.version,
            manifest=record.manifest,
            decision=record.decision,
            state_sha256=record.state_sha256,
            state_through=record.state_through,
            expires_at=int(record.expires_at.timestamp()) if record.expires_at else None,
        )
        is_free = item.version.does_not_exist() | (item.expires_at.exists() & item.pruned_at.does_not_exist())

        def write(transaction: TransactWrite) -> None:
            if guard := guard_for(home, self._guard):
                guard.check(transaction)
            transaction.save(new, condition=is_free)

        return self._transact(write)

    def get(self, house: str, version: str) -> ModelRecord | None:
        """Returns a version's record, read consistently, or None if it does not exist or has no readable manifest.

        Raises
        ------
        StoreError
            If the table does not respond.
        """
        item = self._get(house, version, consistent=True)
        if item is None or _is_no_version(item):
            return None
        return self._reader.one(item, _to_record)

    def records(self, house: str) -> list[ModelRecord]:
        """Returns every version's record, oldest first, including expired ones."""
        digits = self._item.version < _POINTER  # versions begin with a year
        found = self._item.query(house, digits, consistent_read=True)
        return list(self._reader.each((item for item in found if not _is_no_version(item)), _to_record))

    def pointer(self, house: str, *, consistent: bool = True) -> Pointer:
        """Returns the pointer to what serves a house.

        Raises
        ------
        StoreError
            If the table does not respond.
        ItemDamagedError
            If the pointer cannot be read.
        """
        item = self._get(house, _POINTER, consistent=consistent)
        return Pointer() if item is None else self._reader.needed(item, _to_pointer)

    def served(self, house: str, *, at: datetime | None = None) -> Iterator[Served]:
        """Returns an iterator over the log, newest entry first.

        If ``at`` is given, it begins with the entry that served at that time.
        """
        newest = f"{_SERVED}{format_moment(at) if at else ''}{_AFTER}"
        entries = self._item.query(
            house,
            self._item.version.between(_SERVED, newest),
            scan_index_forward=False,
            consistent_read=True,
            page_size=None if at is None else 1,
        )
        return self._reader.each(entries, _to_served)

    def move(
        self, house: str, seen: Pointer, *, to: str | None, previous: str | None, at: datetime, why: str
    ) -> Pointer:
        """Move the pointer to ``to`` from ``at`` on, if it still is as it was ``seen``. Returns the new pointer.

        The time is never set before that of the last move.

        Raises
        ------
        ChampionChangedError
            If it moved in the meantime.
        NotFoundError
            If the version does not exist, or has expired.
        InputError
            If its objects were pruned.
        """
        item = self._item
        since = max(at.replace(microsecond=0), seen.since or at.replace(microsecond=0))
        moved = Pointer(to, previous, since, seen.counter + 1)
        facts: dict[str, Any] = {"points_to": to, "previous": previous, "since": format_moment(since)}
        pointer = item(house, _POINTER, counter=moved.counter, **facts)
        entry = item(house, f"{_SERVED}{format_moment(since)}#{moved.counter:08d}", why=why, **facts)
        unmoved = item.counter == seen.counter if seen.counter else item.version.does_not_exist()
        usable = (
            item.manifest.exists()
            & item.pruned_at.does_not_exist()
            & (item.expires_at.does_not_exist() | (item.expires_at > int(at.timestamp())))
        )

        def write(transaction: TransactWrite) -> None:
            if seen.counter:
                transaction.update(pointer, _facts_of(pointer), condition=unmoved)
            else:
                transaction.save(pointer, condition=unmoved)
            transaction.save(entry, condition=item.version.does_not_exist())
            if to is not None:
                transaction.update(item(house, to), actions=[item.expires_at.remove()], condition=usable)

        if self._transact(write):
            return moved
        found = self.pointer(house)
        if found != seen:
            raise ChampionChangedError(house, found=found.points_to, expected=seen.points_to)
        record = self.get(house, to) if to else None
        if record is not None and record.pruned:
            raise InputError(f"model {to} of house {house!r} was pruned, its bytes are gone; train anew")
        raise NotFoundError(f"model {to} of house {house!r}", hint=f"list them with `roomidity models list {house}`")

    def decide(self, house: str, version: str, decision: Mapping[str, Any], *, expires_at: datetime) -> bool:
        """Record why a version does not serve.

        Returns False, leaving the record as it is, if the version has served.
        """
        item = self._item
        return self._update(
            item(house, version),
            [item.decision.set(decision), item.expires_at.set(int(expires_at.timestamp()))],
            item.expires_at.exists(),
        )

    def replace_state(self, house: str, record: ModelRecord, *, sha256: str, through: int) -> bool:
        """Replace the state of a version. Returns whether it still had the state of ``record``, and so was replaced."""
        item = self._item
        return self._update(
            item(house, record.version),
            [
                item.state_sha256.set(sha256),
                item.state_through.set(through),
                item.former_state.set(record.state_sha256),
            ],
            item.state_sha256 == record.state_sha256,
        )

    def mark_pruned(self, house: str, version: str, *, at: datetime) -> bool:
        """Bar a version from serving, so that its objects can be deleted. Returns False if the pointer names it."""
        item = self._item

        def is_other(name: Any) -> Condition:
            other: Condition = name.does_not_exist() | (name != version)
            return other

        def write(transaction: TransactWrite) -> None:
            transaction.condition_check(
                item, house, _POINTER, condition=is_other(item.points_to) & is_other(item.previous)
            )
            transaction.update(
                item(house, version), actions=[item.pruned_at.set(format_moment(at))], condition=item.manifest.exists()
            )

        return self._transact(write)

    def has(self, house: str, version: str) -> bool:
        """Returns whether an item of the version exists, even if it cannot be read."""
        return self._get(house, version, consistent=True) is not None

    def _get(self, house: str, version: str, *, consistent: bool) -> ModelItem | None:
        try:
            return self._item.get(house, version, consistent_read=consistent)
        except self._item.DoesNotExist:
            return None
        except GetError as error:
            raise StoreError(f"{version!r} of house {house!r} cannot be read from the table: {error}") from error

    def _transact(self, write: Callable[[TransactWrite], None]) -> bool:
        """Write all or nothing. Returns whether the conditions held.

        Waits for other transactions on the same items.
        """
        try:
            return transact(connection_of(self._item), write)
        except TransactWriteError as error:
            if not is_cancelled(error):
                raise
            raise StoreError("the table of models is busy: a transaction was put off six times") from error

    def _update(self, item: ModelItem, actions: list[Any], condition: Condition) -> bool:
        """Change an item. Returns whether the condition held."""
        return self._transact(lambda transaction: transaction.update(item, actions=actions, condition=condition))


def _facts_of(pointer: ModelItem) -> list[Action]:
    """Returns the actions that set a pointer's attributes and leave all other attributes of the item unchanged."""
    facts: tuple[Attribute[Any], ...] = (ModelItem.points_to, ModelItem.previous, ModelItem.since, ModelItem.counter)
    values = (pointer.points_to, pointer.previous, pointer.since, pointer.counter)
    return [fact.remove() if value is None else fact.set(value) for fact, value in zip(facts, values, strict=True)]


def _is_no_version(item: ModelItem) -> bool:
    """Returns whether an item is the pointer, a log entry, or an item that lost its manifest."""
    return item.flaw is None and not item.manifest


def _to_record(item: ModelItem) -> ModelRecord:
    check_manifest(item.manifest)
    if item.decision is not None:
        check_decision(item.decision)
    return ModelRecord(
        version=item.version,
        manifest=item.manifest,
        state_sha256=item.state_sha256 or "",
        state_through=whole(item.state_through or 0),
        former_state=item.former_state,
        decision=item.decision,
        expires_at=datetime.fromtimestamp(item.expires_at, UTC) if item.expires_at else None,
        pruned=item.pruned_at is not None,
    )


def _to_pointer(item: ModelItem) -> Pointer:
    return Pointer(item.points_to, item.previous, parse_time(item.since), whole(item.counter, least=1))


def _to_served(item: ModelItem) -> Served:
    if not isinstance(item.why, str):
        raise ValueError("it does not say why")  # noqa: TRY004  # ValueError, like all other flaws
    return Served(item.points_to, parse_time(item.since), item.why, item.previous)
