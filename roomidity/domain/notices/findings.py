"""What is found in a house at an issue time: damp air and mould ahead, silence, sensors that stand still."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.comfort.walls import (
    DEFAULT_WALL,
    RISK_HUMIDITY,
    OutdoorMean,
    Wall,
    surface_humidity,
    usable_walls,
)
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import OUTDOOR, House
from roomidity.domain.likelihood import lasting, likely_over
from roomidity.domain.notices.notice import Finding
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, floor_slot

__all__ = ["DAMP", "DAMP_SLOTS", "RISK_SLOTS", "find", "outdoor_ahead"]

DAMP: Final = 70.0
"""%RH over which air is damp: category IV of EN 16798-1."""

DAMP_SLOTS: Final = 2
"""In a row: a shower that is over in a quarter of an hour is nobody's concern."""

RISK_SLOTS: Final = 24
"""Of the 96 ahead, so many over 80 %RH at the coldest surface are a risk: six hours, as on the page."""

_SILENT_FOR: Final = timedelta(hours=3)
"""As long as gaps are filled; forecasts are persistence from then on."""

_OUTDOOR_SILENT_FOR: Final = timedelta(hours=24)
"""Stations report hourly, and the mean outside that the walls follow is good for a day."""

_HUMIDITY: Final = QUANTITIES.index("humidity")
_TEMPERATURE: Final = QUANTITIES.index("temperature")
_SLOTS_AN_HOUR: Final = 4
_SLOTS_A_DAY: Final = 96


def find(
    home: House, forecasts: Sequence[StoredForecast], *, outside: NDArray[np.float64], issued_at: datetime
) -> Iterator[Finding]:
    """All that there is to tell of a house, likely or not.

    Parameters
    ----------
    forecasts
        Those of its rooms, issued at ``issued_at``.
    outside
        What :func:`outdoor_ahead` expects of the next 96 slots, °C; NaN where it is unknown.
    """
    silent = _house_silent(home, forecasts, issued_at)
    if silent is not None:
        yield Finding("silent", None, 1.0, floor_slot(silent))
    walls = usable_walls(home.settings)
    for one in forecasts:
        since = _silent_since(home, one)
        # Where all is silent the house is told of, not each of its rooms; those told of before stay.
        if since is not None:
            yield Finding("silent", one.room, 1.0, floor_slot(since), judged=silent is None)
        stuck = "stuck" in one.notes
        if stuck:
            yield Finding("stuck", one.room, 1.0, issued_at)
        believed = not stuck and one.grade.get("humidity") != "persistence"
        yield from _ahead(one, outside, walls.get(one.room, DEFAULT_WALL), judged=believed)
    yield from _unforecast(home, {one.room for one in forecasts}, issued_at)


def outdoor_ahead(outdoor: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Returns the mean of the outdoor temperature that walls follow over the next 96 slots (°C), NaN if unknown.

    The coming day is assumed to be like the last one, hour by hour. A mean that stays as it is would take the walls of
    a cold morning for those of the whole day.

    Parameters
    ----------
    outdoor
        What was measured outside, (2, slots) up to now, or None.
    """
    if outdoor is None or outdoor.shape[1] < _SLOTS_A_DAY:
        return np.full(_SLOTS_A_DAY, np.nan)
    slots = outdoor[_TEMPERATURE]
    hours = slots[len(slots) % _SLOTS_AN_HOUR :].reshape(-1, _SLOTS_AN_HOUR)
    known = np.isfinite(hours)
    counts = known.sum(axis=1)
    means = np.where(counts > 0, np.where(known, hours, 0.0).sum(axis=1) / np.maximum(counts, 1), np.nan)
    followed, _ = OutdoorMean().over(np.concatenate([means, means[-_SLOTS_A_DAY // _SLOTS_AN_HOUR :]]))
    return np.repeat(followed[len(means) :], _SLOTS_AN_HOUR)


def _ahead(one: StoredForecast, outside: NDArray[np.float64], wall: Wall, *, judged: bool) -> Iterator[Finding]:
    humidity, temperature = one.quantiles[_HUMIDITY], one.quantiles[_TEMPERATURE]
    if not np.isfinite(humidity).all():
        return

    def at(slot: int) -> datetime:
        return one.issued_at + slot * SLOT

    steps = humidity.shape[1]
    likely, first, end = lasting(likely_over(humidity, DAMP), DAMP_SLOTS)
    yield Finding("humid", one.room, likely, at(first), at(end) if end < steps else None, judged=judged)
    if np.isnan(outside).any() or not np.isfinite(temperature).all():
        return
    at_surface = surface_humidity(temperature[1], humidity, outside, f_rsi=wall.f_rsi)
    over = likely_over(at_surface, RISK_HUMIDITY)
    likely = float(np.sort(over)[-RISK_SLOTS])
    wet = np.flatnonzero(over >= min(likely, 0.5))
    last = int(wet[-1]) + 1
    yield Finding("mould", one.room, likely, at(int(wet[0])), at(last) if last < steps else None, judged=judged)


def _house_silent(home: House, forecasts: Sequence[StoredForecast], issued_at: datetime) -> datetime | None:
    """Since when nothing was heard of a house with several rooms, or None."""
    newest = home.last_seen
    if len(home.rooms) < 2 or newest is None or newest > issued_at - _SILENT_FOR:
        return None
    rests = [grade == "persistence" for one in forecasts for grade in one.grade.values()]
    return newest if rests and all(rests) else None


def _silent_since(home: House, one: StoredForecast) -> datetime | None:
    """Since when a quantity of a room is silent for longer than its sensor ever is, or None.

    Readings that come late, or in vain, are told as what they are: of them a forecast has other notes.
    """
    room = home.rooms.get(one.room)
    if room is None or {*one.notes} - {"stuck", "spiking", "dead"}:
        return None
    silent = [
        when
        for quantity, when in room.measured.items()
        if when <= one.issued_at - _SILENT_FOR and one.grade.get(quantity) == "persistence"
    ]
    return min(silent, default=None)


def _unforecast(home: House, forecast: set[str], issued_at: datetime) -> Iterator[Finding]:
    for name, room in home.rooms.items():
        if name == OUTDOOR:
            if room.last_seen <= issued_at - _OUTDOOR_SILENT_FOR:
                # One unheard for a week is nothing new; what was told of it stays.
                is_new = room.last_seen > issued_at - timedelta(days=7)
                yield Finding("silent", name, 1.0, floor_slot(room.last_seen), judged=is_new)
        elif name not in forecast:
            yield Finding("silent", name, 1.0, floor_slot(room.last_seen), judged=False)
