"""Houses made of sines and noise, and the real ones where they are at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl
import pytest

from roomidity.domain.slots import SLOT, SLOT_MS, from_epoch_ms, to_epoch_ms
from roomidity.forecasting import Model, State, Window, load_prior
from roomidity.forecasting.training.ridges import Trained, train

START = datetime(2026, 3, 2, tzinfo=UTC)


def make(*, rooms: int = 2, days: float = 12, seed: int = 0, timezone: str = "Europe/Brussels") -> Window:
    """Rooms with a daily course, slow drift and noise."""
    rng = np.random.default_rng(seed)
    slots = round(days * 96)
    time = np.arange(slots) / 96
    values = np.empty((rooms, 2, slots))
    for room in range(rooms):
        drift = np.cumsum(rng.normal(0, 0.08, slots))
        values[room, 0] = 50 + 5 * np.sin(2 * np.pi * (time - 0.1 * room)) + 2 * drift + rng.normal(0, 0.3, slots)
        values[room, 1] = 20 + 1.5 * np.sin(2 * np.pi * (time + 0.3)) + 0.2 * drift + rng.normal(0, 0.05, slots)
    values[:, 0] = np.clip(values[:, 0], 5, 95)
    names = tuple(f"room {number}" for number in range(rooms))
    return Window(rooms=names, end=START + slots * SLOT, timezone=timezone, values=values)


@cache
def read(name: str) -> Window:
    """One of the real houses; the test is skipped where the files are absent."""
    folder = Path(os.environ.get("ROOMIDITY_DATA", Path(__file__).parents[4] / "shared" / "data"))
    path = folder / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there; set ROOMIDITY_DATA to the folder of the real houses")
    readings = pl.read_parquet(path).with_columns(slot=pl.col("ts").dt.epoch("ms") // SLOT_MS)
    rooms = tuple(sorted(readings["room"].unique().to_list()))
    begin: Any = readings["ts"].min()
    last: Any = readings["slot"].max()
    first = to_epoch_ms(begin.replace(hour=0, minute=0)) // SLOT_MS
    slots = last + 1 - first
    values = np.full((len(rooms), 2, slots), np.nan)
    for row, room in enumerate(rooms):
        own = readings.filter(pl.col("room") == room)
        for q, quantity in enumerate(("humidity", "temperature")):
            values[row, q, own["slot"].to_numpy() - first] = own[quantity].to_numpy()
    return Window(rooms=rooms, end=from_epoch_ms((first + slots) * SLOT_MS), timezone="UTC", values=values)


class MakeHouse(Protocol):
    def __call__(self, *, rooms: int = 2, days: float = 12, seed: int = 0, timezone: str = ...) -> Window: ...


@pytest.fixture(scope="session")
def make_house() -> MakeHouse:
    return make


@pytest.fixture(scope="session")
def real_house() -> Callable[[str], Window]:
    return read


@pytest.fixture(scope="session")
def prior() -> tuple[Model, State]:
    model, state, _ = load_prior()
    return model, state


@pytest.fixture(scope="session")
def trained(prior: tuple[Model, State]) -> Trained:
    """A model of the house that ``make_house(days=12)`` gives."""
    return train(make(days=12), prior=prior, seed=0)
