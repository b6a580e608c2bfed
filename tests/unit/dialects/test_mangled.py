"""Messages as no device sends them: nothing raises, nothing comes of another house, and what is stored was checked."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.dialects import open_envelope, parse_devices, translate
from roomidity.dialects.bodies import own_form, with_faults
from roomidity.domain.messages import Message
from roomidity.domain.slots import floor_slot, to_epoch_ms
from roomidity.readings import check
from roomidity.readings.careful import decode_with_care
from roomidity.readings.wire import Decoded
from tests.unit.dialects.test_dialects import CASES, RECEIVED

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        [
            "nan",
            "Infinity",
            "1e999",
            "21,5 °F",
            "2026-13-45T99:00:00",
            "h8",
            "/",
            "#",
            "\ud800",
            "\x00",
            "x" * 700,
            "0x",
            "urn:",
            "zigbee2mqtt/",
        ]
    ),
    st.just([]),
    st.just({}),
    st.just([{}]),
    st.just({"house": "h8"}),
    st.just({"temperature": {"value": "21"}}),
)
MOST = settings(max_examples=80, deadline=None)


@st.composite
def mangled(draw: st.DrawFn) -> tuple[str, Any, Any]:
    """A good message of which some values, keys or levels of the topic are something else; with its device map."""
    topic, payload, devices, _ = CASES[draw(st.sampled_from(sorted(CASES)))]
    content = json.loads(json.dumps(payload))
    for _ in range(draw(st.integers(1, 3))):
        content = _mangle(draw, content)
    levels = topic.split("/")
    if draw(st.booleans()):
        levels[draw(st.integers(0, len(levels) - 1))] = draw(
            st.one_of(st.text(max_size=5), st.sampled_from(["", "state", "homie", "$", "Datastreams(", "["]))
        )
    return "/".join(levels), content, devices


def _mangle(draw: st.DrawFn, content: Any) -> Any:
    if isinstance(content, dict) and content and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(content)))
        change = draw(st.sampled_from(["value", "value", "value", "drop", "add", "rename"]))
        if change == "value":
            return {**content, key: _mangle(draw, content[key])}
        rest = {name: value for name, value in content.items() if name != key}
        if change == "drop":
            return rest
        return (
            {
                **content,
                draw(
                    st.sampled_from(["house", "room", "readings", "messages", "topic", "payload", "device", "ts", "id"])
                ): draw(ODD),
            }
            if change == "add"
            else {**rest, draw(st.text(max_size=5)): content[key]}
        )
    if isinstance(content, list) and content and draw(st.booleans()):
        place = draw(st.integers(0, len(content) - 1))
        return [*content[:place], _mangle(draw, content[place]), *content[place + 1 :]]
    return draw(ODD)


@MOST
@given(mangled(), st.booleans(), st.booleans())
def test_no_message_raises_and_none_is_of_another_house(
    message: tuple[str, Any, Any], retain: bool, as_text: bool
) -> None:
    topic, payload, devices = message
    inner = json.dumps(payload) if as_text else payload
    envelope = {"house": "h9", "messages": [{"topic": topic, "payload": inner, "retain": retain}]}
    known = parse_devices(devices)
    found = open_envelope(json.dumps(envelope), received=RECEIVED)
    translation = translate(found, devices=lambda _house: known, zones=lambda _house: "Europe/Vienna")
    sent = Message("m", "", to_epoch_ms(RECEIVED), "")
    own, faults = own_form(sent, translation.readings, translation.broken)
    rows = decode_with_care([own])
    assert len(rows) == len(translation.readings) + len(translation.broken)
    rows = with_faults(rows, {(0, position): reason for position, reason in faults.items()})
    checked = check(Decoded([own], rows), now=floor_slot(RECEIVED))
    assert set(checked.accepted["house"]) <= {"h9"}
    assert len(checked.accepted) + len(checked.rejected) == len(rows)
