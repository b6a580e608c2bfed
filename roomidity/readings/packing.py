"""Serialises and deserialises sets as the table ``readings`` stores them for each slot."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from roomidity.domain.observations import CONTACT_SET_FORMAT, SET_FORMAT
from roomidity.domain.quantities import CONTACT, MEASURED, MEASURED_SPECS, QUANTITIES, VALUE_DECIMALS
from roomidity.domain.slots import SLOT_MS, SlotKey
from roomidity.errors import StoreError
from roomidity.readings.union import SERIES, SLOT_VALUES, rank_of, series_numbers, time_of, value_of

__all__ = ["Unpacked", "pack_sets", "unpack_sets"]

_MOST_BYTES: Final = 4_000_000
"""Maximum size of a set before compression.

The fullest set has 700,000 bytes, but an item full of zeros would unpack to 400 MB.
"""


class _Packed(msgspec.Struct, array_like=True):
    """A set before compression: series one after another, with columns as byte planes of differences."""

    series: list[tuple[str, str, int]]  # room, sensor, number of rows
    times: bytes
    masks: bytes  # bits: 1 for humidity, 2 for temperature
    humidity: bytes
    temperature: bytes


class _PackedContacts(_Packed, array_like=True):
    """The same with contacts. Sets without any keep their form, which older versions read."""

    contact: bytes  # mask 4


_FORMS: Final[Mapping[bytes, type[_Packed]]] = {SET_FORMAT: _Packed, CONTACT_SET_FORMAT: _PackedContacts}


def pack_sets(values: pl.DataFrame) -> dict[SlotKey, bytes]:
    """Returns each slot's set as bytes: a format byte, then zlib over differences in byte planes.

    Equal sets give equal bytes.

    Parameters
    ----------
    values
        Values of any number of slots (schema :data:`SLOT_VALUES`), in any order.
    """
    if values.is_empty():
        return {}
    by_series = values.select(series_numbers(values), time_of("rank").alias("time"), "quantity", value_of("rank"))
    moment = pl.col("series") * SLOT_MS + pl.col("time")
    order = by_series.select((moment * len(MEASURED) + pl.col("quantity")).arg_sort()).to_series()
    series, times, quantities, numbers = (column.to_numpy() for column in by_series[order])
    moments = _begins(series, times)
    masks = np.add.reduceat(1 << quantities, moments, dtype=np.uint8)
    begins = _begins(series[moments])
    slots = (
        values.select(SERIES)[order.to_numpy()[moments[begins]]]
        .with_columns(pl.Series("count", np.diff(begins, append=len(moments))))
        .group_by("house", "slot", maintain_order=True)
        .agg("room", "sensor", "count")
    )
    ends = np.cumsum(slots["count"].list.sum())
    columns = [
        _Steps.of(times[moments], ends),
        *(
            _Steps.of(numbers[quantities == code], np.cumsum(masks >> code & 1, dtype=np.int64)[ends - 1])
            for code in range(len(MEASURED if (quantities == CONTACT).any() else QUANTITIES))
        ),
    ]
    packed: dict[SlotKey, bytes] = {}
    for place, (house, slot, rooms, sensors, counts) in enumerate(slots.iter_rows()):
        time, humidity, temperature, *contact = (column.planes(place) for column in columns)
        form = CONTACT_SET_FORMAT if any(contact) else SET_FORMAT
        content = _FORMS[form](
            list(zip(rooms, sensors, counts, strict=True)),
            time,
            masks[ends[place] - sum(counts) : ends[place]].tobytes(),
            humidity,
            temperature,
            *filter(None, contact),
        )
        packed[SlotKey(house, slot)] = form + zlib.compress(msgspec.msgpack.encode(content), 6)
    return packed


@dataclass(frozen=True)
class Unpacked:
    """The values of sets (schema :data:`SLOT_VALUES`), and the cause for each ``unreadable`` set.

    ``count`` is the number of sets examined, which is all of them unless they hold too many values.
    """

    values: pl.DataFrame
    unreadable: Mapping[SlotKey, str]
    count: int


def unpack_sets(packed: Mapping[SlotKey, bytes], *, most_values: float = math.inf) -> Unpacked:
    """Returns the values packed by :func:`pack_sets`. An unreadable set is reported and does not affect the others.

    No further set is examined once there are ``most_values``, since a few hundred bytes can hold 92,160 values.
    """
    series: list[tuple[str, int, str, str]] = []
    owners, quantities, ranks = [], [], []
    unreadable: dict[SlotKey, str] = {}
    count = size = 0
    for key, data in packed.items():
        if size >= most_values:
            break
        count += 1
        try:
            content = _unpack(key, data)
        except StoreError as error:
            unreadable[key] = str(error)
            continue
        owner = np.repeat(np.arange(len(series), len(series) + len(content.series)), content.counts)
        series += [(key.house, key.slot_ms, room, sensor) for room, sensor, _ in content.series]
        for code, numbers in enumerate(content.numbers):
            has = content.has(code)
            owners.append(owner[has])
            quantities.append(np.full(len(numbers), code, dtype=np.uint8))
            ranks.append(rank_of(content.times[has], numbers))
            size += len(numbers)
    if not series:
        return Unpacked(SLOT_VALUES.to_frame(), unreadable, count)
    named = pl.DataFrame(
        series, schema=["house", "slot", "room", "sensor"], orient="row", schema_overrides={"slot": pl.Int64}
    )
    values = named[np.concatenate(owners)].with_columns(
        pl.Series("quantity", np.concatenate(quantities)), pl.Series("rank", np.concatenate(ranks))
    )
    return Unpacked(values, unreadable, count)


@dataclass(frozen=True)
class _Content:
    """One set: its series (room, sensor, number of rows), and the time and mask of each row."""

    series: list[tuple[str, str, int]]
    times: npt.NDArray[np.int64]
    masks: npt.NDArray[np.uint8]
    numbers: list[npt.NDArray[np.int64]]

    @property
    def counts(self) -> list[int]:
        return [count for _, _, count in self.series]

    def has(self, code: int) -> npt.NDArray[np.bool_]:
        return np.asarray(self.masks & (1 << code) != 0)

    def flaw(self) -> str | None:
        """Returns what is inconsistent in the set, or None."""
        counts = self.counts
        if min(counts, default=1) < 1 or sum(counts) != len(self.times) or len(self.masks) != len(self.times):
            return "its series, times and masks differ in length"
        if ((self.masks == 0) | (self.masks >= 1 << len(self.numbers))).any():
            return "a row has no known quantity"
        if any(self.has(code).sum() != len(numbers) for code, numbers in enumerate(self.numbers)):
            return "its masks do not fit its values"
        if ((self.times < 0) | (self.times >= SLOT_MS)).any():
            return "a time lies outside the slot"
        for spec, numbers in zip(MEASURED_SPECS, self.numbers, strict=False):  # which may end before contacts
            low, high = (round(bound * 10**VALUE_DECIMALS) for bound in spec.plausible)
            if ((numbers < low) | (numbers > high)).any():
                return f"a {spec.name} is not plausible"
        return None


def _unpack(key: SlotKey, packed: bytes) -> _Content:
    form = _FORMS.get(packed[:1])
    if form is None:
        raise StoreError(
            f"the set of {key} has format {packed[:1]!r}; this version reads {SET_FORMAT!r} and "
            f"{CONTACT_SET_FORMAT!r}: update roomidity"
        )
    try:
        raw = msgspec.msgpack.decode(_decompressed(packed[1:]), type=form)
        content = _Content(
            series=raw.series,
            times=_unplaned(raw.times),
            masks=np.frombuffer(raw.masks, dtype=np.uint8),
            numbers=[_unplaned(getattr(raw, name)) for name in form.__struct_fields__ if name in MEASURED],
        )
    except (zlib.error, msgspec.MsgspecError, ValueError) as error:
        raise StoreError(f"the set of {key} is damaged: {error}") from error
    flaw = content.flaw()
    if flaw is not None:
        raise StoreError(f"the set of {key} is damaged: {flaw}")
    return content


def _decompressed(packed: bytes) -> bytes:
    stream = zlib.decompressobj()
    content = stream.decompress(packed, _MOST_BYTES)
    if not stream.eof:
        raise ValueError(f"it is cut off, or has over {_MOST_BYTES} bytes unpacked")
    return content


def _begins(*columns: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Returns the rows in which one of the columns differs from the row before."""
    changes = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.append(0, np.flatnonzero(changes) + 1)


@dataclass(frozen=True)
class _Steps:
    """Numbers of one slot after another, as differences within the slot in zigzag encoding with 32 bits."""

    zigzag: npt.NDArray[np.uint32]
    ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, numbers: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> _Steps:
        """Returns the steps of slots that end before ``ends``."""
        steps = np.diff(numbers, prepend=0)
        starts = np.append(0, ends[:-1])
        starts = starts[starts < len(numbers)]  # The last slots may have no values of a quantity.
        steps[starts] = numbers[starts]
        return cls(((steps << 1) ^ (steps >> 63)).astype("<u4"), np.append(0, ends))

    def planes(self, slot: int) -> bytes:
        """Returns a slot's steps with all first bytes first. Similar bytes are then adjacent and compress well."""
        own = self.zigzag[self.ends[slot] : self.ends[slot + 1]]
        return own.view(np.uint8).reshape(-1, 4).T.tobytes()


def _unplaned(planes: bytes) -> npt.NDArray[np.int64]:
    zigzag = np.frombuffer(planes, dtype=np.uint8).reshape(4, -1).T.copy().view("<u4").ravel().astype(np.int64)
    return np.cumsum((zigzag >> 1) ^ -(zigzag & 1))
