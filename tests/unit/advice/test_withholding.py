"""A planned airing takes place only if what is measured allows it, whatever was forecast."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Final, get_args
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.advice.acting import Measured
from roomidity.domain.advice.air import UNKNOWN_AIR, Air
from roomidity.domain.advice.house import advise
from roomidity.domain.advice.issue import AdviceIssue
from roomidity.domain.advice.outlook import outlook_of
from roomidity.domain.advice.planning import DayPlan, Forbids, plan_day
from roomidity.domain.advice.sentences import PLAN
from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM, HouseAdvice
from roomidity.domain.advice.withholding import NEAR, RETURNS_ABOVE_K, withhold
from roomidity.domain.advice.words import say_withheld
from roomidity.domain.slots import SLOT
from tests.unit.advice.test_house import HOME, advised, home_with, seen
from tests.unit.advice.test_house import MORNING as DAWN
from tests.unit.advice.test_planning import CLOCK, MORNING, stored, weather

BERLIN: Final = ZoneInfo("Europe/Berlin")
OUTSIDE: Final = Air(4.0, 85.0)
OUTLOOK: Final = outlook_of(stored(), now=MORNING, weather=weather())
PLAN_OF_DAY: Final = plan_day(OUTLOOK, outside_mean_c=3.0, minutes_of_day=CLOCK)
FIRST: Final = PLAN_OF_DAY.airings[0]


def held(
    inside_c: float, plan: DayPlan = PLAN_OF_DAY, *, before: timedelta = timedelta(0), outside: Air = OUTSIDE,
    house: HouseAdvice = DEFAULT_HOUSE,
) -> DayPlan:  # fmt: skip
    """The plan as it holds some time before its first airing."""
    inside = UNKNOWN_AIR if math.isnan(inside_c) else Air(inside_c, 66.0)
    now = Measured(FIRST.at - before, 0, inside, outside)
    return withhold(plan, now, outlook=OUTLOOK, room=DEFAULT_ROOM, house=house)


def test_a_room_measured_too_cold_is_not_aired_by_plan_and_returns_once_it_is_warmer() -> None:
    assert held(20.0) == PLAN_OF_DAY
    cold = held(12.5, before=timedelta(hours=5))
    assert cold.airings == ()
    assert cold.not_today is None
    assert {(one.why, one.found_c) for one in cold.withheld} == {("room_cold", 12.5)}
    assert cold.intended == list(PLAN_OF_DAY.airings)
    least = DEFAULT_ROOM.min_temperature_c
    assert held(least + RETURNS_ABOVE_K - 0.1, cold, before=timedelta(hours=5)) == cold, "it does not come and go"
    assert held(least + RETURNS_ABOVE_K, cold, before=timedelta(hours=5)) == PLAN_OF_DAY
    assert held(least, before=timedelta(hours=5)) == PLAN_OF_DAY, "later, the forecast knows more"


def test_an_airing_that_is_near_is_shortened_or_left_out_before_the_room_gets_cold() -> None:
    minutes = {inside_c: held(inside_c).intended[0].effect.minutes for inside_c in (18.0, 16.8, 16.5)}
    assert minutes == {18.0: 15.0, 16.8: 10.0, 16.5: 5.0}
    short = held(16.8).airings[0].effect
    assert FIRST.effect.at_once < short.at_once < short.after_1h < 0
    assert short.heat_kwh == pytest.approx(FIRST.effect.heat_kwh * 10 / 15)
    (one,) = held(16.1).withheld
    assert (one.airing, one.why) == (FIRST, "room_cold")
    assert held(16.1, before=NEAR + SLOT).withheld == ()


@pytest.mark.parametrize(
    ("inside_c", "outside", "why"),
    [
        (math.nan, OUTSIDE, "inside_unknown"),
        (20.0, Air(-10.5, 80.0), "outside_cold"),
        (29.0, Air(28.5, 40.0), "outside_hot"),
    ],
)
def test_what_else_forbids_one_that_is_near_and_none_later(inside_c: float, outside: Air, why: Forbids) -> None:
    told = held(inside_c, outside=outside)
    assert [(one.airing.at, one.why) for one in told.withheld] == [(FIRST.at, why)]
    assert held(inside_c, outside=outside, before=NEAR + SLOT).withheld == ()


def test_a_sensor_that_falls_silent_does_not_bring_back_what_was_too_cold() -> None:
    cold = held(12.5, before=timedelta(hours=5))
    assert held(math.nan, cold, before=timedelta(hours=4)) == cold
    assert held(math.nan, cold).withheld[0].why == "inside_unknown"


def test_an_airing_that_is_over_stays_as_it_was_and_none_is_longer_than_the_longest_run() -> None:
    over = Measured(FIRST.end, 0, Air(12.0, 66.0), OUTSIDE)
    assert withhold(PLAN_OF_DAY, over, outlook=OUTLOOK, room=DEFAULT_ROOM, house=DEFAULT_HOUSE).airings == (FIRST,)
    brief = HouseAdvice(longest_run_min=7)
    assert {one.effect.minutes for one in held(20.0, house=brief).airings} == {5.0}
    planned = plan_day(OUTLOOK, outside_mean_c=3.0, minutes_of_day=CLOCK, house=brief)
    assert {one.effect.minutes for one in planned.airings} == {5.0}
    rested = plan_day(OUTLOOK, outside_mean_c=3.0, minutes_of_day=CLOCK, house=HouseAdvice(rest_min=300))
    assert all(later.at - one.end >= timedelta(minutes=300) for one, later in pairwise(rested.airings))


def test_every_reason_is_said_once_with_its_times_in_both_languages() -> None:
    cold = held(12.5, before=timedelta(hours=5))
    (said,) = say_withheld(cold.withheld, least_c=16.0, zone=BERLIN)
    assert said.count(":") == 1 + len(cold.withheld)
    assert "12.5 °C were measured" in said
    for language in ("en", "de"):
        assert {f"withheld_{why}" for why in get_args(Forbids)} <= PLAN[language].keys()


def test_a_morning_in_which_the_heating_failed_is_told_and_written_and_undone_when_it_is_warm() -> None:
    warm = advised(DAWN).rooms["bath"]
    cold = advise(HOME, replace(seen(DAWN), measured={"bath": seen(DAWN, temperature=12.5).measured["bath"]}), at=DAWN)
    assert warm.plan.airings
    one = cold.rooms["bath"]
    assert (one.plan.airings, one.plan.not_today) == ((), None)
    assert one.plan.intended == list(warm.plan.airings)
    assert one.acts != warm.acts
    assert one.words != warm.words
    later = advised(DAWN + SLOT, cold).rooms["bath"]
    assert all(one.airing.end <= DAWN + SLOT for one in later.plan.withheld), "what is over is not made up for"
    assert later.plan.airings == tuple(airing for airing in warm.plan.airings if airing.at > DAWN)
    assert later.planned_at == DAWN


ticks = st.tuples(
    st.one_of(st.floats(5, 24), st.floats(15.5, 17.5), st.none()), st.floats(-14, 30),
    st.sampled_from(["tick", "tick", "tick", "missed", "lost"]),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(ticks, min_size=4, max_size=30), st.floats(10, 19), st.floats(5, 60))
def test_whatever_is_measured_nobody_is_told_to_air_a_cold_room(
    course: list[tuple[float | None, float, str]], least: float, longest: float
) -> None:
    """The forecast says 20 °C all the while."""
    home = replace(home_with(min_temperature_c=least), settings={
        **home_with(min_temperature_c=least).settings, "longest_run_min": longest,
    })  # fmt: skip
    kept: AdviceIssue | None = None
    for number, (inside_c, outside_c, fate) in enumerate(course):
        at = DAWN + number * SLOT
        if fate == "missed":
            continue
        measured = seen(at, temperature=20.0 if inside_c is None else inside_c, silent=0 if inside_c is not None else 9)
        what = replace(seen(at, outside=(60.0, outside_c)), measured=measured.measured)
        kept = advise(home, what, at=at, before=kept, forgot=fate == "lost")
        one = kept.rooms["bath"]
        assert one.decision.action != "open" or (inside_c is not None and inside_c >= least)
        for airing in (airing for airing in one.plan.airings if airing.end > at):
            assert airing.effect.minutes <= max(longest, 5)
            assert inside_c is None or inside_c >= least
            if airing.at - at <= NEAR:
                assert inside_c is not None
                cooling = 0.115 * (inside_c - outside_c) * (1 - math.exp(-4 * airing.effect.minutes / 60))
                assert inside_c - max(cooling, 0) >= least - 1e-9


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-0.24, 0.24), min_size=20, max_size=40))
def test_noise_around_the_minimum_withholds_once_and_for_all(noise: list[float]) -> None:
    plan, changes = PLAN_OF_DAY, 0
    for error in noise:
        following = held(DEFAULT_ROOM.min_temperature_c + error, plan, before=timedelta(hours=5))
        changes += following != plan
        plan = following
    assert changes <= 1


def test_the_closed_loop_s_people_withhold_as_the_product_does() -> None:
    from scripts.tools.closing.planner import withhold as loop  # noqa: PLC0415
    from scripts.tools.closing.policies import Due, Seen  # noqa: PLC0415

    inside = np.linspace(15.5, 19.0, 60)[None]
    starts = np.full((1, 60, 1), FIRST.at.timestamp() / 60)
    due = Due(starts, np.full((1, 60, 1), 15.0))
    outside = np.full((1, 1), 4.0)
    loop(due, Seen(FIRST.at, 0, inside, np.full((1, 60), 66.0), outside, outside, outside))
    for place, inside_c in enumerate(inside[0].tolist()):
        now = Measured(FIRST.at, 0, Air(inside_c, 66.0), OUTSIDE)
        only = replace(PLAN_OF_DAY, airings=(FIRST,))
        nothing_ahead = replace(OUTLOOK, outside_temperature=None)
        told = withhold(only, now, outlook=nothing_ahead, room=DEFAULT_ROOM, house=DEFAULT_HOUSE)
        assert due.minutes[0, place, 0] == (told.airings[0].effect.minutes if told.airings else 0.0)
