"""Houses for the closed loop: tight homes that people ventilate by their windows, unlike what advice takes them to be.

Those drawn for the demo are of all kinds and mostly dry: half have mechanical ventilation, and leaks of .5 /h dry the
others. Advice is for homes in which water stays.
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
"""Median of air changes an hour through leaks, as of homes with good windows. There is no mechanical ventilation."""
LATITUDES = (46, 56)
"""From the Alps to Denmark: where heating is on for half of the year."""


@dataclass(frozen=True)
class Truth:
    """What advice does not know: the houses, each room's f_Rsi, and how far its open window changes the air (1/h)."""

    houses: Sequence[tuple[HouseKind, int]]
    f_rsi: FloatArray
    f_measured: FloatArray
    """As a person finds it with an infrared thermometer on a cold morning, with errors of .05."""
    window_per_h: FloatArray
    bias: FloatArray
    """Errors of the sensors inside in K and %RH, shape (2, houses, rooms)."""
    outdoor_bias: FloatArray
    """The same outside, shape (2, houses)."""


def draw_houses(count: int, *, seed: int, spread: float) -> Truth:
    """Returns heated houses whose surfaces, leakage, windows and f_Rsi lie within ``spread`` (a share) of the assumed.

    At least two people live there, and dry their washing inside. Nobody airs of their own accord in the morning, which
    is what is to be advised; in warm weather windows are open.
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
