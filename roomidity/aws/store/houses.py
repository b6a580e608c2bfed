"""The table ``houses``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from roomidity.aws.store.deliveries import from_deliveries, to_deliveries
from roomidity.aws.store.erasing import erase
from roomidity.aws.store.house_parts import (
    from_reread,
    from_room,
    from_rule,
    from_trial,
    to_kept,
    to_moment,
    to_reread,
    to_room,
    to_rule,
    to_text,
    to_trial,
)
from roomidity.aws.store.reading import Reader
from roomidity.aws.store.tables import HouseItem, connection_of
from roomidity.aws.store.writing import Guard, Write, is_cancelled, save, save_many
from roomidity.domain.damage import Damage, whole
from roomidity.domain.deletion import REMEMBERED_FOR, remains
from roomidity.domain.deliveries import NO_DELIVERIES, HouseDeliveries
from roomidity.domain.houses import House, Room
from roomidity.domain.names import is_key
from roomidity.domain.slots import format_moment, parse_time, to_epoch_ms
from roomidity.errors import ConflictError, ItemDamagedError

__all__ = ["HouseTable"]

Part = TypeVar("Part")

_NOTE: Final = "#"
"""Prefix of the keys of notes."""

_RULING: Final = (
    "house",
    "quarantine",
    "settings",
    "version",
    "admitted_at",
    "trial",
    "expires_at",
    "forgotten_at",
    "reread",
    "v",
)
"""Attributes that deriving observations needs. Those after the version tell whether the house exists."""

_TELLING: Final = (*_RULING, "last_seen")
"""Attributes that tell whether a house is active."""


class HouseTable:
    """Houses, written with optimistic locking on the version that was read.

    ``timezone`` applies to houses whose own is not valid. Of a forgotten house only a note remains, under a hash of its
    name, until it expires.

    A house whose item is damaged is returned as far as it can be read, with a ``flaw``. It cannot be written.
    """

    def __init__(self, item: type[HouseItem], damage: Damage, *, timezone: str) -> None:
        self._item = item
        self._reader = Reader(damage)
        self._timezone = timezone

    def get_many(self, names: Iterable[str]) -> dict[str, House]:
        """Returns the existing houses among ``names``, read consistently, including those that were forgotten."""
        return self._found(list(names), self._house)

    def without_rooms(self, names: Iterable[str]) -> dict[str, House]:
        """Returns the same houses with only their rules and deletion, a tenth of the work for a house of eight rooms.

        A house with aliases is returned whole, because they depend on its rooms.
        """
        found = self._found(list(names), self._ruling, _RULING)
        whole_ones = [name for name, house in found.items() if house.settings.get("aliases")]
        return found | (self.get_many(whole_ones) if whole_ones else {})

    def _found(
        self, wanted: list[str], convert: Callable[[HouseItem], House], needed: Sequence[str] | None = None
    ) -> dict[str, House]:
        items = self._item.batch_get(wanted, consistent_read=True, attributes_to_get=needed and list(needed))
        found = {item.house: convert(item) for item in items}
        missing = {_note_key(name): name for name in wanted if name not in found}
        for note in self._item.batch_get(list(missing), consistent_read=True) if missing else ():
            if (name := missing.get(note.house)) is None:
                continue
            found[name] = House(name, "UTC", forgotten_at=parse_time(note.forgotten_at))
        return found

    def get(self, name: str) -> House | None:
        """Returns a house, read consistently, or None if it was never seen or was forgotten."""
        house = self.get_many([name]).get(name)
        return None if house is None or house.is_forgotten else house

    def all(self) -> Iterator[House]:
        """Yields every house, leaving out keys that no house can have and houses that were forgotten."""
        for item in self._item.scan():
            if item.house.startswith(_NOTE):
                continue
            if is_key(item.house):
                house = self._house(item)
                if not house.is_forgotten:
                    yield house
            else:
                self._reader.note(item, "no house can have this name")

    def active(self, at: datetime) -> list[str]:
        """Returns the names of the active houses, sorted, reading only the attributes that tell.

        If these do not tell, as for a damaged house, the house is read whole.
        """
        found, doubtful = [], []
        for item in self._item.scan(attributes_to_get=list(_TELLING)):
            if item.house.startswith(_NOTE):
                continue
            if not is_key(item.house):
                self._reader.note(item, "no house can have this name")
                continue
            house = self._ruling(item)
            if house.flaw is not None or item.last_seen is None:
                doubtful.append(item.house)
            elif not house.is_forgotten and house.is_active(at, last_seen=to_moment(item.last_seen)):
                found.append(item.house)
        whole_ones = self.get_many(doubtful) if doubtful else {}
        found += [name for name, house in whole_ones.items() if not house.is_forgotten and house.is_active(at)]
        return sorted(found)

    def life(self, name: str) -> int:
        """Returns when a house of this name was forgotten, in ms since 1970, or 0 if none was."""
        house = self.get_many([name]).get(name) if is_key(name) else None
        return 0 if house is None else house.life

    def put(self, house: House) -> None:
        """Store a house that was changed after reading version ``house.version``.

        Raises
        ------
        ConflictError
            If another writer was there first.
        ItemDamagedError
            If it could be read only in part, because the rest would be lost.
        """
        if house.flaw is not None:
            raise ItemDamagedError(self._item.Meta.table_name, key={"house": house.name}, why=house.flaw)
        if house.is_forgotten and house == remains(house):
            self._leave_note(house)
            return
        item = self._item(
            house=house.name,
            timezone=house.timezone,
            last_seen=format_moment(house.last_seen) if house.last_seen else None,
            rooms={name: from_room(room, house.kept.get(name, {})) for name, room in sorted(house.rooms.items())},
            quarantine={
                **house.kept.get("/quarantine", {}),
                "rules": [{**house.kept.get(f"/{rule.id}", {}), **from_rule(rule)} for rule in house.quarantine],
                "version": house.rules_version,
            },
            settings=house.settings,
            version=house.version + 1,
            admitted_at=format_moment(house.admitted_at) if house.admitted_at else None,
            deliveries=from_deliveries(house.deliveries),
            reread=from_reread(house.reread, house.version + 1) if house.reread else None,
            **_passing(house),
        )
        unchanged = self._item.version == house.version if house.version else self._item.house.does_not_exist()
        if not save(
            Write(item, unchanged, house=house.name, size_bytes=0, keep=house.version > 0 and not house.is_forgotten)
        ):
            raise ConflictError(f"house {house.name!r}", attempts=1)

    def mark(self, houses: Iterable[House]) -> set[str]:
        """Write what is to be read again of houses, and nothing else of them. Returns the names of the others.

        Another writer was there first for these.
        """
        marked = [(house, house.reread) for house in houses if house.flaw is None and house.reread is not None]
        writes = [
            Write(
                self._item(house=house.name),
                self._item.version == house.version,
                house=house.name,
                size_bytes=0,
                actions=[
                    self._item.version.set(house.version + 1),
                    self._item.reread.set(from_reread(reread, house.version + 1)),
                ],
            )
            for house, reread in marked
        ]
        written = save_many(writes, connection_of(self._item))
        return {house.name for (house, _), done in zip(marked, written, strict=True) if not done}

    def guard(self, house: House) -> Guard:
        """Returns the condition that a house was not forgotten since it was read."""
        attribute = self._item.forgotten_at
        unchanged: Condition = self._item.house.exists() & attribute.does_not_exist()
        if house.forgotten_at is not None:
            unchanged = attribute == _deletion_text(house.forgotten_at)
        return Guard(self._item, house.name, unchanged)

    def _leave_note(self, house: House) -> None:
        """Replace a house of which nothing else is left by a note, in one transaction."""
        empty = House(_note_key(house.name), "UTC")
        note = self._item(
            house=empty.name,
            timezone=empty.timezone,
            rooms={},
            quarantine={"rules": [], "version": 0},
            settings={},
            version=1,
            **_passing(house),
        )
        try:
            with TransactWrite(connection=connection_of(self._item)) as transaction:
                transaction.save(note)
                if house.version:
                    transaction.delete(self._item(house.name), condition=self._item.version == house.version)
        except TransactWriteError as error:
            if not is_cancelled(error):
                raise
            raise ConflictError(f"house {house.name!r}", attempts=1) from error

    def erase(self, house: str) -> Iterator[int]:
        """Delete a house's item, even if it is damaged. Yields the number deleted."""
        return erase(self._item, house)

    def _house(self, item: HouseItem) -> House:
        """Returns the house as far as it can be read. Whatever cannot be read is noted as damage."""
        if item.is_newer:
            self._reader.note(item, str(item.flaw))
            return House(item.house, self._timezone, version=1, flaw=item.flaw, default_timezone=self._timezone)
        parts = _Parts([item.flaw] if item.flaw is not None else [])
        timezone = parts.read("time zone", lambda: to_text(item.timezone), self._timezone)
        rooms = _to_rooms(item, parts)
        house = replace(
            self._without_rooms(item, parts),
            timezone=timezone,
            rooms=rooms,
            deliveries=self._deliveries(item),
            default_timezone=self._timezone,
            kept=parts.read("other attributes", lambda: to_kept(item), {}),
        )
        if parts.flaws:
            self._reader.note(item, flaw := "; ".join(parts.flaws))
            return replace(house, flaw=flaw)
        if house.zone != house.timezone:
            self._reader.note(item, f"its time zone {house.timezone!r:.80} is unknown; {house.zone} stands in for it")
        return house

    def _ruling(self, item: HouseItem) -> House:
        """Returns a house with only its rules and what tells whether it exists."""
        if item.is_newer:
            return House(item.house, self._timezone, version=1, flaw=item.flaw)
        parts = _Parts([item.flaw] if item.flaw is not None else [])
        house = self._without_rooms(item, parts)
        parts.read("last reading", lambda: to_moment(item.last_seen), None)
        return replace(house, flaw="; ".join(parts.flaws)) if parts.flaws else house

    def _without_rooms(self, item: HouseItem, parts: _Parts) -> House:
        """Returns a house with what deriving observations needs, and what tells whether it exists."""
        return House(
            name=item.house,
            timezone=self._timezone,
            quarantine=parts.read("quarantine", lambda: tuple(map(to_rule, item.quarantine["rules"])), ()),
            rules_version=parts.read("rules' version", lambda: whole(item.quarantine.get("version", 0)), 0),
            settings=parts.read("settings", lambda: dict(item.settings), {}),
            version=parts.read("version", lambda: whole(item.version, least=1), 1),
            admitted_at=parts.read("admission", lambda: to_moment(item.admitted_at), None),
            trial=parts.read("trial", lambda: to_trial(item), None),
            forgotten_at=parts.read("deletion", lambda: to_moment(item.forgotten_at), None),
            reread=to_reread(item),
        )

    def _deliveries(self, item: HouseItem) -> HouseDeliveries:
        """Returns the record of how readings arrive. If it cannot be read it is empty, and will be replaced."""
        try:
            return to_deliveries(item.deliveries)
        except Exception as error:  # noqa: BLE001  # whatever an odd record raises must not cost the house
            self._reader.note(item, f"its deliveries cannot be read ({type(error).__name__}: {error!s:.80})")
            return NO_DELIVERIES


@dataclass(frozen=True)
class _Parts:
    """Reads the parts of an item separately, and collects the flaws of those that cannot be read."""

    flaws: list[str]

    def read(self, name: str, part: Callable[[], Part], otherwise: Part) -> Part:
        try:
            return part()
        except Exception as error:  # noqa: BLE001  # whatever an odd part raises must not cost the others
            self.flaws.append(f"its {name} cannot be read ({type(error).__name__}: {error!s:.80})")
            return otherwise


def _to_rooms(item: HouseItem, parts: _Parts) -> dict[str, Room]:
    rooms: dict[str, Any] = parts.read("rooms", lambda: dict(item.rooms), {})
    found = {name: parts.read(f"room {name!r:.80}", partial(to_room, name, room), None) for name, room in rooms.items()}
    return {name: room for name, room in found.items() if room is not None}


def _note_key(name: str) -> str:
    """Returns the key of a house's note, which no house can have as its name."""
    return _NOTE + hashlib.sha256(name.encode()).hexdigest()[:40]


def _deletion_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _passing(house: House) -> dict[str, Any]:
    """Returns the attributes of a house that is on trial or forgotten, or whose name a forgotten house had.

    They hold when the item expires, and when the previous house was forgotten.
    """
    passing = from_trial(house.trial) if house.trial and house.on_trial else {}
    if house.forgotten_at is None:
        return passing
    if house.is_forgotten:
        passing["expires_at"] = to_epoch_ms(house.forgotten_at + REMEMBERED_FOR) // 1000
    return {**passing, "forgotten_at": _deletion_text(house.forgotten_at)}
