"""Alarms, dashboard and runbook fit each other and the metrics that there are."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
import pytest

from roomidity.cli.app import roomidity
from roomidity.local.engine import Engine
from tests.e2e.engine import CHECKOUT, plain
from tests.e2e.test_serverless import FUNCTIONS, NEEDS_CLI, of_type, package, serverless

pytestmark = NEEDS_CLI

PREFIX: Final = "roomidity-prod"
EMAIL: Final = "someone@example.org"
RUNBOOK: Final = CHECKOUT / "docs/runbook.md"

OWN_METRICS: Final = {
    "ConservationViolations",
    "ForecastsRefused",
    "HousesActive",
    "HousesDrifted",
    "HousesForecast",
    "ItemsDamaged",
    "ModelsPromoted",
    "ModelsRefused",
    "ModelsTrained",
    "NoticesFailed",
    "ReadingsRejected",
    "ReadingsStored",
    "RoomsForecast",
    "SlotsFlagged",
}
"""Each costs 0.30 USD a month."""

AWS_METRICS: Final = {
    "AWS/SQS": {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
    "AWS/Lambda": {"Duration", "Errors", "Throttles"},
    "AWS/ApiGateway": {"5xx"},
    "AWS/DynamoDB": {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"},
}
"""Those of AWS's own that are used; all are documented, and free."""

JUDGED: Final = {
    # By what, with which bound, over how many periods of how many seconds, and what a gap means.
    "readings-old": ("ApproximateAgeOfOldestMessage", ">", 2700, 1, 300, "notBreaching"),
    "dead-letters": ("ApproximateNumberOfMessagesVisible", ">", 0, 1, 300, "notBreaching"),
    "rejects": ("ReadingsRejected", ">", 100, 1, 3600, "notBreaching"),
    "errors": ("Errors", ">", 0, 1, 900, "notBreaching"),
    "throttles": ("Throttles", ">", 0, 3, 900, "notBreaching"),
    "duration": ("Duration", ">", 80, 1, 900, "notBreaching"),
    "no-forecast": ("RoomsForecast", "<", 1, 2, 900, "breaching"),
    "missed-forecast": ("HousesActive, HousesForecast", ">", 0, 2, 900, "notBreaching"),
    "drift": ("HousesDrifted", ">", 0, 1, 3600, "notBreaching"),
    "model-refused": ("ModelsRefused", ">", 0, 1, 900, "notBreaching"),
    "forecast-refused": ("ForecastsRefused", ">", 0, 1, 900, "notBreaching"),
    "conservation": ("ConservationViolations", ">", 0, 1, 900, "notBreaching"),
    "items": ("ItemsDamaged", ">", 0, 1, 900, "notBreaching"),
    "notices": ("NoticesFailed", ">", 0, 2, 900, "notBreaching"),
    "api": ("5xx", ">", 5, 1, 900, "notBreaching"),
    "weather": ("Errors", ">", 1, 1, 3600, "notBreaching"),
}

Metric = tuple[str, str, str, str]
"""Name space, name, and its one dimension with the value."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("package")
    return package(folder, "--stage", "prod", "--param", f"alarmEmail={EMAIL}")


@pytest.fixture(scope="module")
def alarms(template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Properties by the last part of the name."""
    found = of_type(template["Resources"], "AWS::CloudWatch::Alarm")
    return {one["Properties"]["AlarmName"].removeprefix(f"{PREFIX}-"): one["Properties"] for one in found.values()}


@pytest.fixture(scope="module")
def dashboard(template: Mapping[str, Any]) -> dict[str, Any]:
    return dashboard_of(template)


def dashboard_of(template: Mapping[str, Any]) -> dict[str, Any]:
    """The dashboard's body, as it is with API and weather."""
    text, variables = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for name, given in variables.items():
        value = given["Fn::If"][1] if "Fn::If" in given else given
        value = value if isinstance(value, str) else value["Fn::Sub"]
        text = text.replace(f"${{{name}}}", value)
    body: dict[str, Any] = json.loads(text)
    return body


def one_dimension(dimensions: list[dict[str, Any]]) -> tuple[str, str]:
    (dimension,) = dimensions
    value = dimension["Value"]
    if isinstance(value, dict):  # a function of the template
        value = f"{PREFIX}-{value['Ref'].removesuffix('LambdaFunction').lower()}"
    return dimension["Name"], value


def metrics_of(alarm: Mapping[str, Any]) -> list[Metric]:
    if "MetricName" in alarm:
        return [(alarm["Namespace"], alarm["MetricName"], *one_dimension(alarm["Dimensions"]))]
    found = [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]
    return [(one["Namespace"], one["MetricName"], *one_dimension(one["Dimensions"])) for one in found]


def lines_of(dashboard: Mapping[str, Any]) -> Iterator[Metric]:
    """Each metric that a widget shows, with "." and its like written out."""
    for widget in dashboard["widgets"]:
        before: list[str] = []
        for line in widget["properties"].get("metrics", []):
            if "expression" in line[0]:
                continue
            before = [before[place] if part == "." else part for place, part in enumerate(line[:4])]
            yield before[0], before[1], before[2], before[3]


def emitted() -> set[str]:
    """The metrics that the functions write, read off their source."""
    found = set()
    for path in (CHECKOUT / "handlers").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_metric":
                found.add(ast.literal_eval(node.args[0]))
    return found


def test_sixteen_alarms_each_on_what_it_is_called_after(alarms: dict[str, dict[str, Any]]) -> None:
    assert len(alarms) == 16
    signs = {"GreaterThanThreshold": ">", "LessThanThreshold": "<"}
    found = {}
    for name, alarm in alarms.items():
        queries = [query["MetricStat"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        (period_s,) = {query["Period"] for query in queries} or {alarm["Period"]}
        metric = ", ".join(sorted({name for _, name, _, _ in metrics_of(alarm)}))
        found[name] = (
            metric,
            signs[alarm["ComparisonOperator"]],
            float(alarm["Threshold"]),
            alarm["EvaluationPeriods"],
            period_s,
            alarm["TreatMissingData"],
        )
    assert found == JUDGED


def test_alarms_look_at_as_many_metrics_as_serverless_yml_says_they_cost(alarms: dict[str, dict[str, Any]]) -> None:
    assert sum(len(metrics_of(alarm)) for alarm in alarms.values()) == 30


def test_the_age_of_readings_is_that_of_three_drains(alarms: dict[str, dict[str, Any]]) -> None:
    assert alarms["readings-old"]["Threshold"] == 3 * 15 * 60
    assert alarms["readings-old"]["Statistic"] == "Maximum"
    assert alarms["no-forecast"]["Period"] == 15 * 60


def test_all_three_dead_letter_queues_count(template: dict[str, Any], alarms: dict[str, dict[str, Any]]) -> None:
    queues = {one["Properties"]["QueueName"] for one in of_type(template["Resources"], "AWS::SQS::Queue").values()}
    watched = {queue for _, _, _, queue in metrics_of(alarms["dead-letters"])}
    assert watched == {queue for queue in queues if queue.endswith("-dlq")}


@pytest.mark.parametrize("name", ["errors", "throttles", "duration"])
def test_all_functions_count(alarms: dict[str, dict[str, Any]], name: str) -> None:
    watched = {function for _, _, _, function in metrics_of(alarms[name])}
    without = {("duration", "api")} | {(name, "weather")}  # see there; and the weather has an alarm of its own
    counted = [function for function in FUNCTIONS if (name, function) not in without]
    assert watched == {f"{PREFIX}-{function}" for function in counted}


def test_a_duration_is_a_share_of_its_functions_timeout(
    template: dict[str, Any], alarms: dict[str, dict[str, Any]]
) -> None:
    expressions = {one["Id"]: one["Expression"] for one in alarms["duration"]["Metrics"] if "Expression" in one}
    functions = [function for function in FUNCTIONS if function not in ("api", "weather")]
    for function in functions:
        timeout_s = template["Resources"][f"{function.title()}LambdaFunction"]["Properties"]["Timeout"]
        assert expressions.pop(f"{function}_share") == f"{function} / {timeout_s} / 10"  # ms of s, in percent
    assert expressions == {"share": f"MAX([{', '.join(f'{function}_share' for function in functions)}])"}


def test_of_an_alarm_on_several_metrics_one_line_alone_is_judged(alarms: dict[str, dict[str, Any]]) -> None:
    for alarm in alarms.values():
        if "Metrics" in alarm:
            assert [query.get("ReturnData", True) for query in alarm["Metrics"]].count(True) == 1
            assert alarm["Metrics"][0].get("ReturnData", True)
            assert len(alarm["Metrics"]) <= 10  # CloudWatch takes no more


def test_every_metric_that_is_written_is_used_and_the_other_way_round(
    alarms: dict[str, dict[str, Any]], dashboard: dict[str, Any]
) -> None:
    used = {*lines_of(dashboard), *(metric for alarm in alarms.values() for metric in metrics_of(alarm))}
    own = {
        name for space, name, dimension, value in used if (space, dimension, value) == (PREFIX, "service", "roomidity")
    }
    assert emitted() == own == OWN_METRICS
    assert len(own) <= 16
    others = {(space, name) for space, name, _, _ in used if space != PREFIX}
    assert others == {(space, name) for space, names in AWS_METRICS.items() for name in names}


def test_the_functions_write_to_the_name_space_that_alarms_read(
    template: dict[str, Any], alarms: dict[str, dict[str, Any]]
) -> None:
    """Stages do not mix, for the stage is in the name space."""
    for function in of_type(template["Resources"], "AWS::Lambda::Function").values():
        environment = function["Properties"]["Environment"]["Variables"]
        assert environment["POWERTOOLS_METRICS_NAMESPACE"] == PREFIX
        assert environment["POWERTOOLS_SERVICE_NAME"] == "roomidity"


def test_what_is_watched_is_there(
    template: dict[str, Any], alarms: dict[str, dict[str, Any]], dashboard: dict[str, Any]
) -> None:
    kinds = {
        "QueueName": ("AWS::SQS::Queue", "QueueName"),
        "FunctionName": ("AWS::Lambda::Function", "FunctionName"),
        "TableName": ("AWS::DynamoDB::Table", "TableName"),
    }
    names = {
        dimension: {one["Properties"][name] for one in of_type(template["Resources"], kind).values()}
        for dimension, (kind, name) in kinds.items()
    }
    names["ApiId"] = {"none"}  # at this stage the API is off
    used = {*lines_of(dashboard), *(metric for alarm in alarms.values() for metric in metrics_of(alarm))}
    for space, _, dimension, value in used:
        if space != PREFIX:
            assert value in names[dimension]


def test_the_dashboard_shows_all_alarms_and_stays_free(
    template: dict[str, Any], alarms: dict[str, dict[str, Any]], dashboard: dict[str, Any]
) -> None:
    assert template["Resources"]["Dashboard"]["Properties"]["DashboardName"] == PREFIX
    (status,) = (widget for widget in dashboard["widgets"] if widget["type"] == "alarm")
    shown = [arn.rpartition(":")[2] for arn in status["properties"]["alarms"]]
    assert sorted(shown) == sorted(f"{PREFIX}-{name}" for name in alarms)
    assert len(list(lines_of(dashboard))) == 50  # as dashboard.yml says; up to 50 are free
    tables = of_type(template["Resources"], "AWS::DynamoDB::Table").values()
    written = {value for _, name, _, value in lines_of(dashboard) if name == "ConsumedWriteCapacityUnits"}
    assert written == {table["Properties"]["TableName"] for table in tables}


def test_no_widget_covers_another(dashboard: dict[str, Any]) -> None:
    covered: set[tuple[int, int]] = set()
    for widget in dashboard["widgets"]:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert max(x for x, _ in cells) < 24
        assert not covered & cells
        covered |= cells


def test_gigabyte_seconds_are_of_the_memory_that_functions_have(
    template: dict[str, Any], dashboard: dict[str, Any]
) -> None:
    (cost,) = (widget for widget in dashboard["widgets"] if "GB-seconds" in widget["properties"]["title"])
    found = {
        line[0]["label"]: line[0]["expression"] for line in cost["properties"]["metrics"] if isinstance(line[0], dict)
    }
    for function in FUNCTIONS:
        memory_mb = template["Resources"][f"{function.title()}LambdaFunction"]["Properties"]["MemorySize"]
        assert found.pop(function) == f"{function} * {memory_mb} / 1024000"
    assert not found


# ---- Who hears of them.


def test_alarms_go_to_the_topic(template: dict[str, Any], alarms: dict[str, dict[str, Any]]) -> None:
    assert [alarm["AlarmActions"] for alarm in alarms.values()] == [[{"Ref": "AlarmTopic"}]] * len(alarms)
    quiet = {name for name, alarm in alarms.items() if "OKActions" not in alarm}
    assert quiet == {"drift", "conservation"}  # events; the others are states, and say when they are over
    (policy,) = of_type(template["Resources"], "AWS::SNS::TopicPolicy").values()
    publish, tls = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (publish["Effect"], publish["Principal"]) == ("Allow", {"Service": "cloudwatch.amazonaws.com"})
    source = publish["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert source.endswith(f":${{AWS::AccountId}}:alarm:{PREFIX}-*")
    assert (tls["Effect"], tls["Principal"]) == ("Deny", "*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    for statement in (publish, tls):
        assert (statement["Action"], statement["Resource"]) == ("sns:Publish", {"Ref": "AlarmTopic"})


def test_a_mail_is_sent_only_to_who_was_named(template: dict[str, Any], tmp_path: Path) -> None:
    subscription = template["Resources"]["AlarmEmail"]
    assert subscription["Condition"] == "HasAlarmEmail"
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlarmEmailAddress"}
    named = {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmailAddress"}, ""]}]}
    assert template["Conditions"]["HasAlarmEmail"] == named
    assert template["Parameters"]["AlarmEmailAddress"]["Default"] == EMAIL
    assert package(tmp_path)["Parameters"]["AlarmEmailAddress"]["Default"] == ""


def test_the_topic_has_a_key_only_if_one_was_given(template: dict[str, Any]) -> None:
    """Never AWS's own alias/aws/sns, which CloudWatch may not use."""
    key = template["Resources"]["AlarmTopic"]["Properties"]["KmsMasterKeyId"]
    assert key == {"Fn::If": ["HasAlarmKey", {"Ref": "AlarmTopicKey"}, {"Ref": "AWS::NoValue"}]}
    assert template["Parameters"]["AlarmTopicKey"]["Default"] == ""


# ---- An emulator takes the whole of it.


def test_the_local_engine_makes_the_alarms_that_it_can(
    template: dict[str, Any], engine: Engine, tmp_path: Path
) -> None:
    """As a deploy to it would: all but what takes a container."""
    url = engine.endpoint
    mine = package(tmp_path, AWS_ENDPOINT_URL=url)
    assert mine["Parameters"]["EmulatorUrl"]["Default"] == url
    assert template["Parameters"]["EmulatorUrl"]["Default"] == ""
    kept = {
        name: resource
        for name, resource in mine["Resources"].items()
        if not resource["Type"].startswith(("AWS::Lambda::", "AWS::Events::", "AWS::ApiGatewayV2::"))
    }
    formation = plain(engine.environment, "cloudformation")
    formation.create_stack(
        StackName="whole",
        TemplateBody=json.dumps({**mine, "Resources": kept, "Outputs": {}}).replace('{"Ref": "HttpApi"}', '"none"'),
        Capabilities=["CAPABILITY_IAM"],
    )
    formation.get_waiter("stack_create_complete").wait(
        StackName="whole", WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )
    watching = plain(engine.environment, "cloudwatch")
    made = {alarm["AlarmName"] for alarm in watching.describe_alarms()["MetricAlarms"]}
    several = {"dead-letters", "errors", "throttles", "duration", "missed-forecast"}
    assert made == {f"roomidity-dev-{name}" for name in JUDGED.keys() - several - {"weather"}}  # which is off
    body = json.loads(watching.get_dashboard(DashboardName="roomidity-dev")["DashboardBody"])
    status = body["widgets"][0]["properties"]["alarms"]
    assert status[0] == "arn:aws:cloudwatch:eu-central-1:000000000000:alarm:roomidity-dev-no-forecast"
    assert plain(engine.environment, "sns").list_subscriptions()["Subscriptions"] == []


# ---- The runbook.


def sections() -> set[str]:
    return set(re.findall(r"^## (.+)$", RUNBOOK.read_text(), re.MULTILINE))


def test_every_alarm_has_its_section_in_the_runbook_and_names_it(alarms: dict[str, dict[str, Any]]) -> None:
    assert sections() == {
        *alarms,
        "restore",
        "batch-insert",
        "notices-undelivered",
    }  # the last is there where notices are told
    for name, alarm in alarms.items():
        description = alarm["AlarmDescription"]
        what, _, section = description.partition(" Runbook: ")
        assert section == f"{name}."
        assert re.fullmatch(r"[A-Z][^.]+\.", what), f"{name}: one sentence says what happened"


def test_links_within_the_runbook_lead_somewhere() -> None:
    assert set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK.read_text())) <= sections()


def commands() -> list[str]:
    """Our own commands in the runbook: lines of code blocks, and code in running text."""
    text = RUNBOOK.read_text()
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    found = [line.strip() for line in blocks.splitlines() if line.strip().startswith("roomidity ")]
    inline = re.findall(r"`(roomidity [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return sorted({*found, *inline})


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_runbook_can_be_given_like_that(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a command, with these options and so many arguments; nothing runs."""
    monkeypatch.chdir(tmp_path)
    Path("FILE").touch()
    words = line.split()[1:]
    command: click.Command = roomidity
    context = click.Context(command)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command {words[0]!r}"
        command, words = found, words[1:]
    command.make_context("roomidity", words)


def test_the_runbook_names_what_is_deployed(template: dict[str, Any]) -> None:
    text = RUNBOOK.read_text()
    groups = {
        one["Properties"]["LogGroupName"] for one in of_type(template["Resources"], "AWS::Logs::LogGroup").values()
    }
    assert set(re.findall(r"/aws/lambda/[\w-]+", text)) <= groups
    given = set(re.findall(r"--param (\w+)=", text))
    printed = serverless("print", "--format", "json")
    assert given <= set(json.loads(printed.stdout)["params"]["default"])


@pytest.mark.parametrize("message", re.findall(r"--filter-pattern '?\"?([a-z][a-z ]+)", RUNBOOK.read_text()))
def test_what_the_runbook_looks_for_in_the_logs_is_written_there(message: str) -> None:
    source = "".join(
        path.read_text()
        for folder in ("handlers", "roomidity/api", "roomidity/pipeline", "roomidity/domain")
        for path in (CHECKOUT / folder).glob("*.py")
    )
    assert re.search(rf'logger\.\w+\(\s*"[^"]*{message}', source)
