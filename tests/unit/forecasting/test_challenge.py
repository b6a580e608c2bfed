"""A challenge holds out, and judges on, what was measured: hours without readings are no evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roomidity.errors import NotEnoughDataError
from roomidity.forecasting import Model, State, Window
from roomidity.forecasting.training.challenge import Challenge, challenge
from roomidity.forecasting.training.ridges import train
from tests.unit.forecasting.test_gate import odd_house

DAY = 96


def without(house: Window, *spans: slice) -> Window:
    """The house without its readings of some slots."""
    values = house.values.copy()
    for span in spans:
        values[..., span] = np.nan
    return replace(house, values=values)


def challenged(house: Window, prior: tuple[Model, State], champion: tuple[Model, State] | None = None) -> Challenge:
    return challenge(house, prior=prior, champion=champion, seed=0)


def test_a_house_that_was_offline_is_judged_on_as_much_as_any_other(prior: tuple[Model, State]) -> None:
    house = without(odd_house(20), slice(-3 * DAY, -16))
    found = challenged(house, prior)
    assert found.judged_from == found.trained.model.trained_through == house.last - 3 * DAY - (3 * DAY - 16)
    assert found.verdict.slots == found.verdict.plain()["held_out_slots"] == 3 * DAY
    assert found.verdict.won, found.verdict.reasons


def test_a_few_hours_of_readings_are_too_little_to_judge_on(prior: tuple[Model, State]) -> None:
    """The champion has seen all up to the outage; since then there is no day of readings, though three days went by."""
    house = odd_house(20)
    champion = train(house.between(house.first, house.last - 3 * DAY), prior=prior, seed=0)
    found = challenged(without(house, slice(-3 * DAY, -16)), prior, (champion.model, champion.state))
    assert (found.verdict.won, found.verdict.slots, found.verdict.scores) == (False, 16, {})
    (reason,) = found.verdict.reasons
    assert "seen all but the last 4 h; train again when it is 24 h of readings" in reason


def test_one_slot_that_is_missing_does_not_keep_a_young_house_from_a_verdict(prior: tuple[Model, State]) -> None:
    found = challenged(without(odd_house(4), slice(-50, -49)), prior)
    assert found.verdict.slots == DAY
    assert found.verdict.comparisons


def test_a_house_that_reports_once_an_hour_is_as_old_as_any_other(prior: tuple[Model, State]) -> None:
    rare = without(odd_house(8), *(slice(slot, slot + 3) for slot in range(1, 8 * DAY, 4)))
    found = challenged(rare, prior)
    assert (found.judged_from, found.verdict.slots) == (rare.last - 2 * DAY, 2 * DAY)


def test_slots_in_which_every_sensor_stood_still_are_no_evidence(prior: tuple[Model, State]) -> None:
    """A gateway that repeats its last values for two days."""
    house = odd_house(20)
    values = house.values.copy()
    values[..., -2 * DAY :] = values[..., -2 * DAY - 1, None]
    found = challenged(replace(house, values=values), prior)
    assert found.judged_from == house.last - 5 * DAY
    assert found.verdict.slots == 3 * DAY


def test_one_reading_of_weeks_before_does_not_make_a_house_old(prior: tuple[Model, State]) -> None:
    """A sensor that was tried on a desk: the house is three days old, and its newest day is held out, not three."""
    tried = without(odd_house(23), slice(1, 20 * DAY))
    found = challenged(tried, prior)
    assert (found.judged_from, found.verdict.slots) == (tried.last - DAY, DAY)
    with pytest.raises(NotEnoughDataError):
        challenged(tried.between(tried.first, tried.last - 8), prior)
