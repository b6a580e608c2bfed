"""When a house is trained again: soon and often while it is new, then weekly, and when its forecasts have become worse.

What has trained it counts, not what came of it: a challenger that the gate refused is an answer as well, and asking
for the same every night would not change it.
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
"""Days since the first reading before the first training; where that came long before the others, training says so."""

YOUNG_DAYS: Final = 14
"""A house is trained daily until so many days were measured: each day more is then a good part of all it knows."""

WEEKLY_DAYS: Final = 7
DRIFT_DAYS: Final = 2
"""Drift asks at most so often: training a house takes about as long as forecasting it for two days."""


def training_due(
    house: House, manifests: Sequence[Mapping[str, Any]], rows: Iterable[DayAccuracy], *, now: datetime
) -> TrainingReason | None:
    """Why a house should be trained now, or None.

    Days are counted by the calendar (UTC), so that a training that took a while does not put off the next. A house is
    as old as what the newest training had measured, and the days since: one reading of weeks before makes none older.

    Parameters
    ----------
    manifests
        Of everything that was trained for it, served or refused, oldest first.
    rows
        Its rooms' accuracy of the last weeks.
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
    """Ask for a training of the house on what had closed by ``now``.

    Asking twice trains twice; the second challenger is the first one's equal, and the gate lets it pass for nothing.
    """
    jobs.send([TrainingJob(house, reason, now).to_body()])


def _by_day(rows: Iterable[DayAccuracy]) -> list[dict[str, Score]]:
    """Sums over the rooms by quantity, of each day that is complete, in order of time."""
    days: dict[date, dict[str, Score]] = {}
    for row in rows:
        if row.complete:
            sums = days.setdefault(row.day, {})
            for quantity, score in row.scores.items():
                sums[quantity] = sums[quantity] + score if quantity in sums else score
    return [sums for _, sums in sorted(days.items(), key=lambda item: item[0])]
