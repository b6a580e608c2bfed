"""The window of a forecast is the same whether all of it is read, or only what the state does not remember."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from roomidity.domain.houses import OUTDOOR, House, Quarantine
from roomidity.domain.reread import AFTERTHOUGHT_SLOTS, REREAD_SLOTS, Reread
from roomidity.domain.slots import SLOT, SLOT_MS, format_moment, to_epoch_ms
from roomidity.forecasting import WINDOW_SLOTS, Model, State, Window, advance, forecast, load_prior
from roomidity.forecasting.serving.online import forgetful
from roomidity.forecasting.window import slot_number
from roomidity.pipeline.drain import drain
from roomidity.pipeline.history import read_history, read_window
from roomidity.pipeline.house_settings import removed, renamed
from roomidity.pipeline.quarantine import QuarantinePorts, change_rule, derive_anew
from roomidity.pipeline.rederiving import rederive_house
from roomidity.pipeline.remembered import not_remembered
from roomidity.pipeline.serving import serving_model
from roomidity.pipeline.state_moving import move_state
from tests.fakes import World
from tests.schedules import CONFIG
from tests.unit.samples import NOW

ROOMS = ("bath", "kitchen", OUTDOOR)
MODEL, PRIOR, _ = load_prior()


@dataclass
class Course:
    """A house over time: what arrives, what people do, and the nights that move its state on."""

    world: World = field(default_factory=World)
    now: datetime = NOW
    short: int = 0

    def tick(self, readings: Sequence[dict[str, Any]]) -> None:
        """A drain at the end of the next slot."""
        self.now += SLOT
        self.drain(readings)

    def drain(self, readings: Sequence[dict[str, Any]], *, at: datetime | None = None) -> None:
        """A drain by a clock that says ``at``, of what was sent by that clock."""
        at = at or self.now
        if readings:
            body = json.dumps({"house": "h1", "readings": list(readings)})
            self.world.readings.send([body], sent=at)
        drain(self.world.drain_ports(), CONFIG, now=at, remaining_s=lambda: 300.0)

    def reading(self, *, back: float, room: str, value: float, second: int = 0) -> dict[str, Any]:
        """A reading of the slot ``back`` slots before the newest closed one."""
        at = self.now - SLOT * (1 + back) + timedelta(seconds=second)
        return {"room": room, "ts": format_moment(at), "temperature": value, "humidity": 50.0 + value}

    def night(self) -> bool:
        """Whether the state was moved on."""
        return move_state(self.world.verify_ports(), house="h1", now=self.now).advanced

    @property
    def state(self) -> State:
        """The state that serves."""
        return serving_model(self.world.registry, "h1", aliases=self.home.aliases).state

    def train(self, now: datetime) -> None:
        """A training's state: of all that is stored up to then, which may be less far than that of what serves."""
        rooms = self.home.rooms_to_forecast(now)
        if rooms:
            begins = now - 2 * WINDOW_SLOTS * SLOT
            history = read_history(self.world.observations, self.home, rooms, start=begins, end=now)
            known = replace(forgetful(PRIOR), scored=history.last)
            scale = MODEL.scale * (1 + 1e-3 * len(self.world.registry.stored))  # another model has another name
            self.serve(advance(known, MODEL, history), model=replace(MODEL, scale=scale))

    def serve(self, state: State, *, model: Model = MODEL) -> None:
        """Have a model with a state of the house's own serve, as a training would."""
        version = self.world.registry.publish("h1", model=model, state=state, manifest={}, trained_at=self.now)
        self.world.registry.promote("h1", version, at=self.now)

    @property
    def home(self) -> House:
        home = self.world.houses.get("h1")
        assert home is not None
        return home

    def ports(self) -> QuarantinePorts:
        world = self.world
        return QuarantinePorts(world.houses, world.sets, world.observations, world.registry, world.backoff)

    def windows(self) -> tuple[Window, Window]:
        """The window as it is read, and all of it."""
        home = self.home
        rooms = home.rooms_to_forecast(self.now)
        issued_at = self.now
        state = self.state
        unread = not_remembered(home, rooms, state, issued_at=issued_at)
        self.short += unread > issued_at - WINDOW_SLOTS * SLOT
        part = read_window(self.world.observations, home, rooms, issued_at=issued_at, state=state)
        return part, read_window(self.world.observations, home, rooms, issued_at=issued_at)

    def check(self) -> None:
        if self.world.houses.get("h1") is not None:
            assert_same(*self.windows())


def assert_same(found: Window, whole: Window) -> None:
    """Each number to the last bit."""
    assert (found.rooms, found.end, found.timezone) == (whole.rooms, whole.end, whole.timezone)
    for name in ("values", "outdoor", "plain", "agreed"):
        part, all_of_it = getattr(found, name), getattr(whole, name)
        assert (part is None) == (all_of_it is None), name
        if part is not None:
            np.testing.assert_array_equal(part, all_of_it, err_msg=name)


ON_TIME = st.tuples(st.just("tick"), st.lists(st.sampled_from(ROOMS), max_size=3), st.integers(0, 3))
LATE = st.tuples(st.just("late"), st.sampled_from(ROOMS), st.integers(1, 230))
WILD = st.tuples(st.just("wild"), st.sampled_from(ROOMS), st.integers(0, 120))
SKIP = st.tuples(st.just("skip"), st.integers(1, 90))
NIGHT = st.tuples(st.just("night"))
AHEAD = st.tuples(st.just("night ahead"), st.integers(1, 30))
PUT_BACK = st.tuples(st.just("clock put back"), st.sampled_from(ROOMS), st.integers(1, 150))
TRAINED = st.tuples(st.just("trained"), st.integers(0, 60))
RULE = st.tuples(
    st.just("rule"), st.integers(0, 200), st.integers(1, 60), st.sampled_from([*ROOMS, None]), st.booleans()
)
REPAIR = st.tuples(st.just("repair"), st.integers(0, 200))
ROOM = st.tuples(st.sampled_from(["remove", "rename"]), st.sampled_from(ROOMS[:2]))
UNDO = st.tuples(st.just("undo"))
STEPS = st.lists(
    st.one_of(
        ON_TIME, ON_TIME, SKIP, SKIP, NIGHT, NIGHT, AHEAD, PUT_BACK, TRAINED, LATE, WILD, RULE, REPAIR, ROOM, UNDO
    ),
    max_size=12,
)


def take(course: Course, step: tuple[Any, ...], number: int) -> None:
    """What a step does. ``number`` makes its values differ."""
    value = 20 + number * 0.137
    match step:
        case "tick", rooms, back:
            course.tick([])
            course.drain([course.reading(back=back, room=room, value=value) for room in rooms])
        case "late", room, back:
            course.drain([course.reading(back=back, room=room, value=value, second=200)])
        case "wild", room, back:
            course.drain(
                [
                    course.reading(back=back, room=room, value=value + (25 if second == 300 else 0), second=second)
                    for second in (100, 200, 300, 400)
                ]
            )
        case "skip", slots:
            course.now += slots * SLOT
        case ("night",):
            course.night()
        case "night ahead", slots:
            move_state(course.world.verify_ports(), house="h1", now=course.now + slots * SLOT)
        case "clock put back", room, back:
            late = course.reading(back=back, room=room, value=value, second=150)
            course.drain([late], at=course.now - back * SLOT)
        case "trained", behind:
            course.train(course.now - behind * SLOT)
        case _:
            change(course, step)


def change(course: Course, step: tuple[Any, ...]) -> None:
    """What people do to what is stored."""
    match step:
        case "rule", back, slots, room, half:
            rule = Quarantine(course.now - (back + slots) * SLOT, course.now - back * SLOT, room)
            change_rule(course.ports(), house="h1", rule=rule, remove=False)
            derived = derive_anew(course.ports(), house="h1", rule=rule)
            next(derived, None) if half else list(derived)
        case ("undo",):
            for rule in course.home.quarantine[-1:]:
                change_rule(course.ports(), house="h1", rule=rule, remove=True)
                list(derive_anew(course.ports(), house="h1", rule=rule))
        case "repair", back:
            damaged = [key for key in course.world.observations.stored if key.start >= course.now - (back + 20) * SLOT]
            course.world.observations.delete(damaged[:3])
            begins = course.now - (back + 20) * SLOT
            list(rederive_house(course.ports(), house="h1", start=begins, end=course.now))
        case "remove", room if room in course.home.rooms:
            course.world.houses.put(removed(course.home, room))
        case "rename", room if room in course.home.rooms and f"{room}2" not in course.home.rooms:
            course.world.houses.put(renamed(course.home, room, f"{room}2"))


@cache
def _seen() -> Course:
    """Two days and a night, which read all of them: nothing is left that would have to be read again."""
    course = Course()
    course.drain(
        [
            course.reading(back=back, room=room, value=20 + back * 0.0137 + place)
            for back in range(WINDOW_SLOTS + 30)
            for place, room in enumerate(ROOMS)
        ]
    )
    course.serve(forgetful(PRIOR))
    assert course.night()
    course.world.houses.mark([replace(course.home, reread=Reread(0, 0))])
    return course


def settled() -> Course:
    """A house of two days that its state remembers, apart from those of other tests."""
    seen = _seen()
    course = Course(now=seen.now)
    course.world.sets.stored = dict(seen.world.sets.stored)
    course.world.observations.stored = dict(seen.world.observations.stored)
    course.world.houses.put(replace(seen.home, version=0))
    course.serve(seen.state)
    return course


def test_only_what_the_state_does_not_remember_is_read() -> None:
    course = settled()
    course.night()
    course.check()
    assert course.short == 1
    since = not_remembered(course.home, ROOMS[:2], course.state, issued_at=course.now)
    assert since == course.now - REREAD_SLOTS * SLOT


def test_the_forecast_is_the_same_to_the_last_bit() -> None:
    course = settled()
    course.night()
    for _ in range(5):
        course.tick([course.reading(back=-1, room=room, value=22.5) for room in ROOMS])
    part, whole = course.windows()
    assert course.short == 1
    found, expected = (forecast(window, MODEL, course.state) for window in (part, whole))
    np.testing.assert_array_equal(found.quantiles, expected.quantiles)
    assert (found.grades, found.notes, found.data_through) == (expected.grades, expected.notes, expected.data_through)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
@example([("late", "bath", 40)])
@example([("late", "bath", 5), ("skip", 20), ("night",)])
@example([("wild", "bath", 1), ("skip", 20), ("night",)])
@example([("tick", ["bath"], 0), ("remove", "bath"), ("skip", 20), ("night",), ("tick", ["bath"], 0)])
@example([("skip", 20), ("night",), ("rule", 40, 20, "bath", True), ("repair", 50), ("undo",)])
@example([("skip", 30), ("night",), ("late", "bath", 20), ("trained", 5), ("late", "kitchen", 40)])
@example([("night ahead", 24), ("skip", 20), ("tick", ["bath"], 0), ("skip", 20), ("tick", ["bath"], 0)])
@example([("skip", 40), ("tick", ["bath"], 0), ("night",), ("clock put back", "kitchen", 30), ("tick", ["bath"], 0)])
@example([("rename", "bath"), ("skip", 20), ("night",), ("remove", "kitchen"), ("tick", ["bath", "kitchen"], 1)])
def test_whatever_comes_late_is_left_out_or_is_repaired_the_window_is_the_same(steps: list[tuple[Any, ...]]) -> None:
    course = settled()
    for number, step in enumerate(steps):
        take(course, step, number)
        course.check()


def test_a_mark_is_in_the_house_before_its_observation_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    course = settled()
    course.night()
    back = 60
    slot = slot_number(course.now) - 1 - back
    seen: list[Reread | None] = []
    put_many = course.world.observations.put_many

    def watch(observed: Any) -> Any:
        seen.append(course.home.reread)
        return put_many(observed)

    monkeypatch.setattr(course.world.observations, "put_many", watch)
    course.drain([course.reading(back=back, room="bath", value=31.0, second=100)])
    assert len(seen) == 1
    assert seen[0] is not None
    assert seen[0].covers([slot])
    course.check()


def test_where_another_writer_was_faster_nothing_is_written_before_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    course = settled()
    course.night()
    houses, marked = course.world.houses, course.world.houses.mark
    calls: list[int] = []

    def overtaken(homes: Any) -> set[str]:
        calls.append(1)
        if len(calls) == 1:
            houses.put(replace(course.home, timezone="Europe/Brussels"))
        return marked(homes)

    monkeypatch.setattr(houses, "mark", overtaken)
    course.drain([course.reading(back=70, room="bath", value=31.0, second=100)])
    assert len(calls) == 2
    assert course.world.readings.is_empty()
    assert course.home.timezone == "Europe/Brussels"
    course.check()


@pytest.mark.parametrize("odd", ["unknown", "flaw", "earlier", "room", "renamed", "no state"])
def test_in_doubt_all_is_read(odd: str) -> None:
    course = settled()
    course.night()
    home, state, at = course.home, course.state, course.now
    rooms: tuple[str, ...] = ROOMS[:2]
    match odd:
        case "unknown":
            home = replace(home, reread=None)
        case "flaw":
            home = replace(home, flaw="its rooms cannot be read")
        case "earlier":
            at -= SLOT
        case "room":
            rooms = (*rooms, "cellar")
        case "renamed":
            home = replace(home, settings={"aliases": {"bathroom": "bath"}})
        case "no state":
            state = forgetful(state)
    assert not_remembered(home, rooms, state, issued_at=at) == at - WINDOW_SLOTS * SLOT


def test_a_house_of_which_no_marks_are_known_begins_anew_with_the_first_readings() -> None:
    course = settled()
    course.world.houses.put(replace(course.home, reread=None))
    course.tick([course.reading(back=-1, room="bath", value=20.0)])
    assert course.home.reread == Reread.until(to_epoch_ms(course.now) // SLOT_MS)


def test_a_sensor_that_is_always_late_is_marked_once_in_three_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    course = settled()
    calls: list[int] = []
    marked = course.world.houses.mark

    def count(homes: Any) -> set[str]:
        calls.append(1)
        return marked(homes)

    monkeypatch.setattr(course.world.houses, "mark", count)
    for _ in range(26):
        course.tick([])
        course.drain([course.reading(back=AFTERTHOUGHT_SLOTS + 2, room="bath", value=20.0, second=50)])
    assert 2 <= len(calls) <= 3


def test_a_state_that_ran_ahead_has_seen_what_it_knows_readings_of() -> None:
    course = settled()
    newest = course.state.through
    move_state(course.world.verify_ports(), house="h1", now=course.now + 30 * SLOT)
    assert (course.state.through, course.state.seen) == (newest + 30, newest)
    for _ in range(40):
        course.tick([course.reading(back=-1, room=room, value=22.0) for room in ROOMS])
    course.check()
    assert course.short == 1
    assert course.night()
    assert course.state.seen == course.state.through == newest + 40


def test_a_state_that_knows_no_reading_has_seen_no_slot() -> None:
    assert forgetful(PRIOR).seen == -PRIOR.recent.shape[-1]


def test_a_drain_behind_the_time_marks_by_what_the_house_measured() -> None:
    course = settled()
    course.drain([course.reading(back=30, room="bath", value=20.0, second=40)], at=course.now - 30 * SLOT)
    assert course.home.reread is not None
    assert course.home.reread.covers([slot_number(course.now) - 31])


def test_a_forecast_of_a_time_before_all_that_is_marked_reads_all_since_older_marks_are_gone() -> None:
    course = settled()
    home = replace(course.home, reread=Reread(slot_number(course.now) + 1, slot_number(course.now) + 9))
    since = not_remembered(home, ROOMS[:2], course.state, issued_at=course.now)
    assert since == course.now - WINDOW_SLOTS * SLOT


def test_a_drain_behind_the_time_marks_by_when_its_messages_were_sent() -> None:
    course = settled()
    late = course.now + 10 * SLOT
    body = json.dumps({"house": "h1", **course.reading(back=2, room="bath", value=20.0, second=40)})
    course.world.readings.send([body], sent=late)
    drain(course.world.drain_ports(), CONFIG, now=course.now, remaining_s=lambda: 300.0)
    assert course.home.reread is not None
    assert course.home.reread.covers([slot_number(course.now) - 3])


def test_what_a_repair_goes_through_is_read_again() -> None:
    course = settled()
    begins = course.now - 40 * SLOT
    list(rederive_house(course.ports(), house="h1", start=begins, end=course.now))
    assert course.home.reread is not None
    assert course.home.reread.covers([slot_number(begins), slot_number(course.now)])


def test_marks_reach_as_far_as_a_forecast_looks() -> None:
    assert Reread.until(1000) == Reread(1000 - WINDOW_SLOTS, 1000)
    assert AFTERTHOUGHT_SLOTS < REREAD_SLOTS
