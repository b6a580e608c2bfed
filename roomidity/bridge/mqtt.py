"""Connects to the broker with paho-mqtt: MQTT 5, a persistent session, and manual acknowledgements.

paho uses a thread of its own only on request. Here its loop is run by whoever waits for events, so that no callback
runs concurrently with anything else. It acknowledges nothing by itself. When it reconnects, it drops what it had not
sent yet, so that no acknowledgement reaches a connection to which it does not belong.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from roomidity.bridge.address import Address
from roomidity.bridge.brokers import SESSION_S
from roomidity.bridge.entries import Published
from roomidity.bridge.outbox import WINDOW, Receipt
from roomidity.bridge.ports import Event, Granted, Linked, Lost
from roomidity.errors import BridgeError

__all__ = ["Credentials", "MqttBroker", "tls_context"]

_KEEPALIVE_S: Final = 60
"""Keepalive interval in s. A call to the queue may take half of it."""

_REFUSALS: Final[Mapping[int, str]] = {
    132: "it does not speak MQTT 5, which the bridge needs: use Mosquitto 1.6 or newer, EMQX, HiveMQ or VerneMQ",
    133: "it does not accept the client's name: give another by --client-id",
    134: "it does not know this user with this password: check --user, and --password-file or ROOMIDITY_MQTT_PASSWORD",
    135: "it does not let this user in: check --user, and --password-file or ROOMIDITY_MQTT_PASSWORD",
    138: "this client is banned there: look at its configuration, or give another --client-id",
    140: "it asks for another way to authenticate: allow a user with a password, or a certificate",
}
"""Why a broker permanently refuses the client, by reason code."""

_TAKEN_OVER: Final = 142
_FAILURE: Final = 128
"""Reason codes from this one on are failures."""

_SHUT: Final = (
    "it closed the connection before it let us in; check the port, whether it speaks TLS there (mqtts://) or asks for "
    "a certificate (--cert-file), and that it speaks MQTT 5"
)


@dataclass(frozen=True)
class Credentials:
    """The client's credentials. No representation of it shows the password."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)


def tls_context(*, ca_file: Path | None, cert_file: Path | None, key_file: Path | None) -> ssl.SSLContext:
    """Returns a TLS context that checks certificates against ``ca_file`` or the system's authorities.

    Raises
    ------
    BridgeError
        If a file contains no certificate or no key, or if the key is protected by a passphrase.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except ssl.SSLError as error:
        raise BridgeError(f"{ca_file} holds no certificates; expected those of the authority, in PEM") from error
    if cert_file is not None:
        try:
            context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
        except ssl.SSLError as error:
            raise BridgeError(
                f"{cert_file} with {key_file or 'no key file'}: no certificate with its key; expected both in PEM, of "
                "each other"
            ) from error
    return context


def _no_passphrase() -> str:
    raise BridgeError("the key is protected by a passphrase; expected one without, which only its user may read")


class MqttBroker:
    """One client's view of a broker.

    Parameters
    ----------
    address
        The address of the broker.
    client_id
        The name of the session, which is the same at every start and used by no other client.
    credentials
        User and password.
    tls
        The TLS context if the address requires TLS.
    """

    def __init__(
        self, address: Address, *, client_id: str, credentials: Credentials, tls: ssl.SSLContext | None = None
    ) -> None:
        self._address = address
        self._events: list[Event] = []
        self._is_open = self._was_let_in = False
        self._asked: dict[int, list[str]] = {}
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.username_pw_set(credentials.user, credentials.password)
        if tls is not None:
            client.tls_set_context(tls)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe

    def connect(self) -> None:
        """Begins to connect. The outcome is reported as an event."""
        wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's has no types
        wanted.SessionExpiryInterval = SESSION_S
        wanted.ReceiveMaximum = WINDOW
        host, port = self._address.host, self._address.port
        self._asked.clear()
        self._was_let_in = False
        self._is_open = True
        try:
            self._client.connect(host, port, _KEEPALIVE_S, clean_start=False, properties=wanted)
        except (OSError, ValueError) as error:
            self._lose(self._failed(error))

    def subscribe(self, filters: Sequence[str], *, qos: int = 1) -> None:
        """Subscribes to topics. Messages published at a higher QoS than ``qos`` arrive at ``qos``.

        At QoS 1 the messages in the broker's store arrive once per session, marked as retained. Messages published
        afterwards are not marked, whether or not they are also stored.
        """
        stored = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB if qos else SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
        options = SubscribeOptions(qos=qos, retainAsPublished=False, retainHandling=stored)
        code, mid = self._client.subscribe([(name, options) for name in filters])
        if code == MQTTErrorCode.MQTT_ERR_SUCCESS and mid is not None:
            self._asked[mid] = list(filters)

    def wait(self, timeout_s: float) -> list[Event]:
        """Returns the events since the last call, at once if there are any, else after at most ``timeout_s``."""
        if self._is_open and not self._events:
            if self._client.loop(timeout_s) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._lose(self._broken())
        elif not self._events:
            time.sleep(timeout_s)
        events, self._events = self._events, []
        return events

    def acknowledge(self, receipts: Sequence[Receipt]) -> None:
        """Acknowledges messages of this connection, in the given order."""
        for receipt in receipts:
            self._client.ack(receipt.mid, receipt.qos)

    def leave(self) -> None:
        """Disconnects after everything pending has been written. The broker keeps the session."""
        self._client.disconnect()
        for _ in range(20):
            if not self._is_open or self._client.loop(0.1) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        self._is_open = False
        self._events = [event for event in self._events if isinstance(event, Published) and not event.qos]

    # ---- paho's callbacks, which run inside connect, loop and disconnect.

    def _on_connect(
        self, _client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            why = _REFUSALS.get(reason.value, f"it says {str(reason)!r}")
            self._lose(Lost(f"{self._address} did not let us in: {why}", is_final=reason.value in _REFUSALS))
            return
        self._was_let_in = True
        expiry_s, qos = (getattr(properties, name, None) for name in ("SessionExpiryInterval", "MaximumQoS"))
        self._events.append(Linked(flags.session_present, expiry_s, 2 if qos is None else qos))

    def _on_subscribe(
        self, _client: Client, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        outcomes: list[int | str] = [str(one) if one.value >= _FAILURE else int(one.value) for one in reasons]
        self._events.append(Granted(dict(zip(self._asked.pop(mid, []), outcomes, strict=False))))

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic: str | None = message.topic
        except UnicodeDecodeError:
            topic = None
        self._events.append(
            Published(topic, bytes(message.payload), message.qos, message.mid, bool(message.retain), bool(message.dup))
        )

    def _on_disconnect(
        self, _client: Client, _data: Any, flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if not flags.is_disconnect_packet_from_server:
            self._lose(self._broken())
        elif reason.value == _TAKEN_OVER:
            self._lose(
                Lost(
                    "another client of the same name took our session over: does a second bridge run for this house? "
                    "End one of them, or give it another --client-id",
                    is_takeover=True,
                )
            )
        else:
            self._lose(Lost(f"{self._address} ended the connection: it says {str(reason)!r}"))

    def _broken(self) -> Lost:
        where = self._address
        return Lost(f"the connection to {where} broke" if self._was_let_in else f"{where}: {_SHUT}")

    def _lose(self, lost: Lost) -> None:
        if self._is_open:
            self._is_open = False
            self._events.append(lost)

    def _failed(self, error: Exception) -> Lost:
        """Returns why there is no connection, and what to do."""
        host, where = self._address.host, str(self._address)
        if isinstance(error, socket.gaierror):
            said = f"the host {host!r} is not known here; check the name, or give the broker's address in numbers"
        elif isinstance(error, ssl.SSLCertVerificationError):
            said = (
                f"{where}: its certificate is not trusted ({error.verify_message}); give the authority's by --ca-file, "
                "and the host by the name that the certificate has"
            )
        elif self._address.tls and isinstance(error, ssl.SSLError | ConnectionResetError):
            why = getattr(error, "reason", None) or "it hangs up"
            said = f"{where}: no TLS there ({why}); check the port (8883), or use mqtt://"
        elif isinstance(error, ConnectionRefusedError):
            said = f"nothing listens at {where}; is the broker running, and is that its port?"
        elif isinstance(error, TimeoutError):
            said = f"{where} does not answer; check the address, the network and its firewall"
        else:
            why = getattr(error, "strerror", None) or error
            said = f"{where} cannot be reached: {why}; check the address and the network"
        return Lost(said)
