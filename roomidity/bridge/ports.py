"""The bridge's ports: a broker that reports events, and a queue that accepts bodies or says why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from roomidity.bridge.entries import Published
from roomidity.bridge.outbox import Receipt
from roomidity.domain.messages import Refusal

__all__ = ["Broker", "Event", "Granted", "Linked", "Lost", "Queue"]


@dataclass(frozen=True)
class Linked:
    """The broker accepted the connection, with or without a previous session.

    ``expiry_s`` is how long it keeps the session in s, or None if as long as requested.
    """

    session_present: bool
    expiry_s: int | None = None
    maximum_qos: int = 2


@dataclass(frozen=True)
class Granted:
    """The outcome of subscriptions: by filter the granted QoS, or why it was refused."""

    filters: dict[str, int | str]


@dataclass(frozen=True)
class Lost:
    """The connection is lost or was never established.

    Parameters
    ----------
    said
        What was found, and what to do.
    is_final
        Whether another attempt would fail in the same way, as with a wrong password.
    is_takeover
        Whether another client took over the session.
    """

    said: str
    is_final: bool = False
    is_takeover: bool = False


Event = Linked | Granted | Lost | Published


class Broker(Protocol):
    """An MQTT broker as seen by one client. No method is called from two threads."""

    def connect(self) -> None:
        """Begins to connect. The outcome is reported as an event."""

    def subscribe(self, filters: Sequence[str], *, qos: int = 1) -> None:
        """Subscribes to topics. Messages published at a higher QoS than ``qos`` arrive at ``qos``."""

    def wait(self, timeout_s: float) -> list[Event]:
        """Returns the events since the last call, at once if there are any, else after at most ``timeout_s``."""

    def acknowledge(self, receipts: Sequence[Receipt]) -> None:
        """Acknowledges messages of this connection, in the given order."""

    def leave(self) -> None:
        """Disconnects. The broker keeps the session."""


class Queue(Protocol):
    """The readings queue as seen by a producer."""

    def offer(self, bodies: Sequence[str]) -> list[Refusal | None]:
        """Offers up to ten bodies in one call. Returns for each None if it was accepted, else why not.

        Raises if the call as a whole fails.
        """
