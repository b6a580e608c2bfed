"""The nightly run of all houses, one after the other or divided among parallel calls."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from roomidity.domain.messages import NightCall
from roomidity.errors import ForgottenError
from roomidity.pipeline.nightly import Night, newest_complete_day, run_night, verify_day
from roomidity.pipeline.ports import Function, is_forgotten
from roomidity.pipeline.verification import VerifyPorts

__all__ = ["FleetNight", "divide", "run_nights", "run_parts"]

logger: Final = logging.getLogger(__name__)

_MARGIN_S: Final = 20.0
"""No house is begun with less time left, in s. One house takes some 2 s."""

_SIDE_BY_SIDE: Final = 2
"""Number of parts that run in parallel where there are no functions. Half of a house's time is spent waiting for
tables.
"""


@dataclass
class FleetNight:
    """What the nightly runs of some houses changed, and the houses whose run failed."""

    day: date
    houses: int
    rows: int = 0
    states_advanced: int = 0
    states_refused: int = 0
    slots_flagged: int = 0
    trainings_asked: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def add(self, night: Night) -> None:
        """Add the result of one house."""
        self.rows += night.rows
        self.states_advanced += night.state_advanced
        self.states_refused += night.refused is not None
        self.slots_flagged += night.slots_flagged
        self.trainings_asked.update([night.training] if night.training else [])

    def join(self, part: FleetNight) -> None:
        """Add the results of some of these houses."""
        self.rows += part.rows
        self.states_advanced += part.states_advanced
        self.slots_flagged += part.slots_flagged
        self.trainings_asked.update(part.trainings_asked)
        self.failed += part.failed

    def as_dict(self) -> dict[str, Any]:
        """Returns the counts as plain values, for logs and responses."""
        return {
            "day": self.day.isoformat(),
            "houses": self.houses,
            "rows": self.rows,
            "states_advanced": self.states_advanced,
            "states_refused": self.states_refused,
            "slots_flagged": self.slots_flagged,
            "trainings_asked": dict(self.trainings_asked),
        }


def run_nights(
    ports: VerifyPorts, houses: Sequence[str], *, day: date | None, now: datetime, remaining_s: Callable[[], float]
) -> FleetNight:
    """Run the nightly work of each house.

    A house that fails or has no time left is named and does not affect the others.

    Parameters
    ----------
    day
        If given, only the forecasts of this day are scored (again), as far as they are over.
    remaining_s
        Returns how many seconds are left.
    """
    fleet = FleetNight(day=day or newest_complete_day(now), houses=len(houses))
    for house in houses:
        if remaining_s() < _MARGIN_S:
            logger.error("no time left to verify the house; raise the function's timeout", extra={"house": house})
            fleet.failed.append(house)
            continue
        try:
            if day is None:
                night = run_night(ports, house=house, now=now)
            else:
                night = Night(rows=len(verify_day(ports, house=house, day=day, now=now)))
        except Exception as error:  # whatever one house raises must not cost the others their run
            if isinstance(error, ForgottenError) or is_forgotten(ports.houses, house):
                logger.info("the house was forgotten, and needs no night", extra={"house": house})
                continue
            logger.exception("not verified, the other houses are", extra={"house": house})
            fleet.failed.append(house)
            continue
        logger.info("verified", extra={"house": house, **vars(night)})
        fleet.add(night)
    return fleet


def run_parts(
    ports: VerifyPorts,
    houses: Sequence[str],
    *,
    day: date | None,
    now: datetime,
    at_most: int,
    part_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> FleetNight:
    """Returns the result of the nightly runs, in parts of ``at_most`` houses, as if each part were its own call.

    This is for stages without functions, as on a laptop. Some parts run in parallel. Each has ``part_s`` seconds from
    when it begins.
    """

    def run_part(part: Sequence[str]) -> FleetNight:
        began = clock()
        return run_nights(ports, part, day=day, now=now, remaining_s=lambda: part_s - (clock() - began))

    whole = FleetNight(day=day or newest_complete_day(now), houses=len(houses))
    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        for fleet in pool.map(run_part, _parts(houses, at_most)):
            whole.join(fleet)
    return whole


def _parts(houses: Sequence[str], at_most: int) -> list[tuple[str, ...]]:
    return [tuple(houses[first : first + at_most]) for first in range(0, len(houses), at_most)]


def divide(verify: Function, houses: Sequence[str], *, day: date | None, now: datetime, at_most: int) -> int:
    """Pass the houses to separate calls of ``verify``, with at most ``at_most`` in each.

    Returns the number of calls.
    """
    parts = _parts(houses, at_most)
    for part in parts:
        verify.begin(NightCall(houses=part, day=day, now=now).to_event())
    return len(parts)
