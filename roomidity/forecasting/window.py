"""A house's readings on the slot grid: what every forecast, training and evaluation starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, SLOT_MS, SLOTS_A_DAY, from_epoch_ms, to_epoch_ms
from roomidity.domain.weather import WeatherIssue

__all__ = [
    "AGREEING",
    "LEVELS",
    "STEPS",
    "WINDOW_SLOTS",
    "FloatArray",
    "IntArray",
    "Window",
    "slot_number",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

STEPS: Final = SLOTS_A_DAY
"""Slots that a forecast covers: 24 h."""

WINDOW_SLOTS: Final = 2 * SLOTS_A_DAY
"""Slots that serving reads: two days. Reading the table is most of a forecast's cost; older days live in the state."""

AGREEING: Final = 3
"""Readings of a slot that bear each other out: most of them agree, or there would be another robust value."""

LEVELS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""The quantiles of a forecast; p10, p50 and p90 are stored, the others serve evaluation."""


def slot_number(moment: datetime) -> int:
    """Returns the whole slots since 1970 at an aware ``moment`` that is the start of a slot.

    >>> slot_number(datetime(1970, 1, 2, tzinfo=UTC))
    96
    """
    return to_epoch_ms(moment) // SLOT_MS


@dataclass(frozen=True)
class Window:
    """What a house's rooms measured in consecutive slots, up to and not including ``end``.

    Parameters
    ----------
    rooms
        Names of the rooms, each once.
    end
        Aware start of the slot after the last column: the issue time of a forecast made from this window.
    timezone
        IANA name of the house's time zone.
    values
        Slot means without wild readings, shape (rooms, 2, slots), humidity (%RH) then temperature (°C); NaN where there
        is no reading.
    outdoor
        The same of the air outside, shape (2, slots), or None where the house has no such sensor.
    agreed
        Slots, of the shape of values, of which it is known that several readings bear each other out.
    plain
        Of the shape of values: the mean of all readings where some were left out as wild, NaN elsewhere; None where
        none were.
    issues
        Forecasts of the weather at the house's place that were known before ``end``, oldest first. Who reads from them
        chooses by `known_from` up to the issue time: some were not known yet to a forecast inside the window.
    """

    rooms: tuple[str, ...]
    end: datetime
    timezone: str
    values: FloatArray
    outdoor: FloatArray | None = None
    plain: FloatArray | None = None
    agreed: NDArray[np.bool_] | None = None
    issues: tuple[WeatherIssue, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.values.shape[:2] != (len(self.rooms), len(QUANTITIES)):
            raise ValueError(f"values have shape {self.values.shape}; expected ({len(self.rooms)}, 2, slots)")
        if len(set(self.rooms)) != len(self.rooms):
            raise ValueError(f"a room stands twice in {self.rooms}")
        if self.outdoor is not None and self.outdoor.shape != self.values.shape[1:]:
            raise ValueError(f"outdoor has shape {self.outdoor.shape}; expected {self.values.shape[1:]}")
        for name in ("plain", "agreed"):
            held = getattr(self, name)
            if held is not None and held.shape != self.values.shape:
                raise ValueError(f"{name} has shape {held.shape}; expected {self.values.shape}")
        if self.end.tzinfo is None or to_epoch_ms(self.end) % SLOT_MS:
            raise ValueError(f"end {self.end!r} is not the aware start of a slot")

    @property
    def slots(self) -> int:
        """Number of slots."""
        return int(self.values.shape[2])

    @property
    def start(self) -> datetime:
        """Start of the first slot, in UTC."""
        return self.end.astimezone(UTC) - self.slots * SLOT

    @property
    def first(self) -> int:
        """Number of the first slot since 1970."""
        return self.last - self.slots

    @property
    def last(self) -> int:
        """Number of the slot that begins at ``end``: one past the newest slot."""
        return slot_number(self.end)

    def tail(self, slots: int) -> Window:
        """Returns the newest ``slots`` slots, or all if there are fewer."""
        return self.between(self.last - slots, self.last)

    def until(self, end: datetime) -> Window:
        """Returns the slots before ``end``: nothing that closed later is in it."""
        return self.between(self.first, slot_number(end))

    def between(self, first: int, last: int) -> Window:
        """Returns the slots numbered ``first`` up to and not including ``last``, as far as the window holds them."""
        last = max(min(last, self.last), self.first)
        first = min(max(first, self.first), last)
        columns = slice(first - self.first, last - self.first)
        return replace(
            self,
            end=from_epoch_ms(last * SLOT_MS),
            values=self.values[:, :, columns],
            outdoor=None if self.outdoor is None else self.outdoor[:, columns],
            plain=None if self.plain is None else self.plain[:, :, columns],
            agreed=None if self.agreed is None else self.agreed[:, :, columns],
        )

    def select(self, rooms: Sequence[str]) -> Window:
        """Returns the same slots of some of the rooms, in the order given; NaN for a room that is not in the window."""
        places = {room: place for place, room in enumerate(self.rooms)}

        def chosen(held: NDArray[Any], *, unknown: float) -> NDArray[Any]:
            found = np.full((len(rooms), len(QUANTITIES), self.slots), unknown, dtype=held.dtype)
            for row, room in enumerate(rooms):
                if room in places:
                    found[row] = held[places[room]]
            return found

        return replace(
            self,
            rooms=tuple(rooms),
            values=chosen(self.values, unknown=np.nan),
            plain=None if self.plain is None else chosen(self.plain, unknown=np.nan),
            agreed=None if self.agreed is None else chosen(self.agreed, unknown=False),
        )
