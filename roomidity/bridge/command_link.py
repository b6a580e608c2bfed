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

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from roomidity.bridge.address import Address
from roomidity.bridge.commanding import Heard
from roomidity.bridge.mqtt import Credentials

__all__ = ["Command", "CommandLink"]

_KEEPALIVE_S: Final = 15
"""The broker takes a silent bridge for gone after one and a half times this, and publishes the will."""
_HELD: Final = 20
"""Of what a flood holds, the newest count."""
_LEAVE_S: Final = 3.0


@dataclass(frozen=True)
class Command:
    """Where a fan listens, what switches it, and where people override that."""

    topic: str
    override_topic: str
    on: str = "ON"
    off: str = "OFF"


class CommandLink:
    """A fan's connection, kept up by a thread of paho's own."""

    def __init__(
        self,
        address: Address,
        command: Command,
        *,
        client_id: str,
        credentials: Credentials,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._command = command
        self._connections = 0
        self._heard: deque[Heard] = deque(maxlen=_HELD)
        self._lock = threading.Lock()
        self._client = client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
        client.username_pw_set(credentials.user, credentials.password)
        if tls is not None:
            client.tls_set_context(tls)
        client.will_set(command.topic, command.off, qos=1, retain=False)
        client.reconnect_delay_set(1, 60)
        client.max_queued_messages_set(10)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.connect_async(address.host, address.port, _KEEPALIVE_S)
        client.loop_start()

    @property
    def connections(self) -> int:
        """How many connections there were."""
        return self._connections

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
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _more: Any) -> None:
        if not reason.is_failure:
            client.subscribe(self._command.override_topic, qos=1)
            self._connections += 1

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        with self._lock:
            self._heard.append(Heard(bytes(message.payload), bool(message.retain)))
