"""The doctor on the local engine, by the command as a person runs it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

from roomidity.domain.slots import SLOT, format_moment
from roomidity.local.simulation import simulate_house
from roomidity.readings import pack_readings
from tests.e2e.engine import Shell, plain

END = datetime(2026, 3, 15, tzinfo=UTC)


def doctor(shell: Shell, *arguments: str, status: int) -> dict[str, dict[str, Any]]:
    run = shell.run(sys.executable, "-m", "roomidity", "doctor", "--json", "--now", format_moment(END), *arguments)
    assert run.returncode == status, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    return {one["check"]: one for one in json.loads(run.stdout)["checks"]}


def wrong(found: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, one in found.items() if one["status"] == "wrong"}


def test_a_stage_from_its_first_day_on(shell: Shell) -> None:
    """Empty; with a house; with a forecast; without one of its tables."""
    found = doctor(shell, status=0)
    assert {one["status"] for one in found.values()} == {"ok"}
    assert found["stack"]["found"].startswith(shell.prefix)

    readings = simulate_house(seed=1, start=END - 48 * SLOT * 2, days=1).readings
    queue = plain(shell.environment, "sqs")
    url = queue.get_queue_url(QueueName=f"{shell.prefix}-readings")["QueueUrl"]
    bodies = list(pack_readings(readings))
    for body in bodies:
        queue.send_message(QueueUrl=url, MessageBody=body)
    assert f"{len(bodies)} waiting" in doctor(shell, status=0)["queue readings"]["found"]
    shell.roomidity("drain", "--now", format_moment(END))
    found = doctor(shell, status=1)
    assert wrong(found) == {"last run"}
    assert found["last run"]["found"] == "1 of 1 houses late: demo: no forecast"
    shell.roomidity("forecast", "demo", "--now", format_moment(END))
    assert wrong(doctor(shell, status=0)) == set()

    elsewhere = shell.run("env", "AWS_REGION=us-east-1", sys.executable, "-m", "roomidity", "doctor", "--json")
    assert elsewhere.returncode == 1
    assert "Traceback" not in elsewhere.stderr

    tables = plain(shell.environment, "dynamodb")
    tables.update_table(TableName=f"{shell.prefix}-forecasts", DeletionProtectionEnabled=False)
    tables.delete_table(TableName=f"{shell.prefix}-forecasts")
    found = doctor(shell, status=1)
    assert wrong(found) == {"table forecasts"}
    assert found["table forecasts"]["found"] == f"no table {shell.prefix}-forecasts"


def test_a_stage_that_is_not_there(shell: Shell) -> None:
    run = shell.run("env", "ROOMIDITY_STAGE=nowhere", sys.executable, "-m", "roomidity", "doctor")
    assert run.returncode == 1
    assert "no stack roomidity-nowhere" in run.stdout
    assert "to mend: deploy it" in run.stdout
    assert run.stderr == ""
