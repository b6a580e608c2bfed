"""A slot is the set of its values; everything else is derived from the set.

Adding is a set union: commutative, associative, idempotent. Within one 5-second bin of a sensor's quantity one value is
kept, the one with the smallest (time, value), so redelivery, reordering and late arrival cannot change the outcome.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from roomidity.errors import StoreError
from roomidity.slots import SLOT_MS
from roomidity.terms import QUANTITIES, SlotKey

__all__ = [
    "BIN_MS",
    "SLOT_VALUES",
    "Union",
    "pack_sets",
    "time_of",
    "union",
    "unpack_sets",
    "unreadable_sets",
    "value_of",
]

BIN_MS: Final = 5_000
"""Denser than any room sensor reports; at most 180 values of a quantity a slot."""

_FORMAT: Final = b"\x01"
_VALUE_BITS: Final = 18
_VALUE_OFFSET: Final = 100_000  # thousandths: -60,000 .. 100,000 becomes positive and fits 18 bits

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

_SERIES: Final = ("house", "slot", "room", "sensor")
"""The columns that name a series: what a sensor said in a slot."""

_OUTCOMES: Final = ("stored", "conflict", "dense", "repeat")
"""Of a reading: the first that one of its values has."""

_MOST_SERIES: Final = 2**41
"""Numbers below leave room for a time in the slot and a quantity in 63 bits."""


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
    both = _by_bin(existing, accepted)
    recurs = _recurs(both["bin"])
    alone, shared = both.filter(~recurs), both.filter(recurs).sort("bin", "rank", "place")
    held = pl.when(pl.col("place").is_null()).then("rank").alias("held")
    bins = (
        shared.with_columns(held)
        .group_by("bin")
        .agg(pl.col(*SLOT_VALUES.names(), "place").first(), pl.col("held").min())
    )
    bins = bins.with_columns(new=pl.col("held").is_null())
    added = alone.filter(pl.col("place").is_not_null())
    moved = bins.filter(pl.col("new") | (pl.col("rank") < pl.col("held")))
    changed = pl.concat([part.select("house", "slot") for part in (added, moved)]).unique().sort("house", "slot")
    return Union(
        values=pl.concat([part.select(SLOT_VALUES.names()) for part in (alone, bins)]),
        changed=[SlotKey(*key) for key in changed.iter_rows()],
        outcomes=_outcomes(accepted["row"], added, _against(shared, bins)),
    )


def _by_bin(existing: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    """All values with their bins: those stored, and those of readings with their ``place`` in ``accepted``."""
    named = pl.concat([existing.select(_SERIES), accepted.select(_SERIES)])
    series = _series_of(named)
    incoming = accepted.with_columns(series[len(existing) :]).with_row_index("place")
    both = pl.concat(
        [
            existing.with_columns(series[: len(existing)], pl.lit(None, pl.UInt32).alias("place")),
            *(
                incoming.select(
                    *_SERIES,
                    pl.lit(code, pl.UInt8).alias("quantity"),
                    _rank(pl.col("time_ms"), pl.col(name)).alias("rank"),
                    "series",
                    "place",
                ).drop_nulls("rank")
                for code, name in enumerate(QUANTITIES)
            ),
        ]
    )
    bins = pl.col("series") * (SLOT_MS // BIN_MS) + pl.col("rank") // (BIN_MS << _VALUE_BITS)
    return both.with_columns((bins * len(QUANTITIES) + pl.col("quantity")).alias("bin"))


def _recurs(numbers: pl.Series) -> pl.Series:
    """Whether a number stands in more than one row; mostly none does, and sorting tells."""
    order = numbers.arg_sort()
    in_order = numbers.gather(order).to_numpy()
    like_next = np.flatnonzero(in_order[1:] == in_order[:-1])
    recurs = np.zeros(len(numbers), dtype=np.bool_)
    recurs[order.to_numpy()[np.concatenate([like_next, like_next + 1])]] = True
    return pl.Series(recurs)


def _against(shared: pl.DataFrame, bins: pl.DataFrame) -> pl.DataFrame:
    """What became of the values of readings in shared bins: quantity, place, and outcome (an index)."""
    kept = bins.select("bin", "new", pl.coalesce("held", "rank").alias("reference"), pl.col("place").alias("first"))
    outcome = (
        pl.when(pl.col("new") & (pl.col("place") == pl.col("first")))
        .then(_OUTCOMES.index("stored"))
        .when(time_of("rank") != time_of("reference"))
        .then(_OUTCOMES.index("dense"))
        .when(pl.col("rank") != pl.col("reference"))
        .then(_OUTCOMES.index("conflict"))
        .otherwise(_OUTCOMES.index("repeat"))
    )
    values = shared.filter(pl.col("place").is_not_null()).join(kept, on="bin")
    return values.select("quantity", "place", outcome.alias("outcome"))


def _outcomes(rows: pl.Series, added: pl.DataFrame, shared: pl.DataFrame) -> pl.DataFrame:
    """What became of each reading: the first in ``_OUTCOMES`` of what became of its values."""
    by_value = np.full((len(QUANTITIES), len(rows)), len(_OUTCOMES) - 1)
    by_value[added["quantity"], added["place"]] = _OUTCOMES.index("stored")
    by_value[shared["quantity"], shared["place"]] = shared["outcome"]
    return pl.DataFrame({"row": rows, "outcome": pl.Series(_OUTCOMES)[by_value.min(axis=0)]})


def _series_of(values: pl.DataFrame) -> pl.Series:
    """A number for each row, equal for equal house, slot, room and sensor, and in their order; below ``_MOST_SERIES``.

    Text is slow to group by and to sort.
    """
    slots = values["slot"] // SLOT_MS
    first, last = slots.to_frame().select(first=pl.first().min(), last=pl.first().max()).fill_null(0).row(0)
    house, room, sensor = (_coded(values[name]) for name in ("house", "room", "sensor"))
    series, different = pl.zeros(len(values), pl.Int64, eager=True), 1
    for codes, count in (house, (slots - first, last - first + 1), room, sensor):
        series, different = series * count + codes, different * count
        if different > _MOST_SERIES:
            series, different = series.rank("dense").cast(pl.Int64), len(values) + 1
    return series.alias("series")


def _coded(names: pl.Series) -> tuple[pl.Series, int]:
    """For each name its place among all different ones in their order, and how many those are."""
    different = names.unique().sort()
    return names.cast(pl.Enum(different)).to_physical(), len(different)


def value_of(rank: str) -> pl.Expr:
    """The value in thousandths that the column ``rank`` holds."""
    return (pl.col(rank) % (1 << _VALUE_BITS) - _VALUE_OFFSET).alias("value")


def time_of(rank: str) -> pl.Expr:
    """The time in the slot, in ms, that the column ``rank`` holds."""
    return pl.col(rank) // (1 << _VALUE_BITS)


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
    if values.is_empty():
        return {}
    by_series = values.select(_series_of(values), time_of("rank").alias("time"), "quantity", value_of("rank"))
    moment = pl.col("series") * SLOT_MS + pl.col("time")
    order = by_series.select((moment * len(QUANTITIES) + pl.col("quantity")).arg_sort()).to_series()
    series, times, quantities, numbers = (column.to_numpy() for column in by_series[order])
    moments = _begins(series, times)
    masks = np.add.reduceat(1 << quantities, moments, dtype=np.uint8)
    begins = _begins(series[moments])
    slots = (
        values.select(_SERIES)[order.to_numpy()[moments[begins]]]
        .with_columns(pl.Series("count", np.diff(begins, append=len(moments))))
        .group_by("house", "slot", maintain_order=True)
        .agg("room", "sensor", "count")
    )
    ends = np.cumsum(slots["count"].list.sum())
    columns = [
        _Steps.of(times[moments], ends),
        *(
            _Steps.of(numbers[quantities == code], np.cumsum(masks >> code & 1, dtype=np.int64)[ends - 1])
            for code in range(len(QUANTITIES))
        ),
    ]
    packed: dict[SlotKey, bytes] = {}
    for place, (house, slot, rooms, sensors, counts) in enumerate(slots.iter_rows()):
        time, humidity, temperature = (column.planes(place) for column in columns)
        content = _Packed(
            series=list(zip(rooms, sensors, counts, strict=True)),
            times=time,
            masks=masks[ends[place] - sum(counts) : ends[place]].tobytes(),
            humidity=humidity,
            temperature=temperature,
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


def unreadable_sets(packed: Mapping[SlotKey, bytes]) -> dict[SlotKey, str]:
    """Those that :func:`unpack_sets` would refuse, and why; so that one of them does not cost the others."""
    found: dict[SlotKey, str] = {}
    for key, data in packed.items():
        try:
            _unpack(key, data)
        except StoreError as error:
            found[key] = str(error)
    return found


def _unpack(key: SlotKey, packed: bytes) -> _Packed:
    if packed[:1] != _FORMAT:
        raise StoreError(
            f"the set of {key} has format {packed[:1]!r}; this version reads {_FORMAT!r}: update roomidity"
        )
    try:
        return msgspec.msgpack.decode(zlib.decompress(packed[1:]), type=_Packed)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise StoreError(f"the set of {key} is damaged: {error}") from error


def _begins(*columns: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The rows in which one of the columns is another than in the row before."""
    changes = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.append(0, np.flatnonzero(changes) + 1)


@dataclass(frozen=True)
class _Steps:
    """Numbers of one slot after the other, as differences within the slot in zigzag 32-bit form."""

    zigzag: npt.NDArray[np.uint32]
    ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, numbers: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> _Steps:
        """The steps of slots that end before ``ends``."""
        steps = np.diff(numbers, prepend=0)
        starts = np.append(0, ends[:-1])
        starts = starts[starts < len(numbers)]  # the last slots may have none of a quantity
        steps[starts] = numbers[starts]
        return cls(((steps << 1) ^ (steps >> 63)).astype("<u4"), np.append(0, ends))

    def planes(self, slot: int) -> bytes:
        """A slot's, all first bytes first: what is alike stands together, and compresses."""
        own = self.zigzag[self.ends[slot] : self.ends[slot + 1]]
        return own.view(np.uint8).reshape(-1, 4).T.tobytes()


def _unplaned(planes: bytes) -> npt.NDArray[np.int64]:
    zigzag = np.frombuffer(planes, dtype=np.uint8).reshape(4, -1).T.copy().view("<u4").ravel().astype(np.int64)
    return np.cumsum((zigzag >> 1) ^ -(zigzag & 1))
