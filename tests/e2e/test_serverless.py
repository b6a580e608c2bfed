"""serverless.yml keeps its contract, offline: names, keys, handlers, roles. Deploying it is another test."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from roomidity.local.stack import resolved
from tests.e2e.engine import CHECKOUT, CLI, laid_out
from tests.integration.stage import KEYS

PARTS: Final = CHECKOUT / "container/stack"
TIMEOUT_S: Final = 120
HOME: Final = CHECKOUT / ".roomidity" / "home"
"""Knows no AWS profile; the CLI keeps its compiled schema there, which takes it seconds to make."""

NEEDS_CLI: Final = pytest.mark.skipif(
    not CLI.exists(), reason="the Serverless CLI is not installed; `npm ci` does it, as scripts/test does"
)
pytestmark = NEEDS_CLI

FUNCTIONS: Final = ("drain", "forecast", "train", "verify", "api", "weather")

OWN_TRACES: Final = {"xray:PutTraceSegments *", "xray:PutTelemetryRecords *"}

RIGHTS: Final = {
    "DrainRole": OWN_TRACES
    | {
        "logs:CreateLogStream DrainLogGroup",
        "logs:PutLogEvents DrainLogGroup",
        "sqs:GetQueueUrl ReadingsQueue",
        "sqs:ReceiveMessage ReadingsQueue",
        "sqs:DeleteMessage ReadingsQueue",
        "sqs:GetQueueUrl ForecastJobsQueue",
        "sqs:SendMessage ForecastJobsQueue",
        "dynamodb:Scan HousesTable",
        "dynamodb:BatchGetItem HousesTable",
        "dynamodb:PutItem HousesTable",
        "dynamodb:UpdateItem HousesTable",
        "dynamodb:BatchGetItem ReadingsTable",
        "dynamodb:PutItem ReadingsTable",
        "dynamodb:UpdateItem ReadingsTable",
        "dynamodb:DeleteItem ReadingsTable",
        "dynamodb:PartiQLInsert ReadingsTable",
        "dynamodb:BatchGetItem ObservationsTable",
        "dynamodb:PutItem ObservationsTable",
        "dynamodb:UpdateItem ObservationsTable",
        "dynamodb:DeleteItem ObservationsTable",
        "dynamodb:PartiQLInsert ObservationsTable",
        "dynamodb:GetItem SettingsTable",
        "dynamodb:PutItem SettingsTable",
        "dynamodb:Query WeatherTable",
        "dynamodb:PutItem WeatherTable",
        "dynamodb:DeleteItem WeatherTable",
        "s3:PutObject Bucket/rejects/*",
    },
    "ForecastRole": OWN_TRACES
    | {
        "logs:CreateLogStream ForecastLogGroup",
        "logs:PutLogEvents ForecastLogGroup",
        "sqs:GetQueueAttributes ForecastJobsQueue",
        "sqs:ReceiveMessage ForecastJobsQueue",
        "sqs:DeleteMessage ForecastJobsQueue",
        "dynamodb:BatchGetItem HousesTable",
        "dynamodb:Query ObservationsTable",
        "dynamodb:BatchGetItem ObservationsTable",
        "dynamodb:Query WeatherTable",
        "dynamodb:GetItem ModelsTable",
        "s3:GetObject Bucket/models/*",
        "s3:ListBucket Bucket",
        "dynamodb:BatchWriteItem ForecastsTable",
        "dynamodb:ConditionCheckItem HousesTable",
        "dynamodb:GetItem NoticesTable",
        "dynamodb:UpdateItem NoticesTable",
        "dynamodb:Query AdviceTable",
        "dynamodb:PutItem AdviceTable",
        "dynamodb:DeleteItem AdviceTable",
    },
    "TrainRole": OWN_TRACES
    | {
        "logs:CreateLogStream TrainLogGroup",
        "logs:PutLogEvents TrainLogGroup",
        "sqs:GetQueueAttributes TrainingJobsQueue",
        "sqs:ReceiveMessage TrainingJobsQueue",
        "sqs:DeleteMessage TrainingJobsQueue",
        "dynamodb:BatchGetItem HousesTable",
        "dynamodb:ConditionCheckItem HousesTable",
        "dynamodb:Query ObservationsTable",
        "dynamodb:Query WeatherTable",
        "dynamodb:GetItem ModelsTable",
        "dynamodb:Query ModelsTable",
        "dynamodb:PutItem ModelsTable",
        "dynamodb:UpdateItem ModelsTable",
        "dynamodb:ConditionCheckItem ModelsTable",
        "s3:GetObject Bucket/models/*",
        "s3:PutObject Bucket/models/*",
        "s3:DeleteObject Bucket/models/*",
        "s3:ListBucket Bucket",
    },
    "VerifyRole": OWN_TRACES
    | {
        "logs:CreateLogStream VerifyLogGroup",
        "logs:PutLogEvents VerifyLogGroup",
        "dynamodb:Scan HousesTable",
        "dynamodb:BatchGetItem HousesTable",
        "dynamodb:ConditionCheckItem HousesTable",
        "dynamodb:Query ForecastsTable",
        "dynamodb:Query ObservationsTable",
        "dynamodb:UpdateItem ObservationsTable",
        "dynamodb:Query WeatherTable",
        "dynamodb:Query AccuracyTable",
        "dynamodb:PutItem AccuracyTable",
        "dynamodb:UpdateItem AccuracyTable",
        "dynamodb:GetItem ModelsTable",
        "dynamodb:Query ModelsTable",
        "dynamodb:UpdateItem ModelsTable",
        "sqs:GetQueueUrl TrainingJobsQueue",
        "sqs:SendMessage TrainingJobsQueue",
        "s3:GetObject Bucket/models/*",
        "s3:PutObject Bucket/models/*/*/state-*",
        "lambda:InvokeFunction function:roomidity-dev-verify",
        "s3:DeleteObject Bucket/models/*/*/state-*",
        "s3:ListBucket Bucket",
    },
    "ApiRole": OWN_TRACES
    | {
        "logs:CreateLogStream ApiLogGroup",
        "logs:PutLogEvents ApiLogGroup",
        "dynamodb:GetItem SettingsTable",
        "dynamodb:BatchGetItem HousesTable",
        "dynamodb:BatchGetItem AccuracyTable",
        "dynamodb:BatchGetItem ObservationsTable",
        "dynamodb:Query ObservationsTable",
        "dynamodb:BatchGetItem ForecastsTable",
        "dynamodb:Query ForecastsTable",
        "dynamodb:GetItem ModelsTable",
        "dynamodb:Query ModelsTable",
        "dynamodb:GetItem NoticesTable",
        "dynamodb:Query NoticesTable",
        "dynamodb:Query AdviceTable",
    },
    "WeatherRole": OWN_TRACES
    | {
        "logs:CreateLogStream WeatherLogGroup",
        "logs:PutLogEvents WeatherLogGroup",
        "dynamodb:Scan HousesTable",
        "dynamodb:Query WeatherTable",
        "dynamodb:PutItem WeatherTable",
        "dynamodb:UpdateItem WeatherTable",
    },
    "ProducerPolicy": {"sqs:GetQueueUrl ReadingsQueue", "sqs:SendMessage ReadingsQueue"},
    "DashboardPolicy": {"dynamodb:Scan HousesTable"}
    | {
        f"dynamodb:{action} {table}Table"
        for action in ("GetItem", "BatchGetItem", "Query")
        for table in ("Houses", "Observations", "Forecasts", "Accuracy")
    },
}


def serverless(*arguments: str, cwd: Path = CHECKOUT, **more: str) -> subprocess.CompletedProcess[str]:
    """The CLI's run in an environment that knows nothing of AWS: no variable, no profile."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ROOMIDITY_"))}
    HOME.mkdir(parents=True, exist_ok=True)
    environment |= {"HOME": str(HOME), "NODE_NO_WARNINGS": "1", "AWS_EC2_METADATA_DISABLED": "true"} | more
    return subprocess.run(  # noqa: S603  # our own CLI, our own arguments
        [str(CLI), *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def package(folder: Path, *arguments: str, **more: str) -> dict[str, Any]:
    """The template that ``serverless package`` writes, in a folder that has nothing else."""
    run = serverless(
        "package", "--package", str(folder / "package"), *arguments, cwd=laid_out(folder / "service"), **more
    )
    assert run.returncode == 0, run.stdout + run.stderr
    template: dict[str, Any] = json.loads((folder / "package/cloudformation-template-update-stack.json").read_text())
    return template


@pytest.fixture(scope="module")
def printed() -> dict[str, Any]:
    run = serverless("print", "--format", "json")
    assert run.returncode == 0, run.stdout + run.stderr
    service: dict[str, Any] = json.loads(run.stdout)  # and nothing but JSON
    return service


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return package(tmp_path_factory.mktemp("package"))


def of_type(resources: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {name: resource for name, resource in resources.items() if resource["Type"] == kind}


def as_list(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def rights(resource: Mapping[str, Any]) -> Iterator[str]:
    """Each action with the resource that it is allowed on."""
    properties = resource["Properties"]
    policies = properties.get("Policies", [properties])
    for statement in (one for policy in policies for one in policy["PolicyDocument"]["Statement"]):
        assert statement["Effect"] == "Allow"
        for target in as_list(statement["Resource"]):
            for action in as_list(statement["Action"]):
                yield f"{action} {place(target)}"


def place(target: Any) -> str:
    if isinstance(target, str):
        return target
    if "Fn::GetAtt" in target:
        name, attribute = target["Fn::GetAtt"]
        assert attribute == "Arn"
        return str(name)
    here = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:"
    return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", target["Fn::Sub"].removeprefix(here))


def names(part: str) -> list[str]:
    """What a part of the stack adds, such as ``Resources.Bucket``."""
    found, section = [], ""
    for line in part.splitlines():
        if begun := re.match(r"(\w+):", line):
            section = begun[1]
        elif named := re.match(r"  (\w+):", line):
            found.append(f"{section}.{named[1]}")
    return found


def test_the_parts_of_the_stack_are_all_there_and_do_not_overlap(printed: dict[str, Any]) -> None:
    parts = re.findall(r"^  - \$\{file\((.+)\)\}$", (CHECKOUT / "serverless.yml").read_text(), re.MULTILINE)
    assert sorted(parts) == sorted(str(path.relative_to(CHECKOUT)) for path in PARTS.iterdir())
    found = [name for part in parts for name in names((CHECKOUT / part).read_text())]
    assert sorted(found) == sorted(
        f"{section}.{name}"
        for section, content in printed["resources"].items()
        if isinstance(content, dict) and section != "extensions"  # which add to what the CLI makes of functions' events
        for name in content
    )


def test_a_changed_part_is_resolved_anew(tmp_path: Path) -> None:
    """The local engine keeps what the CLI made of all files; a stand-in for the CLI says which content it saw."""
    for name in ("serverless.yml", "package-lock.json"):
        shutil.copy(CHECKOUT / name, tmp_path)
    shutil.copytree(CHECKOUT / "container", tmp_path / "container")
    part = tmp_path / "container/stack/storage.yml"
    cli = tmp_path / "node_modules/.bin/serverless"
    cli.parent.mkdir(parents=True)
    cli.write_text('#!/bin/sh\necho "{\\"part\\": \\"$(cksum <container/stack/storage.yml)\\"}"\n')
    cli.chmod(0o755)
    first = resolved(tmp_path, stage="test", cache=tmp_path / "cache")
    part.write_text(part.read_text().replace("AES256", "aws:kms"))
    second = resolved(tmp_path, stage="test", cache=tmp_path / "cache")
    assert first != second
    cli.unlink()  # what did not change again is taken from the cache
    assert resolved(tmp_path, stage="test", cache=tmp_path / "cache") == second


def test_the_only_plugin_is_our_own(printed: dict[str, Any]) -> None:
    assert printed["plugins"] == ["./container/local-plugin.js"]


def test_a_handler_is_named_once_in_the_images_command(printed: dict[str, Any], template: dict[str, Any]) -> None:
    assert tuple(printed["functions"]) == FUNCTIONS
    for name, function in printed["functions"].items():
        assert function["image"] == {"name": "app", "command": [f"handlers.{name}.handler"]}
        assert "handler" not in function
        assert (CHECKOUT / "handlers" / f"{name}.py").exists()
        deployed = template["Resources"][f"{name.title()}LambdaFunction"]["Properties"]
        assert deployed["FunctionName"] == f"roomidity-dev-{name}"
        assert deployed["ImageConfig"] == {"Command": [f"handlers.{name}.handler"]}
        assert deployed["TracingConfig"] == {"Mode": "Active"}
        assert deployed["Role"] == {"Fn::GetAtt": [f"{name.title()}Role", "Arn"]}


def test_offline_a_placeholder_stands_for_the_image(printed: dict[str, Any], template: dict[str, Any]) -> None:
    placeholder = printed["provider"]["ecr"]["images"]["app"]["uri"]
    assert re.fullmatch(r"0{12}\.dkr\.ecr\.eu-central-1\.amazonaws\.com/placeholder@sha256:0{64}", placeholder)
    for function in of_type(template["Resources"], "AWS::Lambda::Function").values():
        assert function["Properties"]["Code"] == {"ImageUri": placeholder}


def test_an_image_given_by_parameter_is_used(tmp_path: Path) -> None:
    uri = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/roomidity@sha256:{'a' * 64}"
    packaged = package(tmp_path, "--param", f"image={uri}")
    for function in of_type(packaged["Resources"], "AWS::Lambda::Function").values():
        assert function["Properties"]["Code"] == {"ImageUri": uri}


def test_the_environment_is_literal_but_for_the_bucket(printed: dict[str, Any]) -> None:
    environment = dict(printed["provider"]["environment"])
    assert environment.pop("ROOMIDITY_BUCKET") == {"Ref": "Bucket"}
    assert environment == {
        "ROOMIDITY_SERVICE": "roomidity",
        "ROOMIDITY_STAGE": "dev",
        "ROOMIDITY_TIMEZONE": "Europe/Berlin",
        "ROOMIDITY_RETENTION_DAYS": "400",
        "ROOMIDITY_FORECAST_DAYS": "35",
        "ROOMIDITY_FORECAST_FORMAT": "2",
        "ROOMIDITY_VERIFY_HOUSES": "300",
        "ROOMIDITY_NEW_HOUSES_A_TICK": "500",
        "ROOMIDITY_NEW_HOUSES_A_DAY": "5000",
        "ROOMIDITY_HOUSE_READINGS_A_TICK": "2000000",
        "ROOMIDITY_NOTICES": "off",
        "ROOMIDITY_ADVICE": "off",
        "ROOMIDITY_BATCH_INSERT": "off",
        "POWERTOOLS_SERVICE_NAME": "roomidity",
        "POWERTOOLS_METRICS_NAMESPACE": "roomidity-dev",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def test_queues_and_their_dead_letters(printed: dict[str, Any]) -> None:
    resources = printed["resources"]["Resources"]
    queues = {
        one["Properties"]["QueueName"]: one["Properties"] for one in of_type(resources, "AWS::SQS::Queue").values()
    }
    kinds = {"readings": (600, 100), "forecast-jobs": (360, 5), "training-jobs": (5400, 3)}
    assert set(queues) == {f"roomidity-dev-{kind}{tail}" for kind in kinds for tail in ("", "-dlq")}
    for kind, (visibility_s, receives) in kinds.items():
        queue = queues[f"roomidity-dev-{kind}"]
        assert queue["VisibilityTimeout"] == visibility_s
        assert queue["RedrivePolicy"]["maxReceiveCount"] == receives
        dead_letters = resources[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        assert dead_letters["Properties"]["QueueName"] == f"roomidity-dev-{kind}-dlq"
    for queue in queues.values():
        assert queue["MessageRetentionPeriod"] == 14 * 86_400
        assert queue["SqsManagedSseEnabled"] is True
    assert queues["roomidity-dev-readings"]["MaximumMessageSize"] >= 256_000  # what a producer packs


def test_a_message_stays_hidden_long_enough(printed: dict[str, Any]) -> None:
    """Longer than drain may take; six times the timeout of an event source's function, as AWS asks."""
    resources, functions = printed["resources"]["Resources"], printed["functions"]
    assert resources["ReadingsQueue"]["Properties"]["VisibilityTimeout"] > functions["drain"]["timeout"]
    for name in ("forecast", "train"):
        queue = functions[name]["events"][0]["sqs"]["arn"]["Fn::GetAtt"][0]
        assert resources[queue]["Properties"]["VisibilityTimeout"] >= 6 * functions[name]["timeout"]


def test_tables_have_the_keys_of_the_contract(printed: dict[str, Any]) -> None:
    tables = of_type(printed["resources"]["Resources"], "AWS::DynamoDB::Table").values()
    found = {one["Properties"]["TableName"]: one["Properties"] for one in tables}
    assert set(found) == {f"roomidity-dev-{name}" for name in KEYS}
    for name, keys in KEYS.items():
        table = found[f"roomidity-dev-{name}"]
        kinds = ["HASH", "RANGE"][: len(keys)]
        assert table["KeySchema"] == [
            {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, kinds, strict=True)
        ]
        assert table["AttributeDefinitions"] == [{"AttributeName": key, "AttributeType": "S"} for key in keys]
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        recovered = name in {"houses", "readings", "models"}  # what nothing else follows from
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": recovered}
        assert table["SSESpecification"] == {"SSEEnabled": True}


def test_the_bucket_is_closed_and_tidies_up(printed: dict[str, Any]) -> None:
    bucket = printed["resources"]["Resources"]["Bucket"]["Properties"]
    assert bucket["BucketName"] == {"Fn::Sub": "roomidity-dev-${AWS::AccountId}"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["LifecycleConfiguration"]["Rules"][0] == {
        "Id": "rejects-expire",
        "Status": "Enabled",
        "Prefix": "rejects/",
        "ExpirationInDays": 90,
    }
    # What was deleted or replaced can be had back for 30 days; then nothing of it is left, its delete marker included.
    assert bucket["LifecycleConfiguration"]["Rules"][1] == {
        "Id": "old-versions-expire",
        "Status": "Enabled",
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        "ExpiredObjectDeleteMarker": True,
    }


def test_callers_without_tls_are_refused_everywhere(printed: dict[str, Any]) -> None:
    resources = printed["resources"]["Resources"]
    guards = [
        *of_type(resources, "AWS::SQS::QueuePolicy").values(),
        *of_type(resources, "AWS::S3::BucketPolicy").values(),
    ]
    guarded = set()
    for guard in guards:
        (statement,) = guard["Properties"]["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        attached = as_list(guard["Properties"].get("Queues", guard["Properties"].get("Bucket")))
        assert place(as_list(statement["Resource"])[0]) == attached[0]["Ref"]
        guarded.add(attached[0]["Ref"])
    assert guarded == {*of_type(resources, "AWS::SQS::Queue"), "Bucket"}


def schedules(resources: Mapping[str, Any]) -> dict[str, str]:
    """Each rule that is switched on, with its expression."""
    rules = [one["Properties"] for one in of_type(resources, "AWS::Events::Rule").values()]
    return {rule["Name"]: rule["ScheduleExpression"] for rule in rules if rule["State"] == "ENABLED"}


def test_without_a_topic_there_is_no_rule_of_iot(template: dict[str, Any]) -> None:
    assert not [name for name in template["Resources"] if name.startswith("Iot")]
    assert "iot" not in json.dumps(template["Resources"]).lower()


def test_what_starts_the_functions(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    assert schedules(resources) == {
        "roomidity-dev-drain": "cron(1/15 * * * ? *)",
        "roomidity-dev-verify": "cron(20 0 * * ? *)",
    }
    sources = {
        source["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]: source["Properties"]
        for source in of_type(resources, "AWS::Lambda::EventSourceMapping").values()
    }
    assert {name: source["BatchSize"] for name, source in sources.items()} == {
        "ForecastJobsQueue": 10,
        "TrainingJobsQueue": 1,
    }
    for source in sources.values():
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_the_weather_is_asked_for_only_where_it_is_switched_on_and_the_key_is_nowhere_but_in_ssm(
    template: dict[str, Any], tmp_path: Path
) -> None:
    name = "/roomidity/weather-key"
    parameters = ["weather=on", f"weatherKeyName={name}", "weatherUrl=https://customer-api.open-meteo.com/v1/forecast"]
    on = package(tmp_path, *(part for one in parameters for part in ("--param", one)))
    assert schedules(on["Resources"])["roomidity-dev-weather"] == "cron(10 1/3 * * ? *)"
    for one, has in ((template, False), (on, True)):
        assert one["Resources"]["WeatherAlarm"]["Condition"] == "HasWeather"
        assert one["Resources"]["WeatherKeyPolicy"]["Condition"] == "HasWeatherKey"
        assert (one["Parameters"]["WeatherSwitch"]["Default"] == "on") == has
        assert (one["Parameters"]["WeatherKeyName"]["Default"] == name) == has
    environment = on["Resources"]["WeatherLambdaFunction"]["Properties"]["Environment"]["Variables"]
    assert environment["ROOMIDITY_WEATHER_KEY_NAME"] == name
    policy = on["Resources"]["WeatherKeyPolicy"]["Properties"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], policy["Roles"]) == ("ssm:GetParameter", [{"Ref": "WeatherRole"}])
    assert statement["Resource"]["Fn::Sub"].endswith(f":parameter{name}")
    others = [one for name, one in of_type(on["Resources"], "AWS::Lambda::Function").items() if "Weather" not in name]
    assert all("ROOMIDITY_WEATHER_URL" not in one["Properties"]["Environment"]["Variables"] for one in others)


def test_a_role_may_do_what_its_function_does_and_nothing_else(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    grants = {**of_type(resources, "AWS::IAM::Role"), **of_type(resources, "AWS::IAM::ManagedPolicy")}
    found = {name: set(rights(grant)) for name, grant in grants.items()}
    assert found.keys() == RIGHTS.keys()
    assert {name: (found[name] - RIGHTS[name], RIGHTS[name] - found[name]) for name in found} == dict.fromkeys(
        found, (set(), set())
    )


def test_logs_are_kept_for_a_time(template: dict[str, Any]) -> None:
    groups = of_type(template["Resources"], "AWS::Logs::LogGroup").values()
    assert {one["Properties"]["LogGroupName"] for one in groups} == {
        f"/aws/lambda/roomidity-dev-{name}" for name in FUNCTIONS
    }
    assert {one["Properties"]["RetentionInDays"] for one in groups} == {14}


def test_a_stage_other_than_dev_keeps_its_data(template: dict[str, Any], tmp_path: Path) -> None:
    settings = (
        "scheduleMinute=3",
        "timezone=Europe/Brussels",
        "recoverAll=on",
        "architecture=arm64",
        "forecastFormat=1",
    )
    other = package(tmp_path, "--stage", "prod", *(word for one in settings for word in ("--param", one)))
    for one in of_type(other["Resources"], "AWS::DynamoDB::Table").values():
        assert one["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    for function in of_type(other["Resources"], "AWS::Lambda::Function").values():
        assert function["Properties"]["Architectures"] == ["arm64"]
        assert function["Properties"]["Environment"]["Variables"]["ROOMIDITY_FORECAST_FORMAT"] == "1"
    for stage, policy in ((template, "Delete"), (other, "Retain")):
        tables = of_type(stage["Resources"], "AWS::DynamoDB::Table").values()
        kept = [*tables, *(stage["Resources"][name] for name in ("Bucket", "ReadingsQueue", "ReadingsDeadLetters"))]
        assert {one["DeletionPolicy"] for one in kept} == {one["UpdateReplacePolicy"] for one in kept} == {policy}
        protected = {one["Properties"]["DeletionProtectionEnabled"] for one in tables}
        assert protected == {policy == "Retain"}
        jobs = [
            one
            for name, one in of_type(stage["Resources"], "AWS::SQS::Queue").items()
            if name.startswith(("Forecast", "Training"))
        ]
        assert len(jobs) == 4
        assert {one["DeletionPolicy"] for one in jobs} == {"Delete"}  # jobs are asked for again
    drain = other["Resources"]["DrainLambdaFunction"]["Properties"]
    assert drain["FunctionName"] == "roomidity-prod-drain"
    assert drain["Environment"]["Variables"]["ROOMIDITY_STAGE"] == "prod"
    assert drain["Environment"]["Variables"]["ROOMIDITY_TIMEZONE"] == "Europe/Brussels"
    assert schedules(other["Resources"])["roomidity-prod-drain"] == "cron(3/15 * * * ? *)"


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """A service like ours, whose drain answers with its environment."""
    shutil.copy(CHECKOUT / "serverless.yml", tmp_path)  # the CLI takes no symbolic link for it
    for name in ("container", "node_modules"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers/__init__.py").touch()
    (tmp_path / "handlers/drain.py").write_text(
        "import os\n"
        "def handler(event, context):\n"
        "    if event.get('fail'):\n"
        "        raise RuntimeError('as asked')\n"
        "    return {'event': event, 'environment': dict(os.environ)}\n"
    )
    return tmp_path


def invoke_local(service: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Drain under the CLI, with what a shell exports for the local engine."""
    return serverless(
        "invoke",
        "local",
        "-f",
        "drain",
        *arguments,
        cwd=service,
        PYTHONPATH=str(service),  # before an installed roomidity
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106  # what the emulator takes
        ROOMIDITY_BUCKET="the-shells-own",
        ROOMIDITY_STAGE="trial",
    )


def test_invoke_local_runs_the_handler_in_the_shells_environment(echo: Path) -> None:
    run = invoke_local(echo, "-p", str(CHECKOUT / "tests/events/drain.json"))
    assert run.returncode == 0, run.stdout + run.stderr
    answer = json.loads(run.stdout)
    assert answer["event"]["time"] == "2026-03-15T00:01:00Z"
    environment = answer["environment"]
    assert environment["ROOMIDITY_BUCKET"] == "the-shells-own"
    assert environment["ROOMIDITY_STAGE"] == "trial"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert environment["ROOMIDITY_RETENTION_DAYS"] == "400"


def test_invoke_local_tells_failure_by_its_exit_status(echo: Path) -> None:
    run = invoke_local(echo, "-d", '{"fail": true}')
    assert run.returncode == 1
    said = run.stdout + run.stderr
    assert "as asked" in said
    assert "Traceback" in said  # it is a fault of the program
    assert "node:internal" not in said  # and none of the CLI


def test_the_cli_is_pinned_and_its_lock_names_no_registry() -> None:
    manifest = json.loads((CHECKOUT / "package.json").read_text())
    lock = json.loads((CHECKOUT / "package-lock.json").read_text())
    pinned = manifest["devDependencies"]["osls"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", pinned)
    assert lock["packages"]["node_modules/osls"]["version"] == pinned
    assert not [name for name, locked in lock["packages"].items() if "resolved" in locked]


def test_the_image_pins_every_dependency_by_hash() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["train"]]
    build = project["build-system"]["requires"]
    for name, requirements in (("requirements.txt", wanted), ("requirements-build.txt", build)):
        pins = re.sub(r"\\\n", "", (CHECKOUT / "container" / name).read_text())
        lines = [line for line in pins.splitlines() if line and not line.lstrip().startswith("#")]
        assert all(re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line) for line in lines)
        pinned = {line.split("==")[0] for line in lines}
        assert {re.split(r"[^\w.-]", one)[0] for one in requirements} <= pinned


EVENTS: Final = sorted((CHECKOUT / "tests/events").glob("*.json"))


@pytest.mark.parametrize("path", EVENTS, ids=[path.stem for path in EVENTS])
def test_a_sample_event_has_the_shape_that_aws_sends(path: Path) -> None:
    event = json.loads(path.read_text())
    for record in event.get("Records", []):
        assert record["eventSource"] == "aws:sqs"
        assert record["attributes"]["SentTimestamp"].isdigit()
        assert "house" in json.loads(record["body"])
