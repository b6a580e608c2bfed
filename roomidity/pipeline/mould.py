"""The nightly step of the mould index, which advances it by the measurements of each day.

An index is a function of observations, walls and former names only. Each day carries a digest of everything that it is
derived from, including the day before. If the digest of the present inputs differs, the day and all days after it are
derived again. Nights that run, fail or run twice therefore all lead to the same result, as does backfilling a house's
past.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.aliases import in_present_names
from roomidity.domain.comfort.course import HOURS, MouldDay, day_after
from roomidity.domain.comfort.walls import usable_walls
from roomidity.domain.houses import OUTDOOR, House
from roomidity.domain.observations import Observation, Origin, Statistics
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SlotKey
from roomidity.pipeline.history import KEPT_FOR
from roomidity.pipeline.ports import Moulds, PastObservations

__all__ = ["advance_mould", "looks_back_to"]

_RULE: Final = 1
"""Version of the formulas. When it is raised, every index is derived again."""

_CHECKED_DAYS: Final = 15
"""Days that are checked every night, since a queue keeps readings for 14 days. All 400 days are checked once a week, on
the first night, and after a change of settings or rules. That takes as much reading as 27 of the other nights.
"""

_WEEK: Final = 7

Slot = tuple[SlotKey, Observation, Origin]


def advance_mould(observations: PastObservations, moulds: Moulds, home: House, *, now: datetime) -> int:
    """Bring the mould index of all rooms up to the newest day (UTC) that is over. Returns how many days were written.

    A house that does not measure the air outside has none. The step is idempotent.
    """
    if OUTDOOR not in home.rooms:
        return 0
    first, last = _checked(now)
    settings = _digest(_RULE, home.rules_version, _walls_plain(home), sorted(home.aliases.items()))
    stored = _by_day(moulds, home, first, last)
    before = stored.get(first - timedelta(days=1))
    newest = max(stored, default=None)
    if before is None or newest is None or stored[newest].settings != settings or last.toordinal() % _WEEK == 0:
        first = last - KEPT_FOR
        stored = _by_day(moulds, home, first, last)
        before = stored.get(first - timedelta(days=1))
        if before is not None and before.settings != settings:
            before = None
    changed = list(_changed_days(observations, home, stored, before, first=first, last=last, settings=settings))
    return moulds.put_many(changed, home=home)


def looks_back_to(now: datetime) -> datetime:
    """Returns the start of the days that every night looks at; some nights look at all."""
    return datetime.combine(_checked(now)[0], datetime.min.time(), UTC)


def _checked(now: datetime) -> tuple[date, date]:
    last = now.astimezone(UTC).date() - timedelta(days=1)
    return last - timedelta(days=_CHECKED_DAYS - 1), last


def _walls_plain(home: House) -> dict[str, list[Any]]:
    """Returns the settings of walls as plain values."""
    return {room: [wall.f_rsi, wall.material] for room, wall in sorted(usable_walls(home.settings).items())}


def _by_day(moulds: Moulds, home: House, first: date, last: date) -> dict[date, MouldDay]:
    return {one.day: one for one in moulds.between(home.name, first - timedelta(days=1), last)}


def _changed_days(
    observations: PastObservations,
    home: House,
    stored: Mapping[date, MouldDay],
    before: MouldDay | None,
    *,
    first: date,
    last: date,
    settings: str,
) -> Iterator[MouldDay]:
    """Yields the days from ``first`` to ``last`` that differ from what the present inputs lead to."""
    walls = usable_walls(home.settings)
    for day, slots in _days(observations, home.name, first, last):
        if before is None:
            if not slots:
                continue  # nothing was measured yet
            earlier, standing = stored.get(day - timedelta(days=1)), stored.get(day)
            if earlier is not None and standing is not None and {earlier.settings, standing.settings} == {settings}:
                before = standing  # the days before have expired, and this day in part
                continue
        inputs = _digest(settings, before.inputs if before else "", [_facts(slot) for slot in slots])
        held = stored.get(day)
        if held is None or held.inputs != inputs:
            rooms = _hourly(slots, home)
            outside = rooms.pop(OUTDOOR, np.full((2, HOURS), np.nan))[QUANTITIES.index("temperature")]
            held = day_after(
                before,
                house=home.name,
                day=day,
                inputs=inputs,
                settings=settings,
                rooms={room: values for room, values in rooms.items() if room in home.rooms},
                outside=outside,
                walls=walls,
            )
            yield held
        before = held


def _days(observations: PastObservations, house: str, first: date, last: date) -> Iterator[tuple[date, list[Slot]]]:
    """Yields every day from ``first`` to ``last``, with the slots that were observed on it."""
    start, end = (datetime.combine(day, datetime.min.time(), UTC) for day in (first, last + timedelta(days=1)))
    day = first
    for measured_on, slots in groupby(observations.derived(house, start, end), lambda one: one[0].start.date()):
        while day < measured_on:
            yield day, []
            day += timedelta(days=1)
        yield day, list(slots)
        day += timedelta(days=1)
    while day <= last:
        yield day, []
        day += timedelta(days=1)


def _facts(slot: Slot) -> list[Any]:
    """Returns what a day takes from a slot: the versions of its set and rules, and the flagged faults."""
    key, observation, origin = slot
    faults = sorted(
        [room, quantity, statistics.fault]
        for room, quantities in observation.items()
        for quantity, statistics in quantities.items()
        if statistics.fault is not None
    )
    return [key.slot_ms, origin.version, origin.rules, faults]


def _hourly(slots: list[Slot], home: House) -> dict[str, NDArray[np.float64]]:
    """Returns by room an array of shape (2, 24) with hourly means of the quantities, over slots without faults."""
    sums: dict[str, NDArray[np.float64]] = {}
    counts: dict[str, NDArray[np.float64]] = {}
    for key, observation, _ in slots:
        hour = key.start.hour
        for room, quantities in in_present_names(observation, home.aliases).items():
            for row, quantity in enumerate(QUANTITIES):
                statistics: Statistics | None = quantities.get(quantity)
                if statistics is None or (statistics.fault is not None and room != OUTDOOR):
                    continue
                sums.setdefault(room, np.zeros((2, HOURS)))[row, hour] += statistics.value
                counts.setdefault(room, np.zeros((2, HOURS)))[row, hour] += 1
    return {room: np.where(counts[room] > 0, of / np.maximum(counts[room], 1), np.nan) for room, of in sums.items()}


def _digest(*facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
