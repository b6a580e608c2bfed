"""What one airing brings: the drop at closing, what is left of it hours later, and the heat it costs.

While a window is open, room air is replaced at ``n`` air changes an hour, so that after ``d`` hours a share of
1 - e^(-n·d) has come from outside. At closing 72 % of the water so exchanged is missing: surfaces, which hold some 15
times as much as the air, have returned the rest. They return most of what is missing within the hour. What is left
follows a sum of three exponentials, read off simulated houses with an airing and without.

Limits: it holds for airings of 10 to 30 minutes in winter, where it predicts 11 % too much at closing and 19 % too much
after an hour. ``n`` is an assumption about the window, and cannot be learnt from humidity. After a day, .16 %RH of some
7 are left: one airing does not change tomorrow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from roomidity.domain.advice.air import Air
from roomidity.domain.climate import mixing_ratio_vapour_pressure, relative_humidity

__all__ = [
    "AIR_CHANGES_PER_H",
    "HEAT_WH_M3_K",
    "AiringEffect",
    "airing_effect",
    "cooling_k",
    "exchanged",
    "regained",
    "remaining",
]

AIR_CHANGES_PER_H: Final = 4.0
"""Air changes per hour through a wide-open window, where nothing better is known."""

HEAT_WH_M3_K: Final = 0.335
"""Heat capacity of air in Wh per m³ and K: 1.2 kg/m³ · 1006 J/(kg K) / 3600."""

_LEAVES: Final = 0.72
"""Share of the exchanged water that is missing at closing. Surfaces have returned the rest by then."""
_COOLS: Final = 0.115
"""Share of the difference to outside by which a fully exchanged room is colder at closing: walls warm it meanwhile."""

_USUAL_AFTER_H: Final = 8.0
"""Time constant after which a forecast goes by what is usual instead of by the newest temperature. Chosen on simulated
houses (`scripts/openings-study`), from 1, 2, 4, 8, 16 and no end."""

_ROOM: Final = ((0.84, 0.35), (0.12, 4.5), (0.04, 25.0))
_FLOOR: Final = ((0.68, 0.4), (0.22, 6.5), (0.10, 30.0))
"""Share and time constant (h) of each part of what is left, for one room, and for a whole floor aired at once."""


@dataclass(frozen=True)
class AiringEffect:
    """What an airing brings. Humidities are changes in %RH (below 0: drier), at closing and that many hours later.

    ``cooling_k`` is the change of the room's temperature at closing, gone after some 15 minutes if the room is heated,
    and ``heat_kwh`` what heating the air that came in takes.
    """

    minutes: float
    at_once: float
    after_1h: float
    after_6h: float
    after_24h: float
    cooling_k: float
    heat_kwh: float

    def shortened(self, minutes: float) -> Self:
        """Returns the effect of the same airing if it ends after ``minutes``: less by the air that is not exchanged."""
        share = float(exchanged(minutes) / exchanged(self.minutes))
        changes = ("at_once", "after_1h", "after_6h", "after_24h", "cooling_k")
        less = {name: share * getattr(self, name) for name in changes}
        return replace(self, minutes=minutes, heat_kwh=self.heat_kwh * minutes / self.minutes, **less)


def exchanged(minutes: ArrayLike, *, air_changes_per_h: float = AIR_CHANGES_PER_H) -> NDArray[np.float64]:
    """Returns the share of a room's air that has been replaced after ``minutes`` of airing, from 0 to 1.

    >>> float(exchanged(15.0).round(3))
    0.632
    """
    return np.asarray(1 - np.exp(-air_changes_per_h * np.asarray(minutes, dtype=np.float64) / 60))


def remaining(hours: ArrayLike, *, whole_floor: bool = False) -> NDArray[np.float64]:
    """Returns the share of the drop at closing that is left ``hours`` after closing, from 1 towards 0.

    >>> remaining([0.0, 1.0, 6.0, 24.0]).round(3).tolist()
    [1.0, 0.183, 0.063, 0.016]
    """
    after = np.asarray(hours, dtype=np.float64)[..., None]
    share, constant_h = np.array(_FLOOR if whole_floor else _ROOM).T
    return np.asarray((share * np.exp(-after / constant_h)).sum(axis=-1))


def regained(hours: ArrayLike) -> NDArray[np.float64]:
    """Returns the share of what a room cooled while aired that its forecast lacks ``hours`` later.

    A forecast goes on from the newest temperature, which a window has lowered for some minutes alone. Later in the day
    it goes by what is usual, and lacks nothing.

    >>> regained([0.25, 1.0, 6.0, 24.0]).round(2).tolist()
    [0.42, 0.72, 0.44, 0.05]
    """
    after = np.asarray(hours, dtype=np.float64)
    return np.asarray((1 - remaining(after)) * np.exp(-after / _USUAL_AFTER_H))


def cooling_k(
    inside_c: ArrayLike, outside_c: ArrayLike, minutes: ArrayLike, *, air_changes_per_h: float
) -> NDArray[np.float64]:
    """Returns the change of the room's temperature in K at closing. It is below 0 if it is colder outside."""
    difference = np.subtract(inside_c, outside_c, dtype=np.float64)
    return np.asarray(-_COOLS * difference * exchanged(minutes, air_changes_per_h=air_changes_per_h))


def airing_effect(
    inside: Air,
    outside: Air,
    *,
    minutes: float,
    volume_m3: float,
    air_changes_per_h: float = AIR_CHANGES_PER_H,
    whole_floor: bool = False,
) -> AiringEffect:
    """Returns what an airing of ``minutes`` brings to a room of ``volume_m3``, beside the same room without it.

    >>> effect = airing_effect(Air(20.0, 60.0), Air(5.0, 80.0), minutes=15, volume_m3=40.0)
    >>> round(effect.at_once, 1), round(effect.after_1h, 1), round(effect.after_24h, 1), round(effect.heat_kwh, 2)
    (-10.4, -2.5, -0.2, 0.2)
    """
    share = float(exchanged(minutes, air_changes_per_h=air_changes_per_h))
    water = inside.water_g_kg
    drop = -(water - outside.water_g_kg) * share * _LEAVES
    cooler = float(cooling_k(inside.temperature, outside.temperature, minutes, air_changes_per_h=air_changes_per_h))
    left = drop * remaining([0.0, 1.0, 6.0, 24.0], whole_floor=whole_floor)
    warmth = inside.temperature + np.array([cooler, 0.0, 0.0, 0.0])
    after = relative_humidity(warmth, mixing_ratio_vapour_pressure(water + left)) - inside.humidity
    at_once, after_1h, after_6h, after_24h = after.tolist()
    warmed_k = max(inside.temperature - outside.temperature, 0.0)
    heat_wh = HEAT_WH_M3_K * volume_m3 * air_changes_per_h * minutes / 60 * warmed_k
    return AiringEffect(minutes, at_once, after_1h, after_6h, after_24h, cooler, heat_wh / 1000)
