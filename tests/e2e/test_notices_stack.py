"""What tells notices, as it is packaged: there where it is switched on, and then with the least rights."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.e2e.test_serverless import NEEDS_CLI, of_type, package
from tests.e2e.test_serverless_alarms import dashboard_of

pytestmark = NEEDS_CLI

ADDRESS: Final = "https://ntfy.example.org/house"
SECRET: Final = "house-ntfy"  # noqa: S105  # its name


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    switches = ("notices=on", "noticeEmail=someone@example.org", f"noticeNtfy={ADDRESS}", f"noticeNtfySecret={SECRET}")
    given = [word for one in switches for word in ("--param", one)]
    return package(tmp_path_factory.mktemp("package"), *given)


def test_forecast_may_put_events_on_the_stage_s_own_bus_and_on_no_other(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    assert resources["NoticeBus"]["Properties"]["Name"] == "roomidity-dev-notices"
    (policy,) = (one for one in of_type(resources, "AWS::IAM::Policy").values() if "NoticeBus" in json.dumps(one))
    assert policy["Properties"]["Roles"] == [{"Ref": "ForecastRole"}]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == (
        "events:PutEvents",
        {"Fn::GetAtt": ["NoticeBus", "Arn"]},
    )
    function = resources["ForecastLambdaFunction"]["Properties"]
    assert function["Environment"]["Variables"]["ROOMIDITY_NOTICES"] == "on"


def test_rules_of_the_bus_pass_on_what_is_news_in_words(template: dict[str, Any]) -> None:
    rules = of_type(template["Resources"], "AWS::Events::Rule")
    mine = {name: one["Properties"] for name, one in rules.items() if name in {"NoticeRule", "NtfyRule"}}
    assert len(mine) == 2
    for rule in mine.values():
        assert rule["EventBusName"] == {"Ref": "NoticeBus"}
        assert rule["EventPattern"] == {"source": ["roomidity"], "detail": {"news": ["yes"]}}
        (target,) = rule["Targets"]
        assert target["InputTransformer"]["InputTemplate"] == '"<house>: <text>"'
    (statement, deny) = template["Resources"]["NoticeTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["NoticeRule", "Arn"]}}}
    assert deny["Effect"] == "Deny"


def test_ntfy_s_token_is_named_and_stands_nowhere(template: dict[str, Any]) -> None:
    connection = template["Resources"]["NtfyConnection"]["Properties"]["AuthParameters"]["ApiKeyAuthParameters"]
    assert connection["ApiKeyValue"] == f"Bearer {{{{resolve:secretsmanager:{SECRET}:SecretString:token}}}}"
    assert template["Resources"]["NtfyDestination"]["Properties"]["InvocationEndpoint"] == ADDRESS
    (call,) = template["Resources"]["NtfyRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert call["Resource"] == {"Fn::GetAtt": ["NtfyDestination", "Arn"]}


def test_its_alarm_stands_among_those_of_the_dashboard(template: dict[str, Any]) -> None:
    """Not as a metric: the dashboard has as many as are free."""
    (status, *others) = dashboard_of(template)["widgets"]
    alarm = template["Resources"]["NoticesUndeliveredAlarm"]["Properties"]["AlarmName"]
    assert sum(one.endswith(f":alarm:{alarm}") for one in status["properties"]["alarms"]) == 1
    assert "AWS/Events" not in json.dumps(others)


def test_switched_off_there_is_none_of_it(tmp_path: Any) -> None:
    text = json.dumps(package(tmp_path)["Resources"])
    for word in (
        "notices-undelivered",
        "AWS::Events::EventBus",
        "AWS::Events::Connection",
        "NoticeTopic",
        "events:PutEvents",
    ):
        assert word not in text
