"""Drain: what is received is stored, a duplicate or rejected, and only deleted once that is durable."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from roomidity.domain.houses import House, Quarantine, Room
from roomidity.domain.messages import Message
from roomidity.domain.observations import Statistics
from roomidity.domain.slots import SLOT, format_moment, format_slot
from roomidity.errors import ConflictError
from roomidity.pipeline.backoff import ATTEMPTS
from roomidity.pipeline.drain import DrainConfig, DrainSummary, drain
from roomidity.pipeline.quotas import Quotas
from roomidity.pipeline.waves import WaveSize
from roomidity.readings import REASONS
from tests.fakes import World
from tests.faults import Faults
from tests.unit.samples import NOW, SENT, SLOT_START, expected_values, reading, slot_key, values_by_bin

CONFIG = DrainConfig(timezone="Europe/Brussels")
KEY = slot_key("h1", SLOT_START)
NOT_JSON = '{"house":"h1","room":'


def send(world: World, contents: Iterable[Any]) -> None:
    world.readings.send((one if isinstance(one, str) else json.dumps(one) for one in contents), sent=SENT)


def run(world: World, *contents: Any, faults: Faults | None = None, config: DrainConfig = CONFIG) -> DrainSummary:
    """Send contents and drain them."""
    send(world, contents)
    return drain(world.drain_ports(faults), config, now=NOW, remaining_s=lambda: 300.0)


def assert_conserved(summary: DrainSummary, received: int) -> None:
    assert summary.received == received == summary.stored + summary.duplicate + summary.rejected.total()
    assert summary.conserved
    assert summary.violations == 0


FAHRENHEIT = reading(room="cellar", temperature=66.5)
MIXED: list[Any] = [
    reading(),
    reading(),
    reading(temperature=21.4),
    reading(ts="2026-11-22T07:14:56Z"),
    {"house": "h2", "readings": [reading(house=..., room=room) for room in ("bath", "hall", "outdoor")]},
    {"readings": [reading(room="bath"), "odd", reading(humidity=150), reading(temperature=float("nan")), FAHRENHEIT]},
    {"readings": []},
    reading(ts=format_moment(NOW - 20 * SLOT)),
    reading(house="a/b"),
    reading(ts="noon"),
    reading(temperature="warm"),
    reading(temperature=None, humidity=None),
    reading(ts=format_moment(NOW + timedelta(days=1))),
    reading(ts="2020-01-01T00:00:00Z"),
    {"house": "h3", "readings": [reading(house=..., room=f"room {number:02}") for number in range(66)]},
    {"house": "h2", "readings": [reading(house="h1")]},
    {"readings": [reading(house=f"new {number}", ts="2026-11-22T07:00:00Z") for number in range(3)]},
    NOT_JSON,
]
FEW_NEW = replace(CONFIG, quotas=Quotas(new_houses_a_tick=3))
GOOD = [*MIXED[:4], *MIXED[4]["readings"], MIXED[5]["readings"][0], MIXED[7], *MIXED[14]["readings"][:64]]
GOOD = [{"house": "h2" if one in MIXED[4]["readings"] else "h3", **one} for one in GOOD]


def test_every_reading_received_is_stored_a_duplicate_or_rejected() -> None:
    world = World()
    summary = run(world, *MIXED, config=FEW_NEW)
    assert_conserved(summary, 4 + 3 + 5 + 1 + 6 + 66 + 1 + 3 + 1)
    assert set(summary.rejected) == set(REASONS) - {"unmapped", "weather"}, "devices and weather have their own tests"
    assert summary.rejected["too_many"] == 2
    assert summary.rejected["quota"] == 3
    assert summary.duplicate == 3
    assert summary.messages == len(MIXED)
    assert world.readings.is_empty()
    assert values_by_bin(world.sets.values()) == expected_values(GOOD)


def test_the_same_again_changes_nothing() -> None:
    world = World()
    run(world, *MIXED, config=FEW_NEW)
    before = dict(world.sets.stored), dict(world.observations.stored)
    again = run(world, *MIXED, config=replace(FEW_NEW, quotas=Quotas(new_houses_a_day=3)))
    assert again.stored == again.slots_changed == again.slots_rederived == 0
    assert_conserved(again, 90)
    assert (world.sets.stored, world.observations.stored) == before


def test_duplicates_are_told_apart() -> None:
    world = World()
    run(world, reading())
    later = [reading(), reading(temperature=22.0), reading(ts="2026-11-22T07:14:57Z"), reading(sensor="s2")]
    summary = run(world, *later)
    assert summary.outcomes == {"repeat": 1, "conflict": 1, "dense": 1, "stored": 1}


def test_late_readings_are_stored_and_counted() -> None:
    summary = run(World(), reading(ts=format_moment(NOW - 3 * SLOT)), reading(ts=format_moment(NOW - 2 * SLOT)))
    assert (summary.late, summary.stored) == (1, 2)


def test_a_summary_says_all_counts_as_plain_values() -> None:
    counts = run(World(), *MIXED, config=FEW_NEW).as_dict()
    assert json.loads(json.dumps(counts)) == counts
    assert counts["readings"] == {"received": 90, "stored": 70, "duplicate": 3, "rejected": 17}
    assert sum(counts["duplicates"].values()) == 3
    assert sum(counts["rejects"].values()) == 17
    assert counts["violations"] == 0


def test_rejects_are_kept_with_reason_message_position_and_original() -> None:
    world = World()
    packed = {"house": "h1", "readings": [reading(house=...), reading(house=..., humidity=150, note="x")]}
    run(world, packed, NOT_JSON)
    first, second = sorted(world.rejects.all(), key=lambda reject: reject["message_id"])
    assert first == {
        "reason": "implausible",
        "house": "h1",
        "message_id": "message 0",
        "position": 1,
        "sent_at": "2026-11-22T08:00:01.000Z",
        "original": reading(humidity=150, note="x"),
    }
    assert second == {
        "reason": "malformed",
        "house": None,
        "message_id": "message 1",
        "position": 0,
        "sent_at": "2026-11-22T08:00:01.000Z",
        "original": NOT_JSON,
    }
    assert {day for day, _ in world.rejects.lines} == {NOW.date()}


@pytest.mark.parametrize(
    "odd", ["NaN", "-Infinity", "1e400", "9" * 400, "9" * 100_000, "[" * 100_000 + "]" * 100_000, '"\\ud800"']
)
def test_what_strict_json_cannot_write_is_kept_too(odd: str) -> None:
    world = World()
    good = json.dumps(reading())
    summary = run(world, f'{{"readings":[{good},{good.replace("21.3", odd)}]}}')
    assert_conserved(summary, 2)
    assert (summary.stored, summary.rejected.total()) == (1, 1)
    (reject,) = world.rejects.all()
    assert '"kitchen"' in json.dumps(reject["original"]) or '"kitchen"' in reject["original"]


def test_without_rejects_nothing_is_written_for_them() -> None:
    faults = Faults()
    run(World(), reading(), faults=faults)
    assert "rejects" not in {port for port, _ in faults.calls}


def test_an_empty_queue_costs_no_call_but_polls_and_jobs() -> None:
    faults = Faults()
    summary = run(World(), faults=faults)
    assert set(faults.calls) == {("readings", "receive"), ("houses", "active"), ("forecast_jobs", "send")}
    assert summary == DrainSummary()


def test_messages_are_deleted_after_all_that_is_durable_is_written() -> None:
    faults = Faults()
    run(World(), *MIXED, faults=faults)
    order = [call for call in faults.calls if call != ("readings", "receive")]
    deletion = order.index(("readings", "delete"))
    for write in [("houses", "put"), ("rejects", "put"), ("sets", "put_many"), ("observations", "put_many")]:
        assert order.index(write) < deletion
        assert write not in order[deletion:]


def test_calls_are_few_however_many_messages_a_wave_has() -> None:
    """A budget: what is stored in bulk is called in bulk."""
    faults = Faults()
    run(World(), *[reading(ts=1_795_331_695 + 5 * number) for number in range(200)], faults=faults)
    counts = Counter(faults.calls)
    assert counts.pop(("readings", "receive")) <= 20 + 4
    assert counts["houses", "get_many"] == 1, "a house is read in full once, before its sets are written"
    assert counts.pop(("houses", "without_rooms")) == 2, "rules after, and whether it is there last"
    assert counts["houses", "all"] == 1, "for a new house the day's are counted"
    assert max(counts.values()) == 1


def test_waves_are_bounded_and_drain_all() -> None:
    world = World()
    config = replace(CONFIG, wave=WaveSize(messages=20))
    faults = Faults()
    sizes: list[int] = []
    delete = world.readings.delete

    def measured(messages: Sequence[Message]) -> list[Message]:
        sizes.append(len(messages))
        return delete(messages)

    world.readings.delete = measured  # type: ignore[method-assign]
    sent = [reading(ts=1_795_331_695 + 5 * number) for number in range(300)]
    summary = run(world, *sent, config=config, faults=faults)
    assert sum(sizes) == summary.messages == 300
    assert summary.waves == len(sizes) >= 5
    assert max(sizes) < 20 + 4 * world.readings.batch
    assert world.readings.is_empty()
    assert_conserved(summary, 300)


def test_waves_are_bounded_in_bytes() -> None:
    body = json.dumps(reading())
    config = replace(CONFIG, wave=WaveSize(body_bytes=20 * len(body)))
    assert run(World(), *[body] * 300, config=config).waves >= 5


def test_no_wave_begins_when_time_is_short_but_forecasts_are_asked_for() -> None:
    world = World()
    run(world, reading())
    send(world, [reading()] * 3)
    summary = drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 60.0)
    assert (summary.waves, summary.forecast_jobs) == (0, 1)
    assert not world.readings.is_empty()


def test_time_is_looked_at_before_each_wave() -> None:
    world, faults = World(), Faults()
    send(world, [reading()] * 300)

    def left() -> float:
        return (100.0, 61.0, 59.0)[Counter(faults.calls)["readings", "delete"]]

    config = replace(CONFIG, wave=WaveSize(messages=10))
    summary = drain(world.drain_ports(faults), config, now=NOW, remaining_s=left)
    assert summary.waves == 2
    assert not world.readings.is_empty()


def test_messages_that_could_not_be_deleted_are_counted_and_harmless_when_they_come_again() -> None:
    world = World()
    world.readings.undeletable = {"message 0"}
    summary = run(world, reading(), reading(room="bath"))
    assert (summary.undeleted, summary.stored) == (1, 2)
    world.readings.undeletable = set()
    world.readings.time_out()
    again = run(world)
    assert (again.received, again.duplicate, again.undeleted) == (1, 1, 0)
    assert world.readings.is_empty()


def test_a_violation_of_the_law_is_counted_and_does_not_stop_the_drain(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(DrainSummary, "conserved", property(lambda _: False))
    world = World()
    assert run(world, reading()).violations == 1
    assert world.readings.is_empty()
    assert "conservation violated" in caplog.text


# Houses and observations


def test_a_house_learns_rooms_sensors_and_time_zone() -> None:
    world = World()
    run(world, reading(), reading(sensor=..., ts=format_moment(NOW - 10 * SLOT)), reading(room="outdoor"))
    (house,) = world.houses.all()
    assert house.timezone == "Europe/Brussels"
    assert house.rooms["kitchen"].sensors == {"s1", ""}
    assert house.rooms["kitchen"].first_seen == NOW - 10 * SLOT
    assert set(house.rooms) == {"kitchen", "outdoor"}


def test_a_house_that_is_not_news_is_not_written_again() -> None:
    world = World()
    fresh = "2026-11-22T07:59:55Z"  # of one that is late it is news how it came in
    run(world, reading(ts=fresh))
    run(world, reading(ts=fresh), reading(ts=fresh, temperature=30.0))
    (house,) = world.houses.all()
    assert house.version == 1


def test_what_a_house_has_no_place_for_is_rejected_and_not_stored() -> None:
    world = World()
    run(world, *[reading(room=f"room {number}") for number in range(64)])
    summary = run(world, reading(room="one more"), reading(room="room 1", ts=format_moment(NOW)))
    assert summary.rejected == {"too_many": 1}
    assert summary.stored == 1
    (reject,) = world.rejects.all()
    assert reject["original"]["room"] == "one more"
    assert "one more" not in world.sets.values()["room"].to_list()


def test_observations_follow_the_set_and_its_version() -> None:
    world = World()
    run(world, reading(temperature=20.0, humidity=...))
    run(world, reading(temperature=22.0, humidity=..., ts="2026-11-22T07:01:00Z"))
    statistics = Statistics(mean=21.0, min=20.0, max=22.0, count=2)
    assert world.observations.stored == {KEY: ({"kitchen": {"temperature": statistics}}, 2)}
    assert world.sets.stored[KEY].version == 2


def test_quarantined_readings_are_stored_but_not_observed() -> None:
    world = World()
    rule = Quarantine(SLOT_START, SLOT_START + SLOT, room="kitchen")
    world.houses.put(House("h1", "UTC", quarantine=(rule,)))
    summary = run(world, reading(), reading(room="bath"))
    assert summary.stored == 2
    observation, _ = world.observations.stored[KEY]
    assert set(observation) == {"bath"}


@pytest.mark.parametrize("fault", ["missing", "older"])
def test_an_observation_that_a_dead_drain_left_behind_is_derived_again(fault: str) -> None:
    """The set was written, the drain died, the message came again: the set does not change."""
    world = World()
    run(world, reading())
    run(world, reading(ts="2026-11-22T07:01:00Z"))
    right = world.observations.stored[KEY]
    world.observations.stored = {} if fault == "missing" else {KEY: ({}, 1)}
    summary = run(world, reading())
    assert (summary.slots_changed, summary.slots_rederived) == (0, 1)
    assert world.observations.stored[KEY] == right
    assert run(world, reading()).slots_rederived == 0


# Conflicts


def test_a_set_that_another_drain_changed_meanwhile_is_read_again_and_merged() -> None:
    world = World()
    world.sets.meanwhile = lambda: run(world, reading(room="bath"), reading(room="hall", ts=format_moment(NOW - SLOT)))
    summary = run(world, reading())
    assert_conserved(summary, 1)
    expected = [reading(), reading(room="bath"), reading(room="hall", ts=format_moment(NOW - SLOT))]
    assert values_by_bin(world.sets.values()) == expected_values(expected)
    assert set(world.observations.stored[KEY][0]) == {"kitchen", "bath"}
    assert world.observations.stored[KEY][1] == world.sets.stored[KEY].version == 2


def test_when_another_drain_stored_the_same_meanwhile_it_is_a_repeat() -> None:
    world = World()
    world.sets.meanwhile = lambda: run(world, reading())
    assert run(world, reading()).outcomes == {"repeat": 1}


def test_a_house_that_another_drain_changed_meanwhile_keeps_what_both_saw() -> None:
    world = World()
    world.houses.meanwhile = lambda: run(world, reading(room="bath"))
    run(world, reading())
    (house,) = world.houses.all()
    assert set(house.rooms) == {"kitchen", "bath"}
    assert house.version == 2


def test_a_slot_that_others_always_get_first_ends_in_a_conflict_and_the_message_stays() -> None:
    pauses: list[float] = []
    world = World(sleep=pauses.append)
    world.sets.put_many = set  # type: ignore[method-assign, assignment]
    with pytest.raises(ConflictError, match="1 slots was changed by another writer 12 times") as caught:
        run(world, reading())
    assert caught.value.attempts == ATTEMPTS == len(pauses)
    assert all(0 <= pause <= min(2.0, 0.02 * 2**attempt) for attempt, pause in enumerate(pauses))
    assert len(set(pauses)) == len(pauses), "without jitter the same drains meet again"
    world.readings.time_out()
    assert not world.readings.is_empty()


def test_a_house_that_others_always_get_first_ends_in_a_conflict_and_the_message_stays() -> None:
    world = World()

    def refuse(house: House) -> None:
        raise ConflictError(house.name, attempts=1)

    world.houses.put = refuse  # type: ignore[method-assign]
    with pytest.raises(ConflictError, match="houses h1, h2"):
        run(world, reading(), reading(house="h2"))
    assert world.sets.stored == {}
    world.readings.time_out()
    assert not world.readings.is_empty()


# Forecast jobs


def jobs(world: World) -> list[dict[str, str]]:
    return [json.loads(body) for body in world.forecast_jobs.bodies]


def test_every_house_seen_in_the_last_seven_days_is_forecast_readings_or_not() -> None:
    world = World()
    for name, days in [("silent", 6.99), ("edge", 7.0), ("gone", 7.01), ("long gone", 8.0)]:
        room = Room(NOW - timedelta(days=30), NOW - timedelta(days=days), frozenset({""}))
        world.houses.put(House(name, "UTC", rooms={"kitchen": room}))
    world.houses.put(House("never seen", "UTC"))
    summary = run(world, reading(house="new"))
    assert jobs(world) == [{"house": name, "issued_at": format_slot(NOW)} for name in ("edge", "new", "silent")]
    assert summary.forecast_jobs == 3


def test_forecasts_may_be_left_out() -> None:
    world = World()
    send(world, [reading()])
    summary = drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 300.0, ask_forecasts=False)
    assert (summary.stored, summary.forecast_jobs, jobs(world)) == (1, 0, [])


def test_order_of_arrival_does_not_matter() -> None:
    rng = random.Random(1)
    sent = [
        reading(room=rng.choice(["bath", "hall"]), ts=1_795_331_695 + rng.randrange(60), temperature=rng.randrange(20))
        for _ in range(200)
    ]
    worlds = []
    for seed in range(3):
        rng.shuffle(sent)
        world = World(seed=seed, twice=0.3)
        run(world, *sent, config=replace(CONFIG, wave=WaveSize(messages=10 * (seed + 1))))
        worlds.append((values_by_bin(world.sets.values()), {k: o for k, (o, _) in world.observations.stored.items()}))
    assert worlds[0] == worlds[1] == worlds[2]
    assert worlds[0][0] == expected_values([{**one, "ts": format_moment(_at(one))} for one in sent])


def _at(one: dict[str, Any]) -> Any:
    return SLOT_START + timedelta(seconds=one["ts"] - SLOT_START.timestamp())


def minutes(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Readings of the slot before the issue time, one a minute."""
    return [reading(ts=format_moment(NOW - SLOT + timedelta(minutes=minute)), **changes) for minute in range(count)]


def test_a_room_in_fahrenheit_is_rejected_from_its_first_reading_on_and_kept_to_be_replayed() -> None:
    world = World()
    summary = run(world, *minutes(1, temperature=72.5))
    assert summary.rejected == {"unit": 1}
    assert [reject["original"]["temperature"] for reject in world.rejects.all()] == [72.5]


def test_one_wild_value_is_no_unit_where_the_room_has_a_past_and_a_change_of_unit_is_told_by_it() -> None:
    world = World()
    past = [reading(ts=format_moment(NOW - back * SLOT)) for back in range(2, 50)]
    assert run(world, *past).stored == len(past)
    assert run(world, *minutes(1, temperature=72.5)).stored == 1
    assert run(world, *minutes(9, temperature=72.5)[1:]).rejected == {"unit": 8}


def test_saturated_air_keeps_its_temperature() -> None:
    world = World()
    assert run(world, *minutes(3, humidity=100.4)).stored == 3
    assert {value for _, value in values_by_bin(world.sets.values()).values()} == {100_000, 21_300}
