"""The state moves on: the same whatever the steps, nothing twice, rooms come and go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from roomidity.domain.slots import SLOT
from roomidity.forecasting import Model, State, Window, advance, forecast
from roomidity.forecasting.formats import RECENT_SLOTS
from roomidity.forecasting.panel import EXPERTS
from roomidity.forecasting.serving.experience import absorb
from roomidity.forecasting.serving.experts import combine
from roomidity.forecasting.serving.features import KNOTS
from roomidity.forecasting.serving.online import forgetful, with_rooms
from roomidity.forecasting.training.ridges import Trained


@pytest.fixture(scope="module")
def house(make_house) -> Window:
    return make_house(days=20)


def days(house: Window, first: int, last: int) -> Window:
    return house.between(house.first + first * 96, house.first + last * 96)


def test_advancing_again_over_the_same_slots_changes_nothing(house: Window, prior: tuple[Model, State]) -> None:
    model, state = prior
    once = advance(state, model, days(house, 0, 10))
    assert advance(once, model, days(house, 0, 10)) is once
    assert advance(once, model, days(house, 3, 9)) is once


def test_day_by_day_equals_all_at_once(house: Window, prior: tuple[Model, State]) -> None:
    model, state = prior
    whole = advance(state, model, days(house, 0, 12))
    steps = state
    for day in range(12):
        steps = advance(steps, model, days(house, max(day - 2, 0), day + 1))
    np.testing.assert_allclose(steps.weights, whole.weights, atol=0.02)
    np.testing.assert_allclose(steps.recent, whole.recent)
    assert steps.scored == whole.scored
    assert steps.days == pytest.approx(whole.days, rel=0.02)


def test_half_a_day_at_a_time_scores_each_hour_once(house: Window, prior: tuple[Model, State]) -> None:
    """What has not closed is scored when it has, and then alone."""
    model, state = prior
    whole = steps = advance(state, model, days(house, 0, 10))
    whole = advance(whole, model, days(house, 0, 12))
    for slot in range(10 * 96 + 48, 12 * 96 + 1, 48):
        steps = advance(steps, model, house.between(house.first, house.first + slot))
    assert steps.scored == whole.scored
    assert steps.days == pytest.approx(whole.days, rel=0.02)
    np.testing.assert_allclose(steps.error_histogram.sum(axis=-1), whole.error_histogram.sum(axis=-1), rtol=0.05)


def test_what_a_faulty_sensor_said_is_no_error_of_the_forecast(house: Window, prior: tuple[Model, State]) -> None:
    model, state = prior
    unknown, wild = (house.values.copy() for _ in range(2))
    unknown[0, 1, 500], wild[0, 1, 500] = np.nan, 85.0
    silent, faulty = (advance(state, model, replace(house, values=values)) for values in (unknown, wild))
    np.testing.assert_array_equal(faulty.error_histogram, silent.error_histogram)
    np.testing.assert_array_equal(faulty.gram, silent.gram)


def test_the_newly_closed_slots_suffice(house: Window, prior: tuple[Model, State]) -> None:
    model, state = prior
    begun = advance(state, model, days(house, 0, 12))
    lean, rich = advance(begun, model, days(house, 12, 13)), advance(begun, model, days(house, 0, 13))
    np.testing.assert_allclose(lean.weights, rich.weights, atol=1e-6)
    np.testing.assert_allclose(lean.error_histogram, rich.error_histogram, atol=1e-3)


def test_a_skipped_week_is_a_gap_and_no_failure(house: Window, prior: tuple[Model, State]) -> None:
    model, state = prior
    begun = advance(state, model, days(house, 0, 8))
    later = advance(begun, model, days(house, 17, 20))
    assert later.through == house.last
    assert np.isnan(later.recent[:, :, : RECENT_SLOTS - 3 * 96]).any()
    assert np.isfinite(forecast(house.tail(192), model, later).quantiles).all()


def test_slots_that_the_model_was_trained_on_are_not_scored(house: Window, trained: Trained) -> None:
    later = advance(trained.state, trained.model, house.between(house.first, house.first + 13 * 96 - 1))
    np.testing.assert_array_equal(later.gram, trained.state.gram)
    later = advance(later, trained.model, days(house, 0, 14))
    assert (later.gram != trained.state.gram).any()


def test_rooms_appear_and_vanish(house: Window, prior: tuple[Model, State]) -> None:
    model, state = prior
    begun = advance(state, model, days(house, 0, 5).select(["room 0"]))
    both = advance(begun, model, days(house, 0, 7).select(["room 0", "attic"]))
    assert both.rooms == ("room 0", "attic")
    assert both.error_histogram.shape[0] == both.interval_scale.shape[0] == both.offsets.shape[0] == 3
    gone = advance(both, model, days(house, 7, 16).select(["room 1"]))
    assert gone.rooms == ("room 1",)
    assert State.from_bytes(gone.to_bytes(), "v").rooms == ("room 1",)


def test_a_house_with_no_readings_at_all_keeps_its_weights(prior: tuple[Model, State], house: Window) -> None:
    model, state = prior
    silent = replace(days(house, 0, 5), values=np.full((2, 2, 480), np.nan))
    later = advance(state, model, silent)
    np.testing.assert_array_equal(later.weights, state.weights)
    np.testing.assert_array_equal(later.error_histogram[0], state.error_histogram[0])


def test_quantiles_widen_when_errors_grow(prior: tuple[Model, State], house: Window) -> None:
    model, state = prior
    rng = np.random.default_rng(0)
    calm = replace(house, values=50 + rng.normal(0, 0.1, house.values.shape))
    wild = replace(house, values=50 + rng.normal(0, 8, house.values.shape))
    narrow, wide = advance(state, model, calm), advance(state, model, wild)
    assert (wide.offsets[1:, :, -1] > narrow.offsets[1:, :, -1]).all()


def test_what_no_air_can_be_is_not_remembered(house: Window, prior: tuple[Model, State]) -> None:
    values = house.values.copy()
    values[0, 1, -5], values[1, 0, -7] = 1e6, -3.0
    later = advance(prior[1], prior[0], replace(house, values=values))
    assert np.isnan(later.recent[0, 1, -5])
    assert np.isnan(later.recent[1, 0, -7])
    assert State.from_bytes(later.to_bytes(), "v").through == house.last


@pytest.fixture
def kitchen(prior: tuple[Model, State]) -> State:
    return with_rooms(prior[1], ("kitchen",))


def test_the_expert_that_was_right_counts_for_more(kitchen: State) -> None:
    place = EXPERTS.index("yesterday")
    differences = np.full((1, 24, 2, len(KNOTS)), 3.0)
    answers = np.zeros((1, 24, len(EXPERTS), 2, len(KNOTS)))
    answers[:, :, place] = 3.0
    once = absorb(kitchen, answers, differences, np.ones(differences.shape))
    often = once
    for _ in range(20):
        often = absorb(often, answers, differences, np.ones(differences.shape))
    assert (kitchen.weights[..., place] < once.weights[..., place]).all()
    assert (once.weights[..., place] < often.weights[..., place]).all()
    assert (combine(often, answers) > combine(kitchen, answers)).all()


def test_errors_count_relative_to_their_scale(kitchen: State) -> None:
    answers = np.zeros((1, 24, len(EXPERTS), 2, len(KNOTS)))
    differences = np.random.default_rng(0).normal(size=(1, 24, 2, len(KNOTS)))
    plain = absorb(kitchen, answers, differences, np.ones(differences.shape))
    restless = absorb(kitchen, answers, 3 * differences, np.full(differences.shape, 3.0))
    np.testing.assert_array_equal(restless.error_histogram, plain.error_histogram)
    assert (restless.persistence_histogram != plain.persistence_histogram).any()


def test_old_errors_fade_by_half_in_four_weeks(kitchen: State) -> None:
    answers = np.zeros((1, 24, len(EXPERTS), 2, len(KNOTS)))
    differences = np.full((1, 24, 2, len(KNOTS)), 3.0)
    state = absorb(kitchen, answers, differences, np.ones(differences.shape))
    other = state
    for _ in range(28):
        other = absorb(other, answers, -differences, np.ones(differences.shape))
    past = state.error_histogram[1, 0, 0] > 0
    np.testing.assert_allclose(other.error_histogram[1, 0, 0, past], 0.5 * state.error_histogram[1, 0, 0, past])
    np.testing.assert_allclose(state.days, 1.0)
    np.testing.assert_allclose(other.days, 0.5 + (1 - 0.5 ** (28 / 28)) / (1 - 0.5 ** (1 / 28)))


def test_a_new_room_begins_with_what_is_known_of_any(kitchen: State) -> None:
    known = replace(kitchen, interval_scale=np.array([[1.3, 0.8], [1.0, 1.0]]), offsets=kitchen.offsets * [[[[2.0]]]])
    grown = with_rooms(known, ("attic", "kitchen"))
    np.testing.assert_array_equal(grown.interval_scale[2], known.interval_scale[0])
    np.testing.assert_array_equal(grown.offsets[2], known.offsets[0])
    assert not grown.error_histogram[2].any()


def test_a_rooms_first_errors_are_steadied_by_the_houses(kitchen: State) -> None:
    """One good day makes no room certain, where others have been wrong."""
    answers = np.zeros((2, 24, len(EXPERTS), 2, len(KNOTS)))
    differences = np.random.default_rng(0).normal(size=(2, 24, 2, len(KNOTS))) * [[[[0.01]]], [[[5.0]]]]
    state = with_rooms(forgetful(kitchen), ("calm", "busy"))
    later = absorb(state, answers, differences, np.ones(differences.shape))
    calm, busy = later.offsets[1:, :, -1] - later.offsets[1:, :, 0]
    assert (calm > 0.3 * busy).all()


def test_the_state_needs_an_end_on_the_slot_grid(house: Window) -> None:
    with pytest.raises(ValueError, match="start of a slot"):
        replace(house, end=house.end + timedelta(minutes=1))
    with pytest.raises(ValueError, match="start of a slot"):
        replace(house, end=house.end.replace(tzinfo=None))
    assert replace(house, end=house.end + SLOT).last == house.last + 1
