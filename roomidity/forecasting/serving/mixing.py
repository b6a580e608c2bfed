"""Convex weights of the experts: least squared error so far, pulled to initial weights while experience is short.

Forecasts are combined by constrained least squares (Granger and Ramanathan, Journal of Forecasting 3, 1984), shrunk
towards prior weights (Diebold and Pauly, International Journal of Forecasting 6, 1990).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from roomidity.forecasting.window import FloatArray

__all__ = ["PULL_DAYS", "convex_weights"]

PULL_DAYS: Final = 5.0
"""Days of experience that the initial weights are worth."""


def convex_weights(gram: FloatArray, days: FloatArray, initial: FloatArray) -> FloatArray:
    """Returns non-negative weights that sum to 1, (2, blocks, experts).

    They make ``w'Gw / s + PULL_DAYS |w - initial|²`` small, where ``G`` is ``gram`` and ``s`` the mean squared error of
    an expert over a day. The minimum with weights that sum to 1 has a closed form; while it has a negative weight, the
    expert with the most negative one is left out. That never takes one back, so the minimum over the simplex may be
    missed by a little. With no experience the answer is ``initial``.

    Parameters
    ----------
    gram
        Sums over days of mean products of errors, (2, blocks, experts, experts).
    days
        How many days, (2,).
    initial
        Weights before any experience, (2, blocks, experts).
    """
    weights = np.array(initial, dtype=np.float64)
    for quantity, block in np.ndindex(*initial.shape[:2]):
        products = gram[quantity, block]
        size = float(np.trace(products)) / (len(products) * max(float(days[quantity]), 1e-9))
        if size > 0:
            pulled = products / size + PULL_DAYS * np.eye(len(products))
            weights[quantity, block] = _least(pulled, PULL_DAYS * initial[quantity, block])
    return weights


def _least(curvature: FloatArray, pull: FloatArray) -> FloatArray:
    """Weights on the simplex that make ``w'Aw - 2b'w`` small."""
    active = np.ones(len(pull), dtype=bool)
    while True:
        solved = np.linalg.solve(
            curvature[np.ix_(active, active)], np.stack([pull[active], np.ones(active.sum())], axis=1)
        )
        free, unit = solved.T
        found = free + unit * (1 - free.sum()) / unit.sum()
        if found.min() >= 0:
            weights = np.zeros(len(pull))
            weights[active] = found / found.sum()
            return weights
        active[np.flatnonzero(active)[found.argmin()]] = False
