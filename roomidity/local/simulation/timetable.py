"""What happens in which room and when, as intervals in real time, all put on the physics' grid at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["Change", "Timetable"]

FloatArray = NDArray[np.float64]


class Change(IntEnum):
    """The quantities that an interval can change."""

    MOISTURE = 0
    HEAT = 1
    WINDOW = 2
    EXTRACTOR = 3
    CLOSED = 4
    SETBACK = 5
    PRESENT = 6


@dataclass(slots=True)
class Timetable:
    """Collects intervals one by one, and then puts them on the grid at once."""

    rows: list[tuple[int, int, float, float, float]] = field(default_factory=list)

    def add(self, change: Change, room: int, start_s: float, seconds: float, rate: float) -> None:
        """Adds ``rate`` to ``change`` in ``room`` for ``seconds`` from ``start_s`` (epoch s)."""
        self.rows.append((change, room, start_s, start_s + max(seconds, 0.0), rate))

    def lay(self, *, begin_s: int, steps: int, step_s: int, rooms: int) -> FloatArray:
        """Returns the mean rate of every change in each step and room, shape (changes, steps, rooms)."""
        kind, room = (np.array([row[i] for row in self.rows], dtype=np.int64) for i in (0, 1))
        start, end, rate = (np.array([row[i] for row in self.rows]) for i in (2, 3, 4))
        rates = np.zeros((len(Change), steps + 2, rooms))
        for edge, sign in ((start, 1.0), (end, -1.0)):
            place = np.clip((edge - begin_s) / step_s, 0, steps)
            step = place.astype(np.int64)
            # The step that contains an edge gets its remaining share, and the next step the rest.
            np.add.at(rates, (kind, step, room), sign * rate * (1 - (place - step)))
            np.add.at(rates, (kind, step + 1, room), sign * rate * (place - step))
        return np.maximum(np.cumsum(rates, axis=1)[:, :steps].round(9), 0.0)
