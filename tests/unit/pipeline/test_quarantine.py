"""Quarantine: observations follow from sets and rules, however a drain and a change of rules are interleaved."""

from __future__ import annotations

import copyreg
import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import count
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.houses import House, Quarantine
from roomidity.domain.models import ModelRecord
from roomidity.domain.observations import Origin
from roomidity.domain.slots import SLOT, format_moment
from roomidity.errors import ConflictError, InputError, NotFoundError, RuleNotFollowedError
from roomidity.pipeline.backoff import ATTEMPTS
from roomidity.pipeline.drain import DrainConfig, drain
from roomidity.pipeline.history import check_rules_followed
from roomidity.pipeline.quarantine import MAX_RULES, QuarantinePorts, affected_models, change_rule, derive_anew
from roomidity.pipeline.slot_writing import SlotWriter
from roomidity.readings import derive
from tests.fakes import World
from tests.unit.samples import NOW, SENT, SLOT_START, reading, slot_key

CONFIG = DrainConfig(timezone="UTC")
BATH = Quarantine(SLOT_START, SLOT_START + 2 * SLOT, room="bath")
WIDE = Quarantine(SLOT_START, SLOT_START + 4 * SLOT, room="bath")
"""Also of a slot that does not exist yet: going through the rule's slots does not see it."""
KITCHEN = Quarantine(SLOT_START + SLOT, SLOT_START + 4 * SLOT, room="kitchen")
OLD = [
    reading(room=room, ts=format_moment(SLOT_START + number * SLOT))
    for room in ("bath", "kitchen")
    for number in range(3)
]
NEW = [
    reading(room=room, ts=format_moment(SLOT_START + number * SLOT + timedelta(minutes=9)), temperature=30.0)
    for room in ("bath", "kitchen")
    for number in (0, 1, 3)
]


def quarantine_ports(world: World) -> QuarantinePorts:
    return QuarantinePorts(
        houses=world.houses,
        sets=world.sets,
        observations=world.observations,
        registry=world.registry,
        backoff=world.backoff,
    )


def send(world: World, *contents: Any) -> None:
    world.readings.send(map(json.dumps, contents), sent=SENT)


def drain_all(world: World, ports: Any = None) -> None:
    world.readings.time_out()
    summary = drain(ports or world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 300.0)
    assert summary.conserved


def quarantine(world: World, rule: Quarantine, *, undo: bool = False, ports: Any = None) -> tuple[bool, int, int]:
    ports = ports or quarantine_ports(world)
    changed = change_rule(ports, house="h1", rule=rule, remove=undo)
    slots = derived = 0
    for read, written in derive_anew(ports, house="h1", rule=rule):
        slots, derived = slots + read, derived + written
    return changed, slots, derived


def assert_exact(world: World) -> None:
    """Every set has the observation that follows from it and from the rules as they are."""
    house = world.houses.get("h1")
    observed = {key: observation for key, (observation, _) in world.observations.stored.items()}
    assert observed == derive(world.sets.values(), {"h1": house.quarantine if house else ()})
    assert {key: version for key, (_, version) in world.observations.stored.items()} == {
        key: held.version for key, held in world.sets.stored.items()
    }


@pytest.fixture
def world() -> World:
    world = World()
    send(world, *OLD)
    drain_all(world)
    return world


def test_what_is_quarantined_is_not_observed_and_undoing_brings_it_back(world: World) -> None:
    before = dict(world.observations.stored)
    assert quarantine(world, BATH) == (True, 2, 2)
    assert_exact(world)
    assert set(world.observations.stored[slot_key("h1", SLOT_START)][0]) == {"kitchen"}
    assert set(world.observations.stored[slot_key("h1", SLOT_START + 2 * SLOT)][0]) == {"kitchen", "bath"}
    assert quarantine(world, BATH, undo=True) == (True, 2, 2)
    assert world.observations.stored == before


def test_the_same_rule_twice_is_one_rule_and_writes_nothing(world: World) -> None:
    quarantine(world, BATH)
    assert quarantine(world, BATH) == (False, 2, 0)
    house = world.houses.get("h1")
    assert house is not None
    assert (house.quarantine, house.rules_version) == ((BATH,), 1)
    quarantine(world, BATH, undo=True)
    assert quarantine(world, BATH, undo=True) == (False, 2, 0)


def test_a_rule_counts_by_the_time_of_a_reading_not_of_its_slot(world: World) -> None:
    within = SLOT_START + timedelta(minutes=5)
    send(world, reading(room="bath", ts=format_moment(within), temperature=99.0 - 20))
    drain_all(world)
    quarantine(world, Quarantine(within, within + timedelta(minutes=1), room="bath"))
    assert world.observations.stored[slot_key("h1", SLOT_START)][0]["bath"]["temperature"].max == 21.3
    assert_exact(world)


def test_readings_that_come_later_follow_the_rule(world: World) -> None:
    quarantine(world, BATH)
    send(world, *NEW)
    drain_all(world)
    assert_exact(world)
    assert "bath" not in world.observations.stored[slot_key("h1", SLOT_START)][0]


def test_a_house_that_was_never_seen_has_no_rules() -> None:
    with pytest.raises(NotFoundError, match="house 'h1' does not exist"):
        quarantine(World(), BATH)


def test_a_house_has_no_more_rules_than_its_item_can_bear(world: World) -> None:
    house = world.houses.get("h1")
    assert house is not None
    rules = tuple(replace(BATH, end=BATH.end + number * SLOT) for number in range(MAX_RULES))
    world.houses.put(replace(house, quarantine=rules, rules_version=MAX_RULES))
    with pytest.raises(InputError, match="200 quarantine rules; expected fewer than 200; undo some"):
        quarantine(world, KITCHEN)
    assert quarantine(world, BATH)[0] is False
    assert quarantine(world, BATH, undo=True)[0] is True


def test_a_house_that_another_writer_changed_meanwhile_gets_the_rule_beside_it(world: World) -> None:
    def other() -> None:
        send(world, reading(room="hall"))
        drain_all(world)

    world.houses.meanwhile = other
    quarantine(world, BATH)
    house = world.houses.get("h1")
    assert house is not None
    assert "hall" in house.rooms
    assert house.quarantine == (BATH,)
    assert_exact(world)


def test_a_house_that_others_always_get_first_ends_in_a_conflict(world: World) -> None:
    def refuse(house: House) -> None:
        raise ConflictError(house.name, attempts=1)

    world.houses.put = refuse  # type: ignore[method-assign]
    with pytest.raises(ConflictError, match="house 'h1' was changed by another writer 12 times"):
        quarantine(world, BATH)


def test_observations_that_others_always_get_first_end_in_a_conflict(world: World) -> None:
    world.observations.put_many = set  # type: ignore[method-assign, assignment]
    world.observations.stored.clear()
    pauses: list[float] = []
    with pytest.raises(ConflictError, match="the observations of 3 slots"):
        SlotWriter(world.houses, world.sets, world.observations, replace(world.backoff, sleep=pauses.append)).refresh(
            world.sets.stored
        )
    assert len(pauses) == ATTEMPTS


def test_a_command_that_died_is_finished_by_running_it_again(world: World) -> None:
    everything = Quarantine(SLOT_START, SLOT_START + 3 * SLOT)
    change_rule(quarantine_ports(world), house="h1", rule=everything, remove=False)
    next(derive_anew(quarantine_ports(world), house="h1", rule=everything))
    assert quarantine(world, everything) == (False, 3, 1)
    assert_exact(world)


def test_a_command_that_died_is_put_right_by_the_drain_that_touches_the_slot(world: World) -> None:
    change_rule(quarantine_ports(world), house="h1", rule=BATH, remove=False)
    send(world, OLD[0])  # a repeat: the set does not change
    drain_all(world)
    assert "bath" not in world.observations.stored[slot_key("h1", SLOT_START)][0]
    assert quarantine(world, BATH)[2] == 1


@pytest.mark.parametrize("number", range(3))
def test_an_observation_of_a_newer_set_than_was_read_does_not_keep_the_others_from_theirs(
    world: World, number: int
) -> None:
    """As where a drain wrote one slot after the command had read the sets of all."""
    newer = slot_key("h1", SLOT_START + number * SLOT)
    observation, version = world.observations.stored[newer]
    world.observations.stored[newer] = observation, version + 1
    everything = Quarantine(SLOT_START, SLOT_START + 3 * SLOT)
    assert quarantine(world, everything)[:2] == (True, 3)
    assert_exact(world)


def test_observations_of_before_there_were_numbers_are_under_number_0(world: World) -> None:
    assert set(world.observations.rules.values()) == {0}
    quarantine(world, BATH)
    origins = world.observations.origins(world.sets.stored)
    assert [origins[slot_key("h1", SLOT_START + number * SLOT)] for number in range(3)] == [
        Origin(1, 1),
        Origin(1, 1),
        Origin(1),
    ]


# Training

EVERYTHING = SLOT_START, SLOT_START + 10 * SLOT


def followed(world: World) -> bool:
    home = world.houses.get("h1")
    assert home is not None
    try:
        check_rules_followed(world.observations, home, start=EVERYTHING[0], end=EVERYTHING[1])
    except RuleNotFollowedError:
        return False
    return True


def test_until_the_last_observation_follows_a_rule_none_is_trained_on(world: World) -> None:
    wide = Quarantine(SLOT_START, SLOT_START + 3 * SLOT)
    change_rule(quarantine_ports(world), house="h1", rule=wide, remove=False)
    going = derive_anew(quarantine_ports(world), house="h1", rule=wide)
    assert not followed(world)
    next(going)
    home = world.houses.get("h1")
    assert home is not None
    with pytest.raises(RuleNotFollowedError, match=f"has 1 observations from before its quarantine rule {wide.id}"):
        check_rules_followed(world.observations, home, start=EVERYTHING[0], end=EVERYTHING[1])
    check_rules_followed(world.observations, home, start=EVERYTHING[0], end=SLOT_START + 2 * SLOT)
    next(going)
    assert followed(world)


@pytest.mark.parametrize("numbered", [True, False])
def test_a_rule_does_not_make_the_slots_of_others_old(world: World, numbered: bool) -> None:
    """Their observations keep the lower number under which they were derived, which is right."""
    quarantine(world, Quarantine(SLOT_START, SLOT_START + SLOT, room="bath"))
    late = Quarantine(SLOT_START + 2 * SLOT, SLOT_START + 3 * SLOT, room="bath")
    change_rule(quarantine_ports(world), house="h1", rule=late, remove=False)
    if not numbered:  # as they are stored up to now
        home = world.houses.get("h1")
        assert home is not None
        world.houses.put(replace(home, quarantine=tuple(replace(rule, number=0) for rule in home.quarantine)))
    assert not followed(world)
    quarantine(world, late)
    assert followed(world)


def test_a_rule_after_one_that_was_undone_is_waited_for(world: World) -> None:
    quarantine(world, BATH)
    quarantine(world, BATH, undo=True)
    change_rule(quarantine_ports(world), house="h1", rule=BATH, remove=False)
    assert not followed(world)
    quarantine(world, BATH)
    assert followed(world)


def test_a_rule_concerns_the_slots_that_it_begins_and_ends_in_and_no_other(world: World) -> None:
    within = Quarantine(SLOT_START + SLOT / 2, SLOT_START + SLOT + SLOT / 3)
    change_rule(quarantine_ports(world), house="h1", rule=within, remove=False)
    home = world.houses.get("h1")
    assert home is not None
    with pytest.raises(RuleNotFollowedError) as caught:
        check_rules_followed(world.observations, home, start=EVERYTHING[0], end=EVERYTHING[1])
    assert caught.value.slots == 2
    quarantine(world, within)
    assert followed(world)
    quarantine(world, Quarantine(SLOT_START, SLOT_START + SLOT, room="kitchen"))
    assert followed(world)


# Interleavings


class Turns:
    """Actors in threads, one of which moves at a time: before each call of a port it waits for its turn."""

    def __init__(self, *acts: Callable[[Turns, int], object]) -> None:
        self._go = [threading.Semaphore(0) for _ in acts]
        self._stands = threading.Semaphore(0)
        self._alive = [True] * len(acts)
        self.calls = [0] * len(acts)
        self._errors: list[BaseException] = []
        for number, act in enumerate(acts):
            threading.Thread(target=self._run, args=(number, act), daemon=True).start()

    def _run(self, number: int, act: Callable[[Turns, int], object]) -> None:
        self._go[number].acquire()
        try:
            act(self, number)
        except BaseException as error:  # noqa: BLE001  # raised by the test
            self._errors.append(error)
        self._alive[number] = False
        self._stands.release()

    def wait(self, number: int) -> None:
        """Called by an actor before a call."""
        self.calls[number] += 1
        self._stands.release()
        self._go[number].acquire()

    def step(self, number: int) -> bool:
        """Let an actor make its next call; whether it has not ended."""
        if self._alive[number]:
            self._go[number].release()
            self._stands.acquire()
        return self._alive[number]

    def finish(self) -> None:
        """Let all go on to their ends, in their order."""
        for number in range(len(self._go)):
            while self.step(number):
                pass
        for error in self._errors:
            raise error


class _Stepped:
    """A port whose every call waits for its turn; of what is gone through, every part does."""

    def __init__(self, port: Any, turns: Turns, number: int) -> None:
        self._port, self._turns, self._number = port, turns, number

    def __getattr__(self, method: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self._turns.wait(self._number)
            answer = getattr(self._port, method)(*arguments, **named)
            return self._parts(answer) if method == "between" else answer

        return call

    def _parts(self, parts: Iterator[Any]) -> Iterator[Any]:
        for part in parts:
            yield part
            self._turns.wait(self._number)


STEPPED = ("houses", "sets", "observations")


def stepped(ports: Any, turns: Turns, number: int) -> dict[str, Any]:
    return {name: _Stepped(getattr(ports, name), turns, number) for name in STEPPED}


def drains(world: World) -> Callable[[Turns, int], None]:
    def act(turns: Turns, number: int) -> None:
        ports = world.drain_ports()
        drain_all(world, replace(ports, **stepped(ports, turns, number)))

    return act


def quarantines(world: World, rule: Quarantine, *, undo: bool = False) -> Callable[[Turns, int], None]:
    def act(turns: Turns, number: int) -> None:
        ports = quarantine_ports(world)
        quarantine(world, rule, undo=undo, ports=replace(ports, **stepped(ports, turns, number)))

    return act


# What a world has that `deepcopy` does not know of.
copyreg.pickle(MappingProxyType, lambda mapping: (MappingProxyType, (dict(mapping),)))
copyreg.pickle(type(threading.Lock()), lambda _: (threading.Lock, ()))


@cache
def _old_drained_and_new_sent() -> World:
    world = World()
    send(world, *OLD)
    drain_all(world)
    send(world, *NEW)
    return world


def a_world() -> World:
    return deepcopy(_old_drained_and_new_sent())


@pytest.mark.parametrize("first", ["drain", "quarantine"])
def test_one_within_the_other_wherever_it_begins_and_however_far_it_comes(first: str) -> None:
    """The first goes so far, the second so far, the first to its end, the second to its end: all of these."""
    tried = 0
    for begins in count():
        for comes in count():
            world = a_world()
            acts = [drains(world), quarantines(world, WIDE)]
            turns = Turns(*(acts if first == "drain" else acts[::-1]))
            far = [all(turns.step(0) for _ in range(begins)), all(turns.step(1) for _ in range(comes))]
            turns.finish()
            assert_exact(world)
            assert quarantine(world, WIDE) == (False, 4, 0), "nothing was left to do"
            tried += 1
            if not far[1]:
                break
        if not far[0]:
            break
    assert tried > 80


@settings(max_examples=40, deadline=None)
@given(
    order=st.lists(st.integers(0, 3), max_size=60),
    before=st.sets(st.sampled_from(["bath", "kitchen"])),
    split=st.booleans(),
)
def test_any_interleaving_of_drains_and_changes_of_rules_is_exact(
    order: list[int], before: set[str], split: bool
) -> None:
    world = World()
    send(world, *OLD)
    drain_all(world)
    rules = {"bath": WIDE, "kitchen": KITCHEN}
    for name in sorted(before):
        quarantine(world, rules[name])
    world.readings.batch = 3 if split else 10
    send(world, *NEW)
    turns = Turns(
        drains(world),
        drains(world),
        quarantines(world, WIDE, undo="bath" in before),
        quarantines(world, KITCHEN, undo="kitchen" in before),
    )
    for number in order:
        turns.step(number)
    turns.finish()
    drain_all(world)
    assert world.readings.is_empty()
    assert_exact(world)


@settings(max_examples=35, deadline=None)
@given(order=st.lists(st.integers(0, 1), max_size=30), dead=st.integers(0, 1), steps=st.integers(0, 20))
def test_whoever_dies_the_other_and_a_repetition_leave_it_exact(order: list[int], dead: int, steps: int) -> None:
    world = a_world()
    turns = Turns(drains(world), quarantines(world, WIDE))
    taken = 0
    for number in order:
        if number != dead or taken < steps:
            taken += number == dead
            turns.step(number)
    while turns.step(1 - dead):
        pass
    drain_all(world)  # what the dead one received comes again
    quarantine(world, WIDE)
    assert_exact(world)


def spoilt(monkeypatch: pytest.MonkeyPatch, *, reads_rules_early: bool = False) -> int:
    """In how many of some interleavings of a drain and a rule the outcome is not exact."""
    times = 0
    for seed in range(40):
        world = a_world()
        if reads_rules_early:
            houses = {"h1": world.houses.get("h1")}
            monkeypatch.setattr(SlotWriter, "_homes", lambda *_, houses=houses: houses)
        turns = Turns(drains(world), quarantines(world, WIDE))
        rng = random.Random(seed)
        for _ in range(40):
            turns.step(rng.randrange(2))
        turns.finish()
        try:
            assert_exact(world)
        except AssertionError:
            times += 1
    return times


def test_the_harness_bites_where_the_rules_are_read_before_the_sets_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Conditions alone do not save a slot that did not exist when the rule's slots were gone through."""
    assert spoilt(monkeypatch, reads_rules_early=True)


def test_the_harness_bites_where_observations_under_newer_rules_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Origin, "covers", lambda self, other: self.version >= other.version)
    assert spoilt(monkeypatch)


# Models


def manifests(world: World, **spans: tuple[int, int, list[str], list[str]]) -> None:
    """Models by name: first and last day of training, rooms, rules."""
    for name, (begin, through, rooms, rules) in spans.items():
        facts = {
            "version": name,
            "trained_from": format_slot_of_day(begin),
            "trained_through": format_slot_of_day(through),
            "rooms": rooms,
            **({"quarantine": rules} if rules else {}),
        }
        world.registry.stored["h1", name] = ModelRecord(name, facts, state_sha256="", state_through=0)


def format_slot_of_day(day: int) -> str:
    return f"2026-11-{day:02}T00:00Z"


def names(world: World, rule: Quarantine, **more: Any) -> dict[str, tuple[bool, bool]]:
    found = affected_models(world.registry, house="h1", rule=rule, **{"holds": True, "now": NOW, **more})
    return {one.version: (one.by_training, one.champion) for one in found}


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (None, {"b": (True, False), "c": (True, False), "d": (False, True)}),
        ("bath", {"b": (True, False), "d": (False, True)}),
        ("outdoor", {"b": (True, False), "c": (True, False), "d": (False, True)}),
        ("hall", {}),
    ],
)
def test_models_that_learnt_from_the_interval(room: str | None, expected: Mapping[str, Any]) -> None:
    world = World()
    manifests(
        world,
        a=(1, 5, ["bath"], []),  # ended when the interval began
        b=(1, 6, ["bath"], []),
        c=(5, 20, ["kitchen"], []),
        d=(1, 4, ["bath"], []),  # its state went on
        e=(7, 20, ["bath"], []),
    )
    world.registry.promote("h1", "d", at=NOW)
    rule = Quarantine(NOW.replace(day=5, hour=0), NOW.replace(day=7, hour=0), room=room)
    assert names(world, rule) == expected


def test_a_model_that_was_trained_under_the_rule_did_not_learn_from_it_but_without_it() -> None:
    world = World()
    rule = Quarantine(NOW.replace(day=5, hour=0), NOW.replace(day=7, hour=0))
    manifests(world, before=(1, 20, ["bath"], []), after=(1, 20, ["bath"], [rule.id, "other"]))
    assert names(world, rule) == {"before": (True, False)}
    assert names(world, rule, holds=False) == {"after": (True, False)}


def test_manifests_hold_the_intervals_and_those_of_before_the_names_alone(world: World) -> None:
    rule = Quarantine(NOW.replace(day=5, hour=0), NOW.replace(day=7, hour=0))
    assert rule.plain() == {
        "id": rule.id,
        "start": "2026-11-05T00:00:00Z",
        "end": "2026-11-07T00:00:00Z",
        "room": None,
        "sensor": None,
    }
    manifests(world, before=(1, 20, ["bath"], []), after=(1, 20, ["bath"], [rule.plain(), "other"]))  # type: ignore[list-item]
    assert names(world, rule) == {"before": (True, False)}
    assert names(world, rule, holds=False) == {"after": (True, False)}
