"""Advice made up for tests: a room that is to be open, with a plan, and a cellar with a dehumidifier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from roomidity.domain.advice.acting import ActState, Decision
from roomidity.domain.advice.cellar import CellarOutlook
from roomidity.domain.advice.dehumidifier import DehumidifierPlan, Run
from roomidity.domain.advice.effects import AiringEffect
from roomidity.domain.advice.issue import AdviceIssue, RoomIssue
from roomidity.domain.advice.planning import DayPlan, PlannedAiring, Withheld
from roomidity.domain.advice.scoring import AiringScore
from roomidity.domain.contacts import Opening
from roomidity.domain.slots import SLOT

__all__ = ["HALF_AN_HOUR", "advice_of", "room_issue"]

HALF_AN_HOUR: Final = timedelta(minutes=30)


def advice_of(
    house: str,
    *,
    at: datetime,
    open_until: timedelta | None = HALF_AN_HOUR,
    rooms: Sequence[str] = ("bath", "cellar"),
) -> AdviceIssue:
    """Advice of two rooms, of which the first is to be open for so long, or is closed."""
    issued = {rooms[0]: room_issue(at, open_until=open_until), **{room: cellar_issue(at) for room in rooms[1:]}}
    return AdviceIssue(house, at, issued, untold=tuple(rooms[1:]))


def room_issue(at: datetime, *, open_until: timedelta | None = HALF_AN_HOUR) -> RoomIssue:
    effect = {"minutes": 15.0, "at_once": -6.8, "after_1h": -1.9, "heat_kwh": 0.2}
    unknown = dict.fromkeys(("after_6h", "after_24h", "cooling_k"), NAN)
    airings = tuple(PlannedAiring(at + slots * SLOT, AiringEffect(**effect, **unknown)) for slots in (2, 20))
    if open_until is None:
        decision = Decision("close", "not_needed", None, 70.1, 2.31, ActState(is_open=False, since=None))
    else:
        decision = Decision("open", "humid_surface", at + open_until, 78.4, 3.25, ActState(is_open=True, since=at))
    withheld = Withheld(PlannedAiring(at + 32 * SLOT, AiringEffect(**effect, **unknown)), "room_cold", 12.5)
    return RoomIssue(decision, DayPlan(airings, None, 4.5, withheld=(withheld,)), at)


def cellar_issue(at: datetime) -> RoomIssue:
    return RoomIssue(
        decision=Decision("no_effect", "outside_not_drier", None, NAN, 0.2, ActState(is_open=False, since=at - SLOT)),
        plan=DayPlan((), "no_forecast", NAN, missing=("sparse", "no_weather")),
        planned_at=at - 4 * SLOT,
        cellar=CellarOutlook("wetter", at + 22 * SLOT, 24.0, 0.2),
        dehumidifier=DehumidifierPlan((Run(at, at + 8 * SLOT), Run(at + 40 * SLOT, at + 44 * SLOT)), 0.6, 0.18),
        is_running=True,
        is_stuck=True,
        is_window_open=False,
        aired=(
            AiringScore(
                Opening(at - 9 * SLOT, at - 8 * SLOT),
                -6.1,
                -1.6,
                -6.8,
                -1.9,
                disturbed=False,
                kernel_at_once=-7.0,
                planned_at=at - 9 * SLOT,
            ),
            AiringScore(
                Opening(at - 7 * SLOT, at - 6 * SLOT), -4.0, NAN, -5.0, -1.2, disturbed=True, kernel_at_once=-5.0
            ),
        ),
    )


class _Unknown(float):
    """NaN that equals itself, so that what holds it can be compared."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and math.isnan(other)

    __hash__ = float.__hash__


NAN: Final = _Unknown("nan")
