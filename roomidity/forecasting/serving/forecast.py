"""A house's forecast: all its rooms at once, NumPy alone, whatever the window holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import QUANTITIES, SPECS, Quantity
from roomidity.domain.slots import SLOT
from roomidity.domain.weather import WeatherUsed
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.serving.cadence import SPARSE_SHARE, Cadence
from roomidity.forecasting.serving.calibration import error_scale
from roomidity.forecasting.serving.experts import combine, consult, scaled
from roomidity.forecasting.serving.features import INTERPOLATION, calendar, design
from roomidity.forecasting.serving.notes import sensor_notes
from roomidity.forecasting.serving.online import known_past
from roomidity.forecasting.serving.weather import Outlook
from roomidity.forecasting.window import LEVELS, STEPS, FloatArray, IntArray, Window

__all__ = ["Grade", "HouseForecast", "forecast"]

Grade = Literal["persistence", "sparse", "prior", "full"]

AGE_POWER: Final = 0.4
"""Of days since the last value: of changes, the 80 % quantile is 1.4 times a day's after two, 1.5 to 2.3 times after
a week."""

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
        quantity of which nothing measured is believed. Never crossing; humidity within 0 to 100.
    grades
        What each room's forecasts rest on, by quantity; absent for a quantity that is absent.
    data_through
        Start of each room's newest slot with a reading that is believed, or None.
    notes
        What is wrong with each room's sensors, in the codes of :mod:`roomidity.forecasting.serving.notes`.
    weather
        Which issue of the weather ahead they rest on, or None.
    weather_adds
        What it adds to their medians at the knots, (rooms, 2, knots); NaN where nothing, None where there is no issue.
    """

    rooms: tuple[str, ...]
    issued_at: datetime
    quantiles: FloatArray
    grades: tuple[Mapping[Quantity, Grade], ...]
    data_through: tuple[datetime | None, ...]
    notes: tuple[tuple[str, ...], ...]
    weather: WeatherUsed | None = None
    weather_adds: FloatArray | None = None


def forecast(window: Window, model: Model, state: State, *, unchanged: bool = False) -> HouseForecast:
    """Returns the forecast issued at the window's end; there is one for any window.

    Parameters
    ----------
    window
        The newest WINDOW_SLOTS slots (more are welcome, fewer do).
    model, state
        The house's own, or the shipped prior. Rooms that they do not know are forecast by the prior.
    unchanged
        Whether to forecast that everything stays as it is, as of a silent sensor, whatever the model says.
    """
    past, state = known_past(state, window)
    known = past.cadence
    measured = np.isfinite(window.values).any(axis=2) & (known.age < past.measured.slots)
    fresh = measured & ~known.silent & (not unchanged)
    outlook = Outlook.of(past.basis)
    adds = None
    if fresh.any():
        quantiles, adds = _expected(past.basis, model, state, outlook)
        quantiles[~fresh] = np.nan
    else:
        quantiles = np.full((*fresh.shape, len(LEVELS), STEPS), np.nan)
    stale = measured & ~fresh
    if stale.any():
        newest = np.maximum(past.measured.slots - 1 - known.age, 0)
        last = np.take_along_axis(past.measured.values, newest[..., None], axis=2)[..., 0]
        quantiles = np.where(stale[..., None, None], _unchanged(last, known.age, state), quantiles)
    low, high = np.array(PLAUSIBLE).T[:, :, None, None]
    return HouseForecast(
        rooms=window.rooms,
        issued_at=window.end,
        quantiles=np.clip(quantiles, low, high, out=quantiles),
        grades=_grades(known, measured, prior=model.is_prior, unchanged=unchanged),
        data_through=tuple(
            window.end - (min(ages) + 1) * SLOT if any(are_there) else None
            for ages, are_there in zip(known.age.tolist(), measured.tolist(), strict=True)
        ),
        notes=sensor_notes(window, past),
        weather=outlook.used(window.end) if fresh.any() else None,
        weather_adds=None if adds is None else np.where(fresh[..., None], adds, np.nan),
    )


def _expected(past: Window, model: Model, state: State, outlook: Outlook) -> tuple[FloatArray, FloatArray | None]:
    """Returns quantiles about the experts' weighted mean, (rooms, 2, 9, 96), and what the weather ahead adds to it."""
    now = np.array([past.slots])
    basis = outlook.ahead(design(past.values, now, past.outdoor), past, now)
    rows = scaled(model, basis.inputs(calendar([past.last], past.timezone)))
    changes = combine(state, consult(model, past.rooms, basis, rows))
    adds = None
    if basis.informed.any():
        adds = (changes - combine(state, consult(model, past.rooms, basis, rows, blind=True)))[:, 0]
    median = (basis.newest[..., None] + changes)[:, 0]
    place = {room: number for number, room in enumerate(state.rooms, start=1)}
    own = [place[room] for room in past.rooms]
    scale = error_scale(model, basis)[:, 0, :, None]
    reach = state.interval_scale[own][:, :, None, None] * state.offsets[own]
    if basis.weather is None and state.weather_days.any():
        reach = _bare(state, reach)
    quantiles: FloatArray = (median[:, :, None] + reach * scale) @ INTERPOLATION
    return quantiles, adds


def _bare(state: State, reach: FloatArray) -> FloatArray:
    """Returns the reach of quantiles, (rooms, 2, 9, knots), where the weather ahead that there was of late is missing.

    A room's own errors tell what they were with it, for so many of the days as it was known; for those the errors that
    the house's rooms would have had without stand in.
    """
    share = (state.weather_days / np.maximum(state.days, 1e-9)).clip(0, 1)[:, None, None]
    return (1 - share) * reach + share * state.bare_scale[:, None, None] * state.bare_offsets


def _unchanged(last: FloatArray, age: IntArray, state: State) -> FloatArray:
    """Returns persistence with quantiles of its own errors, as wide as its age asks for, (rooms, 2, 9, 96).

    Errors are known of ages up to a day. Beyond, they are those of the same time of day, at least those of a whole day,
    and grow with a power of the days.
    """
    slots = np.arange(STEPS) + age[..., None]
    errors = state.persistence_offsets @ INTERPOLATION
    day = errors[..., -1:]
    older = np.where(day < 0, np.minimum(errors, day), np.maximum(errors, day))
    rows = np.arange(len(QUANTITIES))[:, None]
    growth = ((slots + 1) / STEPS) ** AGE_POWER
    first = errors.swapaxes(1, 2)[rows, slots % STEPS]
    later = older.swapaxes(1, 2)[rows, slots % STEPS] * growth[..., None]
    reach = np.where((slots < STEPS)[..., None], first, later).swapaxes(2, 3)
    quantiles: FloatArray = last[..., None, None] + reach
    return quantiles


def _grades(
    known: Cadence, measured: NDArray[np.bool_], *, prior: bool, unchanged: bool
) -> tuple[dict[Quantity, Grade], ...]:
    """Returns the grade of each measured quantity, by room: of all rooms at once, of which a fleet may have many."""
    choices: Sequence[Grade] = ("persistence", "sparse", "prior" if prior else "full")
    grade = np.where(known.silent | unchanged, 0, np.where(known.covered < SPARSE_SHARE, 1, 2))
    return tuple(
        {name: choices[one] for name, one, there_is in zip(QUANTITIES, of_room, are_there, strict=True) if there_is}
        for of_room, are_there in zip(grade.tolist(), measured.tolist(), strict=True)
    )
