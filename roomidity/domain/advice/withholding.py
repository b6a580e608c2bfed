"""Airings that are planned by forecasts take place only if what is measured allows them.

A forecast of the morning may be wrong by some degrees at noon, as where the heating failed. So the plan stays, but an
airing is withheld while the room is measured below its minimum temperature; and one that is near, also where the room
would fall below it, where it is too cold or hot outside, or where the room is not measured at all.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Final

import numpy as np

from roomidity.domain.advice.acting import Measured, minutes_until_cold
from roomidity.domain.advice.outlook import Outlook
from roomidity.domain.advice.planning import LENGTHS_MIN, DayPlan, Forbids, PlannedAiring, Withheld
from roomidity.domain.advice.settings import HouseAdvice, RoomAdvice
from roomidity.domain.slots import SLOT

__all__ = ["NEAR", "RETURNS_ABOVE_K", "withhold"]

NEAR: Final = timedelta(hours=1)
"""What is measured now says something of an airing that is so near; of one later, the forecast says more."""

RETURNS_ABOVE_K: Final = 0.5
"""So much warmer the room has to be until what was withheld returns, or a sensor's noise would let it come and go."""


def withhold(plan: DayPlan, now: Measured, *, outlook: Outlook, room: RoomAdvice, house: HouseAdvice) -> DayPlan:
    """Returns the plan with airings withheld, shortened and returned, as what is measured ``now`` demands.

    Guarantees of each airing ahead that is left: the room is not measured below its minimum; and if the airing is
    near, the room is measured, stays above the minimum while it is aired, and outside it is neither too cold nor too
    hot. What is over stays as it was.
    """
    held = {one.airing.at: one for one in plan.withheld}
    airings: list[PlannedAiring] = []
    withheld: list[Withheld] = []
    for airing in plan.intended:
        before = held.get(airing.at)
        if airing.end <= now.at:
            found: PlannedAiring | Withheld = before or airing
        else:
            found = _judged(airing, before, now, outlook=outlook, room=room, house=house)
        if isinstance(found, Withheld):
            withheld.append(found)
        else:
            airings.append(found)
    return replace(plan, airings=tuple(airings), withheld=tuple(withheld))


def _judged(
    airing: PlannedAiring,
    before: Withheld | None,
    now: Measured,
    *,
    outlook: Outlook,
    room: RoomAdvice,
    house: HouseAdvice,
) -> PlannedAiring | Withheld:
    is_near = airing.at - now.at <= NEAR

    def forbidden(why: Forbids) -> Withheld:
        return before if before is not None and before.why == why else Withheld(airing, why, now.inside.temperature)

    if not now.inside.is_known(now.at):
        if is_near:
            return forbidden("inside_unknown")
        return airing if before is None or before.why == "inside_unknown" else before
    inside_c = now.inside.temperature - (RETURNS_ABOVE_K if before is not None else 0.0)
    if inside_c < room.min_temperature_c:
        return forbidden("room_cold")
    length = min(airing.effect.minutes, house.longest_run_min)
    if is_near:
        outside_c = now.outside.temperature if now.outside.is_known(now.at) else math.nan
        if outside_c < house.min_outdoor_c:
            return forbidden("outside_cold")
        if outside_c > house.max_outdoor_c:
            return forbidden("outside_hot")
        coldest_c = np.fmin(outside_c, _forecast_outside(airing, outlook))
        length = min(length, float(minutes_until_cold(inside_c, coldest_c, room)))
    if length >= airing.effect.minutes:
        return airing
    fitting = [one for one in LENGTHS_MIN if one <= length]
    return replace(airing, effect=airing.effect.shortened(fitting[0])) if fitting else forbidden("room_cold")


def _forecast_outside(airing: PlannedAiring, outlook: Outlook) -> float:
    """Returns the temperature outside that is forecast for the airing (°C), infinite if unknown: it limits nothing."""
    ahead, slot = outlook.outside_temperature, (airing.at - outlook.first) // SLOT
    forecast_c = float(ahead[slot]) if ahead is not None and 0 <= slot < len(ahead) else math.nan
    return forecast_c if math.isfinite(forecast_c) else math.inf
