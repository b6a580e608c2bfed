"""Verification: forecasts whose 24 h are over against what happened, as one would reckon by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from roomidity.errors import NotFoundError
from roomidity.forecasting import load_prior
from roomidity.forecasting.scoring import Score
from roomidity.houses import House, Seen
from roomidity.pipeline.verification import advance_state, verify_house
from roomidity.readings.observations import Origin, Statistics
from roomidity.slots import SLOT, SLOT_MS, to_epoch_ms
from roomidity.store import StoredForecast
from tests.fakes import World
from tests.unit.samples import NOW, slot_key

DAY = timedelta(days=1)
ISSUED = NOW - DAY


def observe(world: World, values: dict[datetime, float], *, room: str = "kitchen", quantity: str = "humidity") -> None:
    for slot, mean in values.items():
        key = slot_key("h1", slot)
        observation, version = world.observations.stored.get(key, ({}, 0))
        of_room = {**observation.get(room, {}), quantity: Statistics(mean, mean, mean, 1)}
        world.observations.put_many({key: ({**observation, room: of_room}, Origin(version + 1))})
    house = world.houses.get("h1") or House("h1", "UTC")
    grown, _ = house.admit([Seen(room, "", min(values), max(values))])
    if grown != house:
        world.houses.put(grown)


def issue(world: World, at: datetime, low: float, mid: float, high: float, *, room: str = "kitchen") -> None:
    quantiles = {name: np.full(96, value) for name, value in zip(("p10", "p50", "p90"), (low, mid, high), strict=True)}
    world.forecasts.put_many([StoredForecast("h1", room, at, {"humidity": quantiles}, {"humidity": "full"}, at, "v1")])


def verify(
    world: World, *, first: datetime = ISSUED - DAY, last: datetime = NOW, now: datetime = NOW
) -> dict[str, dict[str, Score]]:
    return verify_house(world.verify_ports(), house="h1", first=first, last=last, now=now)


def test_a_score_equals_a_computation_by_hand() -> None:
    """Newest value 49 at issue; then 50 for 12 h, 54 for 11 h, and nothing in the last hour; forecast 48, 51, 53."""
    world = World()
    observe(world, {ISSUED - SLOT: 49.0})
    observe(world, {ISSUED + lead * SLOT: 50.0 if lead < 48 else 54.0 for lead in range(92)})
    issue(world, ISSUED, 48, 51, 53)
    score = verify(world)["kitchen"]["humidity"]
    np.testing.assert_array_equal(score.count, [4] * 23 + [0])
    np.testing.assert_allclose(score.mae, [1] * 12 + [3] * 11 + [np.nan])
    np.testing.assert_allclose(score.persistence_mae, [1] * 12 + [5] * 11 + [np.nan])
    np.testing.assert_allclose(score.coverage, [1] * 12 + [0] * 11 + [np.nan])
    np.testing.assert_allclose(score.total().mae, (48 * 1 + 44 * 3) / 92)
    np.testing.assert_allclose(score.total().rmse, np.sqrt((48 * 1 + 44 * 9) / 92))
    # pinball of 50: (0.1 * 2 + 0.5 * 1 + 0.1 * 3) / 3; of 54: (0.1 * 6 + 0.5 * 3 + 0.9 * 1) / 3
    np.testing.assert_allclose(score.total().mean_pinball, (48 * 1.0 + 44 * 3.0) / 3 / 92)


def test_scores_add_up_over_forecasts_and_stand_apart_by_room_and_quantity() -> None:
    world = World()
    slots = [ISSUED - 5 * SLOT + lead * SLOT for lead in range(101)]
    observe(world, dict.fromkeys(slots, 50.0))
    observe(world, dict.fromkeys(slots, 20.0), quantity="temperature")
    observe(world, dict.fromkeys(slots, 60.0), room="bath")
    for back in range(3):
        issue(world, ISSUED - back * SLOT, 40, 52, 60)
    issue(world, ISSUED, 50, 61, 65, room="bath")
    scores = verify(world)
    assert set(scores) == {"kitchen", "bath"}
    assert set(scores["kitchen"]) == {"humidity"}
    assert scores["kitchen"]["humidity"].total().count == 3 * 96
    assert scores["kitchen"]["humidity"].total().mae == 2
    assert scores["bath"]["humidity"].total().mae == 1


def test_persistence_is_the_newest_value_even_if_it_is_old() -> None:
    world = World()
    observe(world, {ISSUED - 40 * SLOT: 45.0, ISSUED - 50 * SLOT: 10.0})
    observe(world, {ISSUED + lead * SLOT: 50.0 for lead in range(96)})
    issue(world, ISSUED, 48, 51, 53)
    assert verify(world)["kitchen"]["humidity"].total().persistence_mae == 5


def test_only_forecasts_whose_24_hours_are_over_count() -> None:
    world = World()
    observe(world, {ISSUED - SLOT + lead * SLOT: 50.0 for lead in range(97)})
    issue(world, ISSUED, 48, 51, 53)
    issue(world, ISSUED + SLOT, 48, 99, 100)
    assert verify(world)["kitchen"]["humidity"].total().mae == 1
    assert verify(world)["kitchen"]["humidity"].total().count == 96
    assert verify(world, first=ISSUED - DAY, last=ISSUED - SLOT) == {}


def test_of_a_day_of_which_nothing_is_over_there_are_no_scores() -> None:
    world = World()
    observe(world, {NOW - SLOT: 50.0})
    assert verify(world, first=NOW - DAY + SLOT, last=NOW) == {}


def test_again_gives_the_same() -> None:
    world = World()
    observe(world, {ISSUED - SLOT + lead * SLOT: 50.0 + lead / 10 for lead in range(97)})
    issue(world, ISSUED, 48, 51, 53)
    first, again = (vars(verify(world)["kitchen"]["humidity"]) for _ in range(2))
    np.testing.assert_equal(first, again)


def test_the_air_outside_is_not_verified_and_a_house_without_forecasts_has_no_scores() -> None:
    world = World()
    observe(world, {ISSUED: 50.0}, room="outdoor")
    issue(world, ISSUED, 48, 51, 53, room="outdoor")
    assert verify(world) == {}


def test_a_house_that_was_never_seen_is_said() -> None:
    with pytest.raises(NotFoundError):
        verify(World())
    with pytest.raises(NotFoundError):
        advance_state(World().verify_ports(), house="h1", now=NOW)


# The daily step of the champion's state


@pytest.fixture
def world() -> World:
    """A house with ten days of observations and a champion whose state ends two days ago."""
    made = World()
    slots = [NOW - (back + 1) * SLOT for back in range(960)]
    observe(made, {slot: 50 + 5 * np.sin(place / 15) for place, slot in enumerate(slots)})
    model, state, _ = load_prior()
    nothing = np.zeros((1, *model.local.shape[1:]))
    own = replace(model, rooms=("kitchen",), local=nothing, residual=nothing)
    began = replace(state, through=to_epoch_ms(NOW - 2 * DAY) // SLOT_MS, scored=to_epoch_ms(NOW - 3 * DAY) // SLOT_MS)
    version = made.registry.publish("h1", model=own, state=began, manifest={}, trained_at=NOW - 2 * DAY)
    made.registry.promote("h1", version, at=NOW - 2 * DAY)
    return made


def test_a_state_moves_on_over_the_closed_slots_once(world: World) -> None:
    assert advance_state(world.verify_ports(), house="h1", now=NOW)
    champion = world.registry.champion("h1")
    assert champion is not None
    assert champion.state.through == to_epoch_ms(NOW) // SLOT_MS
    assert champion.state.rooms == ("kitchen",)
    assert not advance_state(world.verify_ports(), house="h1", now=NOW)
    assert not advance_state(world.verify_ports(), house="h1", now=NOW - DAY)


def test_a_refused_champions_state_stays(world: World) -> None:
    (key,) = world.registry.models
    world.registry.models[key] += b"\0"
    assert not advance_state(world.verify_ports(), house="h1", now=NOW)


def test_without_a_champion_there_is_no_state() -> None:
    made = World()
    observe(made, {NOW - SLOT: 50.0})
    assert not advance_state(made.verify_ports(), house="h1", now=NOW)
