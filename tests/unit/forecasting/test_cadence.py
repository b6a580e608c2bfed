"""Silence is judged by the sensor's own habits: what does not change needs no report; the dead send none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.forecasting import Model, State, Window, forecast
from roomidity.forecasting.serving.cadence import Cadence, cadence
from roomidity.forecasting.serving.gaps import FILL_SLOTS

WEEK = 7 * 96


def on_change(values: np.ndarray, step: float, heartbeat: int) -> np.ndarray:
    """What a sensor reports that sends only what changed by a step, and what there is after so many silent slots."""
    sent = np.full(values.shape, np.nan)
    for series in np.ndindex(*values.shape[:-1]):
        last, at = np.inf, -heartbeat
        for slot, value in enumerate(values[series]):
            if abs(value - last) >= step or slot - at >= heartbeat:
                last, at = value, slot
                sent[series][slot] = value
    return sent


def room(slots: int = WEEK, seed: int = 0) -> np.ndarray:
    """A room that moves by day and rests at night, (1, 2, slots)."""
    rng = np.random.default_rng(seed)
    by_day = np.clip(np.sin(2 * np.pi * np.arange(slots) / 96), 0, None)
    walk = np.cumsum(rng.normal(0, 0.3, (2, slots)) * by_day, axis=1)
    return (np.array([[50.0], [20.0]]) + walk * np.array([[4.0], [1.0]]))[None]


def one(values: np.ndarray) -> Cadence:
    return cadence(values[None, None].repeat(2, axis=1))


def test_a_sensor_that_reports_every_slot_may_be_silent_for_three_hours_as_ever() -> None:
    values = np.random.default_rng(0).normal(size=(2, 2, WEEK))
    for silence in (0, 1, FILL_SLOTS, FILL_SLOTS + 1):
        heard = values.copy()
        heard[..., WEEK - silence :] = np.nan
        found = cadence(heard)
        assert (found.age == silence).all()
        assert (found.reach == FILL_SLOTS).all()
        assert (found.silent == (silence > FILL_SLOTS)).all()
        np.testing.assert_array_equal(found.values, heard)


@pytest.mark.parametrize("every", [1, 2, 3, 4, 8, 24])
def test_whatever_its_rhythm_a_sensor_that_keeps_it_covers_all(every: int) -> None:
    values = np.full(WEEK, np.nan)
    values[::every] = np.random.default_rng(0).normal(size=len(values[::every]))
    found = one(values)
    assert found.covered.min() > 0.9
    assert not found.silent.any()
    assert (found.reach == max(FILL_SLOTS, 3 * every // 2)).all()


@pytest.mark.parametrize("heartbeat", [4, 20, 32])
def test_a_sensor_that_reports_changes_is_healthy(heartbeat: int) -> None:
    sent = on_change(room(), 1.0, heartbeat)
    assert np.isfinite(sent[..., -192:]).mean() < 0.5
    found = cadence(sent)
    assert (found.covered > 0.9).all()
    assert not found.silent.any()


def test_four_silent_hours_say_nothing_of_a_sensor_that_is_silent_for_five_and_much_of_one_that_never_is() -> None:
    rare, often = on_change(room(), 1.0, 20), on_change(room(), 1.0, 4)
    for sent in (rare, often):
        sent[..., -17] = 50.0
        sent[..., -16:] = np.nan
    assert not cadence(rare).silent.any()
    assert cadence(often).silent.all()


def test_a_dead_sensor_is_silent_whatever_its_habits() -> None:
    sent = on_change(room(), 1.0, 32)
    sent[..., -97:] = np.nan
    assert cadence(sent).silent.all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), lost=st.integers(6, 20))
def test_drop_outs_are_no_habit(seed: int, lost: int) -> None:
    """A sensor that reports every slot, most of two days of which are lost, has moved on in each gap."""
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.normal(0, 1, WEEK)) / 10 + 5 * np.sin(np.arange(WEEK) / 15)
    for begin in range(WEEK - 192, WEEK, 24):
        values[begin + 24 - lost : begin + 24] = np.nan
    found = one(values)
    assert (found.covered <= 1 - lost / 24 + 0.3).all()
    assert (found.reach <= 1.5 * 24).all()


def test_explained_silences_are_filled_with_the_value_before_and_others_are_not() -> None:
    sent = on_change(room(), 1.0, 32)
    filled = cadence(sent).values
    gaps = np.isnan(sent) & np.isfinite(filled)
    assert gaps.any()
    carried = sent.copy()
    for slot in range(1, WEEK):
        carried[..., slot] = np.where(np.isnan(carried[..., slot]), carried[..., slot - 1], carried[..., slot])
    np.testing.assert_array_equal(filled[gaps], carried[gaps])
    lossy = room(seed=1) + np.arange(WEEK) * np.array([[0.2], [0.05]])
    lossy[..., 300:340] = np.nan
    np.testing.assert_array_equal(cadence(lossy).values, lossy)


@pytest.mark.parametrize("readings", [0, 1, 8])
def test_few_readings_make_no_habit(readings: int) -> None:
    values = np.full(WEEK, np.nan)
    values[WEEK - 192 :: 20][:readings] = 50.0
    found = one(values)
    assert (found.reach == FILL_SLOTS).all()
    assert (found.covered == readings / 192).all()
    assert (found.age == (192 - 20 * (readings - 1) - 1 if readings else WEEK)).all()


def test_a_sensor_that_reports_changes_is_forecast_as_full_through_its_silences_and_not_after_its_death(
    make_house, trained
) -> None:
    house = make_house(days=12)
    values = house.values.copy()
    values[0] = np.round(values[0] / [[4.0], [1.0]]) * [[4.0], [1.0]]
    values[0] = on_change(values[0], 0.5, 20)
    values[0, :, -16:] = np.nan
    window = replace(house, values=values)
    grades = forecast(window, trained.model, trained.state).grades
    assert grades[0] == {"humidity": "full", "temperature": "full"}
    dead = replace(window, values=values.copy())
    dead.values[0, :, -60:] = np.nan
    assert forecast(dead, trained.model, trained.state).grades[0] == {
        "humidity": "persistence",
        "temperature": "persistence",
    }


def test_a_room_that_is_new_is_sparse_until_it_has_been_heard_for_long_enough(
    make_house, prior: tuple[Model, State]
) -> None:
    house: Window = make_house(days=2)
    for slots, grade in ((8, "sparse"), (100, "sparse"), (130, "prior")):
        values = house.values.copy()
        values[:, :, : 192 - slots] = np.nan
        grades = forecast(replace(house, values=values), *prior).grades
        assert {one for room in grades for one in room.values()} == {grade}


def test_no_habit_explains_more_than_a_day() -> None:
    """A sensor that reports every other day is not known to be healthy, however long it has done so."""
    values = np.full((1, 2, 12 * 192), np.nan)
    values[0, 0, ::192] = 50.0
    found = cadence(values)
    assert found.reach[0, 0] == 96
    assert found.silent[0, 0]
