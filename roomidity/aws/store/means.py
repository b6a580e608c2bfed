"""Observations decoded straight into structs: what a forecast reads of two days, at a fifth of the work.

Read as it comes, an item of 8 rooms is 100 dicts, which pynamodb walks once more. Whatever does not have exactly this
form is read the long way, which tells what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NotRequired, TypedDict

import msgspec

from roomidity.aws.store.reading import FORMAT_VERSION
from roomidity.domain.damage import number_within, whole
from roomidity.domain.observations import RoomMeans
from roomidity.domain.quantities import SPECS
from roomidity.domain.slots import parse_slot

__all__ = ["PAGE", "SlotItem", "slot_means"]

_PLAUSIBLE: Final[Mapping[str, tuple[float, float]]] = {spec.name: spec.plausible for spec in SPECS}
_MEAN_NAMES: Final[Mapping[str, str]] = {spec.name: f"{spec.name}_mean" for spec in SPECS}
_COUNT_NAMES: Final[Mapping[str, str]] = {spec.name: f"{spec.name}_count" for spec in SPECS}


class _Number(msgspec.Struct, gc=False):
    N: float  # in JSON it is text


class _Text(msgspec.Struct, gc=False):
    S: str


class _Statistics(msgspec.Struct, gc=False, omit_defaults=True):
    mean: _Number
    count: _Number
    robust: _Number | None = None


class _Quantity(msgspec.Struct, gc=False):
    M: _Statistics


class _Room(msgspec.Struct, gc=False):
    M: dict[str, _Quantity]


class _Rooms(msgspec.Struct, gc=False):
    M: dict[str, _Room]


class SlotItem(msgspec.Struct, gc=False):
    """An item of ``observations``, as far as means need it; the others are there to be of their types."""

    house: _Text
    slot: _Text
    rooms: _Rooms
    version: _Number
    expires_at: _Number
    rules: _Number | None = None
    digest: _Text | None = None
    v: _Number | None = None

    def __post_init__(self) -> None:
        if self.v is not None and not self.v.N <= FORMAT_VERSION:
            raise ValueError("it is of a newer format")


class _Page(TypedDict):
    Items: list[SlotItem]  # an error has none, and is read the long way
    Count: NotRequired[int]
    ScannedCount: NotRequired[int]
    LastEvaluatedKey: NotRequired[dict[str, dict[str, str]]]
    ConsumedCapacity: NotRequired[dict[str, Any]]


PAGE: Final = msgspec.json.Decoder(_Page, strict=False)
"""Of an answer to Query."""


def slot_means(item: SlotItem, *, counts: bool = False) -> tuple[datetime, RoomMeans]:
    """A slot's start, and its rooms' means.

    Raises
    ------
    ValueError
        If a number is none that was ever measured, or the slot is no time.
    """
    found: RoomMeans = {}
    for room, quantities in item.rooms.M.items():
        means: dict[str, float] = {}
        for quantity, held in quantities.M.items():
            statistics, plausible = held.M, _PLAUSIBLE[quantity]
            mean = number_within(statistics.mean.N, plausible)
            if statistics.robust is None:
                means[quantity] = mean
            else:
                means[quantity] = number_within(statistics.robust.N, plausible)
                means[_MEAN_NAMES[quantity]] = mean
            if counts:
                means[_COUNT_NAMES[quantity]] = float(whole(statistics.count.N))
        found[room] = means
    return parse_slot(item.slot.S), found
