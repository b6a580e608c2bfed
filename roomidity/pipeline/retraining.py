"""When to train a house again: soon and often while it is new, then weekly, and when its forecasts have become worse.

What counts is that a training took place, not its outcome. A challenger that the gate refused is an answer as well, and
requesting the same training every night would not change it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from roomidity.domain.houses import House, rule_ids
from roomidity.domain.messages import TrainingJob, TrainingReason
from roomidity.domain.slots import SLOT, parse_slot
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.forecasting.evaluation.drift import drift_of
from roomidity.forecasting.evaluation.scores import Score
from roomidity.pipeline.ports import JobQueue

__all__ = ["ask_for_training", "training_due"]

logger: Final = logging.getLogger(__name__)

FIRST_DAYS: Final = 3
"""Days between the first reading and the first training. If the first reading came long before the others, training
reports too little data.
"""

YOUNG_DAYS: Final = 14
"""A house is trained daily until it has this many days of measurements, since each day adds much to what it knows."""

WEEKLY_DAYS: Final = 7
DRIFT_DAYS: Final = 2
"""Minimum days between trainings for drift. Training a house takes about as long as forecasting it for two days."""


def training_due(
    house: House, manifests: Sequence[Mapping[str, Any]], rows: Iterable[DayAccuracy], *, now: datetime
) -> TrainingReason | None:
    """Returns why a house should be trained now, or None.

    Days are counted by the calendar (UTC), so that a training that took a while does not delay the next. A house's age
    is the measured time that its newest training had, plus the days since. A single reading from weeks before does not
    make it older.

    Parameters
    ----------
    manifests
        The manifests of all its trainings, whether promoted or refused, oldest first.
    rows
        The accuracy of its rooms in the last weeks.
    """
    rooms = house.rooms_to_forecast(now)
    if not rooms:
        return None
    dated = [manifest for manifest in manifests if manifest.get("trained_through")]
    if not dated:
        first_seen = min(house.rooms[room].first_seen for room in rooms)
        return "first" if (now - first_seen).days >= FIRST_DAYS else None
    newest = dated[-1]
    days = (now.date() - parse_slot(newest["trained_through"]).date()).days
    age_days = (newest.get("slots_with_readings", 0) * SLOT).days + days
    if days >= 1 and age_days < YOUNG_DAYS:
        return "daily"
    if days >= WEEKLY_DAYS:
        return "weekly"
    if days >= 1 and house.flaw is None and rule_ids(newest) != {rule.id for rule in house.quarantine}:
        return "quarantine"
    if days >= DRIFT_DAYS and (why := drift_of(_by_day(rows))):
        logger.warning("forecasts have drifted", extra={"house": house.name, "why": why})
        return "drift"
    return None


def ask_for_training(jobs: JobQueue, *, house: str, reason: TrainingReason, now: datetime) -> None:
    """Request a training of the house on the slots closed by ``now``.

    Requesting it twice trains twice. The second challenger equals the first, so the gate gains nothing from it.
    """
    jobs.send([TrainingJob(house, reason, now).to_body()])


def _by_day(rows: Iterable[DayAccuracy]) -> list[dict[str, Score]]:
    """Returns the sums over all rooms by quantity, for each complete day, in order of time."""
    days: dict[date, dict[str, Score]] = {}
    for row in rows:
        if row.complete:
            sums = days.setdefault(row.day, {})
            for quantity, score in row.scores.items():
                sums[quantity] = sums[quantity] + score if quantity in sums else score
    return [sums for _, sums in sorted(days.items(), key=lambda item: item[0])]
