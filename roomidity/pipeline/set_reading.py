"""Reads as many sets at once as fit in memory. A set of a few hundred bytes can hold 92,160 values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import polars as pl

from roomidity.domain.observations import StoredSet
from roomidity.domain.slots import SlotKey
from roomidity.pipeline.ports import Sets
from roomidity.readings import unpack_sets
from roomidity.readings.renaming import HouseAliases, values_by_present_names

__all__ = ["ROUND_VALUES", "ReadSets", "SetReader"]

ROUND_VALUES: Final = 1_000_000
"""Maximum values, stored and new together, that are merged at a time. They take some 250 MB."""

_AT_ONCE: Final = 100
"""Sets that are requested at once, which is what one call accepts, and 40 MB packed if all are full."""


@dataclass(frozen=True)
class ReadSets:
    """Sets as they were read. ``keys`` are the requested ones, up to the one at which the memory limit was reached.

    Sets in ``held`` of an earlier life of a house count as empty, and are kept there to be replaced. Sets in ``later``
    are of a later life, because the house was forgotten in the meantime.
    """

    keys: Sequence[SlotKey]
    held: Mapping[SlotKey, StoredSet]
    values: pl.DataFrame
    unreadable: Mapping[SlotKey, str]
    later: AbstractSet[SlotKey] = frozenset()


class SetReader:
    """Reads sets in order until they have :data:`ROUND_VALUES` values, but at least one set.

    Rooms are returned under their present names (``aliases``). ``lives`` are those of the houses whose readings are
    stored. The reader learns how many values sets have, so that full ones are not read over and over.
    """

    def __init__(
        self,
        sets: Sets,
        aliases: HouseAliases = MappingProxyType({}),
        lives: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._sets = sets
        self._lives = lives
        self._aliases = aliases
        self._at_once = _AT_ONCE

    def read(self, keys: Sequence[SlotKey]) -> ReadSets:
        """Returns the sets of the given slots, read consistently, up to the memory limit."""
        held: dict[SlotKey, StoredSet] = {}
        unreadable: dict[SlotKey, str] = {}
        parts: list[pl.DataFrame] = []
        left, place = ROUND_VALUES, 0
        while place < len(keys) and left > 0:
            some = keys[place : place + self._at_once]
            found = self._sets.get_many(some)
            stored = [key for key in some if key in found and found[key].life == self._lives.get(key.house, 0)]
            unpacked = unpack_sets({key: found[key].packed for key in stored}, most_values=left)
            is_whole = unpacked.count == len(stored)
            taken = len(some) if is_whole else some.index(stored[unpacked.count])
            self._at_once = min(_AT_ONCE, 2 * self._at_once) if is_whole else max(1, taken)
            held |= {key: found[key] for key in some[:taken] if key in found}
            unreadable |= unpacked.unreadable
            parts.append(unpacked.values)
            left -= len(unpacked.values)
            place += taken
        values = values_by_present_names(parts[0] if len(parts) == 1 else pl.concat(parts), self._aliases)
        later = {key for key, one in held.items() if one.life > self._lives.get(key.house, 0)}
        return ReadSets(keys[:place], held, values, unreadable, later)
