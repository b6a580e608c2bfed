"""Readings into sets, sets and rules into observations: what came is stored, and what follows is derived.

Drains change sets, a person changes rules, and both derive what follows, in any order and side by side. Three things
make the outcome exact:

1. Who writes a set reads the rules after it; who writes a rule reads the sets after it. So of a set and a rule written
   at the same time, at least one of the two writers derives from both.
2. An observation bears its origin (version of the set, number of the rules), and is written only if neither is lower
   than what stands there. So the outcome of both never gives way to the outcome of one.
3. Who is refused reads both again and derives anew, since what stands there may be of a newer set under older rules.

A house may be forgotten meanwhile. Who forgets notes it in the house first and deletes then; who stores reads the house
last, and takes back what it wrote of one that is no more: :meth:`SlotWriter.clear`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from roomidity.domain.houses import House
from roomidity.domain.observations import Origin, StoredSet
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SlotKey
from roomidity.errors import ConflictError
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.ports import Houses, Observations, Sets
from roomidity.pipeline.set_reading import ROUND_VALUES, ReadSets, SetReader
from roomidity.readings import derive, pack_sets, union, unpack_sets
from roomidity.readings.renaming import HouseAliases, values_by_present_names

__all__ = ["SlotWriter", "Stored"]

logger: Final = logging.getLogger(__name__)

_ROUND_SLOTS: Final = 2_000
"""Slots read and written at a time, at most; fewer where they hold more than :data:`ROUND_VALUES`."""


_MOST_BYTES: Final = 400_000
"""Of a packed set: an item takes 409,600 with all else in it, and the fullest set of a house is below. Late readings of
rooms that were replaced meanwhile can make a slot's larger."""


@dataclass
class Stored:
    """What became of accepted readings (``outcomes``), and how many slots' sets and observations were written.

    ``left`` are the messages (by index) that must stay in the queue: with readings of a slot whose set cannot be read,
    or that were ``not_stored``, for want of time, or as other writers were faster every time (then ``overtaken``).
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    slots_changed: int = 0
    slots_rederived: int = 0
    left: set[int] = field(default_factory=set)
    not_stored: int = 0
    overtaken: ConflictError | None = None

    def leave(self, rows: pl.DataFrame) -> None:
        """Leave readings for another drain."""
        self.not_stored += len(rows)
        self.left.update(rows["message"].unique())


@dataclass(frozen=True)
class SlotWriter:
    """Writes what is stored of slots: sets and observations."""

    houses: Houses
    sets: Sets
    observations: Observations
    backoff: BackOff

    def store(
        self,
        accepted: pl.DataFrame,
        *,
        may_go_on: Callable[[], bool] = lambda: True,
        aliases: HouseAliases = MappingProxyType({}),
        lives: Mapping[str, int] = MappingProxyType({}),
    ) -> Stored:
        """Add each reading to its slot's set, durably, and bring the observations of those slots up to date.

        A slot costs itself alone: what cannot be stored is left. So is what ``may_go_on`` has no time for; it is asked
        before every round but the first. What a set holds under a former name of a room (``aliases``) is compared, and
        kept, under the present one. ``lives`` are those of the houses when the readings were let in; readings of one
        that was forgotten since are left.
        """
        stored = Stored()
        rows = accepted.with_row_index("row")
        slots = rows.group_by("house", "slot").len().sort("house", "slot")
        keys = [SlotKey(*key) for key in slots.select("house", "slot").iter_rows()]
        ends = (slots["len"] * len(QUANTITIES)).cum_sum().to_numpy()
        reader = SetReader(self.sets, aliases, lives)
        first = 0
        while first < len(keys):
            if first and not may_go_on():
                stored.leave(_of_slots(rows, set(keys[first:])))
                break
            most = (ends[first - 1] if first else 0) + ROUND_VALUES
            part = keys[first : min(first + _ROUND_SLOTS, max(first + 1, int(np.searchsorted(ends, most, "right"))))]
            first += self._store_part(part, rows if part == keys else _of_slots(rows, set(part)), reader, stored, lives)
        return stored

    def clear(self, keys: Iterable[SlotKey]) -> None:
        """Delete what slots hold of houses that were forgotten, and derive anew what they hold of those that are there.

        Running it again changes nothing.
        """
        slots = dict.fromkeys(keys, 0)
        homes = self._homes(slots)
        self.sets.delete_before({key: homes[key.house].life for key in slots if key.house in homes})
        self.observations.delete(slots)
        self._refresh(self.sets.get_many(slots))

    def _store_part(
        self, keys: list[SlotKey], rows: pl.DataFrame, reader: SetReader, stored: Stored, lives: Mapping[str, int]
    ) -> int:
        """Store the readings of some slots, the first that fit in memory with what is stored; how many those are."""
        read = reader.read(keys)
        taken = len(read.keys)
        pending = rows if taken == len(keys) else _of_slots(rows, set(read.keys))
        for attempt in range(ATTEMPTS):
            at_hand = pending if not attempt else _of_slots(pending, set(read.keys))
            beyond = pending.clear() if not attempt else pending.join(at_hand, on="row", how="anti")
            pending = pl.concat([self._store_round(at_hand, read, stored, lives), beyond])
            if pending.is_empty():
                return taken
            self.backoff.pause(attempt)
            read = reader.read(_keys_of(pending))
        stored.overtaken = ConflictError(f"{pending.select('house', 'slot').n_unique()} slots", attempts=ATTEMPTS)
        stored.leave(pending)
        return taken

    def refresh(self, read: Mapping[SlotKey, StoredSet]) -> int:
        """Bring the observations of sets that were just ``read`` up to date; returns how many were written.

        Running it again writes none. A set that cannot be read is named in the log, and costs the others nothing.

        Raises
        ------
        ConflictError
            If other writers were faster every time.
        """
        written, refused = self._refresh(read)
        if refused:
            raise ConflictError(f"the observations of {len(refused)} slots", attempts=ATTEMPTS)
        return written

    def _refresh(self, read: Mapping[SlotKey, StoredSet]) -> tuple[int, set[SlotKey]]:
        """The same; returns how many were written, and the slots whose observation never gave way."""
        written = 0
        refused: set[SlotKey] = set()
        for attempt in range(ATTEMPTS):
            versions = {key: held.version for key, held in read.items()}
            homes = self._homes(versions)
            versions = {key: one for key, one in versions.items() if read[key].life == _life(homes, key.house)}
            behind = self._behind(versions, homes)
            unpacked = unpack_sets({key: held.packed for key, held in read.items() if key in behind})
            _tell(unpacked.unreadable)
            due = behind - unpacked.unreadable.keys()
            of_due = {key: versions[key] for key in due}
            refused = self._write_observations(unpacked.values, of_due, homes) if due else due
            written += len(due) - len(refused)
            if not refused:
                break
            self.backoff.pause(attempt)
            read = self.sets.get_many(refused)
        return written, refused

    def _store_round(
        self, pending: pl.DataFrame, read: ReadSets, stored: Stored, lives: Mapping[str, int]
    ) -> pl.DataFrame:
        """One round for slots that were read; returns the readings of those that another writer changed meanwhile."""
        keys, before = list(read.keys), read.held
        if read.later:
            apart = _of_slots(pending, set(read.later))
            stored.leave(apart)
            pending = _but(pending, apart)
            if pending.is_empty():
                return pending
            keys = [key for key in keys if key not in read.later]
        if read.unreadable:
            _tell(read.unreadable)
            apart = _of_slots(pending, set(read.unreadable))
            stored.left.update(apart["message"].unique())
            pending = _but(pending, apart)
            if pending.is_empty():
                return pending
            keys = [key for key in keys if key not in read.unreadable]
        merged = union(read.values, pending)
        changed = set(merged.changed)
        versions = {key: (before[key].version if key in before else 0) + (key in changed) for key in keys}
        packed = pack_sets(_of_slots(merged.values, changed))
        too_large = {key: f"the set of {key} is too large" for key, one in packed.items() if len(one) > _MOST_BYTES}
        if too_large:
            _tell(too_large)
            apart = _of_slots(pending, set(too_large))
            stored.leave(apart)
            return _but(pending, apart)  # a round of its own
        lost = self.sets.put_many(
            {key: StoredSet(content, versions[key], lives.get(key.house, 0)) for key, content in packed.items()}
        )

        homes = self._homes(versions)
        stale = self._behind({key: versions[key] for key in keys if key not in changed}, homes)
        due = (changed - lost) | stale
        derived = {key: versions[key] for key in due}
        refused = self._write_observations(_of_slots(merged.values, due), derived, homes) if due else due
        _, stuck = self._refresh(self.sets.get_many(refused)) if refused else (0, set[SlotKey]())
        if stuck:
            _tell({key: f"the observation of {key} gives way to none" for key in stuck})
            stored.left.update(_of_slots(pending, stuck)["message"].unique())

        homes = self._homes(versions)
        gone = {key for key in keys if _life(homes, key.house) != lives.get(key.house, 0)}
        of_gone = _of_slots(pending, gone)
        if gone:
            logger.warning("a house was forgotten meanwhile", extra={"slots": len(gone)})
            self.clear(gone)
            stored.leave(of_gone)
            changed, lost, stale = changed - gone, lost - gone, stale - gone

        stored.slots_changed += len(changed - lost)
        stored.slots_rederived += len(stale)
        still_pending = _of_slots(pending, lost)
        outcomes = _but(merged.outcomes, pl.concat([still_pending, of_gone]))
        stored.outcomes.update(dict(outcomes["outcome"].value_counts().iter_rows()))
        return still_pending

    def _homes(self, versions: Mapping[SlotKey, int]) -> dict[str, House]:
        """The houses of some slots, read now: after the slots' sets, or the rules may be older than the sets."""
        return self.houses.get_many(sorted({key.house for key in versions})) if versions else {}

    def _behind(self, versions: Mapping[SlotKey, int], homes: Mapping[str, House]) -> set[SlotKey]:
        """The slots whose observation is missing, or is of an older set or older rules.

        A drain died between set and observation, or a change of rules did before it came to the slot.
        """
        standing = self.observations.origins(versions) if versions else {}
        wanted = _origins(versions, homes)
        return {key for key in versions if key not in standing or not standing[key].covers(wanted[key])}

    def _write_observations(
        self, values: pl.DataFrame, versions: Mapping[SlotKey, int], homes: Mapping[str, House]
    ) -> set[SlotKey]:
        """Derive the slots of ``versions`` from their ``values``; returns those refused: something newer is there."""
        values = values_by_present_names(values, {name: home.aliases for name, home in homes.items()})
        observed = derive(values, {name: home.present_rules for name, home in homes.items() if home.quarantine})
        origins = _origins(versions, homes)
        return self.observations.put_many({key: (observation, origins[key]) for key, observation in observed.items()})


def _life(homes: Mapping[str, House], house: str) -> int:
    return homes[house].life if house in homes else 0


def _origins(versions: Mapping[SlotKey, int], homes: Mapping[str, House]) -> dict[SlotKey, Origin]:
    numbers = {name: house.rules_version for name, house in homes.items()}
    return {key: Origin(version, numbers.get(key.house, 0)) for key, version in versions.items()}


def _tell(unreadable: Mapping[SlotKey, str]) -> None:
    """Name in the log what keeps readings in the queue."""
    for why in unreadable.values():
        logger.error("a set cannot be read or written; its readings stay in the queue: %s", why)


def _keys_of(rows: pl.DataFrame) -> list[SlotKey]:
    return [SlotKey(*key) for key in rows.select("house", "slot").unique(maintain_order=True).iter_rows()]


def _but(rows: pl.DataFrame, apart: pl.DataFrame) -> pl.DataFrame:
    return rows.join(apart.select("row"), on="row", how="anti", maintain_order="left")


def _of_slots(rows: pl.DataFrame, keys: set[SlotKey]) -> pl.DataFrame:
    """The rows of some slots."""
    if not keys:
        return rows.clear()
    wanted = pl.DataFrame(list(keys), schema={"house": pl.String, "slot": pl.Int64}, orient="row")
    return rows.join(wanted, on=["house", "slot"], how="semi", maintain_order="left")
