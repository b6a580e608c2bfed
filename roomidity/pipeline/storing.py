"""Readings into sets: read, merge, write on the version that was read, again where it moved; then what follows."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from roomidity.errors import ConflictError
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.deriving import behind, houses_of, refresh, write_observations
from roomidity.pipeline.ports import Houses, Observations, Sets
from roomidity.readings import pack_sets, union, unpack_sets, unreadable_sets
from roomidity.store import StoredSet
from roomidity.terms import SlotKey

__all__ = ["Stored", "store"]

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


def store(
    accepted: pl.DataFrame,
    *,
    houses: Houses,
    sets: Sets,
    observations: Observations,
    backoff: BackOff,
) -> Stored:
    """Add each reading to its slot's set, durably, and bring the observations of those slots up to date.

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
        _store_part(pending, stored, houses=houses, sets=sets, observations=observations, backoff=backoff)
    return stored


def _store_part(
    pending: pl.DataFrame,
    stored: Stored,
    *,
    houses: Houses,
    sets: Sets,
    observations: Observations,
    backoff: BackOff,
) -> None:
    for attempt in range(ATTEMPTS):
        pending = _store_round(pending, stored, houses=houses, sets=sets, observations=observations, backoff=backoff)
        if pending.is_empty():
            return
        backoff.pause(attempt)
    raise ConflictError(f"{pending.select('house', 'slot').n_unique()} slots", attempts=ATTEMPTS)


def _store_round(
    pending: pl.DataFrame,
    stored: Stored,
    *,
    houses: Houses,
    sets: Sets,
    observations: Observations,
    backoff: BackOff,
) -> pl.DataFrame:
    """One round for all slots; the readings of those slots that another writer changed meanwhile."""
    keys = [SlotKey(*key) for key in pending.select("house", "slot").unique(maintain_order=True).iter_rows()]
    before = sets.get_many(keys)
    unreadable = unreadable_sets({key: held.packed for key, held in before.items()})
    if unreadable:
        for why in unreadable.values():
            logger.error("a set cannot be read; its readings stay in the queue: %s", why)
        apart = _of_slots(pending, set(unreadable))
        stored.left.update(apart["message"].unique())
        pending = pending.join(apart.select("row"), on="row", how="anti", maintain_order="left")
        if pending.is_empty():
            return pending
        keys = [key for key in keys if key not in unreadable]
        before = {key: held for key, held in before.items() if key not in unreadable}
    merged = union(unpack_sets({key: held.packed for key, held in before.items()}), pending)
    changed = set(merged.changed)
    versions = {key: (before[key].version if key in before else 0) + (key in changed) for key in keys}
    packed = pack_sets(_of_slots(merged.values, changed))
    lost = sets.put_many({key: StoredSet(content, versions[key]) for key, content in packed.items()})

    homes = houses_of(versions, houses)
    stale = behind({key: versions[key] for key in keys if key not in changed}, homes, observations)
    due = (changed - lost) | stale
    derived = {key: versions[key] for key in due}
    refused = write_observations(_of_slots(merged.values, due), derived, homes, observations) if due else due
    if refused:
        refresh(sets.get_many(refused), houses=houses, sets=sets, observations=observations, backoff=backoff)

    stored.slots_changed += len(changed - lost)
    stored.slots_rederived += len(stale)
    still_pending = _of_slots(pending, lost)
    outcomes = merged.outcomes.join(still_pending.select("row"), on="row", how="anti")
    stored.outcomes.update(dict(outcomes["outcome"].value_counts().iter_rows()))
    return still_pending


def _of_slots(rows: pl.DataFrame, keys: set[SlotKey]) -> pl.DataFrame:
    """The rows of some slots."""
    if not keys:
        return rows.clear()
    wanted = pl.DataFrame(list(keys), schema={"house": pl.String, "slot": pl.Int64}, orient="row")
    return rows.join(wanted, on=["house", "slot"], how="semi", maintain_order="left")
