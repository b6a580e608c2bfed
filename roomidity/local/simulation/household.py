"""What people do in a simulated house by local time: where they are, and what they heat, wet, open and close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.local.simulation.kinds import HouseKind, Use
from roomidity.local.simulation.seeds import Purpose, generator
from roomidity.local.simulation.timetable import Change, Timetable

__all__ = ["Activity", "simulate_household"]

FloatArray = NDArray[np.float64]

_HOUR: Final = 3_600.0

_AWAKE_G_H, _ASLEEP_G_H = 55.0, 38.0
"""Moisture given off by a person, in g/h. ISO 13788 has 30 to 300 g/h from asleep to at work."""
_AWAKE_W, _ASLEEP_W = 95.0, 70.0
"""Sensible heat of a person in W."""
_TOWELS_SHARE: Final = 0.35
"""Share of a shower's moisture that remains as water on walls and towels and evaporates afterwards."""
_PLANTS_G_H_M3: Final = 0.08
"""Moisture from plants, pets and cleaning, in g/h per m³ of living space."""
_OPEN_WINDOW_PER_H: Final = 5.0
"""Air changes per hour through a window that is wide open."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What people cause in each step and room, as float64 arrays of shape (steps, rooms)."""

    moisture_g_h: FloatArray
    heat_w: FloatArray
    window_per_h: FloatArray
    """Air changes per hour through windows."""
    extractor: FloatArray
    """Share of the step in which the room's fan runs."""
    door_open: FloatArray
    """How far the door to the hall is open, from 0.15 (the gap below it) to 1."""
    setpoint_c: FloatArray
    """Setpoint of the thermostats in °C."""


@dataclass(frozen=True, slots=True)
class _Person:
    """The habits of a person."""

    room: int
    wakes_h: float
    leaves_h: float
    returns_h: float
    sleeps_h: float
    showers_mornings: float
    own_room: float
    """Share of evenings spent in the person's own room."""


def simulate_household(
    kind: HouseKind,
    *,
    seed: int,
    begin_s: int,
    steps: int,
    step_s: int,
    zone: tzinfo,
    outdoor_c: FloatArray,
    mild_c: FloatArray,
) -> Activity:
    """Returns what people do from ``begin_s`` (epoch s) in ``steps`` steps. Each local day has its own generator.

    Parameters
    ----------
    outdoor_c, mild_c
        Outdoor temperature in °C for each step, the current one and the mean of the last day. Windows are open longer
        when it is warm.
    """
    table = Timetable()
    habits = generator(seed, Purpose.HABITS)
    people = _people(kind, habits)
    rooms = len(kind.rooms)
    stays_open = habits.uniform(0.25, 1.0, rooms)
    tilted = habits.uniform(0.4, 2.4, rooms)
    day = datetime.fromtimestamp(begin_s, UTC).astimezone(zone).date()
    end = datetime.fromtimestamp(begin_s + steps * step_s, UTC).astimezone(zone).date()
    whims = []
    while day <= end + timedelta(days=1):  # Whims are interpolated from noon to noon.
        rng = generator(seed, Purpose.DAY, day.toordinal())
        noon = datetime.combine(day, time(12), zone).timestamp()
        dawn_c = float(np.interp(noon - 8 * _HOUR, begin_s + step_s * np.arange(steps), outdoor_c))
        whims.append((noon - begin_s, *rng.normal(0, 1, 2 * rooms)))
        if _away(seed, day):
            for room in range(rooms):
                table.add(Change.SETBACK, room, noon - 12 * _HOUR, 24 * _HOUR, 1.0)
        else:
            _Day(table, kind, rng, noon - 12 * _HOUR, weekend=day.weekday() >= 5).plan(people, dawn_c=dawn_c)
        day += timedelta(days=1)
    laid = table.lay(begin_s=begin_s, steps=steps, step_s=step_s, rooms=rooms)

    # Whims of each day: how far windows are open, and where the thermostats are set.
    at, *whim = np.array(whims).T
    step = step_s * np.arange(steps)
    whim_of_step = np.stack([np.interp(step, at, column) for column in whim], axis=1)
    warm = np.clip((mild_c - 13) / 9, 0, 1)[:, None] * np.clip((outdoor_c - 8) / 8, 0, 1)[:, None]
    someone = np.minimum(laid[Change.PRESENT].sum(axis=1, keepdims=True), 1.0)
    volume = np.array([room.volume_m3 for room in kind.rooms])
    living = np.array([room.use in {Use.LIVING, Use.KITCHEN} for room in kind.rooms])
    return Activity(
        moisture_g_h=laid[Change.MOISTURE] + _PLANTS_G_H_M3 * volume * living,
        heat_w=laid[Change.HEAT] + 0.5 * volume,
        window_per_h=laid[Change.WINDOW] + warm * someone * tilted * np.exp(0.5 * whim_of_step[:, :rooms]),
        extractor=np.minimum(laid[Change.EXTRACTOR], 1.0),
        door_open=np.maximum(stays_open * (1 - np.minimum(laid[Change.CLOSED], 1.0)), 0.15),
        setpoint_c=np.array([room.setpoint_c for room in kind.rooms])
        + 0.6 * whim_of_step[:, rooms:]
        - kind.setback_k * np.minimum(laid[Change.SETBACK], 1.0),
    )


def _people(kind: HouseKind, rng: np.random.Generator) -> tuple[_Person, ...]:
    bedrooms = _rooms(kind, Use.BEDROOM) or _rooms(kind, Use.LIVING) or [0]
    people = []
    for index in range(kind.people):
        grown_up = index < 2  # The first two share the first bedroom.
        wakes = rng.normal(6.6 if grown_up else 7.0, 0.5)
        people.append(
            _Person(
                room=bedrooms[0] if grown_up else bedrooms[min(1 + (index - 2) % len(bedrooms), len(bedrooms) - 1)],
                wakes_h=wakes,
                leaves_h=wakes + rng.uniform(0.8, 1.6),
                returns_h=rng.normal(17.6 if grown_up else 16.3, 0.8),
                sleeps_h=min(rng.normal(22.9 if grown_up else 21.8, 0.5), 23.6),
                showers_mornings=rng.choice([0.1, 0.85]),
                own_room=0.1 if grown_up else 0.6,
            )
        )
    return tuple(people)


def _rooms(kind: HouseKind, use: Use) -> list[int]:
    return [index for index, room in enumerate(kind.rooms) if room.use is use]


def _away(seed: int, day: date) -> bool:
    """Returns whether the whole house is away, which happens one week in forty and one weekend in ten."""
    week = generator(seed, Purpose.WEEK, (day.toordinal() - 1) // 7)
    holiday, trip = week.random(2)
    return bool(holiday < 0.025 or (day.weekday() >= 5 and trip < 0.1))


class _Day:
    """A local day with somebody at home. Hours refer to the UTC offset in force at noon."""

    def __init__(
        self, table: Timetable, kind: HouseKind, rng: np.random.Generator, midnight_s: float, *, weekend: bool
    ) -> None:
        self.table, self.kind, self.rng, self.midnight_s, self.weekend = table, kind, rng, midnight_s, weekend
        self.living = (_rooms(kind, Use.LIVING) or [0])[0]
        self.kitchen = (_rooms(kind, Use.KITCHEN) or [self.living])[0]
        self.bath = (_rooms(kind, Use.BATHROOM) or [self.kitchen])[0]
        self.office = (_rooms(kind, Use.OFFICE) or [self.living])[0]
        self.drying = (_rooms(kind, Use.LAUNDRY) or _rooms(kind, Use.OFFICE) or [self.bath])[0]

    def plan(self, people: tuple[_Person, ...], *, dawn_c: float) -> None:
        """Adds all that happens on the day to the timetable. ``dawn_c`` is the early outdoor temperature in °C."""
        closed = {room for room in _rooms(self.kind, Use.BEDROOM) if self.rng.random() < self.kind.closed_bedrooms}
        spans = [self.person(person, closed=person.room in closed) for person in people]
        first_up, last_down = min(wakes for wakes, _, _ in spans), max(sleeps for _, sleeps, _ in spans)
        self.heating(first_up, last_down, all_out=all(out for _, _, out in spans))
        self.cooking(first_up)
        if self.rng.random() < 0.8:  # Television, computers, lamps.
            self.add(Change.HEAT, self.living, 17.5, last_down - 17.5, self.rng.uniform(80, 350))
        self.laundry()
        self.airing(first_up, dawn_c=dawn_c)

    def add(self, change: Change, room: int, start_h: float, hours: float, rate: float) -> None:
        """Adds an interval to the timetable, given in hours of the day."""
        self.table.add(change, room, self.midnight_s + start_h * _HOUR, hours * _HOUR, rate)

    def be(self, room: int, start_h: float, end_h: float, *, asleep: bool = False) -> None:
        """Adds one person to a room."""
        self.add(Change.PRESENT, room, start_h, end_h - start_h, 1.0)
        self.add(Change.MOISTURE, room, start_h, end_h - start_h, _ASLEEP_G_H if asleep else _AWAKE_G_H)
        self.add(Change.HEAT, room, start_h, end_h - start_h, _ASLEEP_W if asleep else _AWAKE_W)

    def person(self, person: _Person, *, closed: bool) -> tuple[float, float, bool]:
        """Plans a person's day.

        Returns when they wake and fall asleep (h), and whether they spend the day elsewhere.
        """
        rng = self.rng
        late = rng.normal(1.7, 0.6) if self.weekend else rng.normal(0, 0.25)
        wakes = max(person.wakes_h + late, 4.5)
        sleeps = min(max(person.sleeps_h + rng.normal(0.4 if self.weekend else 0, 0.4), 19.5), 23.95)
        self.be(person.room, 0.0, wakes, asleep=True)
        self.be(person.room, sleeps, 24.0, asleep=True)
        if closed:
            self.add(Change.CLOSED, person.room, 0.0, wakes, 1.0)
            self.add(Change.CLOSED, person.room, sleeps, 24 - sleeps, 1.0)
        if rng.random() < 0.85:
            in_the_morning = rng.random() < person.showers_mornings
            self.shower(wakes + rng.uniform(0.1, 0.4) if in_the_morning else sleeps - rng.uniform(0.4, 1.6))
        self.be(self.bath, wakes, wakes + 0.4)
        self.be(self.kitchen, wakes + 0.4, wakes + 0.8)

        leaves, returns = person.leaves_h + late, person.returns_h + rng.normal(0, 0.6)
        if self.weekend:
            leaves, returns = rng.uniform(10.5, 15.0), rng.uniform(15.0, 19.0)
        leaves = max(leaves, wakes + 0.8)
        returns = min(max(returns, leaves), 18.6)
        stays = rng.random() < (0.35 if self.weekend else self.kind.home_workers)
        if stays:
            self.be(self.living if self.weekend else self.office, wakes + 0.8, max(returns, wakes + 0.8))
        else:
            self.be(self.living, wakes + 0.8, leaves)
        self.be(self.living, returns, 18.6)
        self.be(self.kitchen, 18.6, 19.2)
        withdraws = rng.random() < person.own_room
        self.be(person.room if withdraws else self.living, 19.2, sleeps)
        if withdraws and rng.random() < 0.6:
            self.add(Change.CLOSED, person.room, 19.2, sleeps - 19.2, 1.0)
        return wakes, sleeps, not stays and not self.weekend

    def shower(self, start_h: float) -> None:
        """Adds a shower of 8 to 12 min behind a closed door, followed by wet walls and towels while the fan runs on."""
        bath, hours = self.bath, self.rng.uniform(8, 12) / 60
        water_g = self.kind.shower_g_h * self.rng.lognormal(0, 0.15) * hours
        self.add(Change.MOISTURE, bath, start_h, hours, (1 - _TOWELS_SHARE) * water_g / hours)
        self.add(Change.MOISTURE, bath, start_h + hours, 1.0, 0.6 * _TOWELS_SHARE * water_g)
        self.add(Change.MOISTURE, bath, start_h + hours + 1.0, 5.0, 0.4 * _TOWELS_SHARE * water_g / 5)
        self.add(Change.HEAT, bath, start_h, hours, 250.0)
        self.add(Change.CLOSED, bath, start_h - 0.08, hours + 0.2, 1.0)
        self.add(Change.EXTRACTOR, bath, start_h, hours + self.rng.uniform(0.35, 0.65), 1.0)

    def heating(self, first_up: float, last_down: float, *, all_out: bool) -> None:
        """Lowers the heating at night, and by half as much while everybody is out."""
        for room in range(len(self.kind.rooms)):
            self.add(Change.SETBACK, room, 0.0, first_up - 0.7, 1.0)
            self.add(Change.SETBACK, room, last_down - 0.3, 24.3 - last_down, 1.0)
            if all_out:
                self.add(Change.SETBACK, room, first_up + 2, 6.5, 0.5)

    def cooking(self, first_up: float) -> None:
        """Adds breakfast, sometimes lunch, and dinner. The hood runs for half of the meals."""
        meals = ((first_up + 0.4, 0.9, 0.3), (12.4, 0.7 if self.weekend else 0.15, 0.8), (18.2, 0.9, 1.0))
        for meal_h, chance, size in meals:
            if self.rng.random() < chance:
                start_h, hours = meal_h + self.rng.normal(0, 0.3), self.rng.uniform(0.25, 0.75) * size
                wet_g_h = self.kind.cooking_g_h * self.rng.lognormal(0, 0.3)
                self.add(Change.MOISTURE, self.kitchen, start_h, hours, wet_g_h)
                self.add(Change.HEAT, self.kitchen, start_h, hours, 500.0)
                if self.rng.random() < 0.5:
                    self.add(Change.EXTRACTOR, self.kitchen, start_h, hours, 1.0)

    def laundry(self) -> None:
        """Hangs up wet clothes on some days. They dry within 16 h, fastest at first."""
        if self.rng.random() < self.kind.laundry_a_week / 7:
            hung_h, wet_g = self.rng.uniform(8, 20), self.rng.uniform(800, 1800)
            for start_h, hours, share in ((0, 3, 0.4), (3, 5, 0.4), (8, 8, 0.2)):
                self.add(Change.MOISTURE, self.drying, hung_h + start_h, hours, wet_g * share / hours)

    def airing(self, first_up: float, *, dawn_c: float) -> None:
        """Opens windows wide for some minutes in the morning, fewer when it is cold."""
        for room in range(1, len(self.kind.rooms)):
            if self.rng.random() < self.kind.airing:
                minutes = 14 * float(np.clip((dawn_c + 8) / 14, 0.35, 2.5)) * self.rng.lognormal(0, 0.5)
                rate = _OPEN_WINDOW_PER_H * self.rng.uniform(0.5, 1.5)
                self.add(Change.WINDOW, room, first_up + self.rng.uniform(0.3, 2.0), minutes / 60, rate)
