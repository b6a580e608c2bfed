"""The rooms seen in a house, and the limits on how many a house may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple

from roomidity.domain.quantities import QUANTITIES

__all__ = ["LAG", "MAX_NAME_BYTES", "MAX_ROOMS", "MAX_SENSORS", "UNHEARD", "Places", "Room", "Seen"]

MAX_ROOMS: Final = 64
MAX_SENSORS: Final = 256
UNHEARD: Final = timedelta(days=30)
"""Rooms unheard for this long before the house's newest reading make way for new ones."""

LAG: Final = timedelta(hours=1)
"""By less than so much what is written of when a room was heard lags behind: else every tick would write every house.
Nothing hangs on it but what is forecast (7 days), makes place (30 days) or is shown, which looks at observations."""

MAX_NAME_BYTES: Final = 24_576
"""Limit on all names of a house together. 256 sensors with names of 64 four-byte characters would not fit into a slot's
item.
"""


class Seen(NamedTuple):
    """A sensor seen in a room, its first and last reading, and when it last measured each quantity."""

    room: str
    sensor: str
    first: datetime
    last: datetime
    measured: Mapping[str, datetime] = MappingProxyType({})


@dataclass(frozen=True)
class Room:
    """A room as it was seen: its first and last reading, and its sensors ('' for readings that named none).

    ``measured`` maps each quantity to when it was last measured.
    """

    first_seen: datetime
    last_seen: datetime
    sensors: frozenset[str]
    measured: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def climate_seen(self) -> datetime:
        """When a quantity that is forecast was last measured here. A window contact alone keeps no room forecast."""
        if "contact" not in self.measured:
            return self.last_seen
        climate = [at for quantity, at in self.measured.items() if quantity in QUANTITIES]
        return max(climate, default=datetime.min.replace(tzinfo=UTC))

    @classmethod
    def of(cls, seen: Seen) -> Room:
        """Returns a room in which the first sensor was just seen."""
        return cls(seen.first, seen.last, frozenset({seen.sensor}), seen.measured)

    def with_seen(self, seen: Seen) -> Room:
        """Returns the room with a sensor's readings added. The order of additions does not matter."""
        return Room(
            first_seen=min(self.first_seen, seen.first),
            last_seen=max(self.last_seen, seen.last),
            sensors=self.sensors | {seen.sensor},
            measured={**self.measured}
            | {of: at for of, at in seen.measured.items() if of not in self.measured or at > self.measured[of]},
        )

    def is_recorded(self, before: Room) -> bool:
        """Whether ``before`` will do for this: it was heard less than :data:`LAG` earlier, and is the same else."""
        if (self.first_seen, self.sensors, self.measured.keys()) != (
            before.first_seen,
            before.sensors,
            before.measured.keys(),
        ):
            return False
        return self.last_seen - before.last_seen < LAG and all(
            at - before.measured[quantity] < LAG for quantity, at in self.measured.items()
        )


class Places:
    """The rooms of a house while more are being added, and how much of the house's space they take."""

    def __init__(self, rooms: dict[str, Room]) -> None:
        self.rooms = rooms

    @cached_property  # computed only when a new name comes, which is seldom
    def _sensors(self) -> int:
        return sum(len(room.sensors) for room in self.rooms.values())

    @cached_property
    def _name_bytes(self) -> int:
        return sum(_name_bytes(name, room.sensors) for name, room in self.rooms.items())

    def take(self, one: Seen) -> bool:
        """Add what was seen. Returns whether there was a place for it."""
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
        """Remove rooms long unheard, longest first, until a new one fits.

        Returns False, removing none, if it cannot.
        """
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
