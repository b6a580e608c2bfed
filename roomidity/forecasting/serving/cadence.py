"""How often a sensor reports, judged by itself: what a silence of it explains, and when it is too long.

Some sensors report every minute, some every hour, and some only what changes: hours of silence then say that nothing
changed. A healthy one and a dead one are told apart by the sensor's own gaps:

- A gap is *usual* if nine in ten are no longer.
- A longer one is *quiet* if the value after it is the value before, give or take twice what reports usually change. Of
  a sensor that reports changes most are; after a drop-out, a room has moved on. So where fewer than four in five of
  the longer gaps are quiet, none counts.
- The third-longest of all these is a habit: one or two can be chance. A silence of up to half as much again is
  explained by the habit, and one of 3 h always (:data:`~roomidity.forecasting.serving.gaps.FILL_SLOTS`), but none
  of over a day.

A sensor with few readings has no habits yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.forecasting.serving.gaps import FILL_SLOTS
from roomidity.forecasting.window import WINDOW_SLOTS, FloatArray, IntArray

__all__ = ["SPARSE_SHARE", "Cadence", "cadence"]

SPARSE_SHARE: Final = 0.6
"""Below this share of the last two days a forecast rests on too little to be called full."""

USUAL_SHARE: Final = 0.9
USUAL_STEPS: Final = 0.75
QUIET_STEPS: Final = 2.0
QUIET_SHARE: Final = 0.8
HABIT_RANK: Final = 3
SLACK: Final = 1.5
MIN_GAPS: Final = 8
LONGEST: Final = 96
"""Slots: of a sensor that has been silent for a day nobody says that it is healthy."""


@dataclass(frozen=True)
class Cadence:
    """What the silences of each series say, (rooms, 2); and its values, (rooms, 2, slots).

    Parameters
    ----------
    age
        Slots since the newest reading, 0 if it is in the newest slot; as many as there are slots if there is none.
    reach
        How old, in slots, the newest reading may be before the silence says something.
    covered
        Share of the last two days that readings and explained silences cover.
    values
        The readings, with explained silences of over 3 h filled with the value before them; shorter ones are bridged
        where courses are looked at.
    """

    age: IntArray
    reach: IntArray
    covered: FloatArray
    values: FloatArray

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Which series have been silent for longer than they ever are."""
        return self.age > self.reach


def cadence(values: FloatArray) -> Cadence:
    """Returns the cadence of each series, from nothing but its own readings.

    Parameters
    ----------
    values
        Slot means, (rooms, 2, slots), two days or more; NaN where there is no reading.
    """
    slots = values.shape[-1]
    known = np.isfinite(values)
    places = np.arange(slots)
    newest = np.maximum.accumulate(np.where(known, places, -1), axis=-1)
    since = places - newest
    age: IntArray = np.where(newest[..., -1] >= 0, since[..., -1], slots)
    reach = np.full(age.shape, FILL_SLOTS)
    covered = known[..., -WINDOW_SLOTS:].sum(axis=-1) / WINDOW_SLOTS
    bridged = values
    for room, q in np.argwhere(((since > FILL_SLOTS) & (newest >= 0)).any(axis=-1) | (covered < SPARSE_SHARE)):
        at = np.flatnonzero(known[room, q])
        if len(at) <= MIN_GAPS:
            continue
        series = values[room, q, at]
        usual, reach[room, q], explained = _habits(at, series)
        until = np.append(at[1:], slots)
        lasts = until - at
        lasts[:-1] = np.where(explained, lasts[:-1], np.minimum(lasts[:-1], usual))
        lasts[-1] = min(int(lasts[-1]), int(reach[room, q]) + 1)
        within = np.minimum(at + lasts, slots) - np.maximum(at, slots - WINDOW_SLOTS)
        covered[room, q] = np.maximum(within, 0).sum() / WINDOW_SLOTS
        if (lasts > FILL_SLOTS + 1).any():
            bridged = values.copy() if bridged is values else bridged
            for begin in np.flatnonzero(lasts > FILL_SLOTS + 1):
                bridged[room, q, at[begin] : at[begin] + lasts[begin]] = series[begin]
    return Cadence(age=age, reach=reach, covered=covered, values=bridged)


def _habits(at: IntArray, series: FloatArray) -> tuple[int, int, NDArray[np.bool_]]:
    """A series' usual gap, how long a silence its habits explain, and which of its gaps they do."""
    gaps, changes = np.diff(at), np.abs(np.diff(series))
    usual = int(np.quantile(gaps, USUAL_SHARE, method="higher"))
    regular = gaps <= usual
    quiet = ~regular & (changes <= QUIET_STEPS * np.quantile(changes[regular], USUAL_STEPS))
    quiet &= quiet.sum() >= QUIET_SHARE * (~regular).sum()
    habit = np.sort(gaps[regular | quiet])[-HABIT_RANK]
    reach = int(np.clip(SLACK * habit, FILL_SLOTS, LONGEST))
    return usual, reach, regular | (quiet & (gaps <= reach))
