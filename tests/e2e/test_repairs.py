"""A week with a bad day in it: quarantined, trained without it, undone, forgotten; by the commands."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roomidity.domain.slots import format_moment
from roomidity.local.simulation import simulate_house
from tests.e2e.engine import Shell, assert_exact, plain, wanted

START = datetime(2026, 1, 5, tzinfo=UTC)
NOW = START + timedelta(days=7)
BAD = START + timedelta(days=3, minutes=5), START + timedelta(days=4, minutes=5)
"""Not from slot to slot: readings count by their own times."""


def week(house: str) -> pl.DataFrame:
    """A simulated week in which the sun shines on the kitchen's sensor for a day."""
    readings = simulate_house(seed=4, start=START, days=7, house=house).readings
    return readings.with_columns(
        temperature=pl.when(bad()).then(pl.col("temperature") + 25).otherwise("temperature").round(3)
    )


def bad() -> pl.Expr:
    return (pl.col("room") == "kitchen") & pl.col("ts").is_between(*BAD, closed="left")


def test_a_bad_day_is_kept_out_and_brought_back_and_all_is_forgotten(shell: Shell, tmp_path: Path) -> None:
    readings = week("sick")
    readings.write_parquet(tmp_path / "sick.parquet")
    healthy = week("healthy").head(2_000)
    healthy.write_parquet(tmp_path / "healthy.parquet")
    for name in ("sick", "healthy"):
        shell.roomidity("send", tmp_path / f"{name}.parquet")
    now = format_moment(NOW)
    assert shell.roomidity("drain", "--now", now)["readings"]["stored"] == len(readings) + len(healthy)
    learnt = shell.roomidity("train", "sick", "--now", now)
    trained = learnt["version"]
    assert not learnt["promoted"], "it learnt from the bad day, and the prior is better"
    assert shell.roomidity("models", "promote", "sick", trained, "--now", now)["version"] == trained
    before = shell.slots("sick")
    assert_exact(before, wanted(readings))

    interval = ["--from", format_moment(BAD[0]), "--to", format_moment(BAD[1]), "--now", now]
    put = shell.roomidity("quarantine", "add", "sick/kitchen", *interval)
    assert (put["changed"], put["slots"], put["derived"]) == (True, 97, 97)
    assert [(one["version"], one["champion"], one["by_training"]) for one in put["models"]] == [(trained, True, True)]
    assert put["retrain"] == "roomidity train sick"
    assert_exact(shell.slots("sick"), wanted(readings.filter(~bad())))
    again = shell.roomidity("quarantine", "add", "sick/kitchen", *interval, "--retrain")
    assert (again["changed"], again["derived"]) == (False, 0)
    assert again["trained"]["version"] != trained

    # What comes later, or again, follows the rule as well.
    readings.filter(bad()).write_parquet(tmp_path / "late.parquet")
    shell.roomidity("send", tmp_path / "late.parquet")
    assert shell.roomidity("drain", "--now", now)["duplicates"]["repeat"] == len(readings.filter(bad()))
    assert_exact(shell.slots("sick"), wanted(readings.filter(~bad())))

    rule = shell.roomidity("quarantine", "list", "sick")["rules"]
    assert rule == [put["rule"]]
    undone = shell.roomidity("quarantine", "remove", "sick", "--rule", rule[0]["rule"], "--now", now)
    assert (undone["changed"], undone["derived"]) == (True, 97)
    assert [one["version"] for one in undone["models"]] == [again["trained"]["version"]]
    assert shell.slots("sick").equals(before)

    shell.roomidity("forecast", "sick", "--now", now)
    shell.queue(f'{{"house": "{house}", "room": 5' for house in ("sick", "healthy"))
    assert shell.roomidity("drain", "--now", now, "--no-forecasts")["rejects"] == {"malformed": 2}
    kept = shell.slots("healthy")
    deleted = shell.roomidity("forget", "sick", "--yes")["deleted"]
    assert {name for name, count in deleted.items() if count} == {
        "readings",
        "observations",
        "forecasts",
        "advice",
        "models",
        "objects",
        "rejects",
        "houses",
    }
    assert [text for text in everything(shell) if "sick" in text] == []
    assert shell.slots("healthy").equals(kept)
    assert [one["original"] for one in shell.roomidity("rejects")["rejects"]] == ['{"house": "healthy", "room": 5']
    assert shell.roomidity("replay", "--dry-run")["reasons"] == {"malformed": 1}


def everything(shell: Shell) -> list[str]:
    """All items, and all versions of all objects, as text."""
    database, store = plain(shell.environment, "dynamodb"), plain(shell.environment, "s3")
    found: list[Any] = []
    for table in database.list_tables()["TableNames"]:
        for page in database.get_paginator("scan").paginate(TableName=table):
            found += page["Items"]
    bucket = shell.environment["ROOMIDITY_BUCKET"]
    for page in store.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for one in page.get("Versions", []):
            body = store.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
            found.append(one["Key"] + body.decode("latin-1"))
    return [json.dumps(one, default=str) for one in found]


@pytest.mark.parametrize("name", ["readings", "forecast-jobs", "training-jobs"])
def test_a_message_that_is_received_too_often_ends_in_the_dead_letters(shell: Shell, name: str) -> None:
    queues = plain(shell.environment, "sqs")
    url, dead = (
        queues.get_queue_url(QueueName=f"{shell.prefix}-{name}{suffix}")["QueueUrl"] for suffix in ("", "-dlq")
    )
    queues.purge_queue(QueueUrl=url)  # of what the test before left
    queues.send_message(QueueUrl=url, MessageBody="poison")
    attempts = 0
    while queues.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages"):
        attempts += 1
    assert attempts == {"readings": 100, "forecast-jobs": 5, "training-jobs": 3}[name]
    assert [one["Body"] for one in queues.receive_message(QueueUrl=dead)["Messages"]] == ["poison"]
    queues.purge_queue(QueueUrl=dead)
