"""Why a forecast is what it is: what each expert expected, how much it counted, and the course that it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from roomidity.domain.quantities import QUANTITIES, Quantity
from roomidity.domain.weather_adds import WeatherAdds, weather_adds, weather_words
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.panel import EXPERTS
from roomidity.forecasting.serving.experts import combine, consult, scaled
from roomidity.forecasting.serving.features import FEATURES, KNOT_BLOCKS, KNOTS, OUTDOOR_BEGIN, calendar, design
from roomidity.forecasting.serving.online import known_past
from roomidity.forecasting.serving.weather import Outlook
from roomidity.forecasting.window import FloatArray, Window

__all__ = ["EXPLAINED_HOURS", "Explanation", "explain"]

EXPLAINED_HOURS: Final = (1, 3, 6, 12, 24)
"""Hours ahead at which an explanation speaks."""


@dataclass(frozen=True)
class Explanation:
    """What drove the forecast of one quantity in one room.

    Parameters
    ----------
    quantity
        Which one; all numbers are in its unit.
    newest
        The value that the forecast starts from.
    last_hour, last_day
        How much it changed over the last hour and the last 24 h; NaN where unknown.
    experts
        For each expert its name, its weights and the changes that it expected, at EXPLAINED_HOURS.
    outdoor
        What the air outside, as it was, adds to the changes, by way of prior and ridges; 0 where it is unknown.
    expected
        The forecast's changes at EXPLAINED_HOURS: the experts' weighted mean, and what is regained.
    weather
        What the weather ahead adds to the changes, at EXPLAINED_HOURS; 0 where no issue of it is known.
    weather_words
        The same in words, by the clock of the house; None where it adds next to nothing.
    regained
        What comes back of what an airing took, at EXPLAINED_HOURS, beside what experts expect; 0 without one.
    """

    quantity: Quantity
    newest: float
    last_hour: float
    last_day: float
    experts: tuple[tuple[str, FloatArray, FloatArray], ...]
    outdoor: FloatArray
    expected: FloatArray
    weather: FloatArray = field(default_factory=lambda: np.zeros(len(EXPLAINED_HOURS)))
    weather_words: str | None = None
    regained: FloatArray = field(default_factory=lambda: np.zeros(len(EXPLAINED_HOURS)))

    def with_regained(self, course: FloatArray) -> Explanation:
        """Returns the same of a forecast to which a course, (STEPS,), was added."""
        regained = course[4 * np.array(EXPLAINED_HOURS) - 1]
        return replace(self, regained=regained, expected=self.expected + regained)


def explain(window: Window, model: Model, state: State, room: str) -> tuple[Explanation, ...]:
    """Returns what drove the forecast of ``room``, by quantity; a quantity without a recent value has no explanation.

    Raises
    ------
    ValueError
        If the window does not hold the room.
    """
    if room not in window.rooms:
        raise ValueError(f"the window holds the rooms {window.rooms}, not {room!r}")
    row = window.rooms.index(room)
    known, state = known_past(state, window)
    past = known.basis
    now = np.array([past.slots])
    basis = Outlook.of(past).ahead(design(past.values, now, past.outdoor), past, now)
    rows = scaled(model, basis.inputs(calendar([window.last], window.timezone)))
    answers = consult(model, window.rooms, basis, rows)
    expected = combine(state, answers)[row, 0]
    blind = combine(state, consult(model, window.rooms, basis, rows, blind=True))[row, 0]
    rows[..., OUTDOOR_BEGIN:FEATURES] = 0
    without = combine(state, consult(model, window.rooms, basis, rows, blind=True))[row, 0]
    knots = np.searchsorted(KNOTS, 4 * np.array(EXPLAINED_HOURS))
    found = []
    for q, quantity in enumerate(QUANTITIES):
        newest = basis.newest[row, 0, q]
        if np.isfinite(newest):
            adds = weather_adds(expected[q] - blind[q], quantity)
            found.append(
                Explanation(
                    quantity=quantity,
                    newest=float(newest),
                    last_hour=float(newest - past.values[row, q, -5]),
                    last_day=float(newest - past.values[row, q, -97]),
                    experts=tuple(
                        (name, state.weights[q, KNOT_BLOCKS[knots], place], answers[row, 0, place, q, knots])
                        for place, name in enumerate(EXPERTS)
                    ),
                    outdoor=blind[q, knots] - without[q, knots],
                    weather=expected[q, knots] - blind[q, knots],
                    weather_words=None if adds is None else _words(adds, quantity, window),
                    expected=expected[q, knots],
                )
            )
    return tuple(found)


def _words(adds: WeatherAdds, quantity: Quantity, window: Window) -> str:
    return weather_words(adds, quantity, issued_at=window.end, zone=window.timezone)
