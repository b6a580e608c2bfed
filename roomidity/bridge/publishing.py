"""Connections that publish, each kept up by a thread of paho's own. By its will the broker says when one is gone."""

from __future__ import annotations

import ssl
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from roomidity.bridge.address import Address
from roomidity.bridge.mqtt import Credentials

__all__ = ["KeptConnection", "MqttPublisher"]

_KEEPALIVE_S: Final = 60

_QUEUED: Final = 1_000
"""Messages that wait for a connection: three of each of 64 rooms, and their devices, fit several times."""


class KeptConnection:
    """A connection that is made anew whenever it breaks, from :meth:`_start` on.

    Parameters
    ----------
    will
        The topic and the payload that the broker publishes when the connection breaks.
    retains_will
        Whether the broker keeps the will for who subscribes later.
    most_queued
        How many messages wait for a connection.
    """

    def __init__(
        self,
        *,
        client_id: str,
        credentials: Credentials,
        tls: ssl.SSLContext | None,
        will: tuple[str, str],
        retains_will: bool,
        most_queued: int,
    ) -> None:
        self._connections = 0
        self._client = client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
        client.username_pw_set(credentials.user, credentials.password)
        if tls is not None:
            client.tls_set_context(tls)
        client.will_set(*will, qos=1, retain=retains_will)
        client.reconnect_delay_set(1, 60)
        client.max_queued_messages_set(most_queued)
        client.on_connect = self._on_connect

    @property
    def connections(self) -> int:
        """How many connections there were; 0 until there is the first."""
        return self._connections

    def close(self) -> None:
        """Disconnects after what was published is written."""
        self._client.disconnect()
        self._client.loop_stop()

    def _start(self, address: Address, *, keepalive_s: int) -> None:
        self._client.connect_async(address.host, address.port, keepalive_s)
        self._client.loop_start()

    def _connected(self) -> None:
        """Called by paho's thread at each connection, before it is counted."""

    def _on_connect(self, _client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _more: Any) -> None:
        if not reason.is_failure:
            self._connected()
            self._connections += 1


class MqttPublisher(KeptConnection):
    """A connection that publishes retained messages. Its will is retained, too."""

    def __init__(
        self,
        address: Address,
        *,
        client_id: str,
        credentials: Credentials,
        will: tuple[str, str],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(
            client_id=client_id, credentials=credentials, tls=tls, will=will, retains_will=True, most_queued=_QUEUED
        )
        self._start(address, keepalive_s=_KEEPALIVE_S)

    def publish(self, topic: str, payload: str) -> None:
        """Publishes a retained message at QoS 1; while there is no connection it waits for one."""
        self._client.publish(topic, payload.encode(), qos=1, retain=True)
