"""The course of a house's rooms, combining weather, people and physics on one time grid."""

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

__all__ = [
    "SPIN_UP_S",
    "STEP_S",
    "Conditions",
    "Course",
    "conditions",
    "heat_balance",
    "moisture_balance",
    "simulate_course",
    "window_drive",
]

FloatArray = NDArray[np.float64]

STEP_S: Final = 300
"""Time step in s, a third of a slot. It is short for a shower (10 min), and implicit steps need not be shorter."""
SPIN_UP_S: Final = 6 * 86_400
"""Simulated time before the first reading, in s. Walls and surfaces forget their initial state within a day or two."""

_AIR_J_KG_K: Final = 1_006.0
_FURNITURE: Final = 6.0
"""By what factor furniture and the outermost millimetres of walls increase the heat capacity of a room's air."""
_FILM_W_K_M3: Final = 7.5
"""Conductance from air to walls in W/K per m³: about 2 m² of surface per m³, at 4 W/(m² K)."""
_WINDOW_LOSS_SHARE: Final = 0.4
"""Share of the fabric's losses that passes through windows without a heavy wall."""

# Two moisture stores per room and cubic metre, based on moisture buffer values of about 1 g/(m² %RH) on 2 m² of surface
# (Rode et al., Nordtest project 023-05, 2005). Textiles and paint react within hours, plaster, wood and books within
# days.
_STORE_G_M3: Final = np.array([[35.0], [160.0]])
"""Capacity from dry to saturated, in g/m³."""
_STORE_KG_H_M3: Final = np.array([[2.0], [0.35]])


@dataclass(frozen=True, slots=True)
class Course:
    """Temperature and humidity at nodes ``STEP_S`` apart. The last room is the outdoors."""

    begin_s: int
    """Epoch seconds of the first node, which is the start of the slot in which the simulation begins."""
    rooms: tuple[str, ...]
    temperature: FloatArray
    """In °C, shape (nodes, rooms)."""
    humidity: FloatArray
    """In %RH from 0 to 100, shape (nodes, rooms)."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What acts on a house: weather (steps + 1 nodes) and people (steps), of which the first ``lead`` steps spin it up.

    ``first_s`` are the epoch seconds at which the spin-up ends.
    """

    first_s: int
    lead: int
    weather: Weather
    activity: Activity


def conditions(kind: HouseKind, *, seed: int, start: datetime, days: float, zone: tzinfo) -> Conditions:
    """Returns what acts on a house from some days before the slot of ``start`` until ``days`` days after it."""
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
    return Conditions(first_s, lead, weather, activity)


def simulate_course(kind: HouseKind, *, seed: int, start: datetime, days: float, zone: tzinfo) -> Course:
    """Returns the true course of a house, not distorted by sensors, from the slot of ``start`` over ``days`` days."""
    acting = conditions(kind, seed=seed, start=start, days=days, zone=zone)
    weather, lead = acting.weather, acting.lead
    temperature = _temperatures(kind, weather, acting.activity)
    humidity = _humidities(kind, weather, acting.activity, temperature)
    return Course(
        begin_s=acting.first_s,
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


def _drive(weather: Weather) -> FloatArray:
    """Returns what drives air through leaks, relative to 4 m/s and 10 K, shape (steps, 1).

    Wind pressure and buoyancy are added in quadrature.
    """
    wind, difference = weather.wind[1:], np.abs(20 - weather.temperature[1:])
    return np.asarray(np.sqrt(0.6 * (wind / 4) ** 2 + 0.4 * difference / 10)[:, None])


def window_drive(weather: Weather) -> FloatArray:
    """Returns by what the air changes through an open window are to be multiplied in each step, shape (steps, 1)."""
    return np.asarray(0.4 + 0.6 * _drive(weather))


def _air_change_per_h(kind: HouseKind, weather: Weather, activity: Activity) -> FloatArray:
    """Returns air changes per hour through leaks and windows, shape (steps, rooms)."""
    return np.asarray(kind.infiltration_per_h * _drive(weather) + activity.window_per_h * window_drive(weather))


def _temperatures(kind: HouseKind, weather: Weather, activity: Activity) -> FloatArray:
    balance, start_c = heat_balance(kind, weather, activity)
    return balance.run(air_c=start_c, mass_c=start_c)


def heat_balance(kind: HouseKind, weather: Weather, activity: Activity) -> tuple[HeatBalance, FloatArray]:
    """Returns a house's heat balance, and the temperature in °C at which rooms and walls begin, shape (rooms,)."""
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
    return balance, start_c + np.zeros_like(volume)


def _humidities(kind: HouseKind, weather: Weather, activity: Activity, temperature: FloatArray) -> FloatArray:
    balance, start = moisture_balance(kind, weather, activity, temperature)
    course = balance.run(air_g_kg=start, stores=np.stack([start / balance.saturation_g_kg[0]] * 2))
    return np.clip(relative_humidity(temperature, mixing_ratio_vapour_pressure(course.air_g_kg)), 0, 100)


def moisture_balance(
    kind: HouseKind, weather: Weather, activity: Activity, temperature: FloatArray
) -> tuple[MoistureBalance, FloatArray]:
    """Returns a house's moisture balance at the temperatures (°C) of its rooms, shape (steps, rooms).

    With it comes the mixing ratio in g/kg at which the rooms begin, shape (rooms,).
    """
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
    return balance, np.minimum(weather.mixing_ratio[:288].mean() + 1.5, 0.7 * saturation[0])
