"""A tidy frame of slot means onto the grid: one window a house, for evaluation and for training a prior."""

from __future__ import annotations

import numpy as np
import polars as pl

from roomidity.domain.houses import OUTDOOR
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT_MS, SLOTS_A_DAY, from_epoch_ms
from roomidity.forecasting import Window

__all__ = ["windows_of"]

_SLOT = (pl.col("ts").dt.epoch("ms") // SLOT_MS).alias("slot")


def windows_of(readings: pl.DataFrame, *, timezone: str, outdoor: pl.DataFrame | None = None) -> dict[str, Window]:
    """Returns each house's readings on the slot grid, from midnight UTC of its first day to its newest slot, by name.

    A house of which only the air outside is known has none.

    Parameters
    ----------
    readings
        Columns house, room, ts (UTC), temperature (°C), humidity (%RH); several readings of a slot are averaged.
    timezone
        IANA name of the houses' time zone.
    outdoor
        Columns ts, temperature, humidity of the air outside, for all houses; else the room ``outdoor`` of each, if any.
    """
    slots = readings.group_by("house", "room", _SLOT).agg(pl.col(quantity).mean() for quantity in QUANTITIES)
    windows = {}
    for (house,), own in sorted(slots.group_by("house")):
        rooms = tuple(sorted(set(own["room"]) - {OUTDOOR}))
        indoor = own.filter(pl.col("room") != OUTDOOR)["slot"]
        if indoor.is_empty():
            continue
        first, last = int(indoor.to_numpy().min()), int(indoor.to_numpy().max()) + 1
        first -= first % SLOTS_A_DAY
        outside = own.filter(pl.col("room") == OUTDOOR)
        if outdoor is not None:
            outside = outdoor.group_by(_SLOT).agg(pl.col(quantity).mean() for quantity in QUANTITIES)
        windows[str(house)] = Window(
            rooms=rooms,
            end=from_epoch_ms(last * SLOT_MS),
            timezone=timezone,
            values=np.stack([_on_grid(own.filter(pl.col("room") == room), first, last) for room in rooms]),
            outdoor=_on_grid(outside, first, last) if len(outside) else None,
        )
    return windows


def _on_grid(slots: pl.DataFrame, first: int, last: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Values of the slots numbered ``first`` to ``last``, (2, slots); NaN where there is none."""
    values = np.full((len(QUANTITIES), last - first), np.nan)
    within = slots.filter(pl.col("slot").is_between(first, last, closed="left"))
    places = within["slot"].to_numpy() - first
    for row, quantity in enumerate(QUANTITIES):
        values[row, places] = within[quantity].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return values
