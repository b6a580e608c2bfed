"""Simulates a house with plausible physics: moisture and heat balances, people, weather and sensors.

It lets the demo run without any download, and a forecasting prior can be trained on many such houses. Everything
follows from a seed. Each day has its own random numbers, so a longer simulation begins exactly like a shorter one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from roomidity.domain.slots import SLOT_S, floor_slot, to_epoch_ms
from roomidity.local.simulation.course import STEP_S, Course, simulate_course
from roomidity.local.simulation.issued import simulate_issues
from roomidity.local.simulation.kinds import DEMO_KIND, ClimateKind, HouseKind, RoomKind, Use, random_kind
from roomidity.local.simulation.sensors import READINGS_SCHEMA, Sensor, lagged, sensors_of, take_readings

__all__ = [
    "DEMO_KIND",
    "READINGS_SCHEMA",
    "ClimateKind",
    "HouseKind",
    "RoomKind",
    "Sensor",
    "SimulatedHouse",
    "Use",
    "random_kind",
    "simulate_house",
    "simulate_issues",
    "simulate_slots",
]


@dataclass(frozen=True, slots=True)
class SimulatedHouse:
    """A house, its sensors and their raw readings."""

    house: str
    timezone: str
    kind: HouseKind
    sensors: tuple[Sensor, ...]
    readings: pl.DataFrame
    """Columns house, room, sensor, ts (UTC, ms), temperature (°C) and humidity (%RH), sorted by ts."""


def simulate_house(
    *,
    seed: int,
    start: datetime,
    days: int,
    house: str = "demo",
    timezone: str = "Europe/Brussels",
    kind: HouseKind = DEMO_KIND,
) -> SimulatedHouse:
    """Returns raw readings of all sensors in a house and outdoors (room ``outdoor``), within [start, start + days).

    Parameters
    ----------
    seed
        Not negative. Equal arguments give equal readings on every machine, because values are rounded as by sensors,
        far more coarsely than exponential functions differ between machines.
    start
        An aware time. The first reading comes within one minute of it.
    days
        Number of days of 24 h, at least 1.
    house
        The name of the house.
    timezone
        IANA name of the zone by which people live.
    kind
        The kind of house. :func:`random_kind` draws one.

    Raises
    ------
    ValueError
        If ``start`` is naive, or ``days`` or ``seed`` is too small.
    """
    course = _course(kind, seed=seed, start=start, days=days, timezone=timezone)
    sensors = sensors_of(kind, seed=seed)
    readings = take_readings(course, sensors, house=house, seed=seed, start_ms=to_epoch_ms(start), days=days)
    return SimulatedHouse(house, timezone, kind, sensors, readings)


def simulate_slots(
    *,
    seed: int,
    start: datetime,
    days: int,
    house: str = "demo",
    timezone: str = "Europe/Brussels",
    kind: HouseKind = DEMO_KIND,
) -> pl.DataFrame:
    """Returns slot means of the same house without simulating readings, as from faultless but lagged sensors.

    Columns house, room, ts (the slot's start), temperature (°C) and humidity (%RH), sorted by room and ts. They contain
    the measured rooms and ``outdoor``, each with ``days`` · 96 slots without gaps from the slot of ``start``. The
    parameters are those of :func:`simulate_house`.
    """
    start = floor_slot(start) if start.tzinfo else start
    course = _course(kind, seed=seed, start=start, days=days, timezone=timezone)
    lag_s = {sensor.room: sensor.lag_s for sensor in reversed(sensors_of(kind, seed=seed))}  # the first sensor's lag
    rooms = sorted(lag_s)
    column = [course.rooms.index(room) for room in rooms]
    lags = np.array([lag_s[room] for room in rooms])
    steps = SLOT_S // STEP_S
    means = []
    for quantity in (course.temperature, course.humidity):
        shown = lagged(quantity[:, column], lag_s=lags, step_s=STEP_S)
        halfway = (shown[1:] + shown[:-1]) / 2
        means.append(halfway.reshape(-1, steps, len(rooms)).mean(axis=1).T.ravel().round(3))
    slots = days * 86_400 // SLOT_S
    times = 1000 * (course.begin_s + SLOT_S * np.arange(slots))
    return pl.DataFrame(
        {
            "house": pl.Series([house], dtype=pl.String).new_from_index(0, len(rooms) * slots),
            "room": np.repeat(rooms, slots),
            "ts": pl.Series(np.tile(times, len(rooms))).cast(READINGS_SCHEMA["ts"]),
            "temperature": means[0],
            "humidity": means[1],
        }
    )


def _course(kind: HouseKind, *, seed: int, start: datetime, days: int, timezone: str) -> Course:
    if start.tzinfo is None:
        raise ValueError(f"start is {start.isoformat()}, which has no offset; give an aware time, such as one in UTC")
    if days < 1 or seed < 0:
        raise ValueError(f"days is {days} and seed {seed}; at least 1 and 0 were expected")
    return simulate_course(kind, seed=seed, start=start.astimezone(UTC), days=days, zone=ZoneInfo(timezone))
