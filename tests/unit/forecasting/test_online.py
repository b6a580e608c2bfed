"""The state moves on: the same whatever the steps, nothing twice, rooms come and go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from roomidity.domain.slots import SLOT
from roomidity.forecasting import Model, State, Window, advance, forecast
from roomidity.forecasting.model import RECENT_SLOTS
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


def test_the_state_needs_an_end_on_the_slot_grid(house: Window) -> None:
    with pytest.raises(ValueError, match="start of a slot"):
        replace(house, end=house.end + timedelta(minutes=1))
    with pytest.raises(ValueError, match="start of a slot"):
        replace(house, end=house.end.replace(tzinfo=None))
    assert replace(house, end=house.end + SLOT).last == house.last + 1
