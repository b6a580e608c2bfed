"""Derives a house's observations again from its sets and rules, for example after a table was restored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from roomidity.domain.houses import House
from roomidity.domain.observations import Observation, Origin
from roomidity.domain.slots import SLOT_MS, SlotKey, to_epoch_ms
from roomidity.pipeline.changing import change_house
from roomidity.pipeline.ports import known_house
from roomidity.pipeline.quarantine import QuarantinePorts

__all__ = ["Rederived", "rederive_house"]

_AT_ONCE: Final = timedelta(days=5)
"""How much is compared at a time: 480 slots, which are some 1 MB of sets."""


@dataclass(frozen=True)
class Rederived:
    """What was done in a span: slots processed, observations derived again, and orphaned observations without a set."""

    passed: timedelta
    slots: int = 0
    derived: int = 0
    orphans: int = 0


def rederive_house(
    ports: QuarantinePorts, *, house: str, start: datetime, end: datetime, drop_orphans: bool = False
) -> Iterator[Rederived]:
    """Update the observations of [start, end) to what the present sets and rules lead to. Yields results span by span.

    It is idempotent: observations that are up to date are not written, and if it is interrupted, running it again does
    the rest. Drains may run in parallel. An observation without a set is all that is known of its slot, and is kept.
    With ``drop_orphans`` it is emptied instead, and whatever is sent again for the slot replaces it.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    ConflictError
        If other writers of a slot were faster every time.
    """
    home = known_house(ports.houses, house)
    if home.flaw is None:  # one that cannot be read is forecast from all that is stored
        change_house(ports.houses, ports.backoff, house, partial(_doubted, start=start, end=end))
    while start < end:
        until = min(start + _AT_ONCE, end)
        standing = {key: (found, origin) for key, found, origin in ports.observations.derived(house, start, until)}
        slots = derived = 0
        with_sets: set[SlotKey] = set()
        for read in ports.sets.between(house, start, until):
            derived += ports.slots.refresh(read)
            derived += ports.slots.correct(read, {key: standing[key][0] for key in read.keys() & standing.keys()})
            slots += len(read)
            with_sets |= read.keys()
        orphans = {key: standing[key] for key in standing.keys() - with_sets if standing[key][0]}
        if drop_orphans and orphans:
            derived += _emptied(ports, known_house(ports.houses, house), orphans)
        yield Rederived(until - start, slots, derived, len(orphans))
        start = until


def _doubted(home: House, *, start: datetime, end: datetime) -> House:
    """Returns the house with a span marked: where its table was restored, marks went with what was written since."""
    slots = (to_epoch_ms(start) // SLOT_MS, to_epoch_ms(end) // SLOT_MS)
    return home if home.reread is None else replace(home, reread=home.reread.with_slots(slots))


def _emptied(ports: QuarantinePorts, home: House, orphans: Mapping[SlotKey, tuple[Observation, Origin]]) -> int:
    """Empty observations without a set. Returns how many were emptied.

    An observation is skipped if a set arrived in the meantime, which gives it a newer origin.
    """
    nothing: Observation = {}
    empty = {
        key: (nothing, Origin(origin.version, max(origin.rules, home.rules_version)))
        for key, (_, origin) in orphans.items()
    }
    return len(empty) - len(ports.slots.put(empty, {home.name: home}))
