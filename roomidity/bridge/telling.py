"""Logs while the bridge runs: counts every minute, each omitted topic once, and messages that the broker dropped."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Final

from roomidity.bridge.brokers import DROPPED, VERSION
from roomidity.bridge.entries import LeftOut, Published

__all__ = ["Telling"]

logger: Final = logging.getLogger("roomidity.bridge")

_TOLD: Final = 200
"""Maximum number of topics named in warnings, each once."""

_REASONS: Final[Mapping[LeftOut, str]] = {
    LeftOut.NOT_UTF8: "is not text (UTF-8), so it says no reading; left out. A narrower --topic spares it",
    LeftOut.TOO_LARGE: "is longer than the queue takes; left out. A narrower --topic spares it",
    LeftOut.NOT_ASKED: "is of an earlier subscription that the broker still keeps; left out. Another --client-id "
    "begins anew, and the broker forgets the old one in 7 days",
}

_QOS0: Final = (
    "is published at QoS 0, as most devices do (others are not named): what comes so while the bridge or its network "
    "is away is lost, unless the broker has `queue_qos0_messages true`"
)


class Telling:
    """Logs what an operator should know, without repeating itself."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str | None]] = set()
        self._reported: Counter[str] = Counter()
        self._dropped: int | None = None

    def report(self, counts: Counter[str], *, held: int) -> None:
        """Log the counts since the last report, and the number of messages held."""
        since = {name: counts[name] - self._reported[name] for name in ("received", "queued", "bodies", "qos0")}
        since |= {name: count - self._reported[name] for name, count in counts.items() if count > self._reported[name]}
        self._reported = counts.copy()
        logger.info("bridged", extra={**since, "held": held})

    def tell_of(self, message: Published, why: LeftOut | None) -> None:
        """Log that a message is left out, if ``why`` says so, and explain QoS 0 on the first message sent with it."""
        if message.qos == 0:
            self._tell_once("qos0", None, f"{message.topic} {_QOS0}")
        if why is not None and why in _REASONS:
            named = message.topic or "a topic that is not UTF-8"
            self._tell_once(why, message.topic, f"{named}: a message of {len(message.payload):,} bytes {_REASONS[why]}")

    def hear_of_broker(self, topic: str, said: str) -> None:
        """Log what the broker publishes about itself."""
        if topic == VERSION:
            logger.info("the broker says that it is %s", said[:80])
        elif topic == DROPPED and said.isdecimal() and len(said) < 20:
            before, self._dropped = self._dropped, int(said)
            if before is not None and self._dropped > before:
                logger.warning(
                    "the broker has dropped messages, of this or another client: raise max_queued_messages",
                    extra={"dropped_by_broker": self._dropped - before},
                )

    def _tell_once(self, why: str, topic: str | None, said: str) -> None:
        if (why, topic) not in self._told and len(self._told) < _TOLD:
            self._told.add((why, topic))
            logger.warning(said)
