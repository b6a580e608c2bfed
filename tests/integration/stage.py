"""A stage made in process: the tables by the models' own keys, the queues and the bucket by their names; no Node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import boto3

from roomidity.aws.dynamodb import botocore_session, dynamodb_client
from roomidity.aws.store import Tables, bind
from roomidity.composition import Stage
from roomidity.local.units import Item, Meter

__all__ = ["KEYS", "QUEUES", "REGION", "Run", "create", "metered", "tables_of"]

REGION: Final = "eu-central-1"
QUEUES: Final = ("readings", "forecast-jobs", "training-jobs")

Run = Callable[..., dict[str, Any]]
"""Runs a command of the CLI, and gives its JSON."""

KEYS: Final = {
    "houses": ["house"],
    "readings": ["house", "slot"],
    "observations": ["house", "slot"],
    "forecasts": ["room_id", "issued_at"],
    "models": ["house", "version"],
    "accuracy": ["room_id", "day"],
    "settings": ["house", "kind"],
    "notices": ["house", "id"],
    "advice": ["house", "issued_at"],
    "weather": ["place", "known_from"],
}
"""The contract's keys; that serverless.yml has the same is another test."""


def tables_of(stage: Stage) -> Tables:
    """The models of a stage's tables."""
    return bind(stage.settings.prefix, dynamodb_client(botocore_session(), region=REGION))


def create(stage: Stage) -> None:
    """Make what the handlers talk to."""
    tables = tables_of(stage)
    for item in vars(tables).values():
        item.create_table(billing_mode="PAY_PER_REQUEST")
    queues: Any = boto3.client("sqs", region_name=REGION)
    for name in QUEUES:
        queues.create_queue(QueueName=f"{stage.settings.prefix}-{name}")
        queues.create_queue(QueueName=f"{stage.settings.prefix}-{name}-dlq")
    buckets: Any = boto3.client("s3", region_name=REGION)
    buckets.create_bucket(Bucket=stage.settings.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})


@contextmanager
def metered() -> Iterator[Meter]:
    """Counts what the handlers ask of the stage that the environment names."""
    plain: Any = boto3.client("dynamodb", region_name=REGION)

    def stored(table: str, key: Item) -> Item:
        return dict(plain.get_item(TableName=table, Key=key).get("Item", {}))

    runtime = import_module("handlers.runtime")
    runtime.stage.cache_clear()
    yield Meter(runtime.stage().clients.session, stored=stored)
    runtime.stage.cache_clear()
