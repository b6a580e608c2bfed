"""What the tests against the local engine share: commands as a person runs them, slots as a dashboard reads them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import polars as pl
from botocore.config import Config

from roomidity.local.engine import Engine
from tests.integration import dashboard

__all__ = ["CHECKOUT", "CLI", "Shell", "assert_exact", "laid_out", "plain", "tables", "wanted"]

CHECKOUT: Final = Path(__file__).parents[2]
CLI: Final = CHECKOUT / "node_modules/.bin/serverless"
TIMEOUT_S: Final = 240
STATISTICS: Final = ("mean", "min", "max", "count")


def laid_out(folder: Path) -> Path:
    """Returns the folder, with what is deployed in it.

    The CLI keeps what it packages beside serverless.yml, and of several that package at once each must find its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(CHECKOUT / "serverless.yml", folder)
    shutil.copytree(CHECKOUT / "container", folder / "container")
    (folder / "node_modules").symlink_to(CHECKOUT / "node_modules")
    return folder


def plain(environment: Mapping[str, str], service: str) -> Any:
    """A boto3 client that has nothing of roomidity."""
    session: Any = boto3.Session("test", "test", region_name=environment["AWS_REGION"])
    return session.client(
        service, endpoint_url=environment["AWS_ENDPOINT_URL"], config=Config(connect_timeout=2, read_timeout=30)
    )


def tables(environment: Mapping[str, str]) -> Any:
    """boto3's tables, as a dashboard has them."""
    return boto3.Session("test", "test", region_name=environment["AWS_REGION"]).resource(
        "dynamodb", endpoint_url=environment["AWS_ENDPOINT_URL"]
    )


@dataclass(frozen=True)
class Shell:
    """A shell with the lines of `roomidity up` exported."""

    engine: Engine

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.engine.environment, "NODE_NO_WARNINGS": "1"}

    @property
    def prefix(self) -> str:
        return f"{self.engine.service}-{self.engine.stage}"

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  # our own commands
            command,
            cwd=CHECKOUT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def roomidity(self, *arguments: str | Path) -> dict[str, Any]:
        """A command's JSON, which is all of its standard output."""
        run = self.run(sys.executable, "-m", "roomidity", *arguments, "--json")
        assert run.returncode == 0, run.stdout + run.stderr
        answer: dict[str, Any] = json.loads(run.stdout)
        return answer

    def queue(self, bodies: Iterable[str]) -> None:
        """Messages to the readings queue, as any sender puts them there."""
        queues = plain(self.environment, "sqs")
        url = queues.get_queue_url(QueueName=f"{self.prefix}-readings")["QueueUrl"]
        for body in bodies:
            queues.send_message(QueueUrl=url, MessageBody=body)

    def python(self, code: str) -> subprocess.Popen[str]:
        """A process of its own that runs ``code``."""
        return subprocess.Popen(  # noqa: S603  # our own Python
            [sys.executable, "-c", code],
            cwd=CHECKOUT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def at_once(self, *codes: str) -> list[dict[str, Any]]:
        """What processes answer, a line of JSON each, that say `ready`, wait for a line, and then run side by side."""
        running = [self.python(code) for code in codes]
        for one in running:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in running:
            assert one.stdin is not None
            one.stdin.write("\n")
            one.stdin.flush()
        answers = [one.communicate(timeout=TIMEOUT_S)[0] for one in running]
        assert [one.returncode for one in running] == [0] * len(codes)
        return [json.loads(answer) for answer in answers]

    def slots(self, house: str) -> pl.DataFrame:
        """Everything that is stored of a house: slot, room, quantity, mean, min, max, count."""
        items = dashboard.observations_between(tables(self.environment), self.prefix, house, "0", "9")
        rows = [
            {
                "slot": item["slot"],
                "room": room,
                "quantity": quantity,
                **{name: float(of[name]) for name in STATISTICS},
            }
            for item in items
            for room, quantities in item["rooms"].items()
            for quantity, of in quantities.items()
        ]
        return pl.DataFrame(rows).sort("slot", "room", "quantity")

    def items(self, table: str, house: str) -> list[dict[str, Any]]:
        """A house's items of a table, as they are."""
        condition = {"KeyConditionExpression": "house = :h", "ExpressionAttributeValues": {":h": {"S": house}}}
        pages = plain(self.environment, "dynamodb").get_paginator("query")
        return [
            item for page in pages.paginate(TableName=f"{self.prefix}-{table}", **condition) for item in page["Items"]
        ]


def wanted(readings: pl.DataFrame) -> pl.DataFrame:
    """The same by an independent group-by over all ``readings``."""
    return (
        readings.with_columns(pl.col("ts").dt.truncate("15m").dt.strftime("%Y-%m-%dT%H:%MZ").alias("slot"))
        .unpivot(on=["humidity", "temperature"], index=["slot", "room"], variable_name="quantity")
        .filter(pl.col("value").is_not_null() & pl.col("value").is_not_nan())
        .group_by("slot", "room", "quantity")
        .agg(
            pl.col("value").mean().alias("mean"),
            pl.col("value").min().alias("min"),
            pl.col("value").max().alias("max"),
            pl.col("value").count().cast(pl.Float64).alias("count"),
        )
        .sort("slot", "room", "quantity")
    )


def assert_exact(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    """Every slot's mean, minimum, maximum and count, to 0.001, and no slot more or less."""
    keys = ["slot", "room", "quantity"]
    assert found.select(keys).equals(expected.select(keys))
    assert found["count"].equals(expected["count"])
    for name in ("mean", "min", "max"):
        assert (found[name] - expected[name]).abs().max() <= 0.001, name
