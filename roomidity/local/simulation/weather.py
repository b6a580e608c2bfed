"""Air and sun outside a simulated house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.climate import mixing_ratio, relative_humidity, saturation_vapour_pressure
from roomidity.local.simulation.kinds import ClimateKind
from roomidity.local.simulation.seeds import Purpose, generator

__all__ = ["Weather", "facade_irradiance", "recent_mean", "simulate_weather"]

FloatArray = NDArray[np.float64]

_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_SOLSTICE_DAY: Final = 172.0
"""21 June, the longest day."""
_WARMEST_DAY: Final = 202.0
"""The annual course of the air lags that of the sun by a month."""
_CLEAR_BEAM_W_M2: Final = 1_100.0
"""Direct normal irradiance without a path through air. With a high sun 900 W/m² remain."""
_OPTICAL_DEPTH: Final = 0.19
_CLEAR_NIGHT_K: Final = 4.0
"""How much colder the air becomes under a permanently clear sky than under an overcast one, in K."""
_SPRING_DAY: Final = 135.0
"""Mid-May, when the sun is ahead of the sea, and air is driest for its temperature."""
_SPRING_DRYNESS_K: Final = 3.0
_WARM_DULL_K: Final = 0.9
"""How much milder (and moister) an overcast spell with its oceanic air is, in K per unit of the cloud process."""

# Memory in hours of the processes whose sum is the weather. The first two belong together.
_SYNOPTIC, _HOURS, _SPELL, _PATCHES, _AIR_MASS, _MOISTURE, _GUSTS, _SEASON = range(8)
_MEMORY_H: Final = {
    _HOURS: 7.0,
    _SPELL: 40.0,
    _PATCHES: 4.0,
    _AIR_MASS: 60.0,
    _MOISTURE: 6.0,
    _GUSTS: 14.0,
    _SEASON: 400.0,
}


@dataclass(frozen=True, slots=True)
class Weather:
    """The outdoors at every node of the physics' time grid, as float64 arrays of equal length."""

    temperature: FloatArray
    """Air temperature in °C."""
    humidity: FloatArray
    """Relative humidity in %RH, at most 100."""
    mixing_ratio: FloatArray
    """Water vapour in g/kg of dry air."""
    wind: FloatArray
    """Wind speed in m/s."""
    beam: FloatArray
    """Direct sunlight in W/m² on a surface facing the sun."""
    diffuse: FloatArray
    """Diffuse light in W/m² on the ground."""
    elevation: FloatArray
    """The sun's elevation above the horizon in radians."""
    azimuth: FloatArray
    """The sun's azimuth in radians, clockwise from north."""


def recent_mean(values: FloatArray, *, memory: float) -> FloatArray:
    """Returns an exponential moving average along the first axis, started at the mean of the first ``memory`` steps."""
    keep = float(np.exp(-1 / memory))
    past = values[: max(1, int(memory))].mean(axis=0)
    means = np.empty_like(values)
    for step, value in enumerate((1 - keep) * values):
        past = keep * past + value
        means[step] = past
    return means


def simulate_weather(climate: ClimateKind, *, seed: int, begin_s: int, nodes: int, step_s: int) -> Weather:
    """Returns the weather at ``nodes`` times ``step_s`` seconds apart, from ``begin_s`` (epoch s, UTC).

    It consists of an annual course, a sum of processes with memories from hours to weeks, the sun behind clouds, and a
    dew point at a varying distance below the daily mean temperature.
    """
    times = begin_s + step_s * np.arange(nodes)
    noise = _noise(climate, seed=seed, hours=-(-nodes * step_s // _HOUR_S) + 1)
    hour = (times - begin_s) / _HOUR_S
    process = np.stack([np.interp(hour, np.arange(len(noise)), column) for column in noise.T])

    clouds = 1 / (1 + np.exp(-(np.log(climate.cloudiness / (1 - climate.cloudiness)) / 0.55
                               + 1.5 * process[_SPELL] + 1.2 * process[_PATCHES])))  # fmt: skip
    elevation, azimuth = _sun(climate, times)
    height = np.maximum(np.sin(elevation), 1e-3)
    clear_beam = np.where(elevation > 0, _CLEAR_BEAM_W_M2 * np.exp(-_OPTICAL_DEPTH / height), 0.0)
    beam = clear_beam * (1 - clouds) ** 1.3
    diffuse = clear_beam * height * (0.12 + 0.2 * clouds)

    an_hour = _HOUR_S / step_s
    sunshine = (beam * height + diffuse) / 1000
    year = 2 * np.pi * (times / _DAY_S % 365.2425 - _WARMEST_DAY) / 365.2425
    temperature = (
        climate.mean_c
        + climate.annual_k * np.cos(year)
        + climate.synoptic_k * (0.93 * process[_SYNOPTIC] + 0.22 * process[_HOURS] + 0.2 * process[_SEASON])
        + _WARM_DULL_K * process[_SPELL] * -np.cos(year)
        + climate.sun_k_per_kw_m2
        * (recent_mean(sunshine, memory=4 * an_hour) - recent_mean(sunshine, memory=40 * an_hour))
        - _CLEAR_NIGHT_K * (recent_mean(1 - clouds, memory=8 * an_hour) - (1 - climate.cloudiness))
    )
    spring = 2 * np.pi * (times / _DAY_S % 365.2425 - _SPRING_DAY) / 365.2425
    dryness = (
        climate.dryness_k
        + _SPRING_DRYNESS_K * np.cos(spring)
        + climate.dryness_spread_k * (0.8 * process[_AIR_MASS] + 0.3 * process[_MOISTURE] - 0.45 * process[_SPELL])
    )
    dew = recent_mean(temperature, memory=14 * an_hour) - np.logaddexp(0, dryness)
    vapour = saturation_vapour_pressure(np.minimum(dew, temperature - 0.15))
    return Weather(
        temperature=temperature,
        humidity=relative_humidity(temperature, vapour),
        mixing_ratio=mixing_ratio(vapour),
        wind=climate.wind_m_s * np.exp(0.5 * process[_GUSTS] - 0.125),
        beam=beam,
        diffuse=diffuse,
        elevation=elevation,
        azimuth=azimuth,
    )


def facade_irradiance(weather: Weather, facing_deg: FloatArray) -> FloatArray:
    """Returns the light on vertical windows in W/m², shape (nodes, windows), for orientations in degrees from north."""
    incidence = np.cos(weather.elevation)[:, None] * np.cos(weather.azimuth[:, None] - np.radians(facing_deg))
    ground = weather.diffuse + weather.beam * np.maximum(np.sin(weather.elevation), 0)
    return np.asarray(
        weather.beam[:, None] * np.maximum(incidence, 0) + (0.5 * weather.diffuse + 0.1 * ground)[:, None]
    )


def _noise(climate: ClimateKind, *, seed: int, hours: int) -> FloatArray:
    """Returns independent stationary processes of variance 1, shape (hours, 8). Each day has its own generator."""
    memory = np.array([{**_MEMORY_H, _SYNOPTIC: 24 * climate.synoptic_days}[index] for index in range(8)])
    keep = np.exp(-1 / memory)
    push = np.sqrt(1 - keep**2)
    state = generator(seed, Purpose.CLIMATE).standard_normal(8)
    process = np.empty((hours, 8))
    for day in range(-(-hours // 24)):
        for hour, shock in enumerate(generator(seed, Purpose.WEATHER, day).standard_normal((24, 8)), start=24 * day):
            if hour < hours:
                state = keep * state + push * shock
                process[hour] = state
    process[:, _SYNOPTIC] = recent_mean(process[:, _SYNOPTIC], memory=4.0)  # Fronts take hours to pass.
    return process


def _sun(climate: ClimateKind, times: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Returns the sun's elevation and azimuth in radians, to a degree or two, which suffices for windows."""
    day = times / _DAY_S % 365.2425
    declination = np.radians(23.44) * np.cos(2 * np.pi * (day - _SOLSTICE_DAY) / 365.2425)
    hour_angle = 2 * np.pi * ((times % _DAY_S) / _DAY_S + climate.longitude_deg / 360 - 0.5)
    latitude = np.radians(climate.latitude_deg)
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    azimuth = np.pi + np.arctan2(
        np.sin(hour_angle), np.cos(hour_angle) * np.sin(latitude) - np.tan(declination) * np.cos(latitude)
    )
    return np.arcsin(np.clip(sine, -1, 1)), azimuth
