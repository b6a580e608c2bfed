"""Slots as sets: the union is commutative, associative and idempotent; packing gives back what was packed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from roomidity.domain.houses import MAX_NAME_BYTES, MAX_ROOMS, MAX_SENSORS, House, Seen
from roomidity.domain.slots import SLOT_MS, SlotKey
from roomidity.readings import DUPLICATES, pack_sets, union, unpack_sets
from roomidity.readings.union import BIN_MS, SLOT_VALUES
from tests.unit.samples import NOW, SLOT_START, accepted, added, fast, slot_key, values_by_bin

EMPTY = SLOT_VALUES.to_frame()
ITEM_LIMIT_BYTES = 400 * 1024
"""Of DynamoDB: keys, names of attributes and values together."""

times = st.sampled_from([0, 1, 4999, 5000, 5001, 7000, 450_000, 899_999]) | st.integers(0, 899_999)
temperatures = st.sampled_from([-60_000, 85_000, 0, 21_300]) | st.integers(-60_000, 85_000)
humidities = st.sampled_from([0, 100_000, 50_000]) | st.integers(0, 100_000)
contacts = st.fixed_dictionaries({"contact": st.sampled_from([0, 1000])})
one_quantity = st.one_of(
    st.fixed_dictionaries({"temperature": temperatures}), st.fixed_dictionaries({"humidity": humidities}), contacts
)
both_quantities = st.fixed_dictionaries({"temperature": temperatures, "humidity": humidities})
places = st.fixed_dictionaries(
    {
        "house": st.sampled_from(["h1", "h2"]),
        "room": st.sampled_from(["kitchen", "bath"]),
        "sensor": st.sampled_from(["", "s1"]),
        "slot": st.sampled_from([0, SLOT_MS]),
        "time_ms": times,
    }
)


def readings(values: st.SearchStrategy[dict[str, int]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Readings among which many meet in a bin."""
    return st.lists(st.tuples(places, values).map(lambda parts: parts[0] | parts[1]), max_size=25)


def expected(rows: list[dict[str, Any]]) -> dict[Any, tuple[int, int]]:
    """The smallest (time, value) of each bin, of contacts the greatest in a minute."""
    kept: dict[Any, tuple[int, int]] = {}
    for row in rows:
        for quantity in ("humidity", "temperature", "contact"):
            if quantity in row:
                width = 12 * BIN_MS if quantity == "contact" else BIN_MS
                key = (row["house"], row["slot"], row["room"], row["sensor"], quantity, row["time_ms"] // width)
                value = (row["time_ms"], row[quantity])
                first = max if quantity == "contact" else min
                kept[key] = first(kept.get(key, value), value)
    return kept


def outcomes(rows: list[dict[str, Any]], existing: pl.DataFrame = EMPTY) -> list[str]:
    """What became of each reading, in order."""
    return union(existing, accepted(rows)).outcomes.sort("row")["outcome"].to_list()


@fast
@given(rows=readings(one_quantity | both_quantities), data=st.data())
def test_order_batches_and_redelivery_do_not_matter(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    stored = EMPTY
    delivered = data.draw(st.permutations(rows + data.draw(st.lists(st.sampled_from(rows)) if rows else st.just([]))))
    while delivered:
        size = data.draw(st.integers(1, len(delivered)))
        stored = added(delivered[:size], stored)
        delivered = delivered[size:]
    assert values_by_bin(stored) == values_by_bin(added(rows)) == expected(rows)


@fast
@given(first=readings(both_quantities), second=readings(one_quantity))
def test_what_is_there_already_changes_nothing(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    once = union(added(first), accepted(second))
    again = union(once.values, accepted(first + second))
    assert again.changed == []
    assert "stored" not in again.outcomes["outcome"].to_list()
    assert values_by_bin(again.values) == values_by_bin(once.values)


@fast
@given(first=readings(one_quantity), second=readings(one_quantity))
def test_every_reading_has_one_outcome_and_as_many_are_stored_as_bins_were_filled(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    before = added(first)
    merged = union(before, accepted(second))
    counts = Counter(merged.outcomes["outcome"].to_list())
    assert sorted(merged.outcomes["row"].to_list()) == list(range(len(second)))
    assert set(counts) <= {"stored", *DUPLICATES}
    assert counts["stored"] == len(merged.values) - len(before)
    was, now = values_by_bin(before), values_by_bin(merged.values)
    assert set(merged.changed) == {SlotKey(*key[:2]) for key in now if was.get(key) != now[key]}


@pytest.mark.parametrize(
    ("held", "added_row", "outcome", "kept"),
    [
        ([], {"time_ms": 100, "temperature": 5}, "stored", (100, 5)),
        ([(100, 5)], {"time_ms": 100, "temperature": 5}, "repeat", (100, 5)),
        ([(100, 5)], {"time_ms": 100, "temperature": 6}, "conflict", (100, 5)),
        ([(100, 5)], {"time_ms": 100, "temperature": 4}, "conflict", (100, 4)),
        ([(100, 5)], {"time_ms": 200, "temperature": 5}, "dense", (100, 5)),
        ([(100, 5)], {"time_ms": 99, "temperature": 9}, "dense", (99, 9)),
        ([(100, 0)], {"time_ms": 99, "contact": 1000}, "dense", (100, 0)),
        ([(100, 0)], {"time_ms": 101, "contact": 1000}, "dense", (101, 1000)),
        ([(100, 0)], {"time_ms": 100, "contact": 0}, "repeat", (100, 0)),
    ],
)
def test_outcomes(held: list[tuple[int, int]], added_row: dict[str, int], outcome: str, kept: tuple[int, int]) -> None:
    (quantity,) = added_row.keys() - {"time_ms"}
    existing = added({"time_ms": time, quantity: value} for time, value in held)
    merged = union(existing, accepted([added_row]))
    assert merged.outcomes["outcome"].to_list() == [outcome]
    assert list(values_by_bin(merged.values).values()) == [kept]
    assert merged.changed == ([] if kept in held else [slot_key("h1", SLOT_START)])


def test_of_two_that_fill_the_same_new_bin_one_is_stored() -> None:
    first, second = {"time_ms": 100, "temperature": 5}, {"time_ms": 100, "temperature": 6}
    assert outcomes([first, first]) == ["stored", "repeat"]
    assert outcomes([second, first]) == ["conflict", "stored"]
    assert outcomes([{"time_ms": 200, "temperature": 5}, first]) == ["dense", "stored"]


def test_a_reading_is_stored_if_one_of_its_two_values_is() -> None:
    existing = added([{"time_ms": 100, "temperature": 5}])
    assert outcomes([{"time_ms": 100, "temperature": 6, "humidity": 7}], existing) == ["stored"]


def test_a_reading_one_value_of_which_is_in_conflict_is_so_as_a_whole_though_the_other_is_only_dense() -> None:
    existing = added([{"time_ms": 200, "temperature": 5}, {"time_ms": 100, "humidity": 7}])
    assert outcomes([{"time_ms": 100, "temperature": 6, "humidity": 8}], existing) == ["conflict"]


def test_bins_are_five_seconds() -> None:
    rows = [{"time_ms": time, "temperature": 1} for time in (0, 4999, 5000, 9999, 10_000)]
    assert sorted(time for time, _ in values_by_bin(added(rows)).values()) == [0, 5000, 10_000]


def test_at_most_180_values_of_a_quantity_a_slot() -> None:
    rows = [{"time_ms": time, "temperature": 1} for time in range(0, SLOT_MS, 1000)]
    assert len(added(rows)) == 180


@fast
@given(readings(one_quantity | both_quantities))
def test_packing_gives_back_what_was_packed_and_equal_sets_equal_bytes(rows: list[dict[str, Any]]) -> None:
    values = added(rows)
    packed = pack_sets(values)
    assert set(packed) == {SlotKey(row["house"], row["slot"]) for row in rows}
    unpacked = unpack_sets(packed).values
    assert unpacked.schema == SLOT_VALUES
    assert_frame_equal(unpacked, values, check_row_order=False)
    assert pack_sets(values.sample(fraction=1, shuffle=True, seed=1)) == packed
    assert pack_sets(unpacked) == packed


def test_a_set_of_another_format_is_named_with_what_to_do_and_costs_no_other() -> None:
    packed = pack_sets(added([{"time_ms": 0, "temperature": 1}, {"slot": SLOT_MS, "time_ms": 0, "temperature": 1}]))
    first, second = packed
    unpacked = unpack_sets(packed | {first: b"\x03" + packed[first][1:]})
    assert list(unpacked.unreadable) == [first]
    assert (
        "has format b'\\x03'; this version reads b'\\x01' and b'\\x02': update roomidity" in unpacked.unreadable[first]
    )
    assert_frame_equal(unpacked.values, unpack_sets({second: packed[second]}).values)


def test_a_usual_slot_takes_a_few_hundred_bytes() -> None:
    """Eight rooms at a reading a minute."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "room": f"room {room}",
            "time_ms": int(minute * 60_000 + rng.integers(2000)),
            "temperature": int(21_000 + rng.integers(-3, 3) * 100),
            "humidity": int(50_000 + rng.integers(-3, 3) * 100),
        }
        for room in range(8)
        for minute in range(15)
    ]
    (content,) = pack_sets(added(rows)).values()
    assert len(content) < 700


def test_the_worst_house_that_is_admitted_fits_an_item() -> None:
    """The most sensors, the longest names, all quantities in every bin at times of their own, values like noise."""
    rng = np.random.default_rng(0)
    per_room, bins = MAX_SENSORS // MAX_ROOMS, SLOT_MS // BIN_MS
    letters = np.array([chr(code) for code in (*range(0xC0, 0x300), *range(0x400, 0x483), *range(0x531, 0x557))])
    bytes_a_sensor = MAX_NAME_BYTES // MAX_SENSORS
    rooms = rng.choice(letters, MAX_ROOMS, replace=False)
    names = ["".join(rng.choice(letters, bytes_a_sensor // 2 - 1)) for _ in range(MAX_SENSORS)]
    seen = [Seen(rooms[place // per_room], name, NOW, NOW) for place, name in enumerate(names)]
    _, refused = House("h", "UTC").admit(seen)
    assert not refused
    _, refused = House("h", "UTC").admit([*seen[:-1], Seen(seen[-1].room, f"{seen[-1].sensor}é", NOW, NOW)])
    assert refused, "the names are not the longest"

    starts = np.tile(np.arange(bins) * BIN_MS, MAX_SENSORS)
    series = pl.DataFrame({"room": np.repeat(rooms, per_room * bins), "sensor": np.repeat(names, bins)})
    rows = [
        series.with_columns(
            pl.lit("h" * 64).alias("house"),
            pl.lit(0, pl.Int64).alias("slot"),
            pl.Series("time_ms", starts + rng.integers(0, BIN_MS, len(starts)), dtype=pl.Int32),
            pl.Series(quantity, rng.integers(low, high + 1, len(starts)), dtype=pl.Int32),
        )
        for quantity, low, high in (("temperature", -60_000, 85_000), ("humidity", 0, 100_000), ("contact", 0, 1))
    ]
    values = union(EMPTY, pl.concat(rows, how="diagonal").with_row_index("row")).values
    assert len(values) == MAX_SENSORS * (2 * bins + bins // 12)
    (content,) = pack_sets(values).values()
    keys_and_names_bytes = 4 * 64 + 200
    assert len(content) + keys_and_names_bytes < ITEM_LIMIT_BYTES
