"""The outbox: what was heard and not yet taken by the queue, and what may be acknowledged. Pure: time comes in.

MQTT 5 wants acknowledgements in the order of delivery, so one that the queue has not taken yet holds back those after
it. An acknowledgement is good for the connection on which its message came: it must not reach the next. What was held
when a connection broke stays held, for the broker may have forgotten it; what it delivers again is known by identifier
and content, keeps the time at which it came first, and is not sent twice.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from roomidity.bridge.entries import LeftOut, Published, entry_of
from roomidity.bridge.weather import weather_body
from roomidity.errors import InputError
from roomidity.readings.messages import MAX_BODY_BYTES

__all__ = ["MAX_HELD_BYTES", "WINDOW", "Body", "Outbox", "Receipt"]

logger: Final = logging.getLogger("roomidity.bridge")

WINDOW: Final = 20_000
"""Unacknowledged messages that the broker may have under way to us (MQTT 5: Receive Maximum). They are held while the
queue is away, beyond what the broker itself queues: half an hour of a house that hears ten a second."""

MAX_HELD_BYTES: Final = 32 * 2**20
"""Above it we hang up, and the broker holds what comes."""

_OVERHEAD_BYTES: Final = 600
"""What a held message takes beside its text."""

_CALL_BODIES: Final = 10
"""Of one SendMessageBatch."""

_STALLED: Final = 10
"""Unacknowledged messages after which a broker may stop (some at 20 or 32, whatever we offer) ..."""

_STALLED_S: Final = 1.0
"""... and the silence that looks like it: such a broker is not made to wait until the time to send comes."""

_TAIL: Final = "]}"


@dataclass(frozen=True)
class Receipt:
    """What is acknowledged: a packet's identifier and its QoS."""

    mid: int
    qos: int


@dataclass(eq=False)
class _Held:
    """A message that was heard, as an entry; done once the queue has taken it, or never will."""

    entry: str
    since_s: float
    digest: bytes
    is_done: bool = False
    is_alone: bool = False
    is_body: bool = False  # not an entry among others, but all of what is queued


@dataclass(frozen=True)
class Body:
    """A message for the queue, and what it holds."""

    text: str
    held: tuple[_Held, ...] = field(repr=False)


class Outbox:
    """Packs what was heard of a house by size and by time; says what may be acknowledged.

    Parameters
    ----------
    house
        Whose broker it is.
    max_bytes
        The longest body, and all bodies of a call together.
    flush_s
        How long a message waits for others at most, in s.
    weather_topic
        The topic on which Home Assistant's forecast of the weather is published, if it is.
    """

    def __init__(
        self, house: str, *, max_bytes: int = MAX_BODY_BYTES, flush_s: float, weather_topic: str | None = None
    ) -> None:
        self._house = house
        self._weather_topic = weather_topic
        self._head = f'{{"house":{json.dumps(house)},"messages":['
        self._max_bytes = max_bytes
        self._room = max_bytes - len(self._head) - len(_TAIL)  # all of it is ASCII
        self._flush_s = flush_s
        self._waiting: deque[_Held] = deque()
        self._waiting_bytes = 0
        self._unacknowledged: deque[tuple[Receipt, _Held]] = deque()
        self._before: dict[Receipt, _Held] = {}
        self._heard_s = 0.0
        self.counts: Counter[str] = Counter()

    # ---- What comes in.

    def hear(self, message: Published, *, received: datetime, now_s: float) -> LeftOut | None:
        """Take a message in; returns why it goes nowhere, where that is so."""
        self._note(message, now_s)
        digest = _digest(message)
        receipt = Receipt(message.mid, message.qos)
        known = self._before.pop(receipt, None) if message.qos else None
        if known is not None and message.dup and known.digest == digest:
            self.counts["again"] += 1
            self._unacknowledged.append((receipt, known))
            return None
        is_body = message.topic is not None and message.topic == self._weather_topic
        entry = self._weather(message, received) if is_body else entry_of(message, received=received)
        if not isinstance(entry, LeftOut) and len(entry) > self._room:
            entry = LeftOut.TOO_LARGE
        if isinstance(entry, LeftOut):
            self._leave_out(message, entry)
            return entry
        held = _Held(entry, now_s, digest, is_alone=is_body, is_body=is_body)
        self._waiting.append(held)
        self._waiting_bytes += len(entry) + 1
        if message.qos:
            self._unacknowledged.append((receipt, held))
        return None

    def _weather(self, message: Published, received: datetime) -> str | LeftOut:
        """A forecast of the weather as a body; of the broker's store nobody knows how old one is."""
        if message.retain:
            return LeftOut.RETAINED
        try:
            return weather_body(message.payload, house=self._house, received=received)
        except InputError as error:
            logger.warning("a forecast of the weather goes nowhere: %s", error)
            return LeftOut.NO_WEATHER

    def pass_over(self, message: Published, *, now_s: float) -> LeftOut:
        """Have a message acknowledged that nobody asked for; returns that as why it goes nowhere."""
        self._note(message, now_s)
        self._leave_out(message, LeftOut.NOT_ASKED)
        return LeftOut.NOT_ASKED

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
        """Whether it is time to send: enough waits, it has waited long enough, or the broker waits for us."""
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
        """What one call may send, the oldest first: at most ten bodies, together no longer than one may be."""
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
        return [Body(self._text(group), tuple(group)) for group in groups]

    def _text(self, group: list[_Held]) -> str:
        if group[0].is_body:
            return group[0].entry
        return self._head + ",".join(one.entry for one in group) + _TAIL

    def take(self, body: Body) -> None:
        """The queue has taken ``body``."""
        self.counts["queued"] += len(body.held)
        self.counts["bodies"] += 1
        self._end(body)

    def refuse(self, body: Body) -> str | None:
        """The queue will never take ``body``: its messages go one by one; returns the entry of one that was alone."""
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
        """What may be acknowledged now, in order; each is handed out once."""
        ready: list[Receipt] = []
        while self._unacknowledged and self._unacknowledged[0][1].is_done:
            ready.append(self._unacknowledged.popleft()[0])
        return ready

    def lose_connection(self) -> None:
        """The connection is gone, or another attempt failed; acknowledgements of it are good for nothing any more."""
        self._before.update(self._unacknowledged)
        self._unacknowledged.clear()

    def resume(self, *, session_present: bool) -> None:
        """There is a connection again; without the session the broker delivers nothing of before."""
        if not session_present:
            self._before.clear()

    # ---- What there is.

    @property
    def waiting(self) -> int:
        """Messages that the queue has not taken yet."""
        return len(self._waiting)

    @property
    def unacknowledged(self) -> int:
        """Messages that the broker waits to have acknowledged."""
        return len(self._unacknowledged)

    @property
    def is_full(self) -> bool:
        """Whether no more should be taken in."""
        return self._cost >= MAX_HELD_BYTES

    @property
    def is_roomy(self) -> bool:
        """Whether much can be taken in again."""
        return self._cost <= MAX_HELD_BYTES // 2

    @property
    def _cost(self) -> int:
        return self._waiting_bytes + _OVERHEAD_BYTES * len(self._waiting)


def _digest(message: Published) -> bytes:
    return hashlib.blake2b(f"{message.topic}\0".encode() + message.payload, digest_size=16).digest()
