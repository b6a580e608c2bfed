"""`serverless deploy` for real: an image built and pushed, schedules and event sources that fire, containers that run.

The version of before is deployed and filled, then the present one is deployed over it.

Only AWS is not: an emulator takes its place, in a sandbox that nothing leaves. It wants root and a few programs; where
they are missing it is skipped and says so, but in CI, where that would hide a failure. How long each phase took stands
in .roomidity/deploy.log.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from roomidity.aws.store.attributes import to_wire
from roomidity.domain.slots import SLOT, floor_slot, format_slot
from roomidity.domain.tokens import TOKENS, ReadToken, format_token, plain_tokens, sha256_of_token
from roomidity.local.simulation import simulate_house
from tests.e2e.deploy.base import BASE_IMAGE, make_base_image
from tests.e2e.deploy.cloud import ACCOUNT, Cloud, cloud
from tests.e2e.deploy.deployment import Deployment, Stored, Timings, copy_checkout, copy_version, until
from tests.e2e.deploy.pip_settings import pip_settings
from tests.e2e.deploy.sandbox import REGION, missing, sandbox
from tests.e2e.engine import CHECKOUT, CLI
from tests.e2e.permissions import not_allowed

pytestmark = pytest.mark.timeout(1_200)  # the first builds two images

PREVIOUS: Final = "0dd6c94a3fa30bbf6a6376880760ea4d3e69d51b"
"""The version that is deployed over: the one that was released last. Move it on with each release, to its tag."""

FUNCTIONS: Final = {"api", "drain", "forecast", "train", "verify", "weather"}
FUNCTIONS_BEFORE: Final = FUNCTIONS - {"api", "weather"}
MOST_MB: Final = 450
"""Of the image, over its base: what Lambda has to load at a cold start after a deploy."""
HISTORY: Final = timedelta(days=4)
SILENT: Final = "bathroom"
"""The room of the house ``second`` that sends nothing for some hours, which its people want to be told."""


@pytest.fixture(scope="module")
def timings() -> Timings:
    return Timings(CHECKOUT / ".roomidity/deploy.log")


@contextmanager
def pip_that_names_files(folder: Path) -> Iterator[None]:
    """This machine's configuration of pip, and in it files that no image has: as many machines have it."""
    for name in ("wheels", "simple"):
        (folder / name).mkdir()
    (folder / "constraints.txt").write_text("torch<3\n")
    own = pip_settings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_CONSTRAINT", str(folder / "constraints.txt"))
        patch.setenv("PIP_FIND_LINKS", f"{folder}/wheels {own.get('find-links', '')}")
        patch.setenv("PIP_EXTRA_INDEX_URL", f"file://{folder}/simple {own.get('extra-index-url', '')}")
        yield


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, timings: Timings) -> Iterator[Cloud]:
    """The emulator, and the base image beside it."""
    lacks = missing()
    if shutil.which("node") is None or not CLI.exists():
        lacks.append("the Serverless CLI: Node.js, then npm ci")
    if lacks:
        message = f"a deploy to the emulator lacks, on this machine, {'; '.join(lacks)}. As root, .ci/run sees to it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    folder = tmp_path_factory.mktemp("sandbox")
    with sandbox(folder) as inside:
        timings.done("sandbox and Docker up")
        with pip_that_names_files(tmp_path_factory.mktemp("pip")):
            make_base_image(inside, CHECKOUT / ".roomidity/deploy")
        timings.done("stand-in base image made")
        with cloud(inside) as found:
            timings.done("emulator up")
            yield found
    timings.done("sandbox gone")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is deployed from."""
    return tmp_path_factory.mktemp("copy") / "roomidity"


@pytest.fixture(scope="module")
def lacks_previous(folder: Path, timings: Timings) -> str | None:
    """Puts the version of before into the folder; why it is the present one, where the checkout has no other."""
    try:
        copy_version(folder, PREVIOUS)
    except LookupError as error:
        copy_checkout(folder)
        timings.note(f"the present version is deployed at first: {error}")
        return str(error)
    timings.note(f"the version of before is {PREVIOUS[:9]}")
    return None


@pytest.fixture(scope="module")
def first_deploy(aws: Cloud, folder: Path, lacks_previous: str | None, timings: Timings) -> tuple[Deployment, float]:
    """The version of before, whose schedule does not fire while it is looked at; how many seconds its deploy took."""
    stage = Deployment(aws, folder)
    begun = time.monotonic()
    stage.deploy(minute=datetime.now(UTC).minute - 1)
    timings.done("deployed: image built and pushed, stack created" + (" (of the present)" if lacks_previous else ""))
    return stage, time.monotonic() - begun


@pytest.fixture(scope="module")
def stage(first_deploy: tuple[Deployment, float]) -> Deployment:
    """A stage as deployed: the version of before, until ``upgrade`` puts the present one over it."""
    return first_deploy[0]


def house(name: str, seed: int) -> pl.DataFrame:
    """The last days of a simulated house, up to now."""
    now = datetime.now(UTC)
    start = floor_slot(now - HISTORY)
    readings = simulate_house(seed=seed, start=start, days=HISTORY.days + 1, house=name).readings
    return readings.filter(pl.col("ts") <= now)


def size_mb(aws: Cloud, image: str) -> float:
    return int(aws.inside.run("docker", "image", "inspect", "--format", "{{.Size}}", image)) / 1e6


def test_all_functions_run_one_image(stage: Deployment, lacks_previous: str | None) -> None:
    expected = FUNCTIONS_BEFORE if lacks_previous is None else FUNCTIONS
    functions = stage.aws.client("lambda").list_functions()["Functions"]
    assert {one["FunctionName"] for one in functions} == {f"{stage.prefix}-{name}" for name in expected}
    assert {one["PackageType"] for one in functions} == {"Image"}
    images = {
        stage.aws.client("lambda").get_function(FunctionName=one["FunctionName"])["Code"]["ImageUri"]
        for one in functions
    }
    (image,) = images
    assert image.startswith(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/serverless-roomidity-dev@sha256:")


def test_readings_become_forecasts(stage: Deployment, timings: Timings) -> None:
    readings = house("first", seed=11)
    stage.send(readings)
    answer = stage.invoke("drain", {})
    assert answer["readings"]["received"] == answer["readings"]["stored"] == len(readings)
    assert answer["forecast_jobs"] == 1
    rooms = set(readings["room"]) - {"outdoor"}
    assert until(lambda: stage.forecasts("first").keys() == rooms, within_s=60)
    timings.done("readings drained on demand, forecast by the event source")


def test_a_training_job_registers_a_model(stage: Deployment, timings: Timings) -> None:
    stage.aws.client("sqs").send_message(
        QueueUrl=stage.queue("training-jobs"), MessageBody=json.dumps({"house": "first", "reason": "test"})
    )
    bucket = {"Bucket": f"{stage.prefix}-{ACCOUNT}", "Prefix": "models/first/"}
    assert until(lambda: stage.aws.client("s3").list_objects_v2(**bucket).get("Contents"), within_s=120)
    assert until(lambda: stage.waiting("training-jobs") == 0, within_s=60)
    assert stage.waiting("training-jobs-dlq") == 0
    timings.done("a model trained by the event source")


@dataclass(frozen=True)
class Upgrade:
    """When the schedule fires after the present version was deployed, and what the tables held before and after."""

    fires: datetime
    before: Stored
    after: Stored


@pytest.fixture(scope="module")
def upgrade(first_deploy: tuple[Deployment, float], timings: Timings) -> Upgrade:
    """The present version over that of before, with a changed handler, and readings of another house waiting."""
    stage, first_deploy_s = first_deploy
    second = house("second", seed=12)
    stage.send(second.filter((pl.col("room") != SILENT) | (pl.col("ts") < datetime.now(UTC) - timedelta(hours=5))))
    copy_checkout(stage.folder)
    handler = stage.folder / "handlers/verify.py"
    changed = handler.read_text().replace(
        "    return fleet.as_dict()\n", '    return {"changed": True, **fleet.as_dict()}\n'
    )
    assert changed != handler.read_text()
    handler.write_text(changed)
    before = stage.stored()
    fires = stage.deploy_to_fire_in(first_deploy_s)
    stage.listen()  # before the schedule's forecasts have something to tell
    found = Upgrade(fires, before, stage.stored())
    timings.done("the present version deployed over it, with a changed handler")
    return found


@pytest.fixture(scope="module")
def redeployed(upgrade: Upgrade) -> datetime:
    """When the schedule fires."""
    return upgrade.fires


def test_deployed_over_the_version_of_before_it_replaces_no_table_and_loses_nothing(
    upgrade: Upgrade, lacks_previous: str | None, timings: Timings
) -> None:
    if lacks_previous is not None:
        pytest.skip(lacks_previous)
    assert upgrade.after.identities.items() >= upgrade.before.identities.items()  # the present version has more
    counts = {name: len(items) for name, items in upgrade.before.items.items()}
    assert all(counts[name] for name in counts if not name.endswith("-accuracy")), "each table was filled"
    lost = {
        name: len(kept(name, items) - kept(name, upgrade.after.items[name]))
        for name, items in upgrade.before.items.items()
    }
    assert lost == dict.fromkeys(counts, 0)
    (forecasts,) = (items for name, items in upgrade.after.items.items() if name.endswith("-forecasts"))
    assert "1" in {item["v"]["N"] for item in map(json.loads, forecasts)}, "forecasts of before have their format"
    timings.note(f"deployed over {PREVIOUS[:9]}: no table replaced, all of {counts} as it was")


def kept(table: str, items: set[str]) -> set[str]:
    """What must still be there: items as they were; of forecasts their keys, for a tick may issue them again."""
    if not table.endswith("-forecasts"):
        return items
    return {f"{item['room_id']} {item['issued_at']}" for item in map(json.loads, items)}


@pytest.mark.usefixtures("redeployed")
def test_images_are_built_without_the_files_that_pips_configuration_names(stage: Deployment) -> None:
    for image in (BASE_IMAGE, "serverless-roomidity-dev:app"):
        said = stage.aws.inside.run("docker", "run", "--rm", "--entrypoint", "cat", image, "/etc/pip.conf")
        assert "constraint" not in said
        assert "file:" not in said


@pytest.mark.usefixtures("redeployed")
def test_the_image_is_small_and_knows_its_version(stage: Deployment, timings: Timings) -> None:
    image = "serverless-roomidity-dev:app"
    over_base = size_mb(stage.aws, image) - size_mb(stage.aws, BASE_IMAGE)
    timings.note(f"the image is {over_base:.0f} MB over its base")
    assert over_base <= MOST_MB
    run = ("docker", "run", "--rm", "--entrypoint", "python3", image, "-c")
    assert stage.aws.inside.run(*run, "import roomidity; print(roomidity.__version__)").strip() == "1.2.3"
    bare = "import pathlib as p; print([str(f) for f in p.Path('/var/task').rglob('*.py') if not compiled(f)])"
    compiled = "compiled = lambda f: list(f.parent.glob(f'__pycache__/{f.stem}.cpython-*.pyc'))\n"
    assert stage.aws.inside.run(*run, compiled + bare).strip() == "[]"


@pytest.mark.usefixtures("redeployed")
def test_a_changed_handler_takes_effect(stage: Deployment, timings: Timings) -> None:
    answer = stage.invoke("verify", {"house": "first"})  # of all houses: two, if the schedule has drained meanwhile
    assert answer["changed"] is True
    assert answer["houses"] == 1
    timings.done("verify invoked, as changed")


@pytest.mark.usefixtures("redeployed")
def test_the_page_and_a_house_are_read_through_the_gateway(stage: Deployment, timings: Timings) -> None:
    (gateway,) = stage.aws.client("apigatewayv2").get_apis()["Items"]
    base = f"{stage.aws.endpoint}/_aws/execute-api/{gateway['ApiId']}"
    with urllib.request.urlopen(f"{base}/", timeout=120) as page:  # noqa: S310  # the emulator
        assert b"<html" in page.read()
    token, now = format_token("first", b"s" * 32), datetime.now(UTC)
    sha256 = sha256_of_token(token)
    content = plain_tokens([ReadToken(sha256[:8], sha256, "", now, now + timedelta(days=1))])
    tokens = {"house": {"S": "first"}, "kind": {"S": TOKENS}, "content": to_wire(content), "version": {"N": "1"}}
    stage.aws.client("dynamodb").put_item(TableName=f"{stage.prefix}-settings", Item=tokens)
    asked = urllib.request.Request(f"{base}/v1/house/forecasts", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(asked, timeout=120) as answered:  # noqa: S310
        rooms = json.load(answered)["rooms"]
    assert {one["room"] for one in rooms if one["forecast"]} == stage.forecasts("first").keys()
    timings.done("the page, and a house by its token, through the gateway")


@pytest.mark.usefixtures("redeployed")
def test_one_poisoned_job_of_ten_ends_in_the_dead_letters_alone(stage: Deployment, timings: Timings) -> None:
    sqs, jobs = stage.aws.client("sqs"), stage.queue("forecast-jobs")
    sqs.set_queue_attributes(
        QueueUrl=jobs, Attributes={"VisibilityTimeout": "3"}
    )  # six minutes, five times, is too long
    newest = floor_slot(datetime.now(UTC))
    issued = [format_slot(newest - number * SLOT) for number in range(1, 10)]
    bodies = [json.dumps({"house": "first", "issued_at": at}) for at in issued]
    poison = json.dumps({"house": "first", "issued_at": "poison"})
    numbers = count()
    entries = [{"Id": str(next(numbers)), "MessageBody": body} for body in [*bodies[:4], poison, *bodies[4:]]]
    sqs.send_message_batch(QueueUrl=jobs, Entries=entries)
    assert until(lambda: stage.waiting("forecast-jobs-dlq"), within_s=90) == 1
    (dead,) = sqs.receive_message(QueueUrl=stage.queue("forecast-jobs-dlq"))["Messages"]
    assert dead["Body"] == poison
    assert stage.waiting("forecast-jobs") == 0
    for at in stage.forecasts("first").values():
        assert set(issued) <= set(at)
    timings.done("a poisoned job put aside, the nine others done")


def test_the_schedule_drains_and_forecasts(stage: Deployment, redeployed: datetime, timings: Timings) -> None:
    within_s = (redeployed - datetime.now(UTC)).total_seconds() + 90
    assert until(lambda: stage.forecasts("second"), within_s=within_s)
    tick = format_slot(floor_slot(redeployed))
    for issued in stage.forecasts("second").values():
        assert issued == [tick]
    assert until(lambda: all(tick in issued for issued in stage.forecasts("first").values()), within_s=30)
    items = [json.loads(one) for one in stage.stored().items[f"{stage.prefix}-forecasts"]]
    assert {item["v"]["N"] for item in items if item["issued_at"]["S"] == tick} == {"2"}
    advised = [json.loads(one) for one in stage.stored().items[f"{stage.prefix}-advice"]]
    assert any((one["house"]["S"], one["issued_at"]["S"]) == ("second", tick) and one["rooms"]["M"] for one in advised)
    assert stage.waiting("readings") == stage.waiting("readings-dlq") == 0
    timings.done("the schedule's drain and its forecasts, also of the house of before, by what was stored then")


@pytest.mark.usefixtures("redeployed")
def test_the_next_forecast_rests_on_what_a_provider_says(stage: Deployment, timings: Timings) -> None:
    """Fetched by the deployed function, for the house that has a position; the other goes on without."""
    at = floor_slot(datetime.now(UTC))
    stage.roomidity("house", "first", "--position", "52.52,13.41")
    fetched = stage.invoke("weather", {"time": format_slot(at)})
    assert (fetched["places"], fetched["stored"] + fetched["fresh"]) == (1, 1)  # the schedule may have been faster
    assert {(one["latitude"], one["longitude"]) for one in stage.aws.questions()} == {("52.5", "13.4")}
    following = format_slot(at + SLOT)
    bodies = [json.dumps({"house": house, "issued_at": following}) for house in ("first", "second")]
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    stage.aws.client("sqs").send_message_batch(QueueUrl=stage.queue("forecast-jobs"), Entries=entries)

    def issued() -> dict[str, list[Any]]:
        items = map(json.loads, stage.stored().items[f"{stage.prefix}-forecasts"])
        found: dict[str, list[Any]] = {}
        for one in (item for item in items if item["issued_at"]["S"] == following):
            found.setdefault(one["room_id"]["S"].partition("/")[0], []).append(one["weather"])
        return found

    assert until(lambda: issued().keys() == {"first", "second"}, within_s=60)
    told = {"M": {"issued_at": {"S": format_slot(at)}, "age_h": {"N": "0.25"}}}
    assert issued()["first"] == [told] * len(stage.forecasts("first"))
    assert issued()["second"] == [{"NULL": True}] * len(stage.forecasts("second"))
    timings.done("the weather fetched from a provider, and used by the next forecast")


@pytest.mark.usefixtures("redeployed")
def test_a_notice_reaches_who_listens(stage: Deployment, timings: Timings) -> None:
    """Raised by the schedule's forecast, put on the bus by its role, and passed on to the topic by the stack's rule."""
    heard: list[str] = []

    def is_told() -> bool:
        heard.extend(stage.heard())
        return any(text.startswith(f"second: no readings from the {SILENT} since ") for text in heard)

    assert until(is_told, within_s=30), heard
    timings.done("a notice of the schedule's forecast, by bus, rule and topic")


@pytest.mark.usefixtures("redeployed")
def test_a_night_is_divided_among_calls(stage: Deployment, timings: Timings) -> None:
    """As of a large fleet: here one call takes one house."""
    answer = stage.invoke("verify", {})
    assert (answer["houses"], answer["calls"]) == (2, 2)
    bucket = {"Bucket": f"{stage.prefix}-{ACCOUNT}", "Prefix": "models/second/"}
    assert until(lambda: stage.aws.client("s3").list_objects_v2(**bucket).get("Contents"), within_s=120)
    timings.done("a night in two calls, and the first training that it asked for")


@pytest.mark.usefixtures("redeployed")
def test_every_call_is_allowed_by_the_functions_role(stage: Deployment, timings: Timings) -> None:
    calls = stage.aws.calls()
    assert {call.function for call in calls} == FUNCTIONS
    assert not_allowed(stage.template, calls, ACCOUNT, REGION) == []
    timings.note(f"{len(stage.aws.requests())} requests of functions, {len(calls)} kinds; each allowed by its role")


def test_remove_leaves_nothing_behind(stage: Deployment, timings: Timings) -> None:
    stage.aws.client("sqs").delete_queue(QueueUrl=stage.queue("heard"))  # the test's own
    assert any(left_of(stage.aws).values())
    said = stage.serverless("remove")
    assert {kind: names for kind, names in left_of(stage.aws).items() if names} == {}, said
    timings.done("removed")


def left_of(aws: Cloud) -> dict[str, Any]:
    """What the account holds, by kind."""
    stacks = aws.client("cloudformation").describe_stacks()["Stacks"]
    roles = aws.client("iam").list_roles()["Roles"]
    buses = aws.client("events").list_event_buses()["EventBuses"]
    return {
        "stacks": [one["StackName"] for one in stacks if one["StackStatus"] != "DELETE_COMPLETE"],
        "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
        "topics": aws.client("sns").list_topics()["Topics"],
        "buses": [name for one in buses if (name := one["Name"]) != "default"],
        "tables": aws.client("dynamodb").list_tables()["TableNames"],
        "buckets": [one["Name"] for one in aws.client("s3").list_buckets()["Buckets"]],
        "functions": [one["FunctionName"] for one in aws.client("lambda").list_functions()["Functions"]],
        "event sources": aws.client("lambda").list_event_source_mappings()["EventSourceMappings"],
        "rules": [one["Name"] for one in aws.client("events").list_rules()["Rules"]],
        "repositories": [one["repositoryName"] for one in aws.client("ecr").describe_repositories()["repositories"]],
        "roles": [one["RoleName"] for one in roles],
        "policies": [one["PolicyName"] for one in aws.client("iam").list_policies(Scope="Local")["Policies"]],
        "log groups": [one["logGroupName"] for one in aws.client("logs").describe_log_groups()["logGroups"]],
        "alarms": aws.client("cloudwatch").describe_alarms()["MetricAlarms"],
    }
