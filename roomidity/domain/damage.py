"""Stored items that cannot be read. Each is named, counted and left out, and does not affect any other item."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Damage", "Damaged", "number_within", "whole"]

logger: Final = logging.getLogger(__name__)

_NAMED: Final = 50
"""Maximum number of items that are logged individually. Whatever damages more damages a whole table, and logs are
billed by volume.
"""

_LARGEST: Final = 10**12
"""Largest version or count that is accepted. Anything that counts writes or seconds stays below it, and floats hold it
exactly.
"""


@dataclass(frozen=True)
class Damaged:
    """An item that cannot be read, or only in part: its table, its key, and the reason."""

    table: str
    key: Mapping[str, str]
    why: str

    @property
    def place(self) -> tuple[str, ...]:
        """The table and key values that identify the item."""
        return self.table, *self.key.values()


class Damage:
    """Collects the damaged items met since they were last asked for, each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], Damaged] = {}

    def note(self, damaged: Damaged) -> None:
        """Record and log an item. An item that is met again is neither counted nor logged again."""
        if damaged.place in self._found:
            return
        self._found[damaged.place] = damaged
        if len(self._found) <= _NAMED:
            logger.error(
                "an item is damaged, the others are read",
                extra={"table": damaged.table, "key": dict(damaged.key), "why": damaged.why},
            )

    def take(self) -> tuple[Damaged, ...]:
        """Returns the items met since the last call, in order, and forgets them."""
        found, self._found = tuple(self._found.values()), {}
        return found


def whole(value: Any, *, least: int = 0) -> int:
    """Returns ``value`` as an int, if it is a whole number that can be a count.

    >>> whole(3), whole(3.0)
    (3, 3)

    Raises
    ------
    ValueError
        If it is not a whole number, is below ``least``, or is larger than any count can be.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= _LARGEST:
        raise ValueError(f"{value!r:.80} is no whole number from {least} on")
    if value != int(value):
        raise ValueError(f"{value!r:.80} is no whole number")
    return int(value)


def number_within(value: float, bounds: Iterable[float]) -> float:
    """Returns ``value`` if it lies within the two ``bounds``.

    Raises
    ------
    ValueError
        If it does not. NaN never lies within bounds.
    """
    low, high = bounds
    if not low <= value <= high:
        raise ValueError(f"{value!r:.80} is not within {low} to {high}")
    return value
