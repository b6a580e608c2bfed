"""Readings into sets, sets and rules into observations: what was seen is admitted, stored, and what follows is derived.

Drains change sets, a person changes rules, and both derive what follows, in any order and side by side. Three things
make the outcome exact:

1. Who writes a set reads the rules after it; who writes a rule reads the sets after it. So of a set and a rule written
   at the same time, at least one of the two writers derives from both.
2. An observation bears its origin (version of the set, number of the rules), and is written only if neither is lower
   than what stands there. So the outcome of both never gives way to the outcome of one.
3. Who is refused reads both again and derives anew, since what stands there may be of a newer set under older rules.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

import polars as pl

from roomidity.domain.houses import House, Seen
from roomidity.domain.observations import Origin, StoredSet
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SlotKey, from_epoch_ms
from roomidity.errors import ConflictError, StoreError
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.ports import Houses, Observations, Sets
from roomidity.readings import derive, pack_sets, union, unpack_sets
from roomidity.readings.renaming import HouseAliases, values_by_present_names

__all__ = ["SlotWriter", "Stored"]

logger: Final = logging.getLogger(__name__)

_ROUND_SLOTS: Final = 2_000
"""Slots read and written at a time: a year's readings, one a slot, into full sets would take 2 GB at once."""


@dataclass
class Stored:
    """What became of accepted readings (``outcomes``), and how many slots' sets and observations were written.

    ``left`` are the messages (by index) with readings of a slot whose set cannot be read: they must stay in the queue.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    slots_changed: int = 0
    slots_rederived: int = 0
    left: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class SlotWriter:
    """Writes what is stored of slots: houses' rooms and sensors, sets, observations."""

    houses: Houses
    sets: Sets
    observations: Observations
    backoff: BackOff

    def admit(self, accepted: pl.DataFrame, *, timezone: str, known: Mapping[str, House] | None = None) -> pl.DataFrame:
        """Write into each house what was seen of it, before any reading is stored.

        ``known`` are the houses as they were just read, if they were: they are read again only where others changed
        them meanwhile.

        Returns
        -------
        The house, room and sensor of what the houses have no place for.

        Raises
        ------
        ConflictError
            If other writers of a house were faster every time.
        """
        pending = _seen(accepted)
        refused: list[tuple[str, str, str]] = []
        for attempt in range(ATTEMPTS):
            before = known if known is not None else self.houses.get_many(pending) if pending else {}
            known = None
            for name, seen in list(pending.items()):
                house = before.get(name) or House(name=name, timezone=timezone)
                grown, no_place = house.admit(seen)
                if grown != house:
                    try:
                        self.houses.put(grown)
                    except ConflictError:
                        continue
                refused += [(name, room, sensor) for room, sensor in no_place]
                del pending[name]
            if not pending:
                schema = dict.fromkeys(("house", "room", "sensor"), pl.String)
                return pl.DataFrame(refused, schema=schema, orient="row")
            self.backoff.pause(attempt)
        raise ConflictError(f"houses {', '.join(sorted(pending))}", attempts=ATTEMPTS)

    def store(self, accepted: pl.DataFrame, *, aliases: HouseAliases = MappingProxyType({})) -> Stored:
        """Add each reading to its slot's set, durably, and bring the observations of those slots up to date.

        What a set holds under a former name of a room (``aliases``) is compared, and kept, under the present one.

        Raises
        ------
        ConflictError
            If other writers of a slot were faster every time.
        """
        stored = Stored()
        rows = accepted.with_row_index("row")
        slots = rows.select("house", "slot").unique().sort("house", "slot")
        for part in slots.iter_slices(_ROUND_SLOTS):
            pending = rows.join(part, on=["house", "slot"], how="semi", maintain_order="left")
            for attempt in range(ATTEMPTS):
                pending = self._store_round(pending, stored, aliases)
                if pending.is_empty():
                    break
                self.backoff.pause(attempt)
            else:
                raise ConflictError(f"{pending.select('house', 'slot').n_unique()} slots", attempts=ATTEMPTS)
        return stored

    def refresh(self, read: Mapping[SlotKey, StoredSet]) -> int:
        """Bring the observations of sets that were just ``read`` up to date; returns how many were written.

        Running it again writes none.

        Raises
        ------
        ConflictError
            If other writers were faster every time.
        StoreError
            If a set cannot be read.
        """
        written = 0
        for attempt in range(ATTEMPTS):
            versions = {key: held.version for key, held in read.items()}
            homes = self._homes(versions)
            due = self._behind(versions, homes)
            values = _all_values({key: held.packed for key, held in read.items() if key in due})
            refused = self._write_observations(values, {key: versions[key] for key in due}, homes) if due else due
            written += len(due) - len(refused)
            if not refused:
                return written
            self.backoff.pause(attempt)
            read = self.sets.get_many(refused)
        raise ConflictError(f"the observations of {len(refused)} slots", attempts=ATTEMPTS)

    def _store_round(self, pending: pl.DataFrame, stored: Stored, aliases: HouseAliases) -> pl.DataFrame:
        """One round for all slots; returns the readings of those slots that another writer changed meanwhile."""
        keys = [SlotKey(*key) for key in pending.select("house", "slot").unique(maintain_order=True).iter_rows()]
        before = self.sets.get_many(keys)
        unpacked = unpack_sets({key: held.packed for key, held in before.items()})
        if unpacked.unreadable:
            for why in unpacked.unreadable.values():
                logger.error("a set cannot be read; its readings stay in the queue: %s", why)
            apart = _of_slots(pending, set(unpacked.unreadable))
            stored.left.update(apart["message"].unique())
            pending = pending.join(apart.select("row"), on="row", how="anti", maintain_order="left")
            if pending.is_empty():
                return pending
            keys = [key for key in keys if key not in unpacked.unreadable]
        merged = union(values_by_present_names(unpacked.values, aliases), pending)
        changed = set(merged.changed)
        versions = {key: (before[key].version if key in before else 0) + (key in changed) for key in keys}
        packed = pack_sets(_of_slots(merged.values, changed))
        lost = self.sets.put_many({key: StoredSet(content, versions[key]) for key, content in packed.items()})

        homes = self._homes(versions)
        stale = self._behind({key: versions[key] for key in keys if key not in changed}, homes)
        due = (changed - lost) | stale
        derived = {key: versions[key] for key in due}
        refused = self._write_observations(_of_slots(merged.values, due), derived, homes) if due else due
        if refused:
            self.refresh(self.sets.get_many(refused))

        stored.slots_changed += len(changed - lost)
        stored.slots_rederived += len(stale)
        still_pending = _of_slots(pending, lost)
        outcomes = merged.outcomes.join(still_pending.select("row"), on="row", how="anti")
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


def _seen(accepted: pl.DataFrame) -> dict[str, list[Seen]]:
    """What the readings show of each house: its rooms' sensors, and when each last measured a quantity."""
    at = pl.col("slot") + pl.col("time_ms")
    groups = accepted.group_by("house", "room", "sensor").agg(
        at.min().alias("first"),
        at.max().alias("last"),
        *(at.filter(pl.col(quantity).is_not_null()).max().alias(quantity) for quantity in QUANTITIES),
    )
    seen: dict[str, list[Seen]] = {}
    for house, room, sensor, first, last, *newest in groups.iter_rows():
        measured: dict[str, datetime] = {
            name: from_epoch_ms(ms) for name, ms in zip(QUANTITIES, newest, strict=True) if ms is not None
        }
        seen.setdefault(house, []).append(Seen(room, sensor, from_epoch_ms(first), from_epoch_ms(last), measured))
    return seen


def _origins(versions: Mapping[SlotKey, int], homes: Mapping[str, House]) -> dict[SlotKey, Origin]:
    numbers = {name: house.rules_version for name, house in homes.items()}
    return {key: Origin(version, numbers.get(key.house, 0)) for key, version in versions.items()}


def _all_values(packed: Mapping[SlotKey, bytes]) -> pl.DataFrame:
    """The values of sets of which each must be readable."""
    unpacked = unpack_sets(packed)
    for why in unpacked.unreadable.values():
        raise StoreError(why)
    return unpacked.values


def _of_slots(rows: pl.DataFrame, keys: set[SlotKey]) -> pl.DataFrame:
    """The rows of some slots."""
    if not keys:
        return rows.clear()
    wanted = pl.DataFrame(list(keys), schema={"house": pl.String, "slot": pl.Int64}, orient="row")
    return rows.join(wanted, on=["house", "slot"], how="semi", maintain_order="left")
