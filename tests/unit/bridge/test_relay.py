"""The loop between a broker and a queue, both of them fakes: what is told, tried again, and acknowledged."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from roomidity.bridge import outbox as outbox_module
from roomidity.bridge.brokers import DROPPED, VERSION
from roomidity.bridge.entries import Published
from roomidity.bridge.outbox import Outbox, Receipt
from roomidity.bridge.patience import Patience
from roomidity.bridge.ports import Event, Granted, Linked, Lost
from roomidity.bridge.relay import Clocks, Relay
from roomidity.domain.messages import Refusal
from roomidity.errors import BridgeError, StoreError

AT = datetime(2026, 11, 22, 7, 14, 57, tzinfo=UTC)


class FakeBroker:
    """Events are what the test puts there; time passes while somebody waits."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.events: list[Event] = []
        self.acknowledged: list[Receipt] = []
        self.subscribed: list[list[str]] = []
        self.answers: list[list[Event]] = []
        self.left = self.connects = 0
        self.at: dict[int, Callable[[], None]] = {}
        self.waits = 0

    def connect(self) -> None:
        self.connects += 1
        self.events += self.answers.pop(0) if self.answers else []

    def subscribe(self, filters: Sequence[str], *, qos: int = 1) -> None:
        self.subscribed.append(list(filters))

    def wait(self, timeout_s: float) -> list[Event]:
        self.waits += 1
        self.at.get(self.waits, lambda: None)()
        events, self.events = self.events, []
        if not events:
            self.now_s += timeout_s
        return events

    def acknowledge(self, receipts: Sequence[Receipt]) -> None:
        self.acknowledged += receipts

    def leave(self) -> None:
        self.left += 1


class FakeProducer:
    """A queue that answers what it is told to, and else takes all."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.answers: list[Any] = []
        self.calls = 0

    def offer(self, bodies: Sequence[str]) -> list[Refusal | None]:
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        refusals = [answer] * len(bodies) if answer is None or isinstance(answer, Refusal) else answer
        self.bodies += [body for body, refusal in zip(bodies, refusals, strict=True) if refusal is None]
        return list(refusals)

    def numbers(self) -> list[int]:
        return [one["payload"]["n"] for body in self.bodies for one in json.loads(body)["messages"]]


class World:
    def __init__(self, *, max_bytes: int = 256_000, filters: Sequence[str] = ("zigbee2mqtt/#",)) -> None:
        self.broker = FakeBroker()
        self.queue = FakeProducer()
        self.outbox = Outbox("h1", max_bytes=max_bytes, flush_s=30)
        self.filters = list(filters)
        self.relay = Relay(
            self.broker,
            self.queue,
            self.outbox,
            filters=self.filters,
            clocks=Clocks(lambda: AT + timedelta(seconds=self.broker.now_s), lambda: self.broker.now_s),
            randomness=random.Random(1),
            explain=lambda error: str(error) if isinstance(error, StoreError) else None,
        )

    def granted(self, qos: int | str = 1, *, is_there: bool = False) -> list[Event]:
        return [Linked(session_present=is_there), Granted(dict.fromkeys(self.filters, qos))]

    def start(self) -> None:
        self.broker.answers = [self.granted()]
        self.relay.start()

    def run(self, seconds: float) -> None:
        end_s = self.broker.now_s + seconds
        self.relay.run(lambda: self.broker.now_s >= end_s)


def message(number: int, *, mid: int = 0, dup: bool = False, topic: str = "zigbee2mqtt/bath") -> Published:
    return Published(topic, b'{"humidity":50.5,"n":%d}' % number, qos=int(mid > 0), mid=mid, dup=dup)


@pytest.fixture(autouse=True)
def _all_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "roomidity.bridge")


def test_it_starts_and_says_what_was_granted() -> None:
    world = World(filters=["a/#", "b/#"])
    world.broker.answers = [world.granted(0)]
    started = world.relay.start()
    assert started.granted == {"a/#": 0, "b/#": 0}
    assert len(started.dangers) == 1
    assert world.broker.subscribed == [["a/#", "b/#"], [VERSION, DROPPED]]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([Lost("it does not know this user")], "it does not know this user"),
        ([], "did not answer within 20 s"),
        ([Linked(session_present=False), Granted({"zigbee2mqtt/#": "Not authorized"})], "refuses .*Not authorized"),
    ],
)
def test_a_broker_that_does_not_let_it_in_ends_the_start(answer: list[Event], said: str) -> None:
    world = World()
    world.broker.answers = [answer]
    with pytest.raises(BridgeError, match=said):
        world.relay.start()


def test_messages_go_by_time_and_are_acknowledged_after() -> None:
    world = World()
    world.start()
    world.broker.events += [message(1, mid=1), message(2, mid=2)]
    world.run(29)
    assert world.queue.numbers() == [1, 2]  # it ended, and sent what it held
    assert world.broker.acknowledged == [Receipt(1, 1), Receipt(2, 1)]
    assert world.broker.left == 1


def test_a_queue_that_is_away_is_asked_again_ever_later(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.start()
    world.broker.events += [message(1, mid=1)]
    world.queue.answers = [StoreError("nothing listens there")] * 4
    world.run(60)
    assert world.queue.numbers() == [1]
    assert world.queue.calls == 5
    assert [record.getMessage().partition(";")[0] for record in caplog.records if "held" in record.getMessage()] == [
        "not queued, and held: nothing listens there"
    ] * 4


def test_it_ends_with_what_the_queue_did_not_take(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.start()
    world.broker.events += [message(1, mid=1), message(2)]
    world.queue.answers = [StoreError("nothing listens there")] * 9
    world.run(5)
    assert world.broker.acknowledged == []
    assert caplog.records[-1].left == 2  # type: ignore[attr-defined]  # beside the message


def test_a_fault_of_the_program_is_not_taken_for_trouble() -> None:
    world = World()
    world.start()
    world.broker.events += [message(1, mid=1)]
    world.queue.answers = [KeyError("house")]
    with pytest.raises(KeyError):
        world.run(60)
    assert world.broker.acknowledged == []


def test_of_a_batch_only_what_was_taken_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.start()
    never, busy = Refusal("InvalidMessageContents", is_final=True), Refusal("InternalError", is_final=False)
    world.broker.events += [message(number, mid=number) for number in (1, 2, 3)]
    world.queue.answers = [never, [None, busy, None]]
    world.broker.at[125] = lambda: acknowledged.extend(world.broker.acknowledged)
    acknowledged: list[Receipt] = []
    world.run(40)
    assert acknowledged == [Receipt(1, 1)]  # 3 was taken, and waits for 2
    assert sorted(world.queue.numbers()) == [1, 2, 3]
    assert [receipt.mid for receipt in world.broker.acknowledged] == [1, 2, 3]


def test_a_message_that_the_queue_never_takes_is_told_and_does_not_block(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.start()
    never = Refusal("InvalidMessageContents", is_final=True)
    world.broker.events += [message(number, mid=number) for number in (1, 2)]
    world.queue.answers = [never, [None, never]]
    world.run(40)
    assert world.queue.numbers() == [1]
    assert [receipt.mid for receipt in world.broker.acknowledged] == [1, 2]
    assert world.relay.counts["refused"] == 1
    assert any("left out" in record.getMessage() for record in caplog.records)


def test_it_connects_again_and_acknowledges_on_the_new_connection_alone() -> None:
    world = World()
    world.start()
    world.broker.events += [message(1, mid=1), message(2, mid=2), Lost("the connection broke")]
    world.broker.answers = [
        [Lost("nothing listens there")],
        [*world.granted(is_there=True), message(1, mid=1, dup=True), message(2, mid=2, dup=True)],
    ]
    world.run(60)
    assert world.broker.connects == 3
    assert world.queue.numbers() == [1, 2]
    assert world.broker.acknowledged == [Receipt(1, 1), Receipt(2, 1)]
    assert world.broker.subscribed[-1] == ["zigbee2mqtt/#"]


def test_a_session_that_the_broker_forgot_is_told(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.start()
    world.broker.events += [message(1, mid=1), Lost("the connection broke")]
    world.broker.answers = [world.granted()]
    world.run(60)
    assert any("persistence true" in record.getMessage() for record in caplog.records)
    assert world.queue.numbers() == [1]
    assert world.broker.acknowledged == []


def test_who_lost_its_session_to_another_waits_long_before_it_takes_it_back() -> None:
    world = World()
    world.start()
    world.broker.events += [Lost("another client", is_takeover=True)]
    world.run(29)
    assert world.broker.connects == 1
    world.run(40)
    assert world.broker.connects == 2


def test_connections_that_break_again_and_again_are_made_ever_later_and_may_be_of_two_bridges(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.start()
    world.broker.events += [Lost("the connection broke")]
    world.broker.answers = [[*world.granted(is_there=True), Lost("the connection broke")] for _ in range(20)]
    world.run(120)
    assert 5 <= world.broker.connects <= 9
    said = [record.getMessage() for record in caplog.records if "connection broke" in record.getMessage()]
    assert ["second bridge" in one for one in said][:4] == [False, False, True, True]
    world.broker.answers = [world.granted(is_there=True)]
    world.run(200)
    world.broker.events += [Lost("the connection broke")]
    world.run(3)
    assert "second bridge" not in caplog.records[-2].getMessage()


def test_too_much_is_left_to_the_broker(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(outbox_module, "MAX_HELD_BYTES", 20_000)
    world = World()
    world.start()
    world.queue.answers = [StoreError("nothing listens there")] * 3
    world.broker.events += [message(number, mid=number) for number in range(1, 41)]
    world.broker.answers = [
        [*world.granted(is_there=True), *(message(number, mid=number, dup=True) for number in range(1, 41))]
    ]
    world.run(120)
    assert world.broker.left == 2
    assert world.broker.connects == 2
    assert world.queue.numbers() == list(range(1, 41))
    assert [receipt.mid for receipt in world.broker.acknowledged] == list(range(1, 41))


def test_what_the_broker_says_of_itself_is_told_and_not_carried(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.start()
    world.broker.events += [
        Published(VERSION, b"mosquitto version 2.0.11"),
        Published(DROPPED, b"7"),
        Published(DROPPED, b"9"),
        Published(DROPPED, b"what"),
        Published("$SYS/broker/uptime", b"9"),
    ]
    world.run(60)
    assert world.queue.bodies == []
    assert world.relay.counts["received"] == 0
    said = [record.getMessage() for record in caplog.records]
    assert "the broker says that it is mosquitto version 2.0.11" in said
    assert [record.dropped_by_broker for record in caplog.records if hasattr(record, "dropped_by_broker")] == [2]


def test_each_topic_of_what_is_left_out_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    world = World(filters=["camera/+", "zigbee2mqtt/#"])
    world.start()
    world.broker.events += [Published("camera/door", b"\xff", qos=1, mid=mid) for mid in (1, 2)]
    world.broker.events += [Published(None, b"1"), Published("elsewhere", b"1", qos=1, mid=3)]
    world.run(5)
    said = [record.getMessage() for record in caplog.records]
    assert sum(one.startswith("camera/door: ") for one in said) == 1
    assert sum(one.startswith("a topic that is not UTF-8: ") for one in said) == 1
    assert sum(one.startswith("elsewhere: ") for one in said) == 1
    assert [receipt.mid for receipt in world.broker.acknowledged] == [1, 2, 3]


def test_counts_are_told_every_minute(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.start()
    world.broker.events += [message(1, mid=1), message(2)]
    world.run(185)
    reports = [record for record in caplog.records if record.getMessage() == "bridged"]
    assert [(one.received, one.queued, one.qos0) for one in reports][:2] == [(2, 2, 1), (0, 0, 0)]  # type: ignore[attr-defined]
    assert len(reports) == 4


def test_patience_doubles_to_its_bound_and_starts_anew() -> None:
    patience = Patience(random.Random(1), first_s=1, longest_s=8)
    waits = [patience.fail(0) for _ in range(6)]
    for wait, bound in zip(waits, [1, 2, 4, 8, 8, 8], strict=True):
        assert bound / 2 <= wait <= bound
    patience.succeed()
    assert patience.fail(100) <= 1
    assert 100.5 <= patience.until_s <= 101
    assert 30 <= patience.fail(0, least_s=60) <= 60
