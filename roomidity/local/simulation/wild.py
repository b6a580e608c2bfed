"""Plants wild readings among good ones, as from failing sensors and radios, to measure what they cost."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from roomidity.domain.slots import SLOT_S

__all__ = ["plant_wild_readings"]

_FAILURES: Final = ((0.0, 0.0), (85.0, None), (None, 99.9), (-45.0, 0.0), (None, 100.0))
"""Values in °C and %RH that failing sensors show. None leaves the value unchanged."""


def plant_wild_readings(readings: pl.DataFrame, *, share: float, seed: int) -> pl.DataFrame:
    """Returns the readings with one wild reading in a ``share`` of each sensor's slots.

    Its values are those of a failure, or any possible ones.

    Parameters
    ----------
    readings
        Readings in ``READINGS_SCHEMA``. Missing quantities stay missing.
    share
        Share of slots with a wild reading.
    seed
        Seed of the random choices.
    """
    rng = np.random.default_rng(seed)
    slots = readings.with_row_index("row").with_columns(slot=pl.col("ts").dt.truncate(f"{SLOT_S}s"))
    groups = slots.group_by("house", "sensor", "slot", maintain_order=True).agg(pl.col("row"))["row"].to_list()
    chosen = [int(rng.choice(rows)) for rows in groups if rng.random() < share]
    temperature, humidity = (readings[name].to_numpy().copy() for name in ("temperature", "humidity"))
    for row in chosen:
        celsius, percent = _FAILURES[rng.integers(len(_FAILURES))]
        if rng.random() < 0.5:
            celsius, percent = rng.uniform(-20, 60), rng.uniform(0, 100)
        for values, wild in ((temperature, celsius), (humidity, percent)):
            if wild is not None and np.isfinite(values[row]):
                values[row] = round(wild, 1)
    planted = pl.DataFrame({"temperature": temperature, "humidity": humidity}).fill_nan(None)
    return readings.with_columns(planted.get_columns())
