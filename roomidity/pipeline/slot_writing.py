"""Writes readings into sets, and derives observations from sets and rules.

Drains change sets, people change rules, and both derive observations from them, in any order and in parallel. Three
rules make the outcome exact:

1. Whoever writes a set reads the rules afterwards, and whoever writes a rule reads the sets afterwards. If a set and a
   rule are written at the same time, at least one of the two writers therefore derives from both.
2. An observation carries its origin (version of the set, number of the rules), and is written only if neither number is
   lower than that of the stored one. An outcome of both therefore never gives way to an outcome of one.
3. A writer that is refused reads both again and derives again, since what is stored may be of a newer set under older
   rules.

A restored table moves back in time together with its numbers. The origin's digest therefore covers the contents as
well. If an observation has a higher number than a set or rules that were read after it, these are raised above it.

A house may be forgotten in the meantime. Whoever forgets a house first notes it in the house, and deletes afterwards.
Whoever stores reads the house last, and undoes what it wrote if the house no longer exists (:meth:`SlotWriter.clear`).

What forecasts would not read again is marked in the house before the observation is written (:mod:`.marking`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from roomidity.domain.houses import House
from roomidity.domain.observations import Observation, Origin, StoredSet, without_flags
from roomidity.domain.quantities import MEASURED
from roomidity.domain.slots import SlotKey
from roomidity.errors import ConflictError
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.marking import mark
from roomidity.pipeline.origins import Compared, compare, origins_of, raise_above
from roomidity.pipeline.ports import Houses, Observations, Sets
from roomidity.pipeline.set_reading import ROUND_VALUES, ReadSets, SetReader
from roomidity.pipeline.stored import Stored, keys_of, rows_but, rows_of
from roomidity.readings import derive, pack_sets, union, unpack_sets
from roomidity.readings.renaming import HouseAliases, values_by_present_names

__all__ = ["SlotWriter"]

logger: Final = logging.getLogger(__name__)

_ROUND_SLOTS: Final = 2_000
"""Maximum slots read and written at a time. There are fewer if they hold more than :data:`ROUND_VALUES`."""


_MOST_BYTES: Final = 400_000
"""Maximum size of a packed set. An item holds 409,600 bytes including everything else, and the fullest set of a house
stays below. Late readings of rooms that were replaced in the meantime can make a slot's set larger.
"""


@dataclass(frozen=True)
class SlotWriter:
    """Writes what is stored of slots, which are sets and observations.

    ``now`` is when it does so. Without it, nothing counts as newly closed.
    """

    houses: Houses
    sets: Sets
    observations: Observations
    backoff: BackOff
    now: datetime | None = None

    def store(
        self,
        accepted: pl.DataFrame,
        *,
        may_go_on: Callable[[], bool] = lambda: True,
        aliases: HouseAliases = MappingProxyType({}),
        lives: Mapping[str, int] = MappingProxyType({}),
    ) -> Stored:
        """Add each reading durably to its slot's set, and update the observations of those slots.

        Returns what became of them.

        A slot that cannot be stored affects no other, and its readings are left. So are readings for which
        ``may_go_on`` says that there is no time. It is asked before every round but the first. What a set holds under a
        former name of a room (``aliases``) is compared and kept under the present one. ``lives`` are those of the
        houses when the readings were admitted. Readings of a house that was forgotten since are left.
        """
        stored = Stored()
        rows = accepted.with_row_index("row")
        slots = rows.group_by("house", "slot").len().sort("house", "slot")
        keys = [SlotKey(*key) for key in slots.select("house", "slot").iter_rows()]
        ends = (slots["len"] * len(MEASURED)).cum_sum().to_numpy()
        reader = SetReader(self.sets, aliases, lives)
        first = 0
        while first < len(keys):
            if first and not may_go_on():
                stored.leave(rows_of(rows, set(keys[first:])))
                break
            most = (ends[first - 1] if first else 0) + ROUND_VALUES
            part = keys[first : min(first + _ROUND_SLOTS, max(first + 1, int(np.searchsorted(ends, most, "right"))))]
            first += self._store_part(part, rows if part == keys else rows_of(rows, set(part)), reader, stored, lives)
        return stored

    def clear(self, keys: Iterable[SlotKey]) -> None:
        """Delete what slots hold of forgotten houses, and derive again what they hold of existing houses.

        This is idempotent.
        """
        slots = dict.fromkeys(keys, 0)
        homes = self._homes(slots)
        self.sets.delete_before({key: homes[key.house].life for key in slots if key.house in homes})
        self.observations.delete(slots)
        self._refresh(self.sets.get_many(slots))

    def _store_part(
        self, keys: list[SlotKey], rows: pl.DataFrame, reader: SetReader, stored: Stored, lives: Mapping[str, int]
    ) -> int:
        """Store the readings of the first slots that fit in memory together with what is stored.

        Returns how many slots.
        """
        read = reader.read(keys)
        taken = len(read.keys)
        pending = rows if taken == len(keys) else rows_of(rows, set(read.keys))
        for attempt in range(ATTEMPTS):
            at_hand = pending if not attempt else rows_of(pending, set(read.keys))
            beyond = pending.clear() if not attempt else pending.join(at_hand, on="row", how="anti")
            pending = pl.concat([self._store_round(at_hand, read, stored, lives), beyond])
            if pending.is_empty():
                return taken
            self.backoff.pause(attempt)
            read = reader.read(keys_of(pending))
        stored.overtaken = ConflictError(f"{pending.select('house', 'slot').n_unique()} slots", attempts=ATTEMPTS)
        stored.leave(pending)
        return taken

    def refresh(self, read: Mapping[SlotKey, StoredSet]) -> int:
        """Bring the observations of sets that were just ``read`` up to date. Returns how many were written.

        This is idempotent. A set that cannot be read is named in the log, and does not affect the others.

        Raises
        ------
        ConflictError
            If other writers were faster every time.
        """
        written, refused, sealed = self._refresh(read)
        _tell({key: f"the observation of {key} gives way to none" for key in sealed})
        if refused:
            raise ConflictError(f"the observations of {len(refused)} slots", attempts=ATTEMPTS)
        return written

    def correct(self, read: Mapping[SlotKey, StoredSet], standing: Mapping[SlotKey, Observation]) -> int:
        """Rewrite observations that differ from what the sets just ``read`` lead to. Returns how many were rewritten.

        This follows :meth:`refresh`, for observations that have the right origin but other contents, such as those of
        an earlier version. Fault flags do not count as a difference. If another writer is faster, its result stands.
        """
        homes = self._homes(read)
        unpacked = unpack_sets({key: held.packed for key, held in read.items()})
        derived = _derive(unpacked.values, homes)
        other = {
            key for key, observation in derived.items() if without_flags(standing.get(key, {})) != observation
        } - unpacked.unreadable.keys()
        if not other:
            return 0
        origins = origins_of({key: read[key] for key in other}, homes)
        return len(other) - len(self.put({key: (derived[key], origins[key]) for key in other}, homes))

    def _refresh(self, read: Mapping[SlotKey, StoredSet]) -> tuple[int, set[SlotKey], set[SlotKey]]:
        """Do the work of :meth:`refresh`.

        Returns how many were written, and the slots that were refused or are sealed.
        """
        written = 0
        refused: set[SlotKey] = set()
        seen: dict[SlotKey, Origin] = {}
        sealed: set[SlotKey] = set()
        for attempt in range(ATTEMPTS):
            homes = self._homes(read)
            read = {key: one for key, one in read.items() if one.life == _life(homes, key.house)}
            found = self._compare(read, homes)
            due = set(found.behind)
            unpacked = unpack_sets({key: held.packed for key, held in read.items() if key in due | found.ahead.keys()})
            _tell(unpacked.unreadable)
            due -= unpacked.unreadable.keys()
            ahead = {key: origin for key, origin in found.ahead.items() if key not in unpacked.unreadable}
            raise_above(
                {key: seen[key] for key in ahead.keys() & seen}, self.houses, self.sets, self.backoff, read, homes
            )
            derived = {key: read[key] for key in due}
            refused = self._write_observations(rows_of(unpacked.values, due), derived, homes) if due else due
            written += len(due) - len(refused)
            sealed |= found.sealed
            if not refused and not ahead:
                break
            if attempt or refused:
                self.backoff.pause(attempt)
            seen |= ahead
            read = self.sets.get_many(refused | ahead.keys())
        return written, refused, sealed

    def _store_round(
        self, pending: pl.DataFrame, read: ReadSets, stored: Stored, lives: Mapping[str, int]
    ) -> pl.DataFrame:
        """Do one round for slots that were read.

        Returns the readings of slots that another writer changed in the meantime.
        """
        keys, before = list(read.keys), read.held
        if read.later or read.unreadable:
            _tell(read.unreadable)
            stored.leave(rows_of(pending, set(read.later)))
            stored.left.update(rows_of(pending, set(read.unreadable))["message"].unique())
            pending = rows_but(pending, rows_of(pending, {*read.later, *read.unreadable}))
            if pending.is_empty():
                return pending
            keys = [key for key in keys if key not in read.later and key not in read.unreadable]
        merged = union(read.values, pending)
        changed = set(merged.changed)
        versions = {key: (before[key].version if key in before else 0) + (key in changed) for key in keys}
        packed = pack_sets(rows_of(merged.values, changed))
        too_large = {key: f"the set of {key} is too large" for key, one in packed.items() if len(one) > _MOST_BYTES}
        if too_large:
            _tell(too_large)
            apart = rows_of(pending, set(too_large))
            stored.leave(apart)
            return rows_but(pending, apart)  # the other readings get a round of their own
        held = {key: StoredSet(content, versions[key], lives.get(key.house, 0)) for key, content in packed.items()}
        lost = self.sets.put_many(held)

        held |= {key: before[key] for key in keys if key not in changed}
        homes = self._homes(held)
        found = self._compare({key: held[key] for key in keys if key not in changed}, homes)
        stale = found.behind
        due = (changed - lost) | stale
        derived = {key: held[key] for key in due}
        refused = self._write_observations(rows_of(merged.values, due), derived, homes) if due else due
        doubtful = refused | found.ahead.keys()
        _, refused, sealed = self._refresh(self.sets.get_many(doubtful)) if doubtful else (0, refused, refused)
        if stuck := refused | sealed:
            _tell({key: f"the observation of {key} gives way to none" for key in stuck})
            stored.left.update(rows_of(pending, stuck)["message"].unique())

        homes = self._homes(versions)
        gone = {key for key in keys if _life(homes, key.house) != lives.get(key.house, 0)}
        of_gone = rows_of(pending, gone)
        if gone:
            logger.warning("a house was forgotten meanwhile", extra={"slots": len(gone)})
            self.clear(gone)
            stored.leave(of_gone)
            changed, lost, stale = changed - gone, lost - gone, stale - gone

        stored.slots_changed += len(changed - lost)
        stored.slots_rederived += len(stale)
        still_pending = rows_of(pending, lost)
        outcomes = rows_but(merged.outcomes, pl.concat([still_pending, of_gone]))
        stored.outcomes.update(dict(outcomes["outcome"].value_counts().iter_rows()))
        return still_pending

    def _homes(self, slots: Iterable[SlotKey]) -> dict[str, House]:
        """Returns the houses of the given slots as they are now.

        Read them after the slots' sets, because otherwise the rules may be older than the sets.
        """
        names = sorted({key.house for key in slots})
        return self.houses.without_rooms(names) if names else {}

    def _compare(self, held: Mapping[SlotKey, StoredSet], homes: Mapping[str, House]) -> Compared:
        return compare(held, homes, self.observations.origins(held) if held else {})

    def _write_observations(
        self, values: pl.DataFrame, held: Mapping[SlotKey, StoredSet], homes: Mapping[str, House]
    ) -> set[SlotKey]:
        """Derive the observations of the ``held`` slots from their ``values``.

        Returns the slots refused for something newer.
        """
        origins = origins_of(held, homes)
        observed = _derive(values, homes)
        return self.put({key: (observation, origins[key]) for key, observation in observed.items()}, homes)

    def put(self, observed: Mapping[SlotKey, tuple[Observation, Origin]], homes: Mapping[str, House]) -> set[SlotKey]:
        """Write observations of ``homes`` as they were just read. Returns the slots that were not written.

        Something newer stands there, or what has to be marked in a house first could not be.
        """
        overtaken = mark(self.houses, homes, {key: one for key, (one, _) in observed.items()}, now=self.now)
        marked = {key: one for key, one in observed.items() if key.house not in overtaken}
        return self.observations.put_many(marked) | (observed.keys() - marked.keys())


def _life(homes: Mapping[str, House], house: str) -> int:
    return homes[house].life if house in homes else 0


def _derive(values: pl.DataFrame, homes: Mapping[str, House]) -> dict[SlotKey, Observation]:
    values = values_by_present_names(values, {name: home.aliases for name, home in homes.items()})
    return derive(values, {name: home.present_rules for name, home in homes.items() if home.quarantine})


def _tell(unreadable: Mapping[SlotKey, str]) -> None:
    """Log what keeps readings in the queue."""
    for why in unreadable.values():
        logger.error("a set cannot be read or written; its readings stay in the queue: %s", why)
