"""What a fan may rely on: never too cold, never too long, never back and forth, whatever is measured."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.advice.acting import ActState, Measured, act
from roomidity.domain.advice.air import UNKNOWN_AIR, Air
from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM, DayHours, HouseAdvice, RoomAdvice

NOON: Final = datetime(2026, 1, 12, 12, tzinfo=UTC)
WET, DRY, MILD = Air(20.0, 66.0), Air(20.0, 45.0), Air(4.0, 85.0)
CLOSED: Final = ActState()

numbers = st.one_of(st.floats(-20, 45), st.just(math.nan))
airs = st.builds(Air, numbers, st.one_of(st.floats(0, 100), st.just(math.nan)))
rooms = st.builds(
    RoomAdvice,
    kind=st.sampled_from(["room", "cellar"]),
    min_temperature_c=st.floats(5, 25),
    open_above=st.floats(70, 90),
    close_below=st.floats(50, 68),
)
houses = st.builds(HouseAdvice, longest_run_min=st.floats(5, 120), rest_min=st.floats(10, 480))


def now(inside: Air = WET, outside: Air = MILD, *, at: datetime = NOON, mean_c: float = math.nan) -> Measured:
    return Measured(at, 60 * at.hour + at.minute, inside, outside, mean_c)


def test_a_humid_surface_opens_and_a_dry_one_does_not() -> None:
    opened, left = act(CLOSED, now()), act(CLOSED, now(DRY))
    assert (opened.action, opened.reason, opened.until) == ("open", "humid_surface", NOON + timedelta(minutes=30))
    assert opened.state == ActState(is_open=True, since=NOON)
    assert (left.action, left.reason, left.until, left.state) == ("close", "not_needed", None, CLOSED)
    assert opened.surface > 78 > left.surface
    assert opened.gap_g_kg == pytest.approx(5.3, abs=0.2)


def test_a_humid_room_stays_closed_while_outside_is_as_wet() -> None:
    told = act(CLOSED, now(outside=Air(19.0, 68.0), mean_c=4.0))
    assert (told.action, told.reason) == ("no_effect", "outside_not_drier")
    assert not told.state.is_open


def test_open_stays_open_between_the_thresholds_and_closed_stays_closed() -> None:
    between = Air(20.0, 52.0)
    assert DEFAULT_ROOM.close_below < now(between).surface(DEFAULT_ROOM.f_rsi) < DEFAULT_ROOM.open_above
    assert act(ActState(is_open=True, since=NOON - timedelta(minutes=5)), now(between)).action == "open"
    assert act(CLOSED, now(between)).action == "close"


def test_it_closes_when_dry_after_the_longest_run_and_rests() -> None:
    opened = ActState(is_open=True, since=NOON - timedelta(minutes=30))
    assert act(replace(opened, since=NOON), now(DRY)).reason == "dry_enough"
    ended = act(opened, now())
    assert (ended.action, ended.reason, ended.state) == ("close", "ran_longest", ActState(is_open=False, since=NOON))
    resting = act(ended.state, now(at=NOON + timedelta(minutes=15)))
    assert (resting.reason, resting.until) == ("resting", NOON + timedelta(minutes=30))
    assert act(ended.state, now(at=NOON + timedelta(minutes=30))).action == "open"


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        (now(UNKNOWN_AIR), "inside_unknown"),
        (now(Air(20.0, math.nan)), "inside_unknown"),
        (now(outside=UNKNOWN_AIR), "outside_unknown"),
        (now(outside=replace(MILD, at=NOON - timedelta(hours=2))), "outside_unknown"),
        (now(outside=replace(MILD, at=NOON + timedelta(hours=2))), "outside_unknown"),
        (now(Air(15.9, 90.0)), "room_cold"),
        (now(Air(16.1, 90.0), Air(-9.0, 80.0)), "room_cold"),
        (now(outside=Air(-10.5, 80.0)), "outside_cold"),
        (now(Air(26.0, 90.0), Air(29.0, 20.0)), "outside_hot"),
        (now(at=NOON.replace(hour=23)), "quiet"),
    ],
)
def test_what_forbids_to_open(measured: Measured, reason: str) -> None:
    told = act(CLOSED, measured)
    assert (told.action, told.reason, told.until) == ("close", reason, None)
    if reason != "room_cold" or measured.inside.temperature < 16:
        assert act(ActState(is_open=True, since=measured.at), measured).reason == reason


def test_a_room_that_would_soon_be_cold_is_opened_for_less() -> None:
    told = act(CLOSED, now(Air(17.0, 75.0), Air(0.0, 80.0)))
    assert told.action == "open"
    assert told.until is not None
    assert timedelta(minutes=5) <= told.until - NOON < timedelta(minutes=30)


def test_a_cellar_goes_by_its_water_alone_and_also_at_night() -> None:
    cellar = RoomAdvice(kind="cellar", min_temperature_c=8.0)
    night = NOON.replace(hour=2)
    inside = Air(14.0, 70.0)
    assert act(CLOSED, now(inside, Air(8.0, 80.0), at=night), room=cellar).reason == "wet_cellar"
    assert act(CLOSED, now(inside, Air(20.0, 60.0)), room=cellar).action == "no_effect"
    barely = now(inside, Air(11.0, 80.0))
    assert act(CLOSED, barely, room=cellar).action == "no_effect"
    assert act(ActState(is_open=True, since=NOON), barely, room=cellar).action == "open"


def test_a_clock_set_back_neither_holds_open_nor_rests_for_ever() -> None:
    ahead = NOON + timedelta(days=1)
    opened = act(ActState(is_open=True, since=ahead), now())
    assert opened.state.since == NOON
    closed = act(ActState(is_open=False, since=ahead), now())
    assert closed.until == NOON + timedelta(minutes=30)


steps = st.lists(st.tuples(st.integers(1, 90), airs, airs), min_size=1, max_size=40)


@given(steps=steps, room=rooms, house=houses)
@settings(max_examples=60, deadline=None)
def test_never_too_cold_never_too_long_and_never_back_and_forth(
    steps: list[tuple[int, Air, Air]], room: RoomAdvice, house: HouseAdvice
) -> None:
    at, state = NOON, CLOSED
    opened_at = closed_at = None
    for minutes, inside, outside in steps:
        at += timedelta(minutes=minutes)
        told = act(state, now(inside, outside, at=at), room=room, house=house)
        if told.action == "open":
            assert inside.temperature >= room.min_temperature_c
            assert house.min_outdoor_c <= outside.temperature <= house.max_outdoor_c
            assert told.gap_g_kg > 0
            if not state.is_open:
                assert closed_at is None or at - closed_at >= timedelta(minutes=house.rest_min)
                opened_at = at
            assert opened_at is not None
            assert told.until is not None
            assert at - opened_at < timedelta(minutes=house.longest_run_min)
            assert told.until <= opened_at + timedelta(minutes=house.longest_run_min)
        elif state.is_open:
            closed_at = at
        assert told.state.is_open == (told.action == "open")
        state = told.state


@given(humidity=st.lists(st.floats(54.0, 58.0), min_size=30, max_size=30))
@settings(max_examples=20, deadline=None)
def test_noise_around_a_threshold_does_not_flap(humidity: list[float]) -> None:
    """Every 5 minutes for 2.5 hours, on the edge: no two changes to open lie closer than a rest."""
    house = HouseAdvice(quiet_hours=DayHours(0, 0))
    state, openings = CLOSED, []
    for step, value in enumerate(humidity):
        told = act(state, now(Air(20.0, value), at=NOON + timedelta(minutes=5 * step)), house=house)
        if told.state.is_open and not state.is_open:
            openings.append(step)
        state = told.state
    assert all(later - earlier > 6 for earlier, later in pairwise(openings))
    assert DEFAULT_HOUSE.rest_min == 30
