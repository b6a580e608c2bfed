"""What the way in gives away of a room's readings: late ones, a wrong clock, zone or unit, rejects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["DELIVERY_NOTES", "Deliveries", "delivery_notes"]

DELIVERY_NOTES: Final = ("late", "clock", "zone", "unit", "rejected")

FEW: Final = 8
"""Of fewer readings nothing is said: a person who tries something out, a gateway that restarts."""

LATE_SHARE: Final = 0.5
REJECTED_SHARE: Final = 0.05
STEADY_S: Final = 20 * 60
"""Lags of a clock that is off differ by no more than gateways wait to pack a message, and a little."""

AHEAD_S: Final = 60
"""Nothing is sent before it is measured; clocks that are set differ by seconds."""
BEHIND_S: Final = 5 * 60
"""A gateway that sends what it has every 15 minutes sends a tenth of it within 90 s."""

ZONE_STEP_S: Final = 15 * 60
ZONE_LEAST_S: Final = 30 * 60
ZONE_SLACK_S: Final = 3 * 60
"""Time zones differ by quarters of an hour; a reading takes a moment on top."""


@dataclass(frozen=True)
class Deliveries:
    """How the readings of a room, or of a house, came in over the last day.

    Parameters
    ----------
    readings
        All whose time could be read, whether they were accepted or rejected.
    late
        Those whose slot had been forecast without them.
    lag_s
        By how many seconds they were sent after the time they bear (``sent - ts``): of a tenth less, of half less, of
        nine tenths less. Those rejected as future count, with a negative lag; they tell how far a clock is ahead.
    rejected
        How many were rejected, by reason.
    """

    readings: int = 0
    late: int = 0
    lag_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rejected: Mapping[str, int] = field(default_factory=dict)


def delivery_notes(deliveries: Deliveries) -> tuple[str, ...]:
    """What is wrong with how readings come in; nothing, for most rooms.

    - ``zone``: their times are off by a steady number of quarters of an hour, as local time is that was sent as UTC.
    - ``clock``: they are off by another steady time: ahead of their being sent, or behind by minutes.
    - ``late``: most come after their slot was forecast, and no clock explains it.
    - ``unit``: some were refused as another unit than the room's.
    - ``rejected``: so many were refused for other reasons that it is no accident.

    >>> delivery_notes(Deliveries(readings=288, late=288, lag_s=(21_602, 21_610, 21_650)))
    ('zone',)
    >>> delivery_notes(Deliveries(readings=288, lag_s=(-420, -418, -400), rejected={"future": 288}))
    ('clock',)
    """
    if deliveries.readings + sum(deliveries.rejected.values()) < FEW:
        return ()
    off = _off(deliveries)
    found = {
        off: True,
        "late": not off and deliveries.late >= LATE_SHARE * deliveries.readings > 0,
        "unit": deliveries.rejected.get("unit", 0) > 0,
        "rejected": _refused(deliveries, explained=bool(off)),
    }
    return tuple(name for name in DELIVERY_NOTES if found.get(name))


def _off(deliveries: Deliveries) -> str:
    """What is wrong with the times: "zone", "clock" or nothing."""
    least, _, most = deliveries.lag_s
    if deliveries.readings < FEW or most - least > STEADY_S or -AHEAD_S <= least <= BEHIND_S:
        return ""
    beyond = (least + ZONE_SLACK_S / 2) % ZONE_STEP_S
    return "zone" if abs(least) >= ZONE_LEAST_S - ZONE_SLACK_S and beyond <= ZONE_SLACK_S else "clock"


def _refused(deliveries: Deliveries, *, explained: bool) -> bool:
    """Whether many were rejected for a reason that no other note names."""
    told = {"unit", "future"} if explained else {"unit"}
    other = sum(count for reason, count in deliveries.rejected.items() if reason not in told)
    return other >= FEW and other >= REJECTED_SHARE * (deliveries.readings + other)
