"""Inputs: differences, profiles, the calendar, and nothing from the future."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from roomidity.forecasting import Model, State
from roomidity.forecasting.serving.experts import CLIP, scaled
from roomidity.forecasting.serving.features import INTERPOLATION, KNOTS, calendar, design, targets
from roomidity.forecasting.serving.gaps import fill
from roomidity.forecasting.window import slot_number


def test_gaps_are_filled_forward_for_at_most_the_limit() -> None:
    values = np.array([[np.nan, 1.0, np.nan, np.nan, np.nan, 2.0]])
    np.testing.assert_array_equal(fill(values, limit=2), [[np.nan, 1.0, 1.0, 1.0, np.nan, 2.0]])


@given(hnp.arrays(np.float64, 30, elements=st.one_of(st.just(np.nan), st.floats(-50, 50))), st.integers(0, 29))
def test_filling_never_looks_ahead(values: np.ndarray, cut: int) -> None:
    changed = values.copy()
    changed[cut:] = 99.0
    np.testing.assert_array_equal(fill(values)[:cut], fill(changed)[:cut])


def test_the_straight_lines_between_knots_pass_through_them() -> None:
    course = np.sqrt(KNOTS.astype(float))
    spread = course @ INTERPOLATION
    np.testing.assert_allclose(spread[KNOTS - 1], course)
    assert np.all(np.diff(spread) > 0)


def test_a_level_changes_no_input() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(50, 3, (1, 2, 900))
    origins = np.array([700, 900])
    low, high = design(values, origins), design(values + 13.0, origins)
    np.testing.assert_allclose(low.series, high.series, atol=1e-9)
    np.testing.assert_allclose(high.newest - low.newest, 13.0)


def test_a_course_that_repeats_daily_has_itself_as_profile() -> None:
    day = np.sin(2 * np.pi * np.arange(96) / 96)
    values = np.tile(day, 9)[None, None].repeat(2, axis=1)
    basis = design(values, np.array([8 * 96 + 20]))
    expected = day[(20 + KNOTS - 1) % 96] - day[19]
    np.testing.assert_allclose(basis.profile[0, 0, 0], expected, atol=1e-12)
    np.testing.assert_allclose(basis.yesterday[0, 0, 1], expected, atol=1e-12)


def test_inputs_at_an_origin_come_from_before_it() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, (2, 2, 1000))
    changed = values.copy()
    changed[:, :, 800:] += 5
    before, after = design(values, np.array([800])), design(changed, np.array([800]))
    np.testing.assert_allclose(before.series, after.series, atol=1e-9)
    np.testing.assert_allclose(before.profile, after.profile, atol=1e-9)


@given(hnp.arrays(np.float64, (1, 2, 210), elements=st.sampled_from([np.nan, -40.0, 20.0, 100.0])))
def test_inputs_are_finite_whatever_is_missing(values: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        basis = design(values, np.array([0, 1, 100, 210]))
    assert np.isfinite(basis.series).all()
    assert np.isfinite(basis.profile).all()
    assert np.isfinite(basis.yesterday).all()


def test_targets_are_raw_and_end_with_the_readings() -> None:
    values = np.arange(2 * 200, dtype=float).reshape(1, 2, 200)
    found = targets(values, np.array([100, 150]))
    np.testing.assert_array_equal(found[0, 0, 0], values[0, 0, 99 + KNOTS])
    assert np.isnan(found[0, 1, 0, KNOTS > 50]).all()


@pytest.mark.parametrize(
    ("zone", "moment", "hour"),
    [
        ("UTC", datetime(2026, 3, 2, 6, tzinfo=UTC), 6),
        ("Europe/Brussels", datetime(2026, 3, 2, 6, tzinfo=UTC), 7),
        ("Europe/Brussels", datetime(2026, 7, 1, 6, tzinfo=UTC), 8),
        ("Asia/Kathmandu", datetime(2026, 7, 1, 6, tzinfo=UTC), 11.75),
    ],
)
def test_the_calendar_is_the_houses_own(zone: str, moment: datetime, hour: float) -> None:
    sine, cosine = calendar([slot_number(moment)], zone)[0][[0, 4]]
    assert np.arctan2(sine, cosine) % (2 * np.pi) == pytest.approx(2 * np.pi * hour / 24)


def test_a_weekend_begins_at_local_midnight() -> None:
    friday_late = datetime(2026, 3, 6, 23, 30, tzinfo=UTC)
    assert calendar([slot_number(friday_late)], "UTC")[0, -1] == 0
    assert calendar([slot_number(friday_late)], "Europe/Brussels")[0, -1] == 1


def test_one_spike_counts_as_six_times_the_usual_and_no_more(prior: tuple[Model, State]) -> None:
    model = prior[0]
    rows = scaled(model, model.scale * np.array([[1e6], [-1e6], [5.0]]))
    np.testing.assert_array_equal(rows, np.broadcast_to([[CLIP], [-CLIP], [5.0]], rows.shape))
