"""What people set about a house and its rooms for advice: checked, with defaults that suit a dwelling."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from roomidity.domain.comfort.walls import DEFAULT_WALL, Wall
from roomidity.errors import InputError

__all__ = [
    "DEFAULT_HOUSE",
    "DEFAULT_ROOM",
    "ROOM_KINDS",
    "VENTILATIONS",
    "DayHours",
    "HouseAdvice",
    "RoomAdvice",
    "usable_house",
    "usable_room",
]

ROOM_KINDS: Final = ("room", "bathroom", "kitchen", "cellar")
VENTILATIONS: Final = ("none", "extract", "balanced")
"""Mechanical ventilation: none, a fan that draws air out, or supply and extract (often with heat recovery)."""

_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")

_BOUNDS: Final[Mapping[str, tuple[float, float, str]]] = {
    "open_above": (60, 95, "%RH at the coldest surface"),
    "close_below": (50, 94, "%RH at the coldest surface"),
    "min_temperature_c": (5, 25, "°C"),
    "volume_m3": (3, 500, "m³"),
    "dehumidifier_w": (0, 5000, "W; 0 if there is none"),
    "min_outdoor_c": (-30, 15, "°C"),
    "max_outdoor_c": (18, 45, "°C"),
    "longest_run_min": (5, 120, "minutes"),
    "rest_min": (10, 480, "minutes"),
    "heat_eur_kwh": (0, 2, "EUR per kWh"),
    "power_eur_kwh": (0, 2, "EUR per kWh"),
    "cheap_power_eur_kwh": (0, 2, "EUR per kWh"),
}


@dataclass(frozen=True)
class DayHours:
    """A span of every day by local time, in minutes since midnight. It may cross midnight; equal ends are no time.

    >>> night = DayHours.from_text("22:30-06:30")
    >>> night.contains(23 * 60), night.contains(6 * 60 + 30), str(night)
    (True, False, '22:30-06:30')
    """

    start_min: int
    end_min: int

    def contains(self, minute: int) -> bool:
        """Returns whether a minute of the day lies in the span. Its end does not."""
        if self.start_min <= self.end_min:
            return self.start_min <= minute < self.end_min
        return minute >= self.start_min or minute < self.end_min

    def __str__(self) -> str:
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.start_min, self.end_min))

    @classmethod
    def from_text(cls, text: Any) -> Self:
        """Returns the span written as ``22:30-06:30``.

        Raises
        ------
        InputError
            If it is written otherwise.
        """
        found = _CLOCK.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise InputError(f"the hours are {text!r:.80}; expected two local times such as '22:30-06:30'")
        hours = [int(part) for part in found.groups()]
        return cls(60 * hours[0] + hours[1], 60 * hours[2] + hours[3])


UNMEASURED_F_RSI: Final = 0.1
"""A wall of unknown f_Rsi is taken to be so much worse than the default, to be on the safe side; in closed loop that is
worth as much as thresholds 6 %RH lower, and these need not change once f_Rsi has been measured.
"""

NIGHT: Final = DayHours(22 * 60 + 30, 6 * 60 + 30)
CHEAP: Final = DayHours(22 * 60, 6 * 60)


@dataclass(frozen=True)
class RoomAdvice:
    """What is set about a room.

    Parameters
    ----------
    kind
        One of :data:`ROOM_KINDS`. A cellar is advised by its water alone: it is vented while outside is drier.
    wall
        The coldest surface (:class:`~roomidity.domain.comfort.walls.Wall`). The default f_Rsi counts as not measured.
    open_above, close_below
        %RH at the coldest surface at which airing begins and ends, at least 2 apart.
    min_temperature_c
        In a room colder than this, walls cool down so far that airing makes them damper.
    volume_m3
        Of its air, for the heat that an airing costs.
    window_contact
        Whether a contact tells if its window is open, as people note it. What counts is whether one is heard;
        without one, openings are not guessed.
    ventilation
        One of :data:`VENTILATIONS`.
    dehumidifier_w
        Electric power of its dehumidifier, 0 if there is none.
    """

    kind: str = "room"
    wall: Wall = DEFAULT_WALL
    open_above: float = 79.0
    close_below: float = 76.0
    min_temperature_c: float = 16.0
    volume_m3: float = 40.0
    window_contact: bool = False
    ventilation: str = "none"
    dehumidifier_w: float = 0.0

    def __post_init__(self) -> None:
        _check_numbers(self)
        _check_choice("kind of room", self.kind, ROOM_KINDS)
        _check_choice("ventilation", self.ventilation, VENTILATIONS)
        if not isinstance(self.window_contact, bool):
            raise InputError(f"window_contact is {self.window_contact!r:.80}; expected true or false")
        if not self.close_below <= self.open_above - 2:
            raise InputError(
                f"close_below is {self.close_below:g} and open_above {self.open_above:g}; expected at least 2 between "
                "them, or the window would open and close all the time"
            )

    @property
    def f_rsi(self) -> float:
        """What advice goes by: the wall's f_Rsi, or less than the default where nobody has measured it."""
        return self.wall.f_rsi - UNMEASURED_F_RSI * (self.wall.f_rsi == DEFAULT_WALL.f_rsi)

    @classmethod
    def from_plain(cls, stored: Any) -> Self:
        """Returns the settings stored for a room, with defaults for what is not set. Other keys are left alone.

        Raises
        ------
        InputError
            If a setting cannot be used.
        """
        chosen = _chosen(cls, stored)
        return cls(**chosen, wall=Wall.from_plain(stored))


@dataclass(frozen=True)
class HouseAdvice:
    """What is set about a house.

    Parameters
    ----------
    quiet_hours
        Local hours without airing: nobody is asked, and nothing opens.
    min_outdoor_c, max_outdoor_c
        Outside of this range nothing opens: frost on a heat exchanger, and heat that comes in.
    longest_run_min, rest_min
        Longest airing in minutes, and the least time between two.
    heat_eur_kwh, power_eur_kwh, cheap_power_eur_kwh, cheap_hours
        What heat costs, and electricity by day and in the cheap hours.
    """

    quiet_hours: DayHours = NIGHT
    min_outdoor_c: float = -10.0
    max_outdoor_c: float = 28.0
    longest_run_min: float = 30.0
    rest_min: float = 30.0
    heat_eur_kwh: float = 0.12
    power_eur_kwh: float = 0.35
    cheap_power_eur_kwh: float = 0.20
    cheap_hours: DayHours = field(default=CHEAP)

    def __post_init__(self) -> None:
        _check_numbers(self)

    @classmethod
    def from_plain(cls, stored: Any) -> Self:
        """Returns the settings stored for a house, with defaults for what is not set. Other keys are left alone.

        Raises
        ------
        InputError
            If a setting cannot be used.
        """
        chosen = _chosen(cls, stored)
        for name in {"quiet_hours", "cheap_hours"} & chosen.keys():
            chosen[name] = DayHours.from_text(chosen[name])
        return cls(**chosen)


def _chosen(cls: type, stored: Any) -> dict[str, Any]:
    if not isinstance(stored, Mapping):
        raise InputError(f"the settings are {stored!r:.80}; expected a map of names to values")
    names = [one.name for one in dataclasses.fields(cls) if one.name != "wall"]
    return {name: stored[name] for name in names if name in stored}


def _check_numbers(settings: RoomAdvice | HouseAdvice) -> None:
    for one in dataclasses.fields(settings):
        if one.name not in _BOUNDS:
            continue
        least, most, unit = _BOUNDS[one.name]
        value = getattr(settings, one.name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or not least <= value <= most:
            raise InputError(f"{one.name} is {value!r:.80}; expected a number from {least:g} to {most:g} ({unit})")


def _check_choice(what: str, value: Any, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"the {what} is {value!r:.80}; expected one of {', '.join(choices)}")


DEFAULT_ROOM: Final = RoomAdvice()
DEFAULT_HOUSE: Final = HouseAdvice()


def usable_house(settings: Mapping[str, Any]) -> HouseAdvice:
    """Returns what is set of a house for advice, or the defaults if that cannot be used.

    >>> usable_house({"rest_min": 45}).rest_min, usable_house({"rest_min": 45, "quiet_hours": "late"}).rest_min
    (45, 30.0)
    """
    try:
        return HouseAdvice.from_plain(settings)
    except InputError:
        return DEFAULT_HOUSE


def usable_room(settings: Mapping[str, Any], room: str) -> RoomAdvice:
    """Returns what is set of a room in a house's settings, or the defaults if that cannot be used."""
    rooms = settings.get("rooms")
    stored = rooms.get(room, {}) if isinstance(rooms, Mapping) else {}
    try:
        return RoomAdvice.from_plain(stored)
    except InputError:
        return DEFAULT_ROOM
