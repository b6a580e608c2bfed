"""Conditional writes of many items: single calls while a house has few, transactions when its past is backfilled."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pynamodb.connection import Connection
from pynamodb.exceptions import DeleteError, PutError, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from roomidity.aws.store.inserting import BatchInsert
from roomidity.aws.store.parallel import in_parallel
from roomidity.domain.houses import House

__all__ = [
    "Guard",
    "Write",
    "guard_for",
    "is_cancelled",
    "remove",
    "save",
    "save_many",
    "transact",
    "updates_of",
]

_BACKFILL_ITEMS: Final = 25
"""More items of one house than this mean that its past is being backfilled. A live drain has one or two."""

_TRANSACTION_ITEMS: Final = 100
_TRANSACTION_BYTES: Final = 3_000_000
"""Kept below the limits of the service, which are 100 items and 4 MB."""

_TRANSACTION_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Pauses in s between attempts. A transaction of 100 items takes some 50 ms."""


@dataclass(frozen=True)
class Write:
    """A conditional write: the item, its condition, its house, and its approximate size.

    With ``keep``, attributes of the stored item that this version does not know are preserved, because a newer version
    wrote them. Without it, nothing is expected to be stored there, which is a little faster. If ``actions`` are given,
    only these are applied. ``is_new`` says that the condition is that nothing is stored there.
    """

    item: Model
    condition: Condition
    house: Hashable
    size_bytes: int
    keep: bool = False
    actions: Sequence[Action] = ()
    is_new: bool = False

    @property
    def updates(self) -> list[Action]:
        """The update actions for the stored item. If there are none, the item is replaced."""
        return list(self.actions) or (updates_of(self.item) if self.keep else [])


def updates_of(item: Model) -> list[Action]:
    """Returns the actions that turn a stored item into this one and leave unknown attributes unchanged."""
    actions: list[Action] = []
    for name, attribute in item.get_attributes().items():
        if not (attribute.is_hash_key or attribute.is_range_key):
            value = getattr(item, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
    return actions


@dataclass(frozen=True)
class Guard:
    """Another item with a condition that must hold for anything to be written at all."""

    item: type[Model]
    key: str
    condition: Condition

    def check(self, transaction: TransactWrite) -> None:
        """Make a transaction depend on the guard."""
        transaction.condition_check(self.item, self.key, condition=self.condition)


def guard_for(home: House | None, guard: Callable[[House], Guard] | None) -> Guard | None:
    """Returns the guard for writes of a house, or None if no house or no guard is given."""
    return None if home is None or guard is None else guard(home)


def save(write: Write) -> bool:
    """Write an item. Returns whether its condition held. Waits for other transactions on it to end."""
    for pause_s in (*_TRANSACTION_PAUSES_S, None):
        try:
            if updates := write.updates:
                write.item.update(updates, condition=write.condition)
            else:
                write.item.save(condition=write.condition)
        except (PutError, UpdateError) as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            if error.cause_response_code != "TransactionConflictException" or pause_s is None:
                raise
            time.sleep(pause_s)
        else:
            return True
    raise AssertionError("the last attempt returns or raises")


def remove(item: Model, condition: Condition | None = None) -> None:
    """Delete an item if it exists and the condition holds."""
    try:
        item.delete(condition=condition)
    except DeleteError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise


def save_many(
    writes: Sequence[Write],
    connection: Connection,
    guard: Guard | None = None,
    *,
    inserting: BatchInsert | None = None,
) -> list[bool]:
    """Write items, each if its condition and the guard's hold. Returns for each whether it was written.

    With a guard each is a transaction, at twice the price of a write. By ``inserting`` new items are written many at
    a time.

    Backfilling a year means 70,000 items. As transactions they cost twice as much (5 cents) but take a tenth of the
    time. A transaction in which one condition does not hold writes nothing, so its items are then written one by one.
    """
    if guard is not None:
        return in_parallel(lambda write: _save_guarded(write, guard, connection), list(writes))
    counts = Counter(write.house for write in writes)
    past = [place for place, write in enumerate(writes) if counts[write.house] > _BACKFILL_ITEMS]
    batches = list(_batches(past, writes))
    transacted = in_parallel(lambda batch: _transact([writes[place] for place in batch], connection), batches)
    held = {place for batch, done in zip(batches, transacted, strict=True) if done for place in batch}
    if inserting is not None:
        of_past = set(past)
        new = [place for place, write in enumerate(writes) if write.is_new and place not in of_past]
        if len(new) > 1:
            done = inserting.insert([writes[place] for place in new], connection.client)
            held.update(new[place] for place in done)
    single = [place for place in range(len(writes)) if place not in held]
    saved = in_parallel(lambda place: save(writes[place]), single)
    held.update(place for place, done in zip(single, saved, strict=True) if done)
    return [place in held for place in range(len(writes))]


def _save_guarded(write: Write, guard: Guard, connection: Connection) -> bool:
    def both(transaction: TransactWrite) -> None:
        guard.check(transaction)
        _write(transaction, write)

    return transact(connection, both)


def _transact(batch: Sequence[Write], connection: Connection) -> bool:
    """Write a whole batch or nothing. Returns whether it was written."""
    try:
        with TransactWrite(connection=connection) as transaction:
            for write in batch:
                _write(transaction, write)
    except TransactWriteError as error:
        if not is_cancelled(error):
            raise
        return False
    return True


def _write(transaction: TransactWrite, write: Write) -> None:
    if updates := write.updates:
        transaction.update(write.item, updates, condition=write.condition)
    else:
        transaction.save(write.item, condition=write.condition)


def _batches(places: Sequence[int], writes: Sequence[Write]) -> Iterator[list[int]]:
    """Yields the positions of writes that fit into one transaction together."""
    batch: list[int] = []
    size = 0
    for place in places:
        if batch and (len(batch) == _TRANSACTION_ITEMS or size + writes[place].size_bytes > _TRANSACTION_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(place)
        size += writes[place].size_bytes
    if batch:
        yield batch


def transact(connection: Connection, write: Callable[[TransactWrite], None]) -> bool:
    """Write all or nothing. Returns whether the conditions held.

    Waits for other transactions on the same items.

    Raises
    ------
    TransactWriteError
        If it cannot be written, or was put off six times.
    """
    for pause_s in (*_TRANSACTION_PAUSES_S, None):
        try:
            with TransactWrite(connection=connection) as transaction:
                write(transaction)
        except TransactWriteError as error:
            if not is_cancelled(error):
                raise
            if any(reason and reason.code == "ConditionalCheckFailed" for reason in error.cancellation_reasons):
                return False
            if pause_s is None:
                raise
            time.sleep(pause_s)
        else:
            return True
    raise AssertionError("the last attempt returns or raises")


def is_cancelled(error: TransactWriteError) -> bool:
    """Returns whether a transaction was cancelled, by a condition or by another transaction."""
    return error.cause_response_code == "TransactionCanceledException"
