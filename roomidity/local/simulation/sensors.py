"""What sensors make of a room's air: lag, bias, drift, noise, rounding, gaps, and their own clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from roomidity.local.simulation.course import STEP_S, Course
from roomidity.local.simulation.kinds import HouseKind
from roomidity.local.simulation.seeds import Purpose, generator

__all__ = ["READINGS_SCHEMA", "Sensor", "lagged", "sensors_of", "take_readings"]

FloatArray = NDArray[np.float64]

READINGS_SCHEMA: Final = pl.Schema(
    {
        "house": pl.String(),
        "room": pl.String(),
        "sensor": pl.String(),
        "ts": pl.Datetime("ms", "UTC"),
        "temperature": pl.Float64(),
        "humidity": pl.Float64(),
    }
)
"""Raw readings in °C and %RH, with null for quantities that a reading does not have."""

_DAY_MS: Final = 86_400_000
_PERIOD_MS: Final = 60_000
_A_DAY: Final = _DAY_MS // _PERIOD_MS
_JITTER_MS: Final = 2_500.0
_JITTER_MOST_MS: Final = 8_000.0
_DROPOUTS_A_DAY: Final = 0.12
_DROPOUT_MEDIAN_MIN: Final = 18.0
_LOST_SHARE: Final = 0.01
"""Share of single readings lost by radio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A sensor and its faults."""

    name: str
    room: str
    lag_s: float
    """Time constant in s with which it follows the air."""
    temperature_bias_k: float
    humidity_bias: float
    humidity_drift: float
    """Amplitude in %RH of a slow wave with a period of 90 days."""
    drift_phase: float
    decimals: int
    """With 2 it rounds to 0.01, with 1 to 0.1."""
    apart: bool
    """Whether it sends temperature and humidity in separate readings."""
    phase: float
    """When it sends within each minute, from 0.15 to 0.85, so that jitter never leaves the minute."""


def sensors_of(kind: HouseKind, *, seed: int) -> tuple[Sensor, ...]:
    """Returns the sensors of the measured rooms and the outdoors. Every third sends its two quantities separately."""
    rooms = [room.name for room in kind.rooms for _ in range(room.sensors)] + ["outdoor"]
    sensors = []
    for index, room in enumerate(rooms):
        rng = generator(seed, Purpose.SENSORS, index)
        sensors.append(
            Sensor(
                name=f"z2m-0x00158d{index + 1:04x}",
                room=room,
                lag_s=rng.uniform(120, 600),
                temperature_bias_k=rng.normal(0, 0.15),
                humidity_bias=rng.normal(0, 1.2),
                humidity_drift=rng.normal(0, 0.4),
                drift_phase=rng.uniform(0, 2 * np.pi),
                decimals=int(rng.choice([1, 2], p=[0.3, 0.7])),
                apart=index % 3 == 1,
                phase=rng.uniform(0.15, 0.85),
            )
        )
    return tuple(sensors)


def lagged(values: FloatArray, *, lag_s: FloatArray, step_s: float) -> FloatArray:
    """Returns each column as shown by a first-order sensor with time constant ``lag_s``.

    It is exact if the values are linear between nodes.
    """
    keep = np.exp(-step_s / lag_s)
    behind = np.diff(values, axis=0) * (lag_s / step_s) * (1 - keep)  # How far a steady slope lags after one step.
    shown = np.empty_like(values)
    shown[0] = values[0]
    error = np.zeros_like(lag_s)
    for step, slope in enumerate(behind, start=1):
        error = keep * error - slope
        shown[step] = values[step] + error
    return shown


def take_readings(
    course: Course, sensors: tuple[Sensor, ...], *, house: str, seed: int, start_ms: int, days: int
) -> pl.DataFrame:
    """Returns the readings of all sensors in ``READINGS_SCHEMA``, sorted by time.

    A sensor sends each quantity about once and never twice a minute.
    """
    column = [course.rooms.index(sensor.room) for sensor in sensors]
    lag_s = np.array([sensor.lag_s for sensor in sensors])
    temperature = lagged(course.temperature[:, column], lag_s=lag_s, step_s=STEP_S)
    humidity = lagged(course.humidity[:, column], lag_s=lag_s, step_s=STEP_S)
    nodes_ms = 1000 * (course.begin_s + STEP_S * np.arange(len(temperature)))
    frames = []
    for index, sensor in enumerate(sensors):
        times, noise = _times(sensor, index, seed=seed, start_ms=start_ms, days=days)
        wave = np.sin(2 * np.pi * times / (90 * _DAY_MS) + sensor.drift_phase)
        celsius = np.interp(times, nodes_ms, temperature[:, index]) + sensor.temperature_bias_k + 0.015 * noise[:, 0]
        percent = np.interp(times, nodes_ms, humidity[:, index]) + sensor.humidity_bias + sensor.humidity_drift * wave
        shown_c = celsius.round(sensor.decimals)
        shown_rh = np.clip(percent + 0.08 * noise[:, 1], 0, 100).round(sensor.decimals)
        readings = pl.DataFrame({"sensor": index, "ts": times, "temperature": shown_c, "humidity": shown_rh})
        if sensor.apart:
            nothing = pl.lit(None, dtype=pl.Float64)
            readings = pl.concat(
                [
                    readings.with_columns(humidity=nothing),
                    readings.with_columns(ts=pl.col("ts") + 137, temperature=nothing),  # The radio sends one at a time.
                ]
            )
        frames.append(readings)
    rooms = pl.DataFrame(
        {
            "sensor": range(len(sensors)),
            "house": house,
            "room": [sensor.room for sensor in sensors],
            "name": [sensor.name for sensor in sensors],
        }
    )
    return (
        pl.concat(frames)
        .sort("ts", "sensor")
        .join(rooms, on="sensor", how="left", maintain_order="left")
        .select("house", "room", pl.col("name").alias("sensor"), pl.col("ts").cast(READINGS_SCHEMA["ts"]),
                "temperature", "humidity")
    )  # fmt: skip


def _times(sensor: Sensor, index: int, *, seed: int, start_ms: int, days: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Returns when the sensor was heard (epoch ms), and two columns of standard normal noise."""
    minute = np.arange(_A_DAY * days)
    noise = np.empty((len(minute), 3))
    heard = np.ones(len(minute), dtype=bool)
    for day in range(days):
        rng = generator(seed, Purpose.READINGS, index, day)
        today = slice(day * _A_DAY, (day + 1) * _A_DAY)
        noise[today] = rng.standard_normal((_A_DAY, 3))
        heard[today] &= rng.random(_A_DAY) >= _LOST_SHARE
        for _ in range(rng.poisson(_DROPOUTS_A_DAY)):
            silent_from = day * _A_DAY + int(rng.integers(_A_DAY))
            heard[silent_from : silent_from + int(_DROPOUT_MEDIAN_MIN * rng.lognormal(0, 1.1)) + 1] = False
    jitter = np.clip(_JITTER_MS * noise[:, 2], -_JITTER_MOST_MS, _JITTER_MOST_MS)
    times = start_ms + _PERIOD_MS * minute + (_PERIOD_MS * sensor.phase + jitter).astype(np.int64)
    return times[heard], noise[heard, :2]
