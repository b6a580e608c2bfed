"""A house: its rooms and sensors as they were seen, its time zone, and the rules that keep readings out."""

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
"""A house or a room that was seen within is forecast, whether or not readings came since."""

REAL_SLOTS: Final = 4
"""A house is real once it was heard in so many slots: until then it may be a name that somebody made up."""

TRIAL_ACTIVE_FOR: Final = timedelta(hours=24)
TRIAL_KEPT_FOR: Final = timedelta(days=7)
"""How long a house that is not real yet is forecast, and kept, after it was last heard."""


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

    ``forgotten_at`` is when the house that had this name before was forgotten: what was sent until then is dropped.

    ``kept`` is what a newer version of roomidity wrote beside all this, for whoever stores it.

    ``settings`` are a person's, as they are stored: former names of rooms (``aliases``), and the unit of a room
    (``rooms.<room>.unit``). ``deliveries`` say of which rooms readings come in oddly. ``default_timezone`` is the
    stage's, for where ``timezone`` is none.
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
    flaw: str | None = None
    default_timezone: str = field(default="UTC", compare=False)
    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False, repr=False)

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

    def delivered(self, room: str, at: datetime) -> Deliveries:
        """How a room's readings came in over the day before ``at``; nothing where nothing was odd."""
        return self.deliveries.of(self.names_of(room), at)

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing is kept of it but the time of its deletion; a house that came since was admitted."""
        return self.forgotten_at is not None and self.admitted_at is None

    @property
    def life(self) -> int:
        """Which house of this name it is: the ms since 1970 of the deletion before it, 0 for the first."""
        return to_epoch_ms(self.forgotten_at) if self.forgotten_at is not None else 0

    @property
    def on_trial(self) -> bool:
        """Whether it is not real yet. What a person has set something for is real, whatever was heard of it."""
        return self.trial is not None and not self.rules_version and not self.settings

    def has_expired(self, now: datetime) -> bool:
        """Whether it was never real, and is to be taken for one that is not there."""
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

    def without_room(self, name: str) -> House:
        """The house without a room, whose place is free; the same house where there is none such.

        What is stored of it expires by itself, its quarantine rules stay, and heard again it comes back as new.
        """
        if name not in self.rooms:
            return self
        others = {one: room for one, room in self.rooms.items() if one != name}
        return replace(self, rooms=others, deliveries=self.deliveries.without(self.names_of(name)))

    def admit(self, seen: Iterable[Seen]) -> tuple[House, set[tuple[str, str]]]:
        """The house with what was seen added, and the (room, sensor) pairs that it has no place for.

        What was seen first has precedence, so that a flood of new names does not push out those that are known. Where
        a new room finds no place, those unheard for the longest make some, if that is longer than :data:`UNHEARD`.
        """
        places = Places(dict(self.rooms))
        refused: set[tuple[str, str]] = set()
        for one in sorted(seen, key=lambda one: (one.first, one.room, one.sensor)):
            if not places.take(one._replace(room=self.aliases[one.room]) if one.room in self.aliases else one):
                refused.add((one.room, one.sensor))
        return replace(self, rooms=places.rooms), refused


def rule_ids(manifest: Mapping[str, Any]) -> set[str]:
    """The rules that held when a model was trained; manifests of before held their names alone.

    >>> rule_ids({"quarantine": ["d7f652", {"id": "0a1b2c", "start": "2026-01-05T00:00:00Z"}]}) == {"d7f652", "0a1b2c"}
    True
    """
    return {rule if isinstance(rule, str) else rule["id"] for rule in manifest.get("quarantine", ())}
