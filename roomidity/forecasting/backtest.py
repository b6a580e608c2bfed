"""Rolling-origin evaluation on the serving path: train, advance and forecast as a deployed house would, day by day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.errors import NotEnoughDataError
from roomidity.forecasting.challenge import Challenge, challenge
from roomidity.forecasting.courses import DAY, fill
from roomidity.forecasting.eligibility import STEP_SLOTS, Cadence, eligible, issue_slots
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.online import advance
from roomidity.forecasting.serving import forecast
from roomidity.forecasting.training import one_blas_thread
from roomidity.forecasting.window import LEVELS, QUANTITIES, STEPS, WINDOW_SLOTS, FloatArray, Window, slot_number
from roomidity.slots import SLOT_MS, from_epoch_ms

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

MEDIAN: Final = LEVELS.index(0.5)
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
        Origins that the protocol scores, (rooms, origins).
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
        """The same of each room that is scored, alone."""
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
    """Number of the slot at which the test period starts: after three quarters of the days of all ``houses`` together.

    The first day is the earliest with a reading; the last day is that of the middle room when sorted by their ends.
    """
    begins, ends = [], []
    for house in houses:
        for values in house.values:
            held = np.flatnonzero(np.isfinite(values).any(axis=0))
            if len(held):
                begins.append(house.first + int(held[0]))
                ends.append(house.first + int(held[-1]) + 1)
    first = min(begins) // DAY
    last = -(-sorted(ends)[len(ends) // 2] // DAY)
    return (first + round(0.75 * (last - first))) * DAY


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
    """Every forecast of the test period, each from nothing but slots that had closed.

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
    quantiles = np.full((len(house.rooms), len(origins), 2, len(LEVELS), STEPS), np.nan)
    model, state = prior
    champion: Artifacts | None = None
    days = sorted({int(origin) // DAY for origin in origins})
    with one_blas_thread():
        for done, day in enumerate(days):
            closed = house.between(house.first, day * DAY)
            due = retrain_days is not None and done % retrain_days == 0
            winner = _winner(closed, prior, champion, seed=seed, jobs=jobs) if due else None
            if winner is not None:
                champion = (winner.trained.model, winner.trained.state)
                model, state = winner.trained.model, winner.state
            else:
                state = advance(state, model, closed)
            for place in np.flatnonzero(origins // DAY == day):
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
    """The same forecasts of ``house``, scored as readings of another cadence."""
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
    """The value 24 h before each target, filled forward for at most 3 h, (rooms, origins, 2, 96)."""
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
    """The protocol's figures over all rooms of ``replays``: humidity, then temperature."""
    for q in range(len(QUANTITIES)):
        yield summary_of(replays, q)


def summary_of(replays: Sequence[Replay], q: int) -> Summary:
    """The protocol's figures over all rooms of ``replays`` for the quantity at row ``q``.

    Of hourly readings, the error at a lead is that of the one in the hour that ends there.
    """
    levels = np.array(LEVELS)[:, None]
    figures, leads, origins = [], [], 0
    for room in _rooms(replays):
        kept = room.counted[0]
        origins += int(kept.sum())
        missed = _missed(room, q)
        known = np.isfinite(missed).all(axis=1)
        median = missed[:, MEDIAN]
        idle = np.where(known, room.actual[0, kept, q] - room.last[0, kept, q, None], np.nan)
        pinball = np.maximum(levels * missed, (levels - 1) * missed).mean(axis=1)[known].mean()
        inside = ((missed[:, 0] >= 0) & (missed[:, -1] <= 0))[known].mean()
        figures.append(
            [
                np.nanmean(np.abs(median)),
                np.sqrt(np.nanmean(median**2)),
                np.nanmean(np.abs(idle)),
                pinball,
                inside,
            ]
        )
        step = STEP_SLOTS[room.cadence]
        leads.append([np.nanmean(np.abs(median[:, lead - step : lead].ravel())) for lead in (4, 12, 24, 48, 96)])
    mae, rmse, idle_mae, pinball_mean, coverage = np.mean(figures, axis=0)
    return Summary(
        mae=float(mae),
        rmse=float(rmse),
        persistence_mae=float(idle_mae),
        skill=float(1 - mae / idle_mae),
        pinball=float(pinball_mean),
        coverage=float(coverage),
        by_lead=dict(zip((1, 3, 6, 12, 24), np.mean(leads, axis=0).tolist(), strict=True)),
        rooms=len(figures),
        origins=origins,
    )


def errors_by_lead(replays: Sequence[Replay]) -> FloatArray:
    """Mean absolute error of the median at each lead, per room and then over rooms, (2, 96)."""
    rooms = [
        [np.nanmean(np.abs(_missed(room, q)[:, MEDIAN]), axis=0) for q in range(len(QUANTITIES))]
        for room in _rooms(replays)
    ]
    errors: FloatArray = np.mean(rooms, axis=0)
    return errors


def reliability(replays: Sequence[Replay]) -> FloatArray:
    """Share of measured values at or below each quantile, per room and then over rooms, (2, 9); ideally LEVELS."""
    rooms = []
    for room in _rooms(replays):
        missed = [_missed(room, q) for q in range(len(QUANTITIES))]
        rooms.append([(each <= 0).sum(axis=(0, 2)) / np.isfinite(each).sum(axis=(0, 2)) for each in missed])
    shares: FloatArray = np.mean(rooms, axis=0)
    return shares


def _rooms(replays: Sequence[Replay]) -> Iterator[Replay]:
    return (room for one in replays for room in one.by_room())


def _missed(room: Replay, q: int) -> FloatArray:
    """Measured minus each quantile at the scored origins of one room, (origins, 9, 96); NaN where either is unknown."""
    kept = room.counted[0]
    missed: FloatArray = room.actual[0, kept, q, None] - room.quantiles[0, kept, q]
    return missed
