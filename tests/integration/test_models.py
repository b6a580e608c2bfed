"""The commands about models, against moto; and what serves when a champion breaks, through the forecast function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from click.testing import CliRunner
from pynamodb.exceptions import GetError

from roomidity.aws.bucket import Bucket
from roomidity.aws.store.tables import ModelItem
from roomidity.cli.app import roomidity
from roomidity.cli.context import stage as cli_stage
from roomidity.composition import Stage
from roomidity.domain.slots import SLOT, format_moment, format_slot
from roomidity.forecasting import load_prior
from roomidity.local.functions import Context
from tests.integration.stage import Run, tables_of
from tests.integration.test_handlers import metrics_of, observe, records
from tests.unit.pipeline.test_training import plant, shuffled

NOW = datetime(2026, 3, 15, tzinfo=UTC)
DAY = timedelta(days=1)
PRIOR = str(load_prior()[2]["version"])


def publish(stage: Stage, number: int, *, promote: bool = True, **more: Any) -> str:
    """A model of the house's own, with ridges of hardly any effect, trained in the first days of March."""
    model, state, _ = load_prior()
    ridges = np.full((2, *model.local.shape[1:]), number / 1e6)
    at = datetime(2026, 3, number, tzinfo=UTC)
    own = replace(model, rooms=("room 0", "room 1"), local=ridges, residual=ridges)
    facts = {"reason": "test", "trained_from": "2026-01-01T00:00Z", "trained_through": format_slot(at), "seed": number}
    version = stage.registry.publish("h1", model=own, state=state, manifest=facts, trained_at=at, **more)
    if promote:
        stage.registry.promote("h1", version, at=at)
    return version


def say(*arguments: str) -> str:
    """What a person reads."""
    done = CliRunner().invoke(roomidity, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_models_are_listed_shown_and_compared(stage: Stage, run: Run) -> None:
    assert run("models", "list")["models"] == []
    first, second = publish(stage, 1), publish(stage, 2)
    scores = {"mae": 1.5, "pinball": 0.6, "coverage": 0.8, "persistence_mae": 2.0}
    decision = {
        "won": False,
        "reasons": ["not better than champion: pinball +1.0%"],
        "against": second,
        "judged_from": "2026-03-01T00:00Z",
        "judged_through": "2026-03-03T00:00Z",
        "scores": {name: {"humidity": scores} for name in ("challenger", "champion", "prior")},
    }
    lost = publish(stage, 3, promote=False, decision=decision)
    listed = run("models", "list", "h1", "--now", format_moment(NOW))["models"]
    assert [(one["version"], one["standing"]) for one in listed] == [
        (first, "retired"),
        (second, "champion"),
        (lost, "refused"),
    ]
    shown = run("models", "show", "h1", "--now", format_moment(NOW))
    assert (shown["version"], shown["standing"], shown["manifest"]["seed"]) == (second, "champion", 2)
    assert run("models", "show", "h1", lost, "--now", format_moment(NOW))["decision"] == decision
    said = say("models", "show", "h1", lost, "--now", format_moment(NOW))
    assert "not better than champion: pinball +1.0%" in said
    assert f"champion {second}" in said
    assert "the last value" in said
    differing = run("models", "diff", "h1", first, second)["differing"]
    assert differing["seed"] == [1, 2]
    assert "trained_from" not in differing
    assert run("models", "diff", "h1", lost, lost)["differing"] == {}
    late = format_moment(NOW + 100 * DAY)
    assert len(run("models", "list", "h1", "--now", late)["models"]) == 2
    assert "does not exist" in run("models", "show", "h1", lost, "--now", late, status=1)["error"]
    assert "a champion of house 'h2' does not exist" in run("models", "show", "h2", status=1)["error"]
    assert "does not exist" in run("models", "diff", "h1", first, "nothing", status=1)["error"]


def test_who_served_when_and_back(stage: Stage, run: Run) -> None:
    first, second = publish(stage, 1), publish(stage, 2)
    assert run("models", "history", "h1", "--at", "2026-03-01T12:00Z")["served"][0]["version"] == first
    assert run("models", "history", "h1", "--at", "2026-02-28T12:00Z")["served"] == []
    back = run("models", "rollback", "h1", "--now", format_moment(NOW))
    assert back == {"house": "h1", "version": first, "before": second, "since": format_moment(NOW), "skipped": {}}
    served = run("models", "history", "h1")["served"]
    assert [(one["version"], one["why"]) for one in served] == [
        (first, "rolled back"),
        (second, "promoted"),
        (first, "promoted"),
    ]
    prior = run("models", "rollback", "h1", "--now", format_moment(NOW))
    assert (prior["version"], prior["before"]) == (None, first)
    assert "the prior serves" in run("models", "rollback", "h1", "--now", format_moment(NOW), status=1)["error"]
    by_hand = run("models", "promote", "h1", second, "--now", format_moment(NOW))
    assert (by_hand["version"], by_hand["before"]) == (second, None)
    assert run("models", "history", "h1")["served"][0]["why"] == "promoted by hand"
    assert run("models", "history", "h1", "--at", format_moment(NOW))["served"][0]["version"] == second
    assert "serves h1 already" in say("models", "promote", "h1", second, "--now", format_moment(NOW))
    assert "the prior served" in say("models", "history", "h1", "--at", "2026-02-28T12:00Z")
    assert "Nothing was ever promoted" in say("models", "history", "h2")
    run("models", "history", "h1", "--at", "noon", status=2)


def test_what_is_broken_is_not_promoted_by_hand(stage: Stage, run: Run) -> None:
    first, second = publish(stage, 1, promote=False), publish(stage, 2)
    stage.bucket.put(f"models/h1/{first}/model.npz", b"PK", content_type="x")
    refused = run("models", "promote", "h1", first, "--now", format_moment(NOW), status=1)
    assert f"model {first} refused: found sha256" in refused["error"]
    assert "does not exist" in run("models", "promote", "h1", "none", status=1)["error"]
    assert stage.registry.pointer("h1").points_to == second


def test_what_a_version_is_shown_as_follows_from_what_it_is(stage: Stage, run: Run) -> None:
    won, lost = {"won": True, "reasons": ["better than prior"]}, {"won": False, "reasons": ["not better than prior"]}
    retired, by_hand = publish(stage, 1, decision=won), publish(stage, 2, decision=lost)
    champion, waiting = publish(stage, 3, decision=won), publish(stage, 4, decision=won, promote=False)
    refused = publish(stage, 5, decision=lost, promote=False)
    said = {
        version: say("models", "show", "h1", version, "--now", format_moment(NOW)).splitlines()[-2:]
        for version in (retired, by_hand, champion, waiting, refused)
    }
    assert said == {
        retired: ["It has served, and does not now:", "  better than prior"],
        by_hand: ["It has served, and does not now:", "  not better than prior"],
        champion: ["It is the champion:", "  better than prior"],
        waiting: ["It was not promoted yet:", "  better than prior"],
        refused: ["It was refused:", "  not better than prior"],
    }


@pytest.mark.parametrize("command", [("promote", "h1", "champion"), ("show", "h1", "champion")])
def test_a_key_of_the_table_that_is_no_version_does_not_exist(stage: Stage, run: Run, command: tuple[str, ...]) -> None:
    publish(stage, 1)
    said = run("models", *command, "--now", format_moment(NOW), status=1)["error"]
    assert "model champion of house 'h1' does not exist; list them with `roomidity models list h1`" in said


def test_what_cannot_be_gone_back_to_is_passed_over_and_said(stage: Stage, run: Run) -> None:
    first, second, third = (publish(stage, number) for number in (1, 2, 3))
    stage.bucket.delete(f"models/h1/{second}/model.npz")
    back = run("models", "rollback", "h1", "--now", format_moment(NOW))
    assert (back["version"], back["before"], list(back["skipped"])) == (first, third, [second])
    stage.registry.promote("h1", third, at=NOW + DAY)
    stage.bucket.delete(f"models/h1/{first}/model.npz")
    cli_stage.cache_clear()
    said = " ".join(say("models", "rollback", "h1", "--now", format_moment(NOW + 2 * DAY)).split())
    assert f"Passed over: model {first} refused: found nothing" in said
    assert f"the prior serves h1; before, {third} did" in said


def test_where_the_prior_takes_the_place_of_a_challenger_that_lost_it_is_said(
    stage: Stage, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    observe(stage, "h1", days=5)
    plant(monkeypatch, shuffled)
    now = format_moment(NOW)
    said = " ".join(say("train", "h1", "--now", now).split())
    adopted = stage.registry.pointer("h1").points_to
    assert f"It was refused; from now on the prior serves as the house's own, {adopted}:" in said
    later = format_moment(NOW + SLOT)
    assert run("train", "h1", "--now", later)["adopted"] is None
    assert "It was refused; what served serves on:" in say("train", "h1", "--now", later)


def test_what_serves_no_more_is_pruned(stage: Stage, run: Run) -> None:
    versions = [publish(stage, number) for number in range(1, 6)]
    pruned = run("models", "prune", "h1", "--now", format_moment(NOW))["pruned"]
    assert [(one["version"], one["objects"]) for one in pruned] == [(version, 2) for version in versions[:2]]
    assert "retired, pruned" in say("models", "list", "h1", "--now", format_moment(NOW))
    refused = run("models", "promote", "h1", versions[0], "--now", format_moment(NOW), status=1)
    assert f"model {versions[0]} refused: found nothing" in refused["error"]


def test_a_dry_run_shows_the_comparison_and_publishes_nothing(stage: Stage, run: Run) -> None:
    observe(stage, "h1", days=5)
    answer = run("train", "h1", "--now", format_moment(NOW), "--dry-run")
    assert (answer["dry_run"], answer["promoted"], answer["decision"]["won"]) == (True, False, True)
    assert set(answer["decision"]["scores"]) == {"challenger", "prior"}
    assert stage.registry.manifests("h1") == []
    assert list(stage.bucket.keys("models/")) == []
    said = say("train", "h1", "--now", format_moment(NOW))
    for words in ("challenger", "prior", "the last value", "It is the champion:", "better than prior: pinball -"):
        assert words in said
    (listed,) = run("models", "list", "--now", format_moment(NOW))["models"]
    assert (listed["version"], listed["standing"]) == (answer["version"], "champion")


# ---- The forecast never stops.


Forecast = Callable[[], tuple[str, set[str], float]]
"""Issues a forecast: the version that served, the grades, and how many refusals were counted."""


@pytest.fixture
def forecast(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Iterator[Forecast]:
    """The forecast function, each time in a new environment: nothing is in memory before."""
    runtime = import_module("handlers.runtime")

    def invoke() -> tuple[str, set[str], float]:
        runtime.stage.cache_clear()
        event = records("forecast", {"house": "h1", "issued_at": format_slot(NOW)})
        capsys.readouterr()
        answer = import_module("handlers.forecast").handler(event, Context(function_name="forecast"))
        assert answer["batchItemFailures"] == []
        refused = metrics_of(capsys)["ModelsRefused"]
        rooms = [stage.forecasts.latest("h1", room, now=NOW) for room in ("room 0", "room 1")]
        assert {room.issued_at for room in rooms if room} == {NOW}
        (version,) = {room.model_version for room in rooms if room}
        return version, {grade for room in rooms if room for grade in room.grade.values()}, refused

    yield invoke
    runtime.stage.cache_clear()


@pytest.mark.parametrize(
    ("change", "also"),
    [
        ("REMOVE manifest", {}),
        ("REMOVE manifest.sha256", {}),
        ("SET manifest = :none", {":none": "none"}),
    ],
)
def test_a_champion_whose_record_is_of_no_use_gives_way_to_the_one_before(
    stage: Stage, plain_tables: Any, forecast: Forecast, change: str, also: dict[str, Any]
) -> None:
    observe(stage, "h1", days=2, end=NOW)
    first, second = publish(stage, 1), publish(stage, 2)
    values = {"ExpressionAttributeValues": also} if also else {}
    plain_tables.Table("roomidity-test-models").update_item(
        Key={"house": "h1", "version": second}, UpdateExpression=change, **values
    )
    assert forecast() == (first, {"full"}, 1)


@pytest.mark.parametrize("unread", ["version", "champion"])
def test_what_the_table_does_not_tell_falls_back_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, forecast: Forecast, unread: str
) -> None:
    observe(stage, "h1", days=2, end=NOW)
    first, second = publish(stage, 1), publish(stage, 2)
    get = ModelItem.get

    def throttled(house: str, version: str, **more: Any) -> Any:
        if version == (second if unread == "version" else "champion"):
            raise GetError("throttled")
        return get.__func__(table, house, version, **more)  # type: ignore[attr-defined]

    table = tables_of(stage).models
    monkeypatch.setattr(ModelItem, "get", throttled)
    assert forecast() == {"version": (first, {"full"}, 1), "champion": (PRIOR, {"prior"}, 1)}[unread]


def test_an_s3_that_hangs_is_waited_for_once(stage: Stage, monkeypatch: pytest.MonkeyPatch, forecast: Forecast) -> None:
    observe(stage, "h1", days=2, end=NOW)
    publish(stage, 1)
    publish(stage, 2)
    asked: list[str] = []

    def hang(_: Bucket, key: str, version: str | None) -> Any:
        asked.append(key)
        raise ReadTimeoutError(endpoint_url="https://s3")

    monkeypatch.setattr(Bucket, "_open", hang)
    assert forecast() == (PRIOR, {"prior"}, 1)
    assert len(asked) == 1


@pytest.mark.parametrize("which", ["model", "state"])
@pytest.mark.parametrize("kind", ["missing", "corrupt", "unreadable"])
def test_a_broken_champion_gives_way_to_the_one_before_and_that_to_the_prior(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    forecast: Forecast,
    which: str,
    kind: str,
) -> None:
    observe(stage, "h1", days=2, end=NOW)
    first, second = publish(stage, 1), publish(stage, 2)

    def break_(version: str) -> None:
        (key,) = [key for key in stage.bucket.keys(f"models/h1/{version}/") if f"/{which}" in key]
        if kind == "missing":
            stage.bucket.delete(key)
        elif kind == "corrupt":
            stage.bucket.put(key, b"PK\x03\x04 but no model", content_type="x")
        else:
            unreadable.add(key)

    unreadable: set[str] = set()
    opened = Bucket._open

    def open_(self: Bucket, key: str, version: str | None) -> Any:
        if key in unreadable:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "later"}}, "GetObject")
        return opened(self, key, version)

    monkeypatch.setattr(Bucket, "_open", open_)
    assert forecast() == (second, {"full"}, 0)
    break_(second)
    assert forecast() == (first, {"full"}, 1)
    break_(first)
    assert forecast() == (PRIOR, {"prior"}, 1)
