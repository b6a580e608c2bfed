"""The state's daily step: what the newly closed slots say about each expert and about the width of the quantiles.

The interval scale of each room and quantity follows coverage by the update of adaptive conformal inference (Gibbs and
Candès, NeurIPS 2021), here of the scale's logarithm instead of the level: it grows where too little is covered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from roomidity.domain.quantities import QUANTITIES, SPECS
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.model import BLOCKS, RECENT_SLOTS, Model, State
from roomidity.forecasting.serving.cadence import cadence
from roomidity.forecasting.serving.calibration import error_scale, quantile_offsets, tally
from roomidity.forecasting.serving.experts import combine, consult, scaled
from roomidity.forecasting.serving.faults import without_faults
from roomidity.forecasting.serving.features import KNOT_BLOCKS, KNOT_WEIGHTS, PAST_SLOTS, calendar, design, targets
from roomidity.forecasting.serving.gaps import FILL_SLOTS
from roomidity.forecasting.serving.mixing import convex_weights
from roomidity.forecasting.serving.past import Past, look_back
from roomidity.forecasting.window import STEPS, FloatArray, Window

__all__ = ["SCORE_STRIDE", "absorb", "advance", "forgetful", "known_past", "remember", "timeline", "with_rooms"]

_LEAST, _GREATEST = (np.array([[spec.plausible[end]] for spec in SPECS]) for end in (0, 1))

SCORE_STRIDE: Final = 4
"""Slots between the issue times that are scored: hourly; neighbours tell the same."""

ORIGINS_A_DAY: Final = SLOTS_A_DAY // SCORE_STRIDE
MEMORY_DAYS: Final = 60
"""Days that a state far behind catches up on; older ones would have faded to less than a quarter."""

WEIGHT_HALF_LIFE_DAYS: Final = 28.0
"""Of experience with the experts."""
ERROR_HALF_LIFE_DAYS: Final = 28.0
"""Of past errors behind the quantiles; pinball loss is flat from 14 to 35 days and worse at 7."""
ANY_ROOM_DAYS: Final = 10.0
"""Days of a room's own errors that the errors of the house are worth."""

WIDTH_RATE: Final = 0.15
"""How fast the quantiles' width follows coverage: 3 % a day when a fifth of the slots too many fall outside."""
TARGET_COVERAGE: Final = 0.81
"""A little above the 0.8 of p10 to p90: a season's change is noticed a little late, and costs coverage until then."""


def advance(state: State, model: Model, closed: Window) -> State:
    """Returns the state after ``closed``: its experts' weights, its quantiles and its memory of recent days moved on.

    Forecasts are made anew, with ``model``, for each hour whose 24 h have closed since the state was last advanced, and
    scored. Only hours after the model's training count: for those before, it has seen the answer.

    Parameters
    ----------
    state, model
        As they served while ``closed`` happened.
    closed
        Readings up to the new present. It needs to hold only slots since ``state.through`` (the state remembers 8 days
        before it); where it holds older ones as well, they replace what the state remembers. A first call may bring all
        history.

    Returns
    -------
    State
        The same object if nothing has closed since.
    """
    if closed.last <= state.through:
        return state
    state = with_rooms(state, closed.rooms)
    first = closed.first if state.through == 0 else min(closed.first, state.through - RECENT_SLOTS)
    past = timeline(state, closed, first=first)
    begin = max(state.scored, model.trained_through, closed.last - MEMORY_DAYS * SLOTS_A_DAY, first + 1)
    begin += -begin % SCORE_STRIDE
    for day in range(begin, closed.last - STEPS + 1, SLOTS_A_DAY):
        origins = np.arange(day, min(day + SLOTS_A_DAY, closed.last - STEPS + 1), SCORE_STRIDE)
        # A day's inputs reach back 7 days; the slice keeps a long history from being gone through every day.
        reach = max(first, day - PAST_SLOTS - 2 * STEPS)
        piece = without_faults(past.between(reach, day + SLOTS_A_DAY + STEPS))
        basis = design(cadence(piece.values).values, origins - reach, piece.outdoor)
        rows = scaled(model, basis.inputs(calendar(origins, closed.timezone)))
        answers = consult(model, state.rooms, basis, rows)
        differences = targets(piece.values, origins - reach) - basis.newest[..., None]
        state = absorb(state, answers, differences, error_scale(model, basis))
    scored = max(state.scored, closed.last - STEPS + 1)
    return remember(replace(state, scored=scored + -scored % SCORE_STRIDE), past, named=closed.rooms)


def absorb(state: State, answers: FloatArray, differences: FloatArray, scale: FloatArray) -> State:
    """Returns the state after one stretch of scored issue times, at most a day of them.

    Parameters
    ----------
    answers
        The experts' differences, (rooms of the state, origins, experts, 2, knots).
    differences
        What was measured minus the newest value at issue, (rooms, origins, 2, knots); NaN where not measured.
    scale
        How large errors were expected to be, (rooms, origins, 2, knots).
    """
    share = differences.shape[1] / ORIGINS_A_DAY
    known = np.isfinite(differences)
    truth = np.nan_to_num(differences)
    errors = (answers - truth[:, :, None]) * known[:, :, None]

    fade = 0.5 ** (share / WEIGHT_HALF_LIFE_DAYS)
    gram, days = fade * state.gram, fade * state.days
    count = np.maximum(known.any(axis=3).sum(axis=(0, 1)), 1)
    for block in range(BLOCKS):
        at = block == KNOT_BLOCKS
        weighted = errors[..., at] * np.sqrt(KNOT_WEIGHTS[at])
        flat = weighted.transpose(3, 2, 0, 1, 4).reshape(2, answers.shape[2], -1)
        gram[:, block] += share * (flat @ flat.swapaxes(1, 2)) / count[:, None, None]
    days = days + share * known.any(axis=(0, 1, 3))

    median = combine(state, answers)
    residuals = np.where(known, (differences - median) / scale, np.nan)
    fade = 0.5 ** (share / ERROR_HALF_LIFE_DAYS)
    fresh = tally(residuals)
    measured = known.any(axis=(1, 3)).sum(axis=0)
    histogram = np.array(state.error_histogram)
    heard = np.concatenate([measured[None] > 0, known.any(axis=(1, 3))])[..., None, None]
    histogram *= np.where(heard, fade, 1.0)
    histogram[1:] += share * fresh
    histogram[0] += share * fresh.sum(axis=0) / np.maximum(measured, 1)[:, None, None]
    of_persistence = tally(differences).sum(axis=0)
    persistence_histogram = (
        state.persistence_histogram * np.where(heard[0], fade, 1.0)
        + share * of_persistence / np.maximum(measured, 1)[:, None, None]
    )

    interval_scale = state.interval_scale * np.exp(WIDTH_RATE * share * (TARGET_COVERAGE - _coverage(state, residuals)))
    return replace(
        state,
        gram=gram,
        days=days,
        weights=convex_weights(gram, days, state.initial),
        error_histogram=histogram,
        persistence_histogram=persistence_histogram,
        interval_scale=np.clip(interval_scale, 0.5, 2.0),
        offsets=_offsets(histogram),
        persistence_offsets=quantile_offsets(persistence_histogram),
    )


def _coverage(state: State, residuals: FloatArray) -> FloatArray:
    """Returns the share of scaled errors within p10 to p90, (rooms + 1, 2); the target where nothing was measured."""
    reach = state.interval_scale[:, :, None, None] * state.offsets
    low, high = reach[1:, None, :, 0], reach[1:, None, :, -1]
    known = np.isfinite(residuals)
    covered = ((residuals >= low) & (residuals <= high) & known) @ KNOT_WEIGHTS
    total = known @ KNOT_WEIGHTS
    covered, total = covered.sum(axis=1), total.sum(axis=1)
    covered = np.concatenate([covered.sum(axis=0)[None], covered])
    total = np.concatenate([total.sum(axis=0)[None], total])
    return np.where(total > 0, covered / np.maximum(total, 1), TARGET_COVERAGE)


def _offsets(histogram: FloatArray) -> FloatArray:
    """Returns the quantiles of each room's errors, steadied by the house's while the room has few."""
    house = histogram[0] / np.maximum(histogram[0].sum(axis=-1, keepdims=True), 1e-12)
    steadied = np.concatenate([histogram[:1], histogram[1:] + ANY_ROOM_DAYS * house])
    return quantile_offsets(steadied)


def timeline(state: State, window: Window, *, first: int) -> Window:
    """Returns the readings of the state's rooms from slot number ``first`` to the window's end.

    The window's where it reaches, before that what the state remembers, NaN elsewhere.
    """
    slots = window.last - first
    old = state.through - RECENT_SLOTS
    low, high = max(old, first), min(state.through, window.last)
    begin = max(window.first, first)
    chosen = window.select(state.rooms)

    def joined(remembered: FloatArray, fresh: FloatArray | None) -> FloatArray:
        values = np.full((*remembered.shape[:-1], slots), np.nan)
        if low < high:
            values[..., low - first : high - first] = remembered[..., low - old : high - old]
        if fresh is not None:
            known = fresh[..., begin - window.first :]
            values[..., begin - first :] = np.where(np.isfinite(known), known, np.nan)
        return values

    agreed = None
    if chosen.agreed is not None:
        agreed = np.zeros((len(state.rooms), len(QUANTITIES), slots), dtype=np.bool_)
        agreed[..., begin - first :] = chosen.agreed[..., begin - window.first :]
    outdoor = joined(state.outdoor, window.outdoor)
    return replace(
        chosen,
        values=joined(state.recent, chosen.values),
        outdoor=outdoor if np.isfinite(outdoor).any() else None,
        plain=None,
        agreed=agreed,
    )


def known_past(state: State, window: Window) -> tuple[Past, State]:
    """Returns all that a forecast at the window's end looks at, and the state with the window's rooms."""
    state = with_rooms(state, window.rooms)
    past = timeline(state, window, first=min(window.first, window.last - PAST_SLOTS - FILL_SLOTS))
    return look_back(past.select(window.rooms)), state


def with_rooms(state: State, rooms: tuple[str, ...]) -> State:
    """Returns the state with rows for ``rooms`` as well; a new room begins with the errors of any room."""
    new = tuple(room for room in rooms if room not in state.rooms)
    if not new:
        return state

    def grown(array: FloatArray, rows: FloatArray) -> FloatArray:
        return np.concatenate([array, np.broadcast_to(rows, (len(new), *array.shape[1:]))])

    return replace(
        state,
        rooms=(*state.rooms, *new),
        recent=grown(state.recent, np.array(np.nan)),
        error_histogram=grown(state.error_histogram, np.array(0.0)),
        interval_scale=grown(state.interval_scale, state.interval_scale[0]),
        offsets=grown(state.offsets, state.offsets[0]),
    )


def forgetful(state: State) -> State:
    """Returns the state without its house: what any new house starts from."""
    return replace(
        state,
        rooms=(),
        through=0,
        scored=0,
        recent=state.recent[:0],
        outdoor=np.full_like(state.outdoor, np.nan),
        gram=np.zeros_like(state.gram),
        days=np.zeros_like(state.days),
        weights=state.initial,
        error_histogram=state.error_histogram[:1],
        interval_scale=state.interval_scale[:1],
        offsets=state.offsets[:1],
    )


def remember(state: State, past: Window, *, named: tuple[str, ...]) -> State:
    """Returns the state with the newest days of ``past``, without rooms neither ``named`` nor heard in those days."""
    kept = min(RECENT_SLOTS, past.slots)

    def newest(values: FloatArray) -> FloatArray:
        recent = np.full((*values.shape[:-1], RECENT_SLOTS), np.nan)
        recent[..., RECENT_SLOTS - kept :] = values[..., values.shape[-1] - kept :].astype(np.float32)
        return np.where((recent >= _LEAST) & (recent <= _GREATEST), recent, np.nan)  # what no air can be is no past

    recent = newest(past.select(state.rooms).values)
    alive = [row for row, room in enumerate(state.rooms) if room in named or np.isfinite(recent[row]).any()]
    with_any = [0, *(row + 1 for row in alive)]
    return replace(
        state,
        rooms=tuple(state.rooms[row] for row in alive),
        through=past.last,
        recent=recent[alive],
        outdoor=np.full_like(state.outdoor, np.nan) if past.outdoor is None else newest(past.outdoor),
        error_histogram=state.error_histogram[with_any],
        interval_scale=state.interval_scale[with_any],
        offsets=state.offsets[with_any],
    )
