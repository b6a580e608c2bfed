"""How a house's rooms fare: weather, people and physics put together on one grid of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.climate import (
    mixing_ratio,
    mixing_ratio_vapour_pressure,
    relative_humidity,
    saturation_vapour_pressure,
)
from roomidity.domain.slots import floor_slot, to_epoch_ms
from roomidity.local.simulation.household import Activity, simulate_household
from roomidity.local.simulation.kinds import HouseKind
from roomidity.local.simulation.physics import AIR_KG_M3, HeatBalance, MoistureBalance
from roomidity.local.simulation.weather import Weather, facade_irradiance, recent_mean, simulate_weather

__all__ = ["SPIN_UP_S", "STEP_S", "Course", "simulate_course"]

FloatArray = NDArray[np.float64]

STEP_S: Final = 300
"""A third of a slot: short against a shower (10 minutes), and implicit steps need no shorter ones."""
SPIN_UP_S: Final = 6 * 86_400
"""Before the first reading: walls and surfaces forget their start in a day or two."""

_AIR_J_KG_K: Final = 1_006.0
_FURNITURE: Final = 6.0
"""Furniture and the outermost millimetres of walls make a room's air so much heavier to warm."""
_FILM_W_K_M3: Final = 7.5
"""From air to walls: about 2 m² of surface a cubic metre, 4 W/(m² K)."""
_WINDOW_LOSS_SHARE: Final = 0.4
"""Of the fabric's losses, what windows let through without passing a heavy wall."""

# Two stores a room, for each cubic metre of it, after moisture buffer values of about 1 g/(m² %RH) on 2 m² of surface
# (Rode et al., Nordtest project 023-05, 2005): textiles and paint within hours, plaster, wood and books within days.
_STORE_G_M3: Final = np.array([[35.0], [160.0]])
"""From dry to saturated."""
_STORE_KG_H_M3: Final = np.array([[2.0], [0.35]])


@dataclass(frozen=True, slots=True)
class Course:
    """Temperature and humidity at nodes ``STEP_S`` apart; the last room is the outdoors."""

    begin_s: int
    """Epoch seconds of the first node: the slot in which the simulation starts."""
    rooms: tuple[str, ...]
    temperature: FloatArray
    """°C, shape (nodes, rooms)."""
    humidity: FloatArray
    """%RH, shape (nodes, rooms), 0 to 100."""


def simulate_course(kind: HouseKind, *, seed: int, start: datetime, days: float, zone: tzinfo) -> Course:
    """The house's own truth, as no sensor blurs it, from the slot of ``start`` to the end of ``days`` days."""
    first_s = to_epoch_ms(floor_slot(start)) // 1000
    lead = SPIN_UP_S // STEP_S
    steps = lead + int(np.ceil((days * 86_400 + (start.timestamp() - first_s)) / STEP_S))
    begin_s = first_s - SPIN_UP_S
    weather = simulate_weather(kind.climate, seed=seed, begin_s=begin_s, nodes=steps + 1, step_s=STEP_S)
    mild = recent_mean(weather.temperature, memory=86_400 / STEP_S)
    activity = simulate_household(
        kind,
        seed=seed,
        begin_s=begin_s,
        steps=steps,
        step_s=STEP_S,
        zone=zone,
        outdoor_c=weather.temperature[:-1],
        mild_c=mild[:-1],
    )
    temperature = _temperatures(kind, weather, activity)
    humidity = _humidities(kind, weather, activity, temperature)
    return Course(
        begin_s=first_s,
        rooms=(*(room.name for room in kind.rooms), "outdoor"),
        temperature=np.column_stack([temperature, weather.temperature[1:]])[lead - 1 :],
        humidity=np.column_stack([humidity, weather.humidity[1:]])[lead - 1 :],
    )


def _volumes(kind: HouseKind) -> FloatArray:
    return np.array([room.volume_m3 for room in kind.rooms])


def _doors_m3_h(kind: HouseKind, activity: Activity) -> FloatArray:
    fan = _extractor_m3_h(kind, activity)
    return np.array([room.door_m3_h for room in kind.rooms]) * activity.door_open + 0.5 * fan


def _extractor_m3_h(kind: HouseKind, activity: Activity) -> FloatArray:
    return kind.extractor_m3_h * activity.extractor


def _air_change_per_h(kind: HouseKind, weather: Weather, activity: Activity) -> FloatArray:
    """Through leaks and windows, shape (steps, rooms): wind pushes and warm air rises, added in quadrature."""
    wind, difference = weather.wind[1:], np.abs(20 - weather.temperature[1:])
    drive = np.sqrt(0.6 * (wind / 4) ** 2 + 0.4 * difference / 10)[:, None]
    return np.asarray(kind.infiltration_per_h * drive + activity.window_per_h * (0.4 + 0.6 * drive))


def _temperatures(kind: HouseKind, weather: Weather, activity: Activity) -> FloatArray:
    volume = _volumes(kind)
    air_w_k_m3_h = AIR_KG_M3 * _AIR_J_KG_K / 3_600
    outdoor_c = weather.temperature[1:]
    window_m2 = np.array([room.window_m2 for room in kind.rooms])
    facing = np.array([room.facing_deg for room in kind.rooms])
    blinds = 1 - 0.6 * np.clip((outdoor_c - kind.shading_above_c) / 4, 0, 1)
    sun_w = facade_irradiance(weather, facing)[1:] * window_m2 * kind.solar_transmittance * blinds[:, None]
    ventilation = kind.ventilation_per_h * (1 - kind.heat_recovery)
    air_change = _air_change_per_h(kind, weather, activity) + ventilation
    fabric_w_k = kind.loss_w_m3k * volume
    balance = HeatBalance(
        step_s=STEP_S,
        air_j_k=_FURNITURE * AIR_KG_M3 * _AIR_J_KG_K * volume,
        mass_j_k=1000 * kind.mass_kj_m3k * volume,
        air_mass_w_k=_FILM_W_K_M3 * volume,
        mass_outdoor_w_k=(1 - _WINDOW_LOSS_SHARE) * fabric_w_k,
        air_outdoor_w_k=_WINDOW_LOSS_SHARE * fabric_w_k + air_w_k_m3_h * air_change * volume,
        door_w_k=air_w_k_m3_h * _doors_m3_h(kind, activity),
        outdoor_c=outdoor_c,
        air_gain_w=activity.heat_w + 0.4 * sun_w,
        mass_gain_w=0.6 * sun_w,
        setpoint_c=activity.setpoint_c,
        heater_w=kind.heater_w_m3 * volume,
    )
    start_c = np.maximum(
        activity.setpoint_c[0] if kind.heater_w_m3 else outdoor_c[:288].mean() + 3, outdoor_c[:288].mean()
    )
    start_c = start_c + np.zeros_like(volume)
    return balance.run(air_c=start_c, mass_c=start_c)


def _humidities(kind: HouseKind, weather: Weather, activity: Activity, temperature: FloatArray) -> FloatArray:
    volume = _volumes(kind)
    surface_c = temperature + kind.window_surface_share * (weather.temperature[1:, None] - temperature)
    saturation = mixing_ratio(saturation_vapour_pressure(temperature))
    air_change = _air_change_per_h(kind, weather, activity) + kind.ventilation_per_h
    balance = MoistureBalance(
        step_s=STEP_S,
        air_kg=AIR_KG_M3 * volume,
        outdoor_kg_h=AIR_KG_M3 * (air_change * volume + 0.5 * _extractor_m3_h(kind, activity)),
        door_kg_h=AIR_KG_M3 * _doors_m3_h(kind, activity),
        outdoor_g_kg=weather.mixing_ratio[1:],
        source_g_h=activity.moisture_g_h,
        saturation_g_kg=saturation,
        surface_g_kg=mixing_ratio(saturation_vapour_pressure(surface_c)),
        store_g=_STORE_G_M3 * kind.buffering * volume,
        store_kg_h=_STORE_KG_H_M3 * kind.buffering * volume,
    )
    start = np.minimum(weather.mixing_ratio[:288].mean() + 1.5, 0.7 * saturation[0])
    course = balance.run(air_g_kg=start, stores=np.stack([start / saturation[0]] * 2))
    return np.clip(relative_humidity(temperature, mixing_ratio_vapour_pressure(course.air_g_kg)), 0, 100)
