"""What is read once is the same as what is stored, for whatever interval, and flags that are written are seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from roomidity.domain.observations import Origin, Statistics
from roomidity.domain.slots import SLOT
from roomidity.pipeline.read_once import ReadOnce
from tests.fakes import FakeObservations
from tests.unit.samples import slot_key

START = datetime(2026, 11, 20, tzinfo=UTC)
SLOTS = 12


def filled(houses: tuple[str, ...] = ("h1", "h2")) -> FakeObservations:
    found = FakeObservations()
    for house in houses:
        for number in range(SLOTS):
            robust = 50.0 if number % 3 else None
            kitchen = {"humidity": Statistics(51.0 + number, 40.0, 60.0, 3, robust=robust)}
            door = {"door": {"contact": Statistics(0.5, 0.0, 1.0, 1, changes={"": "0"})}}
            found.put_many({slot_key(house, START + number * SLOT): ({"kitchen": kitchen, **door}, Origin(number + 1))})
    return found


NUMBERS = st.integers(-1, SLOTS + 1)


@settings(max_examples=50, deadline=None)
@given(held=st.tuples(NUMBERS, NUMBERS), asked=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4))
def test_whatever_is_asked_the_answer_is_that_of_what_is_stored(
    held: tuple[int, int], asked: list[tuple[int, int]]
) -> None:
    stored = filled()
    once = ReadOnce(stored, "h1", *(START + number * SLOT for number in held))
    for house in ("h1", "h2"):
        for begin, end in asked:
            interval = (house, START + begin * SLOT, START + end * SLOT)
            assert list(once.derived(*interval)) == list(stored.derived(*interval))
            climate = (
                (slot, {room: means for room, means in rooms.items() if means})
                for slot, rooms in stored.means(*interval)
            )
            assert list(once.means(*interval)) == list(climate)


def test_flags_that_are_written_are_seen_and_those_that_were_refused_are_not() -> None:
    stored = filled()
    once = ReadOnce(stored, "h1", START, START + 2 * SLOT)
    found = list(once.derived("h1", START, START + 3 * SLOT))

    def flagged(observation: Any) -> Any:
        return {**observation, "kitchen": {"humidity": replace(observation["kitchen"]["humidity"], fault="jump")}}

    changed = {key: (flagged(observation), origin) for key, observation, origin in found}
    again = found[0][0]
    changed[again] = (changed[again][0], Origin(99))  # derived again meanwhile
    assert once.replace_many(changed) == {again}
    faults = [
        observation["kitchen"]["humidity"].fault for _, observation, _ in once.derived("h1", START, START + 3 * SLOT)
    ]
    assert faults == [None, "jump", "jump"]
