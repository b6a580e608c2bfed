"""Scores: sums that add up, by lead hour; slots without a reading do not count."""

from __future__ import annotations

import numpy as np
import pytest

from roomidity.forecasting.evaluation.scores import LEAD_HOURS, score
from roomidity.forecasting.window import LEVELS, STEPS


def test_known_errors_give_known_means() -> None:
    quantiles = np.broadcast_to(np.linspace(-0.8, 0.8, 9)[:, None] + 20.0, (9, STEPS))
    actual = np.full(STEPS, 20.5)
    actual[:4] = 22.0
    found = score(quantiles, actual, np.array(19.0))
    assert found.count.shape == (LEAD_HOURS,)
    assert found.mae[0] == pytest.approx(2.0)
    assert found.mae[1] == pytest.approx(0.5)
    assert found.persistence_mae[1] == pytest.approx(1.5)
    assert found.coverage[0] == 0
    assert found.coverage[1] == 1
    assert found.total().mae[0] == pytest.approx((4 * 2.0 + 92 * 0.5) / 96)
    assert found.total().rmse[0] == pytest.approx(np.sqrt((4 * 4.0 + 92 * 0.25) / 96))


@pytest.mark.parametrize(("actual", "expected"), [(1.0, (0.7 + 0.8 + 0.9) / 9), (-1.0, (0.3 + 0.2 + 0.1) / 9)])
def test_pinball_loss_weighs_what_is_above_and_below_by_the_level(actual: float, expected: float) -> None:
    quantiles = np.zeros((9, STEPS))
    found = score(quantiles, np.full(STEPS, actual), np.array(0.0))
    np.testing.assert_allclose(found.mean_pinball, 0.5)  # levels are as far from 0 as from 1
    high = quantiles.copy()
    high[:6] = actual  # exact, but for p70, p80 and p90
    np.testing.assert_allclose(score(high, np.full(STEPS, actual), np.array(0.0)).mean_pinball, expected)


@pytest.mark.parametrize(("actual", "covered"), [(-3.0, 0), (-2.0, 1), (0.0, 1), (2.0, 1), (3.0, 0)])
def test_covered_is_what_lies_from_p10_to_p90(actual: float, covered: int) -> None:
    quantiles = np.broadcast_to(np.linspace(-2, 2, 9)[:, None], (9, STEPS))
    np.testing.assert_array_equal(score(quantiles, np.full(STEPS, actual), np.array(0.0)).coverage, covered)


def test_three_quantiles_serve_as_well_as_nine() -> None:
    rng = np.random.default_rng(0)
    nine = np.sort(rng.normal(size=(3, 9, STEPS)), axis=1)
    actual, last = rng.normal(size=(3, STEPS)), rng.normal(size=3)
    full, stored = score(nine, actual, last), score(nine[:, [0, 4, 8]], actual, last)
    for name in ("count", "absolute_error", "squared_error", "persistence_error", "covered"):
        np.testing.assert_array_equal(getattr(full, name), getattr(stored, name))


def test_slots_without_a_reading_are_not_scored() -> None:
    quantiles = np.zeros((9, STEPS))
    actual = np.full(STEPS, np.nan)
    actual[50] = 1.0
    assert score(quantiles, actual, np.array(0.0)).total().count[0] == 1
    assert score(quantiles, actual, np.array(np.nan)).total().count[0] == 0
    assert np.isnan(score(quantiles * np.nan, actual, np.array(0.0)).total().mae[0])


def test_sums_add_up() -> None:
    rng = np.random.default_rng(1)
    quantiles = np.sort(rng.normal(size=(2, 9, STEPS)), axis=1)
    actual, last = rng.normal(size=(2, STEPS)), np.zeros(2)
    whole = score(quantiles, actual, last)
    parts = score(quantiles[0], actual[0], last[0]) + score(quantiles[1], actual[1], last[1])
    np.testing.assert_allclose(whole.pinball.sum(axis=0), parts.pinball)
    np.testing.assert_allclose(whole.covered.sum(axis=0), parts.covered)


def test_pinball_is_least_at_the_true_quantiles() -> None:
    rng = np.random.default_rng(2)
    actual = rng.normal(size=(4000, STEPS))
    true = np.quantile(actual, LEVELS)[:, None].repeat(STEPS, axis=1)

    def loss(quantiles: np.ndarray) -> float:
        return float(
            score(np.broadcast_to(quantiles, (4000, 9, STEPS)), actual, np.zeros(4000)).total().mean_pinball.mean()
        )

    assert loss(true) < loss(true * 1.3)
    assert loss(true) < loss(true * 0.7)
