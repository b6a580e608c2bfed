"""Observations: a function of (set, quarantine rules), equal to a plain group-by over the readings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from roomidity.domain.houses import Quarantine
from roomidity.domain.observations import Observation, Statistics
from roomidity.domain.slots import SLOT_MS, SlotKey, from_epoch_ms
from roomidity.readings import derive, union
from roomidity.readings.union import SLOT_VALUES
from tests.unit.samples import SLOT_START, accepted, added, slot_key

DAY_START = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def day() -> pl.DataFrame:
    """A day of readings: two houses, three rooms, two sensors in one; temperature and humidity sometimes apart."""
    rng = np.random.default_rng(0)
    frames = []
    for house, room, sensor in [("h1", "bath", ""), ("h1", "hall", "a"), ("h1", "hall", "b"), ("h2", "bath", "")]:
        time = np.arange(0, 86_400_000, 60_000) + rng.integers(0, 20_000, 1440)
        kinds = rng.integers(0, 3, 1440)
        frame = pl.DataFrame({"at": time + int(DAY_START.timestamp() * 1000), "kind": kinds}).with_columns(
            house=pl.lit(house),
            room=pl.lit(room),
            sensor=pl.lit(sensor),
            temperature=pl.Series(rng.integers(15_000, 25_000, 1440), dtype=pl.Int32),
            humidity=pl.Series(rng.integers(30_000, 70_000, 1440), dtype=pl.Int32),
        )
        frames.append(
            frame.with_columns(
                temperature=pl.when(pl.col("kind") != 1).then("temperature"),
                humidity=pl.when(pl.col("kind") != 2).then("humidity"),
            )
        )
    slot = pl.col("at") // SLOT_MS * SLOT_MS
    return pl.concat(frames).with_columns(slot=slot, time_ms=(pl.col("at") - slot).cast(pl.Int32))


def of_set(readings: pl.DataFrame) -> pl.DataFrame:
    shuffled = readings.sample(fraction=1, shuffle=True, seed=1).with_columns(contact=pl.lit(None, pl.Int32))
    return union(SLOT_VALUES.to_frame(), shuffled.with_row_index("row")).values


def grouped(readings: pl.DataFrame) -> dict[tuple[str, int, str, str], tuple[float, ...]]:
    """House, slot, room, quantity -> mean, min, max, count; by Polars, straight from the readings."""
    expected = {}
    for quantity in ("temperature", "humidity"):
        number = pl.col(quantity) / 1000
        groups = readings.drop_nulls(quantity).group_by("house", "slot", "room")
        statistics = groups.agg(number.mean().alias("mean"), number.min(), number.max().alias("max"), pl.len())
        for house, slot, room, *rest in statistics.iter_rows():
            expected[house, slot, room, quantity] = tuple(rest)
    return expected


def flat(observed: dict[SlotKey, Observation]) -> dict[tuple[str, int, str, str], tuple[float, ...]]:
    return {
        (key.house, key.slot_ms, room, quantity): (one.mean, one.min, one.max, one.count)
        for key, rooms in observed.items()
        for room, quantities in rooms.items()
        for quantity, one in quantities.items()
    }


def assert_equal(observed: dict[SlotKey, Observation], readings: pl.DataFrame) -> None:
    found, expected = flat(observed), grouped(readings)
    assert found.keys() == expected.keys()
    keys = sorted(found)
    np.testing.assert_allclose([found[key] for key in keys], [expected[key] for key in keys], rtol=0, atol=0.001)


def test_observations_equal_an_independent_group_by(day: pl.DataFrame) -> None:
    observed = derive(of_set(day), {})
    assert_equal(observed, day)
    assert len(observed) == 2 * 96
    assert [key.start for key in sorted(observed)][:2] == [DAY_START, DAY_START + timedelta(minutes=15)]


RULES = {
    "a room": (Quarantine(SLOT_START, SLOT_START + timedelta(hours=2), room="hall"), pl.col("room") == "hall"),
    "a sensor": (
        Quarantine(SLOT_START, SLOT_START + timedelta(hours=2), room="hall", sensor="b"),
        (pl.col("room") == "hall") & (pl.col("sensor") == "b"),
    ),
    "a sensor that gave no name": (
        Quarantine(SLOT_START, SLOT_START + timedelta(hours=2), sensor=""),
        pl.col("sensor") == "",
    ),
    "all": (Quarantine(SLOT_START, SLOT_START + timedelta(hours=2)), pl.lit(value=True)),
}


@pytest.mark.parametrize("name", RULES)
def test_quarantined_values_do_not_count_and_removing_the_rule_gives_them_back(day: pl.DataFrame, name: str) -> None:
    rule, covers = RULES[name]
    within = (
        pl.from_epoch("slot", time_unit="ms")
        .dt.replace_time_zone("UTC")
        .is_between(rule.start, rule.end, closed="left")
    )
    values = of_set(day)
    without = derive(values, {"h1": [rule]})
    assert_equal(without, day.filter(~((pl.col("house") == "h1") & covers & within)))
    assert without.keys() == derive(values, {}).keys(), "a slot whose every value is quarantined must still be written"
    assert derive(values, {"h1": []}) == derive(values, {})


def test_several_rules_add_up() -> None:
    values = added({"room": room, "time_ms": 0, "temperature": 20_000} for room in ("bath", "hall", "attic"))
    start, end = SLOT_START, SLOT_START + timedelta(minutes=15)
    observed = derive(values, {"h1": [Quarantine(start, end, room="bath"), Quarantine(start, end, room="hall")]})
    assert observed == {slot_key("h1", start): {"attic": {"temperature": Statistics(20.0, 20.0, 20.0, 1)}}}


def test_a_mean_is_rounded_to_thousandths_and_a_quantity_that_was_not_measured_is_absent() -> None:
    rows = accepted(
        [{"time_ms": time, "humidity": value} for time, value in ((0, 50_000), (5000, 50_000), (10_000, 50_001))]
    )
    ((key, observed),) = derive(union(SLOT_VALUES.to_frame(), rows).values, {}).items()
    assert key.start == from_epoch_ms(key.slot_ms) == SLOT_START
    assert observed == {"kitchen": {"humidity": Statistics(50.0, 50.0, 50.001, 3)}}


def test_of_no_values_nothing_is_derived() -> None:
    assert derive(SLOT_VALUES.to_frame(), {"h1": [Quarantine(SLOT_START, SLOT_START)]}) == {}
