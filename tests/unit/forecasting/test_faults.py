"""Sensor faults are found where they were planted, and nowhere in houses that have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.forecasting import Model, State, forecast
from roomidity.forecasting.serving.faults import JUMP, STUCK, faults, without_faults, without_jumps
from roomidity.forecasting.training.ridges import train


@pytest.mark.parametrize("name", ["candanedo", "sml2010"])
def test_real_houses_have_none(name: str, real_house) -> None:
    assert not faults(real_house(name).values).any()


@given(begin=st.integers(0, 700), slots=st.integers(96, 250), quantity=st.integers(0, 1))
@settings(max_examples=20, deadline=None)
def test_a_sensor_that_stands_still_for_a_day_is_stuck(begin: int, slots: int, quantity: int, make_house) -> None:
    values = make_house(days=10).values.copy()
    values[1, quantity, begin : begin + slots] = 47.0
    expected = np.zeros_like(values)
    expected[1, quantity, begin : begin + slots] = STUCK
    assert np.array_equal(faults(values), expected)


def test_a_quiet_night_is_no_fault(make_house) -> None:
    values = make_house(days=10).values.copy()
    values[0, 1, 200:290] = 18.5
    assert not faults(values).any()


def test_gaps_do_not_hide_a_stuck_sensor(make_house) -> None:
    values = make_house(days=10).values.copy()
    values[0, 0, 100:300] = 40.0
    values[0, 0, 100:300:5] = np.nan
    found = faults(values)[0, 0]
    assert (found[101:300][np.isfinite(values[0, 0, 101:300])] == STUCK).all()
    assert not found[100:300:5].any()


@given(at=st.integers(1, 950), length=st.integers(1, 2), sign=st.sampled_from([-1, 1]), quantity=st.integers(0, 1))
@settings(max_examples=20, deadline=None)
def test_a_value_that_no_room_reaches_and_leaves_so_fast_is_a_jump(
    at: int, length: int, sign: int, quantity: int, make_house
) -> None:
    values = make_house(days=10).values.copy()
    values[0, quantity, at : at + length] += sign * (45 if quantity == 0 else 12)
    expected = np.zeros_like(values)
    expected[0, quantity, at : at + length] = JUMP
    assert np.array_equal(faults(values), expected)


def test_a_shower_and_a_sensor_that_was_moved_are_no_jumps(make_house) -> None:
    values = make_house(days=10).values.copy()
    values[0, 0, 300:324] += 45 * np.exp(-np.arange(24) / 6)
    values[1, 1, 500:] += 9
    assert not faults(values).any()


def test_the_newest_slot_is_not_judged_before_it_came_back(make_house) -> None:
    values = make_house(days=10).values.copy()
    values[0, 1, -1] += 20
    assert not faults(values).any()


def test_nothing_at_all_has_no_faults() -> None:
    assert not faults(np.full((2, 2, 50), np.nan)).any()
    assert faults(np.zeros((1, 2, 0))).shape == (1, 2, 0)


def test_training_leaves_faulty_slots_out(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(days=12)
    values = house.values.copy()
    values[0, 0, 300:500] = 61.0
    values[1, 1, 700] += 25
    broken = replace(house, values=values)
    known = replace(house, values=np.where(faults(values) > 0, np.nan, values))
    assert np.isnan(without_faults(broken).values).sum() == 201
    assert without_faults(house) is house
    first, second = (train(one, prior=prior, seed=0).model.to_bytes() for one in (broken, known))
    assert first == second


def test_one_wild_temperature_is_not_carried_on(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(days=10)
    wild, held = house.values.copy(), house.values.copy()
    wild[0, 1, -1] += 12.0
    held[0, 1, -1] = np.nan
    found, expected = (forecast(replace(house, values=values), *prior).quantiles for values in (wild, held))
    assert np.array_equal(found, expected)


def test_a_temperature_that_stays_is_believed_from_the_second_slot_on(make_house, prior: tuple[Model, State]) -> None:
    house = make_house(days=10)
    moved = house.values.copy()
    moved[0, 1, -2:] += 12.0
    moved = replace(house, values=moved)
    assert without_jumps(moved) is moved
    change = forecast(moved, *prior).quantiles[0, 1, 4, 0] - forecast(house, *prior).quantiles[0, 1, 4, 0]
    assert change > 9


def test_a_temperature_back_from_a_wild_one_is_believed_at_once(make_house) -> None:
    house = make_house(days=10)
    values = house.values.copy()
    values[0, 1, -2] += 12.0
    believed = without_jumps(replace(house, values=values)).values
    assert np.isnan(believed[0, 1, -2])
    assert believed[0, 1, -1] == house.values[0, 1, -1]


def test_steam_is_believed_at_once(make_house) -> None:
    house = make_house(days=10)
    values = house.values.copy()
    values[0, 0, -1] += 40.0
    steamy = replace(house, values=values)
    assert without_jumps(steamy) is steamy
