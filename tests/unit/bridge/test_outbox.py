"""The outbox against a model of a broker: whatever breaks when, nothing is acknowledged before the queue has it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from roomidity.bridge import outbox as module
from roomidity.bridge.entries import LeftOut, Published
from roomidity.bridge.outbox import MAX_HELD_BYTES, Outbox, Receipt

AT = datetime(2026, 11, 22, 7, 14, 57, tzinfo=UTC)
FLUSH_S = 30.0
MAX_BYTES = 700


def published(number: int, *, mid: int = 0, dup: bool = False, topic: str = "zigbee2mqtt/bath") -> Published:
    return Published(topic, b'{"humidity":50.5,"n":%d}' % number, qos=int(mid > 0), mid=mid, dup=dup)


def outbox(**more: Any) -> Outbox:
    return Outbox("h1", **{"flush_s": FLUSH_S, **more})


def hear(box: Outbox, *messages: Published, now_s: float = 0.0) -> None:
    for message in messages:
        box.hear(message, received=AT, now_s=now_s)


def numbers(text: str) -> list[int]:
    content = json.loads(text)
    assert content["house"] == "h1"
    return [one["payload"]["n"] for one in content["messages"]]


class Model(RuleBasedStateMachine):
    """A broker that keeps a session, a queue that takes what it likes, and a bridge that is killed now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.published = 0
        self.to_deliver: list[int] = []
        self.delivered: dict[int, int] = {}  # number by packet identifier, until it is acknowledged
        self.on_this_connection: list[int] = []  # identifiers, in the order of delivery
        self.queued: Counter[int] = Counter()
        self.wanted: set[int] = set()  # whatever somebody held all the time
        self.to_redeliver: list[int] = []
        self.unheld: set[int] = set()  # delivered to a bridge that was killed, and not again since
        self.now_s = 0.0
        self.box = outbox(max_bytes=MAX_BYTES)
        self.is_connected = True

    @rule(is_qos0=st.sampled_from([True, False, False, False]))
    def publish(self, is_qos0: bool) -> None:
        self.published += 1
        if not is_qos0:
            self.to_deliver.append(self.published)
            self.wanted.add(self.published)
        elif self.is_connected:
            self.wanted.add(self.published)
            hear(self.box, published(self.published), now_s=self.now_s)

    @precondition(lambda self: self.is_connected and self.to_redeliver)
    @rule()
    def redeliver(self) -> None:
        mid = self.to_redeliver.pop(0)
        self.on_this_connection.append(mid)
        self.unheld.discard(self.delivered[mid])
        hear(self.box, published(self.delivered[mid], mid=mid, dup=True), now_s=self.now_s)

    @precondition(lambda self: self.is_connected and self.to_deliver and not self.to_redeliver)
    @rule()
    def deliver(self) -> None:
        number = self.to_deliver.pop(0)
        mid = next(mid for mid in range(1, 1000) if mid not in self.delivered)
        self.delivered[mid] = number
        self.on_this_connection.append(mid)
        hear(self.box, published(number, mid=mid), now_s=self.now_s)

    @rule(seconds=st.sampled_from([0.5, 5.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(answers=st.lists(st.sampled_from(["take", "take", "not now", "alone"]), min_size=10, max_size=10))
    def send(self, answers: list[str]) -> None:
        bodies = self.box.bodies()
        assert len(bodies) <= len(answers)
        assert sum(len(body.text) for body in bodies) <= MAX_BYTES
        for body, answer in zip(bodies, answers, strict=False):
            if answer == "take":
                self.queued.update(numbers(body.text))
                self.box.take(body)
            elif answer == "alone" and len(body.held) > 1:
                assert self.box.refuse(body) is None

    @precondition(lambda self: self.is_connected)
    @rule()
    def acknowledge(self) -> None:
        for receipt in self.box.acknowledgements():
            assert receipt == Receipt(self.on_this_connection.pop(0), 1), "in order, and of this connection"
            assert self.queued[self.delivered.pop(receipt.mid)], "acknowledged, and not queued"

    @rule()
    def lose_connection(self) -> None:
        self.is_connected = False
        self.on_this_connection.clear()
        self.box.lose_connection()
        assert self.box.acknowledgements() == []

    @precondition(lambda self: not self.is_connected)
    @rule(session_present=st.sampled_from([True, True, True, False]))
    def connect(self, session_present: bool) -> None:
        self.is_connected = True
        self.box.resume(session_present=session_present)
        if not session_present:
            self.wanted -= {*self.to_deliver, *self.unheld}
            self.to_deliver, self.delivered, self.unheld = [], {}, set()
        self.to_redeliver = list(self.delivered)

    @rule()
    def kill(self) -> None:
        """What only the bridge had is gone: at QoS 0, and what the broker forgot meanwhile."""
        self.wanted = set(self.queued) | set(self.to_deliver) | set(self.delivered.values())
        self.on_this_connection.clear()
        self.unheld = set(self.delivered.values())
        self.box = outbox(max_bytes=MAX_BYTES)
        self.connect(session_present=True)

    @invariant()
    def the_broker_waits_for_what_it_delivered(self) -> None:
        assert self.box.unacknowledged == len(self.on_this_connection)

    def teardown(self) -> None:
        if not self.is_connected:
            self.connect(session_present=True)
        while self.to_redeliver:
            self.redeliver()
        while self.to_deliver:
            self.deliver()
        while self.box.waiting:
            self.send(["take"] * 10)
        self.acknowledge()
        assert self.delivered == {}
        assert self.wanted <= set(self.queued)
        assert self.box.counts["queued"] <= sum(self.queued.values())


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_redelivery_keeps_its_time_and_is_not_sent_twice() -> None:
    box = outbox()
    hear(box, published(1, mid=7), published(2, mid=8))
    (body,) = box.bodies()
    box.take(body)  # and the connection breaks before that is acknowledged
    box.lose_connection()
    box.resume(session_present=True)
    later = AT + timedelta(minutes=5)
    for number, mid in ((1, 7), (2, 8)):
        box.hear(published(number, mid=mid, dup=True), received=later, now_s=300)
    assert box.bodies() == []
    assert box.acknowledgements() == [Receipt(7, 1), Receipt(8, 1)]
    assert box.counts["again"] == 2


@pytest.mark.parametrize(
    "other",
    [
        published(1, mid=7),  # not said to be a redelivery
        published(2, mid=7, dup=True),  # an identifier that another message bears now
        published(1, mid=9, dup=True),
        published(1, mid=7, dup=True, topic="zigbee2mqtt/den"),
    ],
)
def test_what_is_not_surely_the_same_is_sent_again(other: Published) -> None:
    box = outbox()
    hear(box, published(1, mid=7))
    box.take(*box.bodies())
    box.lose_connection()
    box.resume(session_present=True)
    hear(box, other)
    assert box.acknowledgements() == []
    assert len(box.bodies()) == 1


def test_what_the_broker_has_forgotten_is_sent_and_not_acknowledged() -> None:
    box = outbox()
    hear(box, published(1, mid=7))
    box.lose_connection()
    box.resume(session_present=False)
    hear(box, published(2, mid=7))
    assert numbers(box.bodies()[0].text) == [1, 2]
    box.take(*box.bodies())
    assert box.acknowledgements() == [Receipt(7, 1)]


def test_one_that_the_queue_has_not_taken_holds_back_those_after_it() -> None:
    box = outbox()
    hear(box, *(published(number, mid=number) for number in (1, 2, 3)))
    box.refuse(*box.bodies())  # so that each goes alone
    one, two, three = box.bodies()
    box.take(three)
    assert box.acknowledgements() == []
    box.take(one)
    assert [receipt.mid for receipt in box.acknowledgements()] == [1]
    box.take(two)
    assert [receipt.mid for receipt in box.acknowledgements()] == [2, 3]


def test_what_goes_nowhere_is_acknowledged_in_its_turn() -> None:
    box = outbox()
    picture = Published("camera/door", b"\xff\xd8", qos=1, mid=2)
    hear(box, published(1, mid=1))
    assert box.hear(picture, received=AT, now_s=0) is LeftOut.NOT_UTF8
    assert box.pass_over(Published("old/topic", b"1", qos=1, mid=3), now_s=0) is LeftOut.NOT_ASKED
    assert box.acknowledgements() == []
    box.take(*box.bodies())
    assert [receipt.mid for receipt in box.acknowledgements()] == [1, 2, 3]
    assert (box.counts["not_utf8"], box.counts["not_asked"], box.counts["received"]) == (1, 1, 3)


def test_a_message_longer_than_the_queue_takes_is_told_and_acknowledged() -> None:
    box = outbox(max_bytes=1000)
    long = Published("zigbee2mqtt/bridge/devices", b"[" + b'"x",' * 250 + b'"x"]', qos=1, mid=1)
    assert box.hear(long, received=AT, now_s=0) is LeftOut.TOO_LARGE
    assert box.acknowledgements() == [Receipt(1, 1)]
    assert box.bodies() == []


def test_a_body_that_is_refused_goes_message_by_message_and_one_is_given_up() -> None:
    box = outbox()
    hear(box, *(published(number, mid=number) for number in (1, 2, 3)))
    (body,) = box.bodies()
    assert box.refuse(body) is None
    one, two, three = box.bodies()
    box.take(one)
    assert '"n":2' in (box.refuse(two) or "")
    box.take(three)
    assert box.counts["refused"] == 1
    assert [receipt.mid for receipt in box.acknowledgements()] == [1, 2, 3]


def test_a_batch_goes_by_time_by_size_and_when_the_broker_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    box = outbox(max_bytes=2_000)
    assert not box.is_due(1e9)
    hear(box, published(1, mid=1), now_s=100)
    assert not box.is_due(100 + FLUSH_S - 0.1)
    assert box.is_due(100 + FLUSH_S)
    hear(box, *(published(number) for number in range(30)), now_s=101)
    assert box.is_due(101)  # 2,000 bytes
    box = outbox()
    hear(box, *(published(number, mid=number) for number in range(1, 11)), now_s=100)
    assert not box.is_due(100.5)
    assert box.is_due(101)  # a broker that stops at ten unacknowledged
    monkeypatch.setattr(module, "WINDOW", 10)
    assert box.is_due(100.1)  # all that it may have under way


def test_it_says_when_it_is_full() -> None:
    box = outbox()
    payload = json.dumps({"humidity": 50.5, "more": "x" * 100_000}).encode()
    count = MAX_HELD_BYTES // 101_000
    hear(box, *(Published("t", payload) for _ in range(count)))
    assert not box.is_full
    hear(box, *(Published("t", payload) for _ in range(10)))
    assert (box.is_full, box.is_roomy) == (True, False)
    while box.waiting > count // 3:
        for body in box.bodies():
            box.take(body)
    assert box.is_roomy


def test_bodies_stay_within_what_one_call_takes() -> None:
    box = outbox(max_bytes=1_000)
    hear(box, *(published(number) for number in range(100)))
    sent: list[int] = []
    while bodies := box.bodies():
        assert sum(len(body.text.encode()) for body in bodies) <= 1_000
        for body in bodies:
            sent += numbers(body.text)
            box.take(body)
    assert sent == list(range(100))
