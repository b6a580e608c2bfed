"""What Home Assistant is told: devices, entities and states from the API's own answers, asked once a tick."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roomidity.bridge.announcing import Announcer
from roomidity.bridge.discovery import MAX_ATTRIBUTE_BYTES, announcements, is_own, status_topic
from roomidity.bridge.entries import LeftOut, Published
from roomidity.bridge.outbox import Outbox
from roomidity.bridge.reading_api import ApiReader, check_api_url
from roomidity.domain.slots import parse_time
from roomidity.errors import BridgeError, InputError
from tests.api import NOW, ApiWorld


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """The API's own, of a house with two rooms and air outside."""
    world = ApiWorld()
    world.house("h1", "bath", "Küche", "outdoor")
    return {what: world.of("h1", f"/{what}").json for what in ("forecasts", "notices")}


@pytest.fixture(scope="module")
def advised() -> dict[str, Any]:
    """The same, of a stage that advises."""
    world = ApiWorld()
    world.house("h1", "bath", "Küche", "outdoor")
    return {what: world.of("h1", f"/{what}").json for what in ("forecasts", "notices", "advice")}


def told(answers: dict[str, Any], *, at: datetime = NOW) -> dict[str, Any]:
    advice = answers.get("advice")
    found = announcements(answers["forecasts"], answers["notices"], at=at, version="1.2.3", advice=advice)
    return {topic: json.loads(text) if text[0] == "{" else text for topic, text in found.items()}


def component(found: dict[str, Any], key: str, room: str = "bath") -> dict[str, Any]:
    (device,) = (one for topic, one in found.items() if topic.endswith("/config") and one["dev"]["name"] == room)
    return dict(device["cmps"][key])


def state_of(found: dict[str, Any], key: str, room: str = "bath") -> Any:
    """What an entity's template takes out of what its topic holds."""
    of = component(found, key, room)
    name = of["val_tpl"].strip("{} ").removeprefix("value_json.")
    return found[of["stat_t"]][name]


def test_there_is_a_device_for_the_house_and_one_for_each_room_in_its_area(answers: dict[str, Any]) -> None:
    found = told(answers)
    devices = [one for topic, one in found.items() if topic.startswith("homeassistant/device/")]
    assert [one["dev"]["name"] for one in devices] == ["h1", "Küche", "bath"]
    assert [one["dev"].get("sa") for one in devices] == [None, "Küche", "bath"]
    (house,) = devices[0]["dev"]["ids"]
    assert all(one["dev"]["via_device"] == house for one in devices[1:])
    for one in devices:
        assert one["o"]["name"] == "roomidity"
        assert one["cmps"]
        for part in one["cmps"].values():
            assert {"p", "unique_id", "default_entity_id", "stat_t"} <= part.keys()
    unique = Counter(part["unique_id"] for one in devices for part in one["cmps"].values())
    assert set(unique.values()) == {1}
    topics = [topic for topic in found if topic.startswith("homeassistant/")]
    assert all(topic.isascii() and topic.count("/") == 3 for topic in topics)


def test_every_topic_that_is_named_is_published(answers: dict[str, Any]) -> None:
    found = told(answers)
    for topic, one in found.items():
        if topic.endswith("/config"):
            available = [one["avty_t"]] if "avty_t" in one else [place["t"] for place in one["avty"]]
            named = {part[key] for part in one["cmps"].values() for key in ("stat_t", "json_attr_t") if key in part}
            assert {*named, *available} <= {*found, status_topic("h1")}
    assert all(is_own(topic) for topic in found)


def test_a_room_s_states_are_those_of_the_api(answers: dict[str, Any]) -> None:
    found = told(answers)
    (room,) = (one for one in answers["forecasts"]["rooms"] if one["room"] == "bath")
    assert state_of(found, "humidity_now") == room["humidity"]["value"]
    assert state_of(found, "temperature_now") == room["temperature"]["value"]
    median = room["forecast"]["humidity"]["p50"]
    assert state_of(found, "humidity_max") == max(median)
    at = parse_time(room["forecast"]["first_slot"]) + median.index(max(median)) * timedelta(minutes=15)
    assert parse_time(state_of(found, "humidity_max_at")) == at
    assert state_of(found, "damp_risk") == 0
    assert state_of(found, "mould_hours") == room["derived"]["surface"]["risk_hours_ahead"]
    attributes = found[component(found, "humidity_max")["json_attr_t"]]["humidity"]
    assert {name: attributes[name] for name in ("p10", "p50", "p90")} == room["forecast"]["humidity"]
    assert len(json.dumps(attributes)) < 3_000


def test_notices_are_on_where_there_are_any_and_say_what_they_are(answers: dict[str, Any]) -> None:
    found = told(answers)
    (one,) = found[component(found, "notices")["stat_t"]]["notices"]
    assert one["text"] == "bath: over 70 %RH until 09:15, 80 % likely"
    house = found[component(found, "notices", "h1")["stat_t"]]
    assert house["count"] == 3
    quiet = told(answers | {"notices": answers["notices"] | {"open": []}})
    assert quiet["roomidity-forecast/h1/bath/notices"]["notices"] == []


def test_attributes_fit_what_home_assistant_records(answers: dict[str, Any]) -> None:
    (one, *_) = answers["notices"]["open"]
    many = [one | {"text": "ü" * 2_000, "room": "bath"}] * 60
    found = announcements(answers["forecasts"], {"open": many}, at=NOW, version="1")
    assert max(len(text.encode()) for topic, text in found.items() if "/config" not in topic) < MAX_ATTRIBUTE_BYTES
    assert json.loads(found["roomidity-forecast/h1/bath/notices"])["count"] == 60


def test_a_forecast_issued_with_a_window_open_says_so(answers: dict[str, Any]) -> None:
    rooms = answers["forecasts"]["rooms"]
    window = {"open_since": "2026-03-15T07:53:00Z", "text": "forecast with the window open"}
    aired = [
        one | {"forecast": one["forecast"] | {"window": window}} if one["room"] == "bath" else one for one in rooms
    ]
    found = told(answers | {"forecasts": answers["forecasts"] | {"rooms": aired}})
    attributes = found["roomidity-forecast/h1/bath/forecast"]
    assert {one["window_open_since"] for one in attributes.values()} == {"2026-03-15T07:53:00Z"}
    assert "window_open_since" not in told(answers)["roomidity-forecast/h1/bath/forecast"]["humidity"]


def test_a_forecast_of_over_an_hour_makes_its_room_unavailable(answers: dict[str, Any]) -> None:
    issued = parse_time(answers["forecasts"]["rooms"][0]["forecast"]["issued_at"])
    for age_min, status in ((60, "online"), (61, "offline")):
        found = told(answers, at=issued + timedelta(minutes=age_min))
        assert found["roomidity-forecast/h1/bath/status"] == status


def test_a_room_that_measures_one_quantity_has_entities_of_that_alone(answers: dict[str, Any]) -> None:
    room = next(one for one in answers["forecasts"]["rooms"] if one["room"] == "bath")
    dry = room | {"humidity": None, "forecast": room["forecast"] | {"humidity": None}, "derived": {}}
    found = told(answers | {"forecasts": answers["forecasts"] | {"rooms": [dry]}})
    (device,) = (one for topic, one in found.items() if topic.endswith("/config") and one["dev"]["name"] == "bath")
    assert device["cmps"].keys() == {"notices", "temperature_now", "temperature_max"}
    unheard = told(answers | {"forecasts": answers["forecasts"] | {"rooms": [room | {"forecast": None}]}})
    assert state_of(unheard, "humidity_max") is None
    assert unheard["roomidity-forecast/h1/bath/status"] == "offline"


# ---- When it asks, and what it publishes.


class FakeReader:
    """Answers, or fails while ``away``."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.away = False
        self.asked: list[str] = []

    def read(self, path: str) -> dict[str, Any]:
        self.asked.append(path)
        if self.away:
            raise BridgeError("no network")
        if (what := path.rpartition("/")[2]) not in self.answers:
            raise BridgeError("404")
        return dict(self.answers[what])


class FakePublisher:
    def __init__(self) -> None:
        self.connections = 1
        self.messages: list[tuple[str, str]] = []

    def publish(self, topic: str, payload: str) -> None:
        self.messages.append((topic, payload))


class Scene:
    """An announcer whose clock stands at NOW until it is moved."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.now = NOW
        self.reader, self.publisher = FakeReader(answers), FakePublisher()
        self.announcer = Announcer("h1", self.reader, self.publisher, random.Random(1), lambda: self.now, version="1")

    def after(self, **span: float) -> dict[str, str]:
        """What is published by then."""
        self.publisher.messages.clear()
        self.now += timedelta(**span)
        self.announcer.step()
        return dict(self.publisher.messages)


@pytest.fixture
def scene(answers: dict[str, Any]) -> Scene:
    return Scene(answers)


def test_it_asks_once_a_tick_and_publishes_only_what_has_changed(scene: Scene) -> None:
    first = scene.after()
    assert first[status_topic("h1")] == "online"
    assert len(first) == 1 + 3 + 1 + 2 * 4
    assert scene.after(minutes=1) == {}
    assert len(scene.reader.asked) == 3
    assert scene.after(minutes=15) == {}, "nothing has changed"
    assert len(scene.reader.asked) == 6
    scene.reader.answers = scene.reader.answers | {"notices": {**scene.reader.answers["notices"], "open": []}}
    assert set(scene.after(minutes=15)) == {
        "roomidity-forecast/h1/notices", "roomidity-forecast/h1/bath/notices", "roomidity-forecast/h1/Küche/notices",
    }  # fmt: skip


def test_while_the_api_is_away_it_tries_again_and_forecasts_become_unavailable(scene: Scene) -> None:
    scene.after()
    scene.reader.away = True
    changed: dict[str, str] = {}
    for _ in range(80):
        changed |= scene.after(minutes=1)
    assert changed == {f"roomidity-forecast/h1/{room}/status": "offline" for room in ("bath", "Küche")}
    assert 6 < len(scene.reader.asked) < 20, "less and less often"


def test_after_another_connection_everything_is_published_anew(scene: Scene) -> None:
    first = scene.after()
    scene.publisher.connections = 2
    assert scene.after(seconds=1) == first


def test_a_room_that_is_gone_is_removed(scene: Scene) -> None:
    scene.after()
    rooms = [one for one in scene.reader.answers["forecasts"]["rooms"] if one["room"] != "bath"]
    scene.reader.answers = scene.reader.answers | {"forecasts": {**scene.reader.answers["forecasts"], "rooms": rooms}}
    gone = {topic for topic, payload in scene.after(minutes=15).items() if payload == ""}
    assert len(gone) == 5
    assert all("bath" in topic for topic in gone)


def test_of_another_house_s_token_nothing_is_published(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    for answer in scene.reader.answers.values():
        assert answer["house"] == "h1"
    scene.reader.answers = {name: one | {"house": "h2"} for name, one in scene.reader.answers.items()}
    assert scene.after() == {}
    assert "the token is of house 'h2'" in caplog.text


def test_what_a_bridge_tells_is_never_carried_as_a_reading() -> None:
    box = Outbox("h1", max_bytes=1000, flush_s=1)
    message = Published("roomidity-forecast/h1/bath/state", b'{"humidity": 50}', qos=1, mid=1)
    assert box.pass_over(message, now_s=0, why=LeftOut.OWN) is LeftOut.OWN
    assert (box.counts["own"], box.waiting) == (1, 0)


@pytest.mark.parametrize(
    "address", ["http://example.com", "ftp://example.com", "https://", "https://user:pw@example.com", "https://[", "x"]
)
def test_an_address_that_would_give_the_token_away_is_refused(address: str) -> None:
    with pytest.raises(InputError):
        check_api_url(address)
    assert check_api_url("https://example.com/") == "https://example.com"
    assert check_api_url("http://127.0.0.1:4567") == "http://127.0.0.1:4567"


@pytest.mark.parametrize("content", ["", "no token", "rm1.h1.a b", "rm1.h1.\n\nx"])
def test_a_file_without_a_token_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content)
    with pytest.raises(BridgeError, match="holds no token"):
        ApiReader("http://127.0.0.1:1", tmp_path / "token").read("/v1/house")


def advice_of_room(found: dict[str, Any], room: str = "bath") -> dict[str, Any]:
    return dict(found[f"roomidity-forecast/h1/{room}/advice"])


def test_what_is_advised_is_told_and_a_window_is_off_in_time_though_nothing_newer_is_heard(
    advised: dict[str, Any],
) -> None:
    scene = Scene(advised)
    issued = parse_time(scene.reader.answers["advice"]["issued_at"])
    scene.now = issued + timedelta(minutes=10)
    state = json.loads(scene.after()["roomidity-forecast/h1/bath/advice"])
    assert (state["air"], state["until"]) == (True, "2026-03-15T08:30:00Z")
    assert len(state["plan"]["airings"]) == 2
    scene.reader.away = True
    scene.now = issued + timedelta(minutes=29, seconds=59)
    assert "roomidity-forecast/h1/bath/advice" not in scene.after()
    closed = json.loads(scene.after(seconds=1)["roomidity-forecast/h1/bath/advice"])
    assert (closed["air"], closed["until"], closed["text"]) == (False, None, None)
    outdated: dict[str, str] = {}
    for _ in range(75):
        outdated |= scene.after(minutes=1)
    assert json.loads(outdated["roomidity-forecast/h1/bath/advice"])["air"] is None


def test_entities_of_advice_stand_where_there_is_some(advised: dict[str, Any], answers: dict[str, Any]) -> None:
    found = told(advised)
    air = component(found, "air_now")
    assert air["default_entity_id"] == "binary_sensor.h1_bath_air_now"
    assert air["stat_t"] == "roomidity-forecast/h1/bath/advice"
    assert component(found, "next_airing")["dev_cla"] == "timestamp"
    assert component(found, "dehumidify_now", "Küche")["p"] == "binary_sensor"
    with pytest.raises(KeyError):
        component(found, "dehumidify_now")
    older = told(answers)
    with pytest.raises(KeyError):
        component(older, "air_now")
    assert "roomidity-forecast/h1/bath/advice" not in older


def test_an_api_that_knows_no_advice_costs_nothing_else(scene: Scene) -> None:
    first = scene.after()
    assert first[status_topic("h1")] == "online"
    assert not any(topic.endswith("/advice") for topic in first)
