"""Which slots of a house a forecast reads again, although the state of its model remembers them.

A night takes what it reads of a slot into the state. It looks once more at the slots just before those that the state
has seen, and so do forecasts; nothing looks at older ones. Whoever writes an observation of one of these hence first
marks its slot in the house, as does whoever writes one with something left out as wild, of which the state remembers
nothing. Marks go by the slot, not by when it was written or remembered: they count for as long as the slot is among
those that a forecast is made from, so that nothing depends on who was first.

What no night can have seen needs no mark. A state has seen slots up to the newest reading that it knows
(:attr:`~roomidity.forecasting.State.seen`), which is not after the newest that the house is known to have measured, but
for the hour by which that is written late. So nothing rests on a clock alone: a drain whose clock is behind or was put
back, or a night whose clock is ahead, misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

__all__ = ["AFTERTHOUGHT_SLOTS", "REREAD_SLOTS", "Reread"]

REREAD_SLOTS: Final = 12
"""Slots before those that the state has not seen that forecasts and the next night read again in any case: what is
written within that time needs no mark.
"""

AFTERTHOUGHT_SLOTS: Final = 4
"""Slots after which one that is written has to be marked, by what the drain knows to be past. Of the two hours between
this and :data:`REREAD_SLOTS`, one is for what houses measured, which may be recorded an hour late
(:data:`~roomidity.domain.rooms.LAG`), and one for what happens between reading a house and writing the observation.
"""

_WINDOW_SLOTS: Final = 192
"""What a forecast is made from. A mark that lies further back concerns none."""

_AHEAD_SLOTS: Final = 12
"""How far a mark reaches beyond its slot. A sensor that is always late is marked once in three hours."""


@dataclass(frozen=True)
class Reread:
    """The slots from number ``first`` to ``last``, both included, counted from 1970.

    It is one interval, and may cover slots that need not be read again.
    """

    first: int
    last: int

    @classmethod
    def until(cls, slot: int) -> Self:
        """Returns everything that a forecast issued up to now (``slot``) is made from, as where nothing is known."""
        return cls(slot - _WINDOW_SLOTS, slot)

    def covers(self, slots: Iterable[int]) -> bool:
        """Whether all of them are marked."""
        return all(self.first <= slot <= self.last for slot in slots)

    def with_slots(self, slots: Iterable[int]) -> Self:
        """Returns it with more slots, and without what no forecast that is made from these looks back to.

        It is the same if they are covered.

        >>> Reread(100, 110).with_slots([90, 120]), Reread(100, 110).with_slots([900])
        (Reread(first=90, last=132), Reread(first=900, last=912))
        """
        marked = sorted(slots)
        if not marked or self.covers(marked):
            return self
        first, last = marked[0], marked[-1] + _AHEAD_SLOTS
        if self.last < first - 2 * _WINDOW_SLOTS:
            return type(self)(first, last)
        return type(self)(min(self.first, first), max(self.last, last))
