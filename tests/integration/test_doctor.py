"""The doctor against moto: a stage that is well, and one that lacks something, in words and by exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from roomidity.aws.account import Account
from roomidity.cli.app import roomidity
from roomidity.cli.context import stage as cli_stage
from roomidity.composition import Stage
from roomidity.domain.slots import format_moment
from roomidity.forecasting import load_prior
from roomidity.pipeline.forecasts import forecast_house
from tests.integration.stage import REGION
from tests.integration.test_handlers import NOW, observe


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """moto has no CloudFormation without further packages: a stack that is up."""
    monkeypatch.setattr(Account, "stack_status", lambda self, name: "CREATE_COMPLETE")
    monkeypatch.setattr(Account, "concurrency", lambda self: 1_000)
    monkeypatch.setattr(Account, "has_api", lambda self, name: True)
    cli_stage.cache_clear()
    yield
    cli_stage.cache_clear()


def doctor(*arguments: str, status: int = 1) -> dict[str, dict[str, Any]]:
    """The findings by name; the exit status says whether one is wrong."""
    done = CliRunner().invoke(roomidity, ["doctor", "--now", format_moment(NOW), "--json", *arguments])
    assert done.exit_code == status, done.output
    answer = json.loads(done.stdout)
    assert answer["ok"] == (status == 0)
    return {one["check"]: one for one in answer["checks"]}


def wrong(found: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, one in found.items() if one["status"] == "wrong"}


def lived_in(stage: Stage) -> None:
    observe(stage, "demo", days=1)
    forecast_house(stage.forecast_ports, house="demo", issued_at=NOW)


def test_an_empty_stage_and_one_that_works_are_well(stage: Stage) -> None:
    assert "none yet" in doctor(status=0)["houses"]["found"]
    lived_in(stage)
    found = doctor(status=0)
    assert {one["status"] for one in found.values()} == {"ok"}
    assert found["last run"]["found"] == "the newest forecast is of 2026-03-15T00:00Z"
    assert "arn:aws:sts::123456789012" in found["credentials"]["found"]


def test_the_table_for_a_person_says_what_to_mend(stage: Stage) -> None:
    boto3.client("dynamodb", region_name=REGION).delete_table(TableName="roomidity-test-accuracy")
    done = CliRunner().invoke(roomidity, ["doctor", "--now", format_moment(NOW)])
    assert done.exit_code == 1
    assert "no table roomidity-test-accuracy" in done.stdout
    assert "to mend: deploy the stack" in done.stdout
    assert "1 wrong of" in done.stdout


@pytest.mark.parametrize("table", ["houses", "observations", "models"])
def test_a_missing_table(stage: Stage, table: str) -> None:
    boto3.client("dynamodb", region_name=REGION).delete_table(TableName=f"roomidity-test-{table}")
    assert wrong(doctor()) == {f"table {table}"}


def test_missing_queues_and_bucket(stage: Stage, plain_queues: Any, plain_buckets: Any) -> None:
    for name in ("readings", "training-jobs-dlq"):
        plain_queues.delete_queue(QueueUrl=plain_queues.get_queue_url(QueueName=f"roomidity-test-{name}")["QueueUrl"])
    plain_buckets.delete_bucket(Bucket=stage.settings.bucket)
    assert wrong(doctor()) == {"queue readings", "dead letters training-jobs", "bucket"}


def test_another_stage_is_not_there(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMIDITY_STAGE", "nowhere")
    monkeypatch.delenv("ROOMIDITY_BUCKET")
    monkeypatch.setattr(Account, "stack_status", lambda self, name: None)
    found = doctor()
    assert found["stack"]["found"] == "no stack roomidity-nowhere in eu-central-1"
    assert len(wrong(found)) == 18  # the stack, six queues, ten tables, the bucket
    assert found["bucket"]["found"] == "no bucket roomidity-nowhere-123456789012"


def test_dead_letters_and_messages_that_wait(stage: Stage) -> None:
    stage.dead_letters_of(stage.readings_queue).send(["broken"])
    stage.readings_queue.send(["{}", "{}"])
    found = doctor()
    assert wrong(found) == {"dead letters readings"}
    assert found["queue readings"]["found"].startswith("2 waiting, 0 in flight")


def test_an_emptied_model(stage: Stage, plain_buckets: Any) -> None:
    lived_in(stage)
    model, state, _ = load_prior()
    own = replace(model, rooms=())
    manifest = {"trained_from": "2026-03-01T00:00Z", "trained_through": "2026-03-14T00:00Z"}
    version = stage.registry.publish("demo", model=own, state=state, manifest=manifest, trained_at=NOW)
    stage.registry.promote("demo", version, at=NOW)
    assert wrong(doctor(status=0)) == set()
    (key,) = [key for key in stage.bucket.keys("models/demo/") if key.endswith("model.npz")]
    plain_buckets.put_object(Bucket=stage.settings.bucket, Key=key, Body=b"")
    cli_stage.cache_clear()  # a doctor of its own: a model that was loaded is kept
    found = doctor()
    assert wrong(found) == {"models"}
    assert version in found["models"]["found"]


def test_a_run_that_was_missed(stage: Stage) -> None:
    lived_in(stage)
    later = format_moment(NOW + timedelta(hours=1))
    found = doctor("--now", later)
    assert wrong(found) == {"last run"}
    assert "demo: 2026-03-15T00:00Z" in found["last run"]["found"]


@pytest.mark.parametrize(
    ("environment", "check", "says"),
    [
        ({"AWS_ENDPOINT_URL": "http://someone:hunter2@127.0.0.1:9"}, "endpoint", "Could not connect"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "target", "Invalid endpoint"),
        ({"AWS_DEFAULT_REGION": "eu-centrall-1"}, "target", "region 'eu-centrall-1'"),
        ({"AWS_DEFAULT_REGION": "eu central"}, "target", "region 'eu central'"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "credentials", "Unable to locate credentials"),
        ({"AWS_PROFILE": "nobody"}, "credentials", "nobody"),
    ],
)
def test_without_a_way_to_aws_it_says_so(
    environment: dict[str, str], check: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No moto here: these are the real clients."""
    names = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_DEFAULT_REGION": REGION}
    for name, value in (names | environment).items():
        monkeypatch.setenv(name, value)
    found = doctor()
    assert wrong(found) == {check}
    assert says in found[check]["found"]
    assert found[check]["mend"]
    assert "hunter2" not in json.dumps(found)


def test_it_gives_up_soon(stage: Stage) -> None:
    """One attempt, seconds long; a drain's patience would be minutes."""
    for service in ("sts", "sqs", "dynamodb", "s3", "cloudformation", "cloudwatch"):
        config = Account(stage.clients.session, region=REGION)._client(service).meta.config
        assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (2, 5, 1)


@pytest.mark.parametrize("command", ["show h1", "forecast h1", "train h1", "verify h1", "drain"])
def test_what_another_command_lacks_it_says_in_a_line(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("ROOMIDITY_STAGE", "elsewhere")
    done = CliRunner().invoke(roomidity, command.split())
    assert done.exit_code == 1
    (line,) = done.output.strip().splitlines()
    assert line.startswith("roomidity: ")
    assert "elsewhere" in line
    assert "deploy the stack, or check ROOMIDITY_STAGE" in line
