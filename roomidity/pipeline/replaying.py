"""Replay: returns rejected readings and dead letters to the queue they came from, with at-least-once delivery.

Messages are sent first and removed afterwards. If a replay is interrupted between the two, they are sent again, which
is harmless because adding readings to sets is idempotent.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import islice
from typing import Any, Final, Protocol

from roomidity.domain.messages import Resent
from roomidity.domain.rejects import Selection, named_houses
from roomidity.domain.slots import parse_time, to_epoch_ms
from roomidity.pipeline.ports import JobQueue, ReadingsQueue
from roomidity.readings import pack_lines
from roomidity.readings.messages import MAX_BODY_BYTES
from roomidity.readings.rejected import bodies_of, count_by_reason, divide, expand

__all__ = ["KeptRejects", "Replayed", "move_messages", "replay_object", "text_of"]

_CALL_BODIES: Final = 10
"""Maximum bodies of one call to SQS."""


class KeptRejects(Protocol):
    """Stored rejected readings, in objects by day."""

    def days(self, first: date | None = None, last: date | None = None) -> list[date]:
        """Returns the days that have rejects, from ``first`` to ``last``, both included."""

    def keys(self, day: date) -> list[str]:
        """Returns the keys of a day's objects."""

    def lines(self, key: str) -> Iterator[dict[str, Any]]:
        """Yields an object's lines, read on demand. A line is one reject, or several rejects of one message."""

    def rewrite(self, key: str, rejects: Sequence[Mapping[str, Any]]) -> object:
        """Replace all lines of an object. If ``rejects`` is empty, the object is deleted."""


@dataclass
class Replayed:
    """What a replay sent: readings by reason, and the number of messages."""

    reasons: Counter[str] = field(default_factory=Counter)
    messages: int = 0

    def add(self, other: Replayed) -> None:
        """Add the counts of another replay to these."""
        self.reasons += other.reasons
        self.messages += other.messages


def replay_object(
    rejects: KeptRejects,
    key: str,
    queue: JobQueue,
    *,
    selection: Selection,
    life_of: Callable[[str], int] = lambda _: 0,
    dry_run: bool = False,
) -> Replayed:
    """Send the selected rejects of an object, and remove them from it once all are sent. Returns what was sent.

    With ``dry_run`` they are counted, but not sent or removed.

    Parameters
    ----------
    life_of
        Returns when a house of a name was forgotten, in ms since 1970, or 0. What was sent before is removed, but not
        sent.
    """
    replayed = Replayed()
    left: list[dict[str, Any]] = []
    newest_ms = 0

    def selected() -> Iterator[str]:
        nonlocal newest_ms
        for whole in rejects.lines(key):
            sent_ms = to_epoch_ms(parse_time(whole["sent_at"]))
            newest_ms = max(newest_ms, sent_ms)
            _, line = divide(whole, partial(_is_of_before, life_of, sent_ms))
            if line is None:
                continue
            chosen, others = divide(line, selection.holds)
            if others:
                left.append(others)
            if chosen:
                replayed.reasons.update(count_by_reason(chosen))
                yield from _texts(chosen)

    bodies = pack_lines(selected())
    while batch := list(islice(bodies, _CALL_BODIES)):
        replayed.messages += len(batch)
        if not dry_run:
            queue.send([Resent(body, newest_ms) for body in batch])
    if replayed.messages and not dry_run:
        rejects.rewrite(key, left)
    return replayed


def _is_of_before(life_of: Callable[[str], int], sent_ms: int, reject: Mapping[str, Any]) -> bool:
    return any(sent_ms <= life_of(name) for name in named_houses(reject))


def _texts(line: dict[str, Any]) -> Iterator[str]:
    """Yields the bodies that bring back the rejects of a line.

    Readings of devices come one by one, since none is packed.
    """
    unmapped, others = divide(line, lambda reject: reject["reason"] == "unmapped")
    if unmapped:
        yield from (text_of(reject["original"]) for reject in expand(unmapped))
    if others:
        is_one = "packed" not in others
        yield from [text_of(others["original"])] if is_one else bodies_of(others, max_bytes=MAX_BODY_BYTES)


def text_of(original: Any) -> str:
    """Returns a body, or a line of one, that is decoded to the same reading again and counted once.

    A reading that has a key ``readings`` is packed, or it would be mistaken for a packed message. What was not a
    reading is sent as its original text, such as a body that is not JSON, or a reading with a NaN as Python writes it.
    """
    if isinstance(original, str):
        return original or '""'  # SQS accepts no empty body
    packed = {"readings": [original]} if isinstance(original, dict) and "readings" in original else original
    text = json.dumps(packed, separators=(",", ":"))
    return text if len(text) <= MAX_BODY_BYTES else json.dumps(packed, separators=(",", ":"), ensure_ascii=False)


def move_messages(dead_letters: ReadingsQueue, queue: JobQueue) -> Iterator[tuple[int, int]]:
    """Move every message of a dead-letter queue back to its queue. Messages are sent first and deleted afterwards.

    Yields
    ------
    How many were sent, and how many of them could not be deleted and so will be received again.
    """
    while messages := dead_letters.receive():
        queue.send([Resent(message.body, message.origin_ms) for message in messages])
        yield len(messages), len(dead_letters.delete(messages))
