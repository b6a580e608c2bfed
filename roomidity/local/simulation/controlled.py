"""Simulated houses stepped side by side with windows that a controller opens, to judge advice in closed loop.

The physics is that of :mod:`roomidity.local.simulation.physics`, written for one step of many houses at once: a house
that nobody controls takes the same course. Copies of the houses differ only in how they are controlled, and share
weather and people.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.climate import (
    mixing_ratio,
    mixing_ratio_vapour_pressure,
    relative_humidity,
    saturation_vapour_pressure,
)
from roomidity.local.simulation.course import STEP_S, conditions, heat_balance, moisture_balance, window_drive
from roomidity.local.simulation.kinds import HouseKind
from roomidity.local.simulation.physics import (
    AIR_KG_M3,
    CONDENSING_SHARE,
    HEATER_BAND_K,
    HEATER_MEMORY_S,
)

__all__ = ["ControlledHouses"]

FloatArray = NDArray[np.float64]

_AIR_WH_M3_K = AIR_KG_M3 * 1_006.0 / 3_600
_HOURS = STEP_S / 3_600


class ControlledHouses:
    """Copies of simulated houses, advanced step by step. Arrays have shape (copies, houses, rooms).

    Houses with fewer rooms are filled up with rooms that nothing connects to the others; ``real`` (houses, rooms) says
    which are there. Each house begins ``lead`` steps before ``start``, to forget its initial state.

    Attributes
    ----------
    temperature, humidity
        Of the air in the rooms, in °C and %RH.
    heat_w
        Heating power of each room in the last step.
    outdoor_c, outdoor_humidity
        Of the air outside at all nodes, in °C and %RH, shape (steps + 1, houses).
    """

    def __init__(
        self, houses: Sequence[tuple[HouseKind, int]], *, start: datetime, days: int, zone: tzinfo, copies: int
    ) -> None:
        acting = [conditions(kind, seed=seed, start=start, days=days, zone=zone) for kind, seed in houses]
        self.lead, self.first_s = acting[0].lead, acting[0].first_s
        self.rooms = max(len(kind.rooms) for kind, _ in houses)
        self.real = np.array([np.arange(self.rooms) < len(kind.rooms) for kind, _ in houses])
        self.volume_m3 = np.array([self._filled(np.array([r.volume_m3 for r in kind.rooms])) for kind, _ in houses])
        self.outdoor_c = np.stack([one.weather.temperature for one in acting], axis=1)
        self.outdoor_humidity = np.stack([one.weather.humidity for one in acting], axis=1)
        self.outdoor_g_kg = np.stack([one.weather.mixing_ratio for one in acting], axis=1)
        self.drive = np.stack([window_drive(one.weather) for one in acting], axis=1)
        self.steps = len(self.drive)
        heat, water = [], []
        for (kind, _), one in zip(houses, acting, strict=True):
            heat.append(heat_balance(kind, one.weather, one.activity))
            level = np.zeros((self.steps, len(kind.rooms)))  # What depends on temperature is computed in each step.
            water.append(moisture_balance(kind, one.weather, one.activity, level)[0])

        def fixed(values: Sequence[FloatArray]) -> FloatArray:
            return np.stack([self._filled(value) for value in values], axis=-2)

        def doors(values: Sequence[FloatArray]) -> FloatArray:
            return np.stack([self._filled(value, with_zeros=True) for value in values], axis=-2)

        balances = [balance for balance, _ in heat]
        self._air = fixed([one.air_j_k for one in balances]) / STEP_S
        mass = fixed([one.mass_j_k for one in balances]) / STEP_S
        self._film = fixed([one.air_mass_w_k for one in balances])
        self._walls = fixed([one.mass_outdoor_w_k for one in balances])
        total = mass + self._film + self._walls
        self._follow, self._keep, self._mass_total = self._film / total, mass / total, total
        self._leaks_w_k = fixed([one.air_outdoor_w_k for one in balances])
        self._door_w_k = doors([one.door_w_k for one in balances])
        self._air_gain = fixed([one.air_gain_w for one in balances])
        self._mass_gain = fixed([one.mass_gain_w for one in balances])
        self._setpoint = fixed([one.setpoint_c for one in balances])
        self._heater = fixed([one.heater_w for one in balances])
        self._air_kg = fixed([one.air_kg for one in water])
        self._leaks_kg_h = fixed([one.outdoor_kg_h for one in water])
        self._door_kg_h = doors([one.door_kg_h for one in water])
        self._source = fixed([one.source_g_h for one in water])
        self._uptake = fixed([one.store_kg_h for one in water])
        self._take = _HOURS * self._uptake / fixed([one.store_g for one in water])
        self._surface_share = np.array([kind.window_surface_share for kind, _ in houses])[:, None]

        self._start_c = fixed([start_c for _, start_c in heat])
        self.restart(copies)

    def restart(self, copies: int) -> None:
        """Goes back to the beginning, with so many copies, without simulating weather and people anew."""
        shape = (copies, *self._start_c.shape)
        self.step_index = 0
        self.temperature = np.broadcast_to(self._start_c, shape).copy()
        self._mass_c = self.temperature.copy()
        self.heat_w = np.zeros(shape)
        self._water: FloatArray | None = None
        self._stores: list[FloatArray] = []
        self.humidity = np.full(shape, np.nan)

    def step(self, window_per_h: FloatArray) -> None:
        """Advances all houses by ``STEP_S`` seconds with ``window_per_h`` air changes per hour through windows.

        They come beside those that people cause, hold at 4 m/s and 10 K, and broadcast to (copies, houses, rooms).
        """
        now = self.step_index
        extra_m3_h = np.asarray(window_per_h) * self.drive[now] * self.volume_m3
        self._heat(now, extra_m3_h)
        self._moisten(now, extra_m3_h)
        self.step_index += 1

    def _heat(self, now: int, extra_m3_h: FloatArray) -> None:
        outside = self.outdoor_c[now + 1][:, None]
        leaks = self._leaks_w_k[now] + _AIR_WH_M3_K * extra_m3_h
        mass_push = (self._walls * outside + self._mass_gain[now]) / self._mass_total
        answer = 1 - np.exp(-STEP_S / HEATER_MEMORY_S)
        wanted = answer * self._heater / HEATER_BAND_K * (self._setpoint[now] - self.temperature)
        self.heat_w = (1 - answer) * self.heat_w + np.clip(wanted, 0.0, answer * self._heater)
        right = (
            self._air * self.temperature
            + self._film * self._keep * self._mass_c
            + leaks * outside + self._air_gain[now] + self._film * mass_push
            + self.heat_w
        )  # fmt: skip
        own = self._air + leaks + self._film * (1 - self._follow)
        self.temperature = _solved(right, own, self._door_w_k[now])
        self._mass_c = self._keep * self._mass_c + mass_push + self._follow * self.temperature

    def _moisten(self, now: int, extra_m3_h: FloatArray) -> None:
        saturation = mixing_ratio(saturation_vapour_pressure(self.temperature))
        if self._water is None:
            begin = np.minimum(self.outdoor_g_kg[:288].mean(axis=0)[:, None] + 1.5, 0.7 * saturation)
            self._water, self._stores = begin, [begin / saturation] * 2
        outdoor = self._leaks_kg_h[now] + AIR_KG_M3 * extra_m3_h
        give = [1 / (1 + take * saturation) for take in self._take]
        uptake = [rate * share for rate, share in zip(self._uptake, give, strict=True)]
        air = self._air_kg / _HOURS
        right = air * self._water + outdoor * self.outdoor_g_kg[now + 1][:, None] + self._source[now]
        right = right + sum(rate * saturation * store for rate, store in zip(uptake, self._stores, strict=True))
        water = _solved(right, air + outdoor + sum(uptake), self._door_kg_h[now])
        self._stores = [
            (store + take * water) * share for store, take, share in zip(self._stores, self._take, give, strict=True)
        ]
        surface_c = self.temperature + self._surface_share * (self.outdoor_c[now + 1][:, None] - self.temperature)
        excess = np.maximum(water - mixing_ratio(saturation_vapour_pressure(surface_c)), 0.0)
        self._water = np.where(excess > 0, np.minimum(water - CONDENSING_SHARE * excess, saturation), water)
        shown = relative_humidity(self.temperature, mixing_ratio_vapour_pressure(self._water))
        self.humidity = np.clip(shown, 0, 100)

    def _filled(self, values: FloatArray, *, with_zeros: bool = False) -> FloatArray:
        """Returns ``values`` with as many rooms (last axis) as the largest house, by repeating the last or by zeros."""
        width = [(0, 0)] * (values.ndim - 1) + [(0, self.rooms - values.shape[-1])]
        return np.pad(values, width, mode="constant" if with_zeros else "edge")


def _solved(right: FloatArray, own: FloatArray, door: FloatArray) -> FloatArray:
    """Returns x of (own + door) x = right + door · x_hall, where the first room of each house is its hall."""
    total = own[..., 1:] + door[..., 1:]
    spread = door[..., 1:] / total
    hall = (right[..., 0] + (spread * right[..., 1:]).sum(axis=-1)) / (
        own[..., 0] + (spread * own[..., 1:]).sum(axis=-1)
    )
    return np.concatenate([hall[..., None], right[..., 1:] / total + spread * hall[..., None]], axis=-1)
