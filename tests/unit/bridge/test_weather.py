"""Home Assistant's forecast through the bridge: in the queue's form, a body of its own, acknowledged like any other."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from roomidity.bridge.entries import LeftOut, Published
from roomidity.bridge.outbox import Outbox, Receipt
from roomidity.bridge.weather import weather_body
from roomidity.cli.bridge import _with_topic
from roomidity.domain.houses import House
from roomidity.errors import InputError
from tests.fakes import World
from tests.unit.pipeline.test_weather import drained

AT: Final = datetime(2026, 11, 22, 7, 14, 57, tzinfo=UTC)
TOPIC: Final = "roomidity/weather"


def forecast(hours: int = 48, *, ahead: int = 1, **more: Any) -> dict[str, Any]:
    """As the automation in docs/bridge.md publishes it."""
    first = AT.replace(minute=0, second=0) + ahead * timedelta(hours=1)
    listed = [
        {
            "datetime": (first + number * timedelta(hours=1)).isoformat(),
            "condition": "rainy",
            "temperature": 5 + number / 4,
            "humidity": 80,
        }
        for number in range(hours)
    ]
    now = {"temperature": 4.0, "humidity": 90, "temperature_unit": "°C"}
    return {"forecast": listed, "issued_at": "2026-11-22T08:05:00.123456+01:00", **now, **more}


def weather(payload: Any) -> dict[str, Any]:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    body = json.loads(weather_body(content, house="h1", received=AT))
    assert body["house"] == "h1"
    found: dict[str, Any] = body["weather"]
    return found


def test_48_hours_from_the_next_on_and_the_present_one_are_49() -> None:
    found = weather(forecast())
    assert found["issued_at"] == "2026-11-22T07:05:00Z"
    assert (found["times"][0], found["times"][-1]) == ("2026-11-22T07:00:00Z", "2026-11-24T07:00:00Z")
    assert (found["temperature"][:2], found["humidity"][:2]) == ([4.0, 5.0], [90.0, 80.0])


def test_longer_ones_are_cut_and_fahrenheit_is_converted() -> None:
    found = weather(forecast(168, ahead=0, temperature_unit="°F"))
    assert len(found["times"]) == 49
    assert found["temperature"][0] == -15.0


@pytest.mark.parametrize(
    "payload",
    [
        b"sunny",
        b"[]",
        b"{}",
        b"\xff",
        forecast(0),
        forecast(40),
        forecast(48, temperature=None),
        forecast(48, ahead=2),
        forecast(49, temperature_unit="K"),
        forecast(49) | {"forecast": [{"datetime": AT.isoformat(), "temperature": 5}] * 49},
        forecast(49) | {"forecast": [{"datetime": "tomorrow", "temperature": 5, "humidity": 80}] * 49},
        forecast(49, issued_at="2027-01-01T00:00:00+00:00"),
        {**forecast(49), "forecast": [{**one, "humidity": 120} for one in forecast(49)["forecast"]]},
    ],
)
def test_what_is_no_such_forecast_is_refused_with_what_was_expected(payload: Any) -> None:
    with pytest.raises(InputError, match="expected"):
        weather(payload)


def test_it_is_queued_alone_among_others_taken_in_by_the_drain_and_acknowledged_in_order() -> None:
    box = Outbox("h1", flush_s=30, weather_topic=TOPIC)
    payloads = [("a/b", b'{"humidity":50}'), (TOPIC, json.dumps(forecast()).encode()), ("a/b", b'{"humidity":51}')]
    for mid, (topic, payload) in enumerate(payloads, start=1):
        assert box.hear(Published(topic, payload, qos=1, mid=mid), received=AT, now_s=0.0) is None
    assert box.hear(Published(TOPIC, b"sunny", qos=1, mid=4), received=AT, now_s=0.0) == LeftOut.NO_WEATHER
    retained = Published(TOPIC, payloads[1][1], qos=1, mid=5, retain=True)
    assert box.hear(retained, received=AT, now_s=0.0) == LeftOut.RETAINED
    bodies = box.bodies()
    assert [json.loads(body.text).keys() & {"messages", "weather"} for body in bodies] == [
        {"messages"},
        {"weather"},
        {"messages"},
    ]
    for body in bodies:
        box.take(body)
    assert box.acknowledgements() == [Receipt(mid, 1) for mid in range(1, 6)]
    world = World()
    world.houses.put(House("h1", "UTC", admitted_at=AT))
    world.readings.send([bodies[1].text], sent=AT)
    assert drained(world, AT.replace(minute=15, second=0)).outcomes["stored"] == 1


def test_the_topic_is_asked_for_once() -> None:
    assert _with_topic(("#",), TOPIC) == ("#",)
    assert _with_topic(("zigbee2mqtt/#",), TOPIC) == ("zigbee2mqtt/#", TOPIC)
    assert _with_topic(("zigbee2mqtt/#",), None) == ("zigbee2mqtt/#",)
