"""Verify: forecasts whose 24 h are over against what happened; and the daily step of a champion's state."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from roomidity.errors import ModelRefusedError
from roomidity.forecasting import QUANTITIES, STEPS, WINDOW_SLOTS, Window, advance
from roomidity.forecasting.scoring import Score, score
from roomidity.forecasting.window import FloatArray
from roomidity.houses import OUTDOOR
from roomidity.pipeline.lookup import known_house
from roomidity.pipeline.ports import Forecasts, Houses, Observations, Registry
from roomidity.pipeline.windows import KEPT_FOR, read_history
from roomidity.slots import SLOT, SLOT_MS, from_epoch_ms
from roomidity.store import QUANTILES, StoredForecast

__all__ = ["VerifyPorts", "advance_state", "verify_house"]

logger: Final = logging.getLogger(__name__)

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class VerifyPorts:
    """What verification talks to."""

    houses: Houses
    observations: Observations
    forecasts: Forecasts
    registry: Registry


def verify_house(
    ports: VerifyPorts, *, house: str, first: datetime, last: datetime, now: datetime
) -> dict[str, dict[str, Score]]:
    """Scores by room and quantity of the forecasts issued from ``first`` to ``last`` whose 24 h are over at ``now``.

    A pure function of stored forecasts and observations: again gives the same. Persistence is the newest value before
    the issue time, on the same slots.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    """
    home = known_house(ports.houses, house)
    last = min(last, now - _DAY)
    if last < first:
        return {}
    rooms = tuple(sorted(set(home.rooms) - {OUTDOOR}))
    start = first - WINDOW_SLOTS * SLOT
    happened = read_history(ports.observations, home, rooms, start=start, end=last + _DAY)
    return {
        room: scores
        for row, room in enumerate(rooms)
        if (scores := _score_room(ports.forecasts.between(house, room, first, last), happened, row))
    }


def _score_room(issued: Sequence[StoredForecast], happened: Window, row: int) -> dict[str, Score]:
    """Scores of one room's forecasts by quantity; none for a quantity that was not forecast."""
    scores: dict[str, Score] = {}
    for place, quantity in enumerate(QUANTITIES):
        forecasts = [one for one in issued if quantity in one.quantities]
        if not forecasts:
            continue
        actual = happened.values[row, place]
        newest = _filled(actual)
        begins = np.array([(one.issued_at - happened.start) // SLOT for one in forecasts])
        quantiles = np.array([[one.quantities[quantity][name] for name in QUANTILES] for one in forecasts])
        scores[quantity] = score(quantiles, actual[begins[:, None] + np.arange(STEPS)], newest[begins - 1]).pooled()
    return scores


def _filled(values: FloatArray) -> FloatArray:
    """The newest value at each slot; NaN before the first."""
    places = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), 0))
    return values[places]


def advance_state(ports: VerifyPorts, *, house: str, now: datetime) -> bool:
    """Move the champion's online state on over the slots that have closed; whether it moved.

    Running it again changes nothing: the state knows through which slot it has been advanced.
    """
    home = known_house(ports.houses, house)
    try:
        champion = ports.registry.champion(house)
    except ModelRefusedError as error:
        logger.exception("champion refused, its state stays", extra={"house": house, "version": error.version})
        return False
    rooms = home.rooms_to_forecast(now)
    if champion is None or not rooms:
        return False
    start = min(max(from_epoch_ms(champion.state.through * SLOT_MS), now - KEPT_FOR), now)
    closed = read_history(ports.observations, home, rooms, start=start, end=now)
    moved = advance(champion.state, champion.model, closed)
    if moved is champion.state:
        return False
    ports.registry.put_state(house, champion.version, moved)
    return True
