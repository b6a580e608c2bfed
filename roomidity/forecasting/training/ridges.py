"""A house's own model: two ridges a room, and the state that a daily run over the house's history would have reached.

The only modules of the package that import scikit-learn and joblib are this one and those that it alone imports.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.errors import NotEnoughDataError
from roomidity.forecasting.formats import WEATHER_RIDGES
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.panel import Question, answers_to
from roomidity.forecasting.serving.cadence import cadence
from roomidity.forecasting.serving.calibration import error_scale
from roomidity.forecasting.serving.experience import SCORE_STRIDE
from roomidity.forecasting.serving.experts import network, scaled, weather_bypass
from roomidity.forecasting.serving.faults import without_faults
from roomidity.forecasting.serving.features import Basis, Design, calendar, design, targets
from roomidity.forecasting.serving.gaps import fill, measured_slots
from roomidity.forecasting.serving.online import forgetful, remember, with_rooms
from roomidity.forecasting.serving.weather import observed_ahead
from roomidity.forecasting.training.fits import RoomFit, fit_room
from roomidity.forecasting.training.joining import joined
from roomidity.forecasting.training.replay import replay
from roomidity.forecasting.training.report import mean_errors
from roomidity.forecasting.window import STEPS, FloatArray, Window

__all__ = ["MIN_SLOTS", "Trained", "one_blas_thread", "train"]

MIN_SLOTS: Final = 2 * SLOTS_A_DAY
"""Two days: below that a ridge has seen no whole day of forecasts. With the day that is held out to judge it, three."""

REPLAY_DAYS: Final = 56
"""Days over which the daily run is replayed; what came before has faded from weights and quantiles."""


@dataclass(frozen=True)
class Trained:
    """A trained model, the state that belongs to it, and how it did on days that it had not seen.

    Parameters
    ----------
    model, state
        What serving needs.
    report
        Plain numbers for a manifest.
    estimators
        The fitted scikit-learn estimators by room, where they were asked for.
    """

    model: Model
    state: State
    report: dict[str, Any]
    estimators: dict[str, dict[str, Ridge]] = field(default_factory=dict)


def train(
    history: Window,
    *,
    prior: tuple[Model, State],
    seed: int,
    jobs: int = 1,
    keep_estimators: bool = False,
) -> Trained:
    """Returns a model of the house from ``history`` alone, and the state at its end.

    The ridges are fitted on every hour whose 24 h have closed. The state comes from a replay: for each of the last
    days, ridges fitted on what had closed by then, forecasts for that day, weights and quantiles from their errors. So
    nothing in the state rests on a forecast that had seen its answer.

    Parameters
    ----------
    history
        All readings to learn from, up to the present; months are welcome. Slots with sensor faults are left out.
    prior
        The shipped model and state, as :func:`load_prior` gives them.
    seed
        Recorded in the report; the fit itself draws nothing at random.
    jobs
        Rooms fitted at a time, by joblib threads.
    keep_estimators
        Whether the scikit-learn estimators are handed back as well.

    Raises
    ------
    NotEnoughDataError
        If fewer than MIN_SLOTS slots hold a reading of any room.
    """
    found = len(measured_slots(history))
    if found < MIN_SLOTS:
        raise NotEnoughDataError("of this history", found_slots=found, needed_slots=MIN_SLOTS)
    with one_blas_thread():
        return _train(history, prior=prior, seed=seed, jobs=jobs, keep_estimators=keep_estimators, found=found)


def one_blas_thread() -> AbstractContextManager[object]:
    """Returns a context in which linear algebra runs on one thread: matrices are small, and rooms run side by side.

    With two, on two cores, 8 rooms take 31 s one by one in place of 13 s, and 99 s side by side in place of 12 s.
    """
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


def _train(
    history: Window, *, prior: tuple[Model, State], seed: int, jobs: int, keep_estimators: bool, found: int
) -> Trained:
    base, start = prior
    whole, history = history, without_faults(history)
    first = history.first
    origins = np.arange(first + 1 + (-(first + 1)) % SCORE_STRIDE, history.last - STEPS + 1, SCORE_STRIDE)
    columns = origins - first
    parts: Iterator[Design] = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
        delayed(design)(values[None], columns, history.outdoor) for values in cadence(history.values).values
    )
    rooms = len(history.rooms)
    clock = calendar(origins, history.timezone)
    replay_from = max(origins[0], history.last - STEPS - REPLAY_DAYS * SLOTS_A_DAY)
    days = np.arange(replay_from + (-replay_from) % SLOTS_A_DAY, origins[-1] + 1, SLOTS_A_DAY)
    replayed = slice(np.searchsorted(origins, days[0]) if len(days) else len(origins), None)
    basis, lately = joined(parts, history, columns, replayed=replayed)
    differences = targets(history.values, columns[replayed]) - lately.newest[..., None]
    filled = fill(history.values)
    lately_rows = np.concatenate(
        [scaled(base, basis.inputs(clock, only=slice(row, row + 1))[:, replayed]) for row in range(rooms)]
    )

    def fit(basis: Basis, row: int, ahead: FloatArray | None, known: NDArray[np.bool_]) -> RoomFit:
        # The inputs and targets of all rooms at once would be most of what a training holds.
        own = scaled(base, basis.inputs(clock, only=slice(row, row + 1)))[0]
        wanted = targets(filled[row : row + 1], columns)[0] - basis.newest[row, ..., None]
        return fit_room(base, own, ahead, wanted, known, origins, days, keep=keep_estimators)

    def fitted(basis: Basis, weather: FloatArray | None, known: NDArray[np.bool_]) -> list[RoomFit]:
        found: list[RoomFit] = Parallel(n_jobs=jobs, prefer="threads")(
            delayed(fit)(basis, row, ahead, known)
            for row, ahead in enumerate([None] * rooms if weather is None else weather)
        )
        return found

    def answered(prior: FloatArray, fits: list[RoomFit]) -> FloatArray:
        ridge, left = (np.stack([fit.replayed[which] for fit in fits]) for which in range(2))
        return answers_to(Question(lately, prior=prior, ridge=ridge, residual_ridge=prior + left))

    expected = network(base, lately_rows).reshape(differences.shape)
    fits = fitted(basis, None, np.ones(len(origins), dtype=np.bool_))
    informed = lately.informed
    weather_fits: list[RoomFit] = []
    more: FloatArray | None = None
    if basis.weather is not None:
        # What came stands in where no issue was known: of that the ridges learn, and nothing else does.
        seen = observed_ahead(basis, history, columns)
        known, weather = seen.informed, np.nan_to_num(np.asarray(seen.weather), copy=False)
        weather_fits = fitted(basis, weather, known)
        more = weather_bypass(lately_rows, weather[:, replayed]) @ base.weather_skip
        del seen, weather
    del basis  # The answers below take nearly as much again.
    bare = answers = answered(expected, fits)
    if more is not None:
        answers = answered(expected + more.reshape(expected.shape), weather_fits)
        np.copyto(answers, bare, where=~informed[:, None, None, None])
    state, errors = replay(
        with_rooms(forgetful(start), history.rooms),
        answers,
        differences,
        error_scale(base, lately),
        bare=None if more is None else bare,
        informed=informed,
        origins=origins[replayed],
        days=days,
    )
    model = replace(
        base,
        rooms=history.rooms,
        local=np.stack([fit.coefficients[0] for fit in fits]),
        residual=np.stack([fit.coefficients[1] for fit in fits]),
        trained_through=history.last,
        weather_local=_stacked(weather_fits, 0),
        weather_residual=_stacked(weather_fits, 1),
    )
    scored = history.last - STEPS + 1
    state = remember(replace(state, scored=scored + -scored % SCORE_STRIDE), whole, named=history.rooms)
    report: dict[str, Any] = {
        "seed": seed,
        "rows": sum(fit.rows for fit in fits),
        "days": found / SLOTS_A_DAY,
        "faulty_slots": int(np.isfinite(whole.values).sum() - np.isfinite(history.values).sum()),
        "replayed_days": len(days),
    }
    report["replay"] = mean_errors(errors)
    return Trained(
        model=model.as_stored(),
        state=state.as_stored(),
        report=report,
        estimators={room: fit.estimators for room, fit in zip(history.rooms, fits, strict=True) if keep_estimators},
    )


def _stacked(fits: list[RoomFit], which: int) -> FloatArray:
    """The coefficients of the ridges with weather, of no room where there are none."""
    return np.stack([fit.coefficients[which] for fit in fits]) if fits else np.zeros(WEATHER_RIDGES)
