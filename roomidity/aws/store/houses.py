"""The table ``houses``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from roomidity.aws.store.deliveries import from_deliveries, to_deliveries
from roomidity.aws.store.erasing import erase
from roomidity.aws.store.reading import Reader
from roomidity.aws.store.tables import HouseItem, connection_of
from roomidity.aws.store.writing import Guard, Write, save
from roomidity.domain.damage import Damage, whole
from roomidity.domain.deletion import REMEMBERED_FOR, remains
from roomidity.domain.deliveries import NO_DELIVERIES, HouseDeliveries
from roomidity.domain.houses import House, Quarantine, Room, Trial
from roomidity.domain.names import is_key
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import format_moment, format_slot, from_epoch_ms, parse_slot, parse_time, to_epoch_ms
from roomidity.errors import ConflictError, ItemDamagedError

__all__ = ["HouseTable"]

Part = TypeVar("Part")

_NOTE: Final = "#"
"""What keys of notes begin with."""

_OF_ROOM: Final = ("first_seen", "last_seen", "sensors", "measured")
_OF_QUARANTINE: Final = ("rules", "version")
_OF_RULE: Final = ("start", "end", "room", "sensor", "number")


class HouseTable:
    """Houses, written only on the version that was read; ``timezone`` is for those whose own is none.

    Of one that was forgotten a note is left, under a hash of its name, until it expires.

    One whose item is damaged comes as far as it can be read, and says so (``flaw``); it is not written.
    """

    def __init__(self, item: type[HouseItem], damage: Damage, *, timezone: str = "UTC") -> None:
        self._item = item
        self._reader = Reader(damage)
        self._timezone = timezone

    def get_many(self, names: Iterable[str]) -> dict[str, House]:
        """The houses that exist of ``names``, read consistently; those that were forgotten come as such."""
        wanted = list(names)
        found = {item.house: self._house(item) for item in self._item.batch_get(wanted, consistent_read=True)}
        missing = {_note_key(name): name for name in wanted if name not in found}
        for note in self._item.batch_get(list(missing), consistent_read=True) if missing else ():
            name = missing[note.house]
            found[name] = House(name, "UTC", forgotten_at=parse_time(note.forgotten_at))
        return found

    def get(self, name: str) -> House | None:
        """A house, read consistently; None if it was never seen, or was forgotten."""
        house = self.get_many([name]).get(name)
        return None if house is None or house.is_forgotten else house

    def all(self) -> Iterator[House]:
        """Every house; a key that no house can have is left out, and so is what was forgotten."""
        for item in self._item.scan():
            if item.house.startswith(_NOTE):
                continue
            if is_key(item.house):
                house = self._house(item)
                if not house.is_forgotten:
                    yield house
            else:
                self._reader.note(item, "no house can have this name")

    def life(self, name: str) -> int:
        """When a house of this name was forgotten, in ms since 1970; 0 where none was."""
        house = self.get_many([name]).get(name) if is_key(name) else None
        return 0 if house is None else house.life

    def put(self, house: House) -> None:
        """Store what was changed after reading version ``house.version``.

        Raises
        ------
        ConflictError
            If another writer was there first.
        ItemDamagedError
            If it could be read only in part: what could not would be lost.
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
            rooms={name: _from_room(room, house.kept.get(name, {})) for name, room in sorted(house.rooms.items())},
            quarantine={
                **house.kept.get("/quarantine", {}),
                "rules": [{**house.kept.get(f"/{rule.id}", {}), **_from_rule(rule)} for rule in house.quarantine],
                "version": house.rules_version,
            },
            settings=house.settings,
            version=house.version + 1,
            admitted_at=format_moment(house.admitted_at) if house.admitted_at else None,
            deliveries=from_deliveries(house.deliveries),
            **_passing(house),
        )
        unchanged = self._item.version == house.version if house.version else self._item.house.does_not_exist()
        if not save(
            Write(item, unchanged, house=house.name, size_bytes=0, keep=house.version > 0 and not house.is_forgotten)
        ):
            raise ConflictError(f"house {house.name!r}", attempts=1)

    def guard(self, house: House) -> Guard:
        """The condition that a house was not forgotten since it was read."""
        attribute = self._item.forgotten_at
        unchanged: Condition = self._item.house.exists() & attribute.does_not_exist()
        if house.forgotten_at is not None:
            unchanged = attribute == _deletion_text(house.forgotten_at)
        return Guard(self._item, house.name, unchanged)

    def _leave_note(self, house: House) -> None:
        """Put the note in the place of a house of which all else is gone, in one step."""
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
            if error.cause_response_code != "TransactionCanceledException":
                raise
            raise ConflictError(f"house {house.name!r}", attempts=1) from error

    def erase(self, house: str) -> Iterator[int]:
        """Delete a house's item, also one that is damaged; how many there were."""
        return erase(self._item, house)

    def _house(self, item: HouseItem) -> House:
        """The house as far as it can be read; what cannot be is noted."""
        if item.is_newer:
            self._reader.note(item, str(item.flaw))
            return House(item.house, self._timezone, version=1, flaw=item.flaw, default_timezone=self._timezone)
        parts = _Parts([item.flaw] if item.flaw is not None else [])
        house = House(
            name=item.house,
            timezone=parts.read("time zone", lambda: _text(item.timezone), self._timezone),
            rooms=_to_rooms(item, parts),
            quarantine=parts.read("quarantine", lambda: tuple(map(_to_rule, item.quarantine["rules"])), ()),
            rules_version=parts.read("rules' version", lambda: whole(item.quarantine.get("version", 0)), 0),
            settings=parts.read("settings", lambda: dict(item.settings), {}),
            version=parts.read("version", lambda: whole(item.version, least=1), 1),
            admitted_at=parts.read("admission", lambda: _moment(item.admitted_at), None),
            trial=parts.read("trial", lambda: _to_trial(item), None),
            deliveries=self._deliveries(item),
            forgotten_at=parts.read("deletion", lambda: _moment(item.forgotten_at), None),
            default_timezone=self._timezone,
            kept=parts.read("other attributes", lambda: _kept(item), {}),
        )
        if parts.flaws:
            self._reader.note(item, flaw := "; ".join(parts.flaws))
            return replace(house, flaw=flaw)
        if house.zone != house.timezone:
            self._reader.note(item, f"its time zone {house.timezone!r:.80} is unknown; {house.zone} stands in for it")
        return house

    def _deliveries(self, item: HouseItem) -> HouseDeliveries:
        """What is recorded of how readings come in; none where it cannot be read, and it is written anew."""
        try:
            return to_deliveries(item.deliveries)
        except Exception as error:  # noqa: BLE001  # whatever an odd record raises must not cost the house
            self._reader.note(item, f"its deliveries cannot be read ({type(error).__name__}: {error!s:.80})")
            return NO_DELIVERIES


@dataclass(frozen=True)
class _Parts:
    """Reads parts of an item, each on its own, and keeps what is wrong with those that cannot be."""

    flaws: list[str]

    def read(self, name: str, part: Callable[[], Part], otherwise: Part) -> Part:
        try:
            return part()
        except Exception as error:  # noqa: BLE001  # whatever an odd part raises must not cost the others
            self.flaws.append(f"its {name} cannot be read ({type(error).__name__}: {error!s:.80})")
            return otherwise


def _to_rooms(item: HouseItem, parts: _Parts) -> dict[str, Room]:
    rooms: dict[str, Any] = parts.read("rooms", lambda: dict(item.rooms), {})
    found = {
        name: parts.read(f"room {name!r:.80}", partial(_to_room, name, room), None) for name, room in rooms.items()
    }
    return {name: room for name, room in found.items() if room is not None}


def _text(value: str | None) -> str:
    if value is None:
        raise ValueError("there is none")
    return value


def _to_room(name: str, room: Mapping[str, Any]) -> Room | None:
    if not is_key(name):
        raise ValueError("no room can have this name")
    sensors = room["sensors"]
    if not isinstance(sensors, list) or not all(isinstance(sensor, str) for sensor in sensors):
        raise ValueError("its sensors are no list of names")  # as all that an item lacks
    return Room(
        first_seen=parse_time(room["first_seen"]),
        last_seen=parse_time(room["last_seen"]),
        sensors=frozenset(sensors),
        measured={
            quantity: parse_time(when) for quantity, when in room.get("measured", {}).items() if quantity in QUANTITIES
        },
    )


def _to_rule(rule: Mapping[str, Any]) -> Quarantine:
    for name in ("room", "sensor"):
        if not isinstance(rule[name], str | None):
            raise ValueError(f"a rule's {name} is {rule[name]!r:.80}")  # noqa: TRY004  # as all that an item lacks
    number = whole(rule.get("number", 0))
    return Quarantine(parse_time(rule["start"]), parse_time(rule["end"]), rule["room"], rule["sensor"], number=number)


def _moment(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def _to_trial(item: HouseItem) -> Trial | None:
    trial: Mapping[str, Any] | None = item.trial
    if trial is None or item.expires_at is None:
        return None
    return Trial(frozenset(map(parse_slot, trial["slots"])), from_epoch_ms(whole(item.expires_at) * 1000))


def _from_trial(trial: Trial) -> dict[str, Any]:
    """What makes a house expire by itself: the table's TTL attribute."""
    if trial.expires_at is None:
        return {}
    slots = sorted(map(format_slot, trial.slots))
    return {"trial": {"slots": slots}, "expires_at": to_epoch_ms(trial.expires_at) // 1000}


def _note_key(name: str) -> str:
    """No house can have this name."""
    return _NOTE + hashlib.sha256(name.encode()).hexdigest()[:40]


def _kept(item: HouseItem) -> dict[str, dict[str, Any]]:
    """What a newer version wrote within an item's maps: by room, by rule and of all rules; no room has a slash."""
    kept = {name: _without(room, _OF_ROOM) for name, room in item.rooms.items()}
    for name, room in item.rooms.items():
        if measured := _without(room.get("measured", {}), QUANTITIES):
            kept[name]["measured"] = measured
    kept["/quarantine"] = _without(item.quarantine, _OF_QUARANTINE)
    kept |= {f"/{_to_rule(rule).id}": _without(rule, _OF_RULE) for rule in item.quarantine["rules"]}
    return {name: of for name, of in kept.items() if of}


def _without(of: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in of.items() if name not in known}


def _deletion_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _passing(house: House) -> dict[str, Any]:
    """What makes an item expire by itself: that the house is not real yet, or no more; and when that of before went."""
    passing = _from_trial(house.trial) if house.trial and house.on_trial else {}
    if house.forgotten_at is None:
        return passing
    if house.is_forgotten:
        passing["expires_at"] = to_epoch_ms(house.forgotten_at + REMEMBERED_FOR) // 1000
    return {**passing, "forgotten_at": _deletion_text(house.forgotten_at)}


def _from_room(room: Room, kept: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **kept,
        "first_seen": format_moment(room.first_seen),
        "last_seen": format_moment(room.last_seen),
        "sensors": sorted(room.sensors),
        "measured": {
            **kept.get("measured", {}),
            **{quantity: format_moment(when) for quantity, when in sorted(room.measured.items())},
        },
    }


def _from_rule(rule: Quarantine) -> dict[str, Any]:
    return {
        "start": format_moment(rule.start),
        "end": format_moment(rule.end),
        "room": rule.room,
        "sensor": rule.sensor,
        "number": rule.number,
    }
