"""What a house was advised at a tick: what the next tick goes on from, and what people and automations are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from roomidity.domain.advice.acting import Decision
from roomidity.domain.advice.cellar import CellarOutlook
from roomidity.domain.advice.dehumidifier import DehumidifierPlan
from roomidity.domain.advice.planning import DayPlan
from roomidity.domain.advice.scoring import AiringScore

__all__ = ["KEPT_FOR", "OUTDATED_AFTER", "WRITTEN_EVERY", "AdviceIssue", "RoomIssue", "as_of", "is_due", "told_rooms"]

KEPT_FOR: Final = timedelta(days=35)
"""As long as the forecasts that advice rests on: without them it could no longer be explained."""

WRITTEN_EVERY: Final = timedelta(hours=1)
"""Advice that does not change is written this often, which says that it still holds."""

OUTDATED_AFTER: Final = timedelta(minutes=90)
"""Older advice no longer holds: after the hour in which it may stay unwritten, two ticks were missed."""


@dataclass(frozen=True)
class RoomIssue:
    """What a room was advised.

    Parameters
    ----------
    decision
        What to do now, with the state that the next tick goes on from.
    plan, planned_at
        The plan of the day, and when it was made (aware).
    cellar
        Whether venting dries it, of cellars alone.
    dehumidifier
        When it is expected to run, None if the room has none.
    is_running
        Whether the dehumidifier should run now.
    is_stuck
        Whether the room's sensor stands still, so that what it measures counts as unknown.
    is_window_open, window_since
        Whether a window is open by its contacts, and since when it is that. None if unknown.
    aired
        The last airings that contacts saw, and what they brought, oldest first.
    """

    decision: Decision
    plan: DayPlan
    planned_at: datetime
    cellar: CellarOutlook | None = None
    dehumidifier: DehumidifierPlan | None = None
    is_running: bool = False
    is_stuck: bool = False
    is_window_open: bool | None = None
    window_since: datetime | None = None
    aired: tuple[AiringScore, ...] = ()

    @property
    def acts(self) -> tuple[object, ...]:
        """What automations and people go by: whoever was told this once needs to hear of it when it changes."""
        decision = self.decision
        until = decision.until if decision.action == "open" else None
        airings = tuple((one.at, one.effect.minutes) for one in self.plan.airings)
        return decision.action, until, self.is_running, self.planned_at, airings

    @property
    def words(self) -> tuple[object, ...]:
        """What is shown of it in words, but for numbers that change from tick to tick."""
        outside = None if self.cellar is None else self.cellar.outside
        withheld = tuple((one.airing.at, one.why) for one in self.plan.withheld)
        told = (self.is_window_open, self.window_since, *(one.opening.start for one in self.aired))
        return *self.acts, self.decision.reason, self.decision.state, outside, self.is_stuck, withheld, told


@dataclass(frozen=True)
class AdviceIssue:
    """What the rooms of a house were advised at an issue time.

    ``untold`` are the rooms whose change nobody took yet, where the stage tells changes.
    """

    house: str
    issued_at: datetime
    rooms: Mapping[str, RoomIssue]
    untold: tuple[str, ...] = field(default=())


def is_due(before: AdviceIssue | None, after: AdviceIssue) -> bool:
    """Returns whether an issue has to be written: something changed, or the last one is an hour old."""
    if before is None or after.issued_at - before.issued_at >= WRITTEN_EVERY or before.untold != after.untold:
        return True
    if before.rooms.keys() != after.rooms.keys():
        return True
    return any(before.rooms[room].words != one.words for room, one in after.rooms.items())


def told_rooms(before: AdviceIssue | None, after: AdviceIssue) -> list[str]:
    """Returns the rooms of which there is something to tell, sorted: what changed, and what nobody took yet."""
    known = {} if before is None else before.rooms
    late = () if before is None else before.untold
    return sorted(
        room for room, one in after.rooms.items() if room in late or room not in known or known[room].acts != one.acts
    )


def as_of(issue: AdviceIssue, now: datetime) -> AdviceIssue | None:
    """Returns the advice that still holds at ``now``, or None if it is outdated.

    What was to be open until some time is closed from then on, whether or not another tick came.
    """
    if now - issue.issued_at > OUTDATED_AFTER:
        return None

    def held(one: RoomIssue) -> RoomIssue:
        decision = one.decision
        if decision.action != "open" or decision.until is None or now < decision.until:
            return one
        return replace(one, decision=replace(decision, action="close", reason="ran_longest", until=None))

    return replace(issue, rooms={room: held(one) for room, one in issue.rooms.items()})
