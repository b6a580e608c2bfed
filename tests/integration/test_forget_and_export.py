"""Export and forget by their commands, against moto: beside messages, jobs and dead letters that wait."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from roomidity.aws.store.mould import MouldTable
from roomidity.cli.app import roomidity
from roomidity.composition import Stage
from roomidity.domain.messages import ForecastJob, TrainingJob
from roomidity.domain.slots import format_moment
from roomidity.readings.issue_table import ISSUE_COLUMNS
from tests.conftest import CHECKOUT
from tests.integration.stage import Run
from tests.integration.test_handlers import Invoke, invoke  # noqa: F401  # a fixture
from tests.integration.test_repairs import NOW, drained, everything, fill, naming, reading

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """Reads CloudFormation's own tags as what they stand before."""


_LOADER = _Loader
_LOADER.add_multi_constructor("!", lambda loader, _suffix, node: str(node.value))


def test_every_table_of_the_stack_is_forgotten(stage: Stage) -> None:
    content = yaml.load((CHECKOUT / "container/stack/storage.yml").read_text(), _LOADER)  # noqa: S506  # a SafeLoader
    resources = [one for one in content["Resources"].values() if one["Type"] == "AWS::DynamoDB::Table"]
    tables = {one["Properties"]["TableName"].rpartition("-")[2]: one["Properties"] for one in resources}
    ports = stage.forget_ports
    keyed = {name: one["KeySchema"][0]["AttributeName"] for name, one in tables.items()}
    within = {"mould": "accuracy"}  # mould by day stands there, under a key that is no room's
    assert isinstance(ports.by_house["mould"], MouldTable)
    assert ports.by_house["mould"]._item.Meta.table_name == stage.accuracy._item.Meta.table_name
    assert within.keys() <= ports.by_house.keys()
    assert keyed.keys() >= {*within.values()}
    of_houses = {name for name, key in keyed.items() if key in ("house", "place")}  # a house has a place of its name
    assert of_houses == {*ports.by_house, "houses"} - within.keys()
    assert keyed.keys() - of_houses == ports.by_room.keys(), (
        "a new table needs a line in roomidity/aws/store/erasing.py"
    )


def test_an_export_has_all_that_is_forgotten_then_and_can_be_sent_again(stage: Stage, run: Run, tmp_path: Path) -> None:
    fill(stage, "h1")
    fill(stage, "h10")
    out = tmp_path / "h1"
    would = run("forget", "h1", "--dry-run")["deleted"]
    before = everything()
    written = run("export", "h1", "--out", str(out))["written"]
    assert everything() == before
    assert (would["readings"], would["observations"], would["forecasts"], would["houses"]) == (20, 20, 30, 1)
    assert (written["readings"], written["forecasts"], written["rejects"], written["objects"]) == (40, 60, 3, 2)
    readings = pl.read_parquet(out / "readings-2026-03.parquet")
    assert readings.columns == ["house", "room", "sensor", "ts", "humidity", "temperature"]
    assert readings["house"].unique().to_list() == ["h1"]
    assert readings["temperature"].unique().to_list() == [20.5]
    assert sorted(pl.read_parquet(out / "observations.parquet")["room"].unique()) == ["kitchen", "outdoor"]
    assert len(pl.read_parquet(out / "forecasts.parquet")["p50"][0]) == 96
    assert len((out / "rejects.ndjson").read_text().splitlines()) == 3
    assert json.loads((out / "house.json").read_text())["rooms"].keys() == {"kitchen", "outdoor"}
    assert pl.read_parquet(out / "weather.parquet").columns == list(ISSUE_COLUMNS)
    assert (written["weather"], would["weather"], written["advice"], would["advice"]) == (1, 1, 1, 1)
    (advised,) = map(json.loads, (out / "advice.ndjson").read_text().splitlines())
    assert [room["room"] for room in advised["rooms"]] == ["bath", "cellar"]
    version = json.loads((out / "models.json").read_text())["champion"]
    assert (out / "models" / version / "model.npz").stat().st_size > 1000
    assert "is there and is not empty" in run("export", "h1", "--out", str(out), status=1)["error"]

    answer = run("forget", "h1", "--yes")
    assert {name: answer["deleted"][name] for name in would} == would
    assert naming("h1") == []
    assert "was forgotten" in run("export", "h1", "--out", str(tmp_path / "x"), status=1)["error"]
    sent = run("send", str(out / "readings-2026-03.parquet"))
    assert sent["readings"] == 40
    assert drained(stage)["readings"] == {"received": 40, "stored": 40, "duplicate": 0, "rejected": 0}


def test_what_waits_of_a_forgotten_house_ends_quietly(  # the fixture is imported
    stage: Stage,
    run: Run,
    invoke: Invoke,  # noqa: F811
) -> None:
    fill(stage, "h1")
    run("forget", "h1", "--yes")
    for name, body in (
        ("forecast", ForecastJob("h1", NOW).to_body()),
        ("train", TrainingJob("h1", "daily", NOW).to_body()),
    ):
        record = {"messageId": "1", "body": body, "receiptHandle": "r", "attributes": {}, "eventSource": "aws:sqs"}
        assert invoke(name, {"Records": [record]}) == {"batchItemFailures": []}
    assert invoke("verify", {"house": "h1", "time": format_moment(NOW)})["houses"] == 1
    assert naming("h1") == []


def test_a_dead_letter_that_is_replayed_is_as_old_as_it_is(stage: Stage, run: Run) -> None:
    fill(stage, "h1")
    dead = stage.dead_letters_of(stage.readings_queue)
    dead.send([json.dumps(reading(house="h1")), json.dumps(reading(house="h2"))])
    run("forget", "h1", "--yes")
    run("replay", "--dead-letters", "readings")
    answer: dict[str, Any] = drained(stage)
    assert (answer["readings"]["stored"], answer["rejects"]) == (1, {"forgotten": 1})
    assert naming("h1") == []


def test_it_says_what_it_cannot_reach_and_until_when(stage: Stage, run: Run) -> None:
    fill(stage, "h1")
    said = CliRunner().invoke(roomidity, ["forget", "h1", "--yes"]).output
    assert "in the table houses: a hash of its name, and that it was forgotten at 20" in said
    assert "point-in-time recovery until 20" in said
