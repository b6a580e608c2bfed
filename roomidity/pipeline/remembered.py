"""What a state remembers of a forecast's window, so that only the slots since are read: a quarter of the price.

The window is the same as if all of it were read. The state holds what nights read of each slot, in single precision,
which is rounded to the precision of observations. It has seen a slot if it knows a reading as new as that: a night may
have run ahead of what was stored. What is written of a slot later than that is marked in the house
(:mod:`roomidity.domain.reread`), and what is marked is read.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np

from roomidity.domain.houses import House
from roomidity.domain.reread import REREAD_SLOTS
from roomidity.domain.slots import SLOT_MS, from_epoch_ms
from roomidity.forecasting import WINDOW_SLOTS, State, Window
from roomidity.forecasting.formats import RECENT_SLOTS
from roomidity.forecasting.window import FloatArray, slot_number

__all__ = ["not_remembered", "with_remembered"]

_DECIMALS: Final = 3
"""Of observations, in °C and %RH."""


def not_remembered(house: House, rooms: tuple[str, ...], state: State, *, issued_at: datetime) -> datetime:
    """Returns the start of the first slot that has to be read for a forecast.

    It is that of the window where the state does not know a room, rooms were renamed (their past may be stored under
    either name), the forecast is of a time before the state's, or it is not known what was marked.
    """
    issued = slot_number(issued_at)
    first = issued - WINDOW_SLOTS
    reread = house.reread
    if (
        reread is not None
        and house.flaw is None
        and not house.settings.get("aliases")
        and 0 < state.through <= issued
        and set(rooms) <= set(state.rooms)
        and reread.first <= issued  # a forecast of a time before what is marked: older marks are gone
    ):
        unread = state.seen - REREAD_SLOTS
        if reread.last >= first:
            unread = min(unread, reread.first)
        first = max(first, unread)
    return from_epoch_ms(first * SLOT_MS)


def with_remembered(window: Window, state: State, *, start: datetime) -> Window:
    """Returns the window from ``start``, with what the state remembers before its own first slot."""
    first = slot_number(start)
    if window.first <= first:
        return window
    old = state.through - RECENT_SLOTS
    slots = slice(first - old, window.first - old)
    rows = [state.rooms.index(room) for room in window.rooms]

    def joined(remembered: FloatArray, read: FloatArray) -> FloatArray:
        return np.concatenate([remembered, read], axis=-1)

    unknown = np.full((*window.values.shape[:2], window.first - first), np.nan)
    return replace(
        window,
        values=joined(state.recent[rows][..., slots].round(_DECIMALS), window.values),
        outdoor=None if window.outdoor is None else joined(state.outdoor[:, slots].round(_DECIMALS), window.outdoor),
        plain=None if window.plain is None else joined(unknown, window.plain),
        agreed=None if window.agreed is None else np.concatenate([unknown > 0, window.agreed], axis=-1),
    )
