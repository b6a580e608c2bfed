"""Readings and messages for tests, and the rules of a set said again, in plain Python, to compare with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import settings

from roomidity.domain.messages import Message
from roomidity.domain.slots import SLOT_MS, SlotKey, parse_time, to_epoch_ms
from roomidity.readings import union
from roomidity.readings.careful import original_of, split_body
from roomidity.readings.union import SLOT_VALUES, value_of

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
"""The issue time."""

SENT = NOW + timedelta(seconds=1)
"""When messages were sent, unless said otherwise."""

SLOT_START = datetime(2026, 11, 22, 7, tzinfo=UTC)

QUANTITIES = ("humidity", "temperature", "contact")

fast = settings(max_examples=60, deadline=None)

Bin = tuple[str, int, str, str, str, int]
"""House, slot, room, sensor, quantity, number of the five seconds."""


def reading(**changes: Any) -> dict[str, Any]:
    """A good reading with changes; a field changed to ``...`` is left out."""
    whole = {
        "house": "h1",
        "room": "kitchen",
        "sensor": "s1",
        "ts": "2026-11-22T07:14:55Z",
        "temperature": 21.3,
        "humidity": 51.2,
    }
    return {name: value for name, value in (whole | changes).items() if value is not ...}


def originals_of(body: str) -> list[Any]:
    """The readings of a body as they are kept when they are rejected, by position."""
    common, readings = split_body(body)
    return [original_of(common, one) for one in readings]


def message(content: Any, *, sent: datetime = SENT, identity: str = "m1") -> Message:
    """A message of a text, or of a value as JSON."""
    body = content if isinstance(content, str) else json.dumps(content)
    return Message(id=identity, body=body, sent_ms=to_epoch_ms(sent), handle=f"handle of {identity}")


def accepted(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as :func:`roomidity.readings.check` gives them, with ``row``; values in thousandths."""
    schema = {
        "house": pl.String,
        "room": pl.String,
        "sensor": pl.String,
        "slot": pl.Int64,
        "time_ms": pl.Int32,
        "temperature": pl.Int32,
        "humidity": pl.Int32,
        "contact": pl.Int32,
    }
    defaults = {"house": "h1", "room": "kitchen", "sensor": "", "slot": to_epoch_ms(SLOT_START)}
    whole = [{**defaults, **row} for row in rows]
    return pl.DataFrame(whole, schema=schema).with_row_index("row")


def added(rows: Iterable[Mapping[str, Any]], existing: pl.DataFrame | None = None) -> pl.DataFrame:
    """The values of a set to which accepted rows were added."""
    return union(SLOT_VALUES.to_frame() if existing is None else existing, accepted(rows)).values


def values_by_bin(values: pl.DataFrame) -> dict[Bin, tuple[int, int]]:
    """(time in ms, value in thousandths) of each bin of a set; fails where a bin holds two."""
    rows = values.with_columns(value_of("rank"), time=pl.col("rank") // 2**18)
    found: dict[Bin, tuple[int, int]] = {}
    for house, slot, room, sensor, code, _rank, value, time in rows.iter_rows():
        key = (house, slot, room, sensor, QUANTITIES[code], time // (60_000 if QUANTITIES[code] == "contact" else 5000))
        assert key not in found, f"two values in {key}"
        found[key] = (time, value)
    return found


def expected_values(readings: Iterable[Mapping[str, Any]]) -> dict[Bin, tuple[int, int]]:
    """What must be stored of good ``readings``: in each bin the smallest (time, value)."""
    kept: dict[Bin, tuple[int, int]] = {}
    for one in readings:
        at = to_epoch_ms(parse_time(one["ts"]))
        slot, time = at - at % SLOT_MS, at % SLOT_MS
        for quantity in QUANTITIES:
            if one.get(quantity) is not None:
                key = (one["house"], slot, one["room"], one.get("sensor", ""), quantity, time // 5000)
                value = (time, round(one[quantity] * 1000))
                kept[key] = min(kept.get(key, value), value)
    return kept


def slot_key(house: str, start: datetime) -> SlotKey:
    """The key of a slot by its start."""
    return SlotKey(house, to_epoch_ms(start))
