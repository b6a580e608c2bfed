"""Rolling-origin evaluation on the serving path: train, advance and forecast as a deployed house would, day by day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT_MS, SLOTS_A_DAY, from_epoch_ms
from roomidity.errors import NotEnoughDataError
from roomidity.forecasting.evaluation.protocol import STEP_SLOTS, Cadence, eligible, issue_slots
from roomidity.forecasting.evaluation.scores import Score, losses
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.serving.forecast import forecast
from roomidity.forecasting.serving.gaps import fill
from roomidity.forecasting.serving.online import advance
from roomidity.forecasting.training.challenge import Challenge, challenge
from roomidity.forecasting.training.ridges import one_blas_thread
from roomidity.forecasting.window import LEVELS, STEPS, WINDOW_SLOTS, FloatArray, Window, slot_number

__all__ = [
    "Replay",
    "Summary",
    "at_cadence",
    "errors_by_lead",
    "reliability",
    "replay",
    "seasonal_naive",
    "start_of_test",
    "summarise",
    "summary_of",
]

LEAD_HOURS_SHOWN: Final = (1, 3, 6, 12, 24)

Artifacts = tuple[Model, State]


@dataclass(frozen=True)
class Replay:
    """Forecasts of a house and what came of them.

    Parameters
    ----------
    rooms
        Names.
    issued_at
        Issue times.
    quantiles
        (rooms, origins, 2, 9, 96).
    actual
        What was measured, (rooms, origins, 2, 96); NaN where nothing was.
    last
        The newest value at issue, filled forward for at most 3 h, (rooms, origins, 2).
    counted
        (rooms, origins) whether the standard scoring counts an origin (see `evaluation.protocol`).
    temperature_only
        Origins of rooms without a hygrometer that would be scored by temperature alone, (rooms, origins).
    cadence
        How often readings were expected.
    """

    rooms: tuple[str, ...]
    issued_at: tuple[datetime, ...]
    quantiles: FloatArray
    actual: FloatArray
    last: FloatArray
    counted: NDArray[np.bool_]
    temperature_only: NDArray[np.bool_]
    cadence: Cadence = "15min"

    def by_room(self) -> Iterator[Replay]:
        """Yields the replay of each room that is scored, alone."""
        for row in np.flatnonzero(self.counted.any(axis=1)):
            only = slice(row, row + 1)
            yield replace(
                self,
                rooms=self.rooms[only],
                quantiles=self.quantiles[only],
                actual=self.actual[only],
                last=self.last[only],
                counted=self.counted[only],
                temperature_only=self.temperature_only[only],
            )


def start_of_test(houses: Sequence[Window]) -> int:
    """Returns the number of the slot at which the test period starts: after three quarters of all ``houses``' days.

    The first day is the earliest with a reading; the last day is that of the middle room when sorted by their ends.
    """
    begins, ends = [], []
    for house in houses:
        for values in house.values:
            held = np.flatnonzero(np.isfinite(values).any(axis=0))
            if len(held):
                begins.append(house.first + int(held[0]))
                ends.append(house.first + int(held[-1]) + 1)
    first = min(begins) // SLOTS_A_DAY
    last = -(-sorted(ends)[len(ends) // 2] // SLOTS_A_DAY)
    return (first + round(0.75 * (last - first))) * SLOTS_A_DAY


def replay(
    house: Window,
    prior: Artifacts,
    *,
    start: int,
    stop: int | None = None,
    retrain_days: int | None = 7,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int], object] = lambda _done, _all: None,
) -> Replay:
    """Returns every forecast of the test period, each from nothing but slots that had closed.

    This is a rolling-origin evaluation (Tashman, International Journal of Forecasting 16, 2000).

    At each midnight the state advances over the day; every ``retrain_days`` a model is trained on what has closed, and
    serves from then on if it wins its challenge. The serving window then is all that a forecast reads.

    Parameters
    ----------
    house
        All readings.
    prior
        Model and state to begin with: :func:`load_prior`'s, or one that has not seen the house.
    start, stop
        Slot numbers of the first issue time and of the end of issue times (default: the end of the readings).
    retrain_days
        Days between trainings; None for never: the prior and its state alone serve (cold start).
    jobs
        Rooms fitted at a time; -1 for all cores. The forecasts are the same for any number.
    progress
        Called with days done and days in all.
    """
    origins = issue_slots(house, start=start, stop=stop)
    quantiles = np.full((len(house.rooms), len(origins), len(QUANTITIES), len(LEVELS), STEPS), np.nan)
    model, state = prior
    champion: Artifacts | None = None
    days = sorted({int(origin) // SLOTS_A_DAY for origin in origins})
    with one_blas_thread():
        for done, day in enumerate(days):
            closed = house.between(house.first, day * SLOTS_A_DAY)
            due = retrain_days is not None and done % retrain_days == 0
            winner = _winner(closed, prior, champion, seed=seed, jobs=jobs) if due else None
            if winner is not None:
                champion = (winner.trained.model, winner.trained.state)
                model, state = winner.trained.model, winner.state
            else:
                state = advance(state, model, closed)
            for place in np.flatnonzero(origins // SLOTS_A_DAY == day):
                window = house.between(house.first, int(origins[place])).tail(WINDOW_SLOTS)
                quantiles[:, place] = forecast(window, model, state).quantiles
            progress(done + 1, len(days))
    ahead = origins[:, None] - house.first + np.arange(STEPS)
    actual = house.values[:, :, ahead].swapaxes(1, 2)
    last = fill(house.values)[:, :, origins - house.first - 1].swapaxes(1, 2)
    issued = tuple(from_epoch_ms(int(origin) * SLOT_MS) for origin in origins)
    scored = eligible(house, origins)
    return Replay(
        rooms=house.rooms,
        issued_at=issued,
        quantiles=quantiles,
        actual=actual,
        last=last,
        counted=scored.counted,
        temperature_only=scored.temperature_only,
    )


def at_cadence(one: Replay, house: Window, cadence: Cadence) -> Replay:
    """Returns the same forecasts of ``house``, scored as readings of another cadence."""
    scored = eligible(house, np.array([slot_number(moment) for moment in one.issued_at]), cadence=cadence)
    return replace(one, counted=scored.counted, temperature_only=scored.temperature_only, cadence=cadence)


def _winner(closed: Window, prior: Artifacts, champion: Artifacts | None, *, seed: int, jobs: int) -> Challenge | None:
    """A challenger that may serve, or None if it lost or there is too little to train one."""
    try:
        found = challenge(closed, prior=prior, champion=champion, seed=seed, jobs=jobs)
    except NotEnoughDataError:
        return None
    return found if found.verdict.won else None


def seasonal_naive(house: Window, issued: Sequence[int]) -> FloatArray:
    """Returns the value 24 h before each target, filled forward for at most 3 h, (rooms, origins, 2, 96).

    Parameters
    ----------
    house
        Readings from a day before the first issue time on.
    issued
        Slot numbers of the issue times.
    """
    filled = np.concatenate([np.full((*house.values.shape[:2], STEPS), np.nan), fill(house.values)], axis=2)
    places = np.asarray(issued)[:, None] - house.first + np.arange(STEPS)
    before: FloatArray = filled[:, :, places].swapaxes(1, 2)
    return before


@dataclass(frozen=True)
class Summary:
    """The protocol's figures for one quantity: per room over all scored slots, then the plain mean over rooms."""

    mae: float
    rmse: float
    persistence_mae: float
    skill: float
    pinball: float
    coverage: float
    by_lead: dict[int, float]
    rooms: int
    origins: int


def summarise(replays: Sequence[Replay]) -> Iterator[Summary]:
    """Yields the scores over all rooms of ``replays``: humidity, then temperature."""
    for q in range(len(QUANTITIES)):
        yield summary_of(replays, q)


def summary_of(replays: Sequence[Replay], q: int) -> Summary:
    """Returns the scores over all rooms of ``replays`` for the quantity at row ``q``.

    For hourly readings, the error at a lead is that of the reading in the hour that ends there.
    """
    rooms = list(_rooms(replays))
    by_lead = [_losses(room)[:, q].pooled() for room in rooms]
    overall = [room.total() for room in by_lead]
    mae, persistence_mae = (_over_rooms(overall, name) for name in ("mae", "persistence_mae"))
    return Summary(
        mae=mae,
        rmse=_over_rooms(overall, "rmse"),
        persistence_mae=persistence_mae,
        skill=1 - mae / persistence_mae,
        pinball=_over_rooms(overall, "mean_pinball"),
        coverage=_over_rooms(overall, "coverage"),
        by_lead={
            hours: float(np.mean([_error_at(*of, 4 * hours) for of in zip(by_lead, rooms, strict=True)]))
            for hours in LEAD_HOURS_SHOWN
        },
        rooms=len(rooms),
        origins=sum(int(room.counted[0].sum()) for room in rooms),
    )


def _error_at(sums: Score, room: Replay, lead: int) -> float:
    """Mean error of the readings expected in the slots up to ``lead``: one slot, or the hour's."""
    slots = slice(lead - STEP_SLOTS[room.cadence], lead)
    return float(sums.absolute_error[slots].sum() / sums.count[slots].sum())


def errors_by_lead(replays: Sequence[Replay]) -> FloatArray:
    """Returns the mean absolute error of the median at each lead, the mean over rooms, (2, 96), in %RH and °C."""
    rooms = [[room[:, q].pooled().mae for q in range(len(QUANTITIES))] for room in map(_losses, _rooms(replays))]
    errors: FloatArray = np.mean(rooms, axis=0)
    return errors


def reliability(replays: Sequence[Replay]) -> FloatArray:
    """Returns the share of measured values at or below each quantile, per room and then over rooms, (2, 9).

    Quantiles are calibrated where the shares are LEVELS.
    """
    rooms = []
    for room in _rooms(replays):
        kept = room.counted[0]
        residuals = room.actual[0, kept, :, None] - room.quantiles[0, kept]
        rooms.append((residuals <= 0).sum(axis=(0, 3)) / np.isfinite(residuals).sum(axis=(0, 3)))
    shares: FloatArray = np.mean(rooms, axis=0)
    return shares


def _rooms(replays: Sequence[Replay]) -> Iterator[Replay]:
    return (room for one in replays for room in one.by_room())


def _losses(room: Replay) -> Score:
    """The losses of one room at the origins that count, (origins, 2, 96)."""
    kept = room.counted[0]
    return losses(room.quantiles[0, kept], room.actual[0, kept], room.last[0, kept])


def _over_rooms(rooms: Sequence[Score], name: str) -> float:
    return float(np.mean([getattr(room, name)[0] for room in rooms]))
