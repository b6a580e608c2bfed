"""The air outside as a room feels it: how far its pull stands from what the room is used to.

A room's level already holds the usual difference to the air outside, by its heating, its people and its leaks. What is
news is the difference's own change: air that is drier than all week, once brought to the room's temperature, will dry
the room. So every input here is a difference of differences, and no level enters.

A weather forecast would bring the same differences at hours to come: further columns beside these, known ahead.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from roomidity.domain.climate import humidity_at
from roomidity.domain.quantities import HUMIDITY, QUANTITIES, TEMPERATURE
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.serving.gaps import PROFILE_DAYS, known_mean, mean_of_last, reached
from roomidity.forecasting.window import FloatArray, IntArray

__all__ = ["OUTDOOR_FEATURES", "OUTDOOR_SCALE", "outdoor_inputs"]

OUTDOOR_FEATURES: Final = 3 * len(QUANTITIES)
"""Now, over the last day, and against this time of day: each for both quantities."""

OUTDOOR_SCALE: Final = np.repeat([10.0, 5.0], 3)
"""What the inputs are divided by: %RH and °C of an unusual day. Fixed, since few houses have a sensor outside."""

WEEK: Final = PROFILE_DAYS * SLOTS_A_DAY


def outdoor_inputs(values: FloatArray, outdoor: FloatArray, origins: IntArray) -> FloatArray:
    """Returns how unusual the difference to the air outside is, (rooms, origins, OUTDOOR_FEATURES); 0 where unknown.

    For humidity (%RH, the air outside at the room's temperature) and temperature (°C): the difference now minus its
    mean over 7 days; its mean over 24 h minus that; the difference now minus its mean at this time on the last 7 days.

    Parameters
    ----------
    values, outdoor
        Raw slot means, (rooms, 2, slots) and (2, slots).
    origins
        Columns at which forecasts begin, in order, from 0 to slots: only columns before each are looked at.
    """
    room, newest = reached(values, origins, WEEK + 1)
    outside, _ = reached(outdoor, origins, WEEK + 1)
    warmed = humidity_at(room[:, TEMPERATURE], of=outside[TEMPERATURE], humidity=outside[HUMIDITY])
    pulls = np.stack([warmed - room[:, HUMIDITY], outside[TEMPERATURE] - room[:, TEMPERATURE]], axis=1)
    now = pulls[..., newest]
    usual = mean_of_last(pulls, newest, WEEK)
    same_time = known_mean(pulls[..., newest[:, None] - SLOTS_A_DAY * np.arange(1, PROFILE_DAYS + 1)])
    unusual = np.stack([now - usual, mean_of_last(pulls, newest, SLOTS_A_DAY) - usual, now - same_time], axis=-1)
    return np.nan_to_num(unusual).swapaxes(1, 2).reshape(len(values), len(newest), OUTDOOR_FEATURES)
