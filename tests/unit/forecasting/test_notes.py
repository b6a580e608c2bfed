"""Notes: what is known to be wrong is told, and of sound houses nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roomidity.forecasting import Model, State, Window, forecast

Served = tuple[Model, State]


def notes(window: Window, prior: Served) -> tuple[tuple[str, ...], ...]:
    return forecast(window, *prior).notes


def changed(house: Window, change) -> Window:
    values = house.values.copy()
    change(values)
    return replace(house, values=values)


@pytest.mark.parametrize("name", ["candanedo", "sml2010", "ny_flat", "fi_july"])
def test_of_real_houses_nothing_is_told(name: str, real_house, prior: Served) -> None:
    house = real_house(name)
    for day in range(8, house.slots // 96, 3):
        window = house.between(house.first, house.first + 96 * day).tail(7 * 96)
        told = [one for room in notes(window, prior) for one in room]
        assert set(told) <= {"dead"}, "but for real outages"
        assert not told or np.isnan(window.values[:, :, -13:]).all(axis=2).any()


def test_of_a_sound_house_nothing_is_told(make_house, prior: Served) -> None:
    assert notes(make_house(days=8), prior) == ((), ())


def test_a_sensor_that_stands_still_is_stuck_until_it_moves(make_house, prior: Served) -> None:
    def stick(values: np.ndarray) -> None:
        values[0, 0, 300:] = values[0, 0, 300]

    stuck = changed(make_house(days=8), stick)
    assert notes(stuck, prior) == (("stuck",), ())
    assert forecast(stuck, *prior).grades[0] == {"humidity": "persistence", "temperature": "prior"}
    stuck.values[0, 0, -1] += 1
    assert notes(stuck, prior) == ((), ())


def test_a_sensor_that_failed_at_the_top_of_its_range_is_told_from_the_first_reading_on(
    make_house, prior: Served
) -> None:
    house = make_house(days=8)
    for readings, told in ((1, "spiking"), (30, "spiking"), (200, "stuck")):

        def fail(values: np.ndarray, readings: int = readings) -> None:
            values[0, 0, -readings:] = 99.9

        window = changed(house, fail)
        assert notes(window, prior) == ((told,), ())
        issued = forecast(window, *prior).quantiles[0, 0, 4]
        assert (issued < 75).all()


def test_a_wild_value_is_told_for_a_day(make_house, prior: Served) -> None:
    house = make_house(days=8)
    for back, told in ((2, ("spiking",)), (95, ("spiking",)), (97, ())):

        def spike(values: np.ndarray, back: int = back) -> None:
            values[1, 1, -back] += 15

        assert notes(changed(house, spike), prior) == ((), told)


def test_the_newest_value_may_yet_be_confirmed_and_silence_tells_that_it_was_not(make_house, prior: Served) -> None:
    def spike(values: np.ndarray) -> None:
        values[1, 1, -20] += 15

    window = changed(make_house(days=8), spike)
    until = window.until(window.end)
    fresh = until.between(window.first, window.last - 19)
    assert notes(fresh, prior) == ((), ())
    silent = changed(window, lambda values: values[1, :, -19:].fill(np.nan))
    assert notes(silent, prior) == ((), ("spiking", "dead"))


def test_a_room_that_is_silent_while_others_report_is_dead_and_a_silent_house_is_not(make_house, prior: Served) -> None:
    house = make_house(days=8)
    assert notes(changed(house, lambda values: values[0, :, -14:].fill(np.nan)), prior) == (("dead",), ())
    assert notes(changed(house, lambda values: values[0, :, -12:].fill(np.nan)), prior) == ((), ())
    assert notes(changed(house, lambda values: values[0, 1, -14:].fill(np.nan)), prior) == (("dead",), ())
    silent = changed(house, lambda values: values[:, :, -14:].fill(np.nan))
    assert notes(silent, prior) == ((), ())
    outdoor = np.full((2, house.slots), 5.0)
    assert notes(replace(silent, outdoor=outdoor), prior) == (("dead",), ("dead",))


def left_out(house: Window, *, back: int, by: float, after: float = 0.0) -> Window:
    """A slot that the mean of all its readings would have moved, and what came after it."""
    plain = np.full(house.values.shape, np.nan)
    values = house.values.copy()
    values[0, 0, values.shape[2] - back + 1 :] += after
    plain[0, 0, -back] = values[0, 0, -back] + by
    return replace(house, values=values, plain=plain)


@pytest.mark.parametrize("by", [-9.0, 9.0])
def test_readings_left_out_within_a_slot_are_told(by: float, make_house, prior: Served) -> None:
    house = make_house(days=8)
    assert notes(left_out(house, back=10, by=by), prior) == (("spiking",), ())
    assert notes(left_out(house, back=97, by=by), prior) == ((), ())


def test_the_first_reading_of_a_shower_was_no_wild_one(make_house, prior: Served) -> None:
    """Alone in its slot it does not count; the next slot is as humid."""
    house = make_house(days=8)
    assert notes(left_out(house, back=1, by=9.0), prior) == ((), ())
    assert notes(left_out(house, back=2, by=9.0, after=30.0), prior) == ((), ())
    assert notes(left_out(house, back=20, by=9.0, after=30.0), prior) == ((), ())


def test_a_window_keeps_what_was_left_out_through_cuts_and_choices(make_house) -> None:
    window = left_out(make_house(days=2), back=10, by=9.0)
    assert window.plain is not None
    cut = window.tail(20).select(["room 1", "room 0", "attic"])
    assert cut.plain is not None
    assert np.isfinite(cut.plain).sum() == 1
    assert cut.plain[1, 0, 10] == window.plain[0, 0, -10]
    with pytest.raises(ValueError, match="plain has shape"):
        replace(window, plain=np.zeros((1, 2, 192)))
