"""The demo: takes a house's last weeks through the whole system on the laptop, with the functions of the cloud."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import polars as pl

from roomidity.composition import Stage
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.messages import TrainingJob
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, floor_slot
from roomidity.errors import InputError
from roomidity.local.functions import Functions
from roomidity.pipeline.verification import verify_house
from roomidity.readings import pack_readings

__all__ = ["LIVE", "Replay", "Report", "newest_days"]

LIVE: Final = timedelta(hours=48)
"""Length of the final part that is replayed tick by tick."""


@dataclass
class Report:
    """What the demo measured: ``duplicates`` by kind, ``seconds`` by phase, and ``verified`` by quantity."""

    readings: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    rooms: list[StoredForecast] = field(default_factory=list)
    verified: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Adds the time that the block takes to ``seconds`` of a phase."""
        begin = time.perf_counter()
        yield
        self.seconds[phase] = round(self.seconds.get(phase, 0.0) + time.perf_counter() - begin, 3)


def newest_days(readings: pl.DataFrame, days: int) -> pl.DataFrame:
    """Returns the last ``days`` days of readings, up to the end of the newest slot.

    Raises
    ------
    InputError
        If they span too little: the 48 h that are replayed tick by tick, plus one day before.
    """
    end = _end(readings)
    chosen = readings.filter(pl.col("ts") >= end - timedelta(days=days)).sort("ts")
    first: datetime = chosen["ts"][0]
    if end - first <= LIVE + timedelta(days=1):
        raise InputError(
            f"the readings span {(end - first) / timedelta(days=1):.1f} days; the demo needs more than 3: one to start "
            "from, and two to replay tick by tick"
        )
    return chosen


def _end(readings: pl.DataFrame) -> datetime:
    """Returns the end of the newest slot, which is the issue time of the last forecast."""
    newest: datetime = readings["ts"].max()  # type: ignore[assignment]  # a Datetime column
    return floor_slot(newest) + SLOT


def work_off_forecasts() -> int:
    """Forecasts until no job is left, in a process of its own as in the cloud. Returns the number of jobs."""
    return _forecaster()()


@cache
def _forecaster() -> Callable[[], int]:
    functions = Functions()
    queue = Stage.from_environment(os.environ).forecast_jobs
    return lambda: functions.work_off("forecast", queue)


class Replay:
    """The replay of some readings. ``stage`` and the environment select an engine, and time is that of the data.

    Forecasts are computed in another process (``beside``) with the same environment. While one tick's are computed, the
    next tick's readings are drained. A forecast only uses slots closed at its issue time, so this does not change it.
    """

    def __init__(self, stage: Stage, readings: pl.DataFrame, beside: Executor) -> None:
        self._stage = stage
        self._beside = beside
        self._forecasts = beside.submit(work_off_forecasts)
        self._readings = readings
        self._functions = Functions()
        self.end = _end(readings)
        self.houses = sorted(readings["house"].unique())
        self.report = Report()

    def bulk(self, step: Callable[[int], None]) -> None:
        """Sends and drains all but the last 48 h. Passes the number of readings done to ``step``."""
        before = self._readings.filter(pl.col("ts") < self.end - LIVE)
        with self.report.timed("bulk"):
            self._stage.readings_queue.send(list(pack_readings(before)))
            self._drain(self.end - LIVE)
            step(len(before))

    def train(self) -> None:
        """Trains each house on the data received so far."""
        with self.report.timed("train"):
            self._forecasts.result()  # Earlier forecasts are made by the prior.
            now = self.end - LIVE
            self._stage.training_jobs.send([TrainingJob(house, "demo", now).to_body() for house in self.houses])
            self._functions.work_off("train", self._stage.training_jobs)

    def ticks(self, step: Callable[[int], None]) -> None:
        """Replays the last 48 h as they would arrive: sends, drains, forecasts every 15 min, verifies every night."""
        slots = {
            slot[0]: part
            for slot, part in self._readings.filter(pl.col("ts") >= self.end - LIVE)
            .with_columns(pl.col("ts").dt.truncate("15m").alias("slot"))
            .partition_by("slot", as_dict=True, include_key=False)
            .items()
        }
        tick = self.end - LIVE
        while tick < self.end:
            with self.report.timed("ticks"):
                if tick in slots:
                    self._stage.readings_queue.send(list(pack_readings(slots[tick])))
                tick += SLOT
                if (tick.hour, tick.minute) == (0, 0):
                    self._forecasts.result()
                    self._functions.scheduled("verify", tick)
                    self._functions.work_off("train", self._stage.training_jobs)
                self._drain(tick)
            step(1)
        with self.report.timed("ticks"):
            self._forecasts.result()

    def verify(self) -> None:
        """Scores the forecasts of the last 48 h whose 24 h horizon has passed."""
        stage = self._stage
        ports = stage.verify_ports
        with self.report.timed("verify"):
            scores = [
                of
                for house in self.houses
                for of in verify_house(ports, house=house, first=self.end - LIVE, last=self.end, now=self.end).values()
            ]
        for quantity in QUANTITIES:
            own = [of[quantity].total() for of in scores if quantity in of]
            if not own:
                continue
            total = sum(own[1:], start=own[0])
            self.report.verified[quantity] = {
                "mae": round(float(total.mae[0]), 4),
                "persistence_mae": round(float(total.persistence_mae[0]), 4),
                "coverage": round(float(total.coverage[0]), 4),
                "count": int(total.count[0]),
            }

    def collect(self) -> None:
        """Reads the forecasts issued at the end of the data, as a dashboard would."""
        for house in self.houses:
            home = self._stage.houses.get(house)
            for room in sorted(home.rooms) if home else ():
                forecast = self._stage.forecasts.latest(house, room, now=self.end)
                if forecast is not None and forecast.issued_at == self.end:
                    self.report.rooms.append(forecast)

    def _drain(self, at: datetime) -> None:
        """Drains as the schedule does, and starts the forecasts it asks for."""
        answer: dict[str, Any] = self._functions.scheduled("drain", at)
        self.report.readings.update(answer["readings"])
        self.report.duplicates.update(answer["duplicates"])
        self._forecasts.result()
        self._forecasts = self._beside.submit(work_off_forecasts)
