"""Conditional writes of many items: one call each while a house has few, transactions when its past is filled in."""

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
"""More items of one house than this are its past being filled in; a live drain has one or two."""

_TRANSACTION_ITEMS: Final = 100
_TRANSACTION_BYTES: Final = 3_000_000
"""The service takes 100 items and 4 MB."""

_TRANSACTION_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""A transaction of 100 items takes some 50 ms."""


@dataclass(frozen=True)
class Write:
    """An item, the condition on which it is written, whose it is, and about how large.

    With ``keep``, attributes of what stands there that this version does not know stay: a newer one wrote them.
    Without, nothing is expected to stand there, and it is a little faster. With ``actions`` only these are done. What
    ``is_new`` is written as well where the condition is that nothing stands there.
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
        """What is done to the item that stands there; nothing: it is replaced."""
        return list(self.actions) or (updates_of(self.item) if self.keep else [])


def updates_of(item: Model) -> list[Action]:
    """Returns what makes an item that stands there this one, but for attributes that this version does not know."""
    actions: list[Action] = []
    for name, attribute in item.get_attributes().items():
        if not (attribute.is_hash_key or attribute.is_range_key):
            value = getattr(item, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
    return actions


@dataclass(frozen=True)
class Guard:
    """Another item, and the condition on it under which anything is written at all."""

    item: type[Model]
    key: str
    condition: Condition

    def check(self, transaction: TransactWrite) -> None:
        """Make a transaction depend on it."""
        transaction.condition_check(self.item, self.key, condition=self.condition)


def guard_for(home: House | None, guard: Callable[[House], Guard] | None) -> Guard | None:
    """Returns what guards the writes of a house; none where no house is given, or nothing guards."""
    return None if home is None or guard is None else guard(home)


def save(write: Write) -> bool:
    """Write an item. Returns whether its condition held. Waits for another's transaction on it to end."""
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
    """Delete an item, if it is there and the condition holds."""
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
    """Write items, each if its condition and the guard's hold. Returns whether they did.

    With a guard each is a transaction, at twice the price of a write. By ``inserting`` new items are written many at
    a time.

    Filling in a year is 70,000 items: as transactions at twice the price of a write (5 cents) they take a tenth of the
    calls' time. A transaction in which one condition does not hold writes nothing; its items are then written singly.
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
    """Write all of a batch or nothing; whether it was all."""
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
    """Places of writes that fit one transaction together."""
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
    """Write all or nothing. Returns whether the conditions held. Waits for others' transactions on the items.

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
    """Whether a transaction was called off: by a condition, or by another one."""
    return error.cause_response_code == "TransactionCanceledException"
