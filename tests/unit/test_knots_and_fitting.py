"""Numbers at knots and the straight lines between them; and numbers made to fit into so many bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from roomidity.aws.sizes import item_bytes
from roomidity.aws.store.attributes import Numbers
from roomidity.domain.fitting import fitted, number_bytes
from roomidity.domain.knots import INTERPOLATION, KNOTS, KNOTS_TEXT, at_knots, knots_of, spread

TENTHS = st.integers(-300, 1000).map(lambda tenths: tenths / 10)
QUANTILES = hnp.arrays(np.float64, (2, 3, 28), elements=TENTHS).map(lambda values: np.sort(values, axis=1))


def test_the_knots_are_those_of_the_contract() -> None:
    assert KNOTS.tolist() == [1, 2, 3, 4, 6, *range(8, 97, 4)] == knots_of(KNOTS_TEXT).tolist()
    assert len(KNOTS) == 28


@pytest.mark.parametrize("text", ["", "1-4", "2-96", "1-96,96", "1,3,2,96", "1-97", "a", "1-96/0", "1--96"])
def test_other_texts_name_no_knots(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # some of them Python's own
        knots_of(text)


@given(hnp.arrays(np.float64, (2, 28), elements=TENTHS))
@settings(max_examples=30)
def test_lines_are_straight_and_what_stands_at_a_knot_stays(values: np.ndarray) -> None:
    course = spread(values, decimals=1)
    np.testing.assert_array_equal(at_knots(course), values)
    np.testing.assert_allclose(course, values @ INTERPOLATION, atol=0.05 + 1e-9)
    np.testing.assert_array_equal(spread(values[1], decimals=1), course[1])  # alone as beside others


def test_other_knots_are_spread_by_what_they_say() -> None:
    np.testing.assert_allclose(spread(np.array([0.0, 95.0]), "1,96", decimals=1), np.arange(96.0))


@given(QUANTILES)
@settings(max_examples=30)
def test_bytes_are_counted_as_dynamodb_counts_or_more(values: np.ndarray) -> None:
    wire = {"x": {"L": Numbers().serialize(values.ravel())}}
    assert item_bytes(wire) - 4 <= number_bytes(values).sum() <= item_bytes(wire) - 4 + values.size


@given(QUANTILES, st.integers(500, 700), st.sampled_from([None, 0, 1]))
@settings(max_examples=60)
def test_what_fits_stays_in_order_near_and_as_it_is_the_second_time(
    values: np.ndarray, limit_bytes: int, absent: int | None
) -> None:
    if absent is not None:
        values[absent] = np.nan
    known = np.isfinite(values)
    fit = fitted(values, limit_bytes=limit_bytes)
    np.testing.assert_array_equal(fitted(fit, limit_bytes=limit_bytes), fit)
    np.testing.assert_array_equal(np.isfinite(fit), known)
    assert (np.diff(fit, axis=1)[np.isfinite(np.diff(fit, axis=1))] >= 0).all()
    assert np.abs(fit - values)[known].max() <= 0.5
    assert not np.signbit(fit[fit == 0]).any()
    whole = np.rint(values[known])
    fits = number_bytes(fit[known]).sum() <= limit_bytes
    assert fits == (number_bytes(whole).sum() <= limit_bytes)
    if not fits or number_bytes(values[known]).sum() <= limit_bytes:
        np.testing.assert_array_equal(fit, values)


def test_the_widest_bands_are_rounded_first_their_edges_before_the_median_and_humidity_before_temperature() -> None:
    width = np.linspace(1, 12, 28)
    humidity = 50.2 + np.stack([-width, 0 * width, width]).round(0) / 2 * 2
    temperature = 20.2 + np.stack([-width, 0 * width, width]).round(0) / 4 * 4
    values = np.stack([humidity, temperature]).round(1)
    before = int(number_bytes(values).sum())
    changed = fitted(values, limit_bytes=before - 40) != values
    assert changed[0, [0, 2], -1].all()
    assert not changed[:, :, 0].any()
    assert changed[0, 0].sum() == changed[0, 2].sum() > changed[0, 1].sum()
    assert changed[0].sum() > changed[1].sum()
    assert 40 <= changed.sum() <= 42
