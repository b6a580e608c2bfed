"""When rooms were heard, as observations tell: what is written of it in their house lags by up to an hour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from roomidity.domain.aliases import in_present_names
from roomidity.domain.houses import House
from roomidity.domain.observations import RoomMeans
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.rooms import LAG
from roomidity.domain.slots import SLOT, floor_slot

__all__ = ["as_heard"]

_SLOTS: Final = LAG // SLOT + 1


class _Observed(Protocol):
    def newest_means(self, house: str, slots: Iterable[datetime]) -> Iterable[tuple[datetime, RoomMeans]]: ...


def as_heard(observations: _Observed, home: House) -> House:
    """Returns the house with its rooms heard when they were, to the slot, where that is later than what is written."""
    begins = {floor_slot(room.last_seen) for room in home.rooms.values()}
    slots = sorted({begin + count * SLOT for begin in begins for count in range(1, _SLOTS)})
    rooms = dict(home.rooms)
    for slot, observed in sorted(observations.newest_means(home.name, slots), key=lambda one: one[0]) if slots else ():
        for name, means in in_present_names(observed, home.aliases).items():
            room = rooms.get(name)
            if room is not None and room.last_seen < slot < room.last_seen + LAG + SLOT:
                measured: dict[str, datetime] = {quantity: slot for quantity in QUANTITIES if quantity in means}
                rooms[name] = replace(room, last_seen=slot, measured={**room.measured, **measured})
    return replace(home, rooms=rooms)
