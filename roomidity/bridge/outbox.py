"""The outbox: messages that the queue has not accepted yet, and what may be acknowledged. Pure: time is an argument.

MQTT 5 requires acknowledgements in the order of delivery, so a message that the queue has not accepted yet holds back
those after it. An acknowledgement belongs to the connection on which its message came and must not be sent on the next
one. Messages held when a connection breaks stay held, since the broker may have forgotten them. A redelivered message
is recognised by identifier and content. It keeps the time at which it first came and is not sent twice.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from roomidity.bridge.entries import LeftOut, Published, entry_of
from roomidity.readings.messages import MAX_BODY_BYTES

__all__ = ["MAX_HELD_BYTES", "WINDOW", "Body", "Outbox", "Receipt"]

WINDOW: Final = 20_000
"""Maximum number of unacknowledged messages that the broker may have in flight (MQTT 5: Receive Maximum).

They are held while the queue is unreachable, in addition to what the broker itself queues. This is half an hour for a
house with ten messages a second.
"""

MAX_HELD_BYTES: Final = 32 * 2**20
"""Limit of the held messages in bytes. Above it the bridge disconnects and leaves further messages to the broker."""

_OVERHEAD_BYTES: Final = 600
"""Approximate memory of a held message beyond its text, in bytes."""

_CALL_BODIES: Final = 10
"""Maximum number of entries in one SendMessageBatch."""

_STALLED: Final = 10
"""Number of unacknowledged messages at which a broker may stall (some at 20 or 32, whatever is offered) ..."""

_STALLED_S: Final = 1.0
"""... and the silence in s that indicates it. Such a broker is not kept waiting until the regular time to send."""

_TAIL: Final = "]}"


@dataclass(frozen=True)
class Receipt:
    """What is acknowledged: a packet's identifier and its QoS."""

    mid: int
    qos: int


@dataclass(eq=False)
class _Held:
    """A received message as an entry. It is done once the queue has accepted it or never will."""

    entry: str
    since_s: float
    digest: bytes
    is_done: bool = False
    is_alone: bool = False


@dataclass(frozen=True)
class Body:
    """A message for the queue, with the held messages it contains."""

    text: str
    held: tuple[_Held, ...] = field(repr=False)


class Outbox:
    """Packs a house's messages by size and time, and determines which may be acknowledged.

    Parameters
    ----------
    house
        The house of the broker.
    max_bytes
        Maximum size in bytes of a body, and of all bodies of a call together.
    flush_s
        How long a message waits at most for others, in s.
    """

    def __init__(self, house: str, *, max_bytes: int = MAX_BODY_BYTES, flush_s: float) -> None:
        self._head = f'{{"house":{json.dumps(house)},"messages":['
        self._max_bytes = max_bytes
        self._room = max_bytes - len(self._head) - len(_TAIL)  # everything is ASCII
        self._flush_s = flush_s
        self._waiting: deque[_Held] = deque()
        self._waiting_bytes = 0
        self._unacknowledged: deque[tuple[Receipt, _Held]] = deque()
        self._before: dict[Receipt, _Held] = {}
        self._heard_s = 0.0
        self.counts: Counter[str] = Counter()

    # ---- What comes in.

    def hear(self, message: Published, *, received: datetime, now_s: float) -> LeftOut | None:
        """Takes in a message. Returns why it is left out, or None if it is not."""
        self._note(message, now_s)
        digest = _digest(message)
        receipt = Receipt(message.mid, message.qos)
        known = self._before.pop(receipt, None) if message.qos else None
        if known is not None and message.dup and known.digest == digest:
            self.counts["again"] += 1
            self._unacknowledged.append((receipt, known))
            return None
        entry = entry_of(message, received=received)
        if not isinstance(entry, LeftOut) and len(entry) > self._room:
            entry = LeftOut.TOO_LARGE
        if isinstance(entry, LeftOut):
            self._leave_out(message, entry)
            return entry
        held = _Held(entry, now_s, digest)
        self._waiting.append(held)
        self._waiting_bytes += len(entry) + 1
        if message.qos:
            self._unacknowledged.append((receipt, held))
        return None

    def pass_over(self, message: Published, *, now_s: float, why: LeftOut = LeftOut.NOT_ASKED) -> LeftOut:
        """Has a message acknowledged that is no reading, or was not asked for. Returns why it is left out."""
        self._note(message, now_s)
        self._leave_out(message, why)
        return why

    def _note(self, message: Published, now_s: float) -> None:
        self._heard_s = now_s
        self.counts["received"] += 1
        self.counts["qos0"] += message.qos == 0

    def _leave_out(self, message: Published, why: LeftOut) -> None:
        self.counts[why] += 1
        if message.qos:
            self._unacknowledged.append((Receipt(message.mid, message.qos), _Held("", 0.0, b"", is_done=True)))

    # ---- What goes out.

    def is_due(self, now_s: float) -> bool:
        """Returns whether to send now: enough is waiting, it has waited long enough, or the broker waits."""
        if not self._waiting:
            return False
        unacknowledged = len(self._unacknowledged)
        return (
            self._waiting_bytes >= self._room
            or now_s - self._waiting[0].since_s >= self._flush_s
            or unacknowledged >= WINDOW
            or (unacknowledged >= _STALLED and now_s - self._heard_s >= _STALLED_S)
        )

    def bodies(self) -> list[Body]:
        """Returns what one call may send, oldest first: at most ten bodies, in total no longer than one body may be."""
        groups: list[list[_Held]] = []
        total = size = 0
        for held in self._waiting:
            length = len(held.entry) + 1
            opens = not groups or held.is_alone or groups[-1][0].is_alone or size + length > self._room + 1
            more = length + (len(self._head) + len(_TAIL) if opens else 0)
            if groups and (total + more > self._max_bytes + 1 or (opens and len(groups) == _CALL_BODIES)):
                break
            if opens:
                groups.append([])
                size = 0
            groups[-1].append(held)
            size += length
            total += more
        return [Body(self._head + ",".join(one.entry for one in group) + _TAIL, tuple(group)) for group in groups]

    def take(self, body: Body) -> None:
        """Notes that the queue has accepted ``body``."""
        self.counts["queued"] += len(body.held)
        self.counts["bodies"] += 1
        self._end(body)

    def refuse(self, body: Body) -> str | None:
        """Notes that the queue will never accept ``body``, so that its messages are sent one by one.

        Returns the entry if it was alone, which is then dropped, else None.
        """
        if len(body.held) > 1:
            for held in body.held:
                held.is_alone = True
            return None
        self.counts[LeftOut.REFUSED] += 1
        entry = body.held[0].entry
        self._end(body)
        return entry

    def _end(self, body: Body) -> None:
        for held in body.held:
            self._waiting_bytes -= len(held.entry) + 1
            held.entry, held.is_done = "", True
        self._waiting = deque(held for held in self._waiting if not held.is_done)

    # ---- What is acknowledged.

    def acknowledgements(self) -> list[Receipt]:
        """Returns what may be acknowledged now, in order. Each receipt is returned only once."""
        ready: list[Receipt] = []
        while self._unacknowledged and self._unacknowledged[0][1].is_done:
            ready.append(self._unacknowledged.popleft()[0])
        return ready

    def lose_connection(self) -> None:
        """Notes that the connection is lost or another attempt failed. Its acknowledgements are no longer valid."""
        self._before.update(self._unacknowledged)
        self._unacknowledged.clear()

    def resume(self, *, session_present: bool) -> None:
        """Notes that there is a connection again. Without the session the broker redelivers no earlier messages."""
        if not session_present:
            self._before.clear()

    # ---- What there is.

    @property
    def waiting(self) -> int:
        """Number of messages that the queue has not accepted yet."""
        return len(self._waiting)

    @property
    def unacknowledged(self) -> int:
        """Number of messages that still have to be acknowledged to the broker."""
        return len(self._unacknowledged)

    @property
    def is_full(self) -> bool:
        """Whether no more messages should be taken in."""
        return self._cost >= MAX_HELD_BYTES

    @property
    def is_roomy(self) -> bool:
        """Whether there is ample space for messages again."""
        return self._cost <= MAX_HELD_BYTES // 2

    @property
    def _cost(self) -> int:
        return self._waiting_bytes + _OVERHEAD_BYTES * len(self._waiting)


def _digest(message: Published) -> bytes:
    return hashlib.blake2b(f"{message.topic}\0".encode() + message.payload, digest_size=16).digest()
