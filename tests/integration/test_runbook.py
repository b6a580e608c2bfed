"""The runbook's recipes for a restore, run as they stand there: against moto, with a house's name and days put in."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from roomidity.composition import Stage
from roomidity.domain.observations import without_flags
from roomidity.domain.slots import SLOT, floor_slot, format_moment, format_slot
from roomidity.domain.weather import HOURS, WeatherIssue, house_place
from roomidity.pipeline.drain import drain
from roomidity.readings import derive, unpack_sets
from roomidity.readings.issue_table import issue_rows
from tests.advice_samples import advice_of
from tests.integration.stage import REGION, Run
from tests.integration.test_registry import publish, state_at

RUNBOOK: Final = Path(__file__).parents[2] / "docs/runbook.md"
NOW: Final = floor_slot(datetime.now(UTC))
DAY: Final = (NOW - timedelta(days=1)).replace(hour=0, minute=0)
SLOT_START: Final = DAY.replace(hour=6, minute=45)
"""What the recipes call 2026-11-22T06:45Z."""

Cure = Callable[[str, str], list[dict[str, Any]]]
"""Runs the block of a section that has a text in it; what the own commands answered."""


def blocks(section: str) -> list[str]:
    """The recipes of a section."""
    (text,) = re.findall(rf"^## {section}$(.*?)(?=^## |\Z)", RUNBOOK.read_text(), re.MULTILINE | re.DOTALL)
    return [re.sub(r"\\\n\s*", " ", block) for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]


def minute(number: int) -> dict[str, Any]:
    ts = format_moment(SLOT_START + timedelta(minutes=number))
    return {"house": "h1", "room": "kitchen", "sensor": "", "ts": ts, "temperature": 20 + number / 10}


def take_in(stage: Stage, *minutes: int) -> int:
    """Each reading by a drain of its own; how many messages stay."""
    stays = 0
    for number in minutes:
        stage.readings_queue.send([json.dumps(minute(number))])
        stays += drain(stage.drain_ports, stage.drain_config, now=NOW, remaining_s=lambda: 300.0).undeleted
    return stays


def assert_follows(stage: Stage, counts: dict[datetime, int]) -> None:
    """What is observed follows from the sets, and counts so many readings by slot."""
    span = ("h1", DAY, NOW + SLOT)
    sets = {key: held for some in stage.sets.between(*span) for key, held in some.items()}
    observed = {key: (without_flags(found), origin.version) for key, found, origin in stage.observations.derived(*span)}
    derived = derive(unpack_sets({key: held.packed for key, held in sets.items()}).values, {})
    assert observed == {key: (derived[key], held.version) for key, held in sets.items()}
    assert {key.start: of["kitchen"]["temperature"].count for key, (of, _) in observed.items()} == counts


def items_of(table: Any) -> list[dict[str, Any]]:
    return list(table.scan()["Items"])


@pytest.fixture
def tables(stage: Stage) -> Callable[[str], Any]:
    """boto3's, by their short names."""
    resource: Any = boto3.resource("dynamodb", region_name=REGION)
    return lambda name: resource.Table(f"{stage.settings.prefix}-{name}")


def put_back(table: Any, items: list[dict[str, Any]]) -> None:
    """What a restore brings: these items, and no others."""
    for item in items_of(table):
        table.delete_item(Key={one["AttributeName"]: item[one["AttributeName"]] for one in table.key_schema})
    for item in items:
        table.put_item(Item=item)


@pytest.fixture
def past() -> list[dict[str, Any]]:
    """What the table ``readings`` held at the time that is gone back to."""
    return []


@pytest.fixture
def cure(stage: Stage, run: Run, past: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cure:
    monkeypatch.chdir(tmp_path)
    client: Any = boto3.client("dynamodb", region_name=REGION)

    def aws(words: list[str]) -> None:
        assert words[0] == "dynamodb"
        into = words[words.index(">") + 1] if ">" in words else None
        words = words[: words.index(">")] if into else words
        given = dict(zip(words[2::2], words[3::2], strict=True))
        query = given.pop("--query", None)
        arguments = {"".join(map(str.title, name.strip("-").split("-"))): _value(text) for name, text in given.items()}
        if words[1] == "restore-table-to-point-in-time":
            source = client.describe_table(TableName=arguments["SourceTableName"])["Table"]
            facts = {name: source[name] for name in ("KeySchema", "AttributeDefinitions")}
            client.create_table(TableName=arguments["TargetTableName"], BillingMode="PAY_PER_REQUEST", **facts)
            restored: Any = boto3.resource("dynamodb", region_name=REGION).Table(arguments["TargetTableName"])
            put_back(restored, past)  # moto knows the present alone
            return
        answer = getattr(client, words[1].replace("-", "_"))(**arguments)
        if into:
            Path(into).write_text(json.dumps(answer[query] if query else answer, default=_base64))

    def all_of(section: str, text: str) -> list[dict[str, Any]]:
        block = next(block for block in blocks(section) if text in block)
        block = block.replace("roomidity-prod", stage.settings.prefix).replace("HOUSE", "h1")
        block = re.sub(r"2026-11-2\d", f"{DAY:%Y-%m-%d}", block)
        answers = []
        for line in block.strip().splitlines():
            program, *words = shlex.split(line)
            if program == "aws":
                aws(words)
            else:
                assert program == "roomidity"
                answers.append(run(*words))
        return answers

    return all_of


def _value(text: str) -> Any:
    if text.startswith("file://"):
        return _bytes_within(json.loads(Path(text.removeprefix("file://")).read_text()))
    return json.loads(text) if text.startswith("{") else text


def _base64(content: bytes) -> str:
    return "base64:" + content.hex()


def _bytes_within(item: Any) -> Any:
    """As the aws command does: bytes are text in its JSON."""
    if isinstance(item, dict):
        return {name: _bytes_within(value) for name, value in item.items()}
    if isinstance(item, str) and item.startswith("base64:"):
        return bytes.fromhex(item.removeprefix("base64:"))
    return item


def test_a_damaged_set_copied_back_from_before_and_hours_sent_again(
    stage: Stage, tables: Any, cure: Cure, past: list[dict[str, Any]]
) -> None:
    take_in(stage, 0, 1)
    past += items_of(tables("readings"))
    take_in(stage, 2, 3, 4, 5)
    key = {"house": "h1", "slot": format_slot(SLOT_START)}
    tables("readings").update_item(
        Key=key, UpdateExpression="SET packed = :odd", ExpressionAttributeValues={":odd": b"\x01odd"}
    )
    assert take_in(stage, 6) == 1, "a reading for it waits"
    (answer,) = cure("conservation", "restore-table-to-point-in-time")
    assert (answer["slots"], answer["derived"], answer["orphans"]) == (1, 1, 0)
    assert_follows(stage, {SLOT_START: 2})
    take_in(stage, *range(8))
    assert_follows(stage, {SLOT_START: 8})


@pytest.mark.parametrize("name", ["readings", "observations", "houses"])
def test_a_table_that_was_restored_is_followed_by_what_follows(
    stage: Stage, tables: Any, cure: Cure, name: str
) -> None:
    take_in(stage, 0, 1, 16)
    held = items_of(tables(name))
    take_in(stage, 2, 17, 31)
    put_back(tables(name), held)
    (answer,) = cure("restore", "rederive --all")
    if name == "readings":
        assert answer["houses"][0]["orphans"] == 1, "that of the newest slot is all that is known"
    sent = "\n".join(["house,room,sensor,ts,temperature", *(_line(number) for number in (0, 1, 2, 16, 17, 31))])
    Path("FILE").write_text(sent + "\n")
    _, drained, again = cure("restore", "roomidity send FILE")
    assert drained["readings"]["received"] == 6
    assert [one["orphans"] for one in again["houses"]] == [0]
    assert_follows(stage, {SLOT_START: 3, SLOT_START + SLOT: 2, SLOT_START + 2 * SLOT: 1})


def _line(number: int) -> str:
    one = minute(number)
    return ",".join(str(one[name]) for name in ("house", "room", "sensor", "ts", "temperature"))


def test_of_a_lost_table_of_weather_what_was_imported_comes_back_and_the_rest_with_the_next_issue(
    stage: Stage, tables: Any, run: Run, tmp_path: Path
) -> None:
    take_in(stage, 0)
    imported, queued = (_issue(NOW - timedelta(hours=hours)) for hours in (3, 1))
    issue_rows([imported]).write_parquet(tmp_path / "issued.parquet")
    command = "weather", "import", str(tmp_path / "issued.parquet"), "--house", "h1"
    run(*command)
    before = items_of(tables("weather"))
    put_back(tables("weather"), [])
    assert run("weather", "list", "h1", "--now", format_moment(NOW))["issues"] == []
    (row,) = (line for line in RUNBOOK.read_text().splitlines() if line.startswith("| `weather` |"))
    assert "next issue" in row
    assert "imported again" in row
    assert run(*command)["stored"] == 1
    assert items_of(tables("weather")) == before
    times = [format_moment(queued.first + hour * timedelta(hours=1)) for hour in range(HOURS)]
    weather = {"issued_at": format_moment(queued.issued_at), "times": times, "temperature": [9] * HOURS}
    stage.readings_queue.send([json.dumps({"house": "h1", "weather": {**weather, "humidity": [80] * HOURS}})])
    drained = drain(stage.drain_ports, stage.drain_config, now=NOW + SLOT, remaining_s=lambda: 300.0)
    assert (drained.received, drained.stored, drained.undeleted) == (1, 1, 0)
    listed = run("weather", "list", "h1", "--now", format_moment(datetime.now(UTC) + SLOT))["issues"]
    assert [one["issued_at"] for one in listed] == [format_moment(one.issued_at) for one in (queued, imported)]


def _issue(at: datetime) -> WeatherIssue:
    first = at.replace(minute=0)
    return WeatherIssue(house_place("h1"), first, at, first, (9.0,) * HOURS, (80.0,) * HOURS)


def test_models_of_before_their_bucket_go_on_with_the_state_that_training_left(
    stage: Stage, tables: Any, cure: Cure
) -> None:
    take_in(stage, 0)
    version = publish(stage)
    stage.registry.put_state("h1", version, state_at(1100))
    older = items_of(tables("models"))
    for through in (1200, 1300):
        stage.registry.put_state("h1", version, state_at(through))
    put_back(tables("models"), older)
    night, shown = cure("restore", "roomidity models show HOUSE")
    assert night["training"] == "repair"
    assert night["state_advanced"]
    assert shown["version"] == version
    assert stage.registry.load("h1", version).state_lost is None


def test_notices_go_on_from_those_of_before_and_are_raised_anew_where_there_are_none(
    stage: Stage, tables: Any, cure: Cure, run: Run
) -> None:
    take_in(stage, 0, 1, 16)
    table, ticks = tables("notices"), iter(range(1, 99))

    def opened() -> str:
        run("forecast", "h1", "--now", format_slot(NOW + next(ticks) * SLOT))
        (one,) = run("notices", "h1", "--now", format_slot(NOW + 9 * SLOT))["open"]
        assert one["kind"] == "silent"
        return str(one["id"])

    first = opened()
    before = items_of(table)
    assert opened() == first
    put_back(table, [])
    assert opened() > first, "raised anew"
    put_back(table, before)
    (shown,) = cure("restore", "roomidity notices HOUSE")
    assert [one["id"] for one in shown["open"]] == [first]
    assert opened() == first
    assert len(items_of(table)) == len(before)


def test_advice_of_before_opens_nothing_and_the_next_tick_s_goes_on_from_rest(
    stage: Stage, tables: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOMIDITY_ADVICE", "on")
    take_in(stage, 0, 1, 16)
    stage.advice.put(advice_of("h1", at=NOW, rooms=("kitchen",)))
    before = items_of(tables("advice"))
    later = NOW + 8 * SLOT
    put_back(tables("advice"), before)
    assert run("advice", "h1", "--now", format_moment(NOW))["rooms"][0]["action"] == "open"
    assert run("advice", "h1", "--now", format_moment(later))["rooms"] == [], "of before: nobody acts on it"
    put_back(tables("advice"), [])
    assert run("advice", "h1", "--now", format_moment(NOW))["rooms"] == []
    (row,) = (line for line in RUNBOOK.read_text().splitlines() if line.startswith("| `advice` |"))
    assert "no window is opened" in row
    run("forecast", "h1", "--now", format_slot(later))
    (room,) = run("advice", "h1", "--now", format_moment(later))["rooms"]
    assert (room["room"], room["action"]) == ("kitchen", "close")
    assert len(items_of(tables("advice"))) == 1


def test_an_odd_observation_is_derived_anew(stage: Stage, tables: Any, cure: Cure) -> None:
    take_in(stage, 16)
    key = {"house": "h1", "slot": format_slot(SLOT_START + SLOT)}
    tables("observations").update_item(
        Key=key, UpdateExpression="SET rooms = :odd", ExpressionAttributeValues={":odd": {"kitchen": "odd"}}
    )
    (answer,) = cure("items", "rederive")
    assert (answer["slots"], answer["derived"]) == (1, 1)
    assert_follows(stage, {SLOT_START + SLOT: 1})
