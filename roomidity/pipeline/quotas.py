"""Quotas of senders per tick: how many new houses may come, and how many readings of one house are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from roomidity.domain.houses import House

__all__ = ["NO_QUOTAS", "Allowance", "Quotas"]


@dataclass(frozen=True)
class Quotas:
    """What one tick and one day may bring.

    ``house_readings_a_tick`` is high enough for a past of 400 days of 256 sensors, with a reading per minute each, to
    be stored in 74 ticks. After 100 ticks a message would become a dead letter.
    """

    new_houses_a_tick: int = 500
    new_houses_a_day: int = 5_000
    house_readings_a_tick: int = 2_000_000


NO_QUOTAS: Final = Quotas(10**9, 10**9, 10**9)
"""For trusted senders."""


class Allowance:
    """What is left of the quotas in one drain.

    The number of houses that came today is counted in the table, which the drain reads anyway, so that no separate
    counter can be wrong. It is counted only when a new house comes. Parallel drains may each admit as many.
    """

    def __init__(self, quotas: Quotas, *, now: datetime) -> None:
        self._quotas = quotas
        self._now = now
        self._places: int | None = None
        self._readings: Counter[str] = Counter()

    def places(self, houses: Callable[[], Iterable[House]]) -> int:
        """Returns how many new houses may still come. ``houses`` returns those that exist."""
        if self._places is None:
            today = sum(
                house.admitted_at is not None and house.admitted_at.date() == self._now.date() for house in houses()
            )
            self._places = max(0, min(self._quotas.new_houses_a_tick, self._quotas.new_houses_a_day - today))
        return self._places

    def take_place(self) -> None:
        """Count a new house."""
        if self._places is not None:
            self._places -= 1

    def messages_over(self, accepted: pl.DataFrame) -> list[int]:
        """Returns the messages with readings of a house that has reached its quota.

        Earlier messages are accepted first.
        """
        most = self._quotas.house_readings_a_tick
        if self._readings.total() + len(accepted) <= most:
            return []
        counts = Counter(self._readings)
        over = []
        sizes = accepted.group_by("message").agg(pl.col("house").value_counts()).sort("message")
        for message, houses in sizes.iter_rows():
            if any(counts[one["house"]] >= most for one in houses):
                over.append(message)
            else:
                counts.update({one["house"]: one["count"] for one in houses})
        return over

    def count(self, accepted: pl.DataFrame) -> None:
        """Count readings that were stored."""
        self._readings.update(dict(accepted["house"].value_counts().iter_rows()))
