"""No forecast is written that cannot be: the next in line stands in for it, and nights move no such state on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from roomidity.domain.slots import SLOT_MS, floor_slot, to_epoch_ms
from roomidity.forecasting import HouseForecast, Model, State, Window, advance, forecast, incredible, load_prior
from roomidity.pipeline import credible
from roomidity.pipeline.nightly import Night, run_night
from roomidity.pipeline.state_moving import move_state
from tests.fakes import World
from tests.unit.pipeline.test_forecasts import DAY, PRIOR_VERSION, issue, observe, only, promote
from tests.unit.samples import NOW

Damage = Callable[[Model, State], tuple[Model, State]]


def trusting(state: State, expert: int) -> State:
    """The state that goes by one expert alone."""
    weights = np.zeros_like(state.weights)
    weights[..., expert] = 1.0
    return replace(state, weights=weights)


def huge_ridges(model: Model, state: State) -> tuple[Model, State]:
    return replace(model, local=np.full_like(model.local, 1e30)), trusting(state, 1)


def huge_prior(model: Model, state: State) -> tuple[Model, State]:
    return replace(model, skip=model.skip + 1e6), state


def wide_offsets(model: Model, state: State) -> tuple[Model, State]:
    spread = np.linspace(-100, 100, 9)[None, None, :, None]
    return model, replace(
        state, offsets=np.broadcast_to(spread, state.offsets.shape), interval_scale=state.interval_scale * 0 + 20
    )


def crossing(model: Model, state: State) -> tuple[Model, State]:
    return model, replace(state, offsets=-state.offsets)


DAMAGES: list[Damage] = [huge_ridges, huge_prior, wide_offsets, crossing]


def champion(world: World, damage: Damage | None = None, *rooms: str, at: timedelta = DAY, tag: float = 0.0) -> str:
    """A champion of the house's own, as :func:`promote` makes one, damaged in a way that no checksum tells."""
    model, state, _ = load_prior()
    rooms = rooms or ("kitchen",)
    ridges = np.full((len(rooms), *model.local.shape[1:]), tag)
    own = replace(model, rooms=rooms, local=ridges, residual=ridges)
    began = to_epoch_ms(NOW - at) // SLOT_MS
    state = replace(state, through=began, scored=began - 96)
    if damage is not None:
        own, state = damage(own, state)
    version = world.registry.publish("h1", model=own, state=state, manifest={}, trained_at=NOW - at)
    world.registry.promote("h1", version, at=NOW - at)
    return version


def assert_sound(world: World) -> None:
    for one in world.forecasts.stored.values():
        assert set(one.quantities) == {"humidity", "temperature"} == set(one.grade)
        for quantity, quantiles in one.quantities.items():
            assert (quantiles["p10"] <= quantiles["p50"]).all()
            assert (quantiles["p50"] <= quantiles["p90"]).all()
            centre, reach = {"humidity": (50, 30), "temperature": (20, 10)}[quantity]
            assert (abs(quantiles["p50"] - centre) < reach).all()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_forecast_that_cannot_be_is_not_written_the_predecessors_is(damage: Damage) -> None:
    world = World()
    observe(world)
    before = champion(world, at=2 * DAY)
    broken = champion(world, damage)
    issued = issue(world)
    assert only(issued).model_version == before
    assert only(issued).grade == {"humidity": "full", "temperature": "full"}
    assert issued.refused.keys() == {"kitchen"}
    assert issued.serving.version == broken
    assert_sound(world)


@pytest.mark.parametrize("damage", DAMAGES)
def test_without_a_predecessor_that_can_be_the_prior_serves(damage: Damage) -> None:
    world = World()
    observe(world)
    champion(world, damage, at=2 * DAY)
    champion(world, damage, tag=1e-6)
    issued = issue(world)
    assert only(issued).model_version == PRIOR_VERSION
    assert only(issued).grade == {"humidity": "prior", "temperature": "prior"}
    assert_sound(world)


@pytest.mark.parametrize("way", ["not numbers", "raises"])
def test_in_the_end_there_is_persistence(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(window: Window, model: Model, state: State, *, unchanged: bool = False) -> HouseForecast:
        found = forecast(window, model, state, unchanged=unchanged)
        if unchanged:
            return found
        if way == "raises":
            raise FloatingPointError("overflow")
        return replace(found, quantiles=np.full_like(found.quantiles, np.nan))

    monkeypatch.setattr(credible, "forecast", broken)
    world = World()
    observe(world)
    issued = issue(world)
    assert only(issued).grade == {"humidity": "persistence", "temperature": "persistence"}
    assert "kitchen" in issued.refused
    assert_sound(world)
    for quantity, newest in (("humidity", 50.0), ("temperature", 20.0)):
        assert abs(only(issued).quantities[quantity]["p50"] - newest).max() < 3


def test_a_room_costs_itself_alone() -> None:
    world = World()
    observe(world, ("kitchen", "bath"))
    model, state, _ = load_prior()
    ridges = np.zeros((2, *model.local.shape[1:]))
    ridges[1] = 1e30
    own = replace(model, rooms=("bath", "kitchen"), local=ridges, residual=ridges)
    version = world.registry.publish("h1", model=own, state=trusting(state, 1), manifest={}, trained_at=NOW - DAY)
    world.registry.promote("h1", version, at=NOW - DAY)
    issued = issue(world)
    assert {room.room: room.model_version for room in issued.rooms} == {"bath": version, "kitchen": PRIOR_VERSION}
    assert issued.refused.keys() == {"kitchen"}
    assert "humidity" in issued.refused["kitchen"]


def test_what_is_sound_is_refused_nowhere() -> None:
    world = World()
    observe(world)
    version = promote(world, "kitchen")
    issued = issue(world)
    assert issued.refused == {}
    assert only(issued).model_version == version


@pytest.mark.parametrize(("name", "beyond", "is_refused"), [("humidity", 30, False), ("temperature", 30, True)])
def test_how_far_a_median_may_lie_from_what_was_measured(name: str, beyond: float, is_refused: bool) -> None:
    model, state, _ = load_prior()
    values = np.stack([np.full(192, 30.0), np.full(192, 20.0)])[None]
    window = Window(("kitchen",), NOW, "UTC", values)
    issued = forecast(window, model, state)
    assert incredible(issued, window, state) == {}
    place = ("humidity", "temperature").index(name)
    moved = np.array(issued.quantiles)
    moved[0, place, :, 50] = values[0, place, 0] + beyond
    found = incredible(replace(issued, quantiles=moved), window, state)
    assert bool(found) is is_refused


def test_a_sensor_that_fell_silent_at_a_wild_value_is_no_reason_to_refuse() -> None:
    """Stuck at 99.9 or so for longer than the window reaches, the value before it is forecast on, from memory."""
    model, state, _ = load_prior()
    usual = 45 + 5 * np.sin(np.arange(960) / 15)
    values = np.stack([usual, 20 + np.sin(np.arange(960) / 15)])[None]
    values[0, 0, -250:] = 99.9
    history = Window(("kitchen",), NOW, "UTC", values)
    state = advance(state, model, history.until(NOW - 2 * DAY))
    for slots in (192, 960):
        window = history.tail(slots)
        issued = forecast(window, model, state)
        assert incredible(issued, window, state) == {}


# ---- Nights


def night(world: World) -> Night:
    return run_night(world.verify_ports(), house="h1", now=NOW)


def reasons(world: World) -> list[str]:
    return [json.loads(body)["reason"] for body in world.training_jobs.bodies]


@pytest.mark.parametrize("damage", [wide_offsets, crossing])
def test_a_state_that_cannot_be_is_not_moved_on_but_the_one_that_training_left(damage: Damage) -> None:
    world, sound = World(), World()
    for one in (world, sound):
        observe(one, days=5)
        version = champion(one, at=2 * DAY)
    held = world.registry.load("h1", version)
    _, broken = damage(held.model, replace(held.state, through=held.state.through + 1))
    world.registry._states["h1", version] = broken.to_bytes()
    moved = move_state(world.verify_ports(), house="h1", now=NOW)
    assert moved.advanced
    assert moved.refused is not None
    assert move_state(sound.verify_ports(), house="h1", now=NOW).refused is None
    as_if_nothing_had_been = sound.registry.load("h1", version).state
    assert world.registry.load("h1", version).state.to_bytes() == as_if_nothing_had_been.to_bytes()


def test_a_model_that_cannot_be_moves_no_state_and_a_training_is_asked_for() -> None:
    world = World()
    observe(world, days=5)
    version = champion(world, huge_ridges, at=2 * DAY)
    before = world.registry._states["h1", version]
    found = night(world)
    assert not found.state_advanced
    assert found.refused is not None
    assert world.registry._states["h1", version] == before
    assert reasons(world) == ["first"] or reasons(world) == ["repair"]


def test_a_lost_state_gives_way_to_the_one_that_training_left_and_a_training_is_asked_for() -> None:
    world = World()
    observe(world, days=2)
    version = champion(world)
    world.registry.lost_states[version] = "its object is gone"
    issued = issue(world)
    assert issued.serving.refused
    assert only(issued).model_version == version, "not the prior"
    found = night(world)
    assert found.state_advanced
    assert (found.refused, found.training, reasons(world)) == ("its object is gone", "repair", ["repair"])
    again = night(world)
    assert (again.refused, again.training) == (None, None)


def test_a_champion_that_is_gone_asks_for_a_training() -> None:
    world = World()
    observe(world, days=2)
    version = champion(world)
    world.registry.models["h1", version] += b"\0"
    assert night(world).training == "repair"
    world.registry.unreadable.add(version)
    assert night(world).training is None, "it may well be intact"


def test_a_night_of_the_past_again_refuses_nothing() -> None:
    world = World()
    observe(world, days=5)
    champion(world, at=2 * DAY)
    assert night(world).state_advanced
    found = run_night(world.verify_ports(), house="h1", now=floor_slot(NOW - DAY))
    assert (found.state_advanced, found.refused) == (False, None)
