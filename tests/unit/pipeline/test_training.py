"""Training a house: a challenger serves only if it wins on days that it never saw; nothing worse ever does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from roomidity.domain.houses import House, Quarantine, Seen
from roomidity.domain.observations import Origin, Statistics
from roomidity.domain.slots import SLOT, SLOT_MS, format_slot, to_epoch_ms
from roomidity.errors import ModelUnreadableError, NotEnoughDataError, NotFoundError
from roomidity.forecasting import State, Window, advance, load_prior
from roomidity.forecasting.evaluation.gate import held_out_slots
from roomidity.forecasting.training import challenge as challenging
from roomidity.forecasting.training import fits
from roomidity.forecasting.training.ridges import Trained, train
from roomidity.pipeline.history import read_history
from roomidity.pipeline.training import TrainedHouse, train_house
from tests.fake_registry import champion_of
from tests.fakes import World
from tests.unit.samples import NOW, slot_key

DAY = timedelta(days=1)
DAYS = 16
PRIOR_VERSION = str(load_prior()[2]["version"])
ROOMS = ("bath", "kitchen")


def fill(world: World, *, days: float = DAYS, end: datetime = NOW, period: int = 32, noise: float = 0.5) -> None:
    """Rooms that do what no other house does: a sawtooth of 8 hours. With a ``period`` of 0 they only wander."""
    rng = np.random.default_rng(0)
    slots = round(days * 96)
    start = end - slots * SLOT
    saw = np.arange(slots) % period / period if period else np.zeros(slots)
    drift = np.cumsum(rng.normal(0, 0 if period else 0.3, (len(ROOMS), slots)), axis=1)
    values = np.stack([40 + 12 * saw + drift, 19 + 2 * saw + drift / 5]) + rng.normal(0, noise, (2, 1, slots))
    for slot in range(slots):
        observation = {
            room: {
                quantity: Statistics(mean := float(values[q, row, slot]), mean, mean, 1)
                for q, quantity in enumerate(("humidity", "temperature"))
            }
            for row, room in enumerate(ROOMS)
        }
        world.observations.put_many({slot_key("h1", start + slot * SLOT): (observation, Origin(1))})
    house = world.houses.get("h1") or House("h1", "UTC")
    world.houses.put(house.admit(Seen(room, "", start, end - SLOT) for room in ROOMS)[0])


@pytest.fixture(scope="module")
def filled() -> World:
    """A house whose own model beats the prior; never written to."""
    world = World()
    fill(world)
    return world


@pytest.fixture
def world(filled: World) -> World:
    """The house, with a registry of its own."""
    made = World()
    made.houses, made.observations = filled.houses, filled.observations
    return made


def run(world: World, *, now: datetime = NOW, **more: Any) -> TrainedHouse:
    return train_house(
        world.training_ports(), house="h1", now=now, reason="test", code_version="1.2.3", **{"seed": 0, **more}
    )


def plant(monkeypatch: pytest.MonkeyPatch, change: Callable[[Trained], Trained]) -> None:
    """From now on training ends in something else."""

    def planted(*arguments: Any, **more: Any) -> Trained:
        return change(train(*arguments, **more))

    monkeypatch.setattr(challenging, "train", planted)


def shuffled(trained: Trained) -> Trained:
    order = np.random.default_rng(1).permutation(trained.model.local.shape[2])
    model = replace(trained.model, local=trained.model.local[..., order], residual=trained.model.residual[..., order])
    return replace(trained, model=model)


def test_the_first_champion_has_beaten_the_prior_and_the_last_value(world: World) -> None:
    trained = run(world)
    assert trained.promoted
    assert world.registry.pointer("h1").points_to == trained.version
    assert (trained.decision["won"], trained.decision["against"]) == (True, PRIOR_VERSION)
    prior, last = trained.decision["reasons"]
    assert prior.startswith("better than prior: pinball -")
    assert last.startswith("better than persistence: MAE -")
    scores = trained.decision["scores"]
    assert scores["challenger"]["humidity"]["mae"] < scores["prior"]["humidity"]["mae"]
    assert world.registry.decisions["h1", trained.version] == trained.decision
    assert world.registry.pruned_at == [NOW]


def test_what_was_judged_is_what_serves_and_it_has_not_seen_what_it_was_judged_on(world: World) -> None:
    trained = run(world)
    champion, first = (world.registry.load("h1", trained.version, first_state=one) for one in (False, True))
    held_out = held_out_slots(DAYS * 96) * SLOT
    fitted_through = to_epoch_ms(NOW - held_out) // SLOT_MS
    assert champion.model.trained_through == first.state.through == fitted_through
    assert champion.state.through == to_epoch_ms(NOW) // SLOT_MS
    assert trained.manifest["fitted_through"] == trained.decision["judged_from"] == format_slot(NOW - held_out)
    assert trained.manifest["trained_through"] == trained.decision["judged_through"] == format_slot(NOW)
    assert trained.manifest["rooms"] == list(ROOMS)
    assert trained.manifest["slots_with_readings"] == DAYS * 96
    assert (trained.manifest["seed"], trained.manifest["code_version"]) == (0, "1.2.3")


def test_where_the_prior_is_as_good_it_serves_with_a_state_of_the_houses_own_and_the_reasons_are_kept() -> None:
    world = World()
    fill(world, days=6, period=0)
    trained = run(world)
    assert not trained.promoted
    champion = champion_of(world.registry, "h1")
    assert champion is not None
    assert champion.version == trained.adopted != trained.version
    assert champion.model.is_prior
    assert champion.state.through == to_epoch_ms(NOW) // SLOT_MS
    assert "did not beat it" in world.registry.decisions["h1", champion.version]["reasons"][0]
    again = run(world, now=NOW + SLOT)
    assert world.registry.pointer("h1").points_to == champion.version
    assert again.adopted is None
    assert set(again.decision["scores"]) == {"challenger", "prior"}
    assert world.registry.decisions["h1", trained.version]["won"] is False
    assert any(reason.startswith("not better than") for reason in trained.decision["reasons"])


def test_a_model_with_shuffled_coefficients_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    champion = run(world, now=NOW - DAY)
    plant(monkeypatch, shuffled)
    trained = run(world)
    assert not trained.promoted
    assert world.registry.pointer("h1").points_to == champion.version != trained.version
    assert trained.decision["against"] == champion.version
    assert any("not better than champion" in reason for reason in trained.decision["reasons"])


def test_a_model_that_only_looks_better_in_sample_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learnt by heart: hardly any penalty, trust in itself alone, and a report that says how good it is."""
    champion = run(world, now=NOW - DAY)
    monkeypatch.setattr(fits, "PENALTY", 1e-3)
    monkeypatch.setattr(fits, "RESIDUAL_PENALTY", 1e-3)

    def by_heart(history: Window, **more: Any) -> Trained:
        noise = np.random.default_rng(2).normal(0, 1, history.values.shape) * [[[2.0], [0.4]]]
        learnt = train(replace(history, values=history.values + noise).tail(5 * 96), **more)
        weights = np.zeros_like(learnt.state.weights)
        weights[:, :, 1] = 1.0
        flattering = {quantity: {"mae": 0.0} for quantity in learnt.report["replay"]}
        state = replace(learnt.state, initial=weights, weights=weights)
        return replace(learnt, state=state, report={**learnt.report, "replay": flattering})

    monkeypatch.setattr(challenging, "train", by_heart)
    trained = run(world)
    assert not trained.promoted
    assert world.registry.pointer("h1").points_to == champion.version


def test_a_champion_is_judged_as_it_was_trained_not_as_it_has_come_to_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = run(world, now=NOW - DAY)
    began: dict[bytes, int] = {}
    score_holdout: Any = vars(challenging)["score_holdout"]

    def watched(model: Any, state: State, history: Window, *, first: int) -> Any:
        began[model.to_bytes()] = state.through
        assert first >= model.trained_through
        return score_holdout(model, state, history, first=first)

    monkeypatch.setattr(challenging, "score_holdout", watched)
    run(world)
    own = world.registry.load("h1", champion.version)
    assert began[own.model.to_bytes()] == own.model.trained_through < own.state.through
    assert len(began) == 3


def test_a_better_champion_takes_the_place_of_a_worse_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        plant(patched, shuffled)
        worse = run(world, now=NOW - DAY)
    world.registry.promote("h1", worse.version, at=NOW - DAY)
    trained = run(world)
    assert trained.promoted
    assert any(reason.startswith("better than champion") for reason in trained.decision["reasons"])
    pointer = world.registry.pointer("h1")
    assert (pointer.points_to, pointer.previous) == (trained.version, worse.version)


def test_where_another_was_promoted_meanwhile_it_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        plant(patched, shuffled)
        other = run(world, now=NOW - DAY)
    world.registry.meanwhile = lambda: world.registry.promote("h1", other.version, at=NOW)
    trained = run(world)
    assert not trained.promoted
    assert world.registry.pointer("h1").points_to == other.version
    kept = world.registry.decisions["h1", trained.version]
    assert kept["won"] is False
    assert kept["reasons"][0].startswith("another model was promoted meanwhile: ")
    assert run(world).promoted  # judged anew, against the other


def test_a_job_that_comes_again_trains_the_champion_again_and_leaves_it(world: World) -> None:
    first = run(world)
    pointer = world.registry.pointer("h1")
    again = run(world)
    assert (again.version, again.promoted) == (first.version, True)
    assert again.decision["reasons"] == ["it is the champion already"]
    assert world.registry.pointer("h1") == pointer
    assert world.registry.decisions["h1", first.version] == first.decision


def test_a_job_that_died_before_the_promotion_ends_what_it_began(world: World) -> None:
    def dies() -> None:
        raise RuntimeError("out of time")

    world.registry.meanwhile = dies
    with pytest.raises(RuntimeError):
        run(world)
    assert world.registry.pointer("h1").points_to is None
    assert run(world).promoted


def test_a_dry_run_leaves_everything_as_it_is(world: World) -> None:
    trained = run(world, dry_run=True)
    assert (trained.decision["won"], trained.promoted) == (True, False)
    assert (world.registry.models, world.registry.decisions, world.registry.pruned_at) == ({}, {}, [])
    assert trained.version == run(world).version


def test_nobody_is_judged_on_what_the_champion_has_seen(world: World) -> None:
    """Trained again by hand on what had closed two and a half days before."""
    champion = run(world)
    trained = run(world, now=NOW - timedelta(days=2.5))
    assert not trained.promoted
    (reason,) = trained.decision["reasons"]
    assert reason.startswith("there is nothing new to judge on")
    assert "seen all but the last 12 h; train again when it is 24 h" in reason
    assert trained.decision["scores"] == {}
    assert world.registry.pointer("h1").points_to == champion.version


def test_a_refused_champion_is_not_in_the_way(world: World) -> None:
    broken = run(world, now=NOW - DAY)
    world.registry.models["h1", broken.version] += b"\0"
    trained = run(world)
    assert trained.promoted
    assert trained.decision["against"] == PRIOR_VERSION
    assert set(trained.decision["scores"]) == {"challenger", "prior"}


def test_while_what_serves_cannot_be_read_nothing_is_judged_and_nothing_takes_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = run(world, now=NOW - DAY)
    pointer, models = world.registry.pointer("h1"), dict(world.registry.models)
    world.registry.unreadable = {champion.version}
    plant(monkeypatch, shuffled)
    with pytest.raises(ModelUnreadableError, match="try again in a minute"):
        run(world)
    assert (world.registry.pointer("h1"), world.registry.models) == (pointer, models)
    world.registry.unreadable = set()
    assert run(world).decision["against"] == champion.version


def test_a_champion_whose_first_state_is_lost_still_defends_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def weakened(trained: Trained) -> Trained:
        """Better than the prior, and worse than the champion."""
        model = replace(trained.model, local=trained.model.local * 0.85, residual=trained.model.residual * 0.85)
        return replace(trained, model=model)

    champion = run(world, now=NOW - 5 * DAY)
    history = read_history(world.observations, world.houses.get("h1"), ROOMS, start=NOW - DAYS * DAY, end=NOW)  # type: ignore[arg-type]
    served = world.registry.load("h1", champion.version)
    world.registry.put_state("h1", champion.version, advance(served.state, served.model, history))
    pointer = world.registry.pointer("h1")
    world.registry.forgetful = {champion.version}
    plant(monkeypatch, weakened)
    trained = run(world)
    assert (trained.promoted, trained.adopted, world.registry.pointer("h1")) == (False, None, pointer)
    *reasons, last = trained.decision["reasons"]
    assert any(reason.startswith("better than prior") for reason in reasons)
    assert any(reason.startswith("not better than champion") for reason in reasons)
    assert last.startswith("the champion was judged with its present state, which has seen these slots; its first")


def test_a_champion_without_its_first_state_gives_way_to_a_better_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        plant(patched, shuffled)
        worse = run(world, now=NOW - 5 * DAY)
    world.registry.promote("h1", worse.version, at=NOW - 5 * DAY)
    world.registry.forgetful = {worse.version}
    assert run(world).promoted


def test_where_the_one_before_serves_for_a_broken_champion_it_is_judged_against_and_gone_back_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        plant(patched, shuffled)
        serves = run(world, now=NOW - DAY)
        broken = run(world, now=NOW - DAY - SLOT)
    for one in (serves, broken):
        world.registry.promote("h1", one.version, at=NOW - DAY)
    world.registry.models["h1", broken.version] += b"\0"
    trained = run(world)
    assert trained.decision["against"] == serves.version
    assert world.registry.succession("h1") == (trained.version, serves.version)


def test_where_nothing_is_intact_the_prior_takes_the_place_of_what_was_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = run(world, now=NOW - DAY)
    world.registry.models["h1", broken.version] += b"\0"
    plant(monkeypatch, shuffled)
    trained = run(world)
    assert trained.adopted is not None
    assert world.registry.succession("h1") == (trained.adopted,)
    (reason,) = world.registry.decisions["h1", trained.adopted]["reasons"]
    assert reason.endswith("the challenger did not beat it; what served before is not intact")


@pytest.mark.parametrize(("days", "found"), [(2.9, 278), (0.5, 48), (0.01, 1)])
def test_too_short_a_history_says_what_is_missing(days: float, found: int) -> None:
    world = World()
    fill(world, days=days)
    with pytest.raises(NotEnoughDataError, match="house 'h1'") as caught:
        run(world)
    assert (caught.value.found_slots, caught.value.needed_slots) == (found, 288)


def test_three_days_are_enough() -> None:
    world = World()
    fill(world, days=3)
    assert run(world).version in {version for _, version in world.registry.models}


def test_a_house_that_is_not_heard_any_more_has_nothing_to_train_on(world: World) -> None:
    with pytest.raises(NotEnoughDataError):
        run(world, now=NOW + 8 * DAY)
    with pytest.raises(NotFoundError):
        train_house(World().training_ports(), house="h1", now=NOW, reason="test", code_version="1")


def test_the_manifest_names_what_was_left_out() -> None:
    world = World()
    fill(world, days=8)
    rule = Quarantine(NOW - 3 * DAY, NOW - 2 * DAY, "bath", None)
    house = world.houses.get("h1")
    assert house is not None
    world.houses.put(house.with_rule(rule))
    quarantined = world.observations.derived("h1", rule.start, rule.end)
    world.observations.put_many({key: ({"kitchen": of["kitchen"]}, Origin(1, 1)) for key, of, _ in quarantined})
    stuck = {
        "bath": {
            "humidity": Statistics(55.0, 55.0, 55.0, 1),
            "temperature": Statistics(20.0, 20.0, 20.0, 1),
        }
    }
    for slot in range(2 * 96):  # a sensor that stands still for two days
        world.observations.put_many({slot_key("h1", NOW - 6 * DAY + slot * SLOT): (stuck, Origin(2))})
    manifest = run(world, dry_run=True).manifest
    assert manifest["quarantine"] == [rule.plain()]
    assert manifest["report"]["faulty_slots"] >= 2 * 96
    assert manifest["report"]["seed"] == 0


def test_the_same_seed_gives_the_same_verdict(world: World) -> None:
    first, again = (run(world, dry_run=True, seed=7) for _ in range(2))
    assert (first.version, first.decision, first.manifest) == (again.version, again.decision, again.manifest)
