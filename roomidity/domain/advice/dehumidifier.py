"""When a dehumidifier should run: mostly in the last cheap hours, and at any other only where it is needed.

Drying is put off until just before power gets dear. Water is taken out with less power while the air is damp, and a
cellar that is dried early draws in more through walls and leaks until morning. What that saves beside a hygrostat in
simulated cellars is in docs/advice.md. How wet a cellar is decides: where the machine has to run by day all the same,
cheap hours save little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.advice.outlook import Outlook
from roomidity.domain.advice.settings import DEFAULT_HOUSE, HouseAdvice
from roomidity.domain.slots import SLOT_S, SLOTS_A_DAY

__all__ = ["HYSTERESIS", "DehumidifierPlan", "Run", "limit_at", "plan_dehumidifier", "should_run"]

_EVER_ABOVE: Final = 68.5
_LAST_ABOVE: Final = 58.0
"""%RH in the room above which it runs: at any hour, and in the last of the cheap ones."""
_LAST_MIN: Final = 120
"""How many of the cheap minutes are the last."""
HYSTERESIS: Final = 3.0
"""%RH below these at which it stops: a compressor that starts too often wears out."""

_SLOT: Final = timedelta(seconds=SLOT_S)


def limit_at(minute: int, house: HouseAdvice = DEFAULT_HOUSE) -> float:
    """Returns the humidity (%RH) above which it runs at a minute of the local day.

    >>> limit_at(3 * 60), limit_at(5 * 60)  # The cheap hours are 22:00 to 06:00.
    (68.5, 58.0)
    """
    left = (house.cheap_hours.end_min - minute) % 1440
    return _LAST_ABOVE if house.cheap_hours.contains(minute) and left <= _LAST_MIN else _EVER_ABOVE


def should_run(*, is_on: bool, humidity: float, limit: float, is_airing: bool = False) -> bool:
    """Returns whether the dehumidifier should run now, at ``humidity`` (%RH). Never while airing or if that is unknown.

    >>> should_run(is_on=False, humidity=63, limit=58), should_run(is_on=False, humidity=63, limit=68.5)
    (True, False)
    """
    if is_airing or not math.isfinite(humidity):
        return False
    return humidity > (limit - HYSTERESIS if is_on else limit)


@dataclass(frozen=True)
class Run:
    """Hours in which it is expected to run: from ``start`` up to ``end`` (aware)."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class DehumidifierPlan:
    """The runs of the next 24 h with what they cost, or no runs and what was missing."""

    runs: tuple[Run, ...]
    kwh: float
    eur: float
    missing: tuple[str, ...] = ()


def plan_dehumidifier(
    outlook: Outlook, *, minutes_of_day: NDArray[np.int64], power_w: float, house: HouseAdvice = DEFAULT_HOUSE
) -> DehumidifierPlan:
    """Returns when the dehumidifier is expected to run in the next 24 h, and what that costs at the most.

    It goes by the forecast's p50, which does not know that the dehumidifier will have dried the room meanwhile. So
    what began in the last cheap hours counts as done with them, unless the room is expected to need it at any hour.
    ``minutes_of_day`` are the local times of the 96 slots in minutes since midnight, ``power_w`` its electric power.
    """
    if outlook.humidity is None:
        return DehumidifierPlan((), 0.0, 0.0, outlook.missing)
    cheap = [house.cheap_hours.contains(int(minute)) for minute in minutes_of_day]
    runs = np.zeros(SLOTS_A_DAY, dtype=bool)
    is_on, before = False, math.inf
    for slot, humidity in enumerate(outlook.humidity[1].tolist()):
        limit = limit_at(int(minutes_of_day[slot]), house)
        is_on = should_run(is_on=is_on and limit <= before, humidity=humidity, limit=limit)
        runs[slot], before = is_on, limit
    spans, slot = [], 0
    for running, group in groupby(runs.tolist()):
        length = len(list(group))
        if running:
            spans.append(Run(outlook.first + slot * _SLOT, outlook.first + (slot + length) * _SLOT))
        slot += length
    kwh = runs * power_w / 1000 * SLOT_S / 3600
    prices = np.where(cheap, house.cheap_power_eur_kwh, house.power_eur_kwh)
    return DehumidifierPlan(tuple(spans), float(kwh.sum()), float((kwh * prices).sum()), outlook.missing)
