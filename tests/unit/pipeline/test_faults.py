"""Nothing lost, nothing counted twice: drains that die anywhere, messages that come again, drains side by side."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.messages import ForecastJob
from roomidity.domain.slots import format_moment
from roomidity.pipeline.drain import DrainConfig, DrainSummary, drain
from roomidity.pipeline.waves import WaveSize
from roomidity.readings import derive
from tests.fakes import World
from tests.faults import FAULTS, Fault, Faults, Killed, OutageError, faults_of
from tests.schedules import Tally
from tests.unit.samples import NOW, SENT, SLOT_START, expected_values, reading, values_by_bin

CONFIG = DrainConfig(timezone="UTC")

GOOD = [
    reading(house=house, room=room, ts=format_moment(SLOT_START.replace(minute=minute)), temperature=minute / 10)
    for house in ("h1", "h2")
    for room in ("kitchen", "bath")
    for minute in (1, 14, 16, 31, 46)
]
BAD: list[Any] = [reading(humidity=150), "not JSON", {"readings": [reading(), reading(ts="noon")]}]
SENT_READINGS = [*GOOD, reading()]


def send(world: World, contents: Iterable[Any] = (*GOOD, *BAD)) -> None:
    world.readings.send((one if isinstance(one, str) else json.dumps(one) for one in contents), sent=SENT)


def drain_all(world: World, faults: Faults | None = None, config: DrainConfig = CONFIG) -> DrainSummary:
    summary = drain(world.drain_ports(faults), config, now=NOW, remaining_s=lambda: faults.left_s if faults else 300.0)
    assert summary.conserved
    return summary


def assert_exact(world: World) -> None:
    """The queue is empty, the sets are those of what was sent, observations follow from them, rejects are all kept."""
    assert world.readings.is_empty()
    values = world.sets.values()
    assert values_by_bin(values) == expected_values(SENT_READINGS)
    versions = {key: stored.version for key, stored in world.sets.stored.items()}
    assert {key: version for key, (_, version) in world.observations.stored.items()} == versions
    assert {key: observed for key, (observed, _) in world.observations.stored.items()} == derive(values, {})
    rejected = {(one["reason"], json.dumps(one["original"])) for one in world.rejects.all()}
    assert rejected == {
        ("implausible", json.dumps(reading(humidity=150))),
        ("malformed", '"not JSON"'),
        ("bad_time", json.dumps(reading(ts="noon"))),
    }


def assert_asked(world: World, faults: Faults) -> None:
    """Progress: unless the drain was killed, or its asking is what failed, every active house has its job."""
    if faults.fault.startswith("killed") or faults.at_asking:
        return
    asked = {ForecastJob.from_body(body).house for body in world.forecast_jobs.bodies}
    assert asked == {house.name for house in world.houses.all() if house.is_active(NOW)}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("wave", [20, 5000])
def test_whichever_call_goes_wrong_the_next_drain_mends_it(
    fault: Fault, wave: int, record_property: Callable[[str, Any], None]
) -> None:
    config = replace(CONFIG, wave=WaveSize(messages=wave))
    clean, world = Faults(), World()
    send(world)
    drain_all(world, clean, config)
    places = [at for at, call in enumerate(clean.calls) if fault in faults_of(*call)]
    tally = Tally()
    for at in places:
        world = World(seed=at)
        send(world)
        faults = Faults(at=at, fault=fault, show=world.readings.show)
        try:
            drain_all(world, faults, config)
        except (Killed, OutageError):
            assert faults.injected
        assert_asked(world, faults)
        drain_until_empty(world)
        assert_exact(world)
        tally.cases += 1
        tally.faults[fault] += faults.injected
    record_property("tally", tally.as_dict())
    assert tally.cases > 0
    assert tally.faults[fault] >= tally.cases - 4, "receivers run side by side: a few calls may change places"


@settings(max_examples=20, deadline=None)
@given(hidden=st.integers(1, 12), seed=st.integers(0, 1000), where=st.sampled_from(["sets", "houses"]))
def test_a_drain_that_another_overtakes_between_read_and_write_is_exact(hidden: int, seed: int, where: str) -> None:
    world = World(seed=seed)
    send(world, [*GOOD[:hidden], *BAD])

    def overtake() -> None:
        send(world, GOOD[hidden:] + GOOD[:3])
        drain_all(world)

    getattr(world, where).meanwhile = overtake
    drain_all(world)
    drain_until_empty(world)
    assert_exact(world)


@pytest.mark.parametrize("seed", range(5))
def test_drains_side_by_side_over_one_queue_are_exact(seed: int) -> None:
    world = World(seed=seed, twice=0.2, sleep=lambda seconds: time.sleep(seconds / 20))
    send(world, [*GOOD, *BAD] * 4)
    config = replace(CONFIG, wave=WaveSize(messages=10))
    summaries: list[DrainSummary] = []
    drains = [threading.Thread(target=lambda: summaries.append(drain_all(world, config=config))) for _ in range(3)]
    for one in drains:
        one.start()
    for one in drains:
        one.join()
    assert len(summaries) == 3, "a drain ended by an error"
    drain_until_empty(world)
    assert_exact(world)
    stored = sum(summary.stored for summary in summaries)
    assert stored == len(SENT_READINGS), "each reading is stored once, by one of the drains"


def test_the_fault_harness_bites() -> None:
    """Were messages deleted before they are stored, the first test would see it."""
    world = World()
    send(world)
    world.readings.delete(world.readings.receive())
    drain_all(world)
    with pytest.raises(AssertionError):
        assert_exact(world)


def drain_until_empty(world: World) -> None:
    """Drains without faults, until nothing comes again."""
    for _ in range(10):
        if world.readings.is_empty():
            return
        world.readings.time_out()
        drain_all(world)
    pytest.fail("messages that are never deleted")
