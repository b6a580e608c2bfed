"""The bridge between a real Mosquitto and a queue: killed, cut off and refused, it loses nothing at QoS 1."""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from roomidity.cli.app import roomidity
from roomidity.cli.context import stage as cli_stage
from roomidity.dialects import parse_devices
from roomidity.pipeline.device_maps import change_map
from roomidity.pipeline.drain import DrainConfig, drain
from tests.e2e.permissions import calls_of
from tests.fakes import World
from tests.mosquitto import BridgeProcess, Mosquitto, Publisher, free_port, program, running, until
from tests.sqs_server import QUEUE, SqsServer

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning")
"""paho leaves the sockets of a client that did not get in to the collector."""

CHECKOUT: Final = Path(__file__).parents[2]
BEGIN: Final = datetime(2026, 11, 22, tzinfo=UTC)
ROOMS: Final = ("bath", "kitchen", "office", "attic", "den", "hall")
MESSAGES: Final = 6_000
KILLS: Final = 8


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    yield from running(Mosquitto(tmp_path_factory.mktemp("mosquitto")))


@pytest.fixture
def sqs() -> Iterator[SqsServer]:
    with SqsServer() as server:
        yield server


@pytest.fixture
def publisher(broker: Mosquitto) -> Iterator[Publisher]:
    publisher = Publisher(broker.port)
    yield publisher
    publisher.close()


def environment(sqs: SqsServer) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": sqs.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "ROOMIDITY_STAGE": "test",
    }


@pytest.fixture
def bridge(broker: Mosquitto, sqs: SqsServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Starts bridges of one session, a test's own."""
    started: list[BridgeProcess] = []

    def start(*more: str) -> BridgeProcess:
        arguments = ["--mqtt", broker.url, "--house", "h1", "--client-id", request.node.name, "--flush-s", "0.1", *more]
        started.append(BridgeProcess(environment(sqs), *arguments, log=tmp_path / f"log-{len(started)}"))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def publish(publisher: Publisher, numbers: range, root: str) -> None:
    """What six devices say, each every 15 s; the number is in the value and in the time."""
    for number in numbers:
        turn, device = divmod(number, len(ROOMS))
        at = BEGIN + timedelta(seconds=15 * turn)
        content = {"temperature": 15 + turn % 50 / 10, "linkquality": 9, "n": number, "last_seen": at.isoformat()}
        publisher.publish(f"{root}/zigbee2mqtt/{ROOMS[device]}", json.dumps(content).encode())


def numbers(sqs: SqsServer) -> list[int]:
    return [one["payload"]["n"] for one in list(sqs.messages)]


def test_killed_eight_times_under_load_it_loses_none_of_6000_and_repeats_do_no_harm(
    bridge: Any, sqs: SqsServer, publisher: Publisher
) -> None:
    randomness = random.Random(17)
    portion = MESSAGES // (KILLS + 1)
    sqs.delay_s = 0.02  # so that some are killed after the queue took what they had not acknowledged yet
    running = bridge("--topic", "load/#")
    running.wait_until_it_carries()
    for kill in range(KILLS):
        before = len(sqs.bodies)
        publish(publisher, range(kill * portion, (kill + 1) * portion), "load")
        until(lambda before=before: len(sqs.bodies) > before, "the bridge to queue something")  # type: ignore[misc]
        time.sleep(randomness.uniform(0, 0.15))
        running.kill()
        running = bridge("--topic", "load/#")
    publish(publisher, range(KILLS * portion, MESSAGES), "load")
    until(lambda: len(set(numbers(sqs))) == MESSAGES, "all messages")
    assert running.end() == 0
    for _ in range(5):  # repeats of what was unacknowledged at the last kill may still be under way
        again = bridge("--topic", "load/#")
        again.wait_until_it_carries()
        time.sleep(0.3)
        again.end()
        if "Ended: 0 messages heard" in again.said:
            break
    assert "Ended: 0 messages heard" in again.said  # all was acknowledged: the broker holds no more
    assert set(numbers(sqs)) == set(range(MESSAGES))
    repeats = len(numbers(sqs)) - MESSAGES
    assert repeats > 0  # else nothing was killed at a bad time

    world = World()
    devices = parse_devices({f"zigbee2mqtt/{room}": room for room in ROOMS})
    change_map(world.settings, world.backoff, "h1", lambda _before: devices)
    now = BEGIN + timedelta(days=1)
    world.readings.send(sqs.bodies, sent=now)
    summary = drain(world.drain_ports(), DrainConfig(timezone="UTC"), now=now, remaining_s=lambda: 300.0)
    assert (summary.received, summary.stored, summary.duplicate) == (MESSAGES + repeats, MESSAGES, repeats)
    assert (summary.violations, summary.rejected.total()) == (0, 0)


def test_a_broker_that_is_restarted_and_a_queue_that_is_away_cost_nothing(
    bridge: Any, sqs: SqsServer, broker: Mosquitto, publisher: Publisher
) -> None:
    running = bridge("--topic", "away/#")
    running.wait_until_it_carries()
    publish(publisher, range(200), "away")
    broker.stop()
    publish(publisher, range(200, 400), "away")
    broker.start()
    publish(publisher, range(400, 600), "away")
    until(lambda: set(numbers(sqs)) == set(range(600)), "what was published around the restart")
    assert "the broker had kept our session" in running.said

    sqs.go_away()
    publish(publisher, range(600, 1200), "away")
    publisher.wait()
    until(lambda: running.said.count("not queued, and held") >= 2, "two attempts in vain")
    sqs.listen()
    until(lambda: set(numbers(sqs)) == set(range(1200)), "what was held while the queue was away")
    assert running.end() == 0
    assert len(numbers(sqs)) < 1200 + 400  # what was held is not sent twice


def test_a_part_of_a_batch_that_is_refused_is_sent_again_or_given_up(
    bridge: Any, sqs: SqsServer, publisher: Publisher
) -> None:
    busy = iter([False, True, False, True])

    def refuse(body: str) -> tuple[str, bool] | None:
        if '"n":13,' in body.replace(" ", ""):
            return "InvalidMessageContents", True
        return ("InternalError", False) if next(busy, False) else None

    sqs.refuse = refuse
    running = bridge("--topic", "part/#", "--max-bytes", "1000")
    running.wait_until_it_carries()
    publish(publisher, range(20), "part")
    until(lambda: set(numbers(sqs)) == set(range(20)) - {13}, "all that the queue takes")
    running.end()
    assert running.said.count("for what it holds") == 1


def test_with_a_second_bridge_of_the_same_name_nothing_is_lost(
    bridge: Any, sqs: SqsServer, publisher: Publisher
) -> None:
    first = bridge("--topic", "two/#")
    first.wait_until_it_carries()
    publish(publisher, range(50), "two")
    second = bridge("--topic", "two/#")
    second.wait_until_it_carries()
    publish(publisher, range(50, 100), "two")
    until(lambda: set(numbers(sqs)) == set(range(100)), "all messages")
    until(lambda: "next try in" in first.said, "the first to be cut off")


def test_a_topic_that_is_no_longer_asked_for_is_not_carried(bridge: Any, sqs: SqsServer, publisher: Publisher) -> None:
    bridge("--topic", "old/#", "--topic", "new/#").wait_until_it_carries()
    bridge("--topic", "new/#").wait_until_it_carries()
    publish(publisher, range(2), "old")
    publish(publisher, range(2, 4), "new")
    until(lambda: numbers(sqs) == [2, 3], "what is asked for")


def test_it_calls_what_the_producer_policy_allows_and_nothing_else(
    bridge: Any, sqs: SqsServer, publisher: Publisher
) -> None:
    bridge("--topic", "rights/#").wait_until_it_carries()
    publish(publisher, range(3), "rights")
    until(lambda: len(numbers(sqs)) == 3, "all messages")
    asked = {"QueueName": QUEUE, "QueueUrl": f"{sqs.endpoint}/0/{QUEUE}"}
    calls = [
        (operation, call.resource)
        for operation in sqs.operations
        for call in calls_of("bridge", "sqs", operation, asked, account="0", region="r")
    ]
    arn = f"arn:aws:sqs:r:0:{QUEUE}"
    assert sorted(calls) == [("GetQueueUrl", arn), ("SendMessageBatch", arn)]
    policy = (CHECKOUT / "container/stack/roles.yml").read_text("utf-8").partition("ProducerPolicy:")[2]
    assert "Action: [sqs:GetQueueUrl, sqs:SendMessage] # covers SendMessageBatch" in policy.partition("Outputs:")[0]


# ---- What a newcomer does wrong, by the command itself.


@pytest.fixture
def command(sqs: SqsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in environment(sqs).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ROOMIDITY_MQTT_PASSWORD", raising=False)
    cli_stage.cache_clear()
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(roomidity, ["bridge", *arguments])

    yield run
    signal.signal(signal.SIGTERM, before)
    cli_stage.cache_clear()
    gc.collect()  # here, where its telling of sockets is not heeded


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--house", "h1"], "--mqtt"),
        (["--mqtt", "mqtt://x"], "--house"),
        (["--mqtt", "mqtt://me:secret@x", "--house", "h1"], "--password-file"),
        (["--mqtt", "x", "--house", "h1"], "expected mqtt://HOST"),
        (["--mqtt", "mqtt://x", "--house", "a/b"], "no name of a house"),
        (["--mqtt", "mqtt://x", "--house", "h1", "--topic", "a/#/b"], "no topic filter"),
        (["--mqtt", "mqtt://x", "--house", "h1", "--ca-file", __file__], "speaks no TLS"),
        (["--mqtt", "mqtts://x", "--house", "h1", "--key-file", __file__], "--cert-file"),
        (["--mqtt", "mqtt://x", "--house", "h1", "--password-file", __file__ + ".none"], "does not exist"),
    ],
)
def test_wrong_usage_says_what_is_expected(command: Any, arguments: list[str], said: str) -> None:
    done = command(*arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert "secret" not in done.output


def test_a_failure_at_the_start_says_what_was_found_and_what_to_do(
    command: Any, sqs: SqsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(url: str, *more: str) -> str:
        done = command("--mqtt", url, "--house", "h1", *more)
        assert done.exit_code == 1, done.output
        return " ".join(f"{done.output}{done.exception}".split())

    port = free_port()
    assert f"nothing listens at mqtt://127.0.0.1:{port}; is the broker running" in fails(f"mqtt://127.0.0.1:{port}")
    assert "is not known here; check the name" in fails("mqtt://no-such-host.invalid")
    (tmp_path / "password").write_text("two\nlines\n")
    assert "several lines" in fails("mqtt://me@127.0.0.1", "--password-file", str(tmp_path / "password"))
    (tmp_path / "key").write_text("no key")
    url, key = "mqtts://127.0.0.1", str(tmp_path / "key")
    assert "holds no certificates" in fails(url, "--ca-file", key)
    assert "no certificate with its key" in fails(url, "--cert-file", key)
    monkeypatch.setenv("ROOMIDITY_STAGE", "other")
    cli_stage.cache_clear()
    assert "queue 'roomidity-other-readings' does not exist here; deploy the stack" in fails("mqtt://127.0.0.1")
    sqs.go_away()
    cli_stage.cache_clear()
    assert "start the local engine (`roomidity up`)" in fails("mqtt://127.0.0.1")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate of an authority, of a broker on 127.0.0.1 and of a client, each with its key."""
    folder = tmp_path_factory.mktemp("certificates")
    key_of_all = ec.generate_private_key(ec.SECP256R1())
    names = {"ca": key_of_all, "broker": ec.generate_private_key(ec.SECP256R1()), "client": None}
    name_of = {name: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test {name}")]) for name in names}
    now = datetime.now(UTC)
    for name, known in names.items():
        key = known or ec.generate_private_key(ec.SECP256R1())
        made = (
            x509.CertificateBuilder()
            .subject_name(name_of[name])
            .issuer_name(name_of["ca"])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key_of_all.public_key()), critical=False)
            .sign(key_of_all, hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return folder


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[Mosquitto]:
    """A broker that wants a password on one port, TLS with a client's certificate on another."""
    folder = tmp_path_factory.mktemp("strict")
    passwords = folder / "passwords"
    made = [program("mosquitto_passwd"), "-b", "-c", str(passwords), "me", "right"]
    subprocess.run(made, check=True, capture_output=True)  # noqa: S603  # our own
    lines = ["per_listener_settings true", "allow_anonymous false", f"password_file {passwords}"]
    tls = [f"listener {free_port()} 127.0.0.1", "allow_anonymous true", "require_certificate true"]
    tls += [f"cafile {authority}/ca.pem", f"certfile {authority}/broker.pem", f"keyfile {authority}/broker.key"]
    yield from running(Mosquitto(folder, *lines, *tls))


def test_a_user_with_a_password_that_nobody_sees(
    command: Any, bridge: Any, strict: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = ["--mqtt", strict.url.replace("//", "//me@"), "--house", "h1"]
    refused = command(*address)
    assert refused.exit_code == 1
    assert "check --user, and --password-file or ROOMIDITY_MQTT_PASSWORD" in str(refused.exception)
    monkeypatch.setenv("ROOMIDITY_MQTT_PASSWORD", "wrong horse")
    refused = command(*address)
    assert refused.exit_code == 1
    assert "wrong horse" not in refused.output + str(refused.exception)
    assert "a password, and no user" in command("--mqtt", strict.url, "--house", "h1").output
    (tmp_path / "password").write_text("right\n")
    carrying = bridge(*address, "--password-file", str(tmp_path / "password"))
    carrying.wait_until_it_carries()
    assert "right" not in carrying.said
    assert carrying.end() == 0


def test_tls_with_the_authority_and_a_certificate_of_ones_own(
    command: Any, bridge: Any, strict: Mosquitto, authority: Path
) -> None:
    plain, port = strict.url, strict.lines[-6].split()[1]
    address = ["--mqtt", f"mqtts://127.0.0.1:{port}", "--house", "h1"]
    ca, cert, key = ("--ca-file", f"{authority}/ca.pem"), f"{authority}/client.pem", f"{authority}/client.key"

    def said(*arguments: str) -> str:
        done = command(*arguments)
        assert done.exit_code == 1
        return str(done.exception)

    assert "certificate is not trusted" in said(*address)
    assert "asks for a certificate (--cert-file)" in said(*address, *ca)
    assert "no TLS there" in said("--mqtt", plain.replace("mqtt", "mqtts"), "--house", "h1", *ca)
    assert "speaks TLS there (mqtts://)" in said("--mqtt", f"mqtt://127.0.0.1:{port}", "--house", "h1")
    carrying = bridge(*address, *ca, "--cert-file", cert, "--key-file", key)
    carrying.wait_until_it_carries()
    assert carrying.end() == 0


def test_the_command_answers_one_json_object_and_ends_in_order(
    broker: Mosquitto, sqs: SqsServer, publisher: Publisher, tmp_path: Path
) -> None:
    """The command as a person runs it; told to end, it sends what it holds."""
    arguments = ["--mqtt", broker.url, "--house", "h1", "--topic", "whole/#", "--flush-s", "600", "--json"]
    command = [sys.executable, "-m", "roomidity", "bridge", *arguments]
    with subprocess.Popen(  # noqa: S603  # our own command
        command, env={**os.environ, **environment(sqs)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        answer = json.loads(process.stdout.readline())
        assert answer == {
            "broker": broker.url,
            "client_id": "roomidity-test-h1",
            "house": "h1",
            "queue": QUEUE,
            "session_present": False,
            "topics": {"whole/#": 1},
            "warnings": [],
        }
        publish(publisher, range(3), "whole")
        publisher.wait()
        publisher.publish("whole/zigbee2mqtt/den", b'{"n":3,"humidity":50}', qos=0)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert set(numbers(sqs)) == {0, 1, 2, 3}
    assert "bridged (received 4, queued 4, bodies 1, qos0 1, held 0)" in said
    assert "the broker says that it is mosquitto version" in said
    assert "queue_qos0_messages true" in said
