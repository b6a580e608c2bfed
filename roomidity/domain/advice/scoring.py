"""What an airing brought, from a window contact's opening and what was measured, beside what was expected.

Only openings that a contact saw are scored. Guessed from humidity, 26 % are missed and two a day are invented.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from roomidity.domain.advice.air import Air
from roomidity.domain.advice.effects import airing_effect
from roomidity.domain.advice.planning import PlannedAiring
from roomidity.domain.contacts import Opening

__all__ = ["AiringScore", "Opening", "Sample", "followed", "score_airing"]

_NEAR: Final = timedelta(minutes=20)
"""How far from the wanted time a value may lie that stands for it: the slot before or after."""
_HOUR: Final = timedelta(hours=1)
_FOLLOWED_WITHIN: Final = timedelta(minutes=60)
"""An airing that began this much earlier or later than it was planned was followed all the same."""
_LONGEST_MIN: Final = 60.0
"""Beyond this the kernel says nothing: what was open for hours is not an airing."""


@dataclass(frozen=True)
class Sample:
    """Humidity (%RH) in the room at a time (aware)."""

    at: datetime
    humidity: float


@dataclass(frozen=True)
class AiringScore:
    """Changes in %RH at closing and an hour later, measured and expected. NaN where nothing was measured near.

    What is expected compares with the same room without the airing, so a shower meanwhile shows as a difference.
    ``kernel_at_once`` is the kernel's, of any room, and ``planned_at`` when it was planned, if it was.
    ``disturbed`` means that the window was opened again within the hour, so that the later value is not of this airing.
    """

    opening: Opening
    at_once: float
    after_1h: float
    expected_at_once: float
    expected_after_1h: float
    disturbed: bool
    kernel_at_once: float = math.nan
    planned_at: datetime | None = None


def score_airing(
    opening: Opening,
    samples: Sequence[Sample],
    *,
    inside: Air,
    outside: Air,
    volume_m3: float = 40.0,
    later_openings: Sequence[Opening] = (),
) -> AiringScore | None:
    """Returns what an opening brought, or None if it was not an airing (under a minute, or over an hour).

    Parameters
    ----------
    opening
        What the contact saw.
    samples
        The room's humidity around it, in any order.
    inside, outside
        The air before it was opened.
    later_openings
        Other openings of the same window.
    """
    if not 1.0 <= opening.minutes <= _LONGEST_MIN:
        return None
    effect = airing_effect(inside, outside, minutes=opening.minutes, volume_m3=volume_m3)
    at_once, after_1h = (
        _nearest(samples, opening.end + wait, not_before=opening.end - timedelta(minutes=5)) - inside.humidity
        for wait in (timedelta(0), _HOUR)
    )
    disturbed = any(opening.end <= other.start < opening.end + _HOUR for other in later_openings)
    return AiringScore(opening, at_once, after_1h, effect.at_once, effect.after_1h, disturbed)


def followed(plan: Sequence[PlannedAiring], openings: Sequence[Opening]) -> list[Opening | None]:
    """Returns for each planned airing the opening that followed it, or None. Each opening counts once.

    An opening follows the nearest airing that was planned within an hour of its start and has none yet.
    """
    pairs = sorted(
        (abs(opening.start - airing.at), place, index)
        for place, airing in enumerate(plan)
        for index, opening in enumerate(openings)
        if abs(opening.start - airing.at) <= _FOLLOWED_WITHIN
    )
    found: list[Opening | None] = [None] * len(plan)
    used: set[int] = set()
    for _, place, index in pairs:
        if found[place] is None and index not in used:
            found[place] = openings[index]
            used.add(index)
    return found


def _nearest(samples: Sequence[Sample], at: datetime, *, not_before: datetime) -> float:
    near = [
        one for one in samples if abs(one.at - at) <= _NEAR and one.at >= not_before and math.isfinite(one.humidity)
    ]
    return min(near, key=lambda one: abs(one.at - at)).humidity if near else math.nan
