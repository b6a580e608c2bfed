"""Quotas: a flood of names or readings costs its sender; known houses pass, and nothing is lost."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from roomidity.domain.houses import House, Quarantine, Seen
from roomidity.domain.messages import ForecastJob
from roomidity.domain.slots import SLOT, format_moment
from roomidity.pipeline.drain import DrainConfig, DrainSummary, drain
from roomidity.pipeline.quotas import Quotas
from tests.fakes import InMemory, World
from tests.faults import Faults
from tests.unit.samples import NOW, SENT, SLOT_START, reading

CONFIG = DrainConfig(timezone="UTC")
FEW = replace(CONFIG, quotas=Quotas(new_houses_a_tick=3, new_houses_a_day=5))
DAY = timedelta(days=1)


def run(world: World, *contents: Any, config: DrainConfig = CONFIG, now: datetime = NOW) -> DrainSummary:
    world.readings.send((one if isinstance(one, str) else json.dumps(one) for one in contents), sent=now + (SENT - NOW))
    summary = drain(world.drain_ports(), config, now=now, remaining_s=lambda: 300.0)
    assert summary.conserved
    return summary


def names(world: World) -> set[str]:
    return {house.name for house in world.houses.all()}


def flood(count: int, first: int = 0) -> dict[str, Any]:
    return {"readings": [reading(house=f"made up {number}") for number in range(first, first + count)]}


def test_a_tick_takes_so_many_new_houses_and_a_day_so_many() -> None:
    world = World()
    assert run(world, flood(4), config=FEW).rejected == {"quota": 1}
    assert run(world, flood(4, 10), config=FEW, now=NOW + SLOT).rejected == {"quota": 2}
    assert run(world, flood(4, 20), config=FEW, now=NOW + 2 * SLOT).rejected == {"quota": 4}
    assert len(names(world)) == 5
    tomorrow = NOW + DAY
    assert run(world, flood(4, 30), config=FEW, now=tomorrow).rejected == {"quota": 1}
    assert world.readings.is_empty()
    assert len(world.rejects.all()) == 8


def test_the_ticks_quota_holds_over_all_its_waves() -> None:
    world = World()
    contents = [reading(house=f"made up {number}") for number in range(30)]
    config = replace(FEW, wave=replace(FEW.wave, messages=1))
    summary = run(world, *contents, config=config)
    assert summary.waves > 1
    assert (summary.stored, summary.rejected) == (3, {"quota": 27})


def test_what_is_over_the_quota_is_kept_and_comes_in_when_it_is_sent_back() -> None:
    world = World()
    run(world, flood(5), config=FEW)
    kept = world.rejects.all()
    assert [reject["reason"] for reject in kept] == ["quota"] * 2
    originals = [reject["original"] for reject in kept]
    assert run(world, *originals, config=FEW, now=NOW + SLOT).stored == 2
    assert names(world) == {f"made up {number}" for number in range(5)}


def test_known_houses_are_never_refused_for_a_flood_of_new_ones() -> None:
    world = World()
    run(world, reading(), reading(house="h2"))
    known = [reading(ts=format_moment(NOW)), reading(house="h2", ts=format_moment(NOW))]
    summary = run(
        world, flood(2_000), {"readings": [*flood(50, 5_000)["readings"], *known]}, config=FEW, now=NOW + SLOT
    )
    assert summary.rejected == {"quota": 2_050 - 3}
    assert summary.stored == 3 + 2


@pytest.mark.parametrize("first", [True, False])
def test_a_new_house_in_its_own_message_comes_before_those_of_a_flood(first: bool) -> None:
    world = World()
    honest = [reading(house="honest"), {"house": "honest too", "readings": [reading(house=...)]}]
    run(world, *(honest if first else ()), flood(100), *(() if first else honest), config=FEW)
    assert {"honest", "honest too"} <= names(world)
    assert len(names(world)) == 3


def test_houses_of_before_and_drains_of_one_house_need_no_counting() -> None:
    """The table is read for the quota only where a new house comes."""
    world, faults = World(), Faults()
    run(world, reading())
    world.readings.send([json.dumps(reading(ts=format_moment(NOW)))], sent=SENT)
    drain(world.drain_ports(faults), CONFIG, now=NOW, remaining_s=lambda: 300.0)
    assert Counter(faults.calls)["houses", "all"] == 0


# Readings


def test_of_a_house_so_many_readings_are_stored_in_a_tick_and_the_rest_waits() -> None:
    place = InMemory(NOW)
    config = replace(CONFIG, quotas=Quotas(house_readings_a_tick=25), wave=replace(CONFIG.wave, messages=3))
    sent = [reading(ts=format_moment(SLOT_START - number * SLOT)) for number in range(100)]
    bodies = [{"readings": sent[first : first + 10]} for first in range(0, 100, 10)]
    place.send(map(json.dumps, [*bodies, reading(house="h2")]))
    stored, ticks = [], 0
    while not place.is_empty():
        summary = drain(place.ports, config, now=NOW, remaining_s=lambda: 300.0)
        assert summary.conserved
        assert summary.rejected.total() == 0
        assert summary.left == 10 * summary.undeleted
        stored.append(summary.stored)
        place.world.readings.time_out()
        ticks += 1
    assert stored[0] == 31, "three messages, of which the last begins below the quota; and another house's"
    assert stored[1:] == [30, 30, 10]
    assert len(place.sets()) == 101


def test_a_message_with_more_than_a_ticks_readings_passes() -> None:
    place = InMemory(NOW)
    config = replace(CONFIG, quotas=Quotas(house_readings_a_tick=1))
    place.send([json.dumps({"readings": [reading(), reading(room="bath")]})])
    assert drain(place.ports, config, now=NOW, remaining_s=lambda: 300.0).stored == 2


# On trial


def heard(world: World, slots: int, *, now: datetime = NOW, house: str = "h1") -> House:
    """The house after it was heard in so many slots, of one message each."""
    for number in range(slots):
        run(world, reading(house=house, ts=format_moment(now - (number + 1) * SLOT)), now=now)
    (found,) = world.houses.get_many([house]).values()
    return found


def jobs(world: World) -> set[str]:
    return {ForecastJob.from_body(body).house for body in world.forecast_jobs.bodies}


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 5])
def test_a_house_is_real_once_it_was_heard_in_four_slots(slots: int) -> None:
    house = heard(World(), slots)
    assert house.on_trial == (slots < 4)
    assert house.admitted_at == NOW


def test_it_is_real_at_once_where_one_message_brings_four_slots() -> None:
    world = World()
    sent = [reading(house=..., ts=format_moment(SLOT_START - number * SLOT)) for number in range(4)]
    run(world, {"house": "h1", "readings": sent})
    (house,) = world.houses.all()
    assert not house.on_trial
    assert not house.has_expired(NOW + 400 * DAY)


def test_the_same_slot_again_makes_nothing_real() -> None:
    world = World()
    for minute in range(10):
        run(world, reading(ts=format_moment(SLOT_START + timedelta(minutes=minute))))
    (house,) = world.houses.all()
    assert house.on_trial


def test_until_it_is_real_it_is_forecast_for_a_day_and_then_no_more() -> None:
    world = World()
    heard(world, 1, house="made up")
    heard(world, 4, house="real")
    for after, expected in [(timedelta(hours=23), {"made up", "real"}), (timedelta(hours=25), {"real"})]:
        world.forecast_jobs.bodies.clear()
        run(world, now=NOW + after)
        assert jobs(world) == expected
    world.forecast_jobs.bodies.clear()
    run(world, now=NOW + 7 * DAY)
    assert jobs(world) == set()


def test_it_expires_seven_days_after_it_was_last_heard_and_begins_anew() -> None:
    world = World()
    first = heard(world, 3)
    assert first.trial is not None
    assert first.trial.expires_at == NOW + 7 * DAY
    assert not first.has_expired(NOW + 7 * DAY)
    later = NOW + 8 * DAY
    assert first.has_expired(later)
    again = heard(world, 1, now=later)
    assert again.trial is not None
    assert (again.trial.slots, again.admitted_at) == (frozenset({later - SLOT}), later)
    assert not heard(world, 4, now=later).on_trial


def test_an_expired_house_takes_a_place_like_any_new_one() -> None:
    world = World()
    run(world, flood(3), config=FEW)
    later = NOW + 8 * DAY
    again = {"readings": [reading(house=f"made up {number}", ts=format_moment(later - SLOT)) for number in range(5)]}
    assert run(world, again, config=FEW, now=later).rejected == {"quota": 2}


def test_what_a_person_has_set_something_for_is_real() -> None:
    house = heard(World(), 1)
    assert house.on_trial
    assert not house.with_rule(Quarantine(NOW, NOW + SLOT)).on_trial
    assert not replace(house, settings={"units": {}}).on_trial


def test_a_house_of_before_there_were_trials_is_real() -> None:
    house, _ = House("h1", "UTC").admit([Seen("kitchen", "", NOW, NOW)])
    world = World()
    world.houses.put(house)
    assert not heard(world, 1).on_trial


# What a hostile message costs


def test_what_a_hostile_message_costs_in_calls() -> None:
    """14,000 houses in one message: as many writes as the quota has places, and nothing for those known."""
    world, faults = World(), Faults()
    run(world, reading())
    world.readings.send([json.dumps(flood(14_000))], sent=SENT)
    summary = drain(world.drain_ports(faults), CONFIG, now=NOW, remaining_s=lambda: 300.0)
    assert summary.rejected == {"quota": 13_500}
    calls = Counter(faults.calls)
    assert calls["houses", "put"] == 500
    assert calls["houses", "all"] == 1
    assert sum(calls.values()) - 500 < 20
    assert summary.forecast_jobs == 501
    kept = sum(len(line) for _, line in world.rejects.lines)
    assert kept < 4 * len(json.dumps(flood(14_000)))
