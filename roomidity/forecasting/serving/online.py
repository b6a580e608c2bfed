"""The state's daily step: what the newly closed slots say about each expert and about the width of the quantiles."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from roomidity.domain.quantities import QUANTITIES, SPECS
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.formats import RECENT_SLOTS
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.serving.cadence import cadence
from roomidity.forecasting.serving.calibration import error_scale
from roomidity.forecasting.serving.experience import SCORE_STRIDE, absorb
from roomidity.forecasting.serving.experts import consult, scaled
from roomidity.forecasting.serving.faults import without_faults
from roomidity.forecasting.serving.features import PAST_SLOTS, calendar, design, targets
from roomidity.forecasting.serving.gaps import FILL_SLOTS
from roomidity.forecasting.serving.past import Past, look_back
from roomidity.forecasting.serving.weather import Outlook
from roomidity.forecasting.window import STEPS, FloatArray, Window

__all__ = ["advance", "forgetful", "known_past", "remember", "timeline", "with_rooms"]

_LEAST, _GREATEST = (np.array([[spec.plausible[end]] for spec in SPECS]) for end in (0, 1))

MEMORY_DAYS: Final = 60
"""Days that a state far behind catches up on; older ones would have faded to less than a quarter."""


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
    outlook = Outlook.of(past)
    for day in range(begin, closed.last - STEPS + 1, SLOTS_A_DAY):
        origins = np.arange(day, min(day + SLOTS_A_DAY, closed.last - STEPS + 1), SCORE_STRIDE)
        # A day's inputs reach back 7 days; the slice keeps a long history from being gone through every day.
        reach = max(first, day - PAST_SLOTS - 2 * STEPS)
        piece = without_faults(past.between(reach, day + SLOTS_A_DAY + STEPS))
        basis = design(cadence(piece.values).values, origins - reach, piece.outdoor)
        basis = outlook.ahead(basis, piece, origins - reach)
        rows = scaled(model, basis.inputs(calendar(origins, closed.timezone)))
        answers = consult(model, state.rooms, basis, rows)
        bare = None if basis.weather is None else consult(model, state.rooms, basis, rows, blind=True)
        differences = targets(piece.values, origins - reach) - basis.newest[..., None]
        scale = error_scale(model, basis)
        state = absorb(state, answers, differences, scale, bare=bare, informed=basis.informed)
    scored = max(state.scored, closed.last - STEPS + 1)
    return remember(replace(state, scored=scored + -scored % SCORE_STRIDE), past, named=closed.rooms)


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
        weather_days=np.zeros_like(state.weather_days),
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
