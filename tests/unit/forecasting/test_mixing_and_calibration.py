"""Weights stay on the simplex and prefer who was right; quantiles hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from roomidity.forecasting.formats import BINS, BLOCKS
from roomidity.forecasting.panel import EXPERTS
from roomidity.forecasting.serving.calibration import EDGES, quantile_offsets, tally
from roomidity.forecasting.serving.features import KNOTS
from roomidity.forecasting.serving.mixing import convex_weights
from roomidity.forecasting.window import LEVELS

INITIAL = np.full((2, BLOCKS, len(EXPERTS)), 1 / len(EXPERTS))


@given(hnp.arrays(np.float64, (40, len(EXPERTS)), elements=st.floats(-20, 20)), st.floats(0.1, 100))
def test_weights_are_convex(errors: np.ndarray, days: float) -> None:
    gram = np.broadcast_to(errors.T @ errors, (2, BLOCKS, len(EXPERTS), len(EXPERTS)))
    weights = convex_weights(gram, np.full(2, days), INITIAL)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=2), 1)


@pytest.mark.parametrize("size", [1e-162, 1e-157, 1e-100, 1e100])
def test_errors_may_be_next_to_nothing(size: float) -> None:
    errors = size * np.random.default_rng(0).normal(size=(40, len(EXPERTS)))
    gram = np.broadcast_to(errors.T @ errors, (2, BLOCKS, len(EXPERTS), len(EXPERTS)))
    weights = convex_weights(gram, np.ones(2), INITIAL)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=2), 1)


def test_without_experience_weights_are_the_initial_ones() -> None:
    gram = np.zeros((2, BLOCKS, len(EXPERTS), len(EXPERTS)))
    np.testing.assert_array_equal(convex_weights(gram, np.zeros(2), INITIAL), INITIAL)


def test_experience_moves_weight_to_the_expert_that_was_right() -> None:
    rng = np.random.default_rng(0)
    errors = rng.normal(0, 1, (50, len(EXPERTS)))
    errors[:, 2] *= 0.1
    gram = np.broadcast_to(errors.T @ errors, (2, BLOCKS, len(EXPERTS), len(EXPERTS)))
    little, much = (convex_weights(gram * days, np.full(2, days), INITIAL)[0, 0, 2] for days in (1.0, 100.0))
    assert INITIAL[0, 0, 2] < little < 0.5 < much
    assert much > 0.8


def test_quantiles_of_known_errors_are_found() -> None:
    rng = np.random.default_rng(0)
    errors = rng.normal(0, [[[2.0]], [[0.5]]], (2, 1, 20_000)).transpose(1, 2, 0)[..., None].repeat(len(KNOTS), axis=3)
    offsets = quantile_offsets(tally(errors))[0]
    expected = np.quantile(errors[0, :, :, 0], LEVELS, axis=0).T
    np.testing.assert_allclose(offsets[..., 3], expected, atol=0.12)


@given(hnp.arrays(np.float64, (2, len(KNOTS), BINS), elements=st.sampled_from([0.0, 0.0, 0.01, 1.0])))
def test_quantiles_never_cross_and_the_median_stays(counts: np.ndarray) -> None:
    offsets = quantile_offsets(counts)
    assert (np.diff(offsets, axis=1) >= 0).all()
    assert (offsets[:, LEVELS.index(0.5)] == 0).all()


def test_without_an_error_nothing_is_known_of_the_quantiles() -> None:
    assert not quantile_offsets(np.zeros((2, len(KNOTS), BINS))).any()


@given(st.floats(allow_nan=True, allow_infinity=False, width=32))
def test_every_error_that_is_known_is_tallied_once(error: float) -> None:
    shares = tally(np.full((1, 1, 2, len(KNOTS)), error))
    np.testing.assert_allclose(shares.sum(axis=-1), 0 if np.isnan(error) else 1)


def test_bins_are_ordered() -> None:
    assert (np.diff(EDGES, axis=1) > 0).all()
    assert EDGES[0, -1] == pytest.approx(50, rel=0.02)
