"""A house's mould by day: each room's index at the end of a day, and what the next day goes on from."""

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
        The VTT index, 0 to 6.
    dry_h
        For how many hours nothing has grown.
    since
        The first day that counts; at its start the index was 0.
    hours, risk_hours
        Of that day: how many are known, and in how many of them there were more than 80 %RH at the coldest surface.
    """

    index: float
    dry_h: int
    since: date
    hours: int
    risk_hours: int


@dataclass(frozen=True)
class MouldDay:
    """All rooms of a house at the end of a day (UTC), with the mean of the temperature outside that goes on from there.

    ``inputs`` stands for all that the day follows from, ``settings`` for that part of it which persons set; both
    change with it.
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
    """The day that follows from the one ``before`` (None: the first) and from what was measured on it.

    Parameters
    ----------
    rooms
        By room (2, 24): humidity (%RH) and temperature (°C), hourly means, NaN where unknown.
    outside
        (24,): the temperature outside, alike.
    walls
        What is set of a room; by default :data:`DEFAULT_WALL`.

    Returns
    -------
    A room is in it from the first day on that has an hour in which both it and the air outside are known.
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
