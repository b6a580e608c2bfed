"""Training: better than persistence where there is something to learn, worse on shuffled days, the same for a seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roomidity.errors import NotEnoughDataError
from roomidity.forecasting import Model, State, Window, forecast
from roomidity.forecasting.serving.experts import scaled
from roomidity.forecasting.serving.features import calendar, design
from roomidity.forecasting.training.ridges import MIN_SLOTS, Trained, train

P50 = 4


def error(house: Window, trained: Trained, days: range) -> np.ndarray:
    """Mean absolute error of humidity and temperature over midnights of ``days``."""
    found = []
    for day in days:
        window = house.between(house.first, house.first + day * 96)
        issued = forecast(window.tail(192), trained.model, trained.state)
        ahead = house.values[:, :, day * 96 : day * 96 + 96]
        found.append(np.abs(ahead - issued.quantiles[:, :, P50]).mean(axis=(0, 2)))
    return np.mean(found, axis=0)


def test_training_on_shuffled_days_is_worse(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(days=30)
    history = house.between(house.first, house.first + 24 * 96)
    rng = np.random.default_rng(0)
    shuffled = history.values.copy()
    for row, q in np.ndindex(2, 2):
        shuffled[row, q] = rng.permutation(shuffled[row, q])
    honest = train(history, prior=prior, seed=0)
    lost = train(replace(history, values=shuffled), prior=prior, seed=0)
    lost = replace(lost, state=replace(lost.state, recent=honest.state.recent))
    assert (error(house, honest, range(24, 29)) < error(house, lost, range(24, 29))).all()


def test_the_same_seed_gives_the_same_bytes(make_house, prior: tuple[Model, State], trained: Trained) -> None:
    again = train(make_house(days=12), prior=prior, seed=0, jobs=2)
    assert again.model.to_bytes() == trained.model.to_bytes()
    assert again.state.to_bytes() == trained.state.to_bytes()
    assert again.report == trained.report


def test_too_short_a_history_is_refused(make_house, prior: tuple[Model, State]) -> None:
    with pytest.raises(NotEnoughDataError) as caught:
        train(make_house(days=1.9), prior=prior, seed=0)
    assert caught.value.needed_slots == MIN_SLOTS
    assert caught.value.found_slots == 182


@pytest.mark.parametrize("days", [2, 2.5, 3, 5])
def test_a_short_history_is_enough(days: float, make_house, prior: tuple[Model, State]) -> None:
    trained = train(make_house(days=days), prior=prior, seed=0)
    assert not trained.model.is_prior
    assert np.isfinite(forecast(make_house(days=days), trained.model, trained.state).quantiles).all()


def test_estimators_are_those_that_serve(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(days=6)
    kept = train(house, prior=prior, seed=0, keep_estimators=True)
    assert set(kept.estimators) == set(house.rooms)
    estimator = kept.estimators["room 1"]["temperature ridge"]
    np.testing.assert_allclose(kept.model.local[1][:, 28:], estimator.coef_.T, atol=1e-6)
    assert train(house, prior=prior, seed=0).estimators == {}


def test_a_history_with_holes_trains(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(rooms=3, days=15)
    values = house.values.copy()
    values[0, 0] = np.nan  # a room without humidity
    values[1, :, 400:900] = np.nan  # a hole of five days
    values[2, :, :-300] = np.nan  # a room that came three days ago
    values[1, 1, 1000] = 1e4  # a spike
    trained = train(replace(house, values=values), prior=prior, seed=0)
    issued = forecast(replace(house, values=values).tail(192), trained.model, trained.state)
    assert set(issued.grades[0]) == {"temperature"}
    assert np.isfinite(issued.quantiles[1:]).all()


def test_a_room_that_never_measured_is_no_obstacle(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(days=6)
    values = house.values.copy()
    values[1] = np.nan
    trained = train(replace(house, values=values), prior=prior, seed=0)
    assert np.isfinite(forecast(house.tail(192), trained.model, trained.state).quantiles).all()


def test_the_replayed_days_have_not_seen_their_answer(make_house, prior: tuple[Model, State]) -> None:
    """What happens after a day changes nothing of what the state learnt from the days before."""
    house = make_house(days=20)
    short = train(house.between(house.first, house.first + 14 * 96), prior=prior, seed=0)
    values = house.values.copy()
    values[:, :, 14 * 96 :] += 30
    cut = replace(house, values=values).between(house.first, house.first + 14 * 96)
    np.testing.assert_array_equal(train(cut, prior=prior, seed=0).state.weights, short.state.weights)


def test_inputs_are_clipped(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(days=9)
    values = house.values.copy()
    values[0, :, -1] = 1e9
    basis = design(values, np.array([house.slots]))
    rows = scaled(prior[0], basis.inputs(calendar([house.last], "UTC")))
    assert np.abs(rows).max() <= 6


def test_the_report_tells_how_the_replayed_days_went(make_house, prior: tuple[Model, State]) -> None:
    found = train(make_house(days=25), prior=prior, seed=0).report["replay"]
    assert set(found) == {"humidity", "temperature"}
    assert found["temperature"]["mae"] < found["temperature"]["persistence_mae"]
    assert train(make_house(days=3), prior=prior, seed=0).report["replay"] != {}
