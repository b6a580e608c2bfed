"""Verification: compares forecasts whose 24 h are over with what happened.

The result is a function of stored forecasts and observations only. Repeating it is therefore idempotent, and repeating
it after late readings takes them into account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import OUTDOOR, House
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, floor_slot
from roomidity.forecasting import STEPS, WINDOW_SLOTS, Window
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.forecasting.evaluation.protocol import ISSUE_SLOTS, counted
from roomidity.forecasting.evaluation.scores import Score, score
from roomidity.forecasting.serving.faults import without_faults
from roomidity.forecasting.serving.gaps import FILL_SLOTS, fill
from roomidity.pipeline.history import read_history
from roomidity.pipeline.ports import (
    Accuracy,
    Forecasts,
    Houses,
    JobQueue,
    Moulds,
    PastObservations,
    Registry,
    Weather,
    known_house,
)
from roomidity.pipeline.renamed import forecasts_between

__all__ = ["VerifyPorts", "looks_back_to", "midnight", "score_days", "verify_house"]

_DAY: Final = timedelta(days=1)

_RULE: Final = 1
"""Version of how scores are made. When it is raised, the days that a night looks at are scored again."""

Rows = Mapping[tuple[str, date], DayAccuracy]
"""By room and day."""


@dataclass(frozen=True)
class VerifyPorts:
    """The ports of verification."""

    houses: Houses
    observations: PastObservations
    forecasts: Forecasts
    registry: Registry
    accuracy: Accuracy
    moulds: Moulds
    training_jobs: JobQueue
    weather: Weather


def midnight(day: date) -> datetime:
    """Returns the start of a day in UTC."""
    return datetime.combine(day, datetime.min.time(), tzinfo=UTC)


def looks_back_to(issued_at: datetime) -> datetime:
    """Returns the start of the first slot that the score of a forecast rests on."""
    return issued_at - (WINDOW_SLOTS + FILL_SLOTS) * SLOT


def verify_house(
    ports: VerifyPorts, *, house: str, first: datetime, last: datetime, now: datetime
) -> dict[str, dict[str, Score]]:
    """Returns by room and quantity the scores of forecasts issued in [``first``, ``last``] that are over at ``now``.

    A forecast counts if a value was measured in the 3 h before it was issued. Persistence is that value, on the same
    slots. The measured value of a slot is its robust value. Slots with a sensor fault count as not measured.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    """
    home = known_house(ports.houses, house)
    last = _last_over(last, now)
    found = {}
    for happened, row in _measured(ports, home, first=first, last=last):
        room = happened.rooms[row]
        if issued := forecasts_between(ports.forecasts, home, room, first, last):
            scored = _score_room(issued, happened, row)
            found[room] = scored.by_quantity(np.ones(len(scored.issued), dtype=np.bool_))
    return found


def score_days(
    ports: VerifyPorts,
    *,
    house: House,
    days: Sequence[date],
    now: datetime,
    standing: Rows = MappingProxyType({}),
) -> Iterator[DayAccuracy]:
    """Yields the accuracy of the forecasts issued on each of ``days``, room by room.

    Left out is a day that was complete when it was scored, and of which nothing else has been measured since, as its
    ``standing`` row says: its forecasts, which are most of what a night would read, are as they were. One that is
    written for it all the same came when its 24 h were over, when nobody could go by it.

    Of a day that is not complete at ``now``, the forecasts that are over are scored. A room and day without any has no
    row.

    The six-hourly sums count the same issue times as a backtest, and can be compared with it, except for what no single
    day can know. A backtest leaves out rooms with fewer than 12 such issue times, and issue times within a day of the
    room's last reading. Its pinball loss covers nine quantiles, whereas this one covers the three that are stored.
    """
    first, last = midnight(min(days)), _last_over(midnight(max(days)) + _DAY - SLOT, now)
    for happened, row in _measured(ports, house, first=first, last=last):
        room = happened.rooms[row]
        rests_on = {day: _identified(happened, row, day) for day in days}
        due = [day for day in days if not _stands(standing.get((room, day)), rests_on[day])]
        if not due:
            continue
        issued = forecasts_between(
            ports.forecasts, house, room, midnight(min(due)), min(last, midnight(max(due)) + _DAY - SLOT)
        )
        if not issued:
            continue
        scored = _score_room(issued, happened, row)
        for day in due:
            chosen = np.array([issued.date() == day for issued in scored.issued])
            if chosen.any():
                yield DayAccuracy(
                    house=house.name,
                    room=room,
                    day=day,
                    forecasts=int(chosen.sum()),
                    complete=midnight(day) + 2 * _DAY <= now,
                    scores=scored.by_quantity(chosen),
                    six_hourly=scored.by_quantity(chosen & scored.counted),
                    rests_on=rests_on[day],
                )


def _stands(row: DayAccuracy | None, rests_on: str) -> bool:
    return row is not None and row.complete and row.rests_on == rests_on


def _identified(happened: Window, row: int, day: date) -> str:
    """Returns a text that is the same as long as the scores of a room's forecasts of a day can be no others."""
    begin = (midnight(day) - happened.start) // SLOT
    values = happened.values[row, :, max(0, begin - WINDOW_SLOTS - FILL_SLOTS) : begin + _DAY // SLOT - 1 + STEPS]
    plain = np.where(np.isfinite(values), values + 0.0, np.nan)  # one zero, and one NaN
    return f"{_RULE}:{blake2b(plain.tobytes(), digest_size=9).hexdigest()}"


@dataclass(frozen=True)
class _Scored:
    """A room's scored forecasts, in order of time.

    ``scores`` holds sums of shape (forecasts, 2, 24). ``counted`` says which forecasts a backtest would count.
    """

    issued: Sequence[datetime]
    quantities: Sequence[str]
    scores: Score
    counted: NDArray[np.bool_]

    def by_quantity(self, chosen: NDArray[np.bool_]) -> dict[str, Score]:
        """Returns the sums over the ``chosen`` forecasts, for each quantity that was forecast."""
        return {
            quantity: self.scores[chosen, place].pooled()
            for place, quantity in enumerate(QUANTITIES)
            if quantity in self.quantities
        }


def _last_over(last: datetime, now: datetime) -> datetime:
    """Returns the last issue time up to ``last`` whose 24 h are over at ``now``."""
    return min(last, floor_slot(now) - _DAY)


def _measured(ports: VerifyPorts, house: House, *, first: datetime, last: datetime) -> Iterator[tuple[Window, int]]:
    """Yields what forecasts issued from ``first`` to ``last`` are scored by, with the row of each room in turn."""
    if last < first:
        return
    rooms = tuple(sorted(set(house.rooms) - {OUTDOOR}))
    start = looks_back_to(first)
    happened = without_faults(read_history(ports.observations, house, rooms, start=start, end=last + _DAY))
    for row in range(len(rooms)):
        yield happened, row


def _score_room(forecasts: Sequence[StoredForecast], happened: Window, row: int) -> _Scored:
    issued = [one.issued_at for one in forecasts]
    begins = np.array([(moment - happened.start) // SLOT for moment in issued])
    measured = happened.values[row]
    actual = measured[:, begins[:, None] + np.arange(STEPS)].swapaxes(0, 1)
    filled = fill(measured)
    newest = filled[:, begins - 1].T
    return _Scored(
        issued=issued,
        quantities=sorted({quantity for one in forecasts for quantity in one.quantities}),
        scores=score(np.stack([one.quantiles for one in forecasts]), actual, newest),
        counted=np.array(
            [(moment - midnight(moment.date())) % (ISSUE_SLOTS * SLOT) == timedelta(0) for moment in issued]
        )
        & counted(filled, actual, newest, begins),
    )
