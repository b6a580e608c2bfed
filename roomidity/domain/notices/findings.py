"""Finds what is worth a notice at an issue time: damp air or mould ahead, missing readings, stuck sensors."""

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
"""%RH above which air counts as damp, which is category IV of EN 16798-1."""

DAMP_SLOTS: Final = 2
"""Minimum number of consecutive damp slots, so that a short shower raises no notice."""

RISK_SLOTS: Final = 24
"""Mould is a risk if the coldest surface is above 80 %RH in this many of the next 96 slots (6 h, as on the page)."""

_SILENT_FOR: Final = timedelta(hours=3)
"""Gaps are filled for this long. After that, forecasts fall back to persistence."""

_OUTDOOR_SILENT_FOR: Final = timedelta(hours=24)
"""Stations report hourly, and the outdoor mean that walls follow stays usable for a day."""

_HUMIDITY: Final = QUANTITIES.index("humidity")
_TEMPERATURE: Final = QUANTITIES.index("temperature")
_SLOTS_AN_HOUR: Final = 4
_SLOTS_A_DAY: Final = 96


def find(
    home: House, forecasts: Sequence[StoredForecast], *, outside: NDArray[np.float64], issued_at: datetime
) -> Iterator[Finding]:
    """Yields all findings of a house, whether likely or not.

    Parameters
    ----------
    forecasts
        The forecasts of its rooms, issued at ``issued_at``.
    outside
        (96,) outdoor temperature that walls follow (°C) as returned by :func:`outdoor_ahead`, NaN where unknown.
    """
    silent = _house_silent(home, forecasts, issued_at)
    if silent is not None:
        yield Finding("silent", None, 1.0, floor_slot(silent))
    walls = usable_walls(home.settings)
    for forecast in forecasts:
        since = _silent_since(home, forecast)
        # If the whole house is silent, one notice covers it. Open notices of single rooms stay as they are.
        if since is not None:
            yield Finding("silent", forecast.room, 1.0, floor_slot(since), judged=silent is None)
        stuck = "stuck" in forecast.notes
        if stuck:
            yield Finding("stuck", forecast.room, 1.0, issued_at)
        believed = not stuck and forecast.grade.get("humidity") != "persistence"
        yield from _ahead(forecast, outside, walls.get(forecast.room, DEFAULT_WALL), judged=believed)
    yield from _unforecast(home, {forecast.room for forecast in forecasts}, issued_at)


def outdoor_ahead(outdoor: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Returns the mean outdoor temperature (°C) that walls follow, (96,) for the next 24 h, NaN if unknown.

    The coming day is assumed to repeat the last one, hour by hour. If the present mean were held constant, a cold
    morning would make the walls look cold all day.

    Parameters
    ----------
    outdoor
        (2, slots) humidity and temperature measured outdoors up to now, or None.
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


def _ahead(forecast: StoredForecast, outside: NDArray[np.float64], wall: Wall, *, judged: bool) -> Iterator[Finding]:
    humidity, temperature = forecast.quantiles[_HUMIDITY], forecast.quantiles[_TEMPERATURE]
    if not np.isfinite(humidity).all():
        return

    def at(slot: int) -> datetime:
        return forecast.issued_at + slot * SLOT

    steps = humidity.shape[1]
    likely, first, end = lasting(likely_over(humidity, DAMP), DAMP_SLOTS)
    yield Finding("humid", forecast.room, likely, at(first), at(end) if end < steps else None, judged=judged)
    if np.isnan(outside).any() or not np.isfinite(temperature).all():
        return
    at_surface = surface_humidity(temperature[1], humidity, outside, f_rsi=wall.f_rsi)
    over = likely_over(at_surface, RISK_HUMIDITY)
    likely = float(np.sort(over)[-RISK_SLOTS])
    wet = np.flatnonzero(over >= min(likely, 0.5))
    last = int(wet[-1]) + 1
    yield Finding("mould", forecast.room, likely, at(int(wet[0])), at(last) if last < steps else None, judged=judged)


def _house_silent(home: House, forecasts: Sequence[StoredForecast], issued_at: datetime) -> datetime | None:
    """Returns when a house of several rooms last sent a reading, if that is too long ago, or None."""
    newest = home.last_seen
    if len(home.rooms) < 2 or newest is None or newest > issued_at - _SILENT_FOR:
        return None
    rests = [grade == "persistence" for forecast in forecasts for grade in forecast.grade.values()]
    return newest if rests and all(rests) else None


def _silent_since(home: House, forecast: StoredForecast) -> datetime | None:
    """Returns since when a quantity of a room has been missing for longer than gaps are filled, or None.

    A room whose readings arrive late or are rejected is not silent. Its forecast says so in other notes.
    """
    room = home.rooms.get(forecast.room)
    if room is None or {*forecast.notes} - {"stuck", "spiking", "dead"}:
        return None
    silent = [
        when
        for quantity, when in room.measured.items()
        if when <= forecast.issued_at - _SILENT_FOR and forecast.grade.get(quantity) == "persistence"
    ]
    return min(silent, default=None)


def _unforecast(home: House, forecast: set[str], issued_at: datetime) -> Iterator[Finding]:
    for name, room in home.rooms.items():
        if name == OUTDOOR:
            if room.last_seen <= issued_at - _OUTDOOR_SILENT_FOR:
                # A station that was silent for a week raises no new notice, but an open one stays.
                is_new = room.last_seen > issued_at - timedelta(days=7)
                yield Finding("silent", name, 1.0, floor_slot(room.last_seen), judged=is_new)
        elif name not in forecast:
            yield Finding("silent", name, 1.0, floor_slot(room.last_seen), judged=False)
