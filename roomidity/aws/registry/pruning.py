"""Pruning: deletes the objects of versions that no longer serve, but none of a version that may still come to serve."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from roomidity.aws.registry.objects import ModelObjects
from roomidity.aws.registry.records import ModelTable
from roomidity.domain.models import Pruned, trained_at

__all__ = ["delete_unrecorded", "prune"]

KEPT_SERVED: Final = 3
"""How many of the versions that served last keep their bytes: the champion, and two to go back to."""

UNTOUCHED: Final = timedelta(hours=1)
"""Pruning skips versions younger than this, because they may be about to serve. A training ends within 15 minutes."""


def prune(table: ModelTable, objects: ModelObjects, house: str, *, now: datetime) -> list[Pruned]:
    """Delete the objects of versions that no longer serve. Returns what was deleted.

    Objects are kept of the last KEPT_SERVED versions that served, of candidates, and of anything younger than
    UNTOUCHED. Before its objects are deleted, a version is barred from serving, in one transaction with a check of the
    pointer. The version that the pointer names therefore always has its objects, even if another process promotes at
    the same time.
    """
    found = objects.by_version(house)  # before the records, since an object's record is written first
    pointer = table.pointer(house)
    records = {record.version: record for record in table.records(house)}
    served = [version for version in dict.fromkeys(entry.version for entry in table.served(house)) if version]
    kept = {pointer.points_to, pointer.previous, *served[:KEPT_SERVED]}
    kept |= {
        record.version
        for record in records.values()
        if record.standing(pointer) == "candidate" and not record.is_over(now)
    }
    pruned = []
    for version, keys in found.items():
        if version in kept or trained_at(version) > now - UNTOUCHED:
            continue
        record = records.get(version)
        if record is None and table.has(house, version):
            continue  # written by a newer version or damaged, and not for this version to judge
        if record is not None and not record.pruned and not table.mark_pruned(house, version, at=now):
            continue  # it has come to serve in the meantime, or the house was forgotten
        objects.delete(keys)
        pruned.append(Pruned(version, len(keys)))
    return pruned


def delete_unrecorded(table: ModelTable, objects: ModelObjects, house: str) -> None:
    """Delete the objects that have no record."""
    found = objects.by_version(house)  # read before the records, as above
    known = {record.version for record in table.records(house)}
    objects.delete([key for version, keys in found.items() if version not in known for key in keys])
