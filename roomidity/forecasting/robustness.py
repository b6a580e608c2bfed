"""What sensor faults cost: a house's forecasts with faults planted in its readings, held against the clean truth.

Everything is forecast as a deployed house would be, from readings with the faults in them: training, the daily step of
the state, and forecasts at every hour. Errors are those of the house as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import HUMIDITY, QUANTITIES
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.errors import NotEnoughDataError
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.serving.forecast import forecast
from roomidity.forecasting.serving.gaps import fill
from roomidity.forecasting.serving.online import advance
from roomidity.forecasting.training.challenge import challenge
from roomidity.forecasting.training.ridges import one_blas_thread
from roomidity.forecasting.window import LEVELS, STEPS, WINDOW_SLOTS, FloatArray, Window

__all__ = ["SCENARIOS", "Planted", "figures", "issue"]

HOUR: Final = 4
"""Slots between issue times."""

WILD_SHARE: Final = 0.02
FAILURES: Final = ((0.0, 0.0), (99.9, np.nan), (100.0, np.nan), (np.nan, 85.0), (1.0, -40.0))
"""%RH and °C of sensors that fail, NaN for what stays as it is."""

DROPOUTS_A_WEEK: Final = 3
DROPOUT_SLOTS: Final = 24

RISE: Final = 15.0
"""%RH within an hour: a shower."""

P: Final = tuple(LEVELS.index(level) for level in (0.1, 0.5, 0.9))

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Planted:
    """A house with faults.

    Parameters
    ----------
    window
        What its sensors say.
    faulty
        The slots in which a sensor has failed for a longer time, (rooms, 2, slots).
    recovered
        Those that begin a day after such a time and end a day later.
    """

    window: Window
    faulty: Mask
    recovered: Mask


def _clean(house: Window, _rng: np.random.Generator) -> Planted:
    none = np.zeros(house.values.shape, dtype=np.bool_)
    return Planted(house, none, none)


def _wild(house: Window, rng: np.random.Generator) -> Planted:
    """One slot in fifty is wild: a failure's value, or one that is off by 5 to 40 %RH and 1.5 to 15 K, or both."""
    values = house.values.copy()
    for room, slot in np.argwhere(rng.random(values[:, 0].shape) < WILD_SHARE):
        now = values[room, :, slot]
        if rng.random() < 0.5:
            failure = np.array(FAILURES[rng.integers(len(FAILURES))])
            off = np.where(np.isnan(failure), now, failure)
        else:
            off = now + rng.choice([-1, 1], 2) * rng.uniform((5, 1.5), (40, 15))
            kept = rng.integers(3)  # humidity, temperature, or neither stays as it was
            off = np.where(np.arange(2) == kept, now, np.clip(off, (0, -60), (100, 85)))
        values[room, :, slot] = np.where(np.isnan(now), np.nan, off)
    return _clean(replace(house, values=values), rng)


def _wild_and_silent(house: Window, rng: np.random.Generator) -> Planted:
    """The same, and three times a week a room falls silent for up to 6 h."""
    values = _wild(house, rng).window.values
    for room in range(len(house.rooms)):
        for begin in rng.integers(0, house.slots, DROPOUTS_A_WEEK * house.slots // (7 * SLOTS_A_DAY)):
            values[room, :, begin : begin + rng.integers(1, DROPOUT_SLOTS + 1)] = np.nan
    return _clean(replace(house, values=values), rng)


def _stuck(house: Window, rng: np.random.Generator) -> Planted:
    """Every eighth day a sensor stands still for a day to three: where it was, or at 99.9 %RH and 85 °C."""

    def stand(values: FloatArray, span: slice) -> None:
        last = values[:, span.start - 1].copy()
        if rng.random() < 0.3:
            last = np.array([99.9, 85.0])
        of = [(HUMIDITY,), (1,), (0, 1)][rng.integers(3)]
        for q in of:
            values[q, span] = np.where(np.isfinite(values[q, span]), last[q], np.nan)

    return _failing(house, rng, stand)


def _dead(house: Window, rng: np.random.Generator) -> Planted:
    """Every eighth day a room falls silent for a day to three, half of the times after a wild value."""

    def die(values: FloatArray, span: slice) -> None:
        if rng.random() < 0.5:
            values[:, span.start - 1] = FAILURES[0]
        values[:, span] = np.nan

    return _failing(house, rng, die)


def _failing(house: Window, rng: np.random.Generator, fail: Callable[[FloatArray, slice], None]) -> Planted:
    values = house.values.copy()
    faulty, recovered = np.zeros((2, *values.shape), dtype=np.bool_)
    for room in range(len(house.rooms)):
        begin = int(rng.integers(SLOTS_A_DAY, 8 * SLOTS_A_DAY))
        while begin < house.slots:
            span = slice(begin, begin + int(rng.integers(SLOTS_A_DAY, 3 * SLOTS_A_DAY)))
            fail(values[room], span)
            faulty[room, :, span] = (values[room, :, span] != house.values[room, :, span]).any(axis=1)[:, None]
            recovered[room, :, span.stop + SLOTS_A_DAY : span.stop + 2 * SLOTS_A_DAY] = True
            begin = span.stop + int(rng.integers(4 * SLOTS_A_DAY, 8 * SLOTS_A_DAY))
    return Planted(replace(house, values=values), faulty, recovered)


SCENARIOS: Final[Mapping[str, Callable[[Window, np.random.Generator], Planted]]] = {
    "clean": _clean,
    "wild": _wild,
    "wild and silent": _wild_and_silent,
    "stuck": _stuck,
    "dead": _dead,
}


def issue(
    window: Window,
    prior: tuple[Model, State],
    *,
    origins: NDArray[np.int64],
    retrain_days: int | None,
    seed: int = 0,
    progress: Callable[[int, int], object] = lambda _done, _all: None,
) -> FloatArray:
    """Returns p10, p50 and p90 as a deployed house would issue them at ``origins``, (rooms, origins, 2, 3, 96).

    Training, the daily step of the state and forecasts all see the window as it is, with its faults.
    """
    issued = np.full((len(window.rooms), len(origins), len(QUANTITIES), len(P), STEPS), np.nan)
    model, state = prior
    champion = None
    days = np.unique(origins // SLOTS_A_DAY)
    with one_blas_thread():
        for done, day in enumerate(days.tolist()):
            closed = window.between(window.first, day * SLOTS_A_DAY)
            winner = None
            if retrain_days is not None and done % retrain_days == 0:
                try:
                    found = challenge(closed, prior=prior, champion=champion, seed=seed, jobs=1)
                    winner = found if found.verdict.won else None
                except NotEnoughDataError:
                    pass
            if winner is not None:
                champion = (winner.trained.model, winner.trained.state)
                model, state = winner.trained.model, winner.state
            else:
                state = advance(state, model, closed)
            for place in np.flatnonzero(origins // SLOTS_A_DAY == day):
                seen = window.between(window.first, int(origins[place])).tail(4 * WINDOW_SLOTS)
                issued[:, place] = forecast(seen, model, state).quantiles[:, :, P]
            progress(done + 1, len(days))
    return issued


def figures(
    house: Window, planted: Planted, issued: FloatArray, clean: FloatArray, *, origins: NDArray[np.int64]
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yields the errors against the truth: group of issue times, quantity, figures (%RH or °C; shares for coverage).

    ``mae`` beside ``clean_mae`` (the same forecasts without faults), ``persistence_mae`` (of the last value that the
    sensor gave) and ``true_persistence_mae`` (of the last right one), and ``coverage`` of p10 to p90. The groups: all;
    those in a failure; those a day after one; those in the two hours after a rise.
    """
    begins = origins - house.first
    ahead = begins[:, None] + np.arange(STEPS)
    truth = house.values[:, :, ahead].swapaxes(1, 2)
    last = fill(planted.window.values, limit=house.slots)[:, :, begins - 1].swapaxes(1, 2)
    right = np.where(planted.window.values == house.values, house.values, np.nan)
    true_last = fill(right, limit=house.slots)[:, :, begins - 1].swapaxes(1, 2)
    everywhere = np.ones(last.shape, dtype=np.bool_)
    groups = {
        "all": everywhere,
        "failed": planted.faulty[:, :, begins - 1].swapaxes(1, 2),
        "a day after": planted.recovered[:, :, begins - 1].swapaxes(1, 2),
        "after a rise": _rising(house.values)[:, begins - 1][..., None] & everywhere,
    }
    for group, chosen in groups.items():
        for q, quantity in enumerate(QUANTITIES):
            kept = chosen[..., q] & np.isfinite(truth[:, :, q]).any(axis=2)
            if not kept.any():
                continue
            actual = truth[:, :, q][kept]
            p10, p50, p90 = (issued[:, :, q, level][kept] for level in range(len(P)))
            known = np.isfinite(actual)
            errors = np.abs(actual - p50)
            absent = known & np.isnan(p50)
            yield (
                group,
                quantity,
                {
                    "forecasts": int(kept.sum()),
                    "absent": float(absent.sum() / known.sum()),
                    "mae": float(np.nanmean(errors)),
                    "clean_mae": float(np.nanmean(np.abs(actual - clean[:, :, q, 1][kept]))),
                    "persistence_mae": float(np.nanmean(np.abs(actual - last[:, :, q][kept][:, None]))),
                    "true_persistence_mae": float(np.nanmean(np.abs(actual - true_last[:, :, q][kept][:, None]))),
                    "coverage": float(((actual >= p10) & (actual <= p90))[known & ~absent].mean()),
                },
            )


def _rising(values: FloatArray) -> Mask:
    """Slots within two hours after a humidity rose by over RISE in an hour, (rooms, slots)."""
    humidity = values[:, HUMIDITY]
    rose = np.zeros(humidity.shape, dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        rose[:, HOUR:] = humidity[:, HOUR:] - humidity[:, :-HOUR] > RISE
    begins = rose & ~np.roll(rose, 1, axis=1)
    after = np.zeros(rose.shape, dtype=np.bool_)
    for room, slot in np.argwhere(begins):
        after[room, slot : slot + 2 * HOUR] = True
    return after
