"""What the bridge talks to: a broker, which tells what happens, and a queue, which takes bodies or says why not."""

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
    """The broker let us in, and knew our session or not; how long it keeps that, None where it does as it was asked."""

    session_present: bool
    expiry_s: int | None = None
    maximum_qos: int = 2


@dataclass(frozen=True)
class Granted:
    """What became of subscriptions: by filter the QoS that was granted, or why it was refused."""

    filters: dict[str, int | str]


@dataclass(frozen=True)
class Lost:
    """The connection is gone, or never came to be, and why.

    Parameters
    ----------
    said
        What was found, and what to do.
    is_final
        Whether another attempt would end alike, as with a wrong password.
    is_takeover
        Whether another client took over our session.
    """

    said: str
    is_final: bool = False
    is_takeover: bool = False


Event = Linked | Granted | Lost | Published


class Broker(Protocol):
    """An MQTT broker, as one client of it sees it. Nothing here is called from two threads."""

    def connect(self) -> None:
        """Begin to connect; what comes of it is an event."""

    def subscribe(self, filters: Sequence[str], *, qos: int = 1) -> None:
        """Ask for topics; what is published at a higher QoS than ``qos`` comes at that."""

    def wait(self, timeout_s: float) -> list[Event]:
        """What has happened since; returns at once where something has, else after ``timeout_s`` at most."""

    def acknowledge(self, receipts: Sequence[Receipt]) -> None:
        """Acknowledge messages of this connection, in that order."""

    def leave(self) -> None:
        """Say farewell; the broker keeps the session."""


class Queue(Protocol):
    """The readings queue, as a producer sees it."""

    def offer(self, bodies: Sequence[str]) -> list[Refusal | None]:
        """Offer up to ten bodies in one call; returns for each None where it was taken, else why not.

        What fails as a whole raises.
        """
