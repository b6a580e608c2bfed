"""How wide forecasts are: as wide as the state says they must be, wider where a room moves and where a value is old."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from roomidity.forecasting import LEVELS, STEPS, Model, State, Window, forecast
from roomidity.forecasting.panel import EXPERTS
from roomidity.forecasting.serving.calibration import VOLATILITY_FLOOR, VOLATILITY_POWER, error_scale
from roomidity.forecasting.serving.experience import ORIGINS_A_DAY, TARGET_COVERAGE, WIDTH_RATE, absorb
from roomidity.forecasting.serving.features import KNOTS, design
from roomidity.forecasting.serving.forecast import AGE_POWER
from roomidity.forecasting.serving.online import with_rooms
from roomidity.forecasting.training.ridges import Trained

P10, P50, P90 = (LEVELS.index(level) for level in (0.1, 0.5, 0.9))


def bands(window: Window, model: Model, state: State) -> np.ndarray:
    """p90 minus p10, (rooms, 2, 96)."""
    quantiles = forecast(window, model, state).quantiles
    band: np.ndarray = quantiles[:, :, P90] - quantiles[:, :, P10]
    return band


def test_the_interval_scale_of_a_room_stretches_its_quantiles_about_the_median(make_house, trained: Trained) -> None:
    window = make_house(days=12).tail(192)

    def issued(scale: float) -> np.ndarray:
        width = np.array(trained.state.interval_scale)
        width[trained.state.rooms.index("room 0") + 1] = scale
        return forecast(window, trained.model, replace(trained.state, interval_scale=width)).quantiles

    plain, stretched = issued(1.0), issued(1.5)
    np.testing.assert_array_equal(plain[:, :, P50], stretched[:, :, P50])
    np.testing.assert_array_equal(plain[1], stretched[1])
    apart, further = (quantiles[0] - quantiles[0, :, [P50]].swapaxes(0, 1) for quantiles in (plain, stretched))
    np.testing.assert_allclose(further, 1.5 * apart, atol=1e-9)
    assert (apart[:, P90] > 0).all()


def test_quantiles_are_as_wide_as_the_room_has_moved_at_this_hour_lately(
    prior: tuple[Model, State], make_house
) -> None:
    """Of a new house's rooms nothing is known but how they move: the rest of their bands is the same."""
    model, state = prior
    slots = 9 * 96
    course = np.sin(2 * np.pi * np.arange(slots) / 96 + 0.4)
    sizes = np.array([[4.0, 1.0], [8.0, 3.0]])[..., None]
    window = replace(
        make_house(days=9), rooms=("calm", "busy"), values=np.array([[50.0], [20.0]]) + sizes * course, timezone="UTC"
    )
    calm, busy = bands(window, model, state)[..., KNOTS - 1]
    moved = sizes * np.abs(course[slots - 96 + KNOTS - 1] - course[slots - 97])
    calm_size, busy_size = moved / model.difference_rms.reshape(2, -1) + VOLATILITY_FLOOR
    np.testing.assert_allclose(busy / calm, (busy_size / calm_size) ** VOLATILITY_POWER, rtol=1e-6)
    assert (busy > calm).all()


def test_the_error_scale_is_one_where_nothing_is_known_and_never_above_three(prior: tuple[Model, State]) -> None:
    model = prior[0]
    basis = design(np.full((1, 2, 8 * 96), np.nan), np.array([8 * 96]))
    usual = model.difference_rms.reshape(basis.volatility.shape)
    scales = [error_scale(model, replace(basis, volatility=factor * usual)) for factor in (0.0, 1e-9, 1.0, 1e9)]
    calm = (VOLATILITY_FLOOR / (1 + VOLATILITY_FLOOR)) ** VOLATILITY_POWER
    for scale, expected in zip(scales, (1.0, calm, 1.0, 3.0), strict=True):
        np.testing.assert_allclose(scale, expected, rtol=1e-6)


@pytest.mark.parametrize(("missed", "outside"), [(0.0, 0.0), (40.0, 1.0)])
@pytest.mark.parametrize("hours", [ORIGINS_A_DAY, ORIGINS_A_DAY // 2])
def test_the_interval_scale_follows_coverage(
    missed: float, outside: float, hours: int, prior: tuple[Model, State]
) -> None:
    state = with_rooms(prior[1], ("kitchen", "silent"))
    answers = np.zeros((2, hours, len(EXPERTS), 2, len(KNOTS)))
    differences = np.full((2, hours, 2, len(KNOTS)), np.nan)
    differences[0, :, 0] = missed
    later = absorb(state, answers, differences, np.ones(differences.shape))
    moved = np.exp(WIDTH_RATE * hours / ORIGINS_A_DAY * (TARGET_COVERAGE - (1 - outside)))
    expected = np.array(state.interval_scale)
    expected[:2, 0] *= moved  # the kitchen's, and any room's; of temperature and of the silent room nothing is known
    np.testing.assert_allclose(later.interval_scale, expected)
    assert (moved > 1) == (outside > 0.2)


@pytest.mark.parametrize(("scale", "missed"), [(1.98, 40.0), (0.505, 0.0)])
def test_the_interval_scale_stays_between_a_half_and_two(
    scale: float, missed: float, prior: tuple[Model, State]
) -> None:
    state = with_rooms(replace(prior[1], interval_scale=np.full((1, 2), scale)), ("kitchen",))
    differences = np.full((1, ORIGINS_A_DAY, 2, len(KNOTS)), missed)
    answers = np.zeros((1, ORIGINS_A_DAY, len(EXPERTS), 2, len(KNOTS)))
    later = absorb(state, answers, differences, np.ones(differences.shape))
    np.testing.assert_array_equal(later.interval_scale, 2.0 if scale > 1 else 0.5)


def silent_for(house: Window, slots: int) -> Window:
    values = house.values.copy()
    values[..., house.slots - slots :] = np.nan
    return replace(house, values=values)


def test_persistences_quantiles_are_those_of_errors_of_the_values_age(make_house, prior: tuple[Model, State]) -> None:
    """On the first day the band at a lead is a function of how old the value will be by then."""
    house = make_house(days=8)
    young, older = (bands(silent_for(house, slots), *prior) for slots in (20, 50))
    np.testing.assert_allclose(young[..., 30 : STEPS - 20], older[..., : STEPS - 50], atol=1e-9)
    assert (older[..., 0] > young[..., 0]).all()


def test_persistences_quantiles_widen_with_the_days_that_a_sensor_has_been_silent(
    make_house, prior: tuple[Model, State]
) -> None:
    house = make_house(days=8)
    days = [bands(silent_for(house, 96 * number), *prior) for number in (1, 2, 4, 7)]
    for number, (before, after) in enumerate(pairwise(days)):
        assert (after > before).all(), number
    growth = ((7 * 96 + 1) / (96 + 1)) ** AGE_POWER
    np.testing.assert_allclose(days[-1][..., 0], growth * days[0][..., 0], rtol=1e-6)


def test_a_forecast_is_sparse_by_the_last_two_days_whatever_came_before(make_house, trained: Trained) -> None:
    house = make_house(days=9)
    patchy, holed, young = (house.values.copy() for _ in range(3))
    for begin in range(house.slots - 192, house.slots, 15):
        patchy[0, :, begin : begin + 10] = np.nan
    holed[0, :, house.slots - 192 : house.slots - 115] = np.nan
    young[0, :, : house.slots - 192] = np.nan
    grades = [
        forecast(replace(house, values=values), trained.model, trained.state).grades[0]["humidity"]
        for values in (house.values, patchy, holed, young)
    ]
    assert grades == ["full", "sparse", "sparse", "full"]
