"""A room's forecast as it is stored and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from roomidity.domain.quantities import QUANTITIES, Quantity
from roomidity.domain.weather import WeatherUsed

__all__ = ["QUANTILES", "StoredForecast", "room_id"]

QUANTILES: Final = ("p10", "p50", "p90")
"""What is stored of a forecast."""


def room_id(house: str, room: str) -> str:
    """What a room's forecasts are found by; neither name holds a slash."""
    return f"{house}/{room}"


@dataclass(frozen=True)
class StoredForecast:
    """A room's forecast as it is stored, shown and scored.

    Parameters
    ----------
    quantiles
        (2, 3, 96): humidity (%RH) and temperature (°C), p10, p50 and p90, of 96 slots; rounded as they are stored, NaN
        for a quantity that the room does not measure.
    grade
        What the forecast of each quantity rests on.
    data_through
        Start of the newest slot with a reading that is believed, or None.
    notes
        Codes of what is known to be wrong with the room's sensors, or with how their readings arrive; for most rooms
        none.
    weather
        The forecast of the weather that this one rests on, or None where there was none.
    """

    house: str
    room: str
    issued_at: datetime
    quantiles: npt.NDArray[np.float64]
    grade: Mapping[str, str]
    data_through: datetime | None
    model_version: str
    notes: Sequence[str] = ()
    weather: WeatherUsed | None = None

    @property
    def quantities(self) -> dict[Quantity, dict[str, npt.NDArray[np.float64]]]:
        """The quantities that were forecast: each one's p10, p50 and p90, 96 numbers each."""
        return {
            quantity: dict(zip(QUANTILES, rows, strict=True))
            for quantity, rows in zip(QUANTITIES, self.quantiles, strict=True)
            if np.isfinite(rows).all()
        }
