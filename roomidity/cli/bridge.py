"""The bridge from a house's MQTT broker to the readings queue."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from roomidity.aws.account import explanation_of
from roomidity.bridge.address import Address
from roomidity.bridge.brokers import UNSEEN
from roomidity.bridge.filters import is_filter, matches
from roomidity.bridge.outbox import Outbox
from roomidity.bridge.reading_api import check_api_url
from roomidity.bridge.relay import Clocks, Relay, Started
from roomidity.cli.bridge_commands import Asked, command_options, commanding
from roomidity.cli.bridge_telling import Reach, announcing
from roomidity.cli.context import max_bytes_option, stage
from roomidity.cli.files import tell
from roomidity.cli.output import Output, json_option, notes
from roomidity.domain.names import is_name, kept_name
from roomidity.errors import BridgeError, InputError

if TYPE_CHECKING:
    from roomidity.bridge.ports import Broker

__all__ = ["bridge"]

_PASSWORD: Final = "ROOMIDITY_MQTT_PASSWORD"  # noqa: S105  # a variable's name
_FLUSH_S: Final = 30.0
"""A slot's last readings are there before its drain, a minute after it closed; 86,400 calls a month cost 0.035 USD."""


class _Broker(click.ParamType[Address]):
    """An address of a broker."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """The address that a text says; a wrong one is wrong usage."""
        if isinstance(value, Address):
            return value
        try:
            return Address.parse(value)
        except InputError as error:
            self.fail(str(error), param, ctx)


def _topics(_context: click.Context, _parameter: click.Parameter, topics: tuple[str, ...]) -> tuple[str, ...]:
    for topic in topics:
        if not is_filter(topic):
            raise click.BadParameter(f"{topic!r} is no topic filter; expected one such as zigbee2mqtt/# or +/status/+")
    return tuple(dict.fromkeys(topics))


def _api(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    try:
        return None if text is None else check_api_url(text)
    except InputError as error:
        raise click.BadParameter(str(error)) from error


def _topic(_context: click.Context, _parameter: click.Parameter, topic: str | None) -> str | None:
    if topic is not None and (not is_filter(topic) or set(topic) & set("+#") or topic.startswith("$")):
        raise click.BadParameter(f"{topic!r} is not one topic; expected one such as roomidity/weather")
    return topic


def _with_topic(filters: tuple[str, ...], topic: str | None) -> tuple[str, ...]:
    """The filters, and a topic that none of them asks for; what two ask for, a broker may deliver twice."""
    if topic is None or any(matches(one, topic) for one in filters):
        return filters
    return *filters, topic


def _house(_context: click.Context, _parameter: click.Parameter, house: str) -> str:
    name = kept_name(house)
    if not is_name(name):
        raise click.BadParameter(f"{house!r} is no name of a house; expected 1 to 64 characters, none of / # $ +")
    return name


_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--mqtt",
    "address",
    type=_Broker(),
    metavar="URL",
    required=True,
    help="The broker: mqtt://HOST, or mqtts:// with TLS.",
)
@click.option("--house", metavar="HOUSE", required=True, callback=_house, help="Whose readings they are.")
@click.option(
    "--topic",
    "topics",
    metavar="FILTER",
    multiple=True,
    default=("#",),
    show_default=True,
    callback=_topics,
    help="A filter of topics to carry; several times for several.",
)
@click.option("--user", metavar="NAME", help="The broker's user.  [default: that of the address]")
@click.option("--password-file", type=_file, help=f"A file with the password.  [default: the variable {_PASSWORD}]")
@click.option(
    "--ca-file", type=_file, help="Certificates that the broker's is checked against.  [default: the system's]"
)
@click.option("--cert-file", type=_file, help="Our certificate, where the broker asks for one.")
@click.option("--key-file", type=_file, help="Its key.  [default: in --cert-file]")
@click.option("--client-id", metavar="NAME", help="The session's name at the broker.  [default: SERVICE-STAGE-HOUSE]")
@click.option(
    "--flush-s",
    type=click.FloatRange(0.1, 600),
    default=_FLUSH_S,
    show_default=True,
    help="How long a message waits for others, in s.",
)
@click.option(
    "--weather",
    "weather_topic",
    metavar="TOPIC",
    callback=_topic,
    help="The topic on which Home Assistant publishes its forecast of the weather; see docs/bridge.md.",
)
@max_bytes_option
@click.option("--api", metavar="URL", callback=_api, help="The API: Home Assistant is then told what is forecast.")
@click.option("--token-file", type=_file, help="A file with the house's token, which --api takes.")
@command_options
@json_option
def bridge(
    address: Address,
    house: str,
    topics: tuple[str, ...],
    user: str | None,
    password_file: Path | None,
    ca_file: Path | None,
    cert_file: Path | None,
    key_file: Path | None,
    client_id: str | None,
    flush_s: float,
    weather_topic: str | None,
    max_bytes: int,
    api: str | None,
    token_file: Path | None,
    commands: Asked | None,
    as_json: bool,
) -> None:
    """Carry what a house's MQTT broker hears to the readings queue, until Ctrl-C.

    For example:
      roomidity bridge --mqtt mqtt://homeassistant.local --user roomidity
          --password-file mqtt-password --house h1 --topic 'zigbee2mqtt/#'

    Messages are packed, queued, and only then acknowledged at the broker, which keeps a session for 7 days: what is
    published at QoS 1 is not lost, whatever ends when. What the broker's settings would lose is told at the start.
    While the queue is away, messages are held, in bounded memory, and the broker holds the rest. What became of them
    is logged every minute, by counts.

    It needs MQTT 5 (Mosquitto 1.6 or newer), and of AWS the right to send alone: the stack's ProducerPolicy.
    docs/bridge.md has the unit for systemd, a container, and Home Assistant.

    With --api and --token-file, it also publishes forecasts and notices for Home Assistant to discover, a device for
    the house and one for each room; docs/home-assistant.md has the entities, dashboards and the topics.

    With --command, it switches fans by the advice: ON every minute while it holds, OFF at its end, when the API or the
    bridge is lost, and at its own limits. `on`, `off` or `auto` (with hours: `off 8`) on the topic
    roomidity-command/HOUSE/ROOM/override wins over all of it. docs/bridge.md says what to look at first.
    """
    output = Output(as_json=as_json)
    if (api is None) != (token_file is None):
        raise click.UsageError("--api and --token-file go together: the API gives a house to who has its token")
    broker_user = user if user is not None else address.user
    password = _password(password_file)
    if password is not None and broker_user is None:
        raise click.UsageError("there is a password, and no user; give one by --user, or mqtt://USER@HOST")
    if not address.tls and (ca_file or cert_file or key_file):
        raise click.UsageError("certificates are for mqtts:// addresses; found mqtt://, which speaks no TLS")
    if key_file and not cert_file:
        raise click.UsageError("--key-file is the key of --cert-file, which is not given")
    logging.getLogger("roomidity.bridge").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    home = stage()
    session = client_id or f"{home.settings.prefix}-{house}"
    queue = home.readings_queue_from_afar
    with notes.status(f"looking for queue {queue.name} and {address}"):
        queue.url  # noqa: B018  # it asks: whether the queue is there is better known before the broker is
        relay = Relay(
            _broker(address, session, broker_user, password, ca_file=ca_file, cert_file=cert_file, key_file=key_file),
            queue,
            Outbox(house, max_bytes=max_bytes, flush_s=flush_s, weather_topic=weather_topic),
            filters=_with_topic(topics, weather_topic),
            clocks=Clocks(lambda: datetime.now(UTC), time.monotonic),
            randomness=random.Random(),  # noqa: S311  # for back-off
            explain=explanation_of,
            commanded=frozenset(commands.topics.values() if commands else ()),
        )
        started = relay.start()
    ended = threading.Event()

    def end(*_: object) -> None:
        if ended.is_set():  # told twice: at once, whatever a call still waits for
            raise KeyboardInterrupt
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    _tell(output, address, session, house, queue.name, started)
    reach = Reach(address, broker_user, password, {"ca_file": ca_file, "cert_file": cert_file, "key_file": key_file})
    with (
        commanding(commands, reach, session=f"{session}-command", house=house) as offer,
        announcing(reach, f"{session}-forecast", house, api, token_file, offer=offer),
    ):
        relay.run(ended.is_set)
    counts = relay.counts
    notes.print(f"Ended: {counts['received']:,} messages heard, {counts['queued']:,} queued.")


def _tell(output: Output, address: Address, session: str, house: str, queue: str, started: Started) -> None:
    """What is carried from where to where, and what would be lost."""
    kept = "which the broker had kept" if started.session_present else "which is new to the broker"
    listed = ", ".join(started.granted)
    tell([f"Carrying {listed} of {address} to {queue}, as house {house}; session {session}, {kept}. Ctrl-C ends it."])
    tell(f"Warning: {danger}" for danger in started.dangers)
    tell([UNSEEN])
    output.answer(
        {
            "broker": str(address),
            "client_id": session,
            "house": house,
            "queue": queue,
            "session_present": started.session_present,
            "topics": dict(started.granted),
            "warnings": list(started.dangers),
        }
    )


def _broker(address: Address, session: str, user: str | None, password: str | None, **files: Path | None) -> Broker:
    try:
        from roomidity.bridge.mqtt import Credentials, MqttBroker, tls_context  # noqa: PLC0415  # paho is an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "paho":
            raise
        raise BridgeError("the bridge needs paho-mqtt; install it with: pip install 'roomidity[bridge]'") from error
    tls = tls_context(**files) if address.tls else None
    return MqttBroker(address, client_id=session, credentials=Credentials(user, password), tls=tls)


def _password(file: Path | None) -> str | None:
    """The password, which is never shown; None where there is none."""
    if file is None:
        return os.environ.get(_PASSWORD) or None
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not text; expected the password alone, in UTF-8") from error
    password = text.removesuffix("\n").removesuffix("\r")
    if not password or "\n" in password:
        raise InputError(
            f"{file} holds {'nothing' if not text.strip() else 'several lines'}; expected the password alone"
        )
    return password
