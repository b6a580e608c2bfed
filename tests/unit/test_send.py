"""`roomidity send --dry-run`: what would be queued, with no endpoint; and what is said of what would not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from roomidity.cli.app import roomidity
from roomidity.domain.slots import format_moment

HEAD = "house,room,ts,temperature,humidity\n"
ROWS = 'h1,kitchen,2026-11-25T01:15:00Z,21.3,50\nh1,bath,2026-11-25T01:00:00Z,"22,5",100.4\n'


def run(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(roomidity, ["send", str(path), "--dry-run", *arguments])


def answer(path: Path, *arguments: str) -> dict[str, Any]:
    done = run(path, *arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_a_dry_run_says_what_would_be_queued_in_order_of_time(tmp_path: Path) -> None:
    assert answer(written(tmp_path / "a.csv", HEAD + ROWS + "h1,bath,noon,1,1\n")) == {
        "readings": 2,
        "rejected": {"bad_time": 1},
        "rooms": {"bath": 1, "kitchen": 1},
        "first": "2026-11-25T01:00:00Z",
        "last": "2026-11-25T01:15:00Z",
        "sample": [
            {"house": "h1", "room": "bath", "ts": "2026-11-25T01:00:00Z", "temperature": 22.5, "humidity": 100.0},
            {"house": "h1", "room": "kitchen", "ts": "2026-11-25T01:15:00Z", "temperature": 21.3, "humidity": 50.0},
        ],
    }


def test_a_sample_has_five_readings_with_their_sensors_and_no_nulls(tmp_path: Path) -> None:
    rows = [f"h{at % 2},s{at},k,2026-11-25T01:{at:02}:00Z,20." for at in range(20)]
    found = answer(written(tmp_path / "a.csv", "house,sensor,room,ts,temp\n" + "\n".join(rows)))
    assert len(found["sample"]) == 5
    assert found["sample"][0] == {
        "house": "h0",
        "room": "k",
        "sensor": "s0",
        "ts": "2026-11-25T01:00:00Z",
        "temperature": 20.0,
    }
    assert found["rooms"] == {"h0/k": 10, "h1/k": 10}


def test_a_dry_run_needs_no_endpoint_and_no_credentials(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", HEAD + ROWS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ROOMIDITY_"))}
    code = "import sys, socket; socket.socket.connect = None; from roomidity.cli import main; sys.argv[1:] = {}; main()"
    run = subprocess.run(  # noqa: S603  # our own Python
        [sys.executable, "-c", code.format(["send", str(path), "--dry-run", "--json"])],
        capture_output=True,
        text=True,
        check=True,
        env=environment | {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"},
    )
    assert json.loads(run.stdout)["readings"] == 2


def test_what_is_left_out_is_said_beside_the_answer(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", HEAD + ROWS + 'h1,"x,2026-11-25T01:00:00Z,1,50\n')
    done = run(path)
    assert "Would queue 2 readings, 2026-11-25T01:00:00Z to 2026-11-25T01:15:00Z" in done.stdout
    assert "malformed: 1 line broken: line 4: a quote is not closed" in done.stderr
    done = run(path, "--json")
    assert list(json.loads(done.stdout)) == ["readings", "rejected", "rooms", "first", "last", "sample"]


def test_a_room_in_another_unit_is_left_out_with_the_remedy_which_works(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", HEAD + ROWS + "h1,loft,2026-11-25T01:00:00Z,72.5,50\n")
    done = run(path, "--json")
    assert json.loads(done.stdout)["rejected"] == {"unit": 1}
    assert "loft can only be in °F: give --unit loft=f" in done.stderr
    assert answer(path, "--unit", "loft=f")["rooms"] == {"bath": 1, "kitchen": 1, "loft": 1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--timezone"),
        (["--timezone", "Europe/Berln"], "Europe/Berln"),
        (["--unit", "x"], "thousandths"),
        (["--map", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_what_cannot_be_read_is_a_failure_with_words(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = run(written(tmp_path / "a.csv", HEAD + "h1,k,2026-11-25 01:00:00,20,50\n" * 9), *arguments)
    assert done.exit_code == 1
    assert said in str(done.exception)
    assert len(str(done.exception).splitlines()) <= 20


def test_names_zone_order_and_map_may_be_given(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "entity_id,state,last_changed\nsensor.x,21.3,11/10/2026 02:00\n")
    given = ["--house", "h1", "--timezone", "Europe/Berlin", "--month-first"]
    wanted = {"house": "h1", "room": "kitchen", "ts": "2026-11-10T01:00:00Z", "temperature": 21.3}
    assert answer(path, *given, "--map", "sensor.x=kitchen:temperature")["sample"] == [wanted]
    toml = written(tmp_path / "map.toml", '"sensor.x" = "kitchen:temperature"\n')
    assert answer(path, *given, "--map", str(toml))["sample"] == [wanted]
    assert answer(path, *given, "--map", "sensor.x=attic:t", "--room", "kitchen")["sample"][0]["room"] == "attic"


def test_readings_ahead_of_the_clock_are_said(tmp_path: Path) -> None:
    ahead = format_moment(datetime.now(UTC) + timedelta(days=1))
    done = run(written(tmp_path / "a.csv", HEAD + f"h1,k,{ahead},20,50\n"), "--json")
    assert json.loads(done.stdout)["readings"] == 1
    assert "Ahead of this machine's clock: 1 readings" in done.stderr


def test_what_lies_within_5_seconds_of_another_value_is_told(tmp_path: Path) -> None:
    """A sensor that reports every second: of each five values one is kept. Two quantities by turns are both kept."""
    start = datetime(2026, 11, 25, tzinfo=UTC)
    rows = [f"h1,kitchen,{format_moment(start + timedelta(seconds=at))},{20 + at / 1000},50" for at in range(900)]
    rows += ["h1,bath,2026-11-25T00:00:00Z,21,", "h1,bath,2026-11-25T00:00:01Z,,50", "h1,bath,2026-11-25T00:00:01Z,,50"]
    path = written(tmp_path / "a.csv", HEAD + "\n".join(rows) + "\n")
    assert answer(path)["dense"] == 720
    assert "720 of them lie within 5 s of another of their sensor" in run(path).output
    assert "dense" not in answer(written(tmp_path / "b.csv", HEAD + ROWS))
