"""Stored items that cannot be read: each is named and counted, left out, and costs no other anything."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Damage", "Damaged", "number_within", "whole"]

logger: Final = logging.getLogger(__name__)

_NAMED: Final = 50
"""Items that are logged one by one; what damages more damages a table, and a log costs by the line."""

_LARGEST: Final = 10**12
"""Of versions and counts: what counts writes or seconds stays below, and floats hold it exactly."""


@dataclass(frozen=True)
class Damaged:
    """An item that cannot be read, or only in part: its table, its key, and why."""

    table: str
    key: Mapping[str, str]
    why: str

    @property
    def place(self) -> tuple[str, ...]:
        """What it is found by."""
        return self.table, *self.key.values()


class Damage:
    """The damaged items that were met since they were last asked for, each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], Damaged] = {}

    def note(self, damaged: Damaged) -> None:
        """Keep and log an item; one that is met again is neither counted nor logged again."""
        if damaged.place in self._found:
            return
        self._found[damaged.place] = damaged
        if len(self._found) <= _NAMED:
            logger.error(
                "an item is damaged, the others are read",
                extra={"table": damaged.table, "key": dict(damaged.key), "why": damaged.why},
            )

    def take(self) -> tuple[Damaged, ...]:
        """Returns what was met since it was last asked for, in order."""
        found, self._found = tuple(self._found.values()), {}
        return found


def whole(value: Any, *, least: int = 0) -> int:
    """A whole number that something was counted by.

    >>> whole(3), whole(3.0)
    (3, 3)

    Raises
    ------
    ValueError
        If it is none, or below ``least``, or larger than anything that was ever counted.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= _LARGEST:
        raise ValueError(f"{value!r:.80} is no whole number from {least} on")
    if value != int(value):
        raise ValueError(f"{value!r:.80} is no whole number")
    return int(value)


def number_within(value: float, bounds: Iterable[float]) -> float:
    """``value``, if it lies within the two ``bounds``.

    Raises
    ------
    ValueError
        If it does not; NaN never does.
    """
    low, high = bounds
    if not low <= value <= high:
        raise ValueError(f"{value!r:.80} is not within {low} to {high}")
    return value
