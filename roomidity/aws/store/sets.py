"""The table ``readings``, which holds the packed sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from roomidity.aws.store.inserting import BatchInsert
from roomidity.aws.store.parallel import in_parallel
from roomidity.aws.store.reading import NEWER, Reader
from roomidity.aws.store.tables import SetItem, connection_of
from roomidity.aws.store.writing import Write, remove, save_many
from roomidity.domain.damage import Damage, whole
from roomidity.domain.observations import CONTACT_SET_FORMAT, StoredSet
from roomidity.domain.slots import SlotKey, floor_slot, format_slot, parse_slot, to_epoch_ms

__all__ = ["SetTable"]

_MOMENT: Final = timedelta(milliseconds=1)
"""Resolution of times. The last moment before an end is this much before it."""

_AT_ONCE: Final = 500
_AT_ONCE_BYTES: Final = 1_000_000
"""How many sets are passed on together, and their packed size in bytes. With as many sensors as a house may have,
ten of them take 100 MB unpacked.
"""


class SetTable:
    """Sets, each written with optimistic locking on the version that was read.

    A damaged item is returned as a set without bytes, which cannot be unpacked. It shows that the item exists, so that
    nothing replaces it.
    """

    def __init__(
        self, item: type[SetItem], *, retention_days: int, damage: Damage, inserting: BatchInsert | None = None
    ) -> None:
        self._item = item
        self._reader = Reader(damage)
        self._retention_s = retention_days * 86_400
        self._inserting = inserting

    def get_many(self, keys: Iterable[SlotKey]) -> dict[SlotKey, StoredSet]:
        """Returns the existing sets among ``keys``, read consistently."""
        names = [(key.house, format_slot(key.start)) for key in keys]
        found = self._item.batch_get(names, consistent_read=True)
        return {_key(item): self._set(item) for item in found}

    def put_many(self, sets: Mapping[SlotKey, StoredSet]) -> set[SlotKey]:
        """Write each set on condition that the stored version is one less.

        Returns
        -------
        set[SlotKey]
            The keys of sets that another writer changed in the meantime. They have to be read again and merged.
        """
        writes = [self._write(key, new) for key, new in sets.items()]
        written = save_many(writes, connection_of(self._item), inserting=self._inserting)
        return {key for key, done in zip(sets, written, strict=True) if not done}

    def raise_versions(self, sets: Mapping[SlotKey, StoredSet], to: Mapping[SlotKey, int]) -> set[SlotKey]:
        """Raise the version of each set that is unchanged since it was read. Returns the keys of those that are not.

        A restored set has a lower version than what was derived from it. Once raised, its version counts on from there.
        """
        writes = [self._write(key, replace(held, version=to[key]), on=held.version) for key, held in sets.items()]
        written = save_many(writes, connection_of(self._item))
        return {key for key, done in zip(sets, written, strict=True) if not done}

    def between(self, house: str, start: datetime, end: datetime) -> Iterator[dict[SlotKey, StoredSet]]:
        """Yields the sets of the slots that overlap [start, end), in order of time, several at a time.

        They are read consistently.
        """
        if end <= start:
            return
        span = self._item.slot.between(format_slot(floor_slot(start)), format_slot(floor_slot(end - _MOMENT)))
        some: dict[SlotKey, StoredSet] = {}
        size = 0
        items = self._item.query(house, span, consistent_read=True)
        for key, held in self._keyed(items):
            if len(some) == _AT_ONCE or (some and size + len(held.packed) > _AT_ONCE_BYTES):
                yield some
                some, size = {}, 0
            some[key] = held
            size += len(held.packed)
        if some:
            yield some

    def delete_before(self, lives: Mapping[SlotKey, int]) -> None:
        """Delete each set that belongs to an earlier life of its house than the life given for its slot."""

        def delete(slot: tuple[SlotKey, int]) -> None:
            key, life = slot
            earlier = self._item.life.does_not_exist() | (self._item.life < life)
            remove(self._item(key.house, format_slot(key.start)), earlier)

        in_parallel(delete, list(lives.items()))

    def _keyed(self, items: Iterable[SetItem]) -> Iterator[tuple[SlotKey, StoredSet]]:
        for item in items:
            try:
                key = _key(item)
            except ValueError as error:
                self._reader.note(item, str(error))
            else:
                yield key, self._set(item)

    def _set(self, item: SetItem) -> StoredSet:
        held = self._reader.one(item, _to_set) or StoredSet(b"", 0)
        if held.is_newer:
            self._reader.note(
                item,
                f"its set has format {held.packed[:1]!r}; this version reads up to {CONTACT_SET_FORMAT!r}: {NEWER}",
            )
        return held

    def _write(self, key: SlotKey, new: StoredSet, *, on: int | None = None) -> Write:
        """Returns the write of a set.

        It is conditional on the stored version ``on``, by default one less than the set's own.
        """
        on = new.version - 1 if on is None else on
        item = self._item(
            house=key.house,
            slot=format_slot(key.start),
            packed=new.packed,
            version=new.version,
            life=new.life or None,
            expires_at=key.slot_ms // 1000 + self._retention_s,
        )
        unchanged = self._item.version == on if on else self._item.house.does_not_exist()
        return Write(item, unchanged, house=key.house, size_bytes=len(new.packed) + 500, keep=on > 0, is_new=on == 0)


def _key(item: SetItem) -> SlotKey:
    return SlotKey(item.house, to_epoch_ms(parse_slot(item.slot)))


def _to_set(item: SetItem) -> StoredSet:
    if not item.packed:
        raise ValueError("it has no set")
    return StoredSet(item.packed, whole(item.version, least=1), whole(item.life or 0))
