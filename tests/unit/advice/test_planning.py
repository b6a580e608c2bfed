"""A day's plan, a cellar's hours, a dehumidifier's, an airing's score: with what is there, and with what is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Final, get_args
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.advice.acting import ActState, Measured, Reason, act
from roomidity.domain.advice.air import UNKNOWN_AIR, Air
from roomidity.domain.advice.cellar import cellar_outlook
from roomidity.domain.advice.dehumidifier import limit_at, plan_dehumidifier, should_run
from roomidity.domain.advice.outlook import Outlook, outdoor_mean_ahead, outlook_of
from roomidity.domain.advice.planning import DayPlan, NotToday, expected_humid_hours, plan_day
from roomidity.domain.advice.scoring import Opening, Sample, followed, score_airing
from roomidity.domain.advice.sentences import DECISION, LIMITS, MISSING, PLAN
from roomidity.domain.advice.settings import DEFAULT_HOUSE, DayHours, RoomAdvice
from roomidity.domain.advice.words import say_cellar, say_decision, say_missing, say_plan, say_score
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.likelihood import likely_over
from roomidity.domain.weather import HOURS, WeatherIssue

MORNING: Final = datetime(2026, 1, 12, 6, 30, tzinfo=UTC)
CLOCK: Final = (390 + 15 * np.arange(96)) % 1440
BERLIN: Final = ZoneInfo("Europe/Berlin")
SLOT: Final = timedelta(minutes=15)


def stored(
    *,
    humidity: float = 66.0,
    temperature: float = 20.0,
    at: datetime = MORNING,
    grade: str = "full",
    spread: float = 3.0,
) -> StoredForecast:
    quantiles = np.empty((2, 3, 96))
    quantiles[0] = humidity + np.array([[-spread], [0.0], [spread]])
    quantiles[1] = temperature
    return StoredForecast("h", "bath", at, quantiles, {"humidity": grade, "temperature": "full"}, at, "m1")


def weather(temperature: float = 3.0, humidity: float = 85.0, *, first: datetime = MORNING) -> WeatherIssue:
    hour = np.arange(HOURS)
    celsius = temperature + 3 * np.sin(2 * np.pi * (hour - 2) / 24)
    return WeatherIssue("place:50.5,4.0", first, first, first, tuple(celsius.tolist()), (humidity,) * HOURS)


def plan(
    forecast: StoredForecast | None = None, ahead: WeatherIssue | None = None, *, room: RoomAdvice | None = None
) -> DayPlan:
    outlook = outlook_of(forecast or stored(), now=MORNING, weather=ahead or weather())
    return plan_day(outlook, outside_mean_c=3.0, minutes_of_day=CLOCK, room=room or RoomAdvice())


def test_a_humid_day_gets_four_airings_apart_and_in_allowed_hours() -> None:
    found = plan()
    assert (len(found.airings), found.not_today) == (4, None)
    assert all(later.at - earlier.at >= timedelta(hours=2) for earlier, later in pairwise(found.airings))
    assert all(6.5 <= one.at.hour + one.at.minute / 60 < 22.5 for one in found.airings)
    assert all(one.effect.at_once < one.effect.after_1h < 0 for one in found.airings)
    assert found.heat_kwh == pytest.approx(sum(one.effect.heat_kwh for one in found.airings))
    assert found.humid_hours == pytest.approx(24, abs=0.5)


def test_fewer_humid_hours_get_fewer_airings_and_none_none() -> None:
    forecast = stored(humidity=45.0)
    forecast.quantiles[0][:, 20:32] += 25
    assert len(plan(forecast).airings) == 1
    dry = plan(stored(humidity=45.0))
    assert (dry.airings, dry.not_today) == ((), "dry_all_day")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (lambda: plan(stored(humidity=75.0), weather(19.0, 95.0)), "outside_wetter"),
        (lambda: plan(stored(temperature=15.0)), "too_cold"),
        (lambda: plan(stored(grade="sparse")), "no_forecast"),
        (lambda: plan(stored(grade="persistence")), "no_forecast"),
        (lambda: plan(stored(at=MORNING - timedelta(hours=3))), "no_forecast"),
        (lambda: plan(stored(humidity=math.nan)), "no_forecast"),
        (lambda: plan(ahead=replace(weather(), known_from=MORNING + SLOT)), "no_weather"),
        (lambda: plan(ahead=weather(first=MORNING - timedelta(days=3))), "no_weather"),
    ],
)
def test_not_today_and_why(found: Callable[[], DayPlan], why: str) -> None:
    told = found()
    assert (told.airings, told.not_today) == ((), why)


def test_only_in_quiet_hours_is_said() -> None:
    outlook = outlook_of(stored(), now=MORNING, weather=weather())
    assert outlook.outside_humidity is not None
    night_only = replace(outlook, outside_humidity=np.where(np.arange(96) < 70, np.nan, outlook.outside_humidity))
    found = plan_day(night_only, outside_mean_c=3.0, minutes_of_day=CLOCK)
    assert (found.not_today, found.until) == ("no_time", MORNING + 70 * SLOT)


def test_a_room_near_its_minimum_is_aired_for_less() -> None:
    minutes = {one.effect.minutes for one in plan(stored(temperature=16.7, humidity=80.0)).airings}
    assert minutes
    assert minutes <= {5.0, 10.0}


@given(
    humidity=st.floats(20, 95), temperature=st.floats(5, 30), spread=st.floats(0, 20), least_c=st.floats(5, 25),
    outside=st.floats(-20, 35), outside_humidity=st.floats(10, 100),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_no_plan_leaves_a_room_too_cold_or_asks_for_more_than_four(
    humidity: float, temperature: float, spread: float, least_c: float, outside: float, outside_humidity: float
) -> None:
    room = RoomAdvice(min_temperature_c=least_c)
    found = plan(
        stored(humidity=humidity, temperature=temperature, spread=spread), weather(outside, outside_humidity), room=room
    )
    assert len(found.airings) <= 4
    assert (found.not_today is None) == bool(found.airings)
    for airing in found.airings:
        assert temperature + airing.effect.cooling_k >= least_c - 1e-9
        assert airing.effect.after_24h < 0.05
    assert say_plan(found, zone=BERLIN, language="de")


def test_probabilities_and_means_ahead() -> None:
    surface = np.array([[60.0] * 4, [76.0] * 4, [90.0] * 4])
    assert expected_humid_hours(surface, 76.0) == pytest.approx(0.5)
    assert likely_over(surface[:, :1], 60.0).round(2).tolist() == [0.9]
    ahead = outdoor_mean_ahead(10.0, [22.0] * 48)
    assert ahead[-1] == pytest.approx(22 - 12 * math.exp(-1))
    assert outdoor_mean_ahead(math.nan, [math.nan, 5.0]).tolist()[1] == 5.0


def test_what_a_plan_lacks_is_named() -> None:
    assert outlook_of(stored(), now=MORNING).missing == ("no_weather",)
    assert outlook_of(None, now=MORNING).missing == ("no_forecast", "no_weather")


def test_a_cellar_says_until_when_outside_is_wetter() -> None:
    now = Measured(MORNING, 390, Air(14.0, 75.0), Air(16.0, 80.0))
    ahead = weather(first=MORNING)
    falling = replace(ahead, temperature=tuple([16.0] * 11 + [6.0] * (HOURS - 11)), humidity=(80.0,) * HOURS)
    told = cellar_outlook(now, outlook_of(None, now=MORNING, weather=falling))
    assert (told.outside, told.known_h) == ("wetter", 24.0)
    assert told.until is not None
    assert abs(told.until - (MORNING + timedelta(hours=11))) <= timedelta(hours=1)
    assert say_cellar(told, zone=BERLIN).startswith("Outside is wetter until 1")
    assert say_cellar(cellar_outlook(now, outlook_of(None, now=MORNING)), zone=BERLIN, language="de").startswith(
        "Draußen ist es nicht trockener und bleibt so"
    )
    silent = cellar_outlook(replace(now, outside=UNKNOWN_AIR), outlook_of(None, now=MORNING))
    assert (silent.outside, say_cellar(silent, zone=BERLIN)[:8]) == ("unknown", "Whether ")


def test_a_dehumidifier_runs_before_power_gets_dear() -> None:
    outlook = outlook_of(stored(humidity=64.0, temperature=14.0), now=MORNING)
    found = plan_dehumidifier(outlook, minutes_of_day=CLOCK, power_w=300.0)
    assert [(run.start.hour, run.end.hour) for run in found.runs] == [(4, 6)]
    assert found.kwh == pytest.approx(0.6)
    assert found.eur == pytest.approx(0.12)
    damp = plan_dehumidifier(outlook_of(stored(humidity=68.0), now=MORNING), minutes_of_day=CLOCK, power_w=300.0)
    assert [(run.start.hour, run.end.hour) for run in damp.runs] == [(4, 6)]  # By then it has dried the room.
    wet = plan_dehumidifier(outlook_of(stored(humidity=70.0), now=MORNING), minutes_of_day=CLOCK, power_w=300.0)
    assert wet.kwh == pytest.approx(7.2)
    unknown = plan_dehumidifier(outlook_of(None, now=MORNING), minutes_of_day=CLOCK, power_w=300.0)
    assert (unknown.runs, unknown.missing[0]) == ((), "no_forecast")
    assert [should_run(is_on=True, humidity=value, limit=58.0) for value in (56.0, 54.9, math.nan)] == [
        True,
        False,
        False,
    ]
    assert not should_run(is_on=True, humidity=90.0, limit=58.0, is_airing=True)


@given(start=st.integers(0, 1439), length=st.integers(0, 1439), minute=st.integers(0, 1439))
def test_a_dehumidifier_dries_ahead_only_at_the_end_of_the_cheap_hours(start: int, length: int, minute: int) -> None:
    house = replace(DEFAULT_HOUSE, cheap_hours=DayHours(start, (start + length) % 1440))
    passed = (minute - start) % 1440
    assert limit_at(minute, house) == (58.0 if length - 120 <= passed < length else 68.5)


def test_an_airing_is_scored_by_its_contact_and_said_in_words() -> None:
    opening = Opening(MORNING + timedelta(minutes=40), MORNING + timedelta(minutes=55))
    samples = [
        Sample(opening.start - SLOT, 62.0),
        Sample(opening.end + timedelta(minutes=2), 56.0),
        Sample(opening.end + timedelta(minutes=62), 60.4),
        Sample(opening.end + timedelta(minutes=10), math.nan),
    ]
    scored = partial(score_airing, inside=Air(20.0, 62.0), outside=Air(9.0, 85.0))
    score = scored(opening, samples)
    assert score is not None
    assert score.at_once == pytest.approx(-6.0)
    assert score.after_1h == pytest.approx(-1.6)
    assert score.expected_at_once < score.expected_after_1h < 0
    assert say_score(score, zone=UTC) == (
        f"You aired at 07:10: -6.0 %RH at once, -1.6 after an hour; expected {score.expected_after_1h:.1f}."
    )
    again = scored(opening, samples[:1], later_openings=[Opening(opening.end + SLOT, opening.end + 2 * SLOT)])
    assert again is not None
    assert (again.disturbed, math.isnan(again.at_once)) == (True, True)
    assert "nicht gemessen" in say_score(again, zone=UTC, language="de")
    assert scored(Opening(MORNING, MORNING + timedelta(hours=3)), samples) is None


def test_each_opening_follows_one_planned_airing() -> None:
    planned = plan().airings
    near = [Opening(planned[0].at + timedelta(minutes=30), planned[0].at + timedelta(minutes=45))]
    late = [Opening(planned[1].at + timedelta(minutes=61), planned[1].at + timedelta(minutes=80))]
    assert followed(planned, near * 1 + late) == [near[0], None, None, None]
    assert followed(planned, []) == [None] * 4


def test_every_reason_has_its_sentence_in_both_languages() -> None:
    for language in ("en", "de"):
        assert set(DECISION[language]) == set(get_args(Reason))
        assert set(get_args(NotToday)) <= set(PLAN[language])
        assert set(MISSING["en"]) == set(MISSING[language])
        assert {"radon", "pollen"} <= set(LIMITS[language].casefold().replace(",", "").replace(".", "").split())
    texts: Mapping[str, str] = PLAN["en"]
    assert texts.keys() == PLAN["de"].keys()
    told = act(ActState(), Measured(MORNING, 400, Air(20.0, 66.0), Air(4.0, 85.0)))
    assert say_decision(told, zone=UTC).endswith("less water. Close by 07:00.")
    assert "g/kg weniger" in say_decision(told, zone=UTC, language="de")
    assert say_missing(("sparse", "no_weather"), language="de").startswith("sie beruht")


def test_an_outlook_without_a_forecast_has_no_surface() -> None:
    nothing: Outlook = outlook_of(None, now=MORNING, weather=weather())
    assert nothing.surface(f_rsi=0.7, outside_mean_c=3.0) is None
    known = outlook_of(stored(), now=MORNING).surface(f_rsi=0.7, outside_mean_c=3.0)
    assert known is not None
    assert known.shape == (3, 96)
