"""Any schedule of messages, faults, interleaved drains and redeliveries ends exact; and drains that race all finish."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.slots import format_moment
from roomidity.pipeline.backoff import ATTEMPTS
from roomidity.pipeline.drain import DrainConfig
from roomidity.pipeline.waves import WaveSize
from tests.fakes import InMemory
from tests.oracle import sets_of
from tests.schedules import Case, Drain, Effort, Tally, assert_derived, bins_of, schedules
from tests.unit.samples import NOW, SLOT_START, reading


def test_any_schedule_of_faults_and_drains_ends_exact(record_property: Callable[[str, Any], None]) -> None:
    tally = Tally()

    @Effort.cases(50)
    @given(schedules, st.integers(0, 99))
    def ends_exact(schedule: list[Any], seed: int) -> None:
        Case(InMemory(NOW, seed=seed), tally).run(schedule)

    ends_exact()
    record_property("tally", tally.as_dict())
    assert tally.faults.total() > 2 * tally.cases


def race(drains: list[Drain], *, seed: int) -> None:
    """Let drains run side by side on a clock of their own: a call takes 2 to 15 ms, a pause as long as it says."""
    randomness = random.Random(seed)
    standing = [(randomness.random() / 100, place) for place in range(len(drains))]
    while standing:
        at, place = heapq.heappop(standing)
        took = drains[place].waits_s or randomness.uniform(0.002, 0.015)
        drains[place].step()
        if drains[place].next_call is not None:
            heapq.heappush(standing, (at + took, place))


@pytest.mark.parametrize(("drains", "houses"), [(8, 1), (8, 5), (3, 20)])
def test_drains_that_race_for_the_same_slots_all_finish_in_a_few_attempts(drains: int, houses: int) -> None:
    """Eight drains for one slot are far more than can be: one begins every 15 minutes, and has 5 to end."""
    place = InMemory(NOW, seed=drains)
    sent = [
        reading(house=f"h{number % houses}", ts=format_moment(SLOT_START + timedelta(seconds=5 * number)))
        for number in range(120)
    ]
    place.send(json.dumps(one) for one in sent)
    config = DrainConfig(timezone="UTC", wave=WaveSize(messages=2))
    racing = [Drain(place, config, seed=number) for number in range(drains)]
    race(racing, seed=houses)
    assert [one.error for one in racing] == [None] * drains
    assert max(one.most_attempts for one in racing) > 0, "there was no conflict"
    assert max(one.most_attempts for one in racing) <= ATTEMPTS - 3
    summaries = [one.summary for one in racing if one.summary]
    assert sum(summary.received for summary in summaries) == len(sent)
    assert all(summary.conserved for summary in summaries)
    assert place.is_empty()
    assert bins_of(place.sets()) == sets_of(sent)
    assert sum(summary.stored for summary in summaries) == len(sent)
    assert_derived(place)
