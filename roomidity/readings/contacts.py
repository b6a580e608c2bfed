"""Observations of window contacts: each sensor's course in a slot, and the fraction of the time a room was open."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import msgspec
import polars as pl

from roomidity.domain.contacts import course_of, open_shares, room_contacts
from roomidity.domain.observations import Statistics
from roomidity.domain.quantities import CONTACT
from roomidity.domain.slots import SLOT, SlotKey
from roomidity.readings.union import time_of, value_of

__all__ = ["contact_statistics"]


def contact_statistics(values: pl.DataFrame) -> Iterator[tuple[SlotKey, str, Statistics]]:
    """Yields slot, room and statistics of the contacts among ``values`` (schema ``SLOT_VALUES``).

    ``mean`` is the fraction of the time in which a window of the room was open, from the slot's first report on: what
    was before follows from earlier slots.
    """
    contacts = values.filter(pl.col("quantity") == CONTACT).select(
        "house", "slot", "room", "sensor", time_of("rank").alias("time"), (value_of("rank") > 0).alias("open")
    )
    rows = contacts.sort("house", "slot", "room", "sensor", "time").iter_rows()
    for (house, slot, room), of_room in groupby(rows, key=lambda row: row[:3]):
        key, states, changes = SlotKey(house, slot), [], {}
        for sensor, reports in groupby(of_room, key=lambda row: row[3]):
            course = [(time_ms // 1000, is_open) for *_, time_ms, is_open in reports]
            states += [is_open for _, is_open in course]
            changes[sensor] = course_of(course)
        least, greatest = float(min(states)), float(max(states))
        stored = Statistics(greatest, least, greatest, len(states), changes=changes)
        told = room_contacts([(key.start, {room: {"contact": stored}})], until=key.start + SLOT)[room]
        yield key, room, msgspec.structs.replace(stored, mean=round(float(open_shares(told, key.start, 1)[0]), 3))
