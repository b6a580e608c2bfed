"""Pruning: the objects of what serves no more are deleted, and nothing that could still come to serve."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from roomidity.aws.registry.objects import ModelObjects
from roomidity.aws.registry.records import ModelTable
from roomidity.domain.models import Pruned, trained_at

__all__ = ["delete_unrecorded", "prune"]

KEPT_SERVED: Final = 3
"""Versions whose bytes are kept of those that served last: the champion, and two to go back to."""

UNTOUCHED: Final = timedelta(hours=1)
"""Pruning leaves younger versions alone: they may be on their way to serving. A training ends within 15 minutes."""


def prune(table: ModelTable, objects: ModelObjects, house: str, *, now: datetime) -> list[Pruned]:
    """Delete the objects of what serves no more. Returns what was deleted.

    Kept are those of the last KEPT_SERVED versions that served, of candidates, and of anything younger than
    UNTOUCHED. A version is barred from serving before its objects go, in one transaction with a look at the
    pointer: so what the pointer names has its objects, whoever promotes meanwhile.
    """
    found = objects.by_version(house)  # before the records: an object has its record first
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
            continue  # a newer version's, or damaged: not for this one to judge
        if record is not None and not record.pruned and not table.mark_pruned(house, version, at=now):
            continue  # it has come to serve, or was forgotten
        objects.delete(keys)
        pruned.append(Pruned(version, len(keys)))
    return pruned


def delete_unrecorded(table: ModelTable, objects: ModelObjects, house: str) -> None:
    """Delete the objects that have no record."""
    found = objects.by_version(house)  # before the records, as above
    known = {record.version for record in table.records(house)}
    objects.delete([key for version, keys in found.items() if version not in known for key in keys])
