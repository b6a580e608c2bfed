"""Notes how readings arrive: if it is odd, it is written into houses at the end of a drain.

A failure to note anything never affects the drain.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from roomidity.domain.deliveries import Deliveries
from roomidity.domain.houses import House
from roomidity.domain.messages import Message
from roomidity.domain.slots import SLOT_S
from roomidity.errors import ConflictError
from roomidity.pipeline.ports import Houses
from roomidity.readings import Checked
from roomidity.readings.arrivals import arrivals

__all__ = ["DeliveryNoting"]

logger: Final = logging.getLogger(__name__)

_MOST_HOUSES: Final = 200
"""Maximum houses written in one drain, at some 10 ms each. If a whole stage is late, the next drains note the
others.
"""


@dataclass
class DeliveryNoting:
    """Collects during a drain what arrived oddly, by house and room, and writes it once.

    Any failure here is logged, and costs only notes.
    """

    now: datetime
    _ticks: dict[str, dict[str, Deliveries]] = field(default_factory=dict)
    _through_ms: dict[str, int] = field(default_factory=dict)

    def take(self, messages: Sequence[Message], checked: Checked, homes: Mapping[str, House]) -> None:
        """Record how received messages arrived and what became of them.

        ``homes`` are the houses as they were before.
        """
        try:
            recorded = {
                name: (home.deliveries.through_ms, frozenset(home.deliveries.rooms))
                for name, home in homes.items()
                if home.flaw is None and not home.has_expired(self.now)
            }
            found, through_ms = arrivals(messages, checked, now=self.now, recorded=recorded)
            for house, rooms in found.items():
                ticks = self._ticks.setdefault(house, {})
                for room, tick in rooms.items():
                    ticks[room] = _one(ticks[room].beside(tick)) if room in ticks else tick
                self._through_ms[house] = max(self._through_ms.get(house, 0), through_ms[house])
        except Exception:  # a note is not worth losing a reading
            logger.exception("how readings came in could not be told")

    def write(self, houses: Houses, *, may_go_on: Callable[[], bool]) -> int:
        """Write what was collected into the houses, each of which is read again. Returns how many were written."""
        names, written = sorted(self._ticks), 0
        first = int(self.now.timestamp()) // SLOT_S * _MOST_HOUSES % max(len(names), 1)
        chosen = (names[first:] + names[:first])[:_MOST_HOUSES]
        if len(chosen) < len(names):
            logger.warning("readings come in oddly of more houses than a drain notes", extra={"houses": len(names)})
        try:
            for name, home in (houses.get_many(chosen) if chosen else {}).items():
                if not may_go_on():
                    break
                if home.is_forgotten or home.life >= self._through_ms[name]:
                    continue  # what arrived belongs to a house that no longer exists
                noted = home.deliveries.with_tick(self._ticks[name], through_ms=self._through_ms[name], now=self.now)
                if home.flaw is None and noted != home.deliveries:
                    written += _put(houses, replace(home, deliveries=noted))
        except Exception:  # the next drain notes what arrives then
            logger.exception("how readings came in could not be noted")
        return written


def _put(houses: Houses, noted: House) -> bool:
    try:
        houses.put(noted)
    except ConflictError:
        return False
    return True


def _one(together: Deliveries) -> Deliveries:
    """Returns what several parts of a wave brought as a single tick."""
    return replace(together, ticks=1, late_ticks=int(2 * together.late > together.readings))
