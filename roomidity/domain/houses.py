"""A house: its rooms and sensors as they were seen, its time zone, and the rules that keep readings out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from roomidity.domain.aliases import Aliases, usable_aliases
from roomidity.domain.names import OUTDOOR
from roomidity.domain.slots import format_moment, to_epoch_ms
from roomidity.settings import is_timezone

__all__ = [
    "ACTIVE_FOR",
    "MAX_NAME_BYTES",
    "MAX_ROOMS",
    "MAX_SENSORS",
    "OUTDOOR",
    "House",
    "Quarantine",
    "Room",
    "Seen",
    "rule_ids",
]

ACTIVE_FOR: Final = timedelta(days=7)
"""A house or a room that was seen within is forecast, whether or not readings came since."""

MAX_ROOMS: Final = 64
MAX_SENSORS: Final = 256
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
class House:
    """A house. ``version`` counts its writes; 0 is one that was never stored.

    ``rules_version`` counts the changes of its quarantine rules. ``settings`` are a person's, as they are stored:
    former names of rooms (``aliases``), and the unit of a room (``rooms.<room>.unit``). ``default_timezone`` is the
    stage's, for where ``timezone`` is none.
    """

    name: str
    timezone: str
    rooms: Mapping[str, Room] = field(default_factory=dict)
    quarantine: tuple[Quarantine, ...] = ()
    rules_version: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    default_timezone: str = field(default="UTC", compare=False)

    @property
    def zone(self) -> str:
        """The time zone to reckon by: the stage's where what stands there is none, as where it was mistyped."""
        return self.timezone if is_timezone(self.timezone) else self.default_timezone

    @cached_property
    def aliases(self) -> Aliases:
        """The former names of its rooms, each with the name that the room has now."""
        return usable_aliases(self.settings.get("aliases", {}), self.rooms)

    def present(self, room: str) -> str:
        """The name that a room has now, by any name that it ever had."""
        return self.aliases.get(room, room)

    def names_of(self, room: str) -> tuple[str, ...]:
        """A room's present name, then its former ones: what is kept of it may stand under each."""
        return room, *sorted(former for former, name in self.aliases.items() if name == room)

    @property
    def last_seen(self) -> datetime | None:
        """When any of its rooms was last seen."""
        return max((room.last_seen for room in self.rooms.values()), default=None)

    def rooms_to_forecast(self, at: datetime) -> tuple[str, ...]:
        """The rooms seen within :data:`ACTIVE_FOR` before ``at``, without the air outside, by name."""
        return tuple(
            sorted(name for name, room in self.rooms.items() if name != OUTDOOR and room.last_seen >= at - ACTIVE_FOR)
        )

    @property
    def present_rules(self) -> tuple[Quarantine, ...]:
        """Its quarantine rules under the present names of rooms."""
        return tuple(map(self._present_rule, self.quarantine))

    def standing(self, rule: Quarantine) -> Quarantine | None:
        """The house's rule that says the same as ``rule``, perhaps under a former name of the room."""
        wanted = self._present_rule(rule)
        return next((one for one in self.quarantine if self._present_rule(one) == wanted), None)

    def _present_rule(self, rule: Quarantine) -> Quarantine:
        return rule if rule.room is None else replace(rule, room=self.present(rule.room))

    def with_rule(self, rule: Quarantine) -> House:
        """The house with a quarantine rule more; the same house where it stands already."""
        if self.standing(rule) is not None:
            return self
        version = self.rules_version + 1
        return replace(self, quarantine=(*self.quarantine, replace(rule, number=version)), rules_version=version)

    def without_rule(self, rule: Quarantine) -> House:
        """The house with a quarantine rule less; the same house where there is none such."""
        standing = self.standing(rule)
        if standing is None:
            return self
        left = tuple(one for one in self.quarantine if one != standing)
        return replace(self, quarantine=left, rules_version=self.rules_version + 1)

    def admit(self, seen: Iterable[Seen]) -> tuple[House, set[tuple[str, str]]]:
        """The house with what was seen added, and the (room, sensor) pairs that it has no place for.

        What was seen first has precedence, so that a flood of new names does not push out those that are known.
        """
        rooms = dict(self.rooms)
        sensors = sum(len(room.sensors) for room in rooms.values())
        name_bytes = sum(len(f"{name}{sensor}".encode()) for name, room in rooms.items() for sensor in room.sensors)
        refused: set[tuple[str, str]] = set()
        for sent in sorted(seen, key=lambda one: (one.first, one.room, one.sensor)):
            one = sent._replace(room=self.present(sent.room))
            room = rooms.get(one.room)
            if room is None or one.sensor not in room.sensors:
                more_bytes = len(f"{one.room}{one.sensor}".encode())
                if (
                    (room is None and len(rooms) >= MAX_ROOMS)
                    or sensors >= MAX_SENSORS
                    or name_bytes + more_bytes > MAX_NAME_BYTES
                ):
                    refused.add((sent.room, sent.sensor))
                    continue
                sensors += 1
                name_bytes += more_bytes
            rooms[one.room] = room.with_seen(one) if room else Room.of(one)
        return replace(self, rooms=rooms), refused


def rule_ids(manifest: Mapping[str, Any]) -> set[str]:
    """The rules that held when a model was trained; manifests of before held their names alone.

    >>> rule_ids({"quarantine": ["d7f652", {"id": "0a1b2c", "start": "2026-01-05T00:00:00Z"}]}) == {"d7f652", "0a1b2c"}
    True
    """
    return {rule if isinstance(rule, str) else rule["id"] for rule in manifest.get("quarantine", ())}
