"""Packing: all readings once, in order, each body of one house and within the size."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.names import is_name, kept_name
from roomidity.domain.slots import from_epoch_ms
from roomidity.readings import check, decode, pack_lines, pack_readings
from roomidity.readings.messages import MAX_BODY_BYTES
from tests.unit.samples import NOW, fast, message, reading

LINE = json.dumps(reading())

names = st.sampled_from(["h1", "Küche", 'a"b', "\\", ',"humidity":null', '"house":"h1",', "🛁", "{", "a b"]) | (
    st.text(min_size=1, max_size=8).map(kept_name).filter(is_name)
)
moments = st.integers(0, 30 * 86_400_000).map(lambda ms: NOW - timedelta(milliseconds=ms))
rows = st.fixed_dictionaries(
    {
        "house": st.sampled_from(["h1", "h2"]) | names,
        "room": names,
        "sensor": st.none() | st.just("") | names,
        "ts": moments,
        "temperature": st.none() | st.integers(-60_000, 45_000).map(lambda value: value / 1000),
        "humidity": st.integers(1_100, 100_000).map(lambda value: value / 1000),
    }
)
SCHEMA: dict[str, Any] = {
    "house": pl.String,
    "room": pl.String,
    "sensor": pl.String,
    "ts": pl.Datetime("ms", "UTC"),
    "temperature": pl.Float64,
    "humidity": pl.Float64,
}


def unpacked(bodies: list[str]) -> list[dict[str, Any]]:
    """The readings of bodies, in order, as the drain accepts them."""
    checked = check(decode([message(body) for body in bodies]), now=NOW)
    assert checked.rejected.is_empty()
    return [
        {
            "house": row["house"],
            "room": row["room"],
            "sensor": row["sensor"],
            "ts": from_epoch_ms(row["slot"] + row["time_ms"]),
            "temperature": None if row["temperature"] is None else row["temperature"] / 1000,
            "humidity": row["humidity"] / 1000,
        }
        for row in checked.accepted.to_dicts()
    ]


def by_house(readings: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in readings:
        found[one["house"]].append({**one, "sensor": one["sensor"] or ""})
    return found


@fast
@given(readings=st.lists(rows, max_size=20), max_bytes=st.integers(400, 2000))
def test_what_is_packed_decodes_to_the_same(readings: list[dict[str, Any]], max_bytes: int) -> None:
    bodies = list(pack_readings(pl.DataFrame(readings, schema=SCHEMA), max_bytes=max_bytes))
    assert by_house(unpacked(bodies)) == by_house(readings)
    for body in bodies:
        assert len(body.encode()) <= max_bytes
        assert len({one["house"] for one in unpacked([body])}) == 1


def test_bodies_are_as_few_as_the_size_allows() -> None:
    readings = pl.DataFrame([{**reading(), "ts": NOW}] * 5000)
    bodies = list(pack_readings(readings))
    sizes = [len(body.encode()) for body in bodies]
    assert max(sizes) <= MAX_BODY_BYTES
    assert min(sizes[:-1]) > MAX_BODY_BYTES - 150
    assert sum(len(json.loads(body)["readings"]) for body in bodies) == 5000


def test_the_house_stands_once_beside_the_readings() -> None:
    (body,) = pack_readings(pl.DataFrame([{**reading(), "ts": NOW}] * 3))
    assert body.count('"house":"h1"') == 1
    assert json.loads(body)["house"] == "h1"


def test_a_value_that_is_not_there_is_left_out() -> None:
    (body,) = pack_readings(pl.DataFrame([{**reading(temperature=None, sensor=None), "ts": NOW}]))
    assert json.loads(body)["readings"] == [{"room": "kitchen", "ts": "2026-11-22T08:00:00Z", "humidity": 51.2}]


def test_times_in_another_zone_and_finer_values_are_packed_as_utc_and_thousandths() -> None:
    ts = pl.Series([datetime(2026, 11, 22, 7, 0, 0, 1500, tzinfo=UTC)]).dt.convert_time_zone("Asia/Kathmandu")
    (body,) = pack_readings(pl.DataFrame({"house": "h1", "room": "bath", "ts": ts, "temperature": 21.30049}))
    (found,) = json.loads(body)["readings"]
    assert found == {"room": "bath", "ts": "2026-11-22T07:00:00.001Z", "temperature": 21.3}


@pytest.mark.parametrize(
    "odd",
    [
        "not JSON",
        "",
        "null",
        "[]",
        '{"room":"kitchen"}',
        '{"house":null}',
        '{"house":12,"room":"kitchen"}',
        LINE[:-1],
        LINE + LINE,
        LINE.replace("21.3", "NaN"),
        LINE.replace('"kitchen"', '"\\ud800"'),
        LINE.replace('"kitchen"', '"kit\tchen"'),
        "[" * 100_000,
        json.dumps({"house": "h1", "readings": [reading()]}),
        json.dumps({"house": "h1", "readings": []}),
    ],
    ids=lambda odd: repr(odd)[:40],
)
def test_a_line_that_cannot_be_packed_goes_alone_as_it_is(odd: str) -> None:
    bodies = list(pack_lines([LINE, odd, LINE]))
    assert odd in bodies
    (packed,) = [body for body in bodies if body != odd]
    assert len(unpacked([packed])) == 2


def test_what_a_queue_does_not_take_is_replaced() -> None:
    assert list(pack_lines(["a\x00b\ufffec\ud800d\t🛁"])) == ["a\ufffdb\ufffdc\ufffdd\t🛁"]


@fast
@given(st.lists(st.text(st.characters(exclude_categories=())) | st.just(LINE), max_size=8))
def test_no_line_makes_packing_raise_and_none_is_lost(lines: list[str]) -> None:
    bodies = list(pack_lines(lines))
    decoded = decode([message(body) for body in bodies])
    assert len(decoded.rows) == len(lines)
    for body in bodies:
        body.encode()
