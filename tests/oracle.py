"""What must be stored and observed of the readings that were sent, in plain Python; nothing here is roomidity's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

__all__ = ["Bin", "Statistics", "observed_of", "sets_of"]

SLOT_MS: Final = 900_000
BIN_MS: Final = 5_000

Bin = tuple[str, int, str, str, str, int]
"""House, slot (ms since 1970 of its start), room, sensor, quantity, number of the five seconds in the slot."""

Statistics = tuple[Fraction, Fraction, Fraction, int]
"""Mean, minimum, maximum, count."""


def sets_of(readings: Iterable[Mapping[str, Any]]) -> dict[Bin, tuple[int, int]]:
    """Of each bin the smallest (time in the slot in ms, value in thousandths)."""
    kept: dict[Bin, tuple[int, int]] = {}
    for reading in readings:
        at_ms = round(datetime.fromisoformat(reading["ts"]).timestamp() * 1000)
        slot, time = at_ms - at_ms % SLOT_MS, at_ms % SLOT_MS
        for quantity in ("humidity", "temperature"):
            if reading.get(quantity) is not None:
                place = (reading["house"], slot, reading["room"], reading.get("sensor") or "", quantity, time // BIN_MS)
                value = (time, round(reading[quantity] * 1000))
                kept[place] = min(kept.get(place, value), value)
    return kept


def observed_of(sets: Mapping[Bin, tuple[int, int]]) -> dict[tuple[str, int, str, str], Statistics]:
    """What the sensors of a room said in a slot: (house, slot, room, quantity) -> statistics, exact."""
    values: dict[tuple[str, int, str, str], list[Fraction]] = {}
    for (house, slot, room, _, quantity, _), (_, value) in sets.items():
        values.setdefault((house, slot, room, quantity), []).append(Fraction(value, 1000))
    return {
        place: (sum(several, Fraction()) / len(several), min(several), max(several), len(several))
        for place, several in values.items()
    }
