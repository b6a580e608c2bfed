"""Calibration is held: of what is measured, p10 to p90 hold about eight tenths, and each quantile its own share.

On simulated houses that the shipped prior has not seen, each at another time of the year; and on real ones where they
are at hand. A deployed house is gone through day by day, as a backtest does it: nothing is known ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Final

import numpy as np
import pytest

from roomidity.domain.quantities import QUANTITIES
from roomidity.forecasting import LEVELS, Model, State, Window, load_prior
from roomidity.forecasting.backtest import Replay, reliability, replay, start_of_test, summarise
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.local.simulation import random_kind, simulate_slots

SEEDS: Final = (1, 2, 3, 4)
"""Far from those that scripts/train-prior draws."""

DAYS: Final = 28
KNOWN_DAYS: Final = 10

MEAN_BAND: Final = (0.77, 0.87)
"""Coverage as the mean over the simulated houses: 0.8 is promised, and 0.81 aimed at."""

HOUSE_BAND: Final = (0.69, 0.92)
"""Coverage of one house over 18 days, in which the weather turns once or twice."""

APART: Final = 0.06
"""Each quantile's share of what lies below it, as the mean over the houses, is so near to its level."""


@cache
def simulated(seed: int) -> Window:
    """A kind of house of its own, in a season of its own."""
    start = datetime(2026, 3 * seed - 2, 5, tzinfo=UTC)
    slots = simulate_slots(seed=seed, start=start, days=DAYS, kind=random_kind(seed))
    (house,) = windows_of(slots, timezone="Europe/Brussels").values()
    return house


@cache
def cold(seed: int) -> Replay:
    """The prior's forecasts; its state alone learns the house."""
    model, state, _ = load_prior()
    house = simulated(seed)
    return replay(house, (model, state), start=house.first + KNOWN_DAYS * 96, retrain_days=None)


def coverage(replays: list[Replay]) -> dict[str, float]:
    return {name: summary.coverage for name, summary in zip(QUANTITIES, summarise(replays), strict=True)}


def is_within(share: float, band: tuple[float, float]) -> bool:
    return band[0] <= share <= band[1]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_simulated_houses_are_covered(quantity: str) -> None:
    houses = [coverage([cold(seed)])[quantity] for seed in SEEDS]
    assert all(is_within(share, HOUSE_BAND) for share in houses), houses
    assert is_within(float(np.mean(houses)), MEAN_BAND), houses


def test_every_quantile_holds_its_share() -> None:
    shares = np.mean([reliability([cold(seed)]) for seed in SEEDS], axis=0)
    np.testing.assert_allclose(shares, np.broadcast_to(LEVELS, shares.shape), atol=APART)


def test_a_house_is_covered_by_a_model_of_its_own_too(prior: tuple[Model, State]) -> None:
    house = simulated(SEEDS[0])
    trained_once = replay(house, prior, start=house.first + 14 * 96, retrain_days=DAYS)
    for quantity, share in coverage([trained_once]).items():
        assert is_within(share, HOUSE_BAND), (quantity, share)


@pytest.mark.parametrize("name", ["candanedo", "sml2010"])
def test_real_houses_are_covered(name: str, real_house: Callable[[str], Window], prior: tuple[Model, State]) -> None:
    house = real_house(name)
    shares = coverage([replay(house, prior, start=start_of_test([house]), retrain_days=None)])
    for quantity, share in shares.items():
        assert is_within(share, HOUSE_BAND), (quantity, share)
