"""Policies of the closed loop: what opens windows, every 5 minutes. Arrays have shape (houses, rooms)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.advice.acting import ActState, Measured, act
from roomidity.domain.advice.air import Air
from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM, DayHours, RoomAdvice
from roomidity.domain.climate import dew_point, mixing_ratio, vapour_pressure
from roomidity.domain.comfort.walls import Wall, surface_humidity

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

STEP_MIN = 5
FANS = replace(DEFAULT_HOUSE, quiet_hours=DayHours(0, 0))
"""Automations run at any hour, all policies alike."""


@dataclass(frozen=True)
class Seen:
    """What a policy is told: the time, and the air as sensors report it."""

    at: datetime
    minute: int
    temperature: FloatArray
    humidity: FloatArray
    outside_c: FloatArray
    outside_humidity: FloatArray
    outside_mean_c: FloatArray
    """Shape (houses, 1), as the two before."""


Policy = Callable[[Seen], BoolArray]


def nothing(seen: Seen) -> BoolArray:
    """Never opens."""
    return np.zeros(seen.temperature.shape, dtype=bool)


@dataclass
class Fixed:
    """Airs for 15 minutes at 07:00 and at 19:00, as tenants are told to. ``person`` may forget or be late."""

    person: Person
    starts: tuple[int, ...] = (7 * 60, 19 * 60)
    due: list[tuple[datetime, BoolArray]] = field(default_factory=list)

    def __call__(self, seen: Seen) -> BoolArray:
        if seen.minute in self.starts:
            self.due.append((seen.at + self.person.late, self.person.does(seen.temperature.shape)))
        return opened_by(self.due, seen, minutes=np.full(seen.temperature.shape, 15.0))


@dataclass
class Person:
    """Follows a share of what is advised, and that ``late``."""

    share: float
    late: timedelta
    rng: np.random.Generator

    def does(self, shape: tuple[int, ...]) -> BoolArray:
        """Returns which rooms are aired this time."""
        return np.asarray(self.rng.random(shape) < self.share)


def opened_by(due: list[tuple[datetime, BoolArray]], seen: Seen, *, minutes: FloatArray) -> BoolArray:
    """Returns which rooms are open by the airings that are due, and drops those that are over."""
    opened = np.zeros(seen.temperature.shape, dtype=bool)
    for start, rooms in due:
        age_min = (seen.at - start).total_seconds() / 60
        if age_min >= 0:
            opened |= rooms & (age_min < minutes)
    due[:] = [one for one in due if seen.at - one[0] < timedelta(hours=1)]
    return opened


@dataclass
class Threshold:
    """Opens by a measure with hysteresis, under the same limits as advice: warmth, drier outside, longest run, rest."""

    wants: Callable[[Seen], tuple[BoolArray, BoolArray]]
    """Returns where to begin, and where to go on."""
    is_open: BoolArray | None = None
    since_min: FloatArray | None = None

    def __call__(self, seen: Seen) -> BoolArray:
        shape = seen.temperature.shape
        if self.is_open is None or self.since_min is None:
            self.is_open, self.since_min = np.zeros(shape, dtype=bool), np.full(shape, 1e9)
        begin, go_on = self.wants(seen)
        allowed = (seen.temperature >= DEFAULT_ROOM.min_temperature_c) & (seen.outside_c >= FANS.min_outdoor_c)
        gap = mixing_ratio(vapour_pressure(seen.temperature, seen.humidity)) - mixing_ratio(
            vapour_pressure(seen.outside_c, seen.outside_humidity)
        )
        stays = self.is_open & go_on & (gap > 0.5) & (self.since_min < FANS.longest_run_min)
        opens = ~self.is_open & begin & (gap > 1.0) & (self.since_min >= FANS.rest_min)
        following = allowed & (stays | opens)
        self.since_min = np.where(following == self.is_open, self.since_min, 0.0) + STEP_MIN
        self.is_open = following
        return following


def hygrostat(limit: float) -> Threshold:
    """Returns a hygrostat with 3 %RH of hysteresis."""
    return Threshold(lambda seen: (seen.humidity > limit, seen.humidity > limit - 3))


def dew_point_controller(limit: float) -> Threshold:
    """Returns a dew-point controller: 3 K on, 2 K off, above a humidity with 3 %RH of hysteresis."""

    def wants(seen: Seen) -> tuple[BoolArray, BoolArray]:
        difference = dew_point(vapour_pressure(seen.temperature, seen.humidity)) - dew_point(
            vapour_pressure(seen.outside_c, seen.outside_humidity)
        )
        return (difference >= 3) & (seen.humidity > limit), (difference >= 2) & (seen.humidity > limit - 3)

    return Threshold(wants)


@dataclass
class ActNow:
    """The product's act now, for every room by itself. With ``f_rsi`` it is told the truth about the walls."""

    open_above: float
    f_rsi: FloatArray | None = None
    states: dict[tuple[int, int], ActState] = field(default_factory=dict)

    def __call__(self, seen: Seen) -> BoolArray:
        shape = seen.temperature.shape
        f_rsi = np.full(shape, DEFAULT_ROOM.wall.f_rsi) if self.f_rsi is None else self.f_rsi
        surface = surface_humidity(seen.temperature, seen.humidity, seen.outside_mean_c, f_rsi=f_rsi)
        following = np.zeros(shape, dtype=bool)
        last = {place for place, state in self.states.items() if state.is_open}
        # A closed room with a dry surface stays closed: only the others are asked about one by one.
        for place in last | set(zip(*np.nonzero(surface > self.open_above), strict=True)):
            house, room = int(place[0]), int(place[1])
            outside = Air(float(seen.outside_c[house, 0]), float(seen.outside_humidity[house, 0]))
            inside = Air(float(seen.temperature[house, room]), float(seen.humidity[house, room]))
            now = Measured(seen.at, seen.minute, inside, outside, float(seen.outside_mean_c[house, 0]))
            state = self.states.get((house, room), ActState())
            told = act(state, now, room=self._room(float(f_rsi[house, room])), house=FANS)
            self.states[house, room] = told.state
            following[house, room] = told.state.is_open
        return following

    def _room(self, f_rsi: float) -> RoomAdvice:
        return RoomAdvice(wall=Wall(f_rsi), open_above=self.open_above, close_below=self.open_above - 3)


def automatic(f_rsi: FloatArray) -> Mapping[str, Policy]:
    """Returns the policies that need no person. The oracle among them knows f_Rsi and is given true values."""
    return {
        "none": nothing,
        "hygrostat 55": hygrostat(55),
        "hygrostat 60": hygrostat(60),
        "hygrostat 65": hygrostat(65),
        "dew point, RH 55": dew_point_controller(55),
        "act now 76": ActNow(76),
        "act now 78": ActNow(78),
        "oracle, act now": ActNow(78, f_rsi),
    }
