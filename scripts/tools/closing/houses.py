"""Houses for the closed loop: airtight homes ventilated by windows, whose properties differ from what advice assumes.

The demo's houses would not do: half have mechanical ventilation, leaks of 0.5 air changes an hour dry the others, and
advice is for homes in which moisture stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.advice.settings import DEFAULT_ROOM
from roomidity.local.simulation import HouseKind, random_kind

FloatArray = NDArray[np.float64]

LEAKS_PER_H = 0.27
"""Median air changes an hour through leaks, typical of homes with tight windows and no mechanical ventilation."""
LATITUDES = (46, 56)
"""Degrees north, from the Alps to Denmark, where homes are heated for half of the year."""


@dataclass(frozen=True)
class Truth:
    """What advice does not know: the houses, each room's f_Rsi, and the air changes an hour by its open window."""

    houses: Sequence[tuple[HouseKind, int]]
    f_rsi: FloatArray
    f_measured: FloatArray
    """f_Rsi as measured with an infrared thermometer on a cold morning, with errors of 0.05 (standard deviation)."""
    window_per_h: FloatArray
    bias: FloatArray
    """Constant errors of the indoor sensors (K and %RH), shape (2, houses, rooms)."""
    outdoor_bias: FloatArray
    """Constant errors of the outdoor sensors (K and %RH), shape (2, houses)."""


def draw_houses(count: int, *, seed: int, spread: float) -> Truth:
    """Returns heated houses whose surfaces, leakage, windows and f_Rsi differ by up to ``spread`` from the mean.

    At least two people live in each and dry their laundry indoors. Nobody airs in the morning unless advised to; in
    warm weather windows are open anyway.
    """
    rng = np.random.default_rng([seed, 0xADE])
    houses: list[tuple[HouseKind, int]] = []
    number = 1000 * seed
    while len(houses) < count:
        number += 1
        kind = random_kind(number)
        if kind.heater_w_m3 > 0 and LATITUDES[0] <= kind.climate.latitude_deg <= LATITUDES[1]:
            surfaces, leaks = 1 + spread * rng.uniform(-1, 1, 2)
            changed = replace(
                kind,
                airing=0.0,
                buffering=kind.buffering * surfaces,
                infiltration_per_h=LEAKS_PER_H * leaks,
                ventilation_per_h=0.0,
                people=max(kind.people, 2),
                laundry_a_week=float(rng.uniform(2, 6)),
            )
            houses.append((changed, number))
    rooms = max(len(kind.rooms) for kind, _ in houses)
    shape = (count, rooms)
    f_rsi = np.clip(DEFAULT_ROOM.wall.f_rsi * (1 + spread * rng.uniform(-1, 1, shape)), 0.2, 0.98)
    return Truth(
        houses,
        f_rsi=f_rsi,
        f_measured=np.clip(f_rsi + rng.normal(0, 0.05, shape), 0.2, 0.98),
        window_per_h=4.0 * (1 + spread * rng.uniform(-1, 1, shape)),
        bias=rng.normal(0, [[[0.2]], [[1.5]]], (2, *shape)),
        outdoor_bias=rng.normal(0, [[0.3], [2.0]], (2, count)),
    )
