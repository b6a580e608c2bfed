"""`serverless invoke local` of every function against the local engine, with the samples; failure by exit status."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from roomidity.local.simulation import simulate_house
from tests.e2e.engine import CHECKOUT, CLI, Shell, tables
from tests.integration import dashboard

EVENTS: Final = CHECKOUT / "tests/events"
ISSUED_AT: Final = "2026-03-15T00:00Z"
"""The issue time of the samples."""


def invoke(shell: Shell, function: str, *arguments: str | Path) -> tuple[int, str]:
    run = shell.run(CLI, "invoke", "local", "-f", function, *arguments)
    return run.returncode, run.stdout + run.stderr


def answer(shell: Shell, function: str, sample: str) -> dict[str, Any]:
    """What a function answers to a sample: the last JSON on standard output, after its metrics."""
    run = shell.run(CLI, "invoke", "local", "-f", function, "-p", EVENTS / f"{sample}.json")
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    start = max(number for number, line in enumerate(lines) if line.startswith("{") and '"_aws"' not in line)
    found: dict[str, Any] = json.loads("\n".join(lines[start:]))
    return found


def test_the_samples_from_queue_to_verification(shell: Shell, tmp_path: Path) -> None:
    # Of the first twelve houses, the one whose own model beats the prior after four days, and so serves.
    readings = simulate_house(seed=11, start=datetime(2026, 3, 11, tzinfo=UTC), days=4, house="demo").readings
    path = tmp_path / "readings.parquet"
    readings.write_parquet(path)
    shell.roomidity("send", path)

    drained = answer(shell, "drain", "drain")
    assert drained["readings"] == {
        "received": len(readings),
        "stored": len(readings),
        "duplicate": 0,
        "rejected": 0,
    }
    assert drained["forecast_jobs"] == 1
    assert answer(shell, "drain", "drain_empty")["messages"] == 0

    assert answer(shell, "forecast", "forecast") == {"batchItemFailures": []}
    of = tables(shell.environment)
    rooms = [room for room in dashboard.houses(of, shell.prefix)["demo"] if room != "outdoor"]
    assert len(rooms) >= 6
    for room in rooms:
        forecast = dashboard.latest_forecast(of, shell.prefix, "demo", room)
        assert forecast is not None
        assert forecast["issued_at"] == ISSUED_AT
        assert forecast["grade"]["humidity"] == "prior"
        assert len(forecast["humidity_p50"]) == 96

    assert answer(shell, "train", "train") == {"batchItemFailures": []}
    assert answer(shell, "forecast", "forecast") == {"batchItemFailures": []}
    own = dashboard.forecast_as_issued(of, shell.prefix, "demo", rooms[0], ISSUED_AT)
    assert own is not None
    assert own["grade"]["humidity"] == "full"
    assert own["model_version"].startswith("20260315T0000Z-")

    assert answer(shell, "verify", "verify")["houses"] == 1
    assert answer(shell, "verify", "verify_house")["day"] == "2026-03-13"


@pytest.mark.parametrize(
    ("function", "event", "message"),
    [
        ("drain", {"time": "yesterday"}, "yesterday"),
        ("forecast", {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": "{}"}]}, "job for house None"),
        ("train", {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": "no JSON"}]}, "no JSON"),
        ("verify", {"day": "last week"}, "last week"),
    ],
)
def test_a_function_that_fails_tells_so_by_the_exit_status(
    shell: Shell, function: str, event: dict[str, Any], message: str
) -> None:
    status, said = invoke(shell, function, "-d", json.dumps(event))
    assert status == 1
    assert message in said
