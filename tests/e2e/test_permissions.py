"""Each role allows what its function calls, all of it and nothing else: seen by running the functions, not by reading.

The handlers' own functions run in this process against the local engine; each request that botocore sends meanwhile is
noted, and judged by the packaged template's roles.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, Final

import polars as pl
import pytest
from botocore.client import BaseClient

from roomidity.api.routes import ROUTES
from roomidity.composition import Stage
from roomidity.domain.position import Position
from roomidity.domain.slots import SLOT, format_moment
from roomidity.forecasting import load_prior
from roomidity.local.engine import Engine
from roomidity.local.functions import Functions
from roomidity.local.simulation import simulate_house
from roomidity.pipeline.changing import change_house
from roomidity.pipeline.forgetting import forget_house
from roomidity.pipeline.house_settings import with_position
from roomidity.pipeline.tokens import add_token
from roomidity.readings import pack_readings
from tests.api import event_of
from tests.e2e import permissions
from tests.e2e.engine import plain
from tests.e2e.permissions import (
    NEVER_SEEN,
    Call,
    UnjudgeableError,
    called_by_aws,
    calls_of,
    granted_in_vain,
    not_allowed,
    on_everything,
)
from tests.e2e.test_serverless import NEEDS_CLI, package
from tests.provider import answer_of, answering

pytestmark = NEEDS_CLI

ACCOUNT: Final = "000000000000"
REGION: Final = "eu-central-1"
START: Final = datetime(2026, 3, 11, tzinfo=UTC)
FIRST: Final = datetime(2026, 3, 15, tzinfo=UTC)
"""The first drain: four days of readings have come together, enough for a first training."""
NIGHTS: Final = 4
"""A state is deleted once two newer ones stand: the third night that moves it on does that; the first one trains."""


class Noted(Functions):
    """The functions, with what each of them calls at AWS."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.calls: set[Call] = set()
        self._running: str | None = None
        send = BaseClient._make_api_call  # type: ignore[attr-defined]  # the stubs leave it out

        def note(client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
            if self._running is not None:  # else the test itself calls
                service = client.meta.service_model.service_name
                self.calls.update(
                    calls_of(self._running, service, operation, parameters, account=ACCOUNT, region=REGION)
                )
            return send(client, operation, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", note)

    def _call(self, name: str, event: Mapping[str, Any], *, replayed_to: datetime | None = None) -> dict[str, Any]:
        import_module("handlers.runtime").stage.cache_clear()  # in the cloud no function has what another one read
        self._running = name
        try:
            return super()._call(name, event, replayed_to=replayed_to)
        finally:
            self._running = None


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return package(tmp_path_factory.mktemp("package"), "--stage", "test", "--param", "notices=on")


@pytest.fixture(scope="module")
def calls(engine: Engine) -> Iterator[set[Call]]:
    """What the functions call while a house lives through its first days."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in engine.environment.items():
            if not name.startswith("POWERTOOLS_"):  # read once, when a handler is imported, which other tests share
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("ROOMIDITY_NOTICES", "on")
        functions, stage = Noted(monkeypatch), Stage.from_environment(os.environ)
        plain(os.environ, "events").create_event_bus(Name=f"{stage.settings.prefix}-notices")
        _live(stage, functions)
        yield functions.calls
    import_module("handlers.runtime").stage.cache_clear()


def _live(stage: Stage, functions: Functions) -> None:
    """All that functions do: past days in bulk, single slots, rejects, late readings; forecasts by the prior and by a
    model of the house's own; trainings, promotion, pruning; nights that score, flag, and move the state on."""
    readings = simulate_house(seed=11, start=START, days=4 + NIGHTS).readings
    stuck = (pl.col("room") == "bathroom") & pl.col("ts").is_between(FIRST - timedelta(hours=30), FIRST)
    readings = readings.with_columns(temperature=pl.when(stuck).then(21.0).otherwise("temperature"))
    assert readings.filter(stuck).height > 96
    late = pl.col("ts").is_between(FIRST - timedelta(hours=3), FIRST - timedelta(hours=2)) & (
        pl.col("room") != "kitchen"
    )

    _send(stage, readings.filter((pl.col("ts") < FIRST) & ~late))
    stage.readings_queue.send(["not JSON", json.dumps({"house": "demo", "room": "kitchen", "ts": 1, "humidity": 50})])
    heard = {"topic": "me/shed", "received_at": format_moment(FIRST - SLOT), "payload": {"humidity": 50}}
    stage.readings_queue.send([json.dumps({"house": "demo", "messages": [heard]})])
    sent = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [format_moment(sent + number * timedelta(hours=1)) for number in range(49)]
    issue = {"issued_at": hours[0], "times": hours, "temperature": [5] * 49, "humidity": [80] * 49}
    stage.readings_queue.send([json.dumps({"house": "demo", "weather": issue})])
    answer = functions.scheduled("drain", FIRST)
    assert set(answer["rejects"]) == {"malformed", "too_old", "unmapped"}
    assert answer["slots_changed"] > 300
    assert functions.work_off("forecast", stage.forecast_jobs) == 1

    asked, flagged, advanced, rows = set(), 0, 0, 0
    for night in range(NIGHTS):
        midnight = FIRST + night * timedelta(days=1)
        found = functions.scheduled("verify", midnight + timedelta(minutes=20))
        asked.update(found["trainings_asked"])
        flagged, advanced = flagged + found["slots_flagged"], advanced + found["states_advanced"]
        rows += found["rows"]
        if night == 1:
            _publish_refused(stage, midnight - timedelta(days=1))
        if night <= 1:
            assert functions.work_off("train", stage.training_jobs) == 1
        day = pl.col("ts").is_between(midnight, midnight + timedelta(days=1), closed="left")
        _send(stage, readings.filter(day & (pl.col("ts") < midnight + SLOT) | late if night == 0 else day))
        functions.scheduled("drain", midnight + SLOT)
        if night == 0:  # the rest of the day, after one slot alone and what was late
            _send(stage, readings.filter(day & (pl.col("ts") >= midnight)))  # the first slot's come again
            functions.scheduled("drain", midnight + timedelta(days=1) - SLOT)
        functions.work_off("forecast", stage.forecast_jobs)
    assert asked == {"first", "daily"}
    assert flagged > 0
    assert advanced >= NIGHTS - 1
    assert rows > 0
    _divide(stage, functions, issue)
    _fetch(stage, functions)
    _ask(stage, functions)
    standings = {entry.why for entry in stage.registry.served("demo")}
    assert standings == {"promoted"}


def _fetch(stage: Stage, functions: Functions) -> None:
    """The weather of where the house is, from a provider."""
    at = FIRST + NIGHTS * timedelta(days=1)
    change_house(stage.houses, stage.backoff, "demo", lambda home: with_position(home, Position(52.5, 13.4)))
    with answering(answer_of(at)) as (url, _), pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ROOMIDITY_WEATHER_URL", url)
        assert functions.scheduled("weather", at)["stored"] == 1


def _divide(stage: Stage, functions: Functions, issue: Mapping[str, Any]) -> None:
    """A night of more houses than one call takes. What it calls in turn runs elsewhere, and is as any other."""
    at = FIRST + NIGHTS * timedelta(days=1)
    reading = {"house": "other", "room": "kitchen", "ts": format_moment(at - SLOT), "humidity": 50}
    gone = {"house": "gone", "weather": issue}
    before = {**reading, "ts": format_moment(at - 2 * SLOT)}  # a second new slot, so that both go in one batch
    sent = [reading, before, {**reading, "house": "gone"}, gone]
    stage.readings_queue.send([json.dumps(one) for one in sent])
    list(forget_house(stage.forget_ports, house="gone"))  # what waits of it is dropped, and what is left of it deleted
    assert functions.scheduled("drain", at)["rejects"] == {"forgotten": 2}
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", "def handler(event, context): return event")
    plain(os.environ, "lambda").create_function(
        FunctionName=f"{stage.settings.prefix}-verify",
        Runtime="python3.13",
        Handler="main.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/any",
        Code={"ZipFile": code.getvalue()},
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ROOMIDITY_VERIFY_HOUSES", "1")
        assert functions.scheduled("verify", at)["calls"] == 2


def _ask(stage: Stage, functions: Functions) -> None:
    """Every route of the API: just after a forecast was issued, and long after the last one."""
    now = datetime.now(UTC).replace(microsecond=0)
    token, _ = add_token(
        stage.house_settings, stage.backoff, "demo", label="", now=now, expires_at=now + SLOT, secret=b"s" * 32
    )
    end = FIRST + NIGHTS * timedelta(days=1)
    for path in sorted(ROUTES):
        for at in (end - SLOT, end + timedelta(hours=3)):
            answer = functions.requested("api", event_of(path, token=token), replayed_to=at)
            assert answer["statusCode"] == 200


def _send(stage: Stage, readings: pl.DataFrame) -> None:
    stage.readings_queue.send(list(pack_readings(readings)))


def _publish_refused(stage: Stage, trained_at: datetime) -> None:
    """A version that lost long enough ago for the next training to prune it."""
    model, state, _ = load_prior()
    stage.registry.publish(
        "demo",
        model=replace(model, bias3=model.bias3 + 1 / 1024),
        state=state,
        manifest={"trained_through": f"{trained_at:%Y-%m-%dT%H:%MZ}", "quarantine": []},
        trained_at=trained_at,
        decision={"won": False, "reasons": ["for the test"]},
    )


def test_each_role_allows_what_its_function_calls(template: dict[str, Any], calls: set[Call]) -> None:
    assert {call.function for call in calls} == {"api", "drain", "forecast", "train", "verify", "weather"}
    assert not_allowed(template, calls, ACCOUNT, REGION) == []


def test_no_role_allows_what_its_function_never_calls(template: dict[str, Any], calls: set[Call]) -> None:
    assert granted_in_vain(template, calls, ACCOUNT, REGION) == []


def test_no_right_stands_on_everything_without_a_reason(template: dict[str, Any]) -> None:
    assert on_everything(template) == []


# ---- The matcher bites: each of these templates is wrong in one place.


def statements(template: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"][
        "Statement"
    ]
    return found


def listed(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


ROLES: Final = ("DrainRole", "ForecastRole", "TrainRole", "VerifyRole")


@pytest.mark.parametrize("role", ROLES)
def test_any_action_that_is_missing_is_found(template: dict[str, Any], calls: set[Call], role: str) -> None:
    function = role.removesuffix("Role").lower()
    for number, statement in enumerate(statements(template, role)):
        for action in listed(statement["Action"]):
            if {(function, action), (function, f"{action} ({statement['Sid']})")} & NEVER_SEEN.keys():
                continue
            broken = deepcopy(template)
            kept = [one for one in listed(statement["Action"]) if one != action]
            statements(broken, role)[number]["Action"] = kept
            complaints = not_allowed(broken, calls, ACCOUNT, REGION)
            assert complaints, f"{role} without {action}"
            assert all(one.startswith(f"{function} may not {action} on ") for one in complaints)


@pytest.mark.parametrize("role", ROLES)
def test_any_resource_that_is_missing_is_found(template: dict[str, Any], calls: set[Call], role: str) -> None:
    for number, statement in enumerate(statements(template, role)):
        if not isinstance(statement["Resource"], list):
            continue
        for place in range(len(statement["Resource"])):
            broken = deepcopy(template)
            del statements(broken, role)[number]["Resource"][place]
            assert not_allowed(broken, calls, ACCOUNT, REGION)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:DeleteItem", {"Fn::GetAtt": ["HousesTable", "Arn"]}),
        ("sqs:PurgeQueue", {"Fn::GetAtt": ["ReadingsQueue", "Arn"]}),
        ("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/rejects/*"}),
        ("logs:CreateLogGroup", "*"),
    ],
)
def test_any_right_too_many_is_found(
    template: dict[str, Any], calls: set[Call], role: str, action: str, resource: Any
) -> None:
    broken = deepcopy(template)
    statements(broken, role).append({"Sid": "Planted", "Effect": "Allow", "Action": action, "Resource": resource})
    (complaint,) = granted_in_vain(broken, calls, ACCOUNT, REGION)
    assert complaint.startswith(f"{role.removesuffix('Role').lower()} may {action} on ")
    assert "(Planted)" in complaint


@pytest.mark.parametrize("holder", [*ROLES, "ProducerPolicy", "DashboardPolicy"])
def test_a_right_on_everything_is_found(template: dict[str, Any], holder: str) -> None:
    broken = deepcopy(template)
    properties = broken["Resources"][holder]["Properties"]
    document = properties.get("Policies", [properties])[0]["PolicyDocument"]
    document["Statement"][-1]["Resource"] = "*"
    actions = listed(document["Statement"][-1]["Action"])
    assert [one.rpartition(" (")[0] for one in on_everything(broken)] == [
        f"{holder} allows {action} on *" for action in sorted(actions)
    ]
    document["Statement"][-1] |= {"Action": "dynamodb:*", "Resource": {"Fn::GetAtt": ["HousesTable", "Arn"]}}
    (complaint,) = on_everything(broken)
    assert complaint.startswith(f"{holder} allows all of dynamodb:*")


def test_what_aws_calls_itself_follows_from_the_template(template: dict[str, Any], calls: set[Call]) -> None:
    """A function without tracing, or without an event source, needs less; then its role allows in vain."""
    found = {(call.function, call.service, call.operation) for call in called_by_aws(template, ACCOUNT, REGION)}
    assert {function for function, service, _ in found if service == "sqs"} == {"forecast", "train"}
    broken = deepcopy(template)
    broken["Resources"]["DrainLambdaFunction"]["Properties"]["TracingConfig"]["Mode"] = "PassThrough"
    complaints = granted_in_vain(broken, calls, ACCOUNT, REGION)
    assert [one.split(" ")[:3] for one in complaints] == [
        ["drain", "may", "xray:PutTelemetryRecords"],
        ["drain", "may", "xray:PutTraceSegments"],
    ]


def test_a_denial_comes_before_any_permission(template: dict[str, Any], calls: set[Call]) -> None:
    broken = deepcopy(template)
    denial = {"Sid": "No", "Effect": "Deny", "Action": "dynamodb:*", "Resource": {"Fn::GetAtt": ["HousesTable", "Arn"]}}
    statements(broken, "DrainRole").append(denial)
    complaints = not_allowed(broken, calls, ACCOUNT, REGION)
    operations = ("Scan", "BatchGetItem", "PutItem", "UpdateItem")
    assert {one.split(" ")[3] for one in complaints} == {f"dynamodb:{operation}" for operation in operations}


def test_an_exception_does_not_outlive_its_reason(
    template: dict[str, Any], calls: set[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permissions, "NEVER_SEEN", {**NEVER_SEEN, ("drain", "dynamodb:Scan"): "drain does call it"})
    assert granted_in_vain(template, calls, ACCOUNT, REGION) == ["drain needs no exception for dynamodb:Scan"]


@pytest.mark.parametrize(
    "unknown",
    [
        {"Condition": {"StringEquals": {"aws:RequestedRegion": REGION}}},
        {"NotAction": "s3:GetObject"},
        {"NotResource": "arn:aws:s3:::elsewhere"},
    ],
)
def test_what_the_matcher_does_not_know_it_refuses_to_judge(template: dict[str, Any], unknown: dict[str, Any]) -> None:
    broken = deepcopy(template)
    statements(broken, "DrainRole")[-1].update(unknown)
    with pytest.raises(UnjudgeableError, match=f"DrainRole, KeepRejects: {next(iter(unknown))}"):
        not_allowed(broken, [], ACCOUNT, REGION)


def test_managed_policies_and_unknown_functions_are_not_judged(template: dict[str, Any]) -> None:
    with pytest.raises(UnjudgeableError, match="no function 'stranger'"):
        not_allowed(template, [Call("stranger", "s3", "GetObject", "arn:aws:s3:::a/b")], ACCOUNT, REGION)
    broken = deepcopy(template)
    broken["Resources"]["DrainRole"]["Properties"]["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    with pytest.raises(UnjudgeableError, match="DrainRole has managed policies"):
        granted_in_vain(broken, [], ACCOUNT, REGION)


def found_calls(service: str, operation: str, parameters: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    found = calls_of("drain", service, operation, parameters, account="1", region="r")
    return [(call.operation, call.resource) for call in found]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        (
            "dynamodb",
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Update": {"TableName": "a"}},
                    {"ConditionCheck": {"TableName": "b"}},
                    {"Delete": {"TableName": "a"}},
                ]
            },
            [
                ("UpdateItem", "arn:aws:dynamodb:r:1:table/a"),
                ("ConditionCheckItem", "arn:aws:dynamodb:r:1:table/b"),
                ("DeleteItem", "arn:aws:dynamodb:r:1:table/a"),
            ],
        ),
        (
            "dynamodb",
            "BatchGetItem",
            {"RequestItems": {"a": {}, "b": {}}},
            [("BatchGetItem", "arn:aws:dynamodb:r:1:table/a"), ("BatchGetItem", "arn:aws:dynamodb:r:1:table/b")],
        ),
        (
            "s3",
            "DeleteObjects",
            {"Bucket": "c", "Delete": {"Objects": [{"Key": "x"}, {"Key": "y", "VersionId": "1"}]}},
            [("DeleteObject", "arn:aws:s3:::c/x"), ("DeleteObjectVersion", "arn:aws:s3:::c/y")],
        ),
        (
            "s3",
            "GetObject",
            {"Bucket": "c", "Key": "x", "VersionId": "1"},
            [("GetObjectVersion", "arn:aws:s3:::c/x")],
        ),
        ("s3", "ListObjectsV2", {"Bucket": "c", "Prefix": "x"}, [("ListObjectsV2", "arn:aws:s3:::c")]),
        (
            "sqs",
            "DeleteMessageBatch",
            {"QueueUrl": "http://127.0.0.1:4566/1/q"},
            [("DeleteMessageBatch", "arn:aws:sqs:r:1:q")],
        ),
        ("sqs", "GetQueueUrl", {"QueueName": "q"}, [("GetQueueUrl", "arn:aws:sqs:r:1:q")]),
        ("sts", "GetCallerIdentity", {}, []),
    ],
)
def test_a_request_is_taken_apart_into_what_is_allowed_or_not(
    service: str, operation: str, parameters: Mapping[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert found_calls(service, operation, parameters) == expected


def test_a_request_that_nobody_has_thought_of_is_not_judged(template: dict[str, Any]) -> None:
    with pytest.raises(UnjudgeableError, match="kms:Decrypt by drain"):
        found_calls("kms", "Decrypt", {})
    for service, operation in (("s3", "RestoreObject"), ("dynamodb", "TransactWriteItems")):
        with pytest.raises(UnjudgeableError, match=f"{service}:{operation} by drain"):
            not_allowed(template, [Call("drain", service, operation, "arn:aws:s3:::a/b")], ACCOUNT, REGION)
