"""One room's two ridges: on all that it measured, and on each replayed day on what had closed by then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.formats import OUTPUTS
from roomidity.forecasting.model import Model
from roomidity.forecasting.serving.experts import network, weather_bypass, with_weather
from roomidity.forecasting.serving.features import FEATURES, KNOTS
from roomidity.forecasting.window import STEPS, FloatArray, IntArray

__all__ = ["PENALTY", "RESIDUAL_PENALTY", "RoomFit", "fit_room"]

PENALTY: Final = 1250.0
"""Ridge penalty at hourly issue times; the same strength as 5,000 at every slot."""

RESIDUAL_PENALTY: Final = 2500.0
"""Of the ridge on what the prior leaves: stronger, since little is left."""


@dataclass(frozen=True)
class RoomFit:
    """One room's two ridges, of what is left by a prior: coefficients, and answers at the replayed issue times."""

    coefficients: FloatArray
    replayed: FloatArray
    rows: int
    estimators: dict[str, Ridge]


def fit_room(
    base: Model,
    rows: FloatArray,
    weather: FloatArray | None,
    wanted: FloatArray,
    known: NDArray[np.bool_],
    origins: IntArray,
    days: IntArray,
    *,
    keep: bool,
) -> RoomFit:
    """One room's ridges on all closed issue times, and what they would have said on each replayed day.

    Parameters
    ----------
    base
        The prior.
    rows, weather
        The room's inputs, (origins, INPUTS), and those of the weather ahead, (origins, WEATHER_FEATURES), where they
        are to be learnt from.
    wanted
        What came, (origins, 2, knots).
    known
        Issue times whose inputs are known, (origins,).
    origins, days
        Issue times, and the midnights at which the ridges are fitted anew.
    keep
        Whether the estimators are handed back.
    """
    flat = wanted.reshape(len(origins), OUTPUTS)
    expected = network(base, rows)
    own = rows[:, :FEATURES]
    if weather is not None:
        expected += weather_bypass(rows, weather) @ base.weather_skip
        own = with_weather(rows, weather)
    left = flat - expected
    usable = np.asarray(np.isfinite(wanted).all(axis=2)) & known[:, None]
    begins = int(np.searchsorted(origins, days[0])) if len(days) else len(origins)
    replayed = np.zeros((2, len(origins) - begins, len(QUANTITIES), len(KNOTS)))
    coefficients = np.zeros((2, own.shape[1], OUTPUTS))
    estimators: dict[str, Ridge] = {}
    for q, name in enumerate(QUANTITIES):
        kept = usable[:, q]
        if not kept.any():
            continue
        columns = slice(q * len(KNOTS), (q + 1) * len(KNOTS))
        for which, (kind, penalty, truth) in enumerate(
            (("ridge", PENALTY, flat), ("residual ridge", RESIDUAL_PENALTY, left))
        ):
            replayed[which, :, q] = _replayed(own, truth[:, columns], kept, origins, days, penalty)[begins:]
            estimator = Ridge(alpha=penalty, fit_intercept=False, solver="cholesky")
            estimator.fit(own[kept], truth[kept, columns])
            coefficients[which][:, columns] = np.atleast_2d(estimator.coef_).T
            if keep:
                estimators[f"{name} {kind}"] = estimator
    return RoomFit(coefficients=coefficients, replayed=replayed, rows=int(usable.sum()), estimators=estimators)


def _replayed(
    rows: FloatArray, truth: FloatArray, kept: NDArray[np.bool_], origins: IntArray, days: IntArray, penalty: float
) -> FloatArray:
    """What a ridge fitted at each midnight on all that had closed would have said that day, (origins, knots)."""
    answers = np.zeros_like(truth)
    x, y = rows[kept], truth[kept]
    closed = np.searchsorted(origins[kept], days - STEPS, side="right")
    square, product = penalty * np.eye(rows.shape[1]), np.zeros((rows.shape[1], truth.shape[1]))
    begin = 0
    for day, end in zip(days, closed, strict=True):
        square += x[begin:end].T @ x[begin:end]
        product += x[begin:end].T @ y[begin:end]
        begin = end
        at = slice(*np.searchsorted(origins, [day, day + SLOTS_A_DAY]))
        answers[at] = rows[at] @ np.linalg.solve(square, product)
    return answers
