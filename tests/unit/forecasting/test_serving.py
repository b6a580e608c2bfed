"""Forecasts: one for any window, never crossing, within what can be, graded for what they rest on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roomidity.forecasting import LEVELS, STEPS, Model, State, Window, forecast
from roomidity.forecasting.serving.jumps import _scan
from roomidity.forecasting.serving.online import known_past
from roomidity.forecasting.training.ridges import Trained

P50 = LEVELS.index(0.5)


def check(window: Window, model: Model, state: State) -> np.ndarray:
    """What must hold of every forecast."""
    issued = forecast(window, model, state)
    quantiles = issued.quantiles
    assert quantiles.shape == (len(window.rooms), 2, len(LEVELS), STEPS)
    assert issued.issued_at == window.end
    believed = np.isfinite(known_past(state, window)[0].basis.values).any(axis=2)
    measured = np.isfinite(window.values).any(axis=2) & believed
    np.testing.assert_array_equal(np.isfinite(quantiles).all(axis=(2, 3)), measured)
    np.testing.assert_array_equal(np.isnan(quantiles).all(axis=(2, 3)), ~measured)
    present = quantiles[measured]
    assert (np.diff(present, axis=1) >= 0).all()
    assert (quantiles[:, 0][measured[:, 0]] >= 0).all()
    assert (quantiles[:, 0][measured[:, 0]] <= 100).all()
    for row, grades in enumerate(issued.grades):
        assert set(grades) == {name for q, name in enumerate(("humidity", "temperature")) if measured[row, q]}
        assert (issued.data_through[row] is not None) == bool(grades)
    return quantiles


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Windows with gaps, stuck values, spikes, levels far off, single values and strange rooms."""
    rooms = draw(st.integers(0, 3))
    slots = draw(st.sampled_from([0, 1, 5, 191, 192, 200, 800]))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    values = rng.normal([[[50.0], [20.0]]], draw(st.sampled_from([0.0, 0.5, 30.0])), (rooms, 2, slots))
    for _ in range(draw(st.integers(0, 4))):
        if rooms and slots:
            row, q = draw(st.integers(0, rooms - 1)), draw(st.integers(0, 1))
            begin = draw(st.integers(0, slots - 1))
            end = draw(st.sampled_from([begin + 1, begin + 12, begin + 13, slots]))
            fault = draw(st.sampled_from([np.nan, np.inf, 0.0, 100.0, -60.0, 1e6]))
            values[row, q, begin:end] = fault
    if rooms and slots and draw(st.booleans()):
        kept = draw(st.integers(0, slots - 1))
        values[0, 0, np.arange(slots) != kept] = np.nan
    names = draw(
        st.lists(st.sampled_from(["room 0", "room 1", "Küche", "x" * 64]), min_size=rooms, max_size=rooms, unique=True)
    )
    zone = draw(st.sampled_from(["UTC", "Europe/Brussels", "America/St_Johns"]))
    issued = datetime(1976, 1, 1, tzinfo=UTC) + timedelta(hours=draw(st.integers(0, 120 * 365 * 24)))
    return Window(rooms=tuple(names), end=issued, timezone=zone, values=values)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(window=windows(), own=st.booleans())
def test_there_is_a_forecast_for_any_window(
    window: Window, own: bool, prior: tuple[Model, State], trained: Trained
) -> None:
    check(window, *((trained.model, trained.state) if own else prior))


def test_readings_that_are_wild_all_of_them_bear_nothing_out() -> None:
    course = np.array([0.0, 20.0, 20.0, -60.0, 50.0, -60.0, 100.0, -60.0, 100.0, -60.0, 85.0])
    wild, borne_out = _scan(course, np.arange(len(course)), np.zeros(len(course), dtype=bool), limit=13.0)
    assert set(wild) == set(range(1, 10))
    assert borne_out == 10


def test_neither_the_order_of_rooms_nor_a_silent_room_matters(make_house, trained: Trained) -> None:
    window = make_house(days=12).tail(192)
    together = forecast(window, trained.model, trained.state).quantiles
    turned = forecast(window.select(["room 1", "silent", "room 0"]), trained.model, trained.state).quantiles
    np.testing.assert_allclose(together, turned[[2, 0]], atol=1e-9)


def test_older_slots_than_the_window_come_from_the_state(make_house, trained: Trained) -> None:
    house = make_house(days=12)
    short = forecast(house.tail(192), trained.model, trained.state).quantiles
    whole = forecast(house, trained.model, trained.state).quantiles
    np.testing.assert_allclose(short, whole, atol=1e-3)


def test_nothing_after_the_issue_time_is_looked_at(make_house, trained: Trained) -> None:
    house = make_house(days=13)
    issue = house.start + timedelta(days=12)
    cut = house.until(issue)
    changed = replace(house, values=np.where(np.arange(house.slots) >= cut.slots, 7.0, house.values)).until(issue)
    np.testing.assert_array_equal(
        forecast(cut, trained.model, trained.state).quantiles, forecast(changed, trained.model, trained.state).quantiles
    )


def test_grades_are_the_first_that_applies(make_house, prior: tuple[Model, State], trained: Trained) -> None:
    window = make_house(days=12).tail(192)
    own = (trained.model, trained.state)

    def grade(values: np.ndarray, serving: tuple[Model, State] = own) -> str:
        return forecast(replace(window, values=values), *serving).grades[0]["humidity"]

    values = window.values.copy()
    assert grade(values) == "full"
    assert grade(values, prior) == "prior"
    values[0, 0, :77] = np.nan  # 115 of 192 are left: under 60 %
    assert grade(values) == "sparse"
    assert grade(values, prior) == "sparse"
    values[0, 0, 180:] = np.nan  # the newest value is 3 h old
    assert grade(values) == "sparse"
    values[0, 0, 179] = np.nan
    assert grade(values) == "persistence"


def test_an_old_value_is_carried_on_with_persistences_own_quantiles(make_house, trained: Trained) -> None:
    window = make_house(days=12).tail(192)
    values = window.values.copy()
    values[0, 1, 150:] = np.nan
    issued = forecast(replace(window, values=values), trained.model, trained.state)
    assert issued.grades[0]["temperature"] == "persistence"
    np.testing.assert_allclose(issued.quantiles[0, 1, P50], values[0, 1, 149])
    assert (issued.quantiles[0, 1, -1] > issued.quantiles[0, 1, 0]).all()
    assert issued.grades[1]["temperature"] == "full"


def test_data_through_names_the_newest_slot_with_a_reading(make_house, trained: Trained) -> None:
    window = make_house(days=12).tail(192)
    values = window.values.copy()
    values[0, :, -2:] = np.nan
    values[1] = np.nan
    issued = forecast(replace(window, values=values), trained.model, trained.state)
    assert issued.data_through == (window.end - timedelta(minutes=45), None)


def test_a_room_that_the_model_does_not_know_gets_the_priors_forecast(make_house, trained: Trained) -> None:
    window = replace(make_house(days=12).tail(192), rooms=("attic", "room 1"))
    issued = forecast(window, trained.model, trained.state)
    assert np.isfinite(issued.quantiles).all()


@pytest.mark.parametrize("month", [3, 10])
def test_forecasts_go_on_over_a_daylight_saving_change(month: int, make_house, trained: Trained) -> None:
    house = make_house(days=3)
    change = {3: 29, 10: 25}[month]
    for hour in range(24):
        end = house.end.replace(month=month, day=change, hour=hour)
        check(replace(house, end=end), trained.model, trained.state)
