"""Values for made-up readings that go up and down with the day and differ little from one to the next, as a room's do.

Of independent draws some would be told apart as wild in nearly every slot, which costs more than what sensors send.
"""

from __future__ import annotations

import numpy as np
import polars as pl

__all__ = ["as_in_rooms"]

DAY_S = 86_400


def as_in_rooms(readings: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Returns readings (columns house, room and ts, at least) with temperatures and humidities of their rooms."""
    room = readings.select(pl.struct("house", "room").rank("dense")).to_series().to_numpy()
    day = np.sin(2 * np.pi * readings["ts"].dt.epoch("s").to_numpy() / DAY_S + room)
    noise = rng.normal(0, 1, (2, len(readings)))
    return readings.with_columns(
        temperature=pl.Series(np.round(21 + np.sin(room) + 1.5 * day + 0.03 * noise[0], 2)),
        humidity=pl.Series(np.round(50 + 5 * np.cos(room) - 4 * day + 0.2 * noise[1], 1)),
    )
