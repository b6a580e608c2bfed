"""A notice from the queue to who listens: raised and cleared through drain and forecast, told by the stack's rules.

The rules are those of container/notices.yml and container/notices-ntfy.yml as they are packaged, on the local engine;
behind the topic stands a queue, and in ntfy's place a server on loopback.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any, Final

import pytest

from roomidity.composition import Stage
from roomidity.domain.slots import SLOT, format_moment
from roomidity.local.engine import Engine
from roomidity.local.functions import Functions
from roomidity.local.stack import checkout
from tests.e2e.engine import plain
from tests.e2e.test_serverless import NEEDS_CLI, package
from tests.mosquitto import until

pytestmark = NEEDS_CLI

BEGIN: Final = datetime(2026, 3, 10, tzinfo=UTC)
NOW: Final = BEGIN + timedelta(days=3)
SILENT_SINCE: Final = NOW - timedelta(hours=5)


class Receiver:
    """What ntfy would be sent."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str | None]] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                heard.append((body, self.headers.get("Authorization")))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/house"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The properties of the two rules as they are packaged."""
    given = ("--param", "notices=on", "--param", "noticeNtfy=https://ntfy.example.org/house")
    resources = package(tmp_path_factory.mktemp("package"), *given)["Resources"]
    return {name: resources[name]["Properties"] for name in ("NoticeRule", "NtfyRule")}


def listen(engine: Engine, prefix: str, rules: dict[str, Any], receiver: Receiver) -> str:
    """Make bus, topic, destination and rules; the URL of the queue behind the topic."""
    events, sns, sqs = (plain(engine.environment, one) for one in ("events", "sns", "sqs"))
    bus = f"{prefix}-notices"
    events.create_event_bus(Name=bus)
    topic = sns.create_topic(Name=bus)["TopicArn"]
    url = str(sqs.create_queue(QueueName=f"{prefix}-heard")["QueueUrl"])
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    key = {"ApiKeyName": "Authorization", "ApiKeyValue": "Bearer tk_test"}
    connection = events.create_connection(
        Name=f"{prefix}-ntfy", AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": key}
    )["ConnectionArn"]
    destination = events.create_api_destination(
        Name=f"{prefix}-ntfy", ConnectionArn=connection, HttpMethod="POST", InvocationEndpoint=receiver.url
    )["ApiDestinationArn"]
    role = "arn:aws:iam::000000000000:role/call"
    for name, target in (("NoticeRule", {"Arn": topic}), ("NtfyRule", {"Arn": destination, "RoleArn": role})):
        rule = rules[name]
        events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(rule["EventPattern"]))
        transformer = rule["Targets"][0]["InputTransformer"]
        target |= {"Id": "one", "InputTransformer": transformer}
        assert events.put_targets(Rule=name, EventBusName=bus, Targets=[target])["FailedEntryCount"] == 0
    return url


def messages(house: str, start: datetime, end: datetime, *rooms: str) -> list[str]:
    """A reading in each slot of [start, end)."""
    count = int((end - start) / SLOT)
    return [
        json.dumps(
            {
                "house": house,
                "room": room,
                "readings": [
                    {
                        "ts": format_moment(start + number * SLOT + timedelta(minutes=2)),
                        "temperature": 20 + number % 8 / 10,
                        "humidity": 50 + number % 12 / 10,
                    }
                    for number in range(count)
                ],
            }
        )
        for room in rooms
    ]


def test_a_notice_is_raised_told_and_cleared(
    engine: Engine, rules: dict[str, Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (engine.environment | {"ROOMIDITY_NOTICES": "on"}).items():
        if not name.startswith("POWERTOOLS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(checkout())
    import_module("handlers.runtime").stage.cache_clear()
    stage = Stage.from_environment(engine.environment | {"ROOMIDITY_NOTICES": "on"})
    url = listen(engine, stage.settings.prefix, rules, receiver)
    functions = Functions()
    heard: list[str] = []

    def tick(at: datetime) -> None:
        functions.scheduled("drain", at)
        functions.work_off("forecast", stage.forecast_jobs)

    def has_heard(count: int) -> bool:
        answer = plain(engine.environment, "sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        heard.extend(json.loads(one["Body"]) for one in answer.get("Messages", []))
        return len(heard) >= count and len(receiver.heard) >= count

    try:
        stage.readings_queue.send(messages("told", BEGIN, NOW, "kitchen"))
        stage.readings_queue.send(messages("told", BEGIN, SILENT_SINCE, "cellar"))
        tick(NOW)
        until(lambda: has_heard(1), "the notice to be told", patience_s=60)
        tick(NOW)  # again: nothing new
        stage.readings_queue.send(messages("told", NOW, NOW + 5 * SLOT, "kitchen", "cellar"))
        for number in range(1, 6):
            tick(NOW + number * SLOT)
        until(lambda: has_heard(2), "it to be cleared", patience_s=60)
    finally:
        import_module("handlers.runtime").stage.cache_clear()
    assert heard == [
        "told: no readings from the cellar since yesterday 19:45",
        "told: readings from the cellar again",
    ]
    assert [json.loads(body) for body, _ in receiver.heard] == heard
    assert {authorization for _, authorization in receiver.heard} == {"Bearer tk_test"}
    (notice,) = stage.notices.newest("told", now=NOW)
    assert notice.cleared_at is not None
    assert stage.notices.watch("told").unsent == ()
