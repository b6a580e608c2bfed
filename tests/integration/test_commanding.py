"""Fans by a real Mosquitto: the last will when the bridge is killed, a broker that restarts, two bridges at once."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from roomidity.bridge.address import Address
from roomidity.bridge.command_link import Command, CommandLink
from roomidity.bridge.commanding import Heard
from roomidity.bridge.mqtt import Credentials
from roomidity.cli.bridge import bridge as command
from tests.integration.test_announcing import Api, api, token_file  # noqa: F401  # fixtures
from tests.integration.test_bridge import bridge, sqs  # noqa: F401  # fixtures
from tests.mosquitto import Mosquitto, Publisher, running, until
from tests.sqs_server import SqsServer

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning")

FAN: Final = "fans/bath/set"
OVERRIDE: Final = "roomidity-command/h1/bath/override"


class Device:
    """A fan: what it is told, and whether any of it was retained."""

    def __init__(self, port: int) -> None:
        self.told: list[str] = []
        self.retained = False
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe(FAN, qos=1)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(self._client.is_connected, "the fan to connect")

    def is_connected(self) -> bool:
        return self._client.is_connected()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.told.append(message.payload.decode())
        self.retained |= bool(message.retain)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    yield from running(Mosquitto(tmp_path_factory.mktemp("commanded")))


@pytest.fixture
def device(broker: Mosquitto) -> Iterator[Device]:
    device = Device(broker.port)
    yield device
    device.close()


@pytest.fixture
def link(broker: Mosquitto) -> Iterator[Callable[[str], CommandLink]]:
    made: list[CommandLink] = []

    def make(name: str) -> CommandLink:
        address = Address.parse(broker.url)
        made.append(CommandLink(address, Command(FAN, OVERRIDE), client_id=name, credentials=Credentials()))
        until(lambda: made[-1].is_connected, "the link")
        return made[-1]

    yield make
    for one in made:
        one.close()


def heard_by(link: CommandLink) -> list[Heard]:
    """The first that is heard."""
    found: list[Heard] = []

    def some() -> bool:
        found.extend(link.heard())
        return bool(found)

    until(some, "the person to be heard")
    return found


def test_killed_it_leaves_the_fan_off_and_a_person_switches_it_while_it_runs(
    broker: Mosquitto,
    bridge: Any,  # noqa: F811
    sqs: SqsServer,  # noqa: F811
    api: Api,  # noqa: F811
    token_file: Path,  # noqa: F811
    device: Device,
    tmp_path: Path,
) -> None:
    acts = tmp_path / "acts.ndjson"
    process = bridge(
        "--topic", "#", "--api", api.url, "--token-file", str(token_file), "--command", f"bath={FAN}",
        "--command-log", str(acts),
    )  # fmt: skip
    process.wait_until_it_carries()
    until(lambda: "OFF" in device.told, "it to switch off first")
    person = Publisher(broker.port)
    try:
        person.publish(OVERRIDE, b"\xff\x00" * 5_000)
        person.publish(OVERRIDE, b"on 1")
        until(lambda: "ON" in device.told, "the fan to be switched on")
        device.told.clear()
        process.kill()
        until(lambda: device.told == ["OFF"], "the last will")
        again = bridge(
            "--topic", "#", "--api", api.url, "--token-file", str(token_file), "--command", f"bath={FAN}",
            "--command-log", str(acts),
        )  # fmt: skip
        again.wait_until_it_carries()
        until(lambda: device.told[-1:] == ["ON"], "what the person said to be known from the log")
        assert again.end() == 0
        until(lambda: device.told[-1] == "OFF", "it to switch off as it ends")
    finally:
        person.close()
    assert not device.retained
    assert [one for one in acts.read_text().splitlines() if '"bridge_ends"' in one]
    assert sqs.bodies == [], "what it commands is no reading"


def test_nothing_is_sent_late_after_the_broker_was_away(
    broker: Mosquitto, device: Device, link: Callable[[str], CommandLink]
) -> None:
    one = link("away")
    one.switch(on=True)
    until(lambda: device.told == ["ON"], "ON")
    broker.stop()
    until(lambda: not one.is_connected, "the link to notice")
    one.switch(on=True)
    broker.start()
    until(lambda: one.connections == 2, "the link to come back")
    until(device.is_connected, "the fan to come back")
    one.switch(on=False)
    until(lambda: device.told[-1] == "OFF", "OFF")
    assert device.told.count("ON") == 1


def test_of_two_bridges_the_one_that_is_cut_off_switches_off_and_both_hear_the_person(
    broker: Mosquitto, device: Device, link: Callable[[str], CommandLink]
) -> None:
    first, second = link("first"), link("second")
    person = Publisher(broker.port)
    person.publish(OVERRIDE, b"off")
    person.wait()
    assert heard_by(first) == heard_by(second) == [Heard(b"off")]
    first.switch(on=True)
    until(lambda: "ON" in device.told, "ON")
    found: Any = first._client.socket()
    found.shutdown(socket.SHUT_RDWR)
    until(lambda: device.told[-1] == "OFF", "the last will")
    third = link("second")  # of the same name: the broker lets the former go, and switches off
    until(lambda: device.told.count("OFF") >= 2, "the last will of who was replaced")
    assert third.connections >= 1
    person.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--command", "bath"], "no room and topic"),
        (["--command", "bath=fans/+/set"], "no room and topic"),
        (["--command", "bath=a", "--command", "bath=b"], "given twice"),
        (["--command", "bath=a"], "--command-log"),
        (["--command", "bath=a", "--command-log", "x"], "--command needs --api"),
        (["--command-on", "X", "--command-off", "X"], "two payloads"),
    ],
)
def test_what_cannot_be_commanded_is_wrong_usage(given: list[str], said: str) -> None:
    found = CliRunner().invoke(command, ["--mqtt", "mqtt://localhost", "--house", "h1", *given])
    assert found.exit_code == 2
    assert said in found.output
