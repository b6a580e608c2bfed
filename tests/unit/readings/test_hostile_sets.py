"""The largest set that a house can have fits an item of DynamoDB, whatever the values are."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import polars as pl
import pytest

from roomidity.domain.houses import MAX_NAME_BYTES, MAX_ROOMS, MAX_SENSORS, House, Seen
from roomidity.readings import pack_sets, union
from roomidity.readings.union import SLOT_VALUES
from tests.unit.samples import NOW

BINS: Final = 180
ITEM_BYTES: Final = 409_600
BESIDES_BYTES: Final = 600
"""The longest house's name, the slot, version, expiry and all attributes' names."""

MARGIN_BYTES: Final = 8_000
"""No way of choosing values can take it: byte planes and masks of full entropy would add 5,000 to what is measured."""

TEMPERATURES: Final = (-60_000, 85_000)
HUMIDITIES: Final = (0, 100_000)

Numbers = Any
Draw = Callable[[np.random.Generator, int, int, int], Numbers]


def even(randomness: np.random.Generator, low: int, high: int, count: int) -> Numbers:
    return randomness.integers(low, high + 1, count)


def outward(randomness: np.random.Generator, low: int, high: int, count: int) -> Numbers:
    """More often near the ends, so that differences are larger."""
    return np.round(low + (high - low) * randomness.beta(0.3, 0.3, count)).astype(int)


def bouncing(randomness: np.random.Generator, low: int, high: int, count: int) -> Numbers:
    """Each difference has a third byte that is as even as the range allows: what packs worst of all."""
    values = np.empty(count, dtype=int)
    value = (low + high) // 2
    steps = randomness.integers(0, (2 * (high - low) >> 16) + 1, (count, 20)) << 16
    steps += randomness.integers(0, 1 << 16, (count, 20))
    steps = (steps >> 1) ^ -(steps & 1)
    for place in range(count):
        reached = np.concatenate([value + steps[place], value - steps[place]])
        inside = reached[(low <= reached) & (reached <= high)]
        value = int(inside[0]) if len(inside) else int(randomness.integers(low, high + 1))
        values[place] = value
    return values


def names(randomness: np.random.Generator) -> tuple[list[str], list[str]]:
    """Rooms and sensors with the longest names that a house may have, of as many different characters as may be."""
    plain = [character for character in string.printable[:95] if character not in "/#$+"]
    two_bytes = [
        chr(code)
        for code in range(0xA1, 0x800)
        if unicodedata.category(chr(code))[0] == "L" and unicodedata.is_normalized("NFC", chr(code))
    ]
    rooms = list(randomness.choice(two_bytes, MAX_ROOMS, replace=False))
    bytes_a_sensor = MAX_NAME_BYTES // MAX_SENSORS - 2
    more = bytes_a_sensor - 64
    sensors = [
        "".join(randomness.permutation([*randomness.choice(two_bytes, more), *randomness.choice(plain, 64 - more)]))
        for _ in range(MAX_SENSORS)
    ]
    rooms = [room for room in rooms for _ in range(MAX_SENSORS // MAX_ROOMS)]
    seen = [Seen(room, sensor, NOW, NOW) for room, sensor in zip(rooms, sensors, strict=True)]
    assert House("h", "UTC").admit(seen)[1] == set()
    longer = [*seen[:-1], Seen(seen[-1].room, f"{seen[-1].sensor[:-1]}🛁", NOW, NOW)]
    assert House("h", "UTC").admit(longer)[1], "the names are not the longest"
    return rooms, sensors


@pytest.mark.parametrize("times", ["even", "apart"])
@pytest.mark.parametrize("draw", [even, outward, bouncing])
def test_the_worst_set_fits_an_item_with_a_margin(draw: Draw, times: str) -> None:
    randomness = np.random.default_rng(1)
    rooms, sensors = names(randomness)
    count = MAX_SENSORS * BINS
    first = even(randomness, 0, 4_999, count)
    second = (
        even(randomness, 0, 4_999, count) if times == "even" else (first + even(randomness, 500, 4_500, count)) % 5_000
    )
    series = pl.DataFrame({"room": np.repeat(rooms, BINS), "sensor": np.repeat(sensors, BINS)})
    series = series.with_columns(
        pl.lit("h").alias("house"), pl.lit(0, pl.Int64).alias("slot"), contact=pl.lit(None, pl.Int32)
    )
    readings = [
        series.with_columns(
            pl.Series("time_ms", np.tile(np.arange(BINS) * 5_000, MAX_SENSORS) + within, dtype=pl.Int32),
            pl.Series(quantity, draw(randomness, *span, count), dtype=pl.Int32),
        )
        for quantity, span, within in (("temperature", TEMPERATURES, first), ("humidity", HUMIDITIES, second))
    ]
    values = union(SLOT_VALUES.to_frame(), pl.concat(readings, how="diagonal").with_row_index("row")).values
    assert len(values) == MAX_SENSORS * BINS * 2, "not every bin is full"
    (packed,) = pack_sets(values).values()
    assert len(packed) + BESIDES_BYTES < ITEM_BYTES - MARGIN_BYTES
