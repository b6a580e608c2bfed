"""How far forecasts have been off: fading histograms of errors, and the quantiles that follow from them.

A quantile of the forecast is the median plus the quantile of past errors, newer ones counting more: the weighted
residual quantiles of conformal prediction beyond exchangeability (Barber, Candès, Ramdas and Tibshirani, Annals of
Statistics 51, 2023), of signed errors and without its correction for small samples. What that leaves to be desired,
:mod:`~roomidity.forecasting.serving.online` corrects by the interval scale.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from roomidity.domain.quantities import QUANTITIES
from roomidity.forecasting.formats import BINS
from roomidity.forecasting.model import Model
from roomidity.forecasting.serving.features import KNOTS, Design
from roomidity.forecasting.window import LEVELS, FloatArray

__all__ = ["EDGES", "error_scale", "quantile_offsets", "tally"]

UNITS: Final = np.array([1.0, 0.2])
"""Errors at which bins begin to widen: 1 %RH and 0.2 °C."""

EDGES: Final = UNITS[:, None] * np.sinh(np.linspace(-4.6, 4.6, BINS + 1))
"""Borders of the bins, (2, BINS + 1): 0.1 %RH and 0.02 °C wide in the middle, ±50 %RH and ±10 °C at the ends."""

NEIGHBOURS: Final = (0.5, 1.0, 0.5)
"""Errors at a lead speak for the leads beside it too: steadier quantiles from few days."""


VOLATILITY_POWER: Final = 0.4
"""Errors grow less than in proportion to how much a room moves at this time of day.

0.3 to 0.6 do equally well; beside 0 they take 0.7 % off the pinball loss.
"""

VOLATILITY_FLOOR: Final = 0.1
ERROR_SCALES: Final = (0.3, 3.0)


def error_scale(model: Model, basis: Design) -> FloatArray:
    """Returns how large errors should be, relative to others', (rooms, origins, 2, knots); 1 where unknown.

    A room that moved much at this time of day in the last week will be forecast worse than one that lay still. Errors
    are divided by their scale when they are counted, and quantiles multiplied by it: locally weighted conformal
    prediction (Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, Journal of the American Statistical Association 113,
    2018).

    Parameters
    ----------
    model
        Whose ``difference_rms`` is what rooms usually move.
    basis
        Whose ``volatility`` is what these rooms moved lately.
    """
    usual = model.difference_rms.reshape(len(QUANTITIES), len(KNOTS))
    moved = (basis.volatility / usual + VOLATILITY_FLOOR) / (1 + VOLATILITY_FLOOR)
    return np.where(basis.volatility > 0, np.clip(moved**VOLATILITY_POWER, *ERROR_SCALES), 1.0)


def tally(errors: FloatArray) -> FloatArray:
    """Returns the share of origins whose error lies in each bin, (..., 2, knots, BINS); an unknown error is in none.

    Parameters
    ----------
    errors
        Measured minus forecast over their scale, (..., origins, 2, knots); NaN where nothing was measured.
    """
    places = np.stack([np.searchsorted(EDGES[q, 1:-1], errors[..., q, :]) for q in range(len(QUANTITIES))], axis=-2)
    known = np.isfinite(errors)
    *outer, origins, quantities, knots = errors.shape
    cells = int(np.prod([*outer, quantities, knots]))
    cell = np.broadcast_to(np.arange(cells).reshape(*outer, 1, quantities, knots), errors.shape)
    counts = np.bincount((cell * BINS + places)[known], minlength=cells * BINS)
    shares: FloatArray = counts.reshape(*outer, quantities, knots, BINS) / max(origins, 1)
    return shares


def quantile_offsets(histogram: FloatArray) -> FloatArray:
    """Returns the distances of the quantiles from the median forecast, (..., 2, levels, knots), in the errors' unit.

    They never cross, and are 0 at the median: moving it by the past median error makes most houses worse. Within a bin
    errors are taken to be spread evenly.

    Parameters
    ----------
    histogram
        Histograms, (..., 2, knots, BINS). Where one is empty the distances are 0.
    """
    padded = np.concatenate([histogram[..., :1, :], histogram, histogram[..., -1:, :]], axis=-2)
    near, self_, far = NEIGHBOURS
    smooth = near * padded[..., :-2, :] + self_ * histogram + far * padded[..., 2:, :]
    total = smooth.sum(axis=-1, keepdims=True)
    below = np.cumsum(smooth, axis=-1) / np.maximum(total, 1e-12)
    below = np.concatenate([np.zeros_like(total), below], axis=-1)
    offsets = np.zeros((*histogram.shape[:-2], len(LEVELS), len(KNOTS)))
    edges = np.broadcast_to(EDGES[:, None], (*histogram.shape[:-1], BINS + 1))
    for row, level in enumerate(LEVELS):
        upper = np.clip((below < level).sum(axis=-1, keepdims=True), 1, BINS)
        low, high = (np.take_along_axis(below, place, axis=-1)[..., 0] for place in (upper - 1, upper))
        left, right = (np.take_along_axis(edges, place, axis=-1)[..., 0] for place in (upper - 1, upper))
        share = np.clip((level - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
        offset = left + share * (right - left)
        side = np.minimum(offset, 0.0) if level < 0.5 else np.maximum(offset, 0.0)
        offsets[..., row, :] = np.where(total[..., 0] > 0, side if level != 0.5 else 0.0, 0.0)
    return offsets
