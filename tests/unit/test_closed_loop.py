"""The closed loop: policies keep their limits, and forecasts and weather are what they are said to be."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from roomidity.domain.advice.acting import ActState, Measured, act
from roomidity.domain.advice.air import Air
from roomidity.domain.advice.settings import DEFAULT_ROOM
from roomidity.domain.weather import HOURS, WeatherIssue
from roomidity.local.simulation.controlled import ControlledHouses
from scripts.tools.closed_loop import NAMES, arguments, main, policies
from scripts.tools.closing.houses import draw_houses
from scripts.tools.closing.loop import Counted
from scripts.tools.closing.outlooks import Profile, Served, Truth
from scripts.tools.closing.planner import PLAN_MINUTE, Planned
from scripts.tools.closing.policies import FANS, Fixed, Person, Seen, act_now, hygrostat

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)


def seen(
    humidity: float | np.ndarray[Any, Any], *, at: datetime = NOON, temperature: float | np.ndarray[Any, Any] = 20.0,
    outside_c: float = 3.0,
) -> Seen:  # fmt: skip
    rooms, house = np.full((1, 2), 1.0), np.full((1, 1), 1.0)
    return Seen(
        at, 60 * at.hour + at.minute, temperature * rooms, humidity * rooms, outside_c * house, 85.0 * house,
        outside_c * house,
    )  # fmt: skip


def test_houses_differ_from_what_is_assumed_as_far_as_asked() -> None:
    truth, same = draw_houses(3, seed=2, spread=0.3), draw_houses(3, seed=2, spread=0.0)
    assert 0.49 <= truth.f_rsi.min() < 0.65
    assert 0.75 < truth.f_rsi.max() <= 0.91
    assert (same.f_rsi == 0.7).all()
    assert all(kind.heater_w_m3 > 0 and kind.airing == 0 for kind, _ in truth.houses)


def test_a_hygrostat_runs_at_most_as_long_as_advice_may_and_rests() -> None:
    policy = hygrostat(60)
    opened = [bool(policy(seen(70.0, at=NOON + timedelta(minutes=5 * step))).all()) for step in range(14)]
    assert opened == [True] * 6 + [False] * 6 + [True] * 2
    assert not hygrostat(60)(seen(70.0, temperature=15.9)).any()
    assert not hygrostat(60)(seen(59.0)).any()


def test_act_now_in_the_loop_is_the_product_s() -> None:
    rng = np.random.default_rng(4)
    policy, states = act_now(DEFAULT_ROOM.open_above), [ActState(), ActState()]
    humidity, warmth = np.full(2, 60.0), np.array([19.0, 16.3])
    opened = 0
    for step in range(600):
        at = NOON + timedelta(minutes=5 * step)
        humidity = np.clip(humidity + rng.normal(0, 2, 2), 40, 75)
        warmth = np.clip(warmth + rng.normal(0, 0.2, 2), 15, 22)
        now = seen(humidity, at=at, temperature=warmth, outside_c=12 * np.sin(step / 90))
        told = []
        for room in range(2):
            air = Air(float(now.temperature[0, room]), float(now.humidity[0, room]))
            outside = Air(float(now.outside_c[0, 0]), float(now.outside_humidity[0, 0]))
            decision = act(
                states[room], Measured(at, now.minute, air, outside, float(now.outside_mean_c[0, 0])),
                room=DEFAULT_ROOM, house=FANS,
            )  # fmt: skip
            states[room] = decision.state
            told.append(decision.state.is_open)
        assert policy(now).tolist() == [told]
        opened += sum(told)
    assert 20 < opened < 1000


def test_people_are_late_and_forget() -> None:
    late = Fixed(Person(1.0, 30, np.random.default_rng(1)))
    seven = NOON.replace(hour=7)
    opened = [bool(late(seen(60.0, at=seven + timedelta(minutes=5 * step))).all()) for step in range(12)]
    assert opened == [False] * 6 + [True] * 3 + [False] * 3
    assert Person(0.6, 0, np.random.default_rng(1)).does((1000,)).mean() == pytest.approx(0.6, abs=0.05)


def test_a_profile_forecasts_what_recurs() -> None:
    profile = Profile()
    for slot in range(3 * 96):
        assert (profile(NOON) is None) == (slot < 2 * 96)
        profile.note(seen(50.0 + 10.0 * (slot % 96 == 20), at=NOON + timedelta(minutes=15 * slot)))
    told = profile(NOON)
    assert told is not None
    assert told.shape == (2, 3, 96, 1, 2)
    assert told[0, 1, 20] == pytest.approx(60.0)
    assert told[0, 1, 21] == pytest.approx(50.0)


def test_the_product_s_forecast_needs_two_days_and_knows_no_more_than_was_seen() -> None:
    served = Served(np.array([[True, False]]), [[]], "Europe/Berlin")
    for step in range(3 * 288 + 1):
        at = NOON + timedelta(minutes=5 * step)
        if step == 100:
            assert served(at) is None
        served.note(seen(55.0 + 5.0 * (at.hour < 6), at=at))
    told = served(NOON + timedelta(days=3))
    assert told is not None
    assert told.shape == (2, 3, 96, 1, 2)
    assert 50 < told[0, 1, :, 0, 0].min() < told[0, 1, :, 0, 0].max() < 65
    assert (np.diff(told[:, :, :, 0, 0], axis=1) >= 0).all()


def test_the_truth_is_the_course_from_then_on() -> None:
    course = np.arange(2 * 200.0).reshape(2, 200, 1, 1)
    told = Truth(course, NOON)(NOON + timedelta(hours=1))
    assert told is not None
    assert told[0, :, 0, 0, 0].tolist() == [4.0] * 3


def test_a_plan_is_made_in_the_morning_and_followed_all_day() -> None:
    start = NOON.replace(hour=0)
    cold = WeatherIssue("house:x", start, start, start, (3.0,) * HOURS, (85.0,) * HOURS)
    course = np.stack([np.full((200, 1, 2), 65.0), np.full((200, 1, 2), 20.0)])
    planned = Planned(Truth(course, start), [[cold]], Person(1.0, 0, np.random.default_rng(0)), np.full((1, 2), 0.7))
    opened = [
        bool(planned(seen(65.0, at=start + timedelta(minutes=5 * step))).any())
        for step in range(PLAN_MINUTE // 5 + 201)
    ]
    assert not any(opened[: PLAN_MINUTE // 5])
    assert sum(opened) == 4 * 3  # Four airings of a quarter of an hour.


def test_the_loop_keeps_the_limits_and_airing_helps(capsys: pytest.CaptureFixture[str]) -> None:
    named = ["fixed 2 x 15 min", "act now", "hygrostat 55", "oracle, act now"]
    assert main(["--houses", "1", "--days", "1", "--seed", "3", "--json", "--only", *named]) == 0
    rows: dict[str, dict[str, Any]] = json.loads(capsys.readouterr().out)["policies"]
    assert rows.keys() == {"none", *named}
    assert rows["none"]["minutes_a_day"] == rows["none"]["heat_kwh"] == 0
    assert rows["fixed 2 x 15 min"]["minutes_a_day"] == 30
    assert rows["fixed 2 x 15 min"]["heat_kwh"] > 0
    for name in ("act now", "hygrostat 55", "oracle, act now"):
        assert rows[name]["longest_min"] <= 30
        assert rows[name]["coldest_open_c"] is None or rows[name]["coldest_open_c"] >= 16
        assert rows[name]["risk_h"] <= rows["none"]["risk_h"]


def test_every_policy_can_be_named() -> None:
    truth = draw_houses(1, seed=3, spread=0.3)
    houses = ControlledHouses(truth.houses, start=NOON, days=1, zone=UTC, copies=1)
    none = np.full((96, *houses.real.shape), 50.0)
    counted = Counted(none[0], none[0], none[0], none[0, :, 0], none[0], 16.0, 0.0, none, none)
    every = arguments().parse_args(["--people", "--forecaster"])
    assert set(policies(truth, houses, counted, every)) == set(NAMES)
    assert set(policies(truth, houses, counted, arguments().parse_args([]))) < set(NAMES)


def test_what_cannot_be_asked_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--days", "0"])
    assert "at least 1" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["--only", "act later"])
    assert "plan 60 %, late" in capsys.readouterr().err
