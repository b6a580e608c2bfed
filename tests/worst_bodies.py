"""The bodies of one message that ask the most of a drain: of its memory, of its time, of the table's reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl

from roomidity.domain.observations import StoredSet
from roomidity.domain.slots import SLOT_MS, SlotKey, to_epoch_ms
from roomidity.readings import pack_sets
from roomidity.readings.union import SLOT_VALUES, rank_of

__all__ = ["FULL_SLOTS", "WORST", "full_sets", "worst_body"]

MAX_BYTES: Final = 262_144
FULL_SLOTS: Final = 60
"""Stored slots with all the values that they can have: a body of 3 KB has one reading of each."""

_LONG: Final = dict.fromkeys(("house", "room", "sensor", "ts", "temperature", "humidity"), "x" * 1_000)


def _beside(common: Mapping[str, Any], reading: str, count: int) -> str:
    return '{"readings":[' + ",".join([reading] * count) + "]," + json.dumps(common)[1:]


def _each(common: Mapping[str, Any], key: str, values: Iterable[Any]) -> str:
    return json.dumps({**common, "readings": [{key: value} for value in values]}, separators=(",", ":"))


def _whole(house: str, base: int) -> dict[str, Any]:
    return {"house": house, "room": "a", "humidity": 5, "ts": base - 600}


Body = Callable[[str, int], str]
"""Of a house, and the issue time in s since 1970."""

WORST: Final[Mapping[str, Body]] = {
    "six long common keys": lambda _house, _base: _beside(_LONG, "{}", 83_304),
    "the same, read with care": lambda _house, _base: _beside(_LONG, "{},[]", 41_000),
    "numbers": lambda _house, _base: _beside({"x": 1}, "1", 128_000),
    "readings of one moment": lambda house, base: _beside(_whole(house, base), "{}", 80_000),
    "houses": lambda house, base: _each(
        {**_whole(house, base), "house": None}, "house", [f"{house}{number:x}" for number in range(12_000)]
    ),
    "houses beside a stamp": lambda house, base: _each(
        _whole(house, base), "house", [f"{number:x}" for number in range(14_000)]
    ),
    "sensors": lambda house, base: _each(_whole(house, base), "sensor", [f"{number:x}" for number in range(12_000)]),
    "slots": lambda house, base: _each(
        {**_whole(house, base), "ts": None}, "ts", [base - 900 * number - 1 for number in range(14_000)]
    ),
    "full slots": lambda house, base: _each(
        {**_whole(house, base), "room": "room 0", "sensor": "s0", "humidity": 0},
        "ts",
        range(base - 900 * FULL_SLOTS, base, 900),
    ),
}


def worst_body(name: str, house: str, now: datetime, *, number: int = 0) -> str:
    """One of them, of a house at an issue time; with another ``number`` it has other bytes, or names other houses."""
    own = f"{house}{number or ''}" if name == "houses" else house
    body = WORST[name](own, int(now.timestamp())) + " " * number
    assert len(body) <= MAX_BYTES
    return body


def full_sets(house: str, now: datetime) -> Iterable[tuple[SlotKey, StoredSet]]:
    """What ``full slots`` meets: sets with all the values that one can have, of the slots before ``now``."""
    for number in range(FULL_SLOTS):
        slot = to_epoch_ms(now) - SLOT_MS * (number + 1)
        yield from _stored(_full(house, slot))


def _stored(packed: Mapping[SlotKey, bytes]) -> Iterable[tuple[SlotKey, StoredSet]]:
    return ((key, StoredSet(one, 1)) for key, one in packed.items())


def _full(house: str, slot: int) -> Mapping[SlotKey, bytes]:
    sensor = np.repeat(np.arange(256), 360)
    time = np.tile(np.arange(180), 512).astype(np.int64) * 5_000
    value = np.random.default_rng(slot // SLOT_MS).integers(20_000, 25_000, len(sensor))
    values = {
        "house": house,
        "slot": slot,
        "room": [f"room {one % 64}" for one in sensor],
        "sensor": [f"s{one}" for one in sensor],
        "quantity": np.tile(np.repeat([0, 1], 180), 256),
        "rank": rank_of(time, value),
    }
    return pack_sets(pl.DataFrame(values, schema=SLOT_VALUES))
