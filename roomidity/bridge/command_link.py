"""The connection that switches one room's fan by MQTT: with a last will of its own, which switches it off.

A connection has a single will, so each fan has one. Nothing is retained: a retained ON would switch the fan on whenever
its device starts anew. ON is sent at QoS 0, so that none is sent late, after the connection came back.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage

from roomidity.bridge.address import Address
from roomidity.bridge.commanding import Heard
from roomidity.bridge.mqtt import Credentials
from roomidity.bridge.publishing import KeptConnection

__all__ = ["Command", "CommandLink"]

_KEEPALIVE_S: Final = 15
"""The broker takes a silent bridge for gone after one and a half times this, and publishes the will."""
_HELD: Final = 20
"""Of what a flood holds, the newest count."""
_QUEUED: Final = 10
_LEAVE_S: Final = 3.0


@dataclass(frozen=True)
class Command:
    """Where a fan listens, what switches it, and where people override that."""

    topic: str
    override_topic: str
    on: str = "ON"
    off: str = "OFF"


class CommandLink(KeptConnection):
    """A fan's connection."""

    def __init__(
        self,
        address: Address,
        command: Command,
        *,
        client_id: str,
        credentials: Credentials,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(
            client_id=client_id,
            credentials=credentials,
            tls=tls,
            will=(command.topic, command.off),
            retains_will=False,
            most_queued=_QUEUED,
        )
        self._command = command
        self._heard: deque[Heard] = deque(maxlen=_HELD)
        self._lock = threading.Lock()
        self._client.on_message = self._on_message
        self._start(address, keepalive_s=_KEEPALIVE_S)

    @property
    def is_connected(self) -> bool:
        """Whether there is one now."""
        return self._connections > 0 and self._client.is_connected()

    def heard(self) -> Sequence[Heard]:
        """Returns what was heard on the override topic since the last call, oldest first."""
        with self._lock:
            found = list(self._heard)
            self._heard.clear()
        return found

    def switch(self, *, on: bool) -> None:
        """Publishes the command: ON at QoS 0 and only with a connection, OFF at QoS 1."""
        if on and self.is_connected:
            self._client.publish(self._command.topic, self._command.on.encode(), qos=0)
        elif not on:
            self._client.publish(self._command.topic, self._command.off.encode(), qos=1)

    def close(self) -> None:
        """Switches off and disconnects."""
        if self.is_connected:
            self._client.publish(self._command.topic, self._command.off.encode(), qos=1).wait_for_publish(_LEAVE_S)
        super().close()

    def _connected(self) -> None:
        self._client.subscribe(self._command.override_topic, qos=1)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        with self._lock:
            self._heard.append(Heard(bytes(message.payload), bool(message.retain)))
