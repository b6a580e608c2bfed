"""Jumps that no room makes: readings that leave the course of the others and come back, or have not come back yet.

Readings of a room follow each other. One that lies far from the one before it is believed when the next one bears it
out. While it is the newest, other things may bear it out:

- a humidity, that the temperature rose along: steam warms the air that it rises in;
- that the room has jumped so before: a bathroom's own showers, a radiator beside its sensor;
- that it lies among the readings of the last hours: what rose falls again.

So a shower is followed from its first reading on, and a single wild value is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import HUMIDITY, SPECS
from roomidity.forecasting.serving.line import Line
from roomidity.forecasting.window import FloatArray, IntArray

__all__ = ["JUMPS", "JUMP_READINGS", "jumps"]

JUMPS: Final = tuple(spec.jump for spec in SPECS)
"""%RH and °C that a room does not go and come back within JUMP_READINGS. These and the others here were chosen on the
first three quarters of 24 real rooms' records: 9 %RH refuses more wild readings, and healthy ones too."""

JUMP_READINGS: Final = 3

ALONG: Final = 0.15
"""°C by which steam warms a room: there, of 119 rises of over 13 %RH in a slot every one did so, of other slots one in
ten."""

STEAM_TIMES: Final = 2.3
"""Even steam does not go and come back within JUMP_READINGS as far as so many JUMPS: 30 %RH."""

BEFORE: Final = 2
BEFORE_SHARE: Final = 0.5
"""A jump is the room's own if BEFORE others were the same way and at least so large beside it. With more asked, the
humidity of the two hours after a rise is forecast up to 5 % worse where no temperature is measured."""

RECENT: Final = 9
"""Readings among which one may lie: two hours."""

LONGEST: Final = 9
"""A reading so many slots after the one before may differ three times as much: what changes grows with the root."""


def jumps(line: Line) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns which readings jumped away and came back, and which at the end jumped and nothing bears out yet.

    Parameters
    ----------
    line
        Readings of slots, humidity (%RH) and temperature (°C).
    """
    wild, unconfirmed = np.zeros((2, len(line.values)), dtype=np.bool_)
    series, steps = line.series, np.abs(np.diff(line.values))
    far = np.flatnonzero(steps > min(JUMPS)) + 1
    of = series[far]
    jumpy = np.unique(of[(of == series[far - 1]) & (steps[far - 1] > np.array(JUMPS)[line.quantity(of)])])
    begins, ends = np.searchsorted(series, np.stack([jumpy, jumpy + 1])).tolist()
    # From the last to the first, so that a room's temperature is judged before its humidity.
    for own, course in zip(jumpy[::-1].tolist(), map(slice, begins[::-1], ends[::-1]), strict=True):
        along = np.zeros(course.stop - course.start, dtype=np.bool_)
        if line.quantity(own) == HUMIDITY:
            warm = slice(*np.searchsorted(series, [own + 1, own + 2]).tolist())
            along = _along(line, course, warm, wild[warm] | unconfirmed[warm])
        excursions, confirmed = _scan(line.values[course], line.places[course], along, limit=JUMPS[line.quantity(own)])
        wild[course][excursions] = True
        unconfirmed[course][confirmed:] = True
    return wild, unconfirmed


def _along(line: Line, humid: slice, warm: slice, wrong: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which rises of a humidity the temperature goes with, as far as it is believed."""
    temperature, places = line.values[warm][~wrong], line.places[warm][~wrong]
    warmer = places[1:][np.diff(temperature) >= ALONG] - line.shape[-1]
    rises = np.diff(line.values[humid], prepend=np.inf) > 0
    return rises & np.isin(line.places[humid], warmer, assume_unique=True)


def _scan(values: FloatArray, places: IntArray, along: NDArray[np.bool_], *, limit: float) -> tuple[list[int], int]:
    """Of a series of readings those that jumped away and came back, and how many at its beginning are borne out.

    Parameters
    ----------
    values, places
        Readings and their slots.
    along
        Which of them the other quantity bears out.
    limit
        How far a reading may lie from one a slot before it.
    """
    starts = (np.flatnonzero(np.abs(np.diff(values)) > limit) + 1).tolist()
    course = _Course(values.tolist(), places.tolist(), limit)
    readings = len(values)
    before: list[float] = []
    wild: list[int] = []
    judged = 0
    for start in starts:
        if start < judged:
            continue
        base, judged = start - 1, start
        while judged < readings and course.apart(base, judged):
            back = course.back(base, judged, times=STEAM_TIMES if along[judged] else 1.0)
            if back is None:
                if not along[judged] and not course.borne_out(base, judged, before=before, wild=wild):
                    return wild, judged
                before.append(course.values[judged] - course.values[base])
                break
            wild += range(judged, back)
            judged = back
        judged += 1
    return wild, readings


@dataclass(frozen=True)
class _Course:
    """Readings of a series, their slots, and how far one may lie from another a slot before."""

    values: list[float]
    places: list[int]
    limit: float

    def apart(self, one: int, other: int, *, times: float = 1.0) -> bool:
        """Whether two readings are further apart than a room gets in the time between them, or so many times that."""
        slots = min(abs(self.places[other] - self.places[one]), LONGEST)
        return abs(self.values[other] - self.values[one]) > times * self.limit * sqrt(slots)

    def back(self, base: int, start: int, *, times: float) -> int | None:
        """Where the course came back from an excursion that began at ``start``; None if it did not, or not yet."""
        above = self.values[start] > self.values[base]
        for back in range(start + 1, min(start + JUMP_READINGS + 1, len(self.values))):
            nearest = (min if above else max)(range(start, back), key=self.values.__getitem__)
            if not self.apart(base, nearest, times=times) or (self.values[nearest] > self.values[base]) != above:
                return None
            if self.apart(nearest, back, times=times) and (self.values[nearest] > self.values[back]) == above:
                return back
        return None

    def borne_out(self, base: int, start: int, *, before: list[float], wild: list[int]) -> bool:
        """Whether a jump that has not come back is believed: by the next reading, or what was before (see above)."""
        now = self.values[start]
        change = now - self.values[base]
        if start + 1 < len(self.values):
            further = (self.values[start + 1] - now) * change > 0
            return further or not self.apart(start, start + 1)
        recent = [self.values[place] for place in range(max(start - RECENT, 0), start) if place not in wild]
        own = sum(one / change >= BEFORE_SHARE for one in before)
        return own >= BEFORE or (bool(recent) and min(recent) <= now <= max(recent))
