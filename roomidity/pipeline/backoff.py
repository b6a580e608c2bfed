"""Exponential back-off with jitter before another attempt."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

__all__ = ["ATTEMPTS", "BackOff"]

ATTEMPTS: Final = 12
"""Rounds of read, merge and write. In each round at least one of the competing writers succeeds."""

_FIRST_S: Final = 0.02
_LONGEST_S: Final = 2.0


@dataclass(frozen=True)
class BackOff:
    """Back-off with full jitter: a wait drawn uniformly between 0 and a bound that doubles up to 2 s."""

    sleep: Callable[[float], None]
    randomness: random.Random = field(default_factory=random.Random)

    def pause(self, attempt: int) -> None:
        """Wait after the failed ``attempt``, counted from 0."""
        self.sleep(self.randomness.uniform(0, min(_LONGEST_S, _FIRST_S * 2**attempt)))
