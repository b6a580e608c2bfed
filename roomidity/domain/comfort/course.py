"""Daily mould records of a house: each room's index at the end of a day, from which the next day continues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.comfort.mould import grow
from roomidity.domain.comfort.walls import (
    DEFAULT_WALL,
    RISK_HUMIDITY,
    OutdoorMean,
    Wall,
    surface_humidity,
    surface_temperature,
)

__all__ = ["HOURS", "MouldDay", "RoomMould", "day_after"]

HOURS: Final = 24


@dataclass(frozen=True)
class RoomMould:
    """A room's mould at the end of a day.

    Parameters
    ----------
    index
        The VTT mould index, from 0 to 6.
    dry_h
        Number of hours since mould last grew.
    since
        The first day that counts. The index was 0 at its start.
    hours, risk_hours
        Of that day: the number of known hours, and how many of them had more than 80 %RH at the coldest surface.
    """

    index: float
    dry_h: int
    since: date
    hours: int
    risk_hours: int


@dataclass(frozen=True)
class MouldDay:
    """The mould of all rooms of a house at the end of a day (UTC), with the outdoor mean for the next day.

    ``inputs`` identifies everything that the day was derived from, and ``settings`` the part of it that people set.
    Each changes whenever what it identifies changes.
    """

    house: str
    day: date
    inputs: str
    settings: str
    outdoor: OutdoorMean = field(default_factory=OutdoorMean)
    rooms: Mapping[str, RoomMould] = field(default_factory=dict)


def day_after(
    before: MouldDay | None,
    *,
    house: str,
    day: date,
    inputs: str,
    settings: str,
    rooms: Mapping[str, NDArray[np.float64]],
    outside: NDArray[np.float64],
    walls: Mapping[str, Wall],
) -> MouldDay:
    """Returns the day that follows from ``before`` (None for the first day) and from the measurements of that day.

    Parameters
    ----------
    rooms
        By room, an array of shape (2, 24) with hourly means of humidity (%RH) and temperature (°C), NaN where unknown.
    outside
        Array of shape (24,) with hourly means of the outdoor temperature (°C), NaN where unknown.
    walls
        By room, the wall that was set for it. Rooms without an entry use :data:`DEFAULT_WALL`.

    Returns
    -------
    MouldDay
        A room first appears on the first day with an hour in which both its air and the air outside are known.
    """
    means, outdoor = (before.outdoor if before else OutdoorMean()).over(outside)
    found = {}
    for room in sorted({*rooms, *(before.rooms if before else ())}):
        wall = walls.get(room, DEFAULT_WALL)
        humidity, temperature = rooms.get(room, np.full((2, HOURS), np.nan))
        at_surface = surface_humidity(temperature, humidity, means, f_rsi=wall.f_rsi)
        known = np.isfinite(at_surface)
        last = before.rooms.get(room) if before else None
        if last is None:
            if not known.any():
                continue
            last = RoomMould(0.0, 0, since=day, hours=0, risk_hours=0)
        index, dry_h = grow(
            last.index,
            last.dry_h,
            temperature=surface_temperature(temperature, means, f_rsi=wall.f_rsi),
            humidity=at_surface,
            material=wall.material,
        )
        found[room] = RoomMould(
            index, dry_h, last.since, hours=int(known.sum()), risk_hours=int((at_surface[known] > RISK_HUMIDITY).sum())
        )
    return MouldDay(house, day, inputs, settings, outdoor, found)
