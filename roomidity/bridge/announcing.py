"""Publishes forecasts and notices to Home Assistant: reads the API once a tick, and publishes what has changed.

It runs in its own thread with its own connection, so that it never delays readings.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
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
"""Forecasts are issued a minute after the slot closes and take a moment. The jitter spreads the houses' requests."""

_AGAIN_S: Final = 60.0
_LONGEST_AGAIN_S: Final = 900.0


class Reader(Protocol):
    """Reads the API with a house's token."""

    def read(self, path: str) -> dict[str, Any]:
        """Returns the answer, which is the previous one if nothing has changed.

        Raises
        ------
        BridgeError
            If the API cannot be read.
        """


class Publisher(Protocol):
    """Publishes to the broker over one connection."""

    @property
    def connections(self) -> int:
        """Number of connections so far, 0 before the first."""

    def publish(self, topic: str, payload: str) -> None:
        """Publish a retained message at QoS 1."""


@dataclass
class Announcer:
    """Keeps track of what is published, and when to read the API again.

    Parameters
    ----------
    house
        The house that the token belongs to.
    reader
        Reads the API.
    publisher
        Publishes to the broker.
    randomness
        Source of jitter.
    utc
        Returns the current time, aware.
    version
        roomidity's version, shown in Home Assistant.
    advised
        Called with each answer of ``/v1/house/advice``, or None.
    """

    house: str
    reader: Reader
    publisher: Publisher
    randomness: random.Random
    utc: Callable[[], datetime]
    version: str
    advised: Callable[[Mapping[str, Any]], None] | None = None

    def __post_init__(self) -> None:
        self._published: dict[str, str] = {}
        self._connections = 0
        self._failures = 0
        self._last: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._advice: dict[str, Any] | None = None
        self._closes: datetime | None = None
        self._next: datetime | None = None

    def step(self) -> None:
        """Read the API if it is due and publish what has changed. After a new connection, publish everything."""
        if self.publisher.connections != self._connections:
            # The broker may have lost its retained messages, and has published that the bridge is offline.
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
        self._announce()  # even without news, since forecasts become stale

    def leave(self) -> None:
        """Publish that the bridge is offline."""
        if self._connections:
            self.publisher.publish(status_topic(self.house), OFFLINE)

    def _read_advice(self) -> None:
        """Asks what is advised. What was known stays where there is nothing newer, and is outdated by itself."""
        try:
            answer = self.reader.read("/v1/house/advice")
        except BridgeError as error:  # an API of an earlier version, or one that answers no more
            logger.debug("no advice is known: %s", error)
            return
        if self.advised is not None:
            self.advised(answer)
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
        # Replayed data has its own clock.
        at = parse_time(forecasts["now"]) if forecasts["replayed"] else self.utc()
        wanted = announcements(forecasts, notices, at=at, version=self.version, advice=self._advice)
        wanted |= {status_topic(self.house): ONLINE}
        self._closes = None if forecasts["replayed"] else closes_at(self._advice, at)
        for topic in self._published.keys() - wanted.keys():
            self.publisher.publish(topic, "")  # An empty retained message removes a room that is gone.
        for topic, payload in wanted.items():
            if self._published.get(topic) != payload:
                self.publisher.publish(topic, payload)
        self._published = wanted
