"""Cellars in the closed loop: unheated, damp from the ground, and kept dry by venting, a dehumidifier, or both.

The model is simple and not calibrated on measurements: one volume of air, two hygroscopic stores as in the houses,
walls close to the temperature of the ground, which follows the seasons late and with a small swing, and seeping water.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.advice.acting import CELLAR_GAP_G_KG
from roomidity.domain.advice.dehumidifier import HYSTERESIS, limit_at
from roomidity.domain.advice.settings import DEFAULT_HOUSE
from roomidity.domain.climate import mixing_ratio, mixing_ratio_vapour_pressure, relative_humidity
from roomidity.domain.climate import saturation_vapour_pressure as saturation
from roomidity.domain.comfort.walls import RISK_HUMIDITY
from roomidity.local.simulation import random_kind
from roomidity.local.simulation.course import STEP_S
from roomidity.local.simulation.physics import AIR_KG_M3
from roomidity.local.simulation.weather import recent_mean, simulate_weather
from scripts.tools.closing.houses import LATITUDES

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

POWER_W = 300.0
TAKES_G_H = 500.0
"""Water removed by a dehumidifier at 15 °C and 65 %RH; it is sold for 20 l a day, at 30 °C and 80 %RH."""
VENT_PER_H = 2.0
"""Air changes an hour through a fan or an open window."""
LEAD_DAYS = 20
"""Days of spin-up, after which the assumed initial humidity no longer matters."""
_HOURS = STEP_S / 3600
_STORES = np.array([[35.0], [160.0]]), np.array([[2.0], [0.35]])
"""Capacity (g/m³) and uptake (kg/(h m³)) of the stores per volume of air, as in rooms."""


@dataclass
class Cellar:
    """The outcome of one policy per cellar and 30 days, each (cellars,).

    ``risk_h`` are hours over 80 %RH at the wall, ``humid_h`` hours over 70 %RH in the air.
    """

    risk_h: FloatArray
    humid_h: FloatArray
    vented_h: FloatArray
    kwh: FloatArray
    eur: FloatArray


def run_cellars(
    count: int, *, seed: int, start: datetime, days: int, zone: tzinfo, progress: Callable[[int, int], None]
) -> Mapping[str, Cellar]:
    """Returns the outcome of each policy for the same ``count`` cellars."""
    rng = np.random.default_rng([seed, 0xCE11])
    begin = start - timedelta(days=LEAD_DAYS)
    steps, lead = (days + LEAD_DAYS) * 86_400 // STEP_S, LEAD_DAYS * 86_400 // STEP_S
    air_c, wall_c, outside = _weather(count, seed=seed, begin=begin, steps=steps)
    volume, leaks, seeps = rng.uniform(30, 80, count), rng.uniform(0.1, 0.4, count), rng.uniform(0.5, 1.5, count)
    names = ("none", "vented", "hygrostat 65", "hygrostat 68.5", "tariff", "tariff, vented")
    dries, vents = (np.array([[name in chosen] for name in names]) for chosen in (names[2:], ("vented", names[-1])))
    air_kg = AIR_KG_M3 * volume / _HOURS
    capacity, uptake = (part[:, None] * volume for part in _STORES)
    full = mixing_ratio(saturation(air_c))
    water = np.tile(0.75 * full[0], (len(names), 1))
    stores = np.full((2, len(names), count), 0.75)
    on, vented = np.zeros((2, len(names), count), dtype=bool)
    sums = np.zeros((5, len(names), count))
    for step in range(steps):
        local = (begin + timedelta(seconds=STEP_S * step)).astimezone(zone)
        minute = 60 * local.hour + local.minute
        cheap = DEFAULT_HOUSE.cheap_hours.contains(minute)
        limit = np.array([65.0, 65.0, 65.0, 68.5, *[limit_at(minute)] * 2])[:, None]
        humidity = _humidity(water, air_c[step])
        gap = water - outside[step]
        opens = np.where(vented, gap > CELLAR_GAP_G_KG[1], gap > CELLAR_GAP_G_KG[0])
        vented = opens & vents
        on = (humidity > np.where(on, limit - HYSTERESIS, limit)) & dries & ~vented
        taken = on * TAKES_G_H * np.clip(humidity / 65, 0, 2) * np.clip(air_c[step] / 15, 0.2, 1.5)
        flow = AIR_KG_M3 * volume * (leaks + VENT_PER_H * vented)
        take = _HOURS * uptake / capacity
        give = 1 / (1 + take * full[step])
        pull = uptake * give
        right = air_kg * water + flow * outside[step] + seeps * volume - taken
        right = right + (pull * full[step] * stores).sum(axis=0)
        water = np.clip(right / (air_kg + flow + pull.sum(axis=0)), 0.5, full[step])
        stores = (stores + take * water) * give
        if step >= lead:
            kwh = on * POWER_W / 1000 * _HOURS
            price = DEFAULT_HOUSE.cheap_power_eur_kwh if cheap else DEFAULT_HOUSE.power_eur_kwh
            at_wall = _humidity(water, wall_c[step])
            hours = _HOURS * np.stack([at_wall > RISK_HUMIDITY, _humidity(water, air_c[step]) > 70, vented])
            sums += np.concatenate([hours, [kwh, kwh * price]])
        progress(step, steps)
    return {name: Cellar(*(sums[:, row] * 30 / days)) for row, name in enumerate(names)}


def _humidity(water: FloatArray, celsius: FloatArray) -> FloatArray:
    return np.minimum(relative_humidity(celsius, mixing_ratio_vapour_pressure(water)), 100.0)


def _weather(count: int, *, seed: int, begin: datetime, steps: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns the temperatures of air and wall (°C) and the mixing ratio outside (g/kg), each (steps, cellars)."""
    begin_s = int(begin.astimezone(UTC).timestamp())
    year = 2 * np.pi * ((begin_s + STEP_S * np.arange(steps)) / 86_400 % 365.2425 - 240) / 365.2425
    found: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    number = 1000 * seed
    while len(found) < count:
        number += 1
        climate = random_kind(number).climate
        if not LATITUDES[0] <= climate.latitude_deg <= LATITUDES[1]:
            continue
        weather = simulate_weather(climate, seed=number, begin_s=begin_s, nodes=steps, step_s=STEP_S)
        ground = climate.mean_c + 0.5 + 0.4 * climate.annual_k * np.cos(year)  # Warmest in late August.
        air = ground + 1.0 + 0.15 * (recent_mean(weather.temperature, memory=288) - ground)
        found.append((air, ground + 0.4 * (air - ground), weather.mixing_ratio))
    air_c, wall_c, outside = np.moveaxis(np.array(found), 0, -1)
    return air_c, wall_c, outside
