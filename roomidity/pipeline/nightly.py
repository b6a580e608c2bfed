"""A house's night: days are scored, faults flagged, state and mould move on; training is asked for where it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from roomidity.domain.houses import OUTDOOR
from roomidity.domain.messages import TrainingReason
from roomidity.domain.slots import floor_slot
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.pipeline.flagging import flag_faults
from roomidity.pipeline.mould import advance_mould
from roomidity.pipeline.ports import known_house
from roomidity.pipeline.renamed import accuracy_between
from roomidity.pipeline.retraining import ask_for_training, training_due
from roomidity.pipeline.state_moving import move_state
from roomidity.pipeline.verification import VerifyPorts, score_days

__all__ = ["RECENT_DAYS", "Night", "newest_complete_day", "run_night", "verify_day"]

LATE_DAYS: Final = 3
"""Days that are scored every night: the newest that is complete, and those before it, for readings may come late."""

RECENT_DAYS: Final = 28
"""Days of accuracy that tell whether a house's forecasts have become worse: four weeks, so that each weekday counts."""


@dataclass(frozen=True)
class Night:
    """What a night changed: rows of accuracy, flags, the state, days of mould; and why it asked for training, if so.

    ``refused`` says why the house's own model or state could not be used or moved on as it was.
    """

    rows: int = 0
    slots_flagged: int = 0
    state_advanced: bool = False
    mould_days: int = 0
    training: TrainingReason | None = None
    refused: str | None = None


def newest_complete_day(now: datetime) -> date:
    """The newest day of issue whose last forecast's 24 h are over.

    >>> from datetime import UTC
    >>> newest_complete_day(datetime(2026, 3, 15, 0, 20, tzinfo=UTC)).isoformat()
    '2026-03-13'
    """
    return (now - timedelta(days=2)).date()


def run_night(ports: VerifyPorts, *, house: str, now: datetime) -> Night:
    """Do all of a house's night; again on the same day changes nothing, but may ask for the same training again.

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
    for row in score_days(ports, house=home, days=days, now=now):
        standing = rows.get((row.room, row.day))
        if standing is None or standing.plain() != row.plain():
            changed.append(row)
        rows[row.room, row.day] = row
    written = ports.accuracy.put_many(changed, home=home)
    flagged = flag_faults(ports.observations, house=house, now=now, aliases=home.aliases)
    moved = move_state(ports, house=house, now=now)
    mould_days = advance_mould(ports.observations, ports.moulds, home, now=now)
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
    """Score and store one day of a house, and nothing else; of a day that is not complete, what is over.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    """
    home = known_house(ports.houses, house)
    rows = list(score_days(ports, house=home, days=[day], now=now))
    ports.accuracy.put_many(rows, home=home)
    return rows
