"""Whether a fan or a window should be open now: a state machine with hysteresis, fed with what is measured.

A room is aired while the air at its coldest surface is humid and that outside is drier. Which state comes next follows
from the state before and from what is measured alone, so that a restart, a lost message or a repeated call changes
nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from roomidity.domain.advice.air import Air, moisture_gap
from roomidity.domain.advice.effects import AIR_CHANGES_PER_H, cooling_k
from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM, HouseAdvice, RoomAdvice
from roomidity.domain.comfort.walls import surface_humidity

__all__ = [
    "CELLAR_GAP_G_KG",
    "KEEP_GAP_G_KG",
    "OPEN_GAP_G_KG",
    "WORTH_MIN",
    "ActState",
    "Action",
    "Decision",
    "Measured",
    "Reason",
    "act",
    "minutes_until_cold",
]

Action = Literal["open", "close", "no_effect"]
Reason = Literal[
    "humid_surface", "wet_cellar", "dry_enough", "not_needed", "outside_not_drier", "ran_longest", "resting", "quiet",
    "room_cold", "outside_cold", "outside_hot", "inside_unknown", "outside_unknown",
]  # fmt: skip

OPEN_GAP_G_KG: Final = 1.0
"""Below this difference airing costs more warmth than the drying is worth."""
KEEP_GAP_G_KG: Final = 0.5
"""What is open stays so down to half of it: as the room dries, the difference shrinks."""
CELLAR_GAP_G_KG: Final = (0.8, 0.3)
"""A cellar is vented above the first, and until the second. Its air is close to that outside most of the year."""
WORTH_MIN: Final = 5
"""An airing that would have to end sooner is not begun."""


@dataclass(frozen=True)
class Measured:
    """What is known now.

    Parameters
    ----------
    at
        Aware time.
    minute_of_day
        The same by local time, for quiet hours.
    inside, outside
        The air in the room and outside.
    outside_mean_c
        12 h exponential mean of the outdoor temperature (°C), NaN if unknown: then the newest value stands for it.
    """

    at: datetime
    minute_of_day: int
    inside: Air
    outside: Air
    outside_mean_c: float = math.nan

    def surface(self, f_rsi: float) -> float:
        """Returns %RH at the coldest surface, NaN if the air on either side is not known."""
        mean = self.outside_mean_c if math.isfinite(self.outside_mean_c) else self.outside.temperature
        return float(surface_humidity(self.inside.temperature, self.inside.humidity, mean, f_rsi=f_rsi))


@dataclass(frozen=True)
class ActState:
    """Whether the room was to be open, and since when. ``since`` is None before the first decision."""

    is_open: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """What to do now.

    Parameters
    ----------
    action
        ``open``; ``close``; ``no_effect``: keep closed, drying is wanted, but the air outside would not dry.
    reason
        Why, as a code (:mod:`roomidity.domain.advice.words` has the sentences).
    until
        For ``open``: when it has to be closed at the latest, also if nothing is heard any more. For ``resting``: when
        it may be opened again. Else None.
    surface, gap_g_kg
        %RH at the coldest surface and g/kg of water beyond that outside, NaN if unknown.
    state
        The state to hand in next time.
    """

    action: Action
    reason: Reason
    until: datetime | None
    surface: float
    gap_g_kg: float
    state: ActState


def act(
    state: ActState, now: Measured, *, room: RoomAdvice = DEFAULT_ROOM, house: HouseAdvice = DEFAULT_HOUSE
) -> Decision:
    """Returns what to do now, from the state that the last decision left.

    Guarantees, whatever is measured and however often it is called: never open below the room's minimum temperature,
    outside the range of outdoor temperatures, in quiet hours (but for cellars) or without measurements on both sides;
    never open for longer than the longest run; and closed for at least the rest before opening again.
    """
    since = None if state.since is None else min(state.since, now.at)  # A clock that was set back.
    longest, rest = timedelta(minutes=house.longest_run_min), timedelta(minutes=house.rest_min)
    run = timedelta(0)
    surface, gap = math.nan, math.nan
    action: Action = "close"
    until: datetime | None = None
    blocked = _blocked(now, room, house)
    if blocked is None:
        surface, gap = now.surface(room.f_rsi), moisture_gap(now.inside, now.outside)
        cold = minutes_until_cold(now.inside.temperature, now.outside.temperature, room)
        run = timedelta(minutes=min(float(cold), house.longest_run_min))
    if blocked is not None:
        reason = blocked
    elif state.is_open and since is not None:
        ends = since + longest
        action, reason = ("close", "ran_longest") if now.at >= ends else _while_open(surface, gap, room)
        until = min(ends, now.at + run)
    elif since is not None and now.at - since < rest:
        reason, until = "resting", since + rest
    else:
        action, reason = _while_closed(surface, gap, room)
        if action == "open" and run < timedelta(minutes=WORTH_MIN):
            action, reason = "close", "room_cold"
        until = now.at + run
    is_open = action == "open"
    # A room that was never open has not to rest before its first airing.
    following = ActState(is_open, since if is_open == state.is_open else now.at)
    return Decision(action, reason, until if is_open or reason == "resting" else None, surface, gap, following)


def _blocked(now: Measured, room: RoomAdvice, house: HouseAdvice) -> Reason | None:
    """Returns what forbids to open whatever the humidity, or None."""
    if not now.inside.is_known(now.at):
        return "inside_unknown"
    if not now.outside.is_known(now.at):
        return "outside_unknown"
    if now.inside.temperature < room.min_temperature_c:
        return "room_cold"
    if now.outside.temperature < house.min_outdoor_c:
        return "outside_cold"
    if now.outside.temperature > house.max_outdoor_c:
        return "outside_hot"
    return "quiet" if house.quiet_hours.contains(now.minute_of_day) and room.kind != "cellar" else None


def _while_open(surface: float, gap: float, room: RoomAdvice) -> tuple[Action, Reason]:
    if room.kind == "cellar":
        return ("open", "wet_cellar") if gap > CELLAR_GAP_G_KG[1] else ("close", "outside_not_drier")
    if surface <= room.close_below:
        return "close", "dry_enough"
    return ("open", "humid_surface") if gap > KEEP_GAP_G_KG else ("no_effect", "outside_not_drier")


def _while_closed(surface: float, gap: float, room: RoomAdvice) -> tuple[Action, Reason]:
    if room.kind == "cellar":
        return ("open", "wet_cellar") if gap > CELLAR_GAP_G_KG[0] else ("no_effect", "outside_not_drier")
    if surface <= room.open_above:
        return "close", "not_needed"
    return ("open", "humid_surface") if gap > OPEN_GAP_G_KG else ("no_effect", "outside_not_drier")


def minutes_until_cold(inside_c: ArrayLike, outside_c: ArrayLike, room: RoomAdvice) -> NDArray[np.float64]:
    """Returns after how many minutes of airing a room would be at its minimum temperature. It may be infinite."""
    inside = np.asarray(inside_c, dtype=np.float64)
    full_k = -np.asarray(cooling_k(inside, outside_c, math.inf, air_changes_per_h=AIR_CHANGES_PER_H))
    spare_k = inside - room.min_temperature_c
    share = np.divide(spare_k, full_k, out=np.full(full_k.shape, np.inf), where=full_k > spare_k)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(share < 1, -60 / AIR_CHANGES_PER_H * np.log1p(-share), np.inf))
