"""Advice of a room whose window has a contact: what was done counts, is scored and learnt from; nothing is guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.advice.acting import ActState
from roomidity.domain.advice.aired import MOST_SCORES, learnt_share, score_new, seen_state, with_learnt
from roomidity.domain.advice.effects import AiringEffect
from roomidity.domain.advice.house import HouseSeen, advise
from roomidity.domain.advice.issue import AdviceIssue, is_due
from roomidity.domain.advice.planning import DayPlan, PlannedAiring
from roomidity.domain.advice.scoring import AiringScore
from roomidity.domain.contacts import Opening, RoomContact, course_of, room_contacts
from roomidity.domain.observations import Observation, Statistics
from roomidity.domain.slots import SLOT
from roomidity.pipeline.advice_words import plain_room
from tests.unit.advice.test_house import HOME, NOON, seen
from tests.unit.samples import fast

REST: Final = timedelta(minutes=30)
OPENED: Final = NOON - 8 * SLOT + timedelta(minutes=10)
CLOSED: Final = OPENED + timedelta(minutes=15)

reports = st.lists(st.tuples(st.sampled_from([0, 1, 450, 899]), st.booleans()), min_size=1, max_size=4)

Slots = list[tuple[datetime, Observation]]


def stat(value: float, *, least: float | None = None, changes: Mapping[str, str] | None = None) -> Statistics:
    return Statistics(value, value if least is None else least, value, 3, changes=changes)


def morning(*, drop: float = 5.0, left: float = 1.6, course: Mapping[int, str] | None = None) -> Slots:
    """Twelve slots up to noon: 66 %RH, a window opened for 15 minutes from ten past ten, and what it brought."""
    found: Slots = []
    told = {4: "+600", 5: "-600"} if course is None else course
    for number in range(12):
        start = NOON - (12 - number) * SLOT
        humidity = 66.0 if number < 5 else 66.0 - left
        least = humidity - drop + left if number == 5 else None
        room = {"humidity": stat(humidity, least=least), "temperature": stat(20.0)}
        if number in told:
            room["contact"] = stat(0.5, changes={"front": told[number]})
        found.append((start, {"bath": room, "outdoor": {"humidity": stat(85.0), "temperature": stat(4.0)}}))
    return found


def told(slots: Slots, *, at: datetime = NOON) -> RoomContact:
    return room_contacts(slots, until=at)["bath"]


def scored(at_once: float, kernel: float = -6.0, *, disturbed: bool = False) -> AiringScore:
    return AiringScore(Opening(OPENED, CLOSED), at_once, -1.0, kernel, -1.5, disturbed, kernel)


def issue_of(slots: Slots, *, at: datetime = NOON, before: AdviceIssue | None = None, **more: float) -> AdviceIssue:
    return advise(HOME, replace(seen(at, **more), recent=slots), at=at, before=before)  # type: ignore[arg-type]


def test_an_airing_is_scored_an_hour_after_it_and_only_once() -> None:
    slots = morning()
    assert score_new("bath", told(slots), slots, (), None, at=CLOSED + timedelta(minutes=74)) == ()
    (score,) = score_new("bath", told(slots), slots, (), None, at=NOON)
    assert (score.opening.start, score.opening.end) == (OPENED, CLOSED)
    assert score.at_once == pytest.approx(-5.0), "by the lowest value around closing, not by the slot's mean"
    assert score.after_1h == pytest.approx(-1.6)
    assert score.kernel_at_once == score.expected_at_once < score.expected_after_1h < 0
    assert (score.planned_at, score.disturbed) == (None, False)
    assert score_new("bath", told(slots), slots, (score,), None, at=NOON + SLOT) == (score,)


def test_one_that_was_planned_is_compared_with_what_people_were_told() -> None:
    effect = AiringEffect(15.0, -4.0, -0.7, math.nan, math.nan, math.nan, 0.2)
    plan = DayPlan((PlannedAiring(OPENED - timedelta(minutes=20), effect),), None, 3.0)
    slots = morning()
    (score,) = score_new("bath", told(slots), slots, (), plan, at=NOON)
    assert (score.expected_at_once, score.expected_after_1h) == (-4.0, -0.7)
    assert score.planned_at == OPENED - timedelta(minutes=20)
    assert score.kernel_at_once < -4.0, "from which is learnt"


@pytest.mark.parametrize(
    "course",
    [{}, {4: "+600", 5: "-30"}, {2: "+0", 9: "-0"}, {4: "-600", 5: "-600"}],
    ids=["no contact", "ten minutes", "hours", "closed all the time"],
)
def test_what_is_no_airing_is_not_scored(course: dict[int, str]) -> None:
    slots = morning(course=course)
    contact = room_contacts(slots, until=NOON).get("bath", RoomContact())
    found = score_new("bath", contact, slots, (), None, at=NOON)
    assert len(found) == (course.get(5) == "-30")


def test_without_values_around_it_there_is_no_score_and_without_those_outside_no_expectation() -> None:
    slots = morning()
    dry = [
        (slot, {"bath": {"contact": of["bath"]["contact"]} if "contact" in of["bath"] else {}}) for slot, of in slots
    ]
    assert score_new("bath", told(slots), dry, (), None, at=NOON) == ()
    inside = [(slot, {"bath": of["bath"]}) for slot, of in slots]
    (score,) = score_new("bath", told(slots), inside, (), None, at=NOON)
    assert score.at_once == pytest.approx(-5.0)
    assert math.isnan(score.expected_at_once)
    assert learnt_share([score]) == 1.0


@fast
@given(st.lists(st.tuples(st.floats(-20, 5), st.floats(-20, 0), st.booleans()), max_size=MOST_SCORES))
def test_what_is_learnt_stays_within_bounds_and_needs_evidence(airings: list[tuple[float, float, bool]]) -> None:
    scores = [scored(at_once, kernel, disturbed=disturbed) for at_once, kernel, disturbed in airings]
    share = learnt_share(scores)
    assert 3 / 11 <= share <= 19 / 11
    if all(disturbed or kernel > -1 for _, kernel, disturbed in airings):
        assert share == 1.0


def test_a_window_that_lets_out_half_teaches_that_and_the_plan_says_so() -> None:
    assert learnt_share([scored(-3.0)]) == 3.5 / 4
    share = learnt_share([scored(-3.0)] * MOST_SCORES)
    assert share == pytest.approx(7 / 11)
    effect = AiringEffect(15.0, -11.0, -2.2, math.nan, math.nan, -1.0, 0.2)
    plan = with_learnt(DayPlan((PlannedAiring(NOON, effect),), None, 3.0), share)
    assert (plan.airings[0].effect.at_once, plan.airings[0].effect.after_1h) == pytest.approx((-7.0, -1.4))
    assert plan.airings[0].effect.heat_kwh == 0.2


@pytest.mark.parametrize(
    ("own", "contact", "expected"),
    [
        (ActState(), None, ActState()),
        (ActState(), RoomContact(), ActState()),
        (ActState(), RoomContact(is_open=True, since=OPENED), ActState(is_open=True, since=OPENED)),
        (ActState(True, NOON - SLOT), RoomContact(is_open=True, since=OPENED), ActState(True, OPENED)),
        (ActState(True, OPENED), RoomContact(is_open=True, since=NOON - SLOT), ActState(True, OPENED)),
        (ActState(False, NOON - SLOT), RoomContact(is_open=True, since=NOON), ActState(False, NOON - SLOT)),
        (ActState(True, OPENED), RoomContact(is_open=False, since=CLOSED), ActState(False, NOON)),
        (ActState(True, NOON - SLOT), RoomContact(is_open=False, since=CLOSED), ActState(True, NOON - SLOT)),
        (ActState(True, OPENED), RoomContact(is_open=False), ActState(True, OPENED)),
    ],
    ids=str,
)
def test_what_was_done_shortens_a_run_and_never_lengthens_one(
    own: ActState, contact: RoomContact | None, expected: ActState
) -> None:
    assert seen_state(own, contact, at=NOON, rest=REST) == expected


def test_a_window_left_open_is_to_be_closed_when_it_was_open_long_enough() -> None:
    slots = morning(course={11: "-0 +60"})
    issue = issue_of(slots, humidity=75.0)
    bath = issue.rooms["bath"]
    assert (bath.is_window_open, bath.window_since) == (True, NOON - SLOT + timedelta(minutes=1))
    assert (bath.decision.action, bath.decision.until) == ("open", NOON + timedelta(minutes=16)), "15 are over"
    assert plain_room(HOME, "bath", bath, now=NOON)["text"].endswith("Its window is open since 12:46.")
    later = NOON + 2 * SLOT
    closing = issue_of(slots, at=later, before=issue, humidity=75.0).rooms["bath"]
    assert (closing.decision.action, closing.decision.reason) == ("close", "resting")
    said = plain_room(HOME, "bath", closing, now=later)
    assert said["text"].endswith("Its window is open since 12:46: close it.")
    assert said["window"] == {"open": True, "since": "2026-01-12T11:46:00Z"}
    again = issue_of(
        slots, at=later + SLOT, before=issue_of(slots, at=later, before=issue, humidity=75.0), humidity=75.0
    )
    assert again.rooms["bath"].decision.action == "close", "as long as it is open"


def test_who_did_not_open_is_not_told_that_it_was_open_for_long() -> None:
    slots = morning(course={11: "-0"})
    issue = issue_of(slots, humidity=75.0)
    assert issue.rooms["bath"].decision.action == "open"
    for number in (1, 2):
        issue = issue_of(slots, at=NOON + number * SLOT, before=issue, humidity=75.0)
    assert issue.rooms["bath"].decision.reason == "ran_longest"
    text = plain_room(HOME, "bath", issue.rooms["bath"], now=NOON + 2 * SLOT)["text"]
    assert text.startswith("Keep closed for now: the window stayed closed")


def test_a_score_is_written_kept_and_said() -> None:
    issue = issue_of(morning())
    (score,) = issue.rooms["bath"].aired
    (said,) = plain_room(HOME, "bath", issue.rooms["bath"], now=NOON)["aired"]
    assert said["text"].startswith("You aired at 11:10: -5.0 %RH at once, -1.6 after an hour; expected -")
    assert (said["start"], said["at_once"], said["after_1h"]) == ("2026-01-12T10:10:00Z", -5.0, -1.6)
    unscored = replace(issue, rooms={"bath": replace(issue.rooms["bath"], aired=())})
    assert is_due(unscored, issue)
    later = NOON + timedelta(hours=25)
    kept = advise(HOME, seen(later), at=later, before=issue)
    assert kept.rooms["bath"].aired == (score,), "for what is learnt from it"
    assert plain_room(HOME, "bath", kept.rooms["bath"], now=later)["aired"] == []


def test_a_house_without_contacts_is_advised_as_before() -> None:
    plain = seen(NOON)
    assert isinstance(plain, HouseSeen)
    without = advise(HOME, plain, at=NOON).rooms["bath"]
    assert (without.is_window_open, without.window_since, without.aired) == (None, None, ())
    silent = [
        (slot, {name: {k: v for k, v in of.items() if k != "contact"} for name, of in found.items()})
        for slot, found in morning()
    ]
    assert repr(advise(HOME, replace(plain, recent=silent), at=NOON).rooms["bath"]) == repr(without)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.integers(-6, 11), reports, max_size=6))
def test_whatever_contacts_report_no_run_is_longer_than_the_longest_and_the_rest_is_kept(
    reported: dict[int, list[tuple[int, bool]]],
) -> None:
    slots: Slots = [
        (NOON + number * SLOT, {"bath": {"contact": stat(0.5, changes={"front": course_of(sorted(reports))})}})
        for number, reports in reported.items()
    ]
    issue: AdviceIssue | None = None
    states = []
    for number in range(12):
        at = NOON + number * SLOT
        past = [one for one in slots if one[0] < at]
        issue = issue_of(past, at=at, before=issue, humidity=75.0)
        decision = issue.rooms["bath"].decision
        states.append(decision.action == "open")
        assert decision.until is None or decision.action != "open" or at <= decision.until <= at + REST
    told = "".join("o" if is_open else "c" for is_open in states)
    assert "ooo" not in told, "three ticks span more than the longest run"
    assert "oco" not in told, "the rest takes two ticks"
