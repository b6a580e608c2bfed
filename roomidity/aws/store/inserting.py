"""Writes new items with BatchExecuteStatement, 25 INSERTs a call. Any other outcome is left to a conditional put.

An INSERT succeeds only if its key is free, and otherwise answers ``DuplicateItem``. The put of a new item has the same
condition. So if a statement is not known to have succeeded, the put that follows decides: it writes a missing item, and
finds an existing one, including one written by an INSERT whose answer was lost.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.models import Model

from roomidity.aws.store.parallel import in_parallel

__all__ = ["BatchInsert", "New", "statement_of"]

logger: Final = logging.getLogger(__name__)

STATEMENTS: Final = 25
"""Maximum number of statements in a call, AWS's limit."""

_BYTES: Final = 3_000_000
_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
_PATIENCE_S: Final = 5.0
"""Maximum total pause of all batches in a round. A wave allows 45 s for a round, and puts follow."""

_REFUSED_FOR_S: Final = 600.0
"""Pause after a whole batch was refused, until the next tick. A drain takes at most 300 s."""

_AGAIN: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingError",
        "TransactionConflict",
        "TransactionInProgress",
    }
)
"""Codes of transient errors, without the suffix ``Exception`` that some have."""

_DUPLICATE: Final = "DuplicateItem"


class New(Protocol):
    """An item whose key is expected to be free, and its approximate size."""

    @property
    def item(self) -> Model:
        """The item."""

    @property
    def size_bytes(self) -> int:
        """Its approximate size."""


@dataclass
class BatchInsert:
    """Writes new items in batches. It pauses for a while after a whole batch was refused."""

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    randomness: random.Random = field(default_factory=random.Random)
    _why: str = ""
    _until: float = -math.inf

    @property
    def refused(self) -> str | None:
        """Why batches are paused and items are put one by one, or None if they are not paused."""
        return self._why if self.clock() < self._until else None

    def insert(self, new: Sequence[New], client: Any) -> set[int]:
        """Write items of one table, with distinct keys. Returns the indices of those known to be written."""
        if self.refused is not None:
            return set()
        patience = _Patience(_PATIENCE_S, self.sleep)
        batches = list(_batches(new))
        done = in_parallel(lambda places: self._batch(new, places, client, patience), batches)
        return {place for places in done for place in places}

    def _batch(self, new: Sequence[New], places: list[int], client: Any, patience: _Patience) -> list[int]:
        written: list[int] = []
        for pause_s in (*_PAUSES_S, None):
            codes = self._ask([statement_of(new[place].item) for place in places], client)
            written += [place for place, code in zip(places, codes, strict=True) if code is None]
            places = [place for place, code in zip(places, codes, strict=True) if _plain(code) in _AGAIN]
            if not places or pause_s is None or not patience.pause(pause_s * self.randomness.uniform(0.5, 1.5)):
                return written
        return written

    def _ask(self, statements: list[dict[str, Any]], client: Any) -> list[str | None]:
        """Returns the error code of each statement, or None if it was written.

        If the whole call failed, all statements get its code.
        """
        if self.refused is not None:
            return ["refused"] * len(statements)
        try:
            answer = client._make_api_call("BatchExecuteStatement", {"Statements": statements})  # noqa: SLF001  # as pynamodb does
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if _plain(code) not in _AGAIN:
                self._refuse(f"{code}: {error}")
            return [code] * len(statements)
        except BotoCoreError as error:  # no answer: some may be written, and the puts will find them
            return [type(error).__name__] * len(statements)
        answers = answer.get("Responses", [])
        if len(answers) != len(statements):
            self._refuse(f"{len(answers)} answers to {len(statements)} statements")
            return ["unknown"] * len(statements)
        codes = [one["Error"].get("Code", "unknown") if one.get("Error") else None for one in answers]
        if all(code is not None and _plain(code) not in {*_AGAIN, _DUPLICATE} for code in codes):
            self._refuse(f"{codes[0]}: {answers[0]['Error'].get('Message', '')}")
        return codes

    def _refuse(self, why: str) -> None:
        self._why, self._until = why[:300], self.clock() + _REFUSED_FOR_S
        logger.error("a batch of INSERTs was refused; new items are put one by one for a while", extra={"why": why})


class _Patience:
    """A budget of seconds to pause, shared by all threads."""

    def __init__(self, left_s: float, sleep: Callable[[float], None]) -> None:
        self._left_s = left_s
        self._sleep = sleep
        self._lock = threading.Lock()

    def pause(self, seconds: float) -> bool:
        """Pause if the budget allows it. Returns whether it did."""
        with self._lock:
            if seconds > self._left_s:
                return False
            self._left_s -= seconds
        self._sleep(seconds)
        return True


def _plain(code: str | None) -> str:
    return (code or "").removesuffix("Exception")


def statement_of(item: Model) -> dict[str, Any]:
    """Returns the INSERT statement for an item, in the form that the call expects."""
    values = item.serialize()
    names = ", ".join(f"'{name}': ?" for name in values)
    return {
        "Statement": f'INSERT INTO "{item.Meta.table_name}" VALUE {{{names}}}',
        "Parameters": list(values.values()),
    }


def _batches(new: Sequence[New]) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    for place, one in enumerate(new):
        if batch and (len(batch) == STATEMENTS or size + one.size_bytes > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(place)
        size += one.size_bytes
    if batch:
        yield batch
