"""A house: its rooms and sensors as they were seen, its time zone, and the rules that keep readings out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from roomidity.domain.names import OUTDOOR
from roomidity.domain.slots import format_moment, to_epoch_ms
from roomidity.settings import is_timezone

__all__ = [
    "ACTIVE_FOR",
    "MAX_NAME_BYTES",
    "MAX_ROOMS",
    "MAX_SENSORS",
    "OUTDOOR",
    "REAL_SLOTS",
    "TRIAL_ACTIVE_FOR",
    "TRIAL_KEPT_FOR",
    "House",
    "Quarantine",
    "Room",
    "Seen",
    "Trial",
    "rule_ids",
]

ACTIVE_FOR: Final = timedelta(days=7)
"""A house or a room that was seen within is forecast, whether or not readings came since."""

REAL_SLOTS: Final = 4
"""A house is real once it was heard in so many slots: until then it may be a name that somebody made up."""

TRIAL_ACTIVE_FOR: Final = timedelta(hours=24)
TRIAL_KEPT_FOR: Final = timedelta(days=7)
"""How long a house that is not real yet is forecast, and kept, after it was last heard."""

MAX_ROOMS: Final = 64
MAX_SENSORS: Final = 256
UNHEARD: Final = timedelta(days=30)
"""Rooms that were not heard for so long before the house's newest reading make place for new ones."""

MAX_NAME_BYTES: Final = 24_576
"""All names of a house together: 256 sensors with names of 64 four-byte characters would not fit a slot's item."""


class Seen(NamedTuple):
    """A sensor of a room, between which readings it was seen, and when it last measured each quantity."""

    room: str
    sensor: str
    first: datetime
    last: datetime
    measured: Mapping[str, datetime] = MappingProxyType({})


@dataclass(frozen=True)
class Room:
    """A room as seen: from the first reading to the last, by which sensors ('' for those that gave no name).

    ``measured`` says when each quantity was last measured.
    """

    first_seen: datetime
    last_seen: datetime
    sensors: frozenset[str]
    measured: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, seen: Seen) -> Room:
        """The room when a sensor is the first seen in it."""
        return cls(seen.first, seen.last, frozenset({seen.sensor}), seen.measured)

    def with_seen(self, seen: Seen) -> Room:
        """The room when a sensor's readings are added; the order of adding does not matter."""
        return Room(
            first_seen=min(self.first_seen, seen.first),
            last_seen=max(self.last_seen, seen.last),
            sensors=self.sensors | {seen.sensor},
            measured={
                quantity: max(one.measured[quantity] for one in (self, seen) if quantity in one.measured)
                for quantity in {*self.measured, *seen.measured}
            },
        )


@dataclass(frozen=True)
class Quarantine:
    """A rule of a house: values of a room (None: all), of a sensor (None: all), in [start, end), do not count.

    ``number`` says as which change of the house's rules it came; 0 is not known. It is no part of what the rule is.
    """

    start: datetime
    end: datetime
    room: str | None = None
    sensor: str | None = None
    number: int = field(default=0, compare=False)

    @property
    def id(self) -> str:
        """A short name, the same for the same rule.

        >>> from roomidity.domain.slots import parse_slot
        >>> Quarantine(parse_slot("2026-01-05T00:00Z"), parse_slot("2026-01-06T00:00Z"), room="bath").id
        'd7f652'
        """
        facts = (to_epoch_ms(self.start), to_epoch_ms(self.end), self.room, self.sensor)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:6]

    def plain(self) -> dict[str, str | None]:
        """Words for a manifest, where the rule can still be read when the house no longer has it."""
        return {
            "id": self.id,
            "start": format_moment(self.start),
            "end": format_moment(self.end),
            "room": self.room,
            "sensor": self.sensor,
        }


@dataclass(frozen=True)
class Trial:
    """The slots in which a house was heard that is not real yet, and when it expires unless it is heard again."""

    slots: frozenset[datetime] = frozenset()
    expires_at: datetime | None = None


@dataclass(frozen=True)
class House:
    """A house. ``version`` counts its writes; 0 is one that was never stored.

    ``rules_version`` counts the changes of its quarantine rules; ``admitted_at`` is the tick that brought it, where
    that is known; ``trial`` is None once it is real, as it is for every house of before there were trials. ``flaw``
    says what of the stored house could not be read, if anything: such a house is forecast as far as it is known, takes
    in no readings, and is never written.
    """

    name: str
    timezone: str
    rooms: Mapping[str, Room] = field(default_factory=dict)
    quarantine: tuple[Quarantine, ...] = ()
    rules_version: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    admitted_at: datetime | None = None
    trial: Trial | None = None
    flaw: str | None = None

    @property
    def zone(self) -> str:
        """The time zone to reckon by: UTC where what stands there is none, as where it was mistyped."""
        return self.timezone if is_timezone(self.timezone) else "UTC"

    @property
    def on_trial(self) -> bool:
        """Whether it is not real yet. What a person has set something for is real, whatever was heard of it."""
        return self.trial is not None and not self.rules_version and not self.settings

    def has_expired(self, now: datetime) -> bool:
        """Whether it was never real, and is to be taken for one that is not there."""
        return self.trial is not None and self.on_trial and (self.trial.expires_at or now) < now

    def is_active(self, at: datetime) -> bool:
        """Whether it is forecast: seen within :data:`ACTIVE_FOR`, if not real yet :data:`TRIAL_ACTIVE_FOR`."""
        active_for = TRIAL_ACTIVE_FOR if self.on_trial else ACTIVE_FOR
        return self.last_seen is not None and self.last_seen >= at - active_for

    def hear(self, slots: Iterable[datetime], *, now: datetime) -> House:
        """The house when it is heard in some slots at a tick; real if those make enough."""
        if self.trial is None:
            return self
        heard = self.trial.slots.union(slots)
        is_real = len(heard) >= REAL_SLOTS
        return replace(self, trial=None if is_real else Trial(heard, now + TRIAL_KEPT_FOR))

    @property
    def last_seen(self) -> datetime | None:
        """When any of its rooms was last seen."""
        return max((room.last_seen for room in self.rooms.values()), default=None)

    def rooms_to_forecast(self, at: datetime) -> tuple[str, ...]:
        """The rooms seen within :data:`ACTIVE_FOR` before ``at``, without the air outside, by name."""
        return tuple(
            sorted(name for name, room in self.rooms.items() if name != OUTDOOR and room.last_seen >= at - ACTIVE_FOR)
        )

    def with_rule(self, rule: Quarantine) -> House:
        """The house with a quarantine rule more; the same house where it stands already."""
        if rule in self.quarantine:
            return self
        version = self.rules_version + 1
        return replace(self, quarantine=(*self.quarantine, replace(rule, number=version)), rules_version=version)

    def without_rule(self, rule: Quarantine) -> House:
        """The house with a quarantine rule less; the same house where there is none such."""
        if rule not in self.quarantine:
            return self
        left = tuple(one for one in self.quarantine if one != rule)
        return replace(self, quarantine=left, rules_version=self.rules_version + 1)

    def without_room(self, name: str) -> House:
        """The house without a room, whose place is free; the same house where there is none such.

        What is stored of it expires by itself, its quarantine rules stay, and heard again it comes back as new.
        """
        if name not in self.rooms:
            return self
        return replace(self, rooms={one: room for one, room in self.rooms.items() if one != name})

    def admit(self, seen: Iterable[Seen]) -> tuple[House, set[tuple[str, str]]]:
        """The house with what was seen added, and the (room, sensor) pairs that it has no place for.

        What was seen first has precedence, so that a flood of new names does not push out those that are known. Where
        a new room finds no place, those unheard for the longest make some, if that is longer than :data:`UNHEARD`.
        """
        places = _Places(dict(self.rooms))
        refused: set[tuple[str, str]] = set()
        for one in sorted(seen, key=lambda one: (one.first, one.room, one.sensor)):
            if not places.take(one):
                refused.add((one.room, one.sensor))
        return replace(self, rooms=places.rooms), refused


class _Places:
    """The rooms of a house while some are added, and how much of its space they take."""

    def __init__(self, rooms: dict[str, Room]) -> None:
        self.rooms = rooms
        self._sensors = sum(len(room.sensors) for room in rooms.values())
        self._name_bytes = sum(_name_bytes(name, room.sensors) for name, room in rooms.items())

    def take(self, one: Seen) -> bool:
        """Add what was seen; whether there is a place for it."""
        room = self.rooms.get(one.room)
        if room is None or one.sensor not in room.sensors:
            more_bytes = _name_bytes(one.room, (one.sensor,))
            if not self._fits(more_bytes, is_room=room is None) and (
                room is not None or not self._make_place(one, more_bytes)
            ):
                return False
            self._sensors += 1
            self._name_bytes += more_bytes
        self.rooms[one.room] = room.with_seen(one) if room else Room.of(one)
        return True

    def _fits(self, more_bytes: int, *, is_room: bool) -> bool:
        return (
            not (is_room and len(self.rooms) >= MAX_ROOMS)
            and self._sensors < MAX_SENSORS
            and self._name_bytes + more_bytes <= MAX_NAME_BYTES
        )

    def _make_place(self, one: Seen, more_bytes: int) -> bool:
        """Leave out rooms that are long unheard until a new one fits, the longest first; none if that does not do."""
        before = self.rooms, self._sensors, self._name_bytes
        newest = max([one.last, *(room.last_seen for room in self.rooms.values())])
        unheard = min(newest - UNHEARD, one.last)
        self.rooms = dict(self.rooms)
        for name, room in sorted(before[0].items(), key=lambda item: (item[1].last_seen, item[0])):
            if room.last_seen >= unheard:
                break
            del self.rooms[name]
            self._sensors -= len(room.sensors)
            self._name_bytes -= _name_bytes(name, room.sensors)
            if self._fits(more_bytes, is_room=True):
                return True
        self.rooms, self._sensors, self._name_bytes = before
        return False


def _name_bytes(room: str, sensors: Iterable[str]) -> int:
    return sum(len(f"{room}{sensor}".encode()) for sensor in sensors)


def rule_ids(manifest: Mapping[str, Any]) -> set[str]:
    """The rules that held when a model was trained; manifests of before held their names alone.

    >>> rule_ids({"quarantine": ["d7f652", {"id": "0a1b2c", "start": "2026-01-05T00:00:00Z"}]}) == {"d7f652", "0a1b2c"}
    True
    """
    return {rule if isinstance(rule, str) else rule["id"] for rule in manifest.get("quarantine", ())}
