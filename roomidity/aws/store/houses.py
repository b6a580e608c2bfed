"""The table ``houses``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from roomidity.aws.store.erasing import erase
from roomidity.aws.store.tables import HouseItem
from roomidity.aws.store.writing import Write, save
from roomidity.domain.houses import House, Quarantine, Room
from roomidity.domain.slots import format_moment, parse_time
from roomidity.errors import ConflictError

__all__ = ["HouseTable"]


class HouseTable:
    """Houses, written only on the version that was read; ``timezone`` is for those whose own is none."""

    def __init__(self, item: type[HouseItem], *, timezone: str = "UTC") -> None:
        self._item = item
        self._timezone = timezone

    def get_many(self, names: Iterable[str]) -> dict[str, House]:
        """The houses that exist of ``names``, read consistently."""
        found = self._item.batch_get(list(names), consistent_read=True)
        return {item.house: _to_house(item, self._timezone) for item in found}

    def get(self, name: str) -> House | None:
        """A house, read consistently; None if it was never seen."""
        return self.get_many([name]).get(name)

    def all(self) -> Iterator[House]:
        """Every house."""
        return (_to_house(item, self._timezone) for item in self._item.scan())

    def put(self, house: House) -> None:
        """Store what was changed after reading version ``house.version``.

        Raises
        ------
        ConflictError
            If another writer was there first.
        """
        item = self._item(
            house=house.name,
            timezone=house.timezone,
            last_seen=format_moment(house.last_seen) if house.last_seen else None,
            rooms={name: _from_room(room) for name, room in sorted(house.rooms.items())},
            quarantine={
                "rules": [_from_rule(rule) for rule in house.quarantine],
                "version": house.rules_version,
            },
            settings=house.settings,
            version=house.version + 1,
        )
        unchanged = self._item.version == house.version if house.version else self._item.house.does_not_exist()
        if not save(Write(item, unchanged, house=house.name, size_bytes=0)):
            raise ConflictError(f"house {house.name!r}", attempts=1)

    def erase(self, house: str) -> Iterator[int]:
        """Delete a house; how many there were."""
        return erase(self._item, house)


def _to_house(item: HouseItem, default_timezone: str) -> House:
    return House(
        name=item.house,
        timezone=item.timezone,
        rooms={
            name: Room(
                first_seen=parse_time(room["first_seen"]),
                last_seen=parse_time(room["last_seen"]),
                sensors=frozenset(room["sensors"]),
                measured={quantity: parse_time(when) for quantity, when in room.get("measured", {}).items()},
            )
            for name, room in item.rooms.items()
        },
        quarantine=tuple(
            Quarantine(
                parse_time(rule["start"]),
                parse_time(rule["end"]),
                rule["room"],
                rule["sensor"],
                number=rule.get("number", 0),
            )
            for rule in item.quarantine["rules"]
        ),
        rules_version=item.quarantine.get("version", 0),
        settings=item.settings,
        version=int(item.version),
        default_timezone=default_timezone,
    )


def _from_room(room: Room) -> dict[str, Any]:
    return {
        "first_seen": format_moment(room.first_seen),
        "last_seen": format_moment(room.last_seen),
        "sensors": sorted(room.sensors),
        "measured": {quantity: format_moment(when) for quantity, when in sorted(room.measured.items())},
    }


def _from_rule(rule: Quarantine) -> dict[str, Any]:
    return {
        "start": format_moment(rule.start),
        "end": format_moment(rule.end),
        "room": rule.room,
        "sensor": rule.sensor,
        "number": rule.number,
    }
