"""Marks in houses which slots forecasts have to read again, before their observations are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from roomidity.domain.houses import House
from roomidity.domain.observations import Observation
from roomidity.domain.reread import AFTERTHOUGHT_SLOTS, Reread
from roomidity.domain.slots import SLOT_MS, SlotKey, to_epoch_ms
from roomidity.pipeline.ports import Houses

__all__ = ["mark"]


def mark(
    houses: Houses, homes: Mapping[str, House], observed: Mapping[SlotKey, Observation], *, now: datetime | None
) -> set[str]:
    """Mark in ``homes`` what is to be read again of the observations that are about to be written.

    These are the slots that did not close just before ``now``, or all slots without it, and those of which values were
    left out as wild. A house of which it is not known what was marked begins anew at ``now``, with all there is.

    Returns
    -------
    set[str]
        The houses that another writer changed since they were read. Nothing may be written before they are read again.
        A house that cannot be read needs no marks: it is always read in full.
    """
    present = None if now is None else to_epoch_ms(now) // SLOT_MS
    marked: dict[str, set[int]] = {}
    for key, observation in observed.items():
        slot = key.slot_ms // SLOT_MS
        if present is None or slot < present - AFTERTHOUGHT_SLOTS or _has_wild(observation):
            marked.setdefault(key.house, set()).add(slot)
    written = {key.house for key in observed}
    changed = []
    for name in sorted(written & homes.keys()):
        home = homes[name]
        if home.flaw is not None or home.is_forgotten:
            continue
        standing = home.reread
        if standing is None and present is not None:
            standing = Reread.until(present)
        if standing is None:
            continue
        found = standing.with_slots(marked.get(name, ()))
        if found != home.reread:
            changed.append(replace(home, reread=found))
    return houses.mark(changed) if changed else set()


def _has_wild(observation: Observation) -> bool:
    return any(
        statistics.robust is not None for quantities in observation.values() for statistics in quantities.values()
    )
