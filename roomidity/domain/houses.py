"""A house: the rooms and sensors seen in it, its time zone, and the rules that exclude readings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from roomidity.domain.aliases import Aliases, usable_aliases
from roomidity.domain.deliveries import NO_DELIVERIES, Deliveries, HouseDeliveries
from roomidity.domain.names import OUTDOOR
from roomidity.domain.reread import Reread
from roomidity.domain.rooms import MAX_NAME_BYTES, MAX_ROOMS, MAX_SENSORS, UNHEARD, Places, Room, Seen
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
    "UNHEARD",
    "House",
    "Quarantine",
    "Room",
    "Seen",
    "Trial",
    "rule_ids",
]

ACTIVE_FOR: Final = timedelta(days=7)
"""Houses and rooms seen within this time are forecast, whether or not readings have arrived since."""

REAL_SLOTS: Final = 4
"""A house is real once it was heard in this many slots. Until then its name may have been made up."""

TRIAL_ACTIVE_FOR: Final = timedelta(hours=24)
TRIAL_KEPT_FOR: Final = timedelta(days=7)
"""How long after it was last heard a house that is not yet real is forecast, and how long it is kept."""


@dataclass(frozen=True)
class Quarantine:
    """A rule that excludes a house's values in [start, end), for one room (None: all) and one sensor (None: all).

    ``number`` is the number of the change to the house's rules that added it, or 0 if unknown. It does not take part in
    comparisons.
    """

    start: datetime
    end: datetime
    room: str | None = None
    sensor: str | None = None
    number: int = field(default=0, compare=False)

    @property
    def id(self) -> str:
        """A short identifier, which is the same for equal rules.

        >>> from roomidity.domain.slots import parse_slot
        >>> Quarantine(parse_slot("2026-01-05T00:00Z"), parse_slot("2026-01-06T00:00Z"), room="bath").id
        'd7f652'
        """
        facts = (to_epoch_ms(self.start), to_epoch_ms(self.end), self.room, self.sensor)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:6]

    def plain(self) -> dict[str, str | None]:
        """Returns the rule as plain values for a manifest.

        It stays readable there when the house no longer has the rule.
        """
        return {
            "id": self.id,
            "start": format_moment(self.start),
            "end": format_moment(self.end),
            "room": self.room,
            "sensor": self.sensor,
        }


@dataclass(frozen=True)
class Trial:
    """The slots in which a house that is not yet real was heard, and when it expires unless it is heard again."""

    slots: frozenset[datetime] = frozenset()
    expires_at: datetime | None = None


@dataclass(frozen=True)
class House:
    """A house.

    ``version`` counts its writes, and is 0 if it was never stored.

    ``rules_version`` counts the changes to its quarantine rules. ``admitted_at`` is the tick that admitted it, if
    known. ``trial`` is None once the house is real, as are all houses stored before trials were introduced. ``flaw``
    says which part of the stored house could not be read, if any. Such a house is forecast as far as it is known,
    accepts no readings, and is never written.

    ``forgotten_at`` is when the previous house of this name was forgotten. Everything sent until then is dropped.

    ``kept`` holds what a newer version of roomidity wrote besides all this, so that storing the house preserves it.

    ``settings`` are made by people and held as they are stored: former names of rooms (``aliases``), and the unit of a
    room (``rooms.<room>.unit``). ``deliveries`` describes the rooms whose readings arrive oddly. ``default_timezone``
    is the stage's time zone, which is used if ``timezone`` is not valid. ``reread`` are the slots that forecasts read
    again, or None if that is not known, so that they read all.
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
    deliveries: HouseDeliveries = NO_DELIVERIES
    forgotten_at: datetime | None = None
    reread: Reread | None = None
    flaw: str | None = None
    default_timezone: str = field(default="UTC", compare=False)
    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def zone(self) -> str:
        """The house's time zone, or the stage's if the house's is not valid (for example mistyped)."""
        return self.timezone if is_timezone(self.timezone) else self.default_timezone

    @cached_property
    def aliases(self) -> Aliases:
        """The former names of its rooms, each mapped to the name that the room has now."""
        return usable_aliases(self.settings.get("aliases", {}), self.rooms)

    def present(self, room: str) -> str:
        """Returns the present name of a room, given any name that it ever had."""
        return self.aliases.get(room, room)

    def names_of(self, room: str) -> tuple[str, ...]:
        """Returns a room's present name followed by its former names, under any of which data may be stored."""
        return room, *sorted(former for former, name in self.aliases.items() if name == room)

    def delivered(self, room: str, at: datetime) -> Deliveries:
        """Returns how a room's readings arrived over the day before ``at``. It is empty if nothing was odd."""
        return self.deliveries.of(self.names_of(room), at)

    @property
    def is_forgotten(self) -> bool:
        """Whether only the time of its deletion is left. A house of the same name that came later has been admitted."""
        return self.forgotten_at is not None and self.admitted_at is None

    @property
    def life(self) -> int:
        """Identifies one of several houses of the same name.

        It is the ms since 1970 of the deletion before this one, or 0 for the first.
        """
        return to_epoch_ms(self.forgotten_at) if self.forgotten_at is not None else 0

    @property
    def on_trial(self) -> bool:
        """Whether it is not yet real.

        A house for which a person has set something is real, whatever was heard of it.
        """
        return self.trial is not None and not self.rules_version and not self.settings

    def has_expired(self, now: datetime) -> bool:
        """Returns whether its trial has ended without the house becoming real. It is then treated as absent."""
        return self.trial is not None and self.on_trial and (self.trial.expires_at or now) < now

    def is_active(self, at: datetime, *, last_seen: datetime | None = None) -> bool:
        """Whether it is forecast: seen within :data:`ACTIVE_FOR`, if not real yet :data:`TRIAL_ACTIVE_FOR`.

        Where its rooms were not read, ``last_seen`` is when any of them was.
        """
        seen = last_seen or self.last_seen
        return seen is not None and seen >= at - (TRIAL_ACTIVE_FOR if self.on_trial else ACTIVE_FOR)

    def is_recorded(self, before: House) -> bool:
        """Whether ``before``, which is written, will do: it differs in when rooms were heard, by less than an hour.

        What a room is, who measures what in it, and since when, is always to be written.
        """
        if self.rooms.keys() != before.rooms.keys() or replace(self, rooms=before.rooms) != before:
            return False
        return all(
            room is before.rooms[name] or room.is_recorded(before.rooms[name]) for name, room in self.rooms.items()
        )

    def hear(self, slots: Iterable[datetime], *, now: datetime) -> House:
        """Returns the house after it was heard in some slots at a tick.

        It becomes real once there are enough of them.
        """
        if self.trial is None:
            return self
        heard = self.trial.slots.union(slots)
        is_real = len(heard) >= REAL_SLOTS
        return replace(self, trial=None if is_real else Trial(heard, now + TRIAL_KEPT_FOR))

    @property
    def last_seen(self) -> datetime | None:
        """When any of its rooms was last seen, or None if there are no rooms."""
        return max((room.last_seen for room in self.rooms.values()), default=None)

    def rooms_to_forecast(self, at: datetime) -> tuple[str, ...]:
        """Returns by name the rooms seen within :data:`ACTIVE_FOR` before ``at``, without the air outside."""
        return tuple(
            sorted(
                name for name, room in self.rooms.items() if name != OUTDOOR and room.climate_seen >= at - ACTIVE_FOR
            )
        )

    @property
    def present_rules(self) -> tuple[Quarantine, ...]:
        """Its quarantine rules, under the rooms' present names."""
        return tuple(map(self._present_rule, self.quarantine))

    def standing(self, rule: Quarantine) -> Quarantine | None:
        """Returns the house's rule equivalent to ``rule``, possibly under a former name of the room, or None."""
        wanted = self._present_rule(rule)
        return next((one for one in self.quarantine if self._present_rule(one) == wanted), None)

    def _present_rule(self, rule: Quarantine) -> Quarantine:
        return rule if rule.room is None else replace(rule, room=self.present(rule.room))

    def with_rule(self, rule: Quarantine) -> House:
        """Returns the house with a quarantine rule added, or the same house if it already has an equivalent rule."""
        if self.standing(rule) is not None:
            return self
        version = self.rules_version + 1
        return replace(self, quarantine=(*self.quarantine, replace(rule, number=version)), rules_version=version)

    def without_rule(self, rule: Quarantine) -> House:
        """Returns the house with a quarantine rule removed, or the same house if it has no such rule."""
        standing = self.standing(rule)
        if standing is None:
            return self
        left = tuple(one for one in self.quarantine if one != standing)
        return replace(self, quarantine=left, rules_version=self.rules_version + 1)

    def without_room(self, name: str) -> House:
        """Returns the house without a room, whose place becomes free, or the same house if it has no such room.

        What is stored of the room expires by itself, and its quarantine rules stay. If the room is heard again, it
        comes back as a new one.
        """
        if name not in self.rooms:
            return self
        others = {one: room for one, room in self.rooms.items() if one != name}
        return replace(self, rooms=others, deliveries=self.deliveries.without(self.names_of(name)))

    def admit(self, seen: Iterable[Seen]) -> tuple[House, set[tuple[str, str]]]:
        """Returns the house with what was seen added, and the (room, sensor) pairs for which there is no place.

        What was seen first takes precedence, so that a flood of new names cannot displace known ones. If there is no
        place for a new room, the rooms unheard for the longest make way, provided that is longer than :data:`UNHEARD`.
        """
        places = Places(dict(self.rooms))
        refused: set[tuple[str, str]] = set()
        for one in sorted(seen, key=lambda one: (one.first, one.room, one.sensor)):
            if not places.take(one._replace(room=self.aliases[one.room]) if one.room in self.aliases else one):
                refused.add((one.room, one.sensor))
        return replace(self, rooms=places.rooms), refused


def rule_ids(manifest: Mapping[str, Any]) -> set[str]:
    """Returns the ids of the quarantine rules in force when a model was trained. Older manifests hold only the ids.

    >>> rule_ids({"quarantine": ["d7f652", {"id": "0a1b2c", "start": "2026-01-05T00:00:00Z"}]}) == {"d7f652", "0a1b2c"}
    True
    """
    return {rule if isinstance(rule, str) else rule["id"] for rule in manifest.get("quarantine", ())}
