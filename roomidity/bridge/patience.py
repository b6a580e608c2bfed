"""Retry times with exponential backoff and jitter."""

from __future__ import annotations

import random

__all__ = ["Patience"]


class Patience:
    """A wait after each consecutive failure: half to all of a bound that doubles from ``first_s`` to ``longest_s``."""

    def __init__(self, randomness: random.Random, *, first_s: float, longest_s: float) -> None:
        self._randomness = randomness
        self._first_s = first_s
        self._longest_s = longest_s
        self._failures = 0
        self.until_s = 0.0

    def fail(self, now_s: float, *, least_s: float = 0.0) -> float:
        """Notes a failure. Returns how long to wait now, in s."""
        bound = min(self._longest_s, self._first_s * 2.0**self._failures)
        self._failures = min(self._failures + 1, 30)
        wait_s: float = max(least_s, bound) * self._randomness.uniform(0.5, 1)
        self.until_s = now_s + wait_s
        return wait_s

    def succeed(self) -> None:
        """Notes a success, which resets the backoff."""
        self._failures, self.until_s = 0, 0.0
