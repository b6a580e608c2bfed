"""What the prior learns from: issue times of many rooms of many houses, and what came after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomidity.forecasting.window import FloatArray, IntArray

__all__ = ["Examples", "Numbers"]

Numbers = NDArray[np.floating[Any]]
"""Single precision: half the time of double; its rounding is far below the noise of training."""


@dataclass(frozen=True)
class Examples:
    """Issue times of many rooms of many houses, and what came after.

    Parameters
    ----------
    own
        The room's differences, (examples, 2 · SERIES_FEATURES).
    outdoor
        The unusual part of the difference to the air outside, (examples, OUTDOOR_FEATURES); 0 where unknown.
    weather
        What was known of the weather ahead, (examples, WEATHER_FEATURES); 0 where nothing was.
    house
        The mean over the rooms of its house, of the same shape.
    day
        Local time of day as a share of the day, (examples,).
    weekend
        1 on Saturdays and Sundays, (examples,).
    wanted
        Differences to come, (examples, OUTPUTS).
    source
        Number of the house, (examples,).
    """

    own: Numbers
    outdoor: Numbers
    weather: Numbers
    house: Numbers
    day: FloatArray
    weekend: FloatArray
    wanted: Numbers
    source: IntArray
