"""The robust value of a slot: wild readings among others do not move it, and without any it is the mean."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.houses import Quarantine
from roomidity.domain.observations import Statistics
from roomidity.readings import derive
from tests.unit.samples import SLOT_START, added, fast

GAP = {"humidity": 10.0, "temperature": 2.0}
KIND = st.sampled_from(["humidity", "temperature"])


def observed(
    values: Sequence[float], quantity: str = "temperature", sensors: Sequence[str] | None = None
) -> Statistics:
    """What a slot says in which these came one after the other."""
    rows = [
        {"time_ms": 20_000 * place, quantity: round(1000 * value), "sensor": sensors[place] if sensors else ""}
        for place, value in enumerate(values)
    ]
    (rooms,) = derive(added(random.Random(0).sample(rows, len(rows))), {}).values()
    return rooms["kitchen"][quantity]


def test_one_zero_beside_three_good_readings_does_not_count_and_plain_facts_stay() -> None:
    assert observed([19.0, 19.1, 0.0, 19.2]) == Statistics(14.325, 0.0, 19.2, 4, robust=19.1)


@pytest.mark.parametrize("wild", [0.0, 85.0, -45.0])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_wherever_it_comes_one_wild_reading_of_three_does_not_count(wild: float, place: int) -> None:
    values = [21.0, 21.4]
    values.insert(place, wild)
    assert observed(values).robust == 21.2


@given(
    good=st.lists(st.floats(40, 45), min_size=3, max_size=12),
    wild=st.lists(st.one_of(st.floats(0, 25), st.floats(60, 100)), max_size=11),
    order=st.randoms(use_true_random=False),
)
@fast
def test_fewer_than_half_of_the_readings_cannot_move_it(
    good: list[float], wild: list[float], order: random.Random
) -> None:
    good, wild = [round(value, 3) for value in good], [round(value, 3) for value in wild[: len(good) - 1]]
    both = good + wild
    order.shuffle(both)
    found = observed(both, "humidity")
    assert found.value == pytest.approx(sum(good) / len(good), abs=0.001)
    assert found.mean == pytest.approx(sum(both) / len(both), abs=0.001)
    assert (found.min, found.max, found.count) == (min(both), max(both), len(both))


@given(data=st.data(), quantity=KIND)
@fast
def test_readings_that_follow_each_other_count_all_however_far_they_go(data: st.DataObject, quantity: str) -> None:
    """A shower: whatever its steps, as long as none leaves a gap."""
    steps = data.draw(st.lists(st.floats(-0.99, 0.99), min_size=1, max_size=20))
    values = [30.0]
    for step in steps:
        values.append(round(values[-1] + step * GAP[quantity], 3))
    assert observed(values, quantity).robust is None


@given(values=st.lists(st.integers(0, 100_000), min_size=1, max_size=30), quantity=KIND, seed=st.integers(0, 99))
@fast
def test_it_follows_from_the_set_in_whatever_order(values: list[int], quantity: str, seed: int) -> None:
    rows = [{"time_ms": 7_000 * place, quantity: value % 85_000} for place, value in enumerate(values)]
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert derive(added(rows), {}) == derive(added(shuffled), {})
    ((first, *_),) = [list(one.values()) for one in derive(added(rows), {}).values()]
    (one,) = first.values()
    assert one.min <= one.value <= one.max
    assert one.robust is None or one.robust != one.mean


def test_of_two_far_apart_the_earlier_counts_until_the_next_slot_says_more() -> None:
    assert observed([50.0, 85.0], "humidity").robust == 50.0
    assert observed([85.0, 50.0], "humidity").robust == 85.0
    assert observed([50.0, 85.0, 86.0], "humidity").robust == 85.5


def test_sensors_in_different_corners_both_count() -> None:
    """One hangs 4 K warmer; how many readings came of each does not matter."""
    values, sensors = [20.0, 24.0, 20.2, 24.2, 20.1], ["a", "b", "a", "b", "a"]
    assert observed(values, sensors=sensors).robust is None


def test_a_wild_reading_of_one_of_two_sensors_does_not_count() -> None:
    values, sensors = [20.0, 24.0, 20.2, 85.0, 20.1, 24.2], ["a", "b", "a", "b", "a", "b"]
    assert observed(values, sensors=sensors).robust == pytest.approx((20.0 + 20.2 + 20.1 + 24.0 + 24.2) / 5, abs=0.001)


def test_of_three_sensors_with_a_reading_each_the_one_that_is_alone_does_not_count() -> None:
    assert observed([20.0, 85.0, 20.4], sensors=["a", "b", "c"]).robust == 20.2
    assert observed([20.0, 85.0], sensors=["a", "b"]).robust is None, "of two nobody knows which"


def test_rooms_and_quantities_are_apart_and_quarantined_values_do_not_vote() -> None:
    rows = [
        {"room": room, "sensor": sensor, "time_ms": 10_000 * place, "humidity": value, "temperature": 21_000}
        for room, values in {"bath": (50_000, 0, 50_100), "hall": (50_000, 50_200, 50_100)}.items()
        for place, (value, sensor) in enumerate(zip(values, "aba", strict=True))
    ]
    (rooms,) = derive(added(rows), {}).values()
    assert rooms["bath"]["humidity"].robust is None, "each sensor's only reading but one: two sensors, no majority"
    rule = Quarantine(SLOT_START, SLOT_START.replace(hour=8), room="bath", sensor="b")
    (rooms,) = derive(added(rows), {"h1": [rule]}).values()
    assert rooms["bath"]["humidity"] == Statistics(50.05, 50.0, 50.1, 2)
    assert {one.robust for room in rooms.values() for one in room.values()} == {None}


def by_its_rule(rows: Sequence[dict[str, Any]], gap: float) -> float:
    """The robust value of readings (sensor, time_ms, value), as it is defined; in plain Python."""

    def apart(values: Sequence[tuple[float, Any]], gap: float) -> list[list[tuple[float, Any]]]:
        groups: list[list[tuple[float, Any]]] = []
        for value, what in sorted(values):
            if not groups or value - groups[-1][-1][0] > gap:
                groups.append([])
            groups[-1].append((value, what))
        return groups

    sensors = []
    for sensor in sorted({row["sensor"] for row in rows}):
        groups = apart([(row["value"], row["time_ms"]) for row in rows if row["sensor"] == sensor], gap)
        largest = max(groups, key=lambda group: (len(group), -min(time for _, time in group)))
        values = [value for value, _ in largest]
        sensors.append((sum(values) / len(values), values))
    corners = apart(sensors, 2.5 * gap)
    believed = [corner for corner in corners if 2 * len(corner) > len(sensors)] or corners
    counted = [value for corner in believed for _, values in corner for value in values]
    return sum(counted) / len(counted)


@given(
    readings=st.lists(
        st.tuples(
            st.sampled_from(["h1", "h2"]),
            st.sampled_from(["bath", "hall"]),
            st.sampled_from(["a", "b", "c"]),
            KIND,
            st.one_of(st.integers(-60_000, 85_000), st.sampled_from([-2_000, 0, 2_000, 4_000, 9_000, 12_000])),
        ),
        min_size=1,
        max_size=60,
    )
)
@fast
def test_of_many_rooms_and_sensors_it_is_what_its_rule_says(
    readings: list[tuple[str, str, str, str, int]],
) -> None:
    rows = [
        {
            "house": house,
            "room": room,
            "sensor": sensor,
            "time_ms": 10_000 * place,
            kind: max(value, 0 if kind == "humidity" else value),
        }
        for place, (house, room, sensor, kind, value) in enumerate(readings)
    ]
    for key, rooms in derive(added(rows), {}).items():
        for room, quantities in rooms.items():
            for kind, found in quantities.items():
                own = [
                    {**row, "value": row[kind]}
                    for row in rows
                    if (row["house"], row["room"]) == (key.house, room) and kind in row
                ]
                assert found.value == pytest.approx(by_its_rule(own, 1000 * GAP[kind]) / 1000, abs=0.000_501)
                assert (found.robust is None) == (found.value == found.mean)
