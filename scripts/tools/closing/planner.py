"""The product's plan of the day in the loop: what it is told of the room and the weather, and who follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.advice.outlook import outlook_of
from roomidity.domain.advice.planning import plan_day
from roomidity.domain.advice.settings import RoomAdvice
from roomidity.domain.comfort.walls import Wall
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.domain.weather import HOURS, WeatherIssue
from scripts.tools.closing.policies import Person, Seen

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Ahead = Callable[[datetime], FloatArray]
"""Returns the air outside in the HOURS hours from a time on, °C and %RH, shape (2, HOURS, houses)."""
Rooms = Callable[[datetime], FloatArray]
"""Returns forecasts of all rooms, as :class:`StoredForecast.quantiles`, shape (2, 3, 96, houses, rooms)."""

PLAN_MINUTE = 6 * 60 + 30


@dataclass
class Profile:
    """A simple forecast: the mean of the last 7 days at the time of day, and the newest deviation, fading over 6 h."""

    days: int = 7
    seen: list[FloatArray] = field(default_factory=list)
    """By slot, %RH and °C of all rooms, shape (2, houses, rooms)."""

    def note(self, seen: Seen) -> None:
        """Remembers what is seen now, at the end of a slot."""
        self.seen.append(np.stack([seen.humidity, seen.temperature]))
        del self.seen[: -self.days * SLOTS_A_DAY]

    def __call__(self, at: datetime) -> FloatArray:
        del at  # The newest is what was noted last.
        whole = len(self.seen) // SLOTS_A_DAY * SLOTS_A_DAY
        days = np.stack(self.seen[-whole:]).reshape(-1, SLOTS_A_DAY, *self.seen[-1].shape)  # Oldest slot of day first.
        profile, spread = days.mean(axis=0), days.std(axis=0, ddof=1)
        fading = np.exp(-np.arange(1, SLOTS_A_DAY + 1) * 0.25 / 6)[:, None, None, None]
        middle = profile + fading * (self.seen[-1] - profile[-1])
        band = 1.2816 * spread * np.sqrt(1 - fading**2) + 0.1
        return np.stack([middle - band, middle, middle + band]).transpose(2, 0, 1, 3, 4)


@dataclass
class Planned:
    """Opens what the plan of the morning says, as far as ``person`` follows it."""

    forecasts: Rooms
    ahead: Ahead
    person: Person
    f_rsi: FloatArray
    plans: int = 0
    due: dict[tuple[int, int], list[tuple[datetime, float]]] = field(default_factory=dict)

    def __call__(self, seen: Seen) -> BoolArray:
        if isinstance(self.forecasts, Profile) and seen.minute % 15 == 0:
            self.forecasts.note(seen)
        if seen.minute == PLAN_MINUTE and self.is_ready:
            self._plan(seen)
        opened = np.zeros(seen.temperature.shape, dtype=bool)
        for place, airings in self.due.items():
            opened[place] = any(
                timedelta(0) <= seen.at - start < timedelta(minutes=minutes) for start, minutes in airings
            )
        return opened

    @property
    def is_ready(self) -> bool:
        """Whether enough was seen for a forecast: two days, for a profile and its spread."""
        return not isinstance(self.forecasts, Profile) or len(self.forecasts.seen) >= 2 * SLOTS_A_DAY

    def _plan(self, seen: Seen) -> None:
        quantiles, weather = self.forecasts(seen.at), self.ahead(seen.at)
        clock = (seen.minute + 15 * np.arange(SLOTS_A_DAY)) % 1440
        self.due = {}
        for house in range(seen.temperature.shape[0]):
            celsius, percent = weather[:, :, house].tolist()
            issue = WeatherIssue("loop", seen.at, seen.at, seen.at, tuple(celsius), tuple(percent))
            for room in range(seen.temperature.shape[1]):
                stored = StoredForecast(
                    "loop", "room", seen.at, quantiles[..., house, room], {"humidity": "full", "temperature": "full"},
                    seen.at, "loop",
                )  # fmt: skip
                plan = plan_day(
                    outlook_of(stored, now=seen.at, weather=issue),
                    outside_mean_c=float(seen.outside_mean_c[house, 0]),
                    minutes_of_day=clock,
                    room=RoomAdvice(wall=Wall(float(self.f_rsi[house, room]))),
                )
                self.plans += len(plan.airings)
                followed = self.person.does((len(plan.airings),))
                self.due[house, room] = [
                    (airing.at + self.person.late, airing.effect.minutes)
                    for airing, does in zip(plan.airings, followed, strict=True)
                    if does
                ]


def weather_ahead(outdoor: FloatArray, *, index_of: Callable[[datetime], int], error: float, seed: int) -> Ahead:
    """Returns hourly weather as an issue has it: the truth with errors that grow from day to day and last for hours.

    Parameters
    ----------
    outdoor
        The truth at nodes 5 minutes apart in °C and %RH, shape (2, nodes, houses).
    index_of
        Returns the node of a time.
    error
        Scales the errors; with 1 they have some 1 K and 6 %RH after half a day. 0 is a perfect forecast.
    """

    def ahead(at: datetime) -> FloatArray:
        first = index_of(at)
        nodes = np.minimum(first + 12 * np.arange(HOURS), outdoor.shape[1] - 1)
        rng = np.random.default_rng([seed, first])
        noise = rng.standard_normal((2, HOURS, outdoor.shape[2]))
        walk = np.zeros_like(noise)
        for hour in range(1, HOURS):
            walk[:, hour] = 0.95 * walk[:, hour - 1] + np.sqrt(1 - 0.95**2) * noise[:, hour]
        found = outdoor[:, nodes] + error * np.array([1.5, 9.0])[:, None, None] * walk
        found[1] = np.clip(found[1], 5, 100)
        return np.asarray(found)

    return ahead
