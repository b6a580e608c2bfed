"""Notes from how a room's readings arrived: late, wrong clock, zone or unit, rejected."""

from __future__ import annotations

from typing import Final

from roomidity.domain.deliveries import AHEAD_S, Deliveries

__all__ = ["DELIVERY_NOTES", "Deliveries", "delivery_notes"]

DELIVERY_NOTES: Final = ("late", "clock", "zone", "unit", "rejected")

FEW: Final = 8
"""Of fewer readings nothing is said: a person who tries something out, a gateway that restarts."""

LATE_SHARE: Final = 0.5
REJECTED_SHARE: Final = 0.05
STEADY_S: Final = 20 * 60
"""Lags of a clock that is off differ by no more than gateways wait to pack a message, and a little."""

FEW_TICKS: Final = 3
"""What comes by fewer drains may be a file that was sent once."""

ZONE_STEP_S: Final = 15 * 60
ZONE_LEAST_S: Final = 30 * 60
ZONE_SLACK_S: Final = 90
"""Time zones differ by quarters of an hour; a clock may be a moment off beside, and the quickest readings wait for as
long as those of a healthy room."""
ZONE_MOST_S: Final = 14 * 3600


def delivery_notes(deliveries: Deliveries) -> tuple[str, ...]:
    """Returns the codes of what is wrong with how a room's readings come in; for most rooms, none.

    - ``zone``: their times are off by a steady number of quarters of an hour, as local time is that was sent as UTC.
    - ``clock``: they are off by another steady time: ahead of their being sent, or behind by minutes.
    - ``late``: most drains bring readings whose slots were forecast without them, and no clock explains it.
    - ``unit``: some were refused as another unit than the room's.
    - ``rejected``: so many were refused for other reasons that it is no accident.

    >>> delivery_notes(Deliveries(288, 288, lag_s=(21_602, 21_610, 21_650), ticks=96, late_ticks=96))
    ('zone',)
    >>> delivery_notes(Deliveries(288, lag_s=(-420, -418, -400), rejected={"future": 288}, ticks=96))
    ('clock',)
    """
    if deliveries.readings + sum(deliveries.rejected.values()) < FEW:
        return ()
    off = _off(deliveries)
    found = {
        off: True,
        "late": not off and _is_late(deliveries),
        "unit": deliveries.rejected.get("unit", 0) > 0,
        "rejected": _refused(deliveries, explained=bool(off)),
    }
    return tuple(name for name in DELIVERY_NOTES if found.get(name))


def _off(deliveries: Deliveries) -> str:
    """What is wrong with the times: "zone", "clock" or nothing."""
    least, _, most = deliveries.lag_s
    if deliveries.readings < FEW or deliveries.ticks < FEW_TICKS or most - least > STEADY_S:
        return ""
    if -AHEAD_S <= least <= deliveries.behind_s:
        return ""
    beyond = (least + ZONE_SLACK_S) % ZONE_STEP_S
    is_offset = ZONE_LEAST_S - deliveries.behind_s <= abs(least) <= ZONE_MOST_S + deliveries.behind_s
    return "zone" if is_offset and beyond <= ZONE_SLACK_S + deliveries.behind_s else "clock"


def _is_late(deliveries: Deliveries) -> bool:
    return deliveries.late_ticks >= max(FEW_TICKS, LATE_SHARE * deliveries.ticks)


def _refused(deliveries: Deliveries, *, explained: bool) -> bool:
    """Whether many were rejected for a reason that no other note names."""
    told = {"unit", "future"} if explained else {"unit"}
    other = sum(count for reason, count in deliveries.rejected.items() if reason not in told)
    return other >= FEW and other >= REJECTED_SHARE * (deliveries.readings + other)
