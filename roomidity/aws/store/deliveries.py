"""The attribute ``deliveries`` of a house's item.

It holds lists of numbers, because writes are billed by the kilobyte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from roomidity.domain.damage import number_within, whole
from roomidity.domain.deliveries import NO_DELIVERIES, Deliveries, HouseDeliveries, Period, RoomDeliveries
from roomidity.domain.names import is_key
from roomidity.domain.slots import format_slot, parse_slot

__all__ = ["from_deliveries", "to_deliveries"]

_LAG_S: Final = (-1e10, 1e10)
"""Bounds of a lag in s. Readings are of the years 1970 to 9999, give or take a sender's clock error."""
_MS: Final = (0, 253_402_300_799_999)


def from_deliveries(deliveries: HouseDeliveries) -> dict[str, Any] | None:
    """Returns the records in their stored form, or None (and so no attribute) if there are none."""
    if not deliveries.rooms:
        return None
    return {
        "through_ms": deliveries.through_ms,
        "rooms": {
            name: {"clean_ticks": room.clean_ticks, "periods": [_from_period(one) for one in room.periods]}
            for name, room in sorted(deliveries.rooms.items())
        },
    }


def to_deliveries(stored: Mapping[str, Any] | None) -> HouseDeliveries:
    """Returns the records in a stored attribute.

    Raises
    ------
    Exception
        Of any kind, if the attribute is malformed.
    """
    if stored is None:
        return NO_DELIVERIES
    rooms = {name: _to_room(name, room) for name, room in stored["rooms"].items()}
    return HouseDeliveries(rooms, through_ms=int(number_within(stored["through_ms"], _MS)))


def _to_room(name: str, stored: Mapping[str, Any]) -> RoomDeliveries:
    if not is_key(name):
        raise ValueError(f"no room can have the name {name!r:.80}")
    return RoomDeliveries(tuple(map(_to_period, stored["periods"])), whole(stored["clean_ticks"]))


def _from_period(period: Period) -> list[Any]:
    of = period.of
    return [
        format_slot(period.begins),
        of.ticks,
        of.late_ticks,
        of.readings,
        of.late,
        *map(round, of.lag_s),
        *([dict(sorted(of.rejected.items()))] if of.rejected else []),
    ]


def _to_period(stored: Sequence[Any]) -> Period:
    begins, *counts, least, half, most = stored[:8]
    rejected = stored[8] if len(stored) > 8 else {}
    ticks, late_ticks, readings, late = map(whole, counts)
    return Period(
        parse_slot(begins),
        Deliveries(
            readings,
            late,
            (number_within(least, _LAG_S), number_within(half, _LAG_S), number_within(most, _LAG_S)),
            {str(reason): whole(count) for reason, count in rejected.items()},
            ticks=ticks,
            late_ticks=late_ticks,
        ),
    )
