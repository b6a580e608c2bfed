"""Air as it was measured at one place, and how much water it holds beyond another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from roomidity.domain.climate import mixing_ratio, vapour_pressure

__all__ = ["STALE_AFTER", "UNKNOWN_AIR", "Air", "moisture_gap"]

STALE_AFTER: Final = timedelta(hours=1)
"""A value older than this no longer describes the air well enough to open a window by it."""


@dataclass(frozen=True)
class Air:
    """Air at a place: temperature (°C), humidity (%RH), either NaN if unknown, and when it was measured (aware).

    Without a time it counts as measured now.
    """

    temperature: float
    humidity: float
    at: datetime | None = None

    @property
    def water_g_kg(self) -> float:
        """Mixing ratio in g of water per kg of dry air, NaN if unknown.

        >>> round(Air(20.0, 50.0).water_g_kg, 2)
        7.24
        """
        return float(mixing_ratio(vapour_pressure(self.temperature, self.humidity)))

    def is_known(self, now: datetime) -> bool:
        """Returns whether both values are finite, and neither stale nor from the future by more than is stale."""
        if not (math.isfinite(self.temperature) and math.isfinite(self.humidity)):
            return False
        return self.at is None or abs(now - self.at) <= STALE_AFTER


UNKNOWN_AIR: Final = Air(math.nan, math.nan)


def moisture_gap(inside: Air, outside: Air) -> float:
    """Returns how much more water the air inside holds than that outside, in g/kg. Below 0, airing makes it wetter.

    >>> round(moisture_gap(Air(20.0, 60.0), Air(5.0, 80.0)), 2)
    4.4
    """
    return inside.water_g_kg - outside.water_g_kg
