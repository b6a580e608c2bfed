"""A house's forecast: all its rooms at once, NumPy alone, whatever the window holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np

from roomidity.domain.quantities import QUANTITIES, SPECS, Quantity
from roomidity.domain.slots import SLOT
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.serving.calibration import expected_size
from roomidity.forecasting.serving.courses import FILL_SLOTS
from roomidity.forecasting.serving.experts import combine, consult, scaled
from roomidity.forecasting.serving.faults import without_jumps
from roomidity.forecasting.serving.features import SPREAD, calendar, design
from roomidity.forecasting.serving.online import known_past
from roomidity.forecasting.window import LEVELS, STEPS, WINDOW_SLOTS, FloatArray, IntArray, Window

__all__ = ["Grade", "HouseForecast", "forecast"]

Grade = Literal["persistence", "sparse", "prior", "full"]

SPARSE_SHARE: Final = 0.6
"""Below this share of the last two days a forecast rests on too little to be called full."""

PLAUSIBLE: Final = tuple(spec.plausible for spec in SPECS)
"""%RH and °C that a sensor can report; a forecast stays within."""


@dataclass(frozen=True)
class HouseForecast:
    """What every room of a house is expected to do over the 24 h from ``issued_at``.

    Parameters
    ----------
    rooms
        Names, in the window's order.
    issued_at
        Aware start of the first slot forecast.
    quantiles
        (rooms, 2, 9, 96): humidity (%RH) and temperature (°C), levels 0.1 to 0.9, leads of 15 minutes; NaN for a
        quantity that the window never measured. Never crossing; humidity within 0 to 100.
    grades
        What each room's forecasts rest on, by quantity; absent for a quantity that is absent.
    data_through
        Start of each room's newest slot with a reading, or None.
    """

    rooms: tuple[str, ...]
    issued_at: datetime
    quantiles: FloatArray
    grades: tuple[Mapping[Quantity, Grade], ...]
    data_through: tuple[datetime | None, ...]


def forecast(window: Window, model: Model, state: State) -> HouseForecast:
    """The forecast issued at the window's end; there is one for any window.

    Parameters
    ----------
    window
        The newest WINDOW_SLOTS slots (more are welcome, fewer do).
    model, state
        The house's own, or the shipped prior. Rooms that they do not know are forecast by the prior.
    """
    window = without_jumps(window)
    rooms = len(window.rooms)
    known = np.isfinite(window.values)
    measured = np.asarray(known.any(axis=2))
    newest = np.where(known, np.arange(window.slots), -1).max(axis=2, initial=-1)
    age = window.slots - 1 - newest
    quantiles = np.full((rooms, len(QUANTITIES), len(LEVELS), STEPS), np.nan)
    fresh = measured & (age <= FILL_SLOTS)
    if fresh.any():
        quantiles = np.where(fresh[..., None, None], _expected(window, model, state), quantiles)
    stale = measured & ~fresh
    if stale.any():
        last = np.take_along_axis(window.values, newest[..., None], axis=2)[..., 0]
        quantiles = np.where(stale[..., None, None], _unchanged(last, age, state), quantiles)
    low, high = np.array(PLAUSIBLE).T[:, :, None, None]
    share = known[:, :, -WINDOW_SLOTS:].sum(axis=2) / WINDOW_SLOTS
    return HouseForecast(
        rooms=window.rooms,
        issued_at=window.end,
        quantiles=np.clip(quantiles, low, high),
        grades=tuple(
            {
                name: _grade(int(age[row, q]), float(share[row, q]), prior=model.is_prior)
                for q, name in enumerate(QUANTITIES)
                if measured[row, q]
            }
            for row in range(rooms)
        ),
        data_through=tuple(
            window.end - (int(age[row].min()) + 1) * SLOT if measured[row].any() else None for row in range(rooms)
        ),
    )


def _expected(window: Window, model: Model, state: State) -> FloatArray:
    """Quantiles from the experts, (rooms, 2, 9, 96)."""
    past, state = known_past(state, window)
    basis = design(past.values, np.array([past.slots]), past.outdoor)
    rows = scaled(model, basis.inputs(calendar([window.last], window.timezone)))
    median = (basis.newest[..., None] + combine(state, consult(model, window.rooms, basis, rows)))[:, 0]
    own = [state.rooms.index(room) + 1 for room in window.rooms]
    size = expected_size(model, basis)[:, 0, :, None]
    reach = state.width[own][:, :, None, None] * state.offsets[own] * size
    quantiles: FloatArray = (median[:, :, None] + reach) @ SPREAD
    return quantiles


def _unchanged(last: FloatArray, age: IntArray, state: State) -> FloatArray:
    """Persistence with quantiles of its own errors, as wide as its age asks for, (rooms, 2, 9, 96)."""
    leads = np.minimum(np.arange(STEPS) + age[..., None], STEPS - 1)
    reach = np.broadcast_to(state.idle_offsets @ SPREAD, (*age.shape, len(LEVELS), STEPS))
    shifted: FloatArray = np.take_along_axis(reach, leads[:, :, None], axis=3)
    return last[..., None, None] + shifted


def _grade(age: int, share: float, *, prior: bool) -> Grade:
    if age > FILL_SLOTS:
        return "persistence"
    if share < SPARSE_SHARE:
        return "sparse"
    return "prior" if prior else "full"
