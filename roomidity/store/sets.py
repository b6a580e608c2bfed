"""The table ``readings``: the packed sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from roomidity.readings import SlotKey
from roomidity.slots import format_slot, parse_slot, to_epoch_ms
from roomidity.store.tables import SetItem, connection_of
from roomidity.store.writing import Write, save_many

__all__ = ["SetTable", "StoredSet"]


@dataclass(frozen=True)
class StoredSet:
    """A slot's packed set. ``version`` counts its writes; the first is 1."""

    packed: bytes
    version: int


class SetTable:
    """Sets, each written only on the version that was read."""

    def __init__(self, item: type[SetItem], *, retention_days: int) -> None:
        self._item = item
        self._retention_s = retention_days * 86_400

    def get_many(self, keys: Iterable[SlotKey]) -> dict[SlotKey, StoredSet]:
        """The sets that exist of ``keys``, read consistently."""
        names = [(key.house, format_slot(key.start)) for key in keys]
        found = self._item.batch_get(names, consistent_read=True)
        return {
            SlotKey(item.house, to_epoch_ms(parse_slot(item.slot))): StoredSet(item.packed, int(item.version))
            for item in found
        }

    def put_many(self, sets: Mapping[SlotKey, StoredSet]) -> set[SlotKey]:
        """Write each set on the condition that the stored version is one less.

        Returns
        -------
        The keys of those that another writer changed meanwhile: read them again, and merge.
        """
        writes = [self._write(key, new) for key, new in sets.items()]
        written = save_many(writes, connection_of(self._item))
        return {key for key, done in zip(sets, written, strict=True) if not done}

    def _write(self, key: SlotKey, new: StoredSet) -> Write:
        item = self._item(
            house=key.house,
            slot=format_slot(key.start),
            packed=new.packed,
            version=new.version,
            expires_at=key.slot_ms // 1000 + self._retention_s,
        )
        unchanged = self._item.version == new.version - 1 if new.version > 1 else self._item.house.does_not_exist()
        return Write(item, unchanged, house=key.house, size_bytes=len(new.packed) + 500)
