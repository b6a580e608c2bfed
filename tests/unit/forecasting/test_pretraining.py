"""The prior's training: it learns, the same for a seed, and its quantiles are those of houses that it did not see."""

from __future__ import annotations

import numpy as np
import pytest

from roomidity.forecasting import Model, State, Window, forecast
from roomidity.forecasting.formats import OUTPUTS
from roomidity.forecasting.serving.features import FEATURES, INPUTS
from roomidity.forecasting.training.network import NetworkSettings
from roomidity.forecasting.training.pretraining import examples_of, joined, train_prior

QUICK = NetworkSettings(units=(16, 8), steps=300, batch=128)


@pytest.fixture(scope="module")
def houses(make_house) -> list[Window]:
    return [make_house(days=12, seed=seed) for seed in range(8)]


@pytest.fixture(scope="module")
def quick(houses: list[Window]) -> tuple[Model, State]:
    return train_prior(houses[:6], houses[6:7], seed=1, settings=QUICK)


def test_it_beats_persistence_in_a_house_that_it_never_saw(houses: list[Window], quick: tuple[Model, State]) -> None:
    errors, idle = [], []
    for slot in range(800, 1000, 24):
        window = houses[7].between(houses[7].first, houses[7].first + slot)
        ahead = houses[7].values[:, :, slot : slot + 96]
        errors.append(np.abs(ahead - forecast(window, *quick).quantiles[:, :, 4]).mean(axis=(0, 2)))
        idle.append(np.abs(ahead - window.values[:, :, -1:]).mean(axis=(0, 2)))
    assert (np.mean(errors, axis=0) < 0.8 * np.mean(idle, axis=0)).all()


def test_the_same_seed_gives_the_same_prior(houses: list[Window], quick: tuple[Model, State]) -> None:
    again = train_prior(houses[:6], houses[6:7], seed=1, settings=QUICK)
    assert again[0].to_bytes() == quick[0].to_bytes()
    assert again[1].to_bytes() == quick[1].to_bytes()
    other, _ = train_prior(houses[:2], [], seed=2, settings=NetworkSettings(units=(4, 4), steps=5, batch=8))
    assert other.to_bytes() != quick[0].to_bytes()


def test_it_is_a_prior_with_quantiles(quick: tuple[Model, State]) -> None:
    model, state = quick
    assert model.is_prior
    assert not state.rooms
    assert (state.offsets[0, :, -1] > state.offsets[0, :, 0]).all()
    assert (state.persistence_offsets[:, -1] > state.persistence_offsets[:, 0]).all()


def test_examples_hold_what_their_names_say(houses: list[Window]) -> None:
    examples = joined([examples_of(house, number) for number, house in enumerate(houses[:2])])
    rows = len(examples.source)
    assert examples.own.shape == examples.house.shape == (rows, INPUTS - FEATURES)
    assert examples.wanted.shape == (rows, OUTPUTS)
    assert set(examples.source.tolist()) == {0, 1}
    assert examples.day.min() >= 0
    assert examples.day.max() < 1
    assert np.isfinite(examples.own).all()
