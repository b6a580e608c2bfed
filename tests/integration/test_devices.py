"""Devices of a house by their commands, against moto: heard, mapped, brought in; and the map as a file and back."""

from __future__ import annotations

import json
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from roomidity.composition import Stage
from roomidity.domain.slots import format_moment
from tests.integration.stage import Run
from tests.integration.test_repairs import NOW, clock, drained, reading  # noqa: F401  # clock: for every test

AT = format_moment(NOW)


@pytest.fixture(autouse=True)
def at_that_time(clock: Any) -> None:  # noqa: F811  # the fixture
    """SQS's clock is the data's."""


def heard(minute: int, device: str = "zigbee2mqtt/Guest room", **values: float) -> dict[str, Any]:
    at = format_moment(NOW - timedelta(minutes=minute))
    payload = {"linkquality": 1, **(values or {"humidity": 41.5, "temperature": 20.5})}
    return {"topic": device, "received_at": at, "payload": payload}


def test_a_device_is_heard_mapped_and_brought_in(stage: Stage, run: Run) -> None:
    counts = drained(stage, {"house": "h1", "messages": [heard(10), heard(11), heard(12)]}, reading())
    assert counts["rejects"] == {"unmapped": 3}
    listed = run("devices", "list", "h1", "--now", AT)
    assert listed["mapped"] == {}
    assert listed["unmapped"]["zigbee2mqtt/Guest room"]["proposed_room"] == "guest room"
    assert listed["unmapped"]["zigbee2mqtt/Guest room"]["quantities"] == ["humidity", "temperature"]
    assert run("devices", "map", "h1", "zigbee2mqtt/Guest room", "guest")["mapped"] == {"room": "guest"}
    assert run("replay", "--house", "h1", "--reason", "unmapped")["reasons"] == {"unmapped": 3}
    assert drained(stage)["readings"] == {"received": 3, "stored": 3, "duplicate": 0, "rejected": 0}
    assert drained(stage, {"house": "h1", "messages": [heard(10)]})["duplicates"]["repeat"] == 1
    assert run("devices", "list", "h1", "--now", AT)["unmapped"] == {}
    assert set(run("house", "h1")["rooms"]) == {"guest", "kitchen"}


def test_a_device_is_ignored_and_taken_out_of_the_map(stage: Stage, run: Run) -> None:
    run("devices", "ignore", "h1", "zigbee2mqtt/x")
    counts = drained(stage, {"house": "h1", "messages": [heard(10, "zigbee2mqtt/x")]})
    assert (counts["rejects"], counts["no_reading"]) == ({}, 1)
    assert run("devices", "map", "h1", "zigbee2mqtt/x", "--remove")["mapped"] is None
    assert drained(stage, {"house": "h1", "messages": [heard(10, "zigbee2mqtt/x")]})["rejects"] == {"unmapped": 1}
    assert "roomidity devices list h1" in run("devices", "map", "h1", "zigbee2mqtt/x", "--remove", status=1)["error"]


def test_a_map_is_written_and_read_again(stage: Stage, run: Run, tmp_path: Path) -> None:
    said = {
        'a "quoted" \\ name/ü': {"room": "Küche"},
        "shellyht-1": {"room": "attic", "unit": "f", "sensor": "old", "quantity": "temperature"},
        "x": {"ignore": True},
    }
    (tmp_path / "map.json").write_text(json.dumps(said))
    assert run("devices", "import", "h1", str(tmp_path / "map.json"))["mapped"] == said
    run("devices", "export", "h1", str(tmp_path / "map.toml"))
    assert tomllib.loads((tmp_path / "map.toml").read_text("utf-8")).keys() == said.keys()
    assert run("devices", "import", "h2", str(tmp_path / "map.toml"))["mapped"] == said
    (tmp_path / "one.toml").write_text('y = "den"')
    assert len(run("devices", "import", "h1", str(tmp_path / "one.toml"))["mapped"]) == 4
    assert run("devices", "import", "h1", str(tmp_path / "one.toml"), "--replace")["mapped"] == {"y": {"room": "den"}}
    assert run("devices", "export", "h1")["mapped"] == {"y": {"room": "den"}}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["map", "h1", "x"], 2, "give a ROOM"),
        (["map", "h1", "x", "den", "--remove"], 2, "give a ROOM"),
        (["map", "h1", "x", "a/b"], 1, "its room is 'a/b'"),
        (["map", "h1", " ", "den"], 1, "expected 1 to 512 characters"),
        (["map", "h#1", "x", "den"], 1, "found the house 'h#1'"),
        (["map", "h1", "x", "den", "--unit", "psi"], 2, "psi"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(run: Run, arguments: list[str], status: int, words: str) -> None:
    assert words in run("devices", *arguments, status=status)["error"]


def test_forgotten_with_its_house(stage: Stage, run: Run) -> None:
    drained(stage, {"house": "h1", "messages": [heard(10)]}, reading())
    run("devices", "map", "h1", "x", "den")
    run("forget", "h1", "--yes")
    assert stage.house_settings.list("h1") == []
