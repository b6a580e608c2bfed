"""A room's forecast as it is stored and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from roomidity.domain.quantities import QUANTITIES, Quantity
from roomidity.domain.weather import WeatherUsed
from roomidity.domain.weather_adds import WeatherAdds

__all__ = ["QUANTILES", "StoredForecast", "room_id"]

QUANTILES: Final = ("p10", "p50", "p90")
"""The quantiles of a forecast that are stored."""


def room_id(house: str, room: str) -> str:
    """Returns the key of a room's forecasts. Neither name can contain a slash."""
    return f"{house}/{room}"


@dataclass(frozen=True)
class StoredForecast:
    """A room's forecast as it is stored, shown and scored.

    Parameters
    ----------
    quantiles
        Array of shape (2, 3, 96): humidity (%RH) and temperature (°C), by p10, p50 and p90, by 96 slots. Values are
        rounded as they are stored, and NaN for a quantity that the room does not measure.
    grade
        What the forecast of each quantity is based on.
    data_through
        Start of the newest slot with a credible reading, or None.
    notes
        Codes of known faults of the room's sensors, or of how their readings arrive. Empty for most rooms.
    weather
        The weather forecast that this forecast is based on, or None if there was none.
    weather_adds
        By quantity, what that adds to the median; absent where it adds next to nothing.
    open_since
        The minute since when a window of the room was open when it was issued, as a contact says; None if none was, or
        that is not known.
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
    weather_adds: Mapping[Quantity, WeatherAdds] = field(default_factory=dict)
    open_since: datetime | None = None

    @property
    def quantities(self) -> dict[Quantity, dict[str, npt.NDArray[np.float64]]]:
        """The p10, p50 and p90 of each quantity that was forecast, 96 numbers each."""
        return {
            quantity: dict(zip(QUANTILES, rows, strict=True))
            for quantity, rows in zip(QUANTITIES, self.quantiles, strict=True)
            if np.isfinite(rows).all()
        }
