"""What a training reports: how its replay did beside the prior and persistence."""

from __future__ import annotations

import numpy as np

from roomidity.domain.quantities import QUANTITIES
from roomidity.forecasting.serving.features import KNOT_WEIGHTS
from roomidity.forecasting.window import FloatArray

__all__ = ["absolute_errors", "mean_errors"]


def absolute_errors(mixed: FloatArray, expected: FloatArray, differences: FloatArray) -> FloatArray:
    """Returns sums of absolute errors of forecast, prior and persistence, and their count, over leads, (4, 2)."""
    known = np.isfinite(differences)
    errors = [np.where(known, np.abs(differences - one), 0.0) for one in (mixed, expected, 0.0)]
    sums: FloatArray = np.stack([(one @ KNOT_WEIGHTS).sum(axis=(0, 1)) for one in (*errors, known)])
    return sums


def mean_errors(errors: list[FloatArray]) -> dict[str, dict[str, float]]:
    """Returns mean absolute errors over the replayed days, by quantity; a quantity that was not measured is absent."""
    total = np.sum(errors, axis=0) if errors else np.zeros((4, len(QUANTITIES)))
    names = ("mae", "prior_mae", "persistence_mae")
    return {
        quantity: {name: round(float(total[row, q] / total[3, q]), 4) for row, name in enumerate(names)}
        for q, quantity in enumerate(QUANTITIES)
        if total[3, q]
    }
