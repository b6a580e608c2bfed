"""A stage in moto, new for every test."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any, Final

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models.dynamo_type import DynamoType

from roomidity.cli.app import roomidity
from roomidity.cli.context import stage as cli_stage
from roomidity.composition import Stage
from tests.integration.stage import REGION, Run, create

ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "ROOMIDITY_STAGE": "test",
    "ROOMIDITY_BUCKET": "roomidity-test-123456789012",
    "ROOMIDITY_TIMEZONE": "Europe/Brussels",
    "ROOMIDITY_POLL_WAIT_S": "0",
}


def copied(value: DynamoType, _memo: object = None) -> DynamoType:
    """A value of an item, copied; moto does it by ``deepcopy``, for whole tables at each transaction."""
    copy = object.__new__(DynamoType)
    copy.type, held = value.type, value.value
    if copy.type == "M":
        copy.value = {name: copied(inner) for name, inner in held.items()}
    elif copy.type == "L":
        copy.value = [copied(inner) for inner in held]
    else:
        copy.value = list(held) if isinstance(held, list) else held
    return copy


def in_json(value: Any) -> Any:
    """A value of an item, in DynamoDB's form, with bytes as JSON has them."""
    match value:
        case dict():
            return {name: in_json(inner) for name, inner in value.items()}
        case list():
            return [in_json(inner) for inner in value]
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return value


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """An empty stage; the environment names it."""
    call, lock = BotocoreStubber.__call__, threading.RLock()

    def one_at_a_time(self: BotocoreStubber, *arguments: Any, **more: Any) -> Any:
        with lock:  # moto copies its tables while other threads write to them
            return call(self, *arguments, **more)

    monkeypatch.setattr(BotocoreStubber, "__call__", one_at_a_time)
    monkeypatch.setattr(DynamoType, "__deepcopy__", copied)
    slow = BaseJSONSerializer._serialize_type_structure

    def serialized(self: BaseJSONSerializer, into: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name != "AttributeValue" or not isinstance(value, dict) or not key:
            slow(self, into, value, shape, key)
        else:  # of DynamoDB's form already; moto looks for each kind of value under each name that it may have
            self._default_serialize(into, in_json(value), shape, key)

    monkeypatch.setattr(BaseJSONSerializer, "_serialize_type_structure", serialized)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        stage = Stage.from_environment(ENVIRONMENT)
        create(stage)
        yield stage


@pytest.fixture
def plain_tables(stage: Stage) -> Any:
    """What a dashboard has: boto3's tables."""
    return boto3.resource("dynamodb", region_name=REGION)


@pytest.fixture
def plain_queues(stage: Stage) -> Any:
    """A client of one's own beside the adapters'."""
    return boto3.client("sqs", region_name=REGION)


@pytest.fixture
def plain_buckets(stage: Stage) -> Any:
    return boto3.client("s3", region_name=REGION)


@pytest.fixture
def run(stage: Stage) -> Iterator[Run]:
    """A command's JSON, which is all of its standard output; of one that fails, what it says."""
    cli_stage.cache_clear()

    def command(*arguments: str, status: int = 0) -> dict[str, Any]:
        done = CliRunner().invoke(roomidity, [*arguments, "--json"])
        assert done.exit_code == status, done.output
        if status:
            return {"error": done.output + str(done.exception)}
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    yield command
    cli_stage.cache_clear()
