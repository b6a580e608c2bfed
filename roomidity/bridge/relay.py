"""The loop that carries messages from the broker to the outbox and the queue, and acknowledgements back.

A single thread does everything, so that acknowledging never runs concurrently with sending. During a call to the queue
nothing is read from the broker, which holds what arrives. This is the only flow control.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from roomidity.bridge.brokers import DROPPED, VERSION, dangers
from roomidity.bridge.discovery import is_own
from roomidity.bridge.entries import LeftOut, Published
from roomidity.bridge.filters import matches
from roomidity.bridge.outbox import Outbox
from roomidity.bridge.patience import Patience
from roomidity.bridge.ports import Broker, Event, Granted, Linked, Lost, Queue
from roomidity.bridge.telling import Telling
from roomidity.errors import BridgeError

__all__ = ["Clocks", "Relay", "Started"]

logger: Final = logging.getLogger("roomidity.bridge")

_START_S: Final = 20.0
"""How long a broker may take to accept the connection, in s."""

_WAIT_S: Final = 0.25
"""How long one look at the network waits, in s. A request to end is noticed within this time."""

_REPORT_S: Final = 60.0
_TAKEOVER_S: Final = 60.0
"""Minimum time in s before a session lost to another client of the same name is taken back.

Otherwise the two would chase each other.
"""

_BRIEF_S: Final = 60.0
_CHASES: Final = 3
"""Number of consecutive short connections that suggest two clients of the same name, which not every broker reports."""

_CHASED: Final = (
    "it does so again and again: does another client, such as a second bridge of this house, bear the same name? End "
    "one of them, or give it another --client-id"
)


@dataclass(frozen=True)
class Clocks:
    """The time in UTC, and monotonic time in s."""

    utc: Callable[[], datetime]
    monotonic: Callable[[], float]


@dataclass(frozen=True)
class Started:
    """The broker's answers: whether it knew the session, what it granted, and which of this would lose messages."""

    session_present: bool
    granted: Mapping[str, int | str]
    dangers: Sequence[str]


class Relay:
    """Carries messages from a broker to a queue until told to end.

    Parameters
    ----------
    broker, queue
        The ports.
    outbox
        Holds messages between them.
    filters
        The topics to subscribe to.
    clocks, randomness
        Times, and the source of backoff jitter.
    commanded
        Topics that the bridge itself publishes commands on, which are no readings.
    explain
        Returns a one-line explanation of a queue error, or None if it is a fault of the program.
    """

    def __init__(
        self,
        broker: Broker,
        queue: Queue,
        outbox: Outbox,
        *,
        filters: Sequence[str],
        clocks: Clocks,
        randomness: random.Random,
        explain: Callable[[Exception], str | None],
        commanded: frozenset[str] = frozenset(),
    ) -> None:
        self._commanded = commanded
        self._broker = broker
        self._queue = queue
        self._outbox = outbox
        self._filters = list(filters)
        self._clocks = clocks
        self._explain = explain
        self._to_broker = Patience(randomness, first_s=1, longest_s=60)
        self._to_queue = Patience(randomness, first_s=1, longest_s=30)
        self._linked: Linked | None = None
        self._granted: dict[str, int | str] | None = None
        self._is_connecting = False
        self._was_linked = False
        self._linked_at_s = 0.0
        self._brief = 0
        self._lost: Lost | None = None
        self._telling = Telling()
        self._report_at_s = clocks.monotonic() + _REPORT_S

    def start(self) -> Started:
        """Connects and subscribes. Returns what the broker answered.

        Raises
        ------
        BridgeError
            If the broker refuses the connection or a topic, or does not answer.
        """
        give_up_at_s = self._clocks.monotonic() + _START_S
        self._connect()
        while self._linked is None or self._granted is None:
            if self._lost is not None:
                raise BridgeError(self._lost.said)
            if self._clocks.monotonic() > give_up_at_s:
                raise BridgeError(f"the broker did not answer within {_START_S:.0f} s; is it one that speaks MQTT 5?")
            self._look()
        refused = {name: why for name, why in self._granted.items() if isinstance(why, str)}
        if refused:
            self._broker.leave()
            listed = "; ".join(f"{name}: {why}" for name, why in refused.items())
            raise BridgeError(
                f"the broker refuses {listed}. Expected that this user may read it: change the broker's access rules, "
                "or give other topics by --topic"
            )
        self._broker.subscribe([VERSION, DROPPED], qos=0)  # Once and best-effort, since some brokers tell nobody.
        return Started(self._linked.session_present, dict(self._granted), dangers(self._linked, self._granted))

    def run(self, is_told_to_end: Callable[[], bool]) -> None:
        """Carries messages until told to end. Then makes one attempt to send what is held, and leaves."""
        while not is_told_to_end():
            self._step()
        self._outbox_to_queue(at_once=True)
        self._acknowledge()
        if self._linked is not None:
            self._broker.leave()
        self._telling.report(self._outbox.counts, held=self._outbox.waiting)
        if left := self._outbox.waiting:
            logger.warning("the queue did not take all; the broker keeps what it holds at QoS 1", extra={"left": left})

    @property
    def counts(self) -> Mapping[str, int]:
        """Numbers of messages received and of their outcomes since the start."""
        return self._outbox.counts

    def _step(self) -> None:
        now_s = self._clocks.monotonic()
        if self._linked is not None and self._outbox.is_full:
            self._hang_up()
        elif self._may_connect(now_s):
            self._connect()
        self._look()
        self._outbox_to_queue(at_once=False)
        self._acknowledge()
        if now_s >= self._report_at_s:
            self._report_at_s = now_s + _REPORT_S
            self._telling.report(self._outbox.counts, held=self._outbox.waiting)

    # ---- The broker.

    def _may_connect(self, now_s: float) -> bool:
        is_free = self._linked is None and not self._is_connecting and self._outbox.is_roomy
        return is_free and now_s >= self._to_broker.until_s

    def _connect(self) -> None:
        self._is_connecting, self._lost = True, None
        self._broker.connect()

    def _look(self) -> None:
        for event in self._broker.wait(_WAIT_S):
            self._handle(event)

    def _handle(self, event: Event) -> None:
        if isinstance(event, Published):
            self._hear(event)
        elif isinstance(event, Linked):
            self._link(event)
        elif isinstance(event, Granted):
            self._grant(event)
        else:
            self._lose(event)

    def _hear(self, message: Published) -> None:
        topic, now_s = message.topic, self._clocks.monotonic()
        if topic is not None and (is_own(topic) or topic in self._commanded):
            why: LeftOut | None = self._outbox.pass_over(message, now_s=now_s, why=LeftOut.OWN)
        elif topic is None or any(matches(one, topic) for one in self._filters):
            why = self._outbox.hear(message, received=self._clocks.utc(), now_s=now_s)
        elif topic.startswith("$SYS/"):
            self._telling.hear_of_broker(topic, message.payload.decode(errors="replace"))
            return
        else:
            why = self._outbox.pass_over(message, now_s=now_s)
        self._telling.tell_of(message, why)

    def _link(self, linked: Linked) -> None:
        self._is_connecting = False
        self._linked = linked
        self._linked_at_s = self._clocks.monotonic()
        self._outbox.resume(session_present=linked.session_present)
        if self._was_linked and not linked.session_present:
            logger.warning(
                "the broker has forgotten our session, and what was published meanwhile: set `persistence true` "
                "(Mosquitto), or look at how long it keeps sessions"
            )
        elif self._was_linked:
            logger.info("connected again; the broker had kept our session")
        self._was_linked = True
        self._broker.subscribe(self._filters)

    def _grant(self, granted: Granted) -> None:
        asked = {name: qos for name, qos in granted.filters.items() if name in self._filters}
        if not asked:
            return  # The answer is about the broker's own topics.
        refused = [name for name, why in asked.items() if isinstance(why, str)]
        if self._granted is not None and refused:
            logger.error("the broker refuses topics that it granted before", extra={"topics": ", ".join(refused)})
        self._granted = asked

    def _lose(self, lost: Lost) -> None:
        now_s = self._clocks.monotonic()
        if self._linked is not None:
            is_brief = now_s - self._linked_at_s < _BRIEF_S
            self._brief = self._brief + 1 if is_brief else 0
            if not is_brief:
                self._to_broker.succeed()
        self._is_connecting = False
        self._linked = None
        self._lost = lost
        self._outbox.lose_connection()
        if self._was_linked:
            wait_s = self._to_broker.fail(now_s, least_s=_TAKEOVER_S if lost.is_takeover else 0)
            why = f" ({_CHASED})" if self._brief >= _CHASES and not lost.is_takeover else ""
            logger.warning("%s%s; next try in %.0f s", lost.said, why, wait_s, extra={"held": self._outbox.waiting})

    def _hang_up(self) -> None:
        self._broker.leave()
        self._linked = None
        self._outbox.lose_connection()
        logger.warning(
            "too much is held that the queue does not take: hung up, the broker holds what comes",
            extra={"held": self._outbox.waiting},
        )

    def _acknowledge(self) -> None:
        if self._linked is not None and (receipts := self._outbox.acknowledgements()):
            self._broker.acknowledge(receipts)

    # ---- The queue.

    def _outbox_to_queue(self, *, at_once: bool) -> None:
        """Sends while it is time to. With ``at_once``, sends everything now until the queue accepts no more."""
        while self._outbox.waiting:
            now_s = self._clocks.monotonic()
            if not at_once and (now_s < self._to_queue.until_s or not self._outbox.is_due(now_s)):
                return
            if not self._send():
                return
            self._acknowledge()

    def _send(self) -> bool:
        """Offers one call's worth of bodies. Returns whether the queue accepted or finally refused each of them."""
        bodies = self._outbox.bodies()
        try:
            refusals = self._queue.offer([body.text for body in bodies])
        except Exception as error:
            said = self._explain(error)
            if said is None:
                raise
            self._wait_for_queue(said)
            return False
        said = None
        for body, refusal in zip(bodies, refusals, strict=True):
            if refusal is None:
                self._outbox.take(body)
            elif not refusal.is_final:
                said = refusal.said
            elif (entry := self._outbox.refuse(body)) is not None:
                logger.error(
                    "the queue refuses a message for what it holds (%s); left out: %s", refusal.said, entry[:200]
                )
        if said is not None:
            self._wait_for_queue(said)
            return False
        self._to_queue.succeed()
        return True

    def _wait_for_queue(self, said: str) -> None:
        wait_s = self._to_queue.fail(self._clocks.monotonic())
        logger.warning(
            "not queued, and held: %s; next try in %.0f s", said, wait_s, extra={"held": self._outbox.waiting}
        )
