"""A table that was restored to another time: what follows is derived anew, by drains or by hand, and all is exact."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.houses import Quarantine
from roomidity.domain.observations import Origin, Statistics, without_flags
from roomidity.domain.slots import format_moment
from roomidity.pipeline.drain import DrainConfig, drain
from roomidity.pipeline.quarantine import QuarantinePorts, change_rule, derive_anew
from roomidity.pipeline.rederiving import rederive_house
from roomidity.pipeline.waves import WaveSize
from roomidity.readings import derive
from tests.fakes import InMemory, World
from tests.faults import FAULTS, Fault, Faults, Killed, OutageError
from tests.oracle import sets_of
from tests.schedules import Drain, Effort, Tally, assert_derived, bins_of
from tests.unit.samples import NOW, SENT, SLOT_START, reading, slot_key

CONFIG = DrainConfig(timezone="UTC")
KEY = slot_key("h1", SLOT_START)
SPAN: dict[str, Any] = {"start": SLOT_START - timedelta(days=1), "end": SLOT_START + timedelta(days=1)}

Table = Literal["sets", "observations", "houses"]


def minute(number: int, **more: Any) -> dict[str, Any]:
    return reading(ts=format_moment(SLOT_START + timedelta(minutes=number)), temperature=20 + number / 10, **more)


def take_in(world: World, readings: Iterable[dict[str, Any]], faults: Faults | None = None) -> None:
    """Each reading by a drain of its own: a version each."""
    for one in readings:
        world.readings.send([json.dumps(one)], sent=SENT)
        drain(world.drain_ports(faults), CONFIG, now=NOW, remaining_s=lambda: 300.0)


def ports(world: World) -> QuarantinePorts:
    return QuarantinePorts(world.houses, world.sets, world.observations, world.registry, world.backoff)


def backup(world: World) -> dict[Table, Any]:
    """Each table as it is now."""
    held = world.observations
    observations = (dict(held.stored), dict(held.rules), dict(held.digests))
    return {"sets": dict(world.sets.stored), "observations": observations, "houses": dict(world.houses._houses)}


def restore(world: World, tables: Iterable[Table], past: dict[Table, Any]) -> None:
    if "sets" in tables:
        world.sets.stored = dict(past["sets"])
    if "observations" in tables:
        held = world.observations
        held.stored, held.rules, held.digests = map(dict, past["observations"])
    if "houses" in tables:
        world.houses._houses = dict(past["houses"])


def assert_follows(world: World) -> None:
    """Every observation is what follows from its set under the rules that there are, and bears its origin."""
    rules = {house.name: house.quarantine for house in world.houses.all()}
    expected = derive(world.sets.values(), rules)
    assert {key: without_flags(found) for key, (found, _) in world.observations.stored.items()} == expected
    versions = {key: held.version for key, held in world.sets.stored.items()}
    assert {key: origin.version for key, origin in world.observations.origins(versions).items()} == versions


def rederive(world: World) -> list[int]:
    """How many observations were derived anew."""
    return [done.derived for done in rederive_house(ports(world), house="h1", **SPAN)]


def test_hours_sent_again_after_an_older_set_was_copied_back_count() -> None:
    """As the runbook has it: version 8 was damaged, version 2 is copied back, and the hours are sent again."""
    world = World()
    sent = [minute(number) for number in range(8)]
    take_in(world, sent[:2])
    past = backup(world)
    take_in(world, sent[2:])
    restore(world, ["sets"], past)
    world.readings.send([json.dumps({"readings": [*sent, minute(9)]})], sent=SENT)
    drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 300.0)
    observation, version = world.observations.stored[KEY]
    assert observation["kitchen"]["temperature"].count == 9
    assert version == world.sets.stored[KEY].version > 8
    assert_follows(world)


def test_one_repeated_reading_is_enough_and_a_second_changes_nothing() -> None:
    world = World()
    take_in(world, [minute(0)])
    past = backup(world)
    take_in(world, [minute(number) for number in (1, 2, 3)])
    restore(world, ["sets"], past)
    take_in(world, [minute(0)])
    assert_follows(world)
    assert world.observations.stored[KEY][0]["kitchen"]["temperature"].count == 1
    before = backup(world)
    take_in(world, [minute(0)])
    assert backup(world) == before


@pytest.mark.parametrize("end", ["killed before", "killed after"])
def test_a_set_that_comes_to_the_same_version_with_other_contents_is_known_by_its_digest(end: Fault) -> None:
    """Restored from 3 to 2, then written as 3 by a drain that dies before it derives: the numbers say nothing."""
    world = World()
    take_in(world, [minute(0), minute(1)])
    past = backup(world)
    take_in(world, [minute(2)])
    restore(world, ["sets"], past)
    world.readings.send([json.dumps(minute(7))], sent=SENT)
    calls = ("observations", "put_many") if end == "killed before" else ("sets", "put_many")
    dying = _dying_at(world, calls, end)
    with pytest.raises(Killed):
        drain(world.drain_ports(dying), CONFIG, now=NOW, remaining_s=lambda: 300.0)
    world.readings.time_out()
    assert world.sets.stored[KEY].version == world.observations.stored[KEY][1] == 3
    take_in(world, [])
    drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 300.0)
    assert_follows(world)
    assert world.observations.stored[KEY][0]["kitchen"]["temperature"].count == 3


def _dying_at(world: World, call: tuple[str, str], fault: Fault) -> Faults:
    """Faults at the first such call of a drain, found by a drain of a copy's calls."""

    class AtCall(Faults):
        def call(self, name: str, method: str, do: Callable[..., Any], arguments: Any) -> Any:
            if (name, method) == call and self.at is None:
                self.at, self.fault = len(self.calls), fault
            return super().call(name, method, do, arguments)

    return AtCall()


@pytest.mark.parametrize(
    "tables", [["sets"], ["observations"], ["houses"], ["sets", "houses"], ["observations", "houses"]]
)
@pytest.mark.parametrize("way", ["rederive", "sent again"])
def test_tables_restored_to_different_times_converge(tables: list[Table], way: str) -> None:
    world = World()
    first = Quarantine(SLOT_START, SLOT_START + timedelta(minutes=1, seconds=30))
    second = Quarantine(SLOT_START + timedelta(minutes=3), SLOT_START + timedelta(minutes=4))
    sent = [minute(0), minute(1), minute(2), minute(17)]
    take_in(world, sent)
    past = backup(world)
    for rule in (first, second):
        change_rule(ports(world), house="h1", rule=rule, remove=False)
        list(derive_anew(ports(world), house="h1", rule=rule))
    more = [minute(3), minute(4), minute(18), minute(31)]
    take_in(world, more)
    restore(world, tables, past)
    if way == "rederive":
        done = list(rederive_house(ports(world), house="h1", drop_orphans=True, **SPAN))
        assert sum(one.derived for one in done) > 0
        orphans = {key for key in world.observations.stored if key not in world.sets.stored}
        assert all(world.observations.stored[key][0] == {} for key in orphans)
        assert sum(one.orphans for one in done) == len(orphans)
        for key in orphans:
            del world.observations.stored[key]
    else:
        take_in(world, [*sent, *more])
    assert_follows(world)
    assert rederive(world) == [0], "again changes nothing"
    third = Quarantine(SLOT_START, SLOT_START + timedelta(minutes=20))
    change_rule(ports(world), house="h1", rule=third, remove=False)
    list(derive_anew(ports(world), house="h1", rule=third))
    assert_follows(world)


def test_rederive_mends_what_bears_the_right_origin_and_is_wrong_and_keeps_flags() -> None:
    world = World()
    take_in(world, [minute(0), minute(16)])
    right, version = world.observations.stored[KEY]
    world.observations.stored[KEY] = ({"kitchen": {"temperature": Statistics(1.0, 1.0, 1.0, 1)}}, version)
    other = slot_key("h1", SLOT_START + timedelta(minutes=15))
    of_other, _ = world.observations.stored[other]
    flagged = {
        room: {name: msgspec.structs.replace(one, fault="stuck") for name, one in of.items()}
        for room, of in of_other.items()
    }
    world.observations.stored[other] = (flagged, 1)
    assert rederive(world) == [1]
    assert world.observations.stored[KEY] == (right, version)
    assert world.observations.stored[other] == (flagged, 1), "a flag is no difference"


def test_orphans_are_kept_and_counted_unless_they_are_to_go_and_give_way_to_what_is_sent_again() -> None:
    world = World()
    past = backup(world)
    take_in(world, [minute(0), minute(1)])
    restore(world, ["sets"], past)
    (done,) = rederive_house(ports(world), house="h1", **SPAN)
    assert (done.slots, done.derived, done.orphans) == (0, 0, 1)
    assert world.observations.stored[KEY][0]["kitchen"]["temperature"].count == 2
    take_in(world, [minute(5)])
    assert_follows(world)
    assert world.observations.stored[KEY][0]["kitchen"]["temperature"].count == 1


def test_a_race_is_no_restore() -> None:
    """Who finds an observation ahead, as another drain was there between, raises nothing."""
    world = World()
    take_in(world, [minute(0)])
    world.readings.send([json.dumps(minute(0))], sent=SENT)
    world.sets.meanwhile = lambda: take_in(world, [minute(1), minute(2)])
    drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 300.0)
    assert world.sets.stored[KEY].version == 3
    assert_follows(world)


def test_observations_of_before_digests_are_believed() -> None:
    world = World()
    take_in(world, [minute(0)])
    world.observations.digests.clear()
    before = backup(world)
    take_in(world, [minute(0)])
    after = backup(world)
    assert (after["sets"], after["observations"]) == (before["sets"], before["observations"])
    assert Origin(1).covers(Origin(1, 0, "abc"))
    assert Origin(1, 0, "abc").covers(Origin(1))
    assert not Origin(1, 0, "abc").covers(Origin(1, 0, "abd"))


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 40)),
        st.tuples(st.just("restore"), st.sampled_from(["sets", "observations", "houses", "sets houses"])),
        st.tuples(st.just("back up"), st.just(0)),
        st.tuples(st.just("rule"), st.integers(0, 40)),
        st.tuples(st.just("fault"), st.tuples(st.sampled_from(FAULTS), st.integers(0, 9))),
        st.tuples(st.just("race"), st.integers(0, 40)),
    ),
    min_size=4,
    max_size=12,
)


class Schedule:
    """A world to which restores, faults, rules and races happen; at the end the senders send all again."""

    def __init__(self, tally: Tally, *, seed: int) -> None:
        self.place = InMemory(NOW, seed=seed)
        self.world = self.place.world
        self.tally = tally
        self.sent: list[dict[str, Any]] = []
        self.send(minute(0))
        self.past = backup(self.world)

    def send(self, *readings: dict[str, Any]) -> None:
        self.sent += readings
        self.place.send([json.dumps({"readings": readings})])
        self.drain()

    def drain(self, faults: Faults | None = None) -> None:
        self.tally.drains += 1
        drain(self.world.drain_ports(faults), CONFIG, now=NOW, remaining_s=lambda: faults.left_s if faults else 300.0)

    def happen(self, what: str, how: Any) -> None:
        match what:
            case "send":
                self.send(minute(how))
            case "back up":
                self.past = backup(self.world)
            case "restore":
                self.tally.faults[f"restored: {how}"] += 1
                restore(self.world, how.split(), self.past)
            case "rule":
                rule = Quarantine(SLOT_START, SLOT_START + timedelta(minutes=how, seconds=1))
                change_rule(ports(self.world), house="h1", rule=rule, remove=bool(how % 3))
            case "fault":
                self.tally.faults[how[0]] += 1
                self.sent.append(minute(how[1] + 3))
                self.place.send([json.dumps(self.sent[-1])])
                with suppress(Killed, OutageError):
                    self.drain(Faults(at=how[1], fault=how[0], show=self.world.readings.show))
                self.world.readings.time_out()
            case _:
                self.race(how)

    def race(self, how: int) -> None:
        """Two drains, a few calls in turn."""
        self.sent += [minute(how), minute(how + 1)]
        self.place.send(map(json.dumps, self.sent[-2:]))
        config = replace(CONFIG, wave=WaveSize(messages=1))
        racing = [Drain(self.place, config, seed=number) for number in range(2)]
        self.tally.drains += 2
        turn = how
        while standing := [one for one in racing if one.next_call]:
            turn += 1
            standing[turn % len(standing)].go_on(1 + turn % 3)

    def end(self) -> None:
        self.world.readings.time_out()
        self.drain()
        self.send(*self.sent)
        assert bins_of(self.place.sets()) == sets_of(self.sent)
        assert_follows(self.world)
        if not self.world.houses.get_many(["h1"])["h1"].quarantine:
            assert_derived(self.place)
        before = self.observed()
        rederive(self.world)  # of some it writes anew which rules they follow: the house's number rose meanwhile
        assert self.observed() == before
        assert rederive(self.world) == [0]

    def observed(self) -> dict[Any, Any]:
        return {key: found for key, (found, _) in self.world.observations.stored.items()}


def test_any_schedule_of_restores_faults_and_races_ends_exact(record_property: Callable[[str, Any], None]) -> None:
    tally = Tally()

    @Effort.cases(12)
    @given(_steps, st.integers(0, 99))
    def ends_exact(steps: list[tuple[str, Any]], seed: int) -> None:
        tally.cases += 1
        schedule = Schedule(tally, seed=seed)
        for what, how in steps:
            schedule.happen(what, how)
        schedule.end()

    ends_exact()
    record_property("tally", tally.as_dict())
    assert tally.faults.total() > tally.cases / 2
