"""Entries: whatever a device publishes, the drain opens what it said, and nothing beside it is spoilt."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.bridge.address import Address
from roomidity.bridge.brokers import SESSION_S, dangers
from roomidity.bridge.entries import LeftOut, Published, entry_of, has_own_time
from roomidity.bridge.filters import is_filter, matches
from roomidity.bridge.outbox import Outbox
from roomidity.bridge.ports import Linked
from roomidity.dialects import open_envelope
from roomidity.dialects.envelopes import Opened
from roomidity.dialects.heard import parsed
from roomidity.errors import InputError

AT = datetime(2026, 11, 22, 7, 14, 57, 250_999, tzinfo=UTC)
SENT = datetime(2026, 11, 22, 7, 15, 20, tzinfo=UTC)

values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
payloads = (
    st.binary(max_size=40)
    | st.text(max_size=40).map(str.encode)
    | st.builds(lambda value, as_ascii: json.dumps(value, ensure_ascii=as_ascii).encode(), values, st.booleans())
    | st.sampled_from(
        [
            b"",
            b"21.3",
            b"nan",
            b'{"temperature":NaN}',
            b'{"a":1,"a":2}',
            b"[" * 200 + b"]" * 200,
            b'{"a":' * 70 + b"1" + b"}" * 70,
            b'{"n":' + b"9" * 5_000 + b"}",
            b'{"s":"\\ud800"}',
            b'{"t":"a\tb"}',
            "{'unit': '°C'}".encode(),
            "\uffff\ufffe".encode(),
            b'{"house":"h2","temperature":1}',
        ]
    )
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=12), payloads), min_size=1, max_size=4))
def test_the_drain_opens_what_was_published(heard: list[tuple[str, bytes]]) -> None:
    box = Outbox("Küche \N{BATHTUB}", flush_s=1)
    texts = []
    for topic, payload in heard:
        published = Published(topic, payload)
        if box.hear(published, received=AT, now_s=0) is None:
            texts.append((topic, payload.decode()))
    bodies = box.bodies()
    assert len(bodies) == (1 if texts else 0)
    for body in bodies:
        assert body.text.isascii()
        assert not any(character < " " and character not in "\t\n\r" for character in body.text)
        content = msgspec.json.decode(body.text)
        assert content["house"] == "Küche \N{BATHTUB}"
        assert len(content["messages"]) == len(texts)
        for entry, (topic, text) in zip(content["messages"], texts, strict=True):
            assert entry["topic"] == topic
            assert entry["received_at"] == "2026-11-22T07:14:57.250Z"
            assert same(parsed(entry["payload"]), parsed(text))


def same(one: Any, other: Any) -> bool:
    return one == other or repr(one) == repr(other)


def test_an_entry_is_a_message_of_the_envelope_as_the_drain_reads_it() -> None:
    entry = entry_of(Published("zigbee2mqtt/bath", b'{"humidity":51.2}', qos=1, mid=3), received=AT)
    content = json.loads(f'{{"house":"h1","messages":[{entry}]}}')
    (found,) = open_envelope(content, received=SENT)
    assert isinstance(found, Opened)
    assert (found.heard.topic, found.heard.payload, found.stamp.house) == ("zigbee2mqtt/bath", {"humidity": 51.2}, "h1")
    assert found.heard.received == AT.replace(microsecond=250_000)
    assert not found.heard.retain


def test_a_clock_that_was_not_set_tells_no_time() -> None:
    entry = entry_of(Published("a", b"21.5"), received=datetime(1970, 1, 1, 0, 3, tzinfo=UTC))
    assert json.loads(entry) == {"topic": "a", "payload": "21.5"}


RETAINED = [
    ("zigbee2mqtt/bath", {"temperature": 21, "last_seen": "2026-11-22T07:00:00Z"}, True),
    ("zigbee2mqtt/bath", {"temperature": 21}, False),
    ("zigbee2mqtt/bridge/state", {"state": "online"}, False),
    ("homeassistant/sensor/bath/config", {"name": "bath", "device_class": "humidity"}, False),
    ("roomidity", {"room": "bath", "ts": "2026-11-22T07:00:00Z", "temperature": 21}, True),
    ("roomidity", {"room": "bath", "temperature": 21}, False),
    ("roomidity", {"ts": 1_795_331_695, "readings": [{"room": "bath", "temperature": 21}]}, True),
    ("roomidity", {"readings": [{"room": "bath", "temperature": 21}, 7]}, False),
    ("shellies/bath/sensor/temperature", 21.5, False),
    ("esphome/bath/sensor/humidity/state", "51", False),
]


@pytest.mark.parametrize(("topic", "payload", "has_time"), RETAINED)
def test_of_the_brokers_store_only_what_has_a_time_of_its_own_is_carried(
    topic: str, payload: Any, has_time: bool
) -> None:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    assert has_own_time(topic, text, received=AT) == has_time
    entry = entry_of(Published(topic, text.encode(), qos=1, mid=1, retain=True), received=AT)
    assert entry == LeftOut.RETAINED if not has_time else entry.endswith('"retain":true}')
    assert not isinstance(entry_of(Published(topic, text.encode()), received=AT), LeftOut)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20), payloads)
def test_a_retained_message_of_any_form_is_judged(topic: str, payload: bytes) -> None:
    assert isinstance(entry_of(Published(topic, payload, retain=True), received=AT), str)


def test_a_topic_that_is_not_utf8_goes_nowhere() -> None:
    assert entry_of(Published(None, b"21.3"), received=AT) == LeftOut.NOT_UTF8


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "", "$SYS"]), min_size=1, max_size=4).map("/".join))
def test_filters_match_what_brokers_say_they_do(topic: str) -> None:
    levels = topic.split("/")
    hidden = topic.startswith("$")
    assert matches(topic, topic)
    assert matches("#", topic) != hidden
    assert matches("$share/group/#", topic) != hidden
    assert matches("/".join([levels[0], *["+"] * (len(levels) - 1)]), topic)
    assert matches(f"{topic}/#", topic)
    assert matches(f"{levels[0]}/#", topic)
    assert not matches(f"{topic}/c", topic)
    assert not matches("c/#", topic)


@pytest.mark.parametrize("text", ["", "a/#/b", "#a", "a+/b", "$share/", "$share/g", "$share/+/a", "a\0b", "x" * 70_000])
def test_what_is_no_filter(text: str) -> None:
    assert not is_filter(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mqtt://user:secret@host", "password"),
        ("mqtt://user:se/cret@host", "cannot be read|password"),
        ("mqtt://user:12/cret@host", "password"),
        ("user:secret@host", "password"),
        ("mqtt://user#secret@host", "password"),
        ("http://host", "expected mqtt://"),
        ("host", "expected mqtt://"),
        ("mqtt://", "expected mqtt://"),
        ("mqtt://host:99999", "cannot be read"),
        ("mqtt://host:0", "port 0"),
        ("mqtt://[::1", "cannot be read"),
        ("mqtt://host/topic", "expected mqtt://"),
        ("", "expected mqtt://"),
    ],
)
def test_an_address_that_is_none_says_what_is_expected_and_no_password(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as found:
        Address.parse(text)
    assert "cret" not in str(found.value)


def test_an_address_is_shown_without_its_user() -> None:
    assert str(Address.parse("mqtts://me@host")) == "mqtts://host:8883"
    assert str(Address.parse("mqtt://[::1]:1884")) == "mqtt://[::1]:1884"
    assert Address.parse("mqtt://m%40e@host").user == "m@e"


def test_settings_of_a_broker_that_lose_messages_are_told() -> None:
    assert dangers(Linked(session_present=False), {"#": 1}) == []
    assert dangers(Linked(session_present=False, expiry_s=SESSION_S), {"#": 1}) == []
    (short,) = dangers(Linked(session_present=True, expiry_s=3600), {"#": 1})
    assert "for 3600 s, not for the 7 days" in short
    (low,) = dangers(Linked(session_present=False, maximum_qos=0), {"#": 0})
    assert "no QoS above 0" in low
    (granted,) = dangers(Linked(session_present=False), {"a/#": 0, "b/#": 1})
    assert "grants a/# at QoS 0 only" in granted
