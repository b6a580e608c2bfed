"""The closed loop: policies keep their limits, and forecasts and weather are what they are said to be."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from scripts.tools.closed_loop import main
from scripts.tools.closing.houses import draw_houses
from scripts.tools.closing.planner import Profile, weather_ahead
from scripts.tools.closing.policies import ActNow, Fixed, Person, Seen, hygrostat

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)


def seen(humidity: float, *, at: datetime = NOON, temperature: float = 20.0) -> Seen:
    rooms, house = np.full((1, 2), 1.0), np.full((1, 1), 1.0)
    return Seen(
        at, 60 * at.hour + at.minute, temperature * rooms, humidity * rooms, 3.0 * house, 85.0 * house, 3.0 * house
    )


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
    policy = ActNow(76)
    opened = [bool(policy(seen(70.0, at=NOON + timedelta(minutes=5 * step))).all()) for step in range(14)]
    assert opened == [True] * 6 + [False] * 6 + [True] * 2
    assert not ActNow(76)(seen(45.0)).any()


def test_people_are_late_and_forget() -> None:
    late = Fixed(Person(1.0, timedelta(minutes=30), np.random.default_rng(1)))
    seven = NOON.replace(hour=7)
    opened = [bool(late(seen(60.0, at=seven + timedelta(minutes=5 * step))).all()) for step in range(12)]
    assert opened == [False] * 6 + [True] * 3 + [False] * 3
    assert Person(0.6, timedelta(0), np.random.default_rng(1)).does((1000,)).mean() == pytest.approx(0.6, abs=0.05)


def test_a_profile_forecasts_what_recurs() -> None:
    profile = Profile()
    for slot in range(3 * 96):
        profile.note(seen(50.0 + 10.0 * (slot % 96 == 20)))
    told = profile(NOON)
    assert told.shape == (2, 3, 96, 1, 2)
    assert told[0, 1, 20] == pytest.approx(60.0)
    assert told[0, 1, 21] == pytest.approx(50.0)


def test_weather_ahead_is_the_truth_without_errors() -> None:
    outdoor = np.arange(2 * 2000.0).reshape(2, 2000, 1) / 50
    perfect = weather_ahead(outdoor, index_of=lambda _: 10, error=0.0, seed=1)(NOON)
    assert perfect[0, 3] == outdoor[0, 10 + 36]
    wrong = weather_ahead(outdoor, index_of=lambda _: 10, error=1.0, seed=1)(NOON)
    assert (wrong[:, 0] == perfect[:, 0]).all()
    assert (wrong[0, 5:] != perfect[0, 5:]).all()


def test_the_loop_keeps_the_limits_and_airing_helps(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--houses", "1", "--days", "1", "--seed", "3", "--json"]
    assert main(given) == 0
    rows: dict[str, dict[str, Any]] = json.loads(capsys.readouterr().out)["policies"]
    assert rows["none"]["minutes_a_day"] == rows["none"]["heat_kwh"] == 0
    assert rows["fixed 2 x 15 min"]["minutes_a_day"] == 30
    assert rows["fixed 2 x 15 min"]["heat_kwh"] > 0
    for name in ("act now 76", "act now 78", "hygrostat 55", "oracle, act now"):
        assert rows[name]["longest_min"] <= 30
        assert rows[name]["coldest_open_c"] is None or rows[name]["coldest_open_c"] >= 16
        assert rows[name]["risk_h"] <= rows["none"]["risk_h"]


def test_what_cannot_be_asked_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--days", "0"])
    assert "at least 1" in capsys.readouterr().err
