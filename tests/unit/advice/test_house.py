"""A house's advice from tick to tick: what people and fans may rely on, whatever is measured, missing or lost."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from roomidity.domain.advice.house import HouseSeen, advise
from roomidity.domain.advice.issue import OUTDATED_AFTER, AdviceIssue, as_of, is_due, told_rooms
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.slots import SLOT
from roomidity.domain.weather import HOURS, WeatherIssue

NOON: Final = datetime(2026, 1, 12, 12, tzinfo=UTC)
MORNING: Final = datetime(2026, 1, 12, 5, 30, tzinfo=UTC)
HOME: Final = House("h1", "Europe/Berlin")


def slots(humidity: float, temperature: float, *, silent: int = 0) -> NDArray[np.float64]:
    """Two days of the same air, of which the newest slots may be missing."""
    values = np.tile([[humidity], [temperature]], 192)
    values[:, 192 - silent :] = np.nan
    return values


def seen(
    at: datetime,
    *,
    humidity: float = 66.0,
    temperature: float = 20.0,
    outside: tuple[float, float] = (85.0, 4.0),
    silent: int = 0,
    outside_silent: int = 0,
    ahead: float | None = None,
    grade: str = "full",
    notes: tuple[str, ...] = (),
    weather: bool = True,
) -> HouseSeen:
    level = humidity if ahead is None else ahead
    quantiles = np.stack([level + np.array([[-4.0], [0.0], [4.0]]), temperature + np.array([[-0.5], [0.0], [0.5]])])
    forecast = StoredForecast(
        house="h1", room="bath", issued_at=at, quantiles=np.tile(quantiles, 96), data_through=None,
        grade={"humidity": grade, "temperature": grade}, model_version="v", notes=notes,
    )  # fmt: skip
    issue = WeatherIssue(
        "house:h1", at - SLOT, at - SLOT, at.replace(minute=0), (outside[1],) * HOURS, (outside[0],) * HOURS
    )
    return HouseSeen(
        forecasts=[forecast],
        measured={"bath": slots(humidity, temperature, silent=silent)},
        outdoor=slots(*outside, silent=outside_silent),
        weather=issue if weather else None,
    )


def home_with(**room: Any) -> House:
    return replace(HOME, settings={"rooms": {"bath": room}})


def advised(at: datetime, before: AdviceIssue | None = None, *, home: House = HOME, **what: Any) -> AdviceIssue:
    return advise(home, seen(at, **what), at=at, before=before)


def test_a_humid_room_is_opened_closed_in_time_and_left_to_rest() -> None:
    first = advised(NOON)
    assert first.rooms["bath"].decision.action == "open"
    assert first.rooms["bath"].decision.until == NOON + timedelta(minutes=30)
    second = advised(NOON + SLOT, first)
    assert second.rooms["bath"].decision.action == "open"
    actions = [second]
    for tick in range(2, 6):
        actions.append(advised(NOON + tick * SLOT, actions[-1]))
    assert [one.rooms["bath"].decision.reason for one in actions[1:]] == [
        "ran_longest", "resting", "humid_surface", "humid_surface",
    ]  # fmt: skip


def test_what_readers_closed_between_two_ticks_rests_from_then_on() -> None:
    """A room that would be too cold after some minutes is closed by then, though no tick has come; and stays so."""
    home = home_with(min_temperature_c=19.2)
    first = advised(NOON, home=home)
    until = first.rooms["bath"].decision.until
    assert until is not None
    assert NOON < until < NOON + SLOT
    closed = as_of(first, until)
    assert closed is not None
    assert (closed.rooms["bath"].decision.action, closed.rooms["bath"].decision.until) == ("close", None)
    second = advised(NOON + SLOT, first, home=home)
    assert second.rooms["bath"].decision.reason == "resting"
    assert second.rooms["bath"].decision.until == until + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"silent": 5}, "inside_unknown"),
        ({"outside_silent": 5}, "outside_unknown"),
        ({"notes": ("stuck",)}, "inside_unknown"),
        ({"temperature": 15.0}, "room_cold"),
    ],
)
def test_without_values_of_the_last_hour_from_both_sides_nothing_opens(what: dict[str, Any], reason: str) -> None:
    decision = advised(NOON, **what).rooms["bath"].decision
    assert (decision.action, decision.reason) == ("close", reason)


def test_a_house_without_a_sensor_outside_is_told_so() -> None:
    one = advise(HOME, replace(seen(NOON), outdoor=None), at=NOON).rooms["bath"]
    assert one.decision.reason == "outside_unknown"
    assert one.plan.airings, "the weather ahead is known, and so there is a plan"


@pytest.mark.parametrize("grade", ["sparse", "persistence"])
def test_no_plan_rests_on_a_poor_forecast_and_act_now_goes_on(grade: str) -> None:
    one = advised(NOON, grade=grade).rooms["bath"]
    assert (one.plan.airings, one.plan.not_today, one.plan.missing) == ((), "no_forecast", (grade,))
    assert one.decision.action == "open"


def test_what_was_advised_and_cannot_be_read_is_taken_for_open_until_now() -> None:
    lost = advise(HOME, seen(NOON), at=NOON, forgot=True).rooms["bath"].decision
    assert (lost.action, lost.reason, lost.until) == ("close", "resting", NOON + timedelta(minutes=30))


def test_a_plan_is_made_in_the_morning_and_kept_all_day() -> None:
    one = advised(MORNING)
    made = one.rooms["bath"].plan
    assert len(made.airings) == 4
    issue = one
    for tick in range(1, 97):
        wobble = 66.0 + (-1) ** tick
        issue = advised(MORNING + tick * SLOT, issue, ahead=wobble)
        if tick < 96:
            assert issue.rooms["bath"].planned_at == MORNING, tick
    assert issue.rooms["bath"].planned_at == MORNING + timedelta(days=1)


def test_a_plan_that_is_no_longer_needed_or_that_quiet_hours_forbid_goes() -> None:
    first = advised(MORNING)
    assert advised(MORNING + 4 * SLOT, first, ahead=35.0).rooms["bath"].plan == first.rooms["bath"].plan, "too soon"
    later = advised(MORNING + 9 * SLOT, first, ahead=35.0).rooms["bath"]
    assert (later.plan.not_today, later.planned_at) == ("dry_all_day", MORNING + 9 * SLOT)
    ahead = [airing.at for airing in first.rooms["bath"].plan.airings if airing.at > MORNING + SLOT]
    assert ahead
    quiet = replace(HOME, settings={"quiet_hours": "06:00-05:45"})
    assert advised(MORNING + SLOT, first, home=quiet).rooms["bath"].planned_at == MORNING + SLOT


def test_a_plan_whose_forecast_is_missing_is_made_as_soon_as_there_is_one() -> None:
    poor = advised(MORNING, grade="persistence")
    kept = advised(MORNING + SLOT, poor, grade="persistence")
    assert kept.rooms["bath"].planned_at == MORNING
    assert advised(MORNING + 2 * SLOT, kept).rooms["bath"].plan.airings


def test_a_dehumidifier_runs_by_what_is_measured_and_never_while_aired() -> None:
    home = home_with(kind="cellar", dehumidifier_w=200.0)
    wetter = (90.0, 20.0)
    one = advised(NOON, home=home, humidity=70.0, temperature=14.0, outside=wetter).rooms["bath"]
    assert one.is_running
    assert one.dehumidifier is not None
    assert one.cellar is not None
    assert one.cellar.outside == "wetter"
    assert not advised(NOON, home=home, humidity=70.0, temperature=18.0, outside=(60.0, 2.0)).rooms["bath"].is_running
    assert not advised(NOON, home=home, humidity=70.0, outside=wetter, silent=5).rooms["bath"].is_running


def test_only_what_changed_is_due_and_told() -> None:
    first = advised(NOON, humidity=45.0)
    assert is_due(None, first)
    assert told_rooms(None, first) == ["bath"]
    second = advised(NOON + SLOT, first, humidity=45.4)
    assert not is_due(first, second)
    assert told_rooms(first, second) == []
    assert is_due(first, advised(NOON + 4 * SLOT, first, humidity=45.4)), "once an hour it says that it still holds"
    third = advised(NOON + SLOT, first)
    assert is_due(first, third)
    assert told_rooms(first, third) == ["bath"]
    assert told_rooms(replace(first, untold=("bath",)), second) == ["bath"]


def test_advice_that_is_outdated_holds_no_more() -> None:
    one = advised(NOON)
    assert as_of(one, NOON + OUTDATED_AFTER) is not None
    assert as_of(one, NOON + OUTDATED_AFTER + SLOT) is None


values = st.tuples(
    st.floats(30, 100), st.floats(5, 26), st.floats(20, 100), st.floats(-12, 30),
    st.sampled_from(["tick", "tick", "tick", "missed", "lost"]),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(values, min_size=8, max_size=20), st.floats(14, 19))
def test_whatever_comes_nothing_is_open_too_long_too_cold_or_too_soon_again(
    ticks: list[tuple[float, float, float, float, str]], least: float
) -> None:
    """What a fan does that asks every minute, while ticks fail and items are lost."""
    home = home_with(min_temperature_c=least)
    kept: AdviceIssue | None = None
    opened: list[tuple[datetime, datetime]] = []
    for number, (humidity, temperature, outside_rh, outside_c, fate) in enumerate(ticks):
        at = NOON + number * SLOT
        if fate != "missed":
            what = seen(at, humidity=humidity, temperature=temperature, outside=(outside_rh, outside_c))
            kept = advise(home, what, at=at, before=kept, forgot=fate == "lost")
            if kept.rooms["bath"].decision.action == "open":
                assert temperature >= least
        for minute in range(15):
            now = at + timedelta(minutes=minute)
            held = None if kept is None else as_of(kept, now)
            if held is None or held.rooms["bath"].decision.action != "open":
                continue
            if opened and opened[-1][1] == now:
                opened[-1] = (opened[-1][0], now + timedelta(minutes=1))
            else:
                opened.append((now, now + timedelta(minutes=1)))
    assert all(end - start <= timedelta(minutes=31) for start, end in opened)
    assert all(start - end >= timedelta(minutes=29) for (_, end), (start, _) in pairwise(opened))


def test_a_plan_in_the_hours_of_a_clock_change_keeps_to_local_time() -> None:
    """The clocks go forward on 29 March 2026 at 02:00: the morning is at 04:30 UTC then, and was at 05:30 before."""
    before = datetime(2026, 3, 28, 5, 30, tzinfo=UTC)
    first = advised(before)
    assert first.rooms["bath"].planned_at == before
    almost = advised(datetime(2026, 3, 29, 4, 15, tzinfo=UTC), first)
    assert almost.rooms["bath"].planned_at == before
    after = advised(datetime(2026, 3, 29, 4, 30, tzinfo=UTC), almost)
    assert after.rooms["bath"].planned_at == datetime(2026, 3, 29, 4, 30, tzinfo=UTC)
    assert not any(math.isnan(airing.effect.minutes) for airing in after.rooms["bath"].plan.airings)
