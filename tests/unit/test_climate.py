"""Moist air: against published values, and as the inverses and orders that physics demands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain import climate

celsius = st.floats(-40, 60)
percent = st.floats(1, 100)


@pytest.mark.parametrize(
    ("temperature", "expected_hpa"),
    [(-20.0, 1.2559), (0.0, 6.1121), (10.0, 12.281), (20.0, 23.388), (30.0, 42.452), (50.0, 123.49)],
)
def test_saturation_lies_within_half_a_percent_of_the_reference(temperature: float, expected_hpa: float) -> None:
    # over supercooled water below 0 °C, and over water: Wexler's values as in ASHRAE's tables
    assert climate.saturation_vapour_pressure(temperature) == pytest.approx(expected_hpa, rel=5e-3)


def test_absolute_humidity_matches_the_textbook() -> None:
    assert climate.absolute_humidity(20.0, 100.0) == pytest.approx(17.3, abs=0.1)
    assert climate.absolute_humidity(30.0, 50.0) == pytest.approx(15.2, abs=0.1)


@given(celsius, percent)
def test_relative_humidity_inverts_vapour_pressure(temperature: float, humidity: float) -> None:
    vapour = climate.vapour_pressure(temperature, humidity)
    assert climate.relative_humidity(temperature, vapour) == pytest.approx(humidity)


@given(celsius, percent)
def test_dew_point_is_where_the_same_air_is_saturated(temperature: float, humidity: float) -> None:
    dew = climate.dew_point(climate.vapour_pressure(temperature, humidity))
    assert dew <= temperature + 1e-9
    assert climate.humidity_at(dew, of=temperature, humidity=humidity) == pytest.approx(100)


@given(celsius, celsius, percent)
def test_warming_dries_and_there_is_a_way_back(first: float, second: float, humidity: float) -> None:
    moved = climate.humidity_at(second, of=first, humidity=humidity)
    assert (moved <= humidity + 1e-9) == (second >= first) or moved == pytest.approx(humidity)
    assert climate.humidity_at(first, of=second, humidity=moved) == pytest.approx(humidity)


@given(st.floats(0.01, 200))
def test_mixing_ratio_has_an_inverse(vapour: float) -> None:
    assert climate.mixing_ratio_vapour_pressure(climate.mixing_ratio(vapour)) == pytest.approx(vapour)


def test_arguments_broadcast_and_nothing_stays_nothing() -> None:
    table = climate.absolute_humidity(np.array([[10.0], [20.0]]), np.array([30.0, 60.0, np.nan]))
    assert table.shape == (2, 3)
    assert np.isnan(table[:, 2]).all()
    assert (np.diff(table[:, :2]) > 0).all()
    assert table.dtype == np.float64
