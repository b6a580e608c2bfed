"""Heat and moisture of rooms around a hall: two balances, stepped by implicit Euler and solved exactly in each step.

Every room exchanges air with the outdoors and with the hall (room 0), and has a store behind it: walls that take up
heat, or surfaces that take up moisture. The equations of a step are linear in the new values. A room's equation
contains only its own value and the hall's. Eliminating the rooms leaves one equation for the hall, so no matrix is
needed, there is no stability limit, and nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AIR_KG_M3",
    "CONDENSING_SHARE",
    "HEATER_BAND_K",
    "HEATER_MEMORY_S",
    "HeatBalance",
    "MoistureBalance",
    "MoistureCourse",
]

FloatArray = NDArray[np.float64]

AIR_KG_M3: Final = 1.2
"""Density of dry air at 20 °C."""
_HOUR_S: Final = 3_600.0
CONDENSING_SHARE: Final = 0.35
"""Share of the vapour beyond saturation at the coldest surface that condenses there in a 5-minute step."""
HEATER_BAND_K: Final = 0.8
"""How much too cold a room must be for full heating power, in K."""
HEATER_MEMORY_S: Final = 1_500.0
"""Time constant of radiators warming up and cooling down: 25 min."""


@dataclass(frozen=True, slots=True)
class _Star:
    """Solves (own + door) x = r + door · x_hall for all rooms and the hall: x = r · inverse + spread · x_hall."""

    inverse: FloatArray
    """Shape (steps, rooms). It is 0 for the hall."""
    spread: FloatArray
    """How a room follows the hall, shape (steps, rooms). It is 1 for the hall."""
    hall: FloatArray
    """Shape (steps,). The hall's value is this times the sum of ``spread`` · r."""

    @classmethod
    def of(cls, own: FloatArray, door: FloatArray) -> _Star:
        """Returns the solver for the conductances of each step and room. The hall's entry in ``door`` is not used."""
        total = own[:, 1:] + door[:, 1:]
        inverse, spread = np.zeros_like(own), np.ones_like(own)
        inverse[:, 1:] = 1 / total
        spread[:, 1:] = door[:, 1:] / total
        # This is own + door - door²/total without its cancellation.
        return cls(inverse, spread, 1 / (own[:, 0] + (spread[:, 1:] * own[:, 1:]).sum(axis=1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatBalance:
    """The heat balance of a house: what connects its rooms, and what heats them.

    Arrays have shape (steps, rooms) unless stated otherwise.
    """

    step_s: int
    air_j_k: FloatArray
    """Heat capacity of air and furniture, shape (rooms,)."""
    mass_j_k: FloatArray
    """Heat capacity of walls and floors, shape (rooms,)."""
    air_mass_w_k: FloatArray
    """Conductance between the two, shape (rooms,)."""
    mass_outdoor_w_k: FloatArray
    """Conductance of the walls to the outdoors, shape (rooms,)."""
    air_outdoor_w_k: FloatArray
    """Conductance of windows and air change to the outdoors."""
    door_w_k: FloatArray
    outdoor_c: FloatArray
    """Shape (steps,)."""
    air_gain_w: FloatArray
    mass_gain_w: FloatArray
    setpoint_c: FloatArray
    heater_w: FloatArray
    """Maximum heating power of each room, shape (rooms,)."""

    def run(self, *, air_c: FloatArray, mass_c: FloatArray) -> FloatArray:
        """Returns air temperatures in °C at the end of each step, shape (steps, rooms), from those at the start."""
        air, mass = self.air_j_k / self.step_s, self.mass_j_k / self.step_s
        mass_total = mass + self.air_mass_w_k + self.mass_outdoor_w_k
        follow = self.air_mass_w_k / mass_total
        keep = mass / mass_total
        own = air + self.air_outdoor_w_k + self.air_mass_w_k * (1 - follow)
        star = _Star.of(own, self.door_w_k)
        mass_push = (self.mass_outdoor_w_k * self.outdoor_c[:, None] + self.mass_gain_w) / mass_total
        push = self.air_outdoor_w_k * self.outdoor_c[:, None] + self.air_gain_w + self.air_mass_w_k * mass_push

        answer = 1 - np.exp(-self.step_s / HEATER_MEMORY_S)
        gain = answer * self.heater_w / HEATER_BAND_K
        most = answer * self.heater_w
        mass_to_air = self.air_mass_w_k * keep
        heater = np.zeros_like(air_c)
        course = np.empty_like(self.air_gain_w)
        for step, (p, mp, want, inverse, spread, hall) in enumerate(
            zip(push, mass_push, self.setpoint_c, star.inverse, star.spread, star.hall, strict=True)
        ):
            heater = (1 - answer) * heater + np.minimum(np.maximum(gain * (want - air_c), 0.0), most)
            right = air * air_c + mass_to_air * mass_c + p + heater
            air_c = right * inverse + spread * (hall * (spread * right).sum())
            mass_c = keep * mass_c + mp + follow * air_c
            course[step] = air_c
        return course


@dataclass(frozen=True, slots=True)
class MoistureCourse:
    """The result of a moisture balance at the end of each step."""

    air_g_kg: FloatArray
    """Mixing ratio of each room, shape (steps, rooms)."""
    stores: FloatArray
    """Saturation ratio of each room's stores, 0 to 1, shape (steps, stores, rooms)."""
    drained_g: FloatArray
    """Water condensed and wiped away since the start, shape (steps, rooms)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoistureBalance:
    """The water balance of a house: water in air and surfaces, with sources and losses.

    Arrays have shape (steps, rooms) unless stated otherwise.
    """

    step_s: int
    air_kg: FloatArray
    """Mass of dry air in each room, shape (rooms,)."""
    outdoor_kg_h: FloatArray
    """Air exchanged with the outdoors."""
    door_kg_h: FloatArray
    """Air exchanged with the hall."""
    outdoor_g_kg: FloatArray
    """Mixing ratio outdoors, shape (steps,)."""
    source_g_h: FloatArray
    saturation_g_kg: FloatArray
    """Mixing ratio at which the room's air is saturated."""
    surface_g_kg: FloatArray
    """Mixing ratio at saturation on the coldest surface. Water beyond it condenses there and is wiped away."""
    store_g: FloatArray
    """Capacity of each hygroscopic store from dry to saturated, shape (stores, rooms)."""
    store_kg_h: FloatArray
    """Uptake rate of each store, expressed as an air flow past it, shape (stores, rooms)."""

    def run(self, *, air_g_kg: FloatArray, stores: FloatArray) -> MoistureCourse:
        """Returns the course of the water from initial mixing ratios (rooms,) and saturation ratios (stores, rooms).

        Water is conserved up to rounding: air, stores and drained water grow by what sources and air change bring in.
        """
        hours = self.step_s / _HOUR_S
        take = hours * self.store_kg_h / self.store_g
        give = 1 / (1 + take * self.saturation_g_kg[:, None, :])  # (steps, stores, rooms)
        uptake = self.store_kg_h * give
        release = uptake * self.saturation_g_kg[:, None, :]
        air = self.air_kg / hours
        star = _Star.of(air + self.outdoor_kg_h + uptake.sum(axis=1), self.door_kg_h)
        push = self.outdoor_kg_h * self.outdoor_g_kg[:, None] + self.source_g_h

        course = MoistureCourse(np.empty_like(push), np.empty_like(release), np.empty_like(push))
        drained = np.zeros_like(air_g_kg)
        for step, (p, store_release, store_keep, inverse, spread, hall, surface, saturation) in enumerate(
            zip(push, release, give, star.inverse, star.spread, star.hall, self.surface_g_kg, self.saturation_g_kg,
                strict=True)
        ):  # fmt: skip
            right = air * air_g_kg + (store_release * stores).sum(axis=0) + p
            air_g_kg = right * inverse + spread * (hall * (spread * right).sum())
            stores = (stores + take * air_g_kg) * store_keep
            excess = air_g_kg - surface
            if excess.max() > 0:
                left = np.minimum(air_g_kg - CONDENSING_SHARE * np.maximum(excess, 0), saturation)
                drained = drained + self.air_kg * (air_g_kg - left)
                air_g_kg = left
            course.air_g_kg[step] = air_g_kg
            course.stores[step] = stores
            course.drained_g[step] = drained
        return course
