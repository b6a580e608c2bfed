"""The measurements of a house's rooms between two times, slot by slot, for as many slots as one response can hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from roomidity.api.asked import Asked, slots_that_fit
from roomidity.api.cursors import cursor_of, place_of
from roomidity.domain.aliases import in_present_names
from roomidity.domain.contacts import HELD_FOR, open_shares, room_contacts
from roomidity.domain.observations import Observation, Statistics
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, SLOT_S, format_slot, parse_slot
from roomidity.pipeline.openings import contacts_heard

__all__ = ["actual_values", "observations"]

_ROOM_SLOT_BYTES: Final = 14
_STATISTICS_BYTES: Final = 52
"""Bytes per room and slot for two quantities: numbers of at most three decimals, and commas."""

_SHARE_BYTES: Final = 6
"""Bytes per room and slot of a window's contacts."""

_MAX_SLOTS: Final = 31 * 96
"""Maximum slots in one response, however few the rooms. A slot is read with all rooms of the house, about 1 KB for
8.
"""


def observations(
    asked: Asked,
    rooms: Sequence[str],
    span: tuple[datetime, datetime],
    *,
    statistics: bool = False,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Returns the response: columns by room and quantity over the slots of a span, and a cursor if it was cut short."""
    start = parse_slot(place_of(asked.query, cursor)) if cursor else span[0]
    has_contacts = contacts_heard(asked.home, start - HELD_FOR)
    size_bytes = (_STATISTICS_BYTES if statistics else _ROOM_SLOT_BYTES) + has_contacts * _SHARE_BYTES
    fit = slots_that_fit(len(rooms), bytes_a_room_slot=size_bytes)
    end = min(span[1], start + min(fit, _MAX_SLOTS) * SLOT)
    slots = max(0, (end - start) // SLOT)
    found = _observed(asked, start - HELD_FOR if has_contacts and slots else start, end)
    columns = _columns(found, rooms, start)
    shares = _shares(found, start, slots, until=min(end, asked.now)) if has_contacts else {}
    return asked.head | {
        "first_slot": format_slot(start),
        "step_s": SLOT_S,
        "slots": slots,
        "rooms": [
            {
                "room": room,
                **{
                    quantity: _plain(columns[room, quantity], slots, statistics=statistics)
                    if (room, quantity) in columns
                    else None
                    for quantity in QUANTITIES
                },
                "contact": {"value": shares[room]} if room in shares else None,
            }
            for room in rooms
        ],
        "cursor": cursor_of(asked.query, format_slot(end)) if end < span[1] else None,
    }


def actual_values(
    asked: Asked, rooms: Sequence[str], start: datetime, end: datetime
) -> dict[tuple[str, str, datetime], float]:
    """Returns the measured values, by room, quantity and slot."""
    found = _observed(asked, start, min(end, asked.now + SLOT))
    return {
        (room, quantity, start + number * SLOT): one.value
        for (room, quantity), column in _columns(found, rooms, start).items()
        for number, one in column.items()
    }


def _observed(asked: Asked, start: datetime, end: datetime) -> list[tuple[datetime, Observation]]:
    """Returns the observed slots in [start, end), by the rooms' present names."""
    return [
        (slot, in_present_names(observed, asked.home.aliases))
        for slot, observed in asked.ports.observations.between(asked.home.name, start, end)
    ]


def _columns(
    found: Iterable[tuple[datetime, Observation]], rooms: Sequence[str], start: datetime
) -> dict[tuple[str, str], dict[int, Statistics]]:
    """Returns the statistics of the slots from ``start`` on by room and quantity, then by slot number."""
    wanted = set(rooms)
    columns: dict[tuple[str, str], dict[int, Statistics]] = {}
    for slot, observed in found:
        for room, quantities in observed.items():
            if room in wanted and slot >= start:
                for quantity, one in quantities.items():
                    columns.setdefault((room, quantity), {})[(slot - start) // SLOT] = one
    return columns


def _shares(
    found: Iterable[tuple[datetime, Observation]], start: datetime, slots: int, *, until: datetime
) -> dict[str, list[float | None]]:
    """Returns by room how long its windows were open in each slot. Rooms without contacts are absent."""
    return {
        room: [None if math.isnan(share) else round(share, 3) for share in open_shares(told, start, slots).tolist()]
        for room, told in room_contacts(found, until=until).items()
    }


def _plain(column: dict[int, Statistics], slots: int, *, statistics: bool) -> dict[str, Any]:
    found = [column.get(number) for number in range(slots)]
    return {
        "value": [None if one is None else one.value for one in found],
        "min": [None if one is None else one.min for one in found] if statistics else None,
        "max": [None if one is None else one.max for one in found] if statistics else None,
        "count": [0 if one is None else one.count for one in found] if statistics else None,
    }
