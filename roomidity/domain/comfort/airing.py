"""Whether opening a window now helps, judged by the absolute humidity inside and outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from roomidity.domain.climate import absolute_humidity

__all__ = ["Airing", "Verdict", "airing_of"]

Verdict = Literal["yes", "not_needed", "outside_wetter", "too_dry", "too_cold"]

_WORTH_G_M3: Final = 1.0
"""If the difference is smaller than this (g/m³), airing costs more warmth than the drying is worth."""

_HUMID: Final = 60.0
_HUMID_SURFACE: Final = 76.0
"""%RH in the room and at its coldest surface above which drying is wanted. Both lie a little below the points at which
harm begins (70 and 80 %RH).
"""

_DRY: Final = 30.0
_COLD_C: Final = 16.0
"""In a room colder than this, the walls cool down so far that airing makes them damper."""


@dataclass(frozen=True)
class Airing:
    """Whether to air the room now, and the absolute humidity (g/m³) inside and outside."""

    verdict: Verdict
    inside_g_m3: float
    outside_g_m3: float


def airing_of(
    *,
    temperature: float,
    humidity: float,
    outside_temperature: float,
    outside_humidity: float,
    surface_humidity: float | None = None,
) -> Airing:
    """Returns whether to air a room now. All temperatures are in °C and all humidities in %RH.

    - ``yes``: the room or its coldest surface is humid, and the air outside is drier by 1 g/m³ or more.
    - ``outside_wetter``: the room is humid, and the air outside would not dry it.
    - ``too_dry``: the room is dry, and the air outside would dry it further.
    - ``too_cold``: the room is humid but too cold to be aired without harm. It should be heated first.
    - ``not_needed``: the room is neither humid nor dry.

    >>> airing_of(temperature=20, humidity=65, outside_temperature=5, outside_humidity=80).verdict
    'yes'
    >>> airing_of(temperature=22, humidity=65, outside_temperature=26, outside_humidity=60).verdict
    'outside_wetter'
    """
    inside = float(absolute_humidity(temperature, humidity))
    outside = float(absolute_humidity(outside_temperature, outside_humidity))
    humid = humidity > _HUMID or (surface_humidity is not None and surface_humidity > _HUMID_SURFACE)
    verdict: Verdict = "not_needed"
    if humid:
        dries: Verdict = "too_cold" if temperature < _COLD_C else "yes"
        verdict = dries if inside - outside >= _WORTH_G_M3 else "outside_wetter"
    elif humidity < _DRY and outside < inside:
        verdict = "too_dry"
    return Airing(verdict, inside, outside)
