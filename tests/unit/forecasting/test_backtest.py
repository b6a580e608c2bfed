"""The backtest: known scores of naive forecasts, and no look-ahead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from roomidity.forecasting import LEVELS, Model, State, Window
from roomidity.forecasting.backtest import (
    Replay,
    errors_by_lead,
    reliability,
    replay,
    seasonal_naive,
    start_of_test,
    summarise,
)
from roomidity.forecasting.window import slot_number


def with_median(replayed: Replay, median: np.ndarray) -> Replay:
    return replace(replayed, quantiles=np.broadcast_to(median[:, :, :, None], replayed.quantiles.shape))


@pytest.mark.parametrize(
    ("name", "quantity", "persistence", "yesterday"),
    [("candanedo", 0, 3.0024, 3.4635), ("candanedo", 1, 0.6506, None), ("sml2010", 0, 2.5526, None)],
)
def test_known_scores_of_naive_forecasts_are_reproduced(
    name: str,
    quantity: int,
    persistence: float,
    yesterday: float | None,
    real_house: Callable[[str], Window],
    prior: tuple[Model, State],
) -> None:
    house = real_house(name)
    cold = replay(house, prior, start=start_of_test([house]), retrain_days=None)
    assert list(summarise([cold]))[quantity].persistence_mae == pytest.approx(persistence, abs=5e-5)
    still = with_median(cold, np.broadcast_to(cold.last[..., None], cold.actual.shape))
    assert list(summarise([still]))[quantity].mae == pytest.approx(persistence, abs=5e-5)
    if yesterday is not None:
        naive = with_median(cold, seasonal_naive(house, [slot_number(moment) for moment in cold.issued_at]))
        assert list(summarise([naive]))[quantity].mae == pytest.approx(yesterday, abs=5e-5)


def test_a_forecast_knows_nothing_of_what_came_later(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(days=16)
    begin = house.first + 12 * 96
    honest = replay(house, prior, start=begin, retrain_days=2)
    for issue in (begin, begin + 24, begin + 96 + 48):
        values = house.values.copy()
        values[:, :, issue - house.first :] = 3.0
        changed = replay(replace(house, values=values), prior, start=begin, retrain_days=2)
        through = [place for place, moment in enumerate(honest.issued_at) if slot_number(moment) <= issue]
        np.testing.assert_array_equal(honest.quantiles[:, through], changed.quantiles[:, through])
        assert (honest.quantiles[:, through[-1] + 1 :] != changed.quantiles[:, through[-1] + 1 :]).any()


def test_the_test_period_starts_after_three_quarters_of_the_days(make_house) -> None:
    house = make_house(days=40)
    assert start_of_test([house]) == house.first + 30 * 96
    values = house.values.copy()
    values[0, :, 96 * 20 :] = np.nan
    assert start_of_test([replace(house, values=values)]) == house.first + 30 * 96
    values[1, :, 96 * 32 + 5 :] = np.nan
    assert start_of_test([replace(house, values=values)]) == house.first + round(0.75 * 33) * 96


def test_origins_that_do_not_count_are_left_out_of_the_scores(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(rooms=3, days=20)
    values = house.values.copy()
    values[0, 0, 96 * 15 :] = np.nan  # no humidity to score
    values[1, 1, 96 * 16 - 13 : 96 * 16] = np.nan  # no recent temperature at one issue time
    found = replay(replace(house, values=values), prior, start=house.first + 15 * 96, retrain_days=None)
    assert not found.counted[0].any()
    assert found.counted[2].all()
    missed = np.flatnonzero(~found.counted[1])
    assert [slot_number(found.issued_at[place]) for place in missed] == [house.first + 16 * 96]
    assert [figures.rooms for figures in summarise([found])] == [2, 2]


def test_progress_is_told_day_by_day(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(days=10)
    told: list[tuple[int, int]] = []
    replay(house, prior, start=house.first + 7 * 96, retrain_days=None, progress=lambda *at: told.append(at))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_forecasts_are_the_same_for_any_number_of_jobs(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(rooms=3, days=9)
    alone, together = (replay(house, prior, start=house.first + 6 * 96, jobs=jobs).quantiles for jobs in (1, -1))
    np.testing.assert_array_equal(alone, together)


def test_errors_by_lead_average_to_the_error_and_rooms_to_their_mean(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(rooms=3, days=12)
    values = house.values.copy()
    values[2, 0, 96 * 7 :] = np.nan  # a room that is not scored
    found = replay(replace(house, values=values), prior, start=house.first + 8 * 96, retrain_days=None)
    whole = list(summarise([found]))
    rooms = [list(summarise([room])) for room in found.by_room()]
    assert [room.rooms for room in found.by_room()] == [("room 0",), ("room 1",)]
    for q in range(2):
        assert errors_by_lead([found])[q].mean() == pytest.approx(whole[q].mae)
        assert errors_by_lead([found])[q, 23] == pytest.approx(whole[q].by_lead[6])
        assert np.mean([figures[q].mae for figures in rooms]) == pytest.approx(whole[q].mae)
        assert np.mean([figures[q].coverage for figures in rooms]) == pytest.approx(whole[q].coverage)


def test_reliability_is_the_share_of_measured_values_at_or_below_each_quantile(
    make_house, prior: tuple[Model, State]
) -> None:
    house = make_house(days=12)
    found = replay(house, prior, start=house.first + 8 * 96, retrain_days=None)
    noise = np.random.default_rng(0).random(found.actual.shape)
    noise[:, :, :, :50] = np.nan
    levels = np.broadcast_to(np.array(LEVELS)[:, None], found.quantiles.shape)
    drawn = replace(found, actual=noise, quantiles=levels)
    np.testing.assert_allclose(reliability([drawn]), np.broadcast_to(LEVELS, (2, len(LEVELS))), atol=0.03)
    np.testing.assert_array_equal(reliability([replace(drawn, actual=noise + 1)]), 0)
    # Between p10 and p90 lies what is at or below p90 and not at or below p10.
    shares = reliability([found])
    coverage = [figures.coverage for figures in summarise([found])]
    np.testing.assert_allclose(shares[:, -1] - shares[:, 0], coverage, atol=1e-9)
