"""Sensors fall silent, stick, move, spike, appear and vanish: forecasts stay plausible, and say what they rest on.

Bounds are what was measured, on this house and on real ones, with some room above.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.quantities import QUANTITIES
from roomidity.forecasting import LEVELS, Model, State, Window, advance, forecast
from roomidity.forecasting.serving.online import known_past
from roomidity.forecasting.training.ridges import train

# Of a failing example Hypothesis prints the fixtures as well.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

Served = tuple[Model, State]

DAY = 96
WINDOW = 192
TRAINED_DAYS = 13
P50 = LEVELS.index(0.5)
LIMITS = ((0.0, 100.0), (-60.0, 85.0))
STEP = (20.0, 5.0)
"""A large change of a sensor: %RH, °C."""

few = settings(max_examples=20, deadline=None, derandomize=True)
ROOMS = st.integers(0, 2)
QUANTITY = st.integers(0, 1)
ISSUES = st.integers(0, 3 * DAY)
"""Slots after training at which a forecast is issued."""
HEIGHTS = st.sampled_from([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
"""In units of STEP."""


@pytest.fixture(scope="module")
def house(make_house) -> Window:
    return make_house(rooms=3, days=TRAINED_DAYS + 3)


@pytest.fixture(scope="module")
def closed(house: Window) -> Window:
    return house.between(house.first, house.first + TRAINED_DAYS * DAY)


@pytest.fixture(scope="module", params=["own", "prior"])
def served(request: pytest.FixtureRequest, closed: Window, prior: Served) -> Served:
    """A model and state that know the house, and the prior with a state that does."""
    if request.param == "prior":
        return prior[0], advance(prior[1], prior[0], closed)
    own = train(closed, prior=prior, seed=0)
    return own.model, own.state


def issued(window: Window, served: Served) -> np.ndarray:
    """The quantiles of a forecast of which all holds that must hold of any."""
    found = forecast(window, *served)
    believed = known_past(served[1], window)[0].basis.values
    for row, grades in enumerate(found.grades):
        for q, name in enumerate(QUANTITIES):
            known = np.isfinite(believed[row, q, -WINDOW:])
            if known[-13:].any() and known.sum() >= 0.6 * WINDOW:
                assert grades[name] == ("prior" if served[0].is_prior else "full")
            elif grades.get(name) in ("full", "prior"):
                assert known.sum() > 8
    for q, (low, high) in enumerate(LIMITS):
        there = found.quantiles[np.isfinite(window.values[:, q]).any(axis=1), q]
        assert (np.diff(there, axis=1) >= 0).all()
        assert (there >= low).all()
        assert (there <= high).all()
    return found.quantiles


def medians(window: Window, served: Served, values: np.ndarray | None = None) -> np.ndarray:
    return issued(window if values is None else replace(window, values=values), served)[:, :, P50]


def at(house: Window, slots: int) -> Window:
    """The window served so many slots after training."""
    return house.between(house.first, house.first + TRAINED_DAYS * DAY + slots).tail(WINDOW)


@few
@given(issue=ISSUES, share=st.sampled_from([0.05, 0.4, 0.7, 0.97]), longest=st.sampled_from([1, 8, 60]), seed=ROOMS)
def test_gaps_at_random_are_graded_for_what_they_leave(
    issue: int, share: float, longest: int, seed: int, house: Window, served: Served
) -> None:
    window = at(house, issue)
    rng = np.random.default_rng(seed)
    values = np.repeat(rng.random((3, 2, WINDOW // longest + 1)) < share, longest, axis=2)[:, :, :WINDOW]
    medians(window, served, np.where(values, np.nan, window.values))


@few
@given(issue=ISSUES, seed=st.integers(0, 2**16))
def test_a_reading_in_three_missing_changes_little(issue: int, seed: int, house: Window, served: Served) -> None:
    window = at(house, issue)
    lost = np.random.default_rng(seed).random(window.values.shape) < 1 / 3
    lost[:, :, -1] = False
    changes = np.abs(medians(window, served, np.where(lost, np.nan, window.values)) - medians(window, served))
    assert changes[:, 0].max() < 3
    assert changes[:, 1].max() < 1
    assert changes[:, 0].mean() < 0.6
    assert changes[:, 1].mean() < 0.3


@few
@given(issue=ISSUES, room=ROOMS, stuck=st.integers(12, WINDOW))
def test_a_stuck_sensor_is_expected_to_move_no_more_than_it_used_to(
    issue: int, room: int, stuck: int, house: Window, served: Served
) -> None:
    window = at(house, issue)
    values = window.values.copy()
    values[room, :, -stuck:] = values[room, :, -stuck, None]
    moved = np.abs(medians(window, served, values)[room] - values[room, :, -1:]).max(axis=1)
    assert (moved < np.ptp(house.values[room], axis=1)).all()


@pytest.mark.parametrize("level", [(50.0, 20.0), (0.0, -60.0), (100.0, 85.0)])
def test_of_a_sensor_stuck_for_days_nothing_is_expected_any_more(
    level: tuple[float, float], closed: Window, served: Served
) -> None:
    model, state = served
    days = 10
    values = np.broadcast_to(np.array(level)[:, None], (3, 2, days * DAY))
    still = replace(closed, values=values, end=closed.end + timedelta(days=days))
    for day in range(1, days + 1):
        state = advance(state, model, still.between(still.first, still.first + day * DAY))
    off = np.abs(medians(still.tail(WINDOW), (model, state)) - np.array(level)[:, None])
    assert off[:, 0].max() < 0.6
    assert off[:, 1].max() < 0.15


@few
@given(issue=ISSUES, room=ROOMS, q=QUANTITY, sign=st.sampled_from([-1, 1]))
def test_a_moved_sensor_is_followed_with_its_second_slot_and_forgiven_within_a_day(
    issue: int, room: int, q: int, sign: int, house: Window, served: Served
) -> None:
    window = at(house, issue)
    before = medians(window, served)[room, q]

    def apart(slots: int) -> np.ndarray:
        """How far from the usual forecast at the new level, as a share of the step, over the leads."""
        values = window.values.copy()
        values[room, q, -slots:] += sign * STEP[q]
        values[:, 0] = values[:, 0].clip(0, 100)
        step = values[room, q, -1] - window.values[room, q, -1]
        return np.abs(medians(window, served, values)[room, q] - before - step) / abs(step)

    assert apart(2)[:4].max() < 0.5
    assert apart(48).max() < 0.7
    assert apart(48).mean() < 0.35
    assert apart(96).max() < 0.3
    assert apart(96).mean() < 0.15


@few
@given(issue=ISSUES, room=ROOMS, q=QUANTITY, height=HEIGHTS, age=st.integers(1, WINDOW - 1))
def test_an_old_spike_changes_the_forecast_by_less_than_it_was_high(
    issue: int, room: int, q: int, height: float, age: int, house: Window, served: Served
) -> None:
    window = at(house, issue)
    values = window.values.copy()
    values[room, q, -1 - age] += height * STEP[q]
    changes = np.abs(medians(window, served, values) - medians(window, served))[room, q] / abs(height * STEP[q])
    assert changes.max() < 0.6  # at the one lead for which it is yesterday's value
    assert changes.mean() < 0.25


@few
@given(issue=ISSUES, room=ROOMS, q=QUANTITY, height=HEIGHTS)
def test_a_spike_in_the_newest_slot_is_not_made_larger(
    issue: int, room: int, q: int, height: float, house: Window, served: Served
) -> None:
    window = at(house, issue)
    values = window.values.copy()
    values[room, q, -1] += height * STEP[q]
    values[:, 0] = values[:, 0].clip(0, 100)
    spike = abs(values[room, q, -1] - window.values[room, q, -1])
    changes = np.abs(medians(window, served, values) - medians(window, served))[:, q] / spike
    assert changes[room].max() < 1.5
    assert np.delete(changes, room, axis=0).max() < 0.6


@pytest.mark.parametrize("slots", [1, 4, DAY])
def test_a_room_that_appears_is_forecast_at_once_and_disturbs_no_other(
    slots: int, house: Window, served: Served
) -> None:
    window = at(house, 100)
    fresh = np.full((1, 2, WINDOW), np.nan)
    fresh[0, :, -slots:] = window.values[0, :, -slots:]
    grown = replace(window, rooms=(*window.rooms, "attic"), values=np.concatenate([window.values, fresh]))
    found = medians(grown, served)
    assert forecast(grown, *served).grades[-1] == {"humidity": "sparse", "temperature": "sparse"}
    others = np.abs(found[:-1] - medians(window, served))
    assert others[:, 0].max() < 0.5
    assert others[:, 1].max() < 0.25
    if slots < DAY:  # too little to know its course: its value is carried on
        off = np.abs(found[-1] - fresh[0, :, -1:])
        assert off[0].max() < 1
        assert off[1].max() < 0.5


def test_a_room_that_vanishes_is_forecast_until_it_is_forgotten(house: Window, closed: Window, served: Served) -> None:
    model, state = served
    left = house.select(["room 0", "room 1"])
    window = replace(left.tail(WINDOW), end=house.end + timedelta(days=6))
    state = advance(state, model, replace(left, end=house.end + timedelta(days=6)))
    assert state.rooms == ("room 0", "room 1")
    medians(window, (model, state))
    back = replace(house.tail(WINDOW), end=window.end)
    np.testing.assert_array_equal(np.isfinite(medians(back, (model, state))), np.ones((3, 2, DAY), dtype=bool))


def test_a_room_is_remembered_while_its_last_days_are(closed: Window, house: Window, served: Served) -> None:
    model, state = served
    state = advance(state, model, house.between(closed.last, house.last).select(["room 0", "room 1"]))
    assert set(state.rooms) == {"room 0", "room 1", "room 2"}
    silent = forecast(house.select(["room 2"]).between(house.first, closed.last).tail(WINDOW), model, state)
    assert set(silent.grades[0]) == {"humidity", "temperature"}


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (datetime(2026, 3, 29, 1, tzinfo=UTC), "Etc/GMT-1", "Etc/GMT-2"),
        (datetime(2026, 10, 25, 1, tzinfo=UTC), "Etc/GMT-2", "Etc/GMT-1"),
    ],
)
def test_the_clock_of_a_forecast_is_the_houses_own_on_both_sides_of_a_daylight_saving_change(
    change: datetime, before: str, after: str, house: Window, prior: Served
) -> None:
    for hours in (-25, -1, -0.25, 0, 0.25, 1, 25):
        window = replace(house.tail(WINDOW), end=change + timedelta(hours=hours), timezone="Europe/Brussels")
        here, other = (after, before) if hours >= 0 else (before, after)
        found = medians(window, prior)
        np.testing.assert_array_equal(found, medians(replace(window, timezone=here), prior))
        assert np.abs(found - medians(replace(window, timezone=other), prior)).max() > 1e-3


@pytest.mark.parametrize("month", [3, 10])
def test_training_and_the_daily_step_go_on_over_a_daylight_saving_change(
    month: int, house: Window, prior: Served
) -> None:
    change = {3: 29, 10: 25}[month]
    whole = replace(house.tail(8 * DAY), end=datetime(2026, month, change, tzinfo=UTC) + timedelta(days=2))
    own = train(whole.between(whole.first, whole.last - 30), prior=prior, seed=0)
    state = advance(own.state, own.model, whole)
    quantiles = issued(whole.tail(WINDOW), (own.model, state))
    assert np.isfinite(quantiles).all()


@few
@given(issue=ISSUES, seed=st.integers(0, 2**16), share=st.sampled_from([0.02, 0.3, 1.0]))
def test_extreme_values_give_forecasts_within_what_can_be(
    issue: int, seed: int, share: float, house: Window, served: Served
) -> None:
    window = at(house, issue)
    rng = np.random.default_rng(seed)
    ends = np.array(LIMITS)[:, None, :].repeat(WINDOW, axis=1)[None].repeat(3, axis=0)
    extreme = np.take_along_axis(ends, rng.integers(0, 2, (*window.values.shape, 1)), axis=3)[..., 0]
    medians(window, served, np.where(rng.random(window.values.shape) < share, extreme, window.values))


def silent(values: np.ndarray) -> np.ndarray:
    values[0, :, DAY : 4 * DAY] = np.nan
    values[1, 1] = np.nan
    return values


def stuck(values: np.ndarray) -> np.ndarray:
    values[0] = values[0, :, :1]
    return values


def extreme(values: np.ndarray) -> np.ndarray:
    values[0] = np.where(np.arange(values.shape[2]) // 40 % 2, [[0.0], [-60.0]], [[100.0], [85.0]])
    return values


def late(values: np.ndarray) -> np.ndarray:
    values[0, :, :-5] = np.nan
    return values


@pytest.mark.parametrize("fault", [silent, stuck, extreme, late])
def test_training_and_the_daily_step_survive_what_sensors_do(fault, house: Window, prior: Served) -> None:
    week = house.tail(7 * DAY)
    week = replace(week, values=fault(week.values.copy()))
    own = train(week.between(week.first, week.last - DAY), prior=prior, seed=0)
    state = advance(own.state, own.model, week)
    served = (own.model, state)
    window = week.tail(WINDOW)
    found = medians(window, served)
    # The room without a fault is forecast as if it were alone with its sound neighbour.
    sound = window.select(["room 2"])
    np.testing.assert_array_less(np.abs(found[2] - medians(sound, served)[0])[1], 3)
