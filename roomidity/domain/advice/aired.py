"""What a room's window contacts tell advice: whether it is aired now, what its airings brought, and what was learnt.

What was learnt is how much of what the kernel expects at closing leaves this room: its window, and how wide it is
opened. It is the mean of the last airings' ratios, with the kernel itself counted as some airings, so that one odd
airing changes little. It is never called an air-change rate, and without a contact nothing is learnt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from roomidity.domain.advice.acting import ActState
from roomidity.domain.advice.air import UNKNOWN_AIR, Air
from roomidity.domain.advice.planning import DayPlan, PlannedAiring
from roomidity.domain.advice.scoring import AiringScore, Sample, followed, score_airing
from roomidity.domain.contacts import Opening, RoomContact
from roomidity.domain.observations import Observation
from roomidity.domain.slots import SLOT, floor_slot

__all__ = ["MOST_SCORES", "learnt_share", "score_new", "seen_state", "with_learnt"]

MOST_SCORES: Final = 8
"""Airings that are kept of a room: what is learnt follows from them, and an item stays small."""
_SCORED_AFTER: Final = timedelta(minutes=75)
"""After closing: the hour, and the slot that shows what was left after it."""
_SCORED_WITHIN: Final = timedelta(hours=6)
_KERNEL_COUNTS: Final = 3
"""As many airings as the kernel counts for. Simulated houses, which it was read off, differ by 30 %."""
_LEAST_DROP: Final = 1.0
"""%RH. A smaller expected change says nothing of the window."""
_MOST_RATIO: Final = 2.0
_BEFORE: Final = timedelta(hours=1)


def seen_state(own: ActState, contact: RoomContact | None, *, at: datetime, rest: timedelta) -> ActState:
    """Returns the state to act from: what was advised, put right by what the contacts saw.

    It only ever shortens a run: a window that somebody opened counts from then on, one that was closed again rests from
    when that is heard. Where nobody followed, the advised run ends when it would, for a fan may have followed.
    """
    if contact is None or contact.is_open is None or contact.since is None:
        return own
    if contact.is_open:
        if own.is_open:
            return ActState(is_open=True, since=min(own.since or at, contact.since))
        is_resting = own.since is not None and at - own.since < rest
        return own if is_resting else ActState(is_open=True, since=contact.since)
    if own.is_open and own.since is not None and contact.since > own.since:
        return ActState(is_open=False, since=at)  # A fan ran until now, so that its rest begins now.
    return own


def score_new(
    room: str,
    contact: RoomContact,
    recent: Sequence[tuple[datetime, Observation]],
    known: Sequence[AiringScore],
    plan: DayPlan | None,
    *,
    at: datetime,
    outdoor: str = "outdoor",
    volume_m3: float = 40.0,
) -> tuple[AiringScore, ...]:
    """Returns a room's scored airings, oldest first: those ``known``, and those an hour over that are not yet known.

    Parameters
    ----------
    recent
        Start and observation of the last slots, by present names.
    plan
        What people were told to do. An airing that followed it is compared with what it was said to bring.
    """
    share = learnt_share(known)
    scores = list(known)
    fresh = [
        opening
        for opening in contact.openings
        if at - _SCORED_WITHIN <= opening.start and opening.end + _SCORED_AFTER <= at
        if all(abs(opening.start - one.opening.start) >= timedelta(minutes=2) for one in known)
    ]
    planned = _planned(plan, fresh)
    for opening in fresh:
        inside, outside = (_air_before(name, opening.start, recent) for name in (room, outdoor))
        later = [other for other in contact.openings if other.start >= opening.end]
        samples = _samples(room, opening, recent)
        found = score_airing(
            opening, samples, inside=inside, outside=outside, volume_m3=volume_m3, later_openings=later
        )
        if found is None or not math.isfinite(found.at_once):
            continue
        told = planned.get(opening)
        scores.append(
            replace(
                found,
                kernel_at_once=found.expected_at_once,
                expected_at_once=share * found.expected_at_once if told is None else told.effect.at_once,
                expected_after_1h=share * found.expected_after_1h if told is None else told.effect.after_1h,
                planned_at=None if told is None else told.at,
            )
        )
    return tuple(sorted(scores, key=lambda one: one.opening.start)[-MOST_SCORES:])


def learnt_share(scores: Sequence[AiringScore]) -> float:
    """Returns how much of what the kernel expects at closing a room's airings brought. 1 if nothing was learnt.

    Airings that were disturbed, or were expected to change next to nothing, teach nothing.
    """
    ratios = [
        min(max(one.at_once / one.kernel_at_once, 0.0), _MOST_RATIO)
        for one in scores
        if not one.disturbed and math.isfinite(one.at_once) and one.kernel_at_once <= -_LEAST_DROP
    ]
    return (_KERNEL_COUNTS + sum(ratios)) / (_KERNEL_COUNTS + len(ratios))


def with_learnt(plan: DayPlan, share: float) -> DayPlan:
    """Returns a plan whose airings say what they bring in this room, by what was learnt of it."""
    if share == 1.0:
        return plan
    airings = (
        replace(
            one, effect=replace(one.effect, at_once=share * one.effect.at_once, after_1h=share * one.effect.after_1h)
        )
        for one in plan.airings
    )
    return replace(plan, airings=tuple(airings))


def _planned(plan: DayPlan | None, openings: Sequence[Opening]) -> dict[Opening, PlannedAiring]:
    if plan is None:
        return {}
    pairs = zip(plan.airings, followed(plan.airings, openings), strict=True)
    return {opening: airing for airing, opening in pairs if opening is not None}


def _air_before(room: str, start: datetime, recent: Sequence[tuple[datetime, Observation]]) -> Air:
    """Returns the air of the newest slot that was over when the window was opened, within an hour."""
    for slot, observation in sorted(recent, key=lambda one: one[0], reverse=True):
        of = observation.get(room, {})
        if start - _BEFORE <= slot + SLOT <= start and {"temperature", "humidity"} <= of.keys():
            return Air(of["temperature"].value, of["humidity"].value, slot)
    return UNKNOWN_AIR


def _samples(room: str, opening: Opening, recent: Sequence[tuple[datetime, Observation]]) -> list[Sample]:
    """Returns the room's humidity in the middle of each slot, and at closing the least value of the slots around it.

    A slot's mean would hide most of the drop, of which half is gone within a quarter of an hour.
    """
    humidity = {slot: of["humidity"] for slot, found in recent if "humidity" in (of := found.get(room, {}))}
    samples = [Sample(slot + SLOT / 2, one.value) for slot, one in humidity.items() if slot >= opening.end]
    last = floor_slot(opening.end)
    around = [one for slot in (last, last + SLOT) if (one := humidity.get(slot)) is not None]
    lowest = min((one.min if one.robust is None else one.robust for one in around), default=math.nan)
    return [*samples, Sample(opening.end, lowest)]
