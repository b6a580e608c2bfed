"""scripts/bench-tick: what was lost, doubled or changed is found, and what is left to a later drain is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from roomidity.domain.messages import Message
from roomidity.domain.observations import StoredSet
from roomidity.domain.slots import SLOT
from roomidity.pipeline.drain import DrainConfig, drain
from roomidity.pipeline.waves import WaveSize
from roomidity.readings import pack_sets, unpack_sets
from scripts.tools import bench_tick
from scripts.tools.bench_tick import compare, readings_of, take, wrong_values
from scripts.tools.soak import START, Drained
from tests.fakes import World


class InMemory:
    """The product's drain on fakes; ``clock`` are the seconds that each look at the clock takes."""

    def __init__(self, *, clock_s: float = 0.0) -> None:
        self.world = World()
        self.sets, self.observations = self.world.sets, self.world.observations
        self.timeout_s = 300.0
        self._clock_s = clock_s

    def send(self, bodies: Sequence[str]) -> None:
        self.world.readings.send(bodies, sent=START + SLOT)

    def drain(self, at: datetime) -> tuple[Drained, Counter[str]]:
        left_s = self.timeout_s

        def remaining_s() -> float:
            nonlocal left_s
            left_s -= self._clock_s
            return left_s

        config = DrainConfig("UTC", wave=WaveSize(messages=10))
        summary = drain(self.world.drain_ports(), config, now=at, remaining_s=remaining_s)
        self.world.readings.time_out()
        return Drained(summary.as_dict(), wall_s=1.0, cpu_s=0.5, peak_mb=10.0), Counter(PutItem=2)

    def take_jobs(self) -> list[str]:
        bodies, self.world.forecast_jobs.bodies = self.world.forecast_jobs.bodies, []
        return bodies


def fleet(houses: int) -> pl.DataFrame:
    return readings_of(houses, rooms=2, start=START, minutes=15, every=1)


def test_a_tick_of_one_drain_is_exact() -> None:
    place, readings = InMemory(), fleet(12)
    tick = take(place, "new", readings, START + SLOT)
    assert (tick.problems, compare(place, readings)) == ([], [])
    assert (tick.drains, tick.left, tick.counts["stored"]) == (1, 0, 12 * 2 * 15)
    assert tick.counts["duplicate"] > 0
    row = tick.row()
    assert (row["calls_a_house"], row["cpu_ms_a_house"]) == (round(2 / 12, 3), round(500 / 12, 3))


def test_what_a_drain_has_no_time_for_is_counted_and_comes_later() -> None:
    place, readings = InMemory(clock_s=8.0), fleet(60)
    tick = take(place, "new", readings, START + SLOT)
    assert tick.drains > 1
    assert 0 < tick.left < 60
    assert (tick.problems, compare(place, readings)) == ([], [])


def test_a_lost_message_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def receive() -> list[Message]:
        return [one for one in received() if one.id != "message 0"]

    monkeypatch.setattr(bench_tick, "HIDDEN_S", -300)  # waits for nothing
    place, readings = InMemory(), fleet(12)
    received = place.world.readings.receive
    monkeypatch.setattr(place.world.readings, "receive", receive)
    tick = take(place, "new", readings, START + SLOT)
    assert tick.problems or compare(place, readings)


def test_a_job_that_is_missing_is_a_problem() -> None:
    class Forgetful(InMemory):
        def take_jobs(self) -> list[str]:
            return super().take_jobs()[1:]

    tick = take(Forgetful(), "new", fleet(3), START + SLOT)
    assert [problem.split(" were")[0] for problem in tick.problems] == ["2 forecasts"]


def test_what_is_stored_otherwise_than_sent_is_found() -> None:
    place, readings = InMemory(), fleet(3)
    take(place, "new", readings, START + SLOT)
    key = next(iter(place.sets.stored))
    values = unpack_sets({key: place.sets.stored[key].packed}).values
    other = values.with_columns(rank=pl.when(pl.int_range(pl.len()) == 0).then(pl.col("rank") + 1).otherwise("rank"))
    place.sets.stored[key] = StoredSet(pack_sets(other)[key], version=1)
    (observation, version) = place.observations.stored.pop(key)
    (problem, statistics) = compare(place, readings)
    assert "1 are not stored once, and 1 are that were not sent" in problem
    assert statistics.startswith("4 of 12 statistics")
    place.observations.stored[key] = observation, version
    assert compare(place, readings) == [problem]


def test_a_value_that_is_stored_twice_is_not_stored_once() -> None:
    sent = bench_tick.values_of(fleet(1))
    twice: Any = pl.concat([sent, sent[:1]])
    assert wrong_values(sent, sent) == (0, 0)
    assert wrong_values(sent, twice) == (1, 0)
    assert wrong_values(sent[1:], sent) == (0, 1)


def test_readings_come_as_often_as_asked() -> None:
    hour = readings_of(2, rooms=3, start=START, minutes=60, every=15)
    assert len(hour) == 2 * 3 * 4
    assert hour["ts"].max() - hour["ts"].min() < timedelta(minutes=46)
