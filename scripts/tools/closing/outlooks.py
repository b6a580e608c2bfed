"""Forecasts of rooms for plans in the closed loop: a daily profile, the product's own forecast, or the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.domain.weather import WeatherIssue
from roomidity.forecasting import Window
from roomidity.forecasting.serving.forecast import forecast
from roomidity.forecasting.serving.online import advance
from roomidity.forecasting.serving.prior import load_prior
from roomidity.forecasting.window import WINDOW_SLOTS
from scripts.tools.closing.policies import Seen

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

Issues = Sequence[Sequence[WeatherIssue]]
"""The weather issues of each house, oldest first."""


class Rooms(Protocol):
    """Forecasts all rooms from what has been seen so far."""

    def note(self, seen: Seen) -> None:
        """Record what is seen now."""

    def __call__(self, at: datetime) -> FloatArray | None:
        """Returns the rooms' quantiles as in :class:`StoredForecast`, shape (2, 3, 96, houses, rooms), or None."""


@dataclass
class Profile:
    """A simple forecast: the mean of the last days by time of day, plus the newest deviation, which decays over 6 h."""

    days: int = 7
    seen: list[FloatArray] = field(default_factory=list)
    """By slot, humidity and temperature of all rooms, shape (2, houses, rooms)."""

    def note(self, seen: Seen) -> None:
        """Record what is seen at the end of a slot."""
        if seen.at.minute % 15 == 0:
            self.seen.append(np.stack([seen.humidity, seen.temperature]))
            del self.seen[: -self.days * SLOTS_A_DAY]

    def __call__(self, at: datetime) -> FloatArray | None:
        """Returns the forecast, or None before there are two days of readings."""
        del at  # The newest readings are those noted last.
        if len(self.seen) < 2 * SLOTS_A_DAY:
            return None
        whole = len(self.seen) // SLOTS_A_DAY * SLOTS_A_DAY
        days = np.stack(self.seen[-whole:]).reshape(-1, SLOTS_A_DAY, *self.seen[-1].shape)  # Oldest slot of day first.
        profile, spread = days.mean(axis=0), days.std(axis=0, ddof=1)
        fading = np.exp(-np.arange(1, SLOTS_A_DAY + 1) * 0.25 / 6)[:, None, None, None]
        middle = profile + fading * (self.seen[-1] - profile[-1])
        band = 1.2816 * spread * np.sqrt(1 - fading**2) + 0.1
        return np.stack([middle - band, middle, middle + band]).transpose(2, 0, 1, 3, 4)


@dataclass
class Served:
    """The product's own forecast, by serving code: the shipped prior with a state for each house that advances daily.

    No house gets a model of its own, which would take weeks of readings and a training each week.
    """

    real: BoolArray
    issues: Issues
    timezone: str
    seen: list[FloatArray] = field(default_factory=list)
    """By step, humidity and temperature of all rooms and outdoors, shape (2, houses, rooms + 1)."""
    slots: list[FloatArray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.model, prior, _ = load_prior()
        self.states = [prior] * len(self.real)

    def note(self, seen: Seen) -> None:
        """Record slot means, and advance all states at midnight over the day that has ended."""
        outside = np.stack([seen.outside_humidity, seen.outside_c])
        self.seen.append(np.concatenate([np.stack([seen.humidity, seen.temperature]), outside], axis=2))
        if seen.at.minute % 15 == 0:
            self.slots.append(np.mean(self.seen[-3:], axis=0))
            self.seen.clear()
            del self.slots[:-WINDOW_SLOTS]
            if seen.at.hour == seen.at.minute == 0:
                self.states = [
                    advance(state, self.model, self._window(house, seen.at)) for house, state in enumerate(self.states)
                ]

    def __call__(self, at: datetime) -> FloatArray | None:
        """Returns the forecasts issued at ``at``, or None before there are two days of readings."""
        if len(self.slots) < WINDOW_SLOTS:
            return None
        found = np.full(
            (2, 3, SLOTS_A_DAY, *self.real.shape), 50.0
        )  # Values for rooms that do not exist are never read.
        for house, state in enumerate(self.states):
            quantiles = forecast(self._window(house, at), self.model, state).quantiles
            rooms = quantiles.shape[0]
            found[..., house, :rooms] = quantiles[:, :, [0, 4, 8]].transpose(1, 2, 3, 0)
        return found

    def _window(self, house: int, at: datetime) -> Window:
        rooms = int(self.real[house].sum())
        slots = np.stack(self.slots, axis=-1)[:, house]  # (2, rooms + 1, slots)
        known = tuple(one for one in self.issues[house] if one.known_from <= at)
        names = tuple(f"room_{number}" for number in range(rooms))
        return Window(names, at, self.timezone, slots[:, :rooms].swapaxes(0, 1), outdoor=slots[:, -1], issues=known)


@dataclass
class Truth:
    """The rooms' true course without airing, as a forecast without uncertainty."""

    course: FloatArray
    """Humidity (%RH) and temperature (°C) by slot from ``first`` on, shape (2, slots, houses, rooms)."""
    first: datetime

    def note(self, seen: Seen) -> None:
        """Do nothing: the truth is known already."""

    def __call__(self, at: datetime) -> FloatArray | None:
        """Returns the course from ``at`` on, continued after its end by its last value."""
        begin = max(round((at - self.first).total_seconds() / 900), 0)
        slots = np.minimum(begin + np.arange(SLOTS_A_DAY), self.course.shape[1] - 1)
        return np.stack([self.course[:, slots]] * 3, axis=1)
