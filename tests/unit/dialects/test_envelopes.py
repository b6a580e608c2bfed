"""Envelopes of bridges and rules: what is inside, whose house confines it, and what of them is broken."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from roomidity.dialects import Translation, open_envelope, parse_devices, translate
from roomidity.dialects.bodies import own_form
from roomidity.dialects.envelopes import from_base64
from roomidity.domain.messages import Message
from roomidity.domain.slots import to_epoch_ms
from roomidity.readings.careful import decode_with_care

SENT = datetime(2026, 3, 10, 18, 30, 9, tzinfo=UTC)
KNOWN = parse_devices({"zigbee2mqtt/den": "den", "me/shed": "shed"})
DEN = {"humidity": 41.5, "linkquality": 1}
MS = 1_773_167_405_500
AT = "2026-03-10T18:30:05.500Z"


def translated(content: Any, house: Any = None) -> Translation:
    found = open_envelope(content, received=SENT, house=house)
    return translate(
        found, devices=lambda name: KNOWN if name == "h9" else parse_devices({}), zones=lambda _house: "UTC"
    )


def rows(content: Any) -> list[tuple[Any, ...]]:
    """House, room, sensor, time, humidity and fault as the drain would go on with them."""
    translation = translated(content)
    sent = Message("m", "", to_epoch_ms(SENT), "")
    message, faults = own_form(sent, translation.readings, translation.broken)
    decoded = decode_with_care([message]).select("house", "room", "sensor", "ts", "humidity", "fault")
    return [(*row[:-1], faults.get(place, row[-1])) for place, row in enumerate(decoded.iter_rows())]


GOOD = ("h9", "den", "z2m-den", AT, 41.5, None)


@pytest.mark.parametrize(
    "content",
    [
        {"house": "h9", "messages": [{"topic": "zigbee2mqtt/den", "received_at": AT, "payload": DEN}]},
        {
            "house": "h9",
            "messages": [{"topic": "zigbee2mqtt/den", "received_at": AT, "payload": json.dumps(DEN), "retain": False}],
        },
        {"house": "h9", "messages": [{"topic": "zigbee2mqtt/den", "received_at": MS, "payload": DEN, "qos": 1}]},
        {"house": "h9", "topic": "zigbee2mqtt/den", "timestamp": MS, **DEN},
        {"house": "h9", "topic": "zigbee2mqtt/den", "received_at": MS, **DEN},
        {"house": "h9", "topic": "zigbee2mqtt/den", "ts": MS, "payload": DEN},
        {"house": "h9", "topic": "zigbee2mqtt/den", "timestamp": MS, "payload": json.dumps(DEN)},
        {
            "house": "h9",
            "topic": "zigbee2mqtt/den",
            "timestamp": MS,
            "payload": base64.b64encode(json.dumps(DEN).encode()).decode(),
        },
        {"house": "h9", "topic": "again/1", "payload": {"topic": "zigbee2mqtt/den", "timestamp": MS, "payload": DEN}},
        {"house": "h9", "topic": "again/zigbee2mqtt/den", "timestamp": MS, **DEN},
        base64.b64encode(
            json.dumps({"house": "h9", "topic": "zigbee2mqtt/den", "timestamp": MS, **DEN}).encode()
        ).decode(),
    ],
    ids=lambda content: str(content)[:90],
)
def test_what_is_inside_is_found_with_the_time_at_which_it_came(content: Any) -> None:
    assert rows(content) == [GOOD]
    assert rows(json.dumps(content) if isinstance(content, dict) else content) == [GOOD]


def test_without_a_time_of_its_own_a_message_came_when_the_envelope_was_sent() -> None:
    assert (
        rows({"house": "h9", "messages": [{"topic": "zigbee2mqtt/den", "payload": DEN}]})[0][3]
        == "2026-03-10T18:30:09Z"
    )


def test_messages_count_each_for_itself() -> None:
    messages: list[Any] = [
        {"topic": "zigbee2mqtt/den", "received_at": AT, "payload": DEN},
        {"topic": "zigbee2mqtt/lamp", "received_at": AT, "payload": {"state": "ON", "linkquality": 9}},
        {"topic": "zigbee2mqtt/den", "received_at": AT, "payload": DEN, "retain": True},
        {"topic": "zigbee2mqtt/new", "received_at": AT, "payload": DEN},
        7,
        {"topic": "zigbee2mqtt/den"},
        {"topic": "zigbee2mqtt/den", "received_at": "noon", "payload": DEN},
        {"topic": ["zigbee2mqtt/den"], "payload": DEN},
    ]
    found = rows({"house": "h9", "messages": messages})
    assert found[0] == GOOD
    assert [row[-1] for row in found[1:]] == ["unmapped", *["malformed"] * 4]
    translation = translated({"house": "h9", "messages": messages})
    assert (translation.no_reading, translation.retained) == (1, 1)
    assert [one.device for one in translation.unmapped] == ["zigbee2mqtt/new"]


OTHER = ("h8", "den", "s", "2026-03-10T18:30:00Z", 40.0, "house_conflict")
OWN = {"room": "den", "sensor": "s", "ts": "2026-03-10T18:30:00Z", "humidity": 40}


@pytest.mark.parametrize(
    "payload",
    [
        {"house": "h8", **OWN},
        {"house": "h8", "readings": [OWN]},
        {"readings": [{"house": "h8", **OWN}]},
        {"house": "h9", "readings": [{"house": "h8", **OWN}]},
    ],
    ids=str,
)
def test_the_envelopes_house_confines_readings_of_our_own_form(payload: dict[str, Any]) -> None:
    assert rows({"house": "h9", "messages": [{"topic": "t", "payload": payload}]}) == [OTHER]


@pytest.mark.parametrize(
    "content",
    [
        {"house": "h9", "messages": [{"topic": "zigbee2mqtt/den", "payload": {"house": "h8", **DEN}}]},
        {"house": "h9", "messages": [{"house": "h8", "topic": "zigbee2mqtt/den", "payload": DEN}]},
        {"house": "h9", "messages": [{"topic": "t", "payload": {"house": "h8", "topic": "zigbee2mqtt/den", **DEN}}]},
        {
            "house": "h9",
            "messages": [
                {"topic": "t", "payload": {"house": "h8", "messages": [{"topic": "zigbee2mqtt/den", "payload": DEN}]}}
            ],
        },
    ],
    ids=str,
)
def test_what_claims_another_house_is_no_reading_of_either(content: dict[str, Any]) -> None:
    assert [(row[0], row[-1]) for row in rows(content)] == [("h8", "house_conflict")]


def test_our_own_form_is_taken_as_it_is_and_without_a_time_bears_that_of_receiving() -> None:
    own = {"room": "den", "humidity": "40,5"}
    assert rows({"house": "h9", "messages": [{"topic": "t", "received_at": AT, "payload": own}]}) == [
        ("h9", "den", None, AT, 40.5, None)
    ]
    assert rows({"house": "h9", "messages": [{"topic": "t", "received_at": AT, "payload": own, "retain": True}]}) == []


def test_a_kept_reading_of_a_device_is_mapped_when_a_map_knows_it() -> None:
    kept = {"device": "zigbee2mqtt/den", "ts": "2026-03-10T18:00:00Z", "ts_from": "device", "humidity": 41.5}
    new = {**kept, "device": "zigbee2mqtt/new"}
    found = rows({"house": "h9", "messages": [kept, new]})
    assert found == [
        ("h9", "den", "z2m-den", "2026-03-10T18:00:00Z", 41.5, None),
        ("h9", None, None, "2026-03-10T18:00:00Z", 41.5, "unmapped"),
    ]


def test_what_is_kept_of_a_device_is_what_it_would_have_been_with_the_map() -> None:
    maps = {
        "shellyht-1": {"room": "den", "unit": "f"},
        "a/sensor/b_temp": {"room": "den", "quantity": "temperature", "unit": "f"},
    }
    maps |= {"loft/th": {"room": "den", "quantity": "humidity"}, "home/x": {"room": "den", "unit": "k"}}
    heard = [
        {"topic": "shellies/shellyht-1/sensor/temperature", "payload": "68"},
        {"topic": "a/sensor/b_temp/state", "payload": "68"},
        {"topic": "homie/loft/th/temperature", "payload": "20"},
        {"topic": "homie/loft/th/humidity", "payload": "40"},
        {"topic": "home/x", "payload": {"temperature": "68 °F", "humidity": 40}},
        {"topic": "home/x", "payload": {"temperature_f": 68}},
    ]

    def of(messages: list[Any], known: Any) -> Translation:
        found = open_envelope({"house": "h9", "messages": messages}, received=SENT)
        return translate(found, devices=lambda _house: parse_devices(known), zones=lambda _house: "UTC")

    kept = [dict(one.sent) for one in of(heard, {}).readings]
    assert len(kept) == 6
    assert [one.sent for one in of(kept, maps).readings] == [one.sent for one in of(heard, maps).readings]


def test_envelopes_in_envelopes_end() -> None:
    content: Any = {"topic": "zigbee2mqtt/den", "payload": DEN}
    for _ in range(200):
        content = {"topic": "again", "payload": content}
    assert translated(content, "h9").no_reading == 1


@pytest.mark.parametrize(
    "content", ["", "offline", "abcdefgh", "{", "[1,", None, 5, True, [], [1], {}, {"messages": 5}], ids=str
)
def test_what_is_no_envelope_holds_nothing(content: Any) -> None:
    translation = translated(content, "h9")
    assert not translation.readings
    assert not translation.broken


def test_a_number_in_base64_is_one_however_short_and_a_short_word_stays_a_word() -> None:
    """A rule of AWS IoT encodes whatever was published: `51` becomes `NTE=`."""
    assert from_base64("NTE=") == "51"
    assert from_base64("LTEuNQ==") == "-1.5"
    assert [from_base64(text) for text in ("bath", "T04=", "2130", "e30=", "")] == [None] * 5
