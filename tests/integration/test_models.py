"""The commands about models, against moto; and what serves when a champion breaks, through the forecast function."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ConnectTimeoutError
from click.testing import CliRunner

from roomidity.bucket import Bucket
from roomidity.cli.app import roomidity
from roomidity.composition import Roomidity
from roomidity.forecasting import load_prior
from roomidity.local.functions import Context
from roomidity.slots import format_moment, format_slot
from tests.integration.stage import Run
from tests.integration.test_handlers import metrics_of, observe, records

NOW = datetime(2026, 3, 15, tzinfo=UTC)
DAY = timedelta(days=1)
PRIOR = str(load_prior()[2]["version"])


def publish(stage: Roomidity, number: int, *, promote: bool = True, **more: Any) -> str:
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


def test_models_are_listed_shown_and_compared(stage: Roomidity, run: Run) -> None:
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


def test_who_served_when_and_back(stage: Roomidity, run: Run) -> None:
    first, second = publish(stage, 1), publish(stage, 2)
    assert run("models", "at", "h1", "--time", "2026-03-01T12:00Z")["served"]["version"] == first
    assert run("models", "at", "h1", "--time", "2026-02-28T12:00Z")["served"] is None
    back = run("models", "rollback", "h1", "--now", format_moment(NOW))
    assert back == {"house": "h1", "version": first, "before": second, "since": format_moment(NOW)}
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
    assert run("models", "at", "h1", "--time", format_moment(NOW))["served"]["version"] == second
    assert "serves h1 already" in say("models", "promote", "h1", second, "--now", format_moment(NOW))
    assert "the prior served" in say("models", "at", "h1", "--time", "2026-02-28T12:00Z")
    assert "Nothing was ever promoted" in say("models", "history", "h2")
    run("models", "at", "h1", status=2)
    run("models", "at", "h1", "--time", "noon", status=2)


def test_what_is_broken_is_not_promoted_by_hand(stage: Roomidity, run: Run) -> None:
    first, second = publish(stage, 1, promote=False), publish(stage, 2)
    stage.bucket.put(f"models/h1/{first}/model.npz", b"PK", content_type="x")
    refused = run("models", "promote", "h1", first, "--now", format_moment(NOW), status=1)
    assert f"model {first} refused: found sha256" in refused["error"]
    assert "does not exist" in run("models", "promote", "h1", "none", status=1)["error"]
    assert stage.registry.champion_version("h1") == second


def test_what_serves_no_more_is_pruned(stage: Roomidity, run: Run) -> None:
    versions = [publish(stage, number) for number in range(1, 6)]
    pruned = run("models", "prune", "h1", "--now", format_moment(NOW))["pruned"]
    assert [(one["version"], one["objects"]) for one in pruned] == [(version, 2) for version in versions[:2]]
    assert "retired, pruned" in say("models", "list", "h1", "--now", format_moment(NOW))
    refused = run("models", "promote", "h1", versions[0], "--now", format_moment(NOW), status=1)
    assert f"model {versions[0]} refused: found nothing" in refused["error"]


def test_a_dry_run_shows_the_comparison_and_publishes_nothing(stage: Roomidity, run: Run) -> None:
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


@pytest.mark.parametrize("which", ["model", "state"])
@pytest.mark.parametrize("kind", ["missing", "corrupt", "unreadable"])
def test_a_broken_champion_gives_way_to_the_one_before_and_that_to_the_prior(
    stage: Roomidity,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    which: str,
    kind: str,
) -> None:
    observe(stage, "h1", days=2, end=NOW)
    first, second = publish(stage, 1), publish(stage, 2)
    runtime = import_module("handlers.runtime")

    def forecast() -> tuple[str, set[str], float]:
        """The version that served, the grades, and how many refusals were counted; nothing is in memory before."""
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
            raise ConnectTimeoutError(endpoint_url="https://s3")
        return opened(self, key, version)

    monkeypatch.setattr(Bucket, "_open", open_)
    assert forecast() == (second, {"full"}, 0)
    break_(second)
    assert forecast() == (first, {"full"}, 1)
    break_(first)
    assert forecast() == (PRIOR, {"prior"}, 1)
    runtime.stage.cache_clear()
