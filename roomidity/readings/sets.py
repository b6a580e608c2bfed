"""A slot is the set of its values; everything else is derived from the set.

Adding is a set union: commutative, associative, idempotent. Within one 5-second bin of a sensor's quantity one value is
kept, the one with the smallest (time, value), so redelivery, reordering and late arrival cannot change the outcome.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from roomidity.errors import StoreError
from roomidity.slots import format_slot, from_epoch_ms

__all__ = ["BIN_MS", "QUANTITIES", "SLOT_VALUES", "SlotKey", "Union", "pack_sets", "union", "unpack_sets", "value_of"]

BIN_MS: Final = 5_000
"""Denser than any room sensor reports; at most 180 values of a quantity a slot."""

_FORMAT: Final = b"\x01"
_VALUE_BITS: Final = 18
_VALUE_OFFSET: Final = 100_000  # thousandths: -60,000 .. 100,000 becomes positive and fits 18 bits
QUANTITIES: Final = ("humidity", "temperature")

SLOT_VALUES: Final = pl.Schema(
    {
        "house": pl.String(),
        "slot": pl.Int64(),
        "room": pl.String(),
        "sensor": pl.String(),
        "quantity": pl.UInt8(),
        "rank": pl.Int64(),
    }
)
"""A row a value. slot: ms since 1970 of its start; quantity: index into QUANTITIES; rank: time in the slot (ms) and
value in one number, so that sorting it sorts (time, value)."""

_BIN: Final = ("house", "slot", "room", "sensor", "quantity", "bin")


class SlotKey(NamedTuple):
    """What a stored set is found by: the house, and the slot's start (ms since 1970)."""

    house: str
    slot_ms: int

    @property
    def start(self) -> datetime:
        """The slot's start, aware UTC."""
        return from_epoch_ms(self.slot_ms)

    def __str__(self) -> str:
        return f"{self.house} {format_slot(self.start)}"


@dataclass(frozen=True)
class Union:
    """The outcome of adding readings to sets.

    ``values`` are all values of the touched slots after it (schema :data:`SLOT_VALUES`); ``changed`` are the slots
    whose set is another now; ``outcomes`` says of each reading (columns row, outcome)
    ``stored`` or which duplicate it is.
    """

    values: pl.DataFrame
    changed: list[SlotKey]
    outcomes: pl.DataFrame


def union(existing: pl.DataFrame, accepted: pl.DataFrame) -> Union:
    """The values of the touched slots, old and new together.

    A reading is ``stored`` if one of its values found its bin empty. Otherwise it is compared with what the bin held
    before (in a new bin: with what is kept): ``conflict`` if another value stands at the same time, else ``dense`` if
    at another time, else ``repeat``.

    Parameters
    ----------
    existing
        The values that are stored (schema :data:`SLOT_VALUES`).
    accepted
        Checked readings with a column ``row`` that names them.
    """
    incoming = pl.concat(
        accepted.filter(pl.col(name).is_not_null()).select(
            "house",
            "slot",
            "room",
            "sensor",
            pl.lit(code, pl.UInt8).alias("quantity"),
            _rank(pl.col("time_ms"), pl.col(name)).alias("rank"),
            "row",
        )
        for code, name in enumerate(QUANTITIES)
    )
    both = pl.concat([existing.with_columns(pl.lit(None, pl.UInt32).alias("row")), incoming]).with_columns(
        (pl.col("rank") // (BIN_MS << _VALUE_BITS)).alias("bin")
    )
    held = pl.col("rank").filter(pl.col("row").is_null()).min()
    bins = both.group_by(_BIN).agg(pl.col("rank").min(), held.alias("held"))
    bins = bins.with_columns(
        pl.col("held").is_null().alias("new"),
        (pl.col("held").is_null() | (pl.col("rank") < pl.col("held"))).alias("moved"),
    )
    changed = bins.filter("moved").select("house", "slot").unique().sort("house", "slot")
    return Union(
        values=bins.select(SLOT_VALUES.names()),
        changed=[SlotKey(*key) for key in changed.iter_rows()],
        outcomes=_outcomes(both.filter(pl.col("row").is_not_null()), bins),
    )


def _outcomes(incoming: pl.DataFrame, bins: pl.DataFrame) -> pl.DataFrame:
    """What became of each reading, by its values."""
    against = bins.select(*_BIN, pl.coalesce("held", "rank").alias("reference"), "new")
    values = incoming.join(against, on=_BIN, how="left", maintain_order="left").with_columns(
        same=pl.col("rank") == pl.col("reference"),
        same_time=_time_ms(pl.col("rank")) == _time_ms(pl.col("reference")),
    )
    first = pl.col("row") == pl.col("row").filter(pl.col("same")).min().over(_BIN)
    values = values.with_columns(stored=pl.col("new") & pl.col("same") & first)
    return values.group_by("row").agg(
        pl.when(pl.col("stored").any())
        .then(pl.lit("stored"))
        .when((pl.col("same_time") & ~pl.col("same")).any())
        .then(pl.lit("conflict"))
        .when((~pl.col("same_time")).any())
        .then(pl.lit("dense"))
        .otherwise(pl.lit("repeat"))
        .alias("outcome")
    )


def value_of(rank: str) -> pl.Expr:
    """The value in thousandths that the column ``rank`` holds."""
    return (pl.col(rank) % (1 << _VALUE_BITS) - _VALUE_OFFSET).alias("value")


def _time_ms(rank: pl.Expr) -> pl.Expr:
    return rank // (1 << _VALUE_BITS)


def _rank(time_ms: pl.Expr, value: pl.Expr) -> pl.Expr:
    return time_ms.cast(pl.Int64) * (1 << _VALUE_BITS) + value.cast(pl.Int64) + _VALUE_OFFSET


class _Packed(msgspec.Struct, array_like=True):
    """What a set looks like before compression: series one after the other, columns as byte planes of differences."""

    series: list[tuple[str, str, int]]  # room, sensor, how many rows
    times: bytes
    masks: bytes  # 1 has humidity, 2 has temperature
    humidity: bytes
    temperature: bytes


def pack_sets(values: pl.DataFrame) -> dict[SlotKey, bytes]:
    """Each slot's set as bytes, the same for equal sets: a format byte, then zlib over differences in byte planes.

    Parameters
    ----------
    values
        Values of any number of slots (schema :data:`SLOT_VALUES`), in any order.
    """
    number = [pl.col("value").filter(pl.col("quantity") == code).first().alias(q) for code, q in enumerate(QUANTITIES)]
    rows = (
        values.select(
            "house", "slot", "room", "sensor", "quantity", _time_ms(pl.col("rank")).alias("time"), value_of("rank")
        )
        .group_by("house", "slot", "room", "sensor", "time")
        .agg(number)
        .sort("house", "slot", "room", "sensor", "time")
    )
    times = rows["time"].to_numpy()
    present = [rows[q].is_not_null().to_numpy() for q in QUANTITIES]
    masks = present[0] + 2 * present[1].astype(np.uint8)
    numbers = [rows[q].fill_null(0).to_numpy() for q in QUANTITIES]
    series = rows.group_by("house", "slot", "room", "sensor", maintain_order=True).len()
    slots = series.group_by("house", "slot", maintain_order=True).agg("room", "sensor", "len")
    packed: dict[SlotKey, bytes] = {}
    start = 0
    for house, slot, rooms, sensors, counts in slots.iter_rows():
        span = slice(start, start + sum(counts))
        start = span.stop
        content = _Packed(
            series=list(zip(rooms, sensors, counts, strict=True)),
            times=_planes(times[span]),
            masks=masks[span].tobytes(),
            humidity=_planes(numbers[0][span][present[0][span]]),
            temperature=_planes(numbers[1][span][present[1][span]]),
        )
        packed[SlotKey(house, slot)] = _FORMAT + zlib.compress(msgspec.msgpack.encode(content), 6)
    return packed


def unpack_sets(packed: Mapping[SlotKey, bytes]) -> pl.DataFrame:
    """The values that :func:`pack_sets` packed (schema :data:`SLOT_VALUES`).

    Raises
    ------
    StoreError
        If the bytes of one have another format.
    """
    series: list[tuple[str, int, str, str]] = []
    owners, quantities, ranks = [], [], []
    for key, content in ((key, _unpack(key, data)) for key, data in packed.items()):
        counts = [count for _, _, count in content.series]
        owner = np.repeat(np.arange(len(series), len(series) + len(counts)), counts)
        series += [(key.house, key.slot_ms, room, sensor) for room, sensor, _ in content.series]
        times = _unplaned(content.times)
        masks = np.frombuffer(content.masks, dtype=np.uint8)
        for code, planes in enumerate((content.humidity, content.temperature)):
            has = masks & (1 << code) != 0
            owners.append(owner[has])
            quantities.append(np.full(has.sum(), code, dtype=np.uint8))
            ranks.append(times[has] * (1 << _VALUE_BITS) + _unplaned(planes) + _VALUE_OFFSET)
    if not series:
        return SLOT_VALUES.to_frame()
    named = pl.DataFrame(
        series, schema=["house", "slot", "room", "sensor"], orient="row", schema_overrides={"slot": pl.Int64}
    )
    return named[np.concatenate(owners)].with_columns(
        pl.Series("quantity", np.concatenate(quantities)), pl.Series("rank", np.concatenate(ranks))
    )


def _unpack(key: SlotKey, packed: bytes) -> _Packed:
    if packed[:1] != _FORMAT:
        raise StoreError(
            f"the set of {key} has format {packed[:1]!r}; this version reads {_FORMAT!r}: update roomidity"
        )
    return msgspec.msgpack.decode(zlib.decompress(packed[1:]), type=_Packed)


def _planes(numbers: npt.NDArray[np.int64]) -> bytes:
    """Differences as zigzag 32-bit numbers, all first bytes first: what is alike stands together, and compresses."""
    steps = np.diff(numbers, prepend=0)
    zigzag = ((steps << 1) ^ (steps >> 63)).astype("<u4")
    return zigzag.view(np.uint8).reshape(-1, 4).T.tobytes()


def _unplaned(planes: bytes) -> npt.NDArray[np.int64]:
    zigzag = np.frombuffer(planes, dtype=np.uint8).reshape(4, -1).T.copy().view("<u4").ravel().astype(np.int64)
    return np.cumsum((zigzag >> 1) ^ -(zigzag & 1))
