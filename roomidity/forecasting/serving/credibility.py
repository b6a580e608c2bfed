"""Checks that a forecast is possible: finite, with ordered quantiles, and not too far from the room's past values.

A model or state can be damaged in ways that no checksum detects: all numbers are finite, but nonsense. The bounds are
far outside the behaviour of any house, so that they never reject a forecast that is merely bad.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from roomidity.domain.quantities import SPECS
from roomidity.forecasting.formats import RECENT_SLOTS
from roomidity.forecasting.model import State
from roomidity.forecasting.serving.forecast import HouseForecast
from roomidity.forecasting.serving.online import timeline, with_rooms
from roomidity.forecasting.window import Window

__all__ = ["incredible"]

BEYOND: Final = {"humidity": 35.0, "temperature": 12.0}
"""Maximum distance (%RH, °C) of the median from the range of the room's recent readings. In backtests of real houses it
was at most 5.3 %RH and 1.7 °C from the range of the last two days."""

SPANS: Final = 1.5
"""Alternative maximum as a multiple of that range, for rooms that swing widely. The larger of both applies."""

OUTER: Final = 2.0
"""All quantiles may lie this many times as far out as the median. In the backtests: at most 17.5 %RH and 3.5 °C."""

_ROUNDING: Final = 1e-6


def incredible(issued: HouseForecast, window: Window, state: State) -> dict[str, str]:
    """Returns the rooms whose forecast cannot be right, with the reason for each. Usually there are none.

    Parameters
    ----------
    issued
        The forecast of the window's rooms.
    window, state
        The readings and the state behind the forecast. Readings that the state remembers count as well, because a
        sensor that has been stuck for days is forecast from its value before that.
    """
    found: dict[str, str] = {}
    first = min(window.first, state.through - RECENT_SLOTS) if state.through else window.first
    past = timeline(with_rooms(state, window.rooms), window, first=first).select(window.rooms).values
    for row, room in enumerate(issued.rooms):
        for place, spec in enumerate(SPECS):
            if spec.name in issued.grades[row]:
                why = _trouble(issued.quantiles[row, place], past[row, place], spec.name, spec.plausible)
                if why is not None:
                    found.setdefault(room, f"its {spec.name} {why}")
            elif np.isfinite(issued.quantiles[row, place]).any():
                found.setdefault(room, f"its {spec.name} is forecast and has no grade")
    return found


def _trouble(quantiles: np.ndarray, measured: np.ndarray, name: str, plausible: tuple[float, float]) -> str | None:
    """Returns what is wrong with the quantiles of a room's quantity, (9, 96), given its readings, or None."""
    if not np.isfinite(quantiles).all():
        return "is not all numbers"
    low, high = plausible
    if quantiles.min() < low - _ROUNDING or quantiles.max() > high + _ROUNDING:
        return f"reaches {quantiles.min():g} to {quantiles.max():g}; a sensor can report {low:g} to {high:g}"
    if (np.diff(quantiles, axis=0) < -_ROUNDING).any():
        return "has quantiles that cross"
    known = measured[np.isfinite(measured)]
    if not known.size:
        return "rests on nothing that was measured"
    least, most = float(known.min()), float(known.max())
    beyond = max(BEYOND[name], SPANS * (most - least))
    median = quantiles[len(quantiles) // 2]
    for what, values, reach in (("median", median, beyond), ("quantiles", quantiles, OUTER * beyond)):
        if values.min() < least - reach or values.max() > most + reach:
            return (
                f"{what} reach {values.min():.1f} to {values.max():.1f}; the room measured {least:.1f} to {most:.1f}, "
                f"and {reach:.0f} beyond is the most that can be"
            )
    return None
