"""`roomidity translate`: what the drain would make of a message, with no endpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from roomidity.cli.app import roomidity

TOPIC = "zigbee2mqtt/den"
MESSAGE = {"temperature": 20.55, "humidity": 41, "linkquality": 9}
AT = "2026-03-10T18:30:05.500Z"


def run(payload: Any, *arguments: str, devices: str | None = None, topic: str = TOPIC, tmp: Path) -> dict[str, Any]:
    message = tmp / "message"
    message.write_text(payload if isinstance(payload, str) else json.dumps(payload), "utf-8")
    options = ["--topic", topic, "--received-at", AT, "--json", *arguments]
    if devices is not None:
        (tmp / "map").write_text(devices, "utf-8")
        options += ["--devices", str(tmp / "map")]
    done = CliRunner().invoke(roomidity, ["translate", *options, str(message)])
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_it_answers_with_readings_and_whose_time_they_bear(tmp_path: Path) -> None:
    answer = run(MESSAGE, "--house", "h9", devices='"zigbee2mqtt/den" = "den"', tmp=tmp_path)
    assert answer == {
        "readings": [
            {
                "house": "h9",
                "room": "den",
                "sensor": "z2m-den",
                "ts": AT,
                "temperature": 20.55,
                "humidity": 41.0,
                "ts_from": "received",
            }
        ],
        "rejected": [],
        "dialect": "zigbee2mqtt",
    }


def test_json_is_a_map_too_and_a_house_need_not_be_named(tmp_path: Path) -> None:
    answer = run(MESSAGE, devices='{"zigbee2mqtt/den": {"room": "den", "quantity": "humidity"}}', tmp=tmp_path)
    (reading,) = answer["readings"]
    assert reading["house"] is None
    assert "temperature" not in reading


@pytest.mark.parametrize(
    ("payload", "arguments", "expected"),
    [
        (MESSAGE, ["--retain"], [{"reason": "retained"}]),
        ({"state": "ON", "linkquality": 1}, [], [{"reason": "no_reading"}]),
        ({**MESSAGE, "humidity": 130}, [], [{"reason": "implausible", "device": TOPIC}]),
        (
            {"humidity": 40, "linkquality": 1, "last_seen": "2026-03-10T19:00:00Z"},
            [],
            [{"reason": "future", "device": TOPIC}],
        ),
        ({"room": "den", "ts": AT, "house": "h8", "humidity": 4}, ["--house", "h9"], [{"reason": "house_conflict"}]),
        ({"room": "den", "ts": "noon", "humidity": 40}, [], [{"reason": "bad_time"}]),
        ({"messages": [3]}, [], [{"reason": "malformed"}]),
        ("offline", [], [{"reason": "no_reading"}]),
        ("", [], [{"reason": "no_reading"}]),
    ],
    ids=str,
)
def test_it_says_why_there_is_no_reading(payload: Any, arguments: list[str], expected: Any, tmp_path: Path) -> None:
    answer = run(payload, *arguments, devices='"zigbee2mqtt/den" = "den"', tmp=tmp_path)
    assert (answer["readings"], answer["rejected"]) == ([], expected)


def test_a_device_without_a_room_is_named(tmp_path: Path) -> None:
    assert run(MESSAGE, tmp=tmp_path)["rejected"] == [{"reason": "unmapped", "device": TOPIC}]


def test_a_number_that_can_only_be_fahrenheit_is_a_wrong_unit(tmp_path: Path) -> None:
    topic = "shellies/shellyht-1/sensor/temperature"
    answer = run("69.4", devices='"shellyht-1" = "den"', topic=topic, tmp=tmp_path)
    assert answer["rejected"] == [{"reason": "unit", "device": "shellyht-1"}]


def test_it_reads_standard_input_and_prints_a_table(tmp_path: Path) -> None:
    (tmp_path / "map").write_text('"zigbee2mqtt/den" = "den"')
    options = ["--topic", TOPIC, "--received-at", AT, "--house", "h9", "--devices", str(tmp_path / "map"), "-"]
    done = CliRunner().invoke(roomidity, ["translate", *options], input=json.dumps(MESSAGE))
    assert done.exit_code == 0, done.output
    assert all(word in done.output for word in ("zigbee2mqtt", "z2m-den", "received", "20.55"))


@pytest.mark.parametrize("text", ["x = [", '{"a": 5}', "a = 5", "{"], ids=str)
def test_a_map_that_is_none_fails_with_what_is_wrong(text: str, tmp_path: Path) -> None:
    (tmp_path / "map").write_text(text)
    (tmp_path / "message").write_text("{}")
    options = ["--topic", TOPIC, "--devices", str(tmp_path / "map"), str(tmp_path / "message")]
    done = CliRunner().invoke(roomidity, ["translate", *options])
    assert done.exit_code == 1
    assert "expected" in done.output or "neither TOML nor JSON" in done.output
