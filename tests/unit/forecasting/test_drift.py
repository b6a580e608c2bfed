"""Drift: seen where forecasts became worse and stayed so; not in what varies from day to day."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.forecasting.evaluation.drift import drift_of
from roomidity.forecasting.evaluation.scores import Score
from tests.unit.samples import fast

losses = st.lists(st.floats(0.01, 20), max_size=40)


def day(loss: float, *, coverage: float = 0.8, count: float = 4000.0, quantity: str = "humidity") -> dict[str, Score]:
    """A day on which pinball loss was so on average, at every lead hour."""
    slots = np.full(24, count)
    return {quantity: Score(slots, 2 * loss * slots, slots, slots, slots, coverage * slots, loss * slots)}


def test_no_rows_no_drift() -> None:
    assert drift_of([]) is None


@fast
@given(losses)
def test_a_house_that_is_young_has_not_drifted(found: list[float]) -> None:
    assert drift_of([day(loss) for loss in found[:16]]) is None


@fast
@given(st.floats(1e-6, 100), st.integers(0, 40))
def test_a_constant_error_is_no_drift(loss: float, days: int) -> None:
    assert drift_of([day(loss)] * days) is None


@fast
@given(st.lists(st.floats(0.85, 1.15), min_size=14, max_size=30), st.floats(2, 50), st.integers(2, 3))
def test_a_doubled_error_is_drift(before: list[float], worse: float, bad: int) -> None:
    days = [*before, *[1.0] * (3 - bad), *[worse] * bad]
    assert "humidity: pinball loss" in str(drift_of([day(loss) for loss in days]))
    assert "temperature" in str(drift_of([day(loss, quantity="temperature") for loss in days]))


@fast
@given(st.lists(st.floats(0.5, 2), min_size=14, max_size=30), st.floats(1.0, 1.49))
def test_less_than_the_usual_times_a_factor_is_no_drift(before: list[float], factor: float) -> None:
    usual = float(np.median(before))
    assert drift_of([day(loss) for loss in [*before, *[usual * factor] * 3]]) is None


@pytest.mark.parametrize("last", [(9, 1, 1), (1, 9, 1), (1, 1, 9)])
def test_one_bad_day_is_no_drift(last: tuple[float, ...]) -> None:
    assert drift_of([day(loss) for loss in [1.0] * 20 + [*last]]) is None


def test_a_house_that_is_restless_is_given_more_room() -> None:
    restless = [1.0, 2.5] * 10
    assert drift_of([day(loss) for loss in [*restless, 2.5, 2.6, 2.5]]) is None
    assert drift_of([day(loss) for loss in [*restless, 9.0, 9.0, 9.0]]) is not None


@pytest.mark.parametrize(("coverage", "drifts"), [(0.69, True), (0.71, False), (0.89, False), (0.91, True)])
def test_two_weeks_outside_the_quantiles_is_drift(coverage: float, drifts: bool) -> None:
    days = [day(1.0)] * 20 + [day(1.0, coverage=coverage)] * 14
    assert (drift_of(days) is not None) == drifts
    assert drift_of(days[:-7]) is None, "a week is too little to tell"


def test_better_forecasts_are_no_drift() -> None:
    assert drift_of([day(loss) for loss in [2.0] * 20 + [0.1] * 3]) is None


@fast
@given(losses, losses)
def test_days_on_which_nothing_was_measured_do_not_count(first: list[float], second: list[float]) -> None:
    days = [day(loss) for loss in first], [day(loss) for loss in second]
    assert drift_of([*days[0], day(0.0, count=0.0), {}, *days[1]]) == drift_of([*days[0], *days[1]])


@fast
@given(losses, st.floats(0.01, 100))
def test_the_unit_does_not_matter(found: list[float], factor: float) -> None:
    one, other = (drift_of([day(loss * times) for loss in found]) for times in (1.0, factor))
    assert (one is None) == (other is None)
