"""Updates a state from scored forecasts: the experts' weights, the errors behind the quantiles, and their width.

The interval scale of each room and quantity follows coverage by the update of adaptive conformal inference (Gibbs and
Candès, NeurIPS 2021), applied to the logarithm of the scale instead of the level: it grows if coverage is too low.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.formats import BLOCKS
from roomidity.forecasting.model import State
from roomidity.forecasting.serving.calibration import quantile_offsets, tally
from roomidity.forecasting.serving.experts import combine
from roomidity.forecasting.serving.features import KNOT_BLOCKS, KNOT_WEIGHTS
from roomidity.forecasting.serving.mixing import convex_weights
from roomidity.forecasting.window import FloatArray

__all__ = ["SCORE_STRIDE", "absorb"]

SCORE_STRIDE: Final = 4
"""Slots between the issue times that are scored, which is hourly. Neighbouring ones add no information."""

ORIGINS_A_DAY: Final = SLOTS_A_DAY // SCORE_STRIDE
WEIGHT_HALF_LIFE_DAYS: Final = 28.0
"""Half-life of past errors behind the experts' weights."""
ERROR_HALF_LIFE_DAYS: Final = 28.0
"""Half-life of past errors behind the quantiles. Pinball loss is flat from 14 to 35 days, and worse at 7."""
ANY_ROOM_DAYS: Final = 10.0
"""The house's errors count as much as this many days of a room's own errors."""

WIDTH_RATE: Final = 0.15
"""How fast the interval scale follows coverage: by 3 % a day if coverage is off by 0.2."""
TARGET_COVERAGE: Final = 0.81
"""A little above the nominal 0.8 of p10 to p90, since a change of season is followed late, which costs coverage."""


def absorb(
    state: State,
    answers: FloatArray,
    differences: FloatArray,
    scale: FloatArray,
    *,
    bare: FloatArray | None = None,
    informed: NDArray[np.bool_] | None = None,
) -> State:
    """Returns the state after one stretch of scored issue times, at most a day of them.

    Parameters
    ----------
    answers
        (rooms of the state, origins, experts, 2, knots) differences that the experts forecast.
    differences
        (rooms, origins, 2, knots) measured value minus the newest value at issue, NaN where not measured.
    scale
        (rooms, origins, 2, knots) expected size of errors.
    bare
        The answers without the weather ahead, of the same shape, or None if ``answers`` did not use it.
    informed
        (origins,) whether the weather ahead was known, or None if it never was.
    """
    informed = np.zeros(differences.shape[1], dtype=np.bool_) if informed is None else informed
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
    weather_days = fade * state.weather_days + share * informed.mean() * known.any(axis=(0, 1, 3))

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

    bare_residuals = residuals
    if bare is not None:
        bare_residuals = np.where(known, (differences - combine(state, bare)) / scale, np.nan)
    bare_histogram = (
        state.bare_histogram * np.where(heard[0], fade, 1.0)
        + share * tally(bare_residuals).sum(axis=0) / np.maximum(measured, 1)[:, None, None]
    )

    reach = state.interval_scale[:, :, None, None] * state.offsets
    bare_reach = state.bare_scale[:, None, None] * state.bare_offsets
    bare_coverage = _coverage(np.broadcast_to(bare_reach, reach.shape), bare_residuals)[0]
    return replace(
        state,
        gram=gram,
        days=days,
        weights=convex_weights(gram, days, state.initial),
        error_histogram=histogram,
        persistence_histogram=persistence_histogram,
        interval_scale=_adapted(state.interval_scale, _coverage(reach, residuals), share),
        offsets=_offsets(histogram),
        persistence_offsets=quantile_offsets(persistence_histogram),
        weather_days=weather_days,
        bare_histogram=bare_histogram,
        bare_scale=_adapted(state.bare_scale, bare_coverage, share),
        bare_offsets=quantile_offsets(bare_histogram),
    )


def _adapted(interval_scale: FloatArray, coverage: FloatArray, share: float) -> FloatArray:
    """Returns the interval scale, updated by the coverage over a ``share`` of a day."""
    return np.clip(interval_scale * np.exp(WIDTH_RATE * share * (TARGET_COVERAGE - coverage)), 0.5, 2.0)


def _coverage(reach: FloatArray, residuals: FloatArray) -> FloatArray:
    """Returns the share of scaled errors between p10 and p90, (rooms + 1, 2), or the target if nothing was measured.

    Row 0 is for the whole house.

    Parameters
    ----------
    reach
        (rooms + 1, 2, levels, knots) distances of the quantiles from the median.
    residuals
        (rooms, origins, 2, knots) scaled errors, NaN where not measured.
    """
    low, high = reach[1:, None, :, 0], reach[1:, None, :, -1]
    known = np.isfinite(residuals)
    covered = ((residuals >= low) & (residuals <= high) & known) @ KNOT_WEIGHTS
    total = known @ KNOT_WEIGHTS
    covered, total = covered.sum(axis=1), total.sum(axis=1)
    covered = np.concatenate([covered.sum(axis=0)[None], covered])
    total = np.concatenate([total.sum(axis=0)[None], total])
    return np.where(total > 0, covered / np.maximum(total, 1), TARGET_COVERAGE)


def _offsets(histogram: FloatArray) -> FloatArray:
    """Returns the quantiles of each room's errors, shrunk towards the house's while the room has few."""
    house = histogram[0] / np.maximum(histogram[0].sum(axis=-1, keepdims=True), 1e-12)
    steadied = np.concatenate([histogram[:1], histogram[1:] + ANY_ROOM_DAYS * house])
    return quantile_offsets(steadied)
