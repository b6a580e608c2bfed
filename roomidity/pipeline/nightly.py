"""The nightly run of a house: scores days, flags faults, and advances the state and the mould index.

It requests a training if one is due.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from roomidity.domain.houses import OUTDOOR
from roomidity.domain.messages import TrainingReason
from roomidity.domain.slots import floor_slot
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.pipeline import mould, verification
from roomidity.pipeline.flagging import flag_faults
from roomidity.pipeline.mould import advance_mould
from roomidity.pipeline.ports import known_house
from roomidity.pipeline.read_once import ReadOnce
from roomidity.pipeline.renamed import accuracy_between
from roomidity.pipeline.retraining import ask_for_training, training_due
from roomidity.pipeline.state_moving import move_state
from roomidity.pipeline.verification import VerifyPorts, midnight, score_days

__all__ = ["RECENT_DAYS", "Night", "newest_complete_day", "run_night", "verify_day"]

LATE_DAYS: Final = 3
"""Days that are scored every night: the newest complete one and those before it, since readings may arrive late."""

RECENT_DAYS: Final = 28
"""Days of accuracy that show whether a house's forecasts have become worse. Four weeks give every weekday the same
weight.
"""


@dataclass(frozen=True)
class Night:
    """What a nightly run changed: accuracy rows, flags, the state and mould days, and why it requested a training.

    ``refused`` says why the house's own model or state could not be used or advanced as it was.
    """

    rows: int = 0
    slots_flagged: int = 0
    state_advanced: bool = False
    mould_days: int = 0
    training: TrainingReason | None = None
    refused: str | None = None


def newest_complete_day(now: datetime) -> date:
    """Returns the newest day of issue whose last forecast's 24 h are over.

    >>> from datetime import UTC
    >>> newest_complete_day(datetime(2026, 3, 15, 0, 20, tzinfo=UTC)).isoformat()
    '2026-03-13'
    """
    return (now - timedelta(days=2)).date()


def run_night(ports: VerifyPorts, *, house: str, now: datetime) -> Night:
    """Do all nightly work of a house. Returns what changed.

    Running it again on the same day changes nothing, but may request the same training again.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    """
    home = known_house(ports.houses, house)
    now = floor_slot(now)
    newest = newest_complete_day(now)
    rows = {
        (row.room, row.day): row
        for room in sorted(set(home.rooms) - {OUTDOOR})
        for row in accuracy_between(ports.accuracy, home, room, newest - timedelta(days=RECENT_DAYS - 1), newest)
    }
    changed: list[DayAccuracy] = []
    days = [newest - timedelta(days=back) for back in range(LATE_DAYS)]
    start = verification.looks_back_to(midnight(days[-1]))
    if OUTDOOR in home.rooms:
        start = min(start, mould.looks_back_to(now))
    # Not for the state: it goes by the means that forecasts read, item by item, if some are damaged.
    once = ReadOnce(ports.observations, house, start, now)
    for row in score_days(replace(ports, observations=once), house=home, days=days, now=now, standing=rows):
        standing = rows.get((row.room, row.day))
        if standing is None or standing.plain() != row.plain():
            changed.append(row)
        rows[row.room, row.day] = row
    written = ports.accuracy.put_many(changed, home=home)
    flagged = flag_faults(once, house=house, now=now, aliases=home.aliases)
    moved = move_state(ports, house=house, now=now)
    mould_days = advance_mould(once, ports.moulds, home, now=now)
    reason = training_due(home, ports.registry.manifests(house, now=now), rows.values(), now=now)
    if reason is None and moved.wants_training:
        reason = "repair"
    if reason is not None:
        ask_for_training(ports.training_jobs, house=house, reason=reason, now=now)
    return Night(
        rows=written,
        slots_flagged=flagged,
        state_advanced=moved.advanced,
        mould_days=mould_days,
        training=reason,
        refused=moved.refused,
    )


def verify_day(ports: VerifyPorts, *, house: str, day: date, now: datetime) -> list[DayAccuracy]:
    """Score and store one day of a house, and nothing else. Returns the rows.

    If the day is not complete, only the forecasts that are over are scored.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    """
    home = known_house(ports.houses, house)
    rows = list(score_days(ports, house=home, days=[day], now=now))
    ports.accuracy.put_many(rows, home=home)
    return rows
