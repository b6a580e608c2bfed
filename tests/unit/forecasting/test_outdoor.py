"""The air outside: what it tells, what its absence costs, and that nothing later is looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.climate import humidity_at
from roomidity.forecasting import Model, State, Window, explain, forecast
from roomidity.forecasting.serving.online import advance
from roomidity.forecasting.serving.outdoor import OUTDOOR_FEATURES, outdoor_inputs
from roomidity.forecasting.training.ridges import train
from roomidity.forecasting.window import WINDOW_SLOTS


def air(slots: int, *, seed: int = 3) -> np.ndarray:
    """Humidity and temperature outside: a daily course, weather that drifts."""
    rng = np.random.default_rng(seed)
    time = np.arange(slots) / 96
    weather = np.cumsum(rng.normal(0, 0.1, slots))
    temperature = 8 + 4 * np.sin(2 * np.pi * time) + weather
    return np.stack([np.clip(75 - 3 * weather + rng.normal(0, 1, slots), 20, 100), temperature])


def with_air(house: Window) -> Window:
    return replace(house, outdoor=air(house.slots))


def test_air_as_always_tells_nothing() -> None:
    room, outside = np.ones((1, 2, 900)) * [[50.0], [20.0]], np.ones((2, 900)) * [[80.0], [5.0]]
    assert np.allclose(outdoor_inputs(room, outside, np.array([700, 900])), 0)


def test_a_change_outside_is_told_in_the_rooms_own_terms() -> None:
    room, outside = np.ones((1, 2, 900)) * [[50.0], [20.0]], np.ones((2, 900)) * [[80.0], [5.0]]
    outside[1, -96:] = 9.0
    (found,) = outdoor_inputs(room, outside, np.array([900]))[0]
    usual = 4.0 / 7
    assert found[3:] == pytest.approx([4 - usual, 4 - usual, 4.0])
    moister = float(humidity_at(20.0, of=9.0, humidity=80.0) - humidity_at(20.0, of=5.0, humidity=80.0))
    assert found[:3] == pytest.approx([moister * 6 / 7, moister * 6 / 7, moister])


@given(st.integers(0, 900), st.floats(-20, 20))
@settings(max_examples=30, deadline=None)
def test_inputs_at_an_origin_come_from_before_it(origin: int, change: float) -> None:
    rng = np.random.default_rng(0)
    room, outside = rng.normal([[50.0], [20.0]], 1.0, size=(2, 2, 900)), air(900)
    later_room, later_outside = room.copy(), outside.copy()
    later_room[..., origin:] += change
    later_outside[..., origin:] += change
    origins = np.array([origin])
    assert np.array_equal(outdoor_inputs(room, outside, origins), outdoor_inputs(later_room, later_outside, origins))


def test_inputs_are_finite_whatever_is_missing(make_house) -> None:
    values, outside = make_house(days=9).values.copy(), air(9 * 96)
    rng = np.random.default_rng(1)
    values[rng.random(values.shape) < 0.5] = np.nan
    outside[rng.random(outside.shape) < 0.9] = np.nan
    found = outdoor_inputs(values, outside, np.array([0, 1, 96, 500, 864]))
    assert found.shape == (2, 5, OUTDOOR_FEATURES)
    assert np.isfinite(found).all()


def test_a_house_without_a_sensor_outside_pays_nothing(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(days=10)
    silent = replace(house, outdoor=np.full((2, house.slots), np.nan))
    trained, same = (train(one, prior=prior, seed=0) for one in (house, silent))
    assert same.model.to_bytes() == trained.model.to_bytes()
    assert same.state.to_bytes() == trained.state.to_bytes()
    found, again = (forecast(one, trained.model, trained.state).quantiles for one in (house, silent))
    assert np.array_equal(found, again, equal_nan=True)


def test_a_sensor_outside_that_fell_silent_counts_no_longer(make_house, prior: tuple[Model, State]) -> None:
    house = with_air(make_house(days=10))
    silent = house.outdoor.copy()
    silent[:, -20:] = np.nan
    model, state = prior
    with_it, without, stale = (
        forecast(replace(house, outdoor=outside), model, state).quantiles for outside in (house.outdoor, None, silent)
    )
    assert not np.allclose(with_it, without)
    inputs = outdoor_inputs(house.values, silent, np.array([house.slots])).reshape(-1, 2, 3)
    assert not inputs[..., [0, 2]].any()
    assert np.abs(stale - without).max() < np.abs(with_it - without).max()


def test_air_older_than_the_window_comes_from_the_state(make_house, prior: tuple[Model, State]) -> None:
    house = with_air(make_house(days=12))
    model, state = prior
    known = advance(state, model, house.between(house.first, house.last - 40))
    short, long = (forecast(one, model, known).quantiles for one in (house.tail(WINDOW_SLOTS), house))
    assert np.allclose(short, long, atol=1e-3)
    assert np.array_equal(State.from_bytes(known.to_bytes(), "x").outdoor, known.outdoor, equal_nan=True)


def test_moister_air_outside_makes_the_shipped_prior_expect_moister_rooms(
    make_house, prior: tuple[Model, State]
) -> None:
    house = make_house(days=10)
    usual = np.ones((2, house.slots)) * [[80.0], [6.0]]
    moist, warm = usual.copy(), usual.copy()
    moist[0, -48:] = 100.0
    warm[1, -48:] = 12.0
    model, state = prior
    base, moister, warmer = (
        forecast(replace(house, outdoor=outside), model, state).quantiles[:, :, 4].mean(axis=(0, 2))
        for outside in (usual, moist, warm)
    )
    assert moister[0] > base[0] + 0.1
    assert warmer[1] > base[1] + 0.02


def test_an_explanation_tells_what_the_air_outside_adds(make_house, prior: tuple[Model, State]) -> None:
    house = with_air(make_house(days=10))
    told = explain(house, *prior, "room 0")
    untold = explain(replace(house, outdoor=None), *prior, "room 0")
    for one, other in zip(told, untold, strict=True):
        assert one.outdoor.any()
        assert not other.outdoor.any()
        assert one.expected - one.outdoor == pytest.approx(other.expected)
