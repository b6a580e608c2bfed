"""Verification: forecasts whose 24 h are over against what happened, as one would reckon by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from roomidity.domain.forecasts import QUANTILES, StoredForecast
from roomidity.domain.houses import House, Seen
from roomidity.domain.observations import Origin, Statistics
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, SLOT_MS, to_epoch_ms
from roomidity.errors import NotFoundError
from roomidity.forecasting import Window, load_prior
from roomidity.forecasting.backtest import replay
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.forecasting.evaluation.scores import Score, score
from roomidity.forecasting.window import slot_number
from roomidity.pipeline.state_moving import move_state
from roomidity.pipeline.verification import score_days, verify_house
from tests.fake_registry import champion_of
from tests.fakes import World, stacked
from tests.unit.samples import NOW, slot_key

DAY = timedelta(days=1)
ISSUED = NOW - DAY
NOTHING = Score(*(np.zeros(24) for _ in fields(Score)))


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


def around(value: float, slots: Iterable[datetime]) -> dict[datetime, float]:
    """A value that moves by a hair, as one does that is measured: what stands still for a day is a fault."""
    return {slot: value + 0.001 * (number % 2) for number, slot in enumerate(slots)}


def issue(world: World, at: datetime, low: float, mid: float, high: float, *, room: str = "kitchen") -> None:
    humidity = {name: np.full(96, value) for name, value in zip(QUANTILES, (low, mid, high), strict=True)}
    quantiles = stacked({"humidity": humidity})
    world.forecasts.put_many([StoredForecast("h1", room, at, quantiles, {"humidity": "full"}, at, "v1")])


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
    observe(world, around(50.0, slots))
    observe(world, around(20.0, slots), quantity="temperature")
    observe(world, around(60.0, slots), room="bath")
    for back in range(3):
        issue(world, ISSUED - back * SLOT, 40, 52, 60)
    issue(world, ISSUED, 50, 61, 65, room="bath")
    scores = verify(world)
    assert set(scores) == {"kitchen", "bath"}
    assert set(scores["kitchen"]) == {"humidity"}
    assert scores["kitchen"]["humidity"].total().count == 3 * 96
    np.testing.assert_allclose(scores["kitchen"]["humidity"].total().mae, 2, atol=0.001)
    np.testing.assert_allclose(scores["bath"]["humidity"].total().mae, 1, atol=0.001)


@pytest.mark.parametrize("age", [1, 13])
def test_persistence_is_the_newest_value_of_at_most_three_hours_before(age: int) -> None:
    world = World()
    observe(world, {ISSUED - age * SLOT: 45.0, ISSUED - 50 * SLOT: 10.0})
    observe(world, around(50.0, (ISSUED + lead * SLOT for lead in range(96))))
    issue(world, ISSUED, 48, 51, 53)
    np.testing.assert_allclose(verify(world)["kitchen"]["humidity"].total().persistence_mae, 5, atol=0.001)


def test_a_forecast_after_more_than_three_silent_hours_does_not_count() -> None:
    world = World()
    observe(world, {ISSUED - 14 * SLOT: 45.0})
    observe(world, around(50.0, (ISSUED + lead * SLOT for lead in range(96))))
    issue(world, ISSUED, 48, 51, 53)
    assert verify(world)["kitchen"]["humidity"].total().count == 0


def test_what_stands_still_or_is_wild_is_not_scored() -> None:
    """A sensor that stuck after 6 h, with a wild value before."""
    world = World()
    observe(world, around(50.0, (ISSUED - lead * SLOT for lead in range(1, 150))))
    observe(world, {ISSUED + lead * SLOT: 50.0 + lead % 2 for lead in range(24)})
    observe(world, {ISSUED + 7 * SLOT: 85.0})
    observe(world, {ISSUED + lead * SLOT: 61.0 for lead in range(24, 96)})
    issue(world, ISSUED, 48, 51, 53)
    score = verify(world)["kitchen"]["humidity"]
    assert score.count.tolist() == [4, 3, *[4] * 4, *[0] * 18]
    assert score.absolute_error.max() == 2


def test_scores_go_by_the_robust_value() -> None:
    world = World()
    observe(world, around(50.0, (ISSUED - SLOT + lead * SLOT for lead in range(97))))
    for lead in (3, 40):
        key = slot_key("h1", ISSUED + lead * SLOT)
        robust = {"kitchen": {"humidity": Statistics(41.0, 5.0, 50.2, 4, robust=50.1)}}
        world.observations.put_many({key: (robust, Origin(2))})
    issue(world, ISSUED, 48, 51, 53)
    np.testing.assert_allclose(verify(world)["kitchen"]["humidity"].total().mae, 1, atol=0.01)


def test_only_forecasts_whose_24_hours_are_over_count() -> None:
    world = World()
    observe(world, around(50.0, (ISSUED - SLOT + lead * SLOT for lead in range(97))))
    issue(world, ISSUED, 48, 51, 53)
    issue(world, ISSUED + SLOT, 48, 99, 100)
    np.testing.assert_allclose(verify(world)["kitchen"]["humidity"].total().mae, 1, atol=0.001)
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
        move_state(World().verify_ports(), house="h1", now=NOW)


# Rows of accuracy


MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
"""Of the day whose forecasts are scored; NOW is 8 o'clock two days later."""


def issue_all_day(world: World, day: datetime = MIDNIGHT, *, until: int = 96, room: str = "kitchen") -> None:
    for number in range(until):
        issue(world, day + number * SLOT, 47, 51, 53, room=room)


def observe_around(
    world: World, day: datetime = MIDNIGHT, *, value: float = 50.0, quantities: Sequence[str] = ("humidity",)
) -> None:
    for quantity in quantities:
        slots = {day + number * SLOT: value + number % 3 for number in range(-204, 192)}
        observe(world, slots, quantity=quantity)


def rows_of(world: World, *days: datetime, now: datetime = NOW) -> list[DayAccuracy]:
    home = world.houses.get("h1")
    assert home is not None
    return list(score_days(world.verify_ports(), house=home, days=[day.date() for day in days or (MIDNIGHT,)], now=now))


def test_a_days_row_sums_what_scoring_each_forecast_gives() -> None:
    world = World()
    observe_around(world)
    issue_all_day(world)
    (row,) = rows_of(world)
    assert (row.room, row.day.isoformat(), row.forecasts, row.complete) == ("kitchen", "2026-11-20", 96, True)
    whole = verify(world, first=MIDNIGHT, last=MIDNIGHT + DAY - SLOT)["kitchen"]["humidity"]
    for name, sums in vars(row.scores["humidity"]).items():
        np.testing.assert_array_equal(sums, getattr(whole, name))
    assert row.scores["humidity"].count.tolist() == [96 * 4] * 24


def test_of_a_day_that_is_not_over_the_row_says_so_and_has_what_is() -> None:
    world = World()
    observe_around(world)
    issue_all_day(world)
    for now, forecasts, complete in (
        (MIDNIGHT + 2 * DAY - SLOT, 96, False),
        (MIDNIGHT + 2 * DAY, 96, True),
        (MIDNIGHT + DAY, 1, False),
    ):
        (row,) = rows_of(world, now=now)
        assert (row.forecasts, row.complete) == (forecasts, complete)
    assert rows_of(world, now=MIDNIGHT + DAY - SLOT) == []


def test_days_stand_apart_and_one_without_forecasts_has_no_row() -> None:
    world = World()
    observe_around(world)
    issue_all_day(world, MIDNIGHT - DAY, until=8)
    issue_all_day(world, until=4)
    rows = {row.day.day: row for row in rows_of(world, MIDNIGHT - 2 * DAY, MIDNIGHT - DAY, MIDNIGHT)}
    assert {day: row.forecasts for day, row in rows.items()} == {19: 8, 20: 4}


def test_six_hourly_sums_are_of_the_backtests_issue_times() -> None:
    """It needs both quantities' newest values, 60 % of two days before and half of the day after."""
    world = World()
    observe_around(world, quantities=("humidity", "temperature"))
    issue_all_day(world)
    (row,) = rows_of(world)
    assert row.six_hourly["humidity"].count.tolist() == [4 * 4] * 24
    alone = World()
    for hour in (0, 6, 12, 18):
        alone.observations = world.observations
        alone.houses = world.houses
        issue(alone, MIDNIGHT + timedelta(hours=hour), 47, 51, 53)
    (four,) = rows_of(alone)
    for name, sums in vars(four.scores["humidity"]).items():
        np.testing.assert_array_equal(sums, getattr(row.six_hourly["humidity"], name))


def test_six_hourly_sums_are_those_of_the_backtest_whatever_is_missing() -> None:
    """Ten days of two rooms with gaps of all lengths, forecast by the prior alone."""
    rng = np.random.default_rng(5)
    first, days = MIDNIGHT - 12 * DAY, 12
    values = np.empty((2, 2, days * 96))
    values[:, 0], values[:, 1] = 50 + rng.normal(size=(2, days * 96)).cumsum(axis=1) / 9, 21.0
    values[:, 1] += rng.normal(size=(2, days * 96)) / 50
    for row, place in np.ndindex(2, 2):
        for begin in rng.integers(0, days * 96, 12):
            values[row, place, begin : begin + int(rng.choice([1, 5, 11, 12, 13, 30, 60]))] = np.nan
    values[:, :, -1] = values[:, :, -2]  # a backtest ends with the last reading
    model, state, _ = load_prior()
    window = Window(("bath", "kitchen"), first + days * DAY, "UTC", values)
    tested = replay(window, (model, state), start=slot_number(first + 2 * DAY), retrain_days=None)

    world = World()
    for row, room in enumerate(window.rooms):
        for place, quantity in enumerate(QUANTITIES):
            means = {
                first + number * SLOT: value for number, value in enumerate(values[row, place]) if np.isfinite(value)
            }
            observe(world, means, room=room, quantity=quantity)
        for number, at in enumerate(tested.issued_at):
            levels = tested.quantiles[row, number]
            quantities: dict[str, dict[str, float]] = {
                q: dict(zip(QUANTILES, levels[place][[0, 4, 8]], strict=True)) for place, q in enumerate(QUANTITIES)
            }
            world.forecasts.put_many([StoredForecast("h1", room, at, stacked(quantities), {}, at, "v1")])
    rows = rows_of(world, *(first + day * DAY for day in range(2, days)), now=first + days * DAY)
    assert 20 < tested.counted.sum() < tested.counted.size - 5
    for row, room in enumerate(window.rooms):
        counted = tested.counted[row]
        for place, quantity in enumerate(QUANTITIES):
            sums = sum((one.six_hourly[quantity] for one in rows if one.room == room), start=NOTHING)
            actual, last = tested.actual[row, counted, place], tested.last[row, counted, place]
            expected = score(tested.quantiles[row, counted, place][:, [0, 4, 8]], actual, last).pooled()
            for name, found in vars(sums).items():
                np.testing.assert_allclose(found, getattr(expected, name), err_msg=f"{room} {quantity} {name}")


def test_late_readings_correct_a_row() -> None:
    world = World()
    observe_around(world)
    issue_all_day(world)
    (before,) = rows_of(world)
    observe(world, {MIDNIGHT + 100 * SLOT: 57.0})
    (after,) = rows_of(world)
    assert after.scores["humidity"].absolute_error.sum() > before.scores["humidity"].absolute_error.sum()
    assert after.scores["humidity"].count.tolist() == before.scores["humidity"].count.tolist()


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
    assert move_state(world.verify_ports(), house="h1", now=NOW).advanced
    champion = champion_of(world.registry, "h1")
    assert champion is not None
    assert champion.state.through == to_epoch_ms(NOW) // SLOT_MS
    assert champion.state.rooms == ("kitchen",)
    assert not move_state(world.verify_ports(), house="h1", now=NOW).advanced
    assert not move_state(world.verify_ports(), house="h1", now=NOW - DAY).advanced


def test_a_refused_champions_state_stays(world: World) -> None:
    (key,) = world.registry.models
    world.registry.models[key] += b"\0"
    assert not move_state(world.verify_ports(), house="h1", now=NOW).advanced


def test_what_serves_in_a_refused_champions_place_moves_on(world: World) -> None:
    before = champion_of(world.registry, "h1")
    assert before is not None
    own = replace(before.model, local=before.model.local + 1e-6)
    began = replace(before.state, through=before.state.through + 1)
    version = world.registry.publish("h1", model=own, state=began, manifest={}, trained_at=NOW - DAY)
    world.registry.promote("h1", version, at=NOW - DAY)
    world.registry.models[next(key for key in world.registry.models if version in key)] += b"\0"
    assert move_state(world.verify_ports(), house="h1", now=NOW).advanced
    assert world.registry.load("h1", before.version).state.through == to_epoch_ms(NOW) // SLOT_MS


def test_without_a_champion_there_is_no_state() -> None:
    made = World()
    observe(made, {NOW - SLOT: 50.0})
    assert not move_state(made.verify_ports(), house="h1", now=NOW).advanced
