"""Recent values of a room, read only if units look odd (see ``readings/judging``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from roomidity.domain.aliases import NO_ALIASES, in_present_names
from roomidity.domain.quantities import Quantity
from roomidity.domain.slots import SLOT
from roomidity.pipeline.ports import Observations
from roomidity.readings.renaming import HouseAliases

__all__ = ["Pasts"]

_SLOTS: Final = 96
"""One day, which is what one call brings."""

_HOUSES: Final = 50
"""Maximum houses per wave, each of which takes a query. Beyond it, values are judged by themselves."""


class Pasts:
    """The slot means of the day before ``now``, by house, room (under its present name) and quantity.

    Each house is read at most once.
    """

    def __init__(self, observations: Observations, now: datetime, aliases: HouseAliases) -> None:
        self._observations = observations
        self._now = now
        self._aliases = aliases
        self._read: dict[str, dict[tuple[str, str], list[float]]] = {}

    def __call__(self, house: str, room: str, quantity: Quantity) -> Sequence[float] | None:
        """Returns a room's recent means of a quantity, or None if there are none, or too many houses were asked for."""
        if house not in self._read:
            if len(self._read) >= _HOUSES:
                return None
            found: dict[tuple[str, str], list[float]] = {}
            slots = [self._now - back * SLOT for back in range(1, _SLOTS + 1)]
            for _, rooms in self._observations.newest_means(house, slots):
                for name, means in in_present_names(rooms, self._aliases.get(house, NO_ALIASES)).items():
                    for of, mean in means.items():
                        found.setdefault((name, of), []).append(mean)
            self._read[house] = found
        return self._read[house].get((room, quantity))
