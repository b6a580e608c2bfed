"""`roomidity demo`, as scripts/demo runs it: its JSON keeps the contract, and what it leaves is what it said."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.engine import CHECKOUT, tables
from tests.integration import dashboard

DAYS: Final = 4
LEVELS: Final = ("p10", "p50", "p90")
TIMEOUT_S: Final = 240


@pytest.fixture(scope="module")
def state(states: Path) -> Path:
    return states / "demo"


@pytest.fixture(scope="module")
def printed(state: Path) -> dict[str, Any]:
    """The demo's JSON; standard output holds nothing else."""
    run = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "roomidity", "demo", "--days", str(DAYS), "--state", str(state), "--json"],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    report: dict[str, Any] = json.loads(run.stdout)
    return report


def test_it_says_what_became_of_every_reading(printed: dict[str, Any]) -> None:
    assert set(printed) == {"readings", "rooms", "verified", "seconds"}
    readings = printed["readings"]
    assert set(readings) == {"received", "stored", "duplicate", "rejected"}
    assert readings["received"] > DAYS * 24 * 60 * 6  # some seven sensors, about one a minute
    assert readings["received"] == readings["stored"] + readings["duplicate"] + readings["rejected"]
    assert readings["rejected"] == 0


def test_every_room_has_an_honest_forecast(printed: dict[str, Any]) -> None:
    assert len(printed["rooms"]) >= 6
    assert len({(room["house"], room["room"]) for room in printed["rooms"]}) == len(printed["rooms"])
    assert "outdoor" not in {room["room"] for room in printed["rooms"]}
    for room in printed["rooms"]:
        assert room["issued_at"] == room["first_slot"] == printed["rooms"][0]["issued_at"]
        assert set(room["grade"]) == {"humidity", "temperature"}
        assert set(room["grade"].values()) <= {"persistence", "sparse", "prior", "full"}
        assert room["model_version"]
        for quantity in ("humidity", "temperature"):
            assert set(room[quantity]) == set(LEVELS)
            p10, p50, p90 = (room[quantity][level] for level in LEVELS)
            assert len(p10) == len(p50) == len(p90) == 96
            assert all(low <= mid <= high for low, mid, high in zip(p10, p50, p90, strict=True))
        assert all(0 <= value <= 100 for level in LEVELS for value in room["humidity"][level])


def test_it_beats_persistence(printed: dict[str, Any]) -> None:
    assert set(printed["verified"]) == {"humidity", "temperature"}
    for scores in printed["verified"].values():
        assert set(scores) == {"mae", "persistence_mae", "coverage", "count"}
        assert 0 < scores["mae"] < scores["persistence_mae"]
        assert 0 <= scores["coverage"] <= 1
        assert scores["count"] >= 6 * 97 * 90  # 97 issue times of 6 rooms, nearly all slots measured


def test_what_it_leaves_is_what_it_said(printed: dict[str, Any], state: Path) -> None:
    """The engine again on the kept state, and plain boto3."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up = subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "roomidity", "up", "--port", str(port), "--state", str(state), "--json"],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert up.stdout is not None
        answer = json.loads(up.stdout.readline())
        environment = answer["environment"]
        _look_at_the_page(answer["page"], printed)
        prefix = f"{environment['ROOMIDITY_SERVICE']}-{environment['ROOMIDITY_STAGE']}"
        of = tables(environment)
        for room in printed["rooms"]:
            item = dashboard.latest_forecast(of, prefix, room["house"], room["room"])
            assert item is not None
            for name in ("issued_at", "first_slot", "model_version", "grade"):
                assert item[name] == room[name]
            for quantity in ("humidity", "temperature"):
                for level in LEVELS:
                    course = dashboard.spread(item, f"{quantity}_{level}")
                    assert course == pytest.approx(room[quantity][level], abs=0.0501)  # which are rounded to tenths
        shown = subprocess.run(  # noqa: S603  # our own command
            [sys.executable, "-m", "roomidity", "show", "demo", "--now", printed["rooms"][0]["issued_at"]],
            cwd=CHECKOUT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr
        assert all(room["room"] in shown.stdout for room in printed["rooms"])
    finally:
        up.send_signal(signal.SIGINT)
        _, said = up.communicate(timeout=60)
    assert up.returncode == 0, said


def _look_at_the_page(links: list[str], printed: dict[str, Any]) -> None:
    """The link opens the page, and the token behind its # the house, by the clock of the data."""
    (link,) = links
    base, _, token = link.partition("#")
    with urllib.request.urlopen(base, timeout=60) as page:  # noqa: S310  # loopback
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert b"<script" in page.read()
    request = urllib.request.Request(f"{base}v1/house/forecasts", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answered:  # noqa: S310
        answer = json.load(answered)
    assert (answer["house"], answer["replayed"]) == ("demo", True)
    forecast = {room["room"]: room["forecast"] for room in answer["rooms"] if not room["outdoor"]}
    assert {room["room"]: room["humidity"] for room in printed["rooms"]} == {
        name: of["humidity"] for name, of in forecast.items()
    }
    assert {of["issued_at"] for of in forecast.values()} == {printed["rooms"][0]["issued_at"]}
