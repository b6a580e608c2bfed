"""Sensor faults are found where they were planted, and nowhere in houses that have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.forecasting import Model, State, Window, forecast
from roomidity.forecasting.serving.faults import (
    JUMP,
    RESET,
    STOPPED,
    STUCK,
    UNCONFIRMED,
    believed,
    faults,
    judge,
    without_faults,
)
from roomidity.forecasting.serving.past import look_back
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
    """A coarse sensor rests; one of two decimals does not."""
    values = make_house(days=10).values.copy()
    values[:, 1] = (2 * values[:, 1]).round() / 2
    values[0, 1, 200:290] = 18.5
    assert not faults(values).any()


def test_a_sensor_is_stuck_the_sooner_the_finer_it_is(make_house) -> None:
    values = make_house(days=10).values.copy()
    values[0, 1, 200:239] = 18.5
    assert not faults(values).any()
    values[0, 1, 239] = 18.5
    assert (faults(values)[0, 1, 200:240] == STUCK).all()


def test_a_room_that_has_shown_little_is_given_a_day(make_house) -> None:
    values = make_house(days=1).values[:, :, :30].copy()
    still = np.concatenate([values, np.repeat(values[:, :, -1:], 90, axis=2)], axis=2)
    assert not faults(still).any()
    longer = np.concatenate([still, still[:, :, -6:]], axis=2)
    assert (faults(longer)[:, :, 29:] == STUCK).all()


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


def test_the_newest_slot_is_no_fault_before_it_came_back(make_house) -> None:
    values = make_house(days=10).values.copy()
    values[0, 1, -1] += 20
    assert not faults(values).any()
    assert judge(values)[0, 1, -1] == UNCONFIRMED


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


def test_of_a_stuck_sensor_the_first_reading_is_the_last_that_is_believed(make_house) -> None:
    house = make_house(days=10)
    values = house.values.copy()
    values[0, 0, 500:] = values[0, 0, 500]
    codes = judge(values)
    assert codes[0, 0, 500] == STOPPED
    assert (codes[0, 0, 501:] == STUCK).all()
    left = believed(replace(house, values=values), codes).values
    assert left[0, 0, 500] == values[0, 0, 500]
    assert np.isnan(left[0, 0, 501:]).all()
    assert (faults(values)[0, 0, 500:] == STUCK).all()


def test_a_sensor_that_failed_with_a_jump_is_not_believed_from_there_on(make_house) -> None:
    house = make_house(days=10)
    values = house.values.copy()
    values[0, 1, 500:] = values[0, 1, 499] + 9
    assert (judge(values)[0, 1, 500:] == STUCK).all()


@pytest.mark.parametrize("room_at", ["fog", "a failure"])
def test_saturated_air_stands_still_for_as_long_as_it_lasts(room_at: str, make_house) -> None:
    """A humidity that rose to 100 may stay for three days; one that jumped there failed."""
    house = make_house(days=10)
    values = house.values.copy()
    if room_at == "fog":
        values[0, 0, 300:400] = np.linspace(values[0, 0, 299], 100, 100)
    values[0, 0, 400:640] = 100.0
    codes = judge(values)[0, 0, 400:640]
    assert not codes.any() if room_at == "fog" else (codes == STUCK).all()


def calm(house: Window) -> Window:
    """The house with a temperature that goes along with no wild humidity by chance."""
    values = house.values.copy()
    values[:, 1] = 20 + np.sin(2 * np.pi * np.arange(house.slots) / 96)
    return replace(house, values=values)


def issue(house: Window, values: np.ndarray, prior: tuple[Model, State]) -> np.ndarray:
    return forecast(replace(house, values=values), *prior).quantiles


@pytest.mark.parametrize(("quantity", "step"), [(0, 30.0), (0, -30.0), (1, 12.0), (1, -12.0)])
@pytest.mark.parametrize("silence", [0, 1, 12, 13, 150])
def test_one_wild_value_is_not_carried_on_and_silence_never_confirms_it(
    quantity: int, step: float, silence: int, make_house, prior: tuple[Model, State]
) -> None:
    house = calm(make_house(days=10))
    wild, held = house.values.copy(), house.values.copy()
    at = house.slots - 1 - silence
    for values in (wild, held):
        values[0, :, at + 1 :] = np.nan
    wild[0, quantity, at] += step
    held[0, quantity, at] = np.nan
    assert np.array_equal(issue(house, wild, prior), issue(house, held, prior))


@pytest.mark.parametrize(("quantity", "step"), [(0, 30.0), (1, 12.0)])
def test_a_value_that_stays_is_believed_from_the_second_reading_on(
    quantity: int, step: float, make_house, prior: tuple[Model, State]
) -> None:
    house = make_house(days=10)
    moved = house.values.copy()
    moved[0, quantity, -2:] += step
    assert not judge(moved).any()
    change = issue(house, moved, prior)[0, quantity, 4, 0] - issue(house, house.values, prior)[0, quantity, 4, 0]
    assert change > 0.7 * step


def test_a_value_back_from_a_wild_one_is_believed_at_once(make_house) -> None:
    house = make_house(days=10)
    values = house.values.copy()
    values[0, 1, -2] += 12.0
    assert judge(values)[0, 1, -2] == JUMP
    assert judge(values)[0, 1, -1] == 0


def test_steam_is_believed_at_once_for_it_warms_the_room(make_house) -> None:
    house = make_house(days=10)
    values = house.values.copy()
    values[0, 0, -1] += 40.0
    values[0, 1, -1] = values[0, 1, -2] + 0.3
    assert not judge(values).any()
    values[0, 1, -1] = values[0, 1, -2]
    assert judge(values)[0, 0, -1] == UNCONFIRMED
    values[0, 1, -1] = values[0, 1, -2] + 20
    assert judge(values)[0, 0, -1] == UNCONFIRMED, "what is itself not believed bears nothing out"


def test_without_a_thermometer_a_bathroom_is_believed_what_it_did_before(make_house) -> None:
    values = make_house(days=10).values.copy()
    values[0, 1] = np.nan
    for shower in (200, 400):
        values[0, 0, shower : shower + 24] += 40 * np.exp(-np.arange(24) / 8)
    values[0, 0, -1] += 38
    assert not judge(values).any()
    values[0, 0, -1] += 45
    assert judge(values)[0, 0, -1] == UNCONFIRMED


def test_what_rose_may_fall_again_at_once(make_house) -> None:
    values = make_house(days=10).values.copy()
    values[0, 0, -6:-1] += 35
    values[0, 0, -1] += 12
    assert not judge(values).any()
    values[0, 0, -1] -= 12 + 20
    assert judge(values)[0, 0, -1] == UNCONFIRMED


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_wild_values_among_others_never_reach_a_forecast_by_themselves(data: st.DataObject, make_house) -> None:
    """Whatever is planted, apart by more than three readings, what is believed is what was there."""
    house = calm(make_house(days=4))
    values = house.values.copy()
    planted = data.draw(st.lists(st.integers(2, 95), min_size=1, max_size=20, unique=True))
    quantity = data.draw(st.integers(0, 1))
    for place in planted:
        values[0, quantity, 4 * place - 1] += data.draw(st.sampled_from([-1, 1])) * (25, 6)[quantity] * (1 + place % 3)
    left = look_back(replace(house, values=values)).basis.values
    same = np.isnan(left) | (left == house.values)
    assert same.all()
    assert np.isnan(left).sum() == len(planted)


RESETS = [(0, 0.0), (0, 99.9), (0, 100.0), (1, 0.0), (1, 85.0), (1, -45.0)]


@pytest.mark.parametrize(("quantity", "value"), RESETS)
@pytest.mark.parametrize("readings", [1, 2, 30])
def test_however_often_a_reset_value_comes_nothing_confirms_it(
    quantity: int, value: float, readings: int, make_house
) -> None:
    values = make_house(days=10).values.copy()
    values[0, quantity, -readings:] = value
    assert (judge(values)[0, quantity, -readings:] == RESET).all()
    assert (faults(values)[0, quantity, -readings:] == RESET).all()


def test_zero_and_zero_is_a_lost_connection_even_in_the_frost(make_house) -> None:
    values = make_house(days=10).values.copy()
    values[0, 1] -= values[0, 1].mean() - 2
    values[0, :, -1] = 0.0
    assert (judge(values)[0, :, -1] == RESET).all()
    values[0, 0, -1] = 60.0
    values[0, 0, -2] = 60.0
    assert judge(values)[0, 1, -1] != RESET, "a room of 2 °C may come to 0"


@pytest.mark.parametrize(("quantity", "near", "value"), [(0, 97.0, 100.0), (1, 83.0, 85.0), (1, 1.5, 0.0)])
def test_a_reset_value_is_believed_in_a_room_that_comes_near_it(
    quantity: int, near: float, value: float, make_house
) -> None:
    """Fog, a sauna, a shed."""
    values = make_house(days=10).values.copy()
    values[0, quantity, 300:350] = near + 0.1 * np.arange(50)[::-1]
    values[0, quantity, 350:360] = value
    assert not judge(values)[0, quantity, 350:360].any()
    values[0, quantity, 600:602] = value
    assert not (judge(values)[0, quantity, 600:602] == RESET).any(), "it has been there before"


@pytest.mark.parametrize(("quantity", "value", "is_believed"), [(0, 100.0, True), (0, 0.0, False), (1, 85.0, False)])
def test_of_a_room_that_showed_nothing_else(quantity: int, value: float, is_believed: bool) -> None:
    values = np.full((1, 2, 200), np.nan)
    values[0, quantity, -1] = value
    assert judge(values)[0, quantity, -1] == RESET
    values[0, quantity, -2] = value
    assert (judge(values)[0, quantity, -2:] == (0 if is_believed else RESET)).all()
