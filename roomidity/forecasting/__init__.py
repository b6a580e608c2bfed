"""Forecasts of humidity and temperature for every room, as pure functions of arrays: no I/O, no clock, NumPy alone.

Training stands in :mod:`roomidity.forecasting.training`, which imports scikit-learn and is not imported from here.
"""

from __future__ import annotations

from roomidity.domain.quantities import QUANTITIES, Quantity
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.serving.credibility import incredible
from roomidity.forecasting.serving.explanation import Explanation, explain
from roomidity.forecasting.serving.forecast import Grade, HouseForecast, forecast
from roomidity.forecasting.serving.online import advance
from roomidity.forecasting.serving.prior import load_prior
from roomidity.forecasting.window import LEVELS, STEPS, WINDOW_SLOTS, Window

__all__ = [
    "LEVELS",
    "QUANTITIES",
    "STEPS",
    "WINDOW_SLOTS",
    "Explanation",
    "Grade",
    "HouseForecast",
    "Model",
    "Quantity",
    "State",
    "Window",
    "advance",
    "explain",
    "forecast",
    "incredible",
    "load_prior",
]
