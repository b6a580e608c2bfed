"""Tells Home Assistant what is forecast: asks the API once a tick, and publishes what has changed.

It has a thread and a connection of its own, so that nothing it does or waits for holds up readings.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from roomidity.bridge.advised import closes_at
from roomidity.bridge.discovery import OFFLINE, ONLINE, announcements, status_topic
from roomidity.domain.slots import SLOT, floor_slot, parse_time
from roomidity.errors import BridgeError

__all__ = ["Announcer", "Publisher", "Reader"]

logger: Final = logging.getLogger("roomidity.bridge")

_AFTER: Final = timedelta(minutes=2)
_JITTER_S: Final = 60.0
"""Forecasts are issued a minute after the slot closes and take a moment; houses do not all ask at once."""

_AGAIN_S: Final = 60.0
_LONGEST_AGAIN_S: Final = 900.0


class Reader(Protocol):
    """The API, as a house's token reads it."""

    def read(self, path: str) -> dict[str, Any]:
        """Returns the answer, the last one again where nothing has changed.

        Raises
        ------
        BridgeError
            If there is none.
        """


class Publisher(Protocol):
    """A connection to the broker that publishes."""

    @property
    def connections(self) -> int:
        """How many connections there were; 0 until there is the first."""

    def publish(self, topic: str, payload: str) -> None:
        """Publishes a retained message at QoS 1."""


@dataclass
class Announcer:
    """What was published, and when to ask again.

    Parameters
    ----------
    house
        The house whose token the API is asked with.
    """

    house: str
    reader: Reader
    publisher: Publisher
    randomness: random.Random
    utc: Callable[[], datetime]
    version: str

    def __post_init__(self) -> None:
        self._published: dict[str, str] = {}
        self._connections = 0
        self._failures = 0
        self._last: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._advice: dict[str, Any] | None = None
        self._closes: datetime | None = None
        self._next: datetime | None = None

    def step(self) -> None:
        """Does what is due: asks, publishes what has changed, and everything anew after another connection."""
        if self.publisher.connections != self._connections:
            # The broker may have lost what it kept, and has published that we were gone.
            self._connections = self.publisher.connections
            self._published.clear()
            self._announce()
        now = self.utc()
        if self._next is not None and now < self._next:
            if self._closes is not None and now >= self._closes:
                self._announce()  # a window is closed in time, not with the next tick
            return
        try:
            self._last = (self.reader.read("/v1/house/forecasts"), self.reader.read("/v1/house/notices"))
            self._read_advice()
        except BridgeError as error:
            self._failures += 1
            wait_s = min(_AGAIN_S * 2 ** (self._failures - 1), _LONGEST_AGAIN_S) * self.randomness.uniform(0.5, 1)
            self._next = now + timedelta(seconds=wait_s)
            logger.warning("Home Assistant is told nothing new: %s; next try in %.0f s", error, wait_s)
        else:
            self._failures = 0
            self._next = floor_slot(now) + _AFTER + timedelta(seconds=self.randomness.uniform(0, _JITTER_S))
            while self._next <= now:
                self._next += SLOT
        self._announce()  # also what is only older than before

    def leave(self) -> None:
        """Says that nobody tells anything any more."""
        if self._connections:
            self.publisher.publish(status_topic(self.house), OFFLINE)

    def _read_advice(self) -> None:
        """Asks what is advised. What was known stays where there is nothing newer, and is outdated by itself."""
        try:
            answer = self.reader.read("/v1/house/advice")
        except BridgeError as error:  # an API of an earlier version, or one that answers no more
            logger.debug("no advice is known: %s", error)
            return
        if answer["rooms"]:
            self._advice = answer

    def _announce(self) -> None:
        if not self._connections or self._last is None:
            return
        forecasts, notices = self._last
        if forecasts["house"] != self.house:
            said = f"the token is of house {forecasts['house']!r}, and the bridge carries {self.house!r}"
            logger.error("Home Assistant is told nothing: %s; give the token of that house", said)
            return
        # Replayed data have their own clock.
        at = parse_time(forecasts["now"]) if forecasts["replayed"] else self.utc()
        wanted = announcements(forecasts, notices, at=at, version=self.version, advice=self._advice)
        wanted |= {status_topic(self.house): ONLINE}
        self._closes = None if forecasts["replayed"] else closes_at(self._advice, at)
        for topic in self._published.keys() - wanted.keys():
            self.publisher.publish(topic, "")  # A room that is gone: an empty retained message removes it.
        for topic, payload in wanted.items():
            if self._published.get(topic) != payload:
                self.publisher.publish(topic, payload)
        self._published = wanted
