"""`serverless invoke local` of every function against the local engine: README's lines, all samples, and failures."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from roomidity.local.simulation import simulate_house
from tests.e2e.engine import CHECKOUT, CLI, Shell, tables
from tests.integration import dashboard
from tests.provider import answer_of, answering

EVENTS: Final = CHECKOUT / "tests/events"
HANDLERS: Final = CHECKOUT / "handlers"
ISSUED_AT: Final = "2026-03-15T00:00Z"
"""The issue time of the samples."""


README: Final = (CHECKOUT / "README.md").read_text()
LINES: Final = {
    function: (line, json.loads(f"{{{expected}}}"))
    for line, function, expected in re.findall(
        r"^    (npx serverless invoke local -f (\w+) .*?) +# (.+)$", README, re.MULTILINE
    )
}
"""README's line of each function, and what is to be looked for in the answer."""

NOBODY: Final = {"Records": [{"messageId": "1", "body": json.dumps({"house": "nobody", "issued_at": ISSUED_AT})}]}
"""A batch of one job, of a house that does not exist; both forecast and train could take it."""


def invoke(shell: Shell, function: str, *arguments: str | Path) -> tuple[int, str]:
    run = shell.run(CLI, "invoke", "local", "-f", function, *arguments)
    return run.returncode, run.stdout + run.stderr


def answered(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a function answers: the last JSON on standard output, after its logs and metrics."""
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    start = max(number for number, line in enumerate(lines) if line.startswith("{") and '"_aws"' not in line)
    found: dict[str, Any] = json.loads("\n".join(lines[start:]))
    return found


def answer(shell: Shell, function: str, sample: str) -> dict[str, Any]:
    return answered(shell.run(CLI, "invoke", "local", "-f", function, "-p", EVENTS / f"{sample}.json"))


def as_readme_says(shell: Shell, function: str) -> dict[str, Any]:
    """The answer to README's line as it stands there, in which is what README says."""
    line, expected = LINES[function]
    found = answered(shell.run("bash", "-c", f"export npm_config_update_notifier=false\n{line}"))  # npm asks nobody
    assert found.items() >= expected.items()
    return found


def test_every_function_from_queue_to_verification(shell: Shell, tmp_path: Path) -> None:
    # Of the first twelve houses, the one whose own model beats the prior after four days, and so serves.
    readings = simulate_house(seed=11, start=datetime(2026, 3, 11, tzinfo=UTC), days=4, house="demo").readings
    path = tmp_path / "readings.parquet"
    readings.write_parquet(path)
    shell.roomidity("send", path)

    drained = as_readme_says(shell, "drain")
    assert drained["readings"] == {
        "received": len(readings),
        "stored": len(readings),
        "duplicate": 0,
        "rejected": 0,
    }
    assert answer(shell, "drain", "drain_empty")["messages"] == 0

    as_readme_says(shell, "forecast")
    of = tables(shell.environment)
    rooms = [room for room in dashboard.houses(of, shell.prefix)["demo"] if room != "outdoor"]
    assert len(rooms) == 6  # as README says
    for room in rooms:
        forecast = dashboard.latest_forecast(of, shell.prefix, "demo", room)
        assert forecast is not None
        assert forecast["issued_at"] == ISSUED_AT
        assert forecast["grade"]["humidity"] == "prior"
        assert (len(forecast["humidity_p50"]), len(dashboard.spread(forecast, "humidity_p50"))) == (28, 96)

    as_readme_says(shell, "train")
    assert answer(shell, "forecast", "forecast") == {"batchItemFailures": []}
    own = dashboard.forecast_as_issued(of, shell.prefix, "demo", rooms[0], ISSUED_AT)
    assert own is not None
    assert own["grade"]["humidity"] == "full"
    assert own["model_version"].startswith("20260315T0000Z-")

    shell.roomidity("forecast", "demo", "--now", "2026-03-13T12:00Z")  # else there is none of that day to be verified
    as_readme_says(shell, "verify")
    assert answer(shell, "verify", "verify")["houses"] == 1
    page = base64.b64decode(as_readme_says(shell, "api")["body"])
    assert b"<html" in page
    as_readme_says(shell, "weather")  # of no house the position is known, so nobody is asked
    the_next_forecast_rests_on_what_a_provider_says(shell, rooms[0])


def the_next_forecast_rests_on_what_a_provider_says(shell: Shell, room: str) -> None:
    """Of the place of the house, by the parameter that a stage is deployed with; asked once, and known from then on."""
    asked_at, later = datetime(2026, 3, 15, 1, tzinfo=UTC), "2026-03-15T01:15Z"
    sample = ("-f", "weather", "-p", EVENTS / "weather.json")
    shell.roomidity("house", "demo", "--position", "52.52,13.41")
    with answering(answer_of(asked_at)) as (url, asked):
        for stored, fresh in ((1, 0), (0, 1)):  # a schedule may fire twice
            fetched = answered(shell.run(CLI, "invoke", "local", *sample, "--param", f"weatherUrl={url}"))
            assert (fetched["places"], fetched["stored"], fetched["fresh"]) == (1, stored, fresh)
    assert [(one["latitude"], one["longitude"]) for one in asked] == [("52.5", "13.4")], "to a tenth of a degree"

    of = tables(shell.environment)
    for at, weather in (
        ("2026-03-15T00:45Z", None),
        (later, {"issued_at": "2026-03-15T01:00Z", "age_h": Decimal("0.25")}),
    ):
        shell.roomidity("forecast", "demo", "--now", at)
        item = of.Table(f"{shell.prefix}-forecasts").get_item(Key={"room_id": f"demo/{room}", "issued_at": at})["Item"]
        assert item["weather"] == weather
    told = shell.roomidity("show", f"demo/{room}", "--now", later, "--explain")["explanation"]
    assert any(any(one["weather"]["changes"]) for one in told.values())


def test_readme_has_a_line_for_each_function() -> None:
    assert sorted(LINES) == sorted(
        path.stem for path in HANDLERS.glob("[a-z]*.py") if path.stem not in {"batch", "runtime"}
    )


def sentences(said: str) -> list[str]:
    """What a person is told: all but the logs and metrics, which are lines of JSON."""
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) <= 5
    return [line for line in lines if not line.startswith("{")]


def test_a_house_that_does_not_exist_is_told_as_readme_says(shell: Shell) -> None:
    status, said = invoke(shell, "forecast", "-d", json.dumps(NOBODY))
    assert status == 1
    (sentence,) = sentences(said)
    assert f"\n    {sentence}\n" in README


def test_where_no_engine_runs_a_line_says_how_to_start_it(shell: Shell) -> None:
    nowhere = replace(shell, engine=replace(shell.engine, endpoint="http://127.0.0.1:9"))
    status, said = invoke(nowhere, "drain", "-d", "{}")
    assert status == 1
    (sentence,) = sentences(said)
    assert sentence.startswith("drain: ")
    assert "http://127.0.0.1:9" in sentence
    assert "roomidity up" in sentence


@pytest.mark.parametrize(
    ("function", "event", "message"),
    [
        ("drain", {"time": "yesterday"}, "yesterday"),
        ("forecast", {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": "{}"}]}, "no issued_at"),
        ("train", {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": "no JSON"}]}, "no JSON"),
        ("verify", {"day": "last week"}, "last week"),
    ],
)
def test_a_function_that_fails_tells_so_by_the_exit_status(
    shell: Shell, function: str, event: dict[str, Any], message: str
) -> None:
    status, said = invoke(shell, function, "-d", json.dumps(event))
    assert status == 1
    (sentence,) = sentences(said)
    assert sentence.startswith(f"{function}: ")
    assert message in sentence
