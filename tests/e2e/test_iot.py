"""The rule of AWS IoT, as it is packaged: there when a topic is given, with a role of its own, and no queue more."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.e2e.test_serverless import NEEDS_CLI, of_type, package, rights

pytestmark = NEEDS_CLI

TOPIC: Final = "homes/v1.2/+/#"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return package(tmp_path_factory.mktemp("package"), "--param", f"iotTopic={TOPIC}", "--param", "iotHouseLevel=3")


def test_the_rule_stamps_the_house_from_the_topic_and_queues_the_whole_payload(template: dict[str, Any]) -> None:
    (rule,) = of_type(template["Resources"], "AWS::IoT::TopicRule").values()
    payload = rule["Properties"]["TopicRulePayload"]
    selected = ("topic(3) AS house", "topic() AS topic", "timestamp() AS received_at", "encode(*, 'base64') AS payload")
    assert payload["Sql"] == " ".join(["SELECT", ", ".join(selected), "FROM", f"'{TOPIC}'"])
    role = {"Fn::GetAtt": ["IotRole", "Arn"]}
    assert payload["Actions"] == [{"Sqs": {"QueueUrl": {"Ref": "ReadingsQueue"}, "RoleArn": role, "UseBase64": False}}]
    assert payload["ErrorAction"]["Sqs"]["QueueUrl"] == {"Ref": "ReadingsDeadLetters"}
    assert payload["RuleDisabled"] is False


def test_its_role_may_send_to_the_two_queues_for_this_account_alone(template: dict[str, Any]) -> None:
    role = template["Resources"]["IotRole"]
    assert set(rights(role)) == {"sqs:SendMessage ReadingsQueue", "sqs:SendMessage ReadingsDeadLetters"}
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "iot.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_no_queue_and_no_alarm_is_made_for_it(template: dict[str, Any]) -> None:
    assert len(of_type(template["Resources"], "AWS::SQS::Queue")) == 6  # encrypted, TLS only, as without it
    alarms = of_type(template["Resources"], "AWS::CloudWatch::Alarm")
    watched = [
        metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
        for metric in alarms["DeadLettersAlarm"]["Properties"]["Metrics"]
        if "MetricStat" in metric
    ]
    assert "roomidity-dev-readings-dlq" in watched
