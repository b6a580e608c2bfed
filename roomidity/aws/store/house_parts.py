"""Conversions between the parts of a house's item and domain values: rooms, rules and the trial.

What a newer version wrote within them is preserved.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from roomidity.aws.store.tables import HouseItem
from roomidity.domain.damage import whole
from roomidity.domain.houses import Quarantine, Room, Trial
from roomidity.domain.names import is_key
from roomidity.domain.quantities import MEASURED
from roomidity.domain.reread import Reread
from roomidity.domain.slots import format_moment, format_slot, from_epoch_ms, parse_slot, parse_time, to_epoch_ms

__all__ = [
    "from_reread",
    "from_room",
    "from_rule",
    "from_trial",
    "to_kept",
    "to_moment",
    "to_reread",
    "to_room",
    "to_rule",
    "to_text",
    "to_trial",
]

_OF_ROOM: Final = ("first_seen", "last_seen", "sensors", "measured")
_OF_QUARANTINE: Final = ("rules", "version")
_OF_RULE: Final = ("start", "end", "room", "sensor", "number")


def to_text(value: str | None) -> str:
    """Returns the text, or raises ValueError if there is none."""
    if value is None:
        raise ValueError("there is none")
    return value


def to_moment(text: str | None) -> datetime | None:
    """Returns the time, or None if there is none."""
    return parse_time(text) if text else None


def to_room(name: str, room: Mapping[str, Any]) -> Room | None:
    """Returns a room. Raises an error that says what is wrong with it."""
    if not is_key(name):
        raise ValueError("no room can have this name")
    sensors = room["sensors"]
    if not isinstance(sensors, list) or not all(isinstance(sensor, str) for sensor in sensors):
        raise ValueError("its sensors are no list of names")  # ValueError, like all other flaws
    return Room(
        first_seen=parse_time(room["first_seen"]),
        last_seen=parse_time(room["last_seen"]),
        sensors=frozenset(sensors),
        measured={
            quantity: parse_time(when) for quantity, when in room.get("measured", {}).items() if quantity in MEASURED
        },
    )


def from_room(room: Room, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a room in its stored form, including what was ``kept`` of a newer version."""
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


def to_rule(rule: Mapping[str, Any]) -> Quarantine:
    """Returns a quarantine rule. Raises an error that says what is wrong with it."""
    for name in ("room", "sensor"):
        if not isinstance(rule[name], str | None):
            raise ValueError(f"a rule's {name} is {rule[name]!r:.80}")  # noqa: TRY004  # as for all other flaws
    number = whole(rule.get("number", 0))
    return Quarantine(parse_time(rule["start"]), parse_time(rule["end"]), rule["room"], rule["sensor"], number=number)


def from_rule(rule: Quarantine) -> dict[str, Any]:
    """Returns a rule in its stored form."""
    return {
        "start": format_moment(rule.start),
        "end": format_moment(rule.end),
        "room": rule.room,
        "sensor": rule.sensor,
        "number": rule.number,
    }


def to_trial(item: HouseItem) -> Trial | None:
    """Returns the trial of a house that is not yet real, or None."""
    trial: Mapping[str, Any] | None = item.trial
    if trial is None or item.expires_at is None:
        return None
    return Trial(frozenset(map(parse_slot, trial["slots"])), from_epoch_ms(whole(item.expires_at) * 1000))


def from_trial(trial: Trial) -> dict[str, Any]:
    """Returns the attributes that make a house expire by the table's TTL."""
    if trial.expires_at is None:
        return {}
    slots = sorted(map(format_slot, trial.slots))
    return {"trial": {"slots": slots}, "expires_at": to_epoch_ms(trial.expires_at) // 1000}


def from_reread(reread: Reread, version: int) -> dict[str, int]:
    """Returns what is to be read again in its stored form, with the version of the item that it is written with."""
    return {"first": reread.first, "last": reread.last, "version": version}


def to_reread(item: HouseItem) -> Reread | None:
    """Returns what is to be read again, or None if it cannot be read, or somebody who does not know it wrote since."""
    try:
        stored: Mapping[str, Any] = item.reread
        return Reread(whole(stored["first"]), whole(stored["last"])) if stored["version"] == item.version else None
    except Exception:  # noqa: BLE001  # whatever is odd about it: then all is read
        return None


def to_kept(item: HouseItem) -> dict[str, dict[str, Any]]:
    """Returns what a newer version wrote within an item's maps: by room, by rule, and for all rules.

    Keys of rules begin with a slash, which room names cannot contain.
    """
    kept = {name: _without(room, _OF_ROOM) for name, room in item.rooms.items()}
    for name, room in item.rooms.items():
        if measured := _without(room.get("measured", {}), MEASURED):
            kept[name]["measured"] = measured
    kept["/quarantine"] = _without(item.quarantine, _OF_QUARANTINE)
    kept |= {f"/{to_rule(rule).id}": _without(rule, _OF_RULE) for rule in item.quarantine["rules"]}
    return {name: of for name, of in kept.items() if of}


def _without(of: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in of.items() if name not in known}
