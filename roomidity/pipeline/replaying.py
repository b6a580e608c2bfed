"""Replay: what was rejected, and what ended as a dead letter, goes back to the queue it came by, at least once.

Sent first, removed then: who is ended between the two sends again, which the sets make harmless.
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
"""What one call to SQS takes."""


class KeptRejects(Protocol):
    """Rejected readings as they are kept: objects of a day."""

    def days(self, first: date | None = None, last: date | None = None) -> list[date]:
        """The days of which there are rejects, from ``first`` to ``last``, both included."""

    def keys(self, day: date) -> list[str]:
        """The objects of a day."""

    def lines(self, key: str) -> Iterator[dict[str, Any]]:
        """An object's lines, as they are asked for: a reject each, or those of a message together."""

    def rewrite(self, key: str, rejects: Sequence[Mapping[str, Any]]) -> object:
        """Put ``rejects`` in the place of all that an object had; without any, the object goes."""


@dataclass
class Replayed:
    """What a replay sent: readings by reason, and in how many messages."""

    reasons: Counter[str] = field(default_factory=Counter)
    messages: int = 0

    def add(self, other: Replayed) -> None:
        """Add another's counts to these."""
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
    """Send the selected rejects of an object, all of them, and only then take them out of it.

    With ``dry_run`` they are counted, and nothing is sent or taken out.

    Parameters
    ----------
    life_of
        When a house of a name was forgotten, in ms since 1970, or 0: what was sent before is taken out, and not sent.
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
    """What brings back the rejects of a line; readings of devices one by one, for none of them is packed."""
    unmapped, others = divide(line, lambda reject: reject["reason"] == "unmapped")
    if unmapped:
        yield from (text_of(reject["original"]) for reject in expand(unmapped))
    if others:
        is_one = "packed" not in others
        yield from [text_of(others["original"])] if is_one else bodies_of(others, max_bytes=MAX_BODY_BYTES)


def text_of(original: Any) -> str:
    """The body, or line of one, that is decoded to the same reading again and counted once.

    A reading that has a key ``readings`` is packed, or it would be taken for a packed message. What was no reading is
    sent as the text that it was: a body that is no JSON, or a reading with a NaN as Python writes it.
    """
    if isinstance(original, str):
        return original or '""'  # SQS takes no empty body
    packed = {"readings": [original]} if isinstance(original, dict) and "readings" in original else original
    text = json.dumps(packed, separators=(",", ":"))
    return text if len(text) <= MAX_BODY_BYTES else json.dumps(packed, separators=(",", ":"), ensure_ascii=False)


def move_messages(dead_letters: ReadingsQueue, queue: JobQueue) -> Iterator[tuple[int, int]]:
    """Move every message of a dead-letter queue back to its queue: sent first, deleted then.

    Yields
    ------
    How many were sent, and how many of them could not be deleted, and so will come again.
    """
    while messages := dead_letters.receive():
        queue.send([Resent(message.body, message.origin_ms) for message in messages])
        yield len(messages), len(dead_letters.delete(messages))
