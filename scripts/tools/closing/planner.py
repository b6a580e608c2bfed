"""The product's plan of the day in the closed loop: the forecasts that it rests on, and who follows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.advice.acting import minutes_until_cold
from roomidity.domain.advice.outlook import outlook_of
from roomidity.domain.advice.planning import LENGTHS_MIN, MAX_AIRINGS, plan_day
from roomidity.domain.advice.settings import DEFAULT_ROOM
from roomidity.domain.comfort.walls import Wall
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.slots import SLOTS_A_DAY
from scripts.tools.closing.outlooks import Issues, Rooms
from scripts.tools.closing.policies import STEP_MIN, Due, Person, Seen, nothing

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

PLAN_MINUTE = 6 * 60 + 30
GRADES = {"humidity": "full", "temperature": "full"}


@dataclass
class Planned:
    """Opens what the plan of the morning says, as far as ``person`` follows it and what is measured then allows it."""

    forecasts: Rooms
    issues: Issues
    person: Person
    f_rsi: FloatArray
    """f_Rsi as the settings have it, shape (houses, rooms). The default counts as not measured."""
    due: Due | None = None

    def __call__(self, seen: Seen) -> BoolArray:
        self.forecasts.note(seen)
        if seen.minute == PLAN_MINUTE:
            quantiles = self.forecasts(seen.at)
            if quantiles is not None:
                self._plan(seen, quantiles)
        if self.due is None:
            return nothing(seen)
        withhold(self.due, seen)
        return self.due.opened(seen.at)

    def _plan(self, seen: Seen, quantiles: FloatArray) -> None:
        clock = (seen.minute + 15 * np.arange(SLOTS_A_DAY)) % 1440
        shape = (*seen.temperature.shape, MAX_AIRINGS)
        starts, minutes = np.full(shape, np.inf), np.zeros(shape)
        for house, issues in enumerate(self.issues):
            weather = next((one for one in reversed(issues) if one.known_from <= seen.at), None)
            mean_c = float(seen.outside_mean_c[house, 0])
            for room in range(shape[1]):
                own = quantiles[..., house, room]
                stored = StoredForecast("loop", "room", seen.at, own, GRADES, seen.at, "loop")
                plan = plan_day(
                    outlook_of(stored, now=seen.at, weather=weather),
                    outside_mean_c=mean_c,
                    minutes_of_day=clock,
                    room=replace(DEFAULT_ROOM, wall=Wall(float(self.f_rsi[house, room]))),
                )
                for place, airing in enumerate(plan.airings):
                    starts[house, room, place] = airing.at.timestamp() / 60 + self.person.late_min
                    minutes[house, room, place] = airing.effect.minutes
        self.due = Due(np.where(self.person.does(shape), starts, np.inf), minutes)


def withhold(due: Due, seen: Seen) -> None:
    """Shorten airings that begin now, or leave them out, as the product does where the room is too cold for them.

    A test holds it to what the product decides for each.
    """
    age = seen.at.timestamp() / 60 - due.starts
    begins = (age >= 0) & (age < STEP_MIN)
    if not begins.any():  # As in nearly all steps.
        return
    warm = minutes_until_cold(seen.temperature, seen.outside_c, DEFAULT_ROOM)
    warm = np.where(seen.temperature < DEFAULT_ROOM.min_temperature_c, 0.0, warm)[..., None]
    fitting = np.zeros(due.minutes.shape)
    for length in reversed(LENGTHS_MIN):
        fitting[np.minimum(due.minutes, warm) >= length] = length
    due.minutes = np.where(begins, fitting, due.minutes)
