"""Bytes that are no set, or the set of nothing that can be, are named: they never raise, and cost no other set."""

from __future__ import annotations

import tracemalloc
import zlib
from typing import Any, Final

import msgspec
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.quantities import MEASURED_SPECS
from roomidity.domain.slots import SLOT_MS, SlotKey, to_epoch_ms
from roomidity.readings import pack_sets, unpack_sets
from roomidity.readings.union import SLOT_VALUES, rank_of, time_of, value_of
from tests.unit.samples import SLOT_START, fast

SLOT: Final = to_epoch_ms(SLOT_START)
SOUND: Final = SlotKey("h2", SLOT)
ODD: Final = SlotKey("h1", SLOT)


def values(house: str) -> pl.DataFrame:
    """Two series of both quantities, the second without one."""
    rows = [
        (
            house,
            SLOT,
            room,
            sensor,
            quantity,
            int(rank_of(pl.lit(time), pl.lit(number)).pipe(pl.select).item()),
        )
        for room, sensor, quantity in (("bath", "", 0), ("bath", "", 1), ("kitchen", "s", 1))
        for time, number in ((0, 21_000), (60_000, 21_500), (899_999, 20_000))
    ]
    return pl.DataFrame(rows, schema=SLOT_VALUES, orient="row")


PACKED: Final = pack_sets(pl.concat([values("h1"), values("h2")]))


def check(odd: bytes) -> None:
    """The sound set comes whole; of the odd one nothing, or values that a set can have."""
    found = unpack_sets({ODD: odd, SOUND: PACKED[SOUND]})
    assert found.values.schema == SLOT_VALUES
    whole = found.values.filter(pl.col("house") == "h2").sort("room", "quantity", "rank")
    assert whole.equals(values("h2").sort("room", "quantity", "rank"))
    rest = found.values.filter(pl.col("house") != "h2")
    if ODD in found.unreadable:
        assert rest.is_empty()
        assert found.unreadable[ODD]
    assert set(rest.select("house", "slot").iter_rows()) <= {ODD}
    times = rest.select(time_of("rank").alias("time"))["time"]
    assert times.is_between(0, SLOT_MS - 1).all()
    for code, spec in enumerate(MEASURED_SPECS):
        numbers = rest.filter(pl.col("quantity") == code).select(value_of("rank").alias("value"))["value"]
        least, most = (round(bound * 1000) for bound in spec.plausible)
        assert numbers.is_between(least, most).all()


def test_a_sound_set_comes_back() -> None:
    check(PACKED[ODD])
    assert not unpack_sets(PACKED).unreadable


@fast
@given(st.data())
def test_any_change_of_its_bytes_is_named_or_harmless(data: st.DataObject) -> None:
    content = bytearray(PACKED[ODD])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    check(bytes(content))
    check(bytes(content[: data.draw(st.integers(0, len(content)))]))


@fast
@given(st.data())
def test_any_change_before_compression_is_named_or_harmless(data: st.DataObject) -> None:
    content = bytearray(zlib.decompress(PACKED[ODD][1:]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    check(b"\x01" + zlib.compress(bytes(content)))


anything: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
series: Final = st.lists(
    st.tuples(st.text(max_size=3), st.text(max_size=3), st.integers(-3, 5) | st.integers(-(2**63), 2**63 - 1)),
    max_size=4,
)
columns: Final = st.binary(max_size=32) | st.integers(0, 8).map(lambda count: bytes(4 * count))


@fast
@given(anything | st.tuples(series, columns, columns, columns, columns))
def test_any_structure_is_named_or_harmless(structure: Any) -> None:
    check(b"\x01" + zlib.compress(msgspec.msgpack.encode(structure)))


@fast
@given(st.binary(max_size=60))
def test_any_bytes_are_named(content: bytes) -> None:
    check(content)
    check(b"\x01" + content)


def test_a_set_that_would_unpack_to_hundreds_of_megabytes_is_not_unpacked() -> None:
    bomb = b"\x01" + zlib.compress(bytes(100_000_000), 9)
    assert len(bomb) < 400_000
    tracemalloc.start()
    check(bomb)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
