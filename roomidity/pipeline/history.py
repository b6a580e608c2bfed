"""Reads observations onto the regular time grid that forecasting uses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

import numpy as np

from roomidity.domain.aliases import in_present_names
from roomidity.domain.houses import ACTIVE_FOR, OUTDOOR, House
from roomidity.domain.observations import RoomMeans
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, floor_slot, format_moment
from roomidity.errors import RuleNotFollowedError
from roomidity.forecasting import WINDOW_SLOTS, State, Window
from roomidity.forecasting.window import AGREEING, FloatArray
from roomidity.pipeline.ports import Observations, PastObservations
from roomidity.pipeline.remembered import not_remembered, with_remembered

__all__ = ["KEPT_FOR", "check_rules_followed", "read_history", "read_window"]

KEPT_FOR: Final = timedelta(days=400)
"""How far back history is read. Observations are kept for as long: a heating season and the one before."""

_FRESH_SLOTS: Final = 2
"""Slots that are read consistently, because they were written seconds ago. The rest is read at half the price."""


def read_window(
    observations: Observations,
    house: House,
    rooms: tuple[str, ...],
    *,
    issued_at: datetime,
    state: State | None = None,
) -> Window:
    """Returns the last two days of ``rooms``, or a week more if they do not show the last credible value.

    That is the case if a quantity was not measured, fell silent after a single reading, or was stuck all the time.

    What the house's own ``state`` remembers as it was stored is not read again (:mod:`.remembered`). The window is the
    same.
    """
    start = issued_at - WINDOW_SLOTS * SLOT
    unread = start if state is None else max(start, not_remembered(house, rooms, state, issued_at=issued_at))
    fresh = [issued_at - (back + 1) * SLOT for back in range(_FRESH_SLOTS)]
    found = chain(
        observations.means(house.name, unread, min(fresh)),
        observations.newest_means(house.name, fresh),
    )
    window = _to_window(found, house, rooms, start=unread, end=issued_at)
    if state is not None:
        window = with_remembered(window, state, start=start)
    furthest = issued_at - ACTIVE_FOR - timedelta(days=1)
    telling = np.fmax.reduce(window.values, axis=2) > np.fmin.reduce(window.values, axis=2)
    if any(
        not telling[place, row]
        and house.rooms[room].measured.get(quantity, furthest) > furthest
        and house.rooms[room].first_seen < start
        for place, room in enumerate(rooms)
        for row, quantity in enumerate(QUANTITIES)
    ):
        return read_history(observations, house, rooms, start=furthest, end=issued_at)
    return window


def read_history(
    observations: PastObservations, house: House, rooms: tuple[str, ...], *, start: datetime, end: datetime
) -> Window:
    """Returns all slots of ``rooms`` in [start, end)."""
    return _to_window(observations.means(house.name, start, end), house, rooms, start=start, end=end)


def _to_window(
    found: Iterable[tuple[datetime, RoomMeans]],
    house: House,
    rooms: tuple[str, ...],
    *,
    start: datetime,
    end: datetime,
) -> Window:
    slots = (end - start) // SLOT
    places = {room: place for place, room in enumerate((*rooms, OUTDOOR))}
    values, plain, counts = np.full((3, len(places), len(QUANTITIES), slots), np.nan)
    rows: dict[str, tuple[FloatArray, int]] = {}
    for row, quantity in enumerate(QUANTITIES):
        rows |= {quantity: (values, row), f"{quantity}_mean": (plain, row), f"{quantity}_count": (counts, row)}
    for slot, observed in found:
        column = (slot - start) // SLOT
        for room, quantities in in_present_names(observed, house.aliases).items():
            place = places.get(room)
            if place is None:
                continue
            for name, value in quantities.items():
                array, row = rows[name]
                array[place, row, column] = value
    return Window(
        rooms=rooms,
        end=end,
        timezone=house.zone,
        values=values[:-1],
        outdoor=values[-1] if OUTDOOR in house.rooms else None,
        plain=plain[:-1] if np.isfinite(plain).any() else None,
        agreed=np.asarray(counts[:-1] >= AGREEING),
    )


def check_rules_followed(observations: PastObservations, home: House, *, start: datetime, end: datetime) -> None:
    """Check that the observations of [start, end) were derived under every rule that concerns them.

    Rules are numbered in order, each higher than the one before. An observation with a number lower than a rule's
    position is therefore older than the rule, even if the rule's own number was never stored.

    Raises
    ------
    RuleNotFollowedError
        If an observation was not.
    """
    for place, rule in enumerate(home.quarantine, start=1):
        first = max(floor_slot(rule.start), start)
        last = min(floor_slot(rule.end - timedelta(microseconds=1)) + SLOT, end)
        number = rule.number or min(place, home.rules_version)
        behind = sum(origin.rules < number for _, _, origin in observations.derived(home.name, first, last))
        if behind:
            interval = f"{format_moment(rule.start)} to {format_moment(rule.end)}"
            raise RuleNotFollowedError(home.name, rule=rule.id, interval=interval, slots=behind)
