"""How good forecasts were, as sums: they add up over leads, rooms, days and houses, and means follow from them.

The one place where errors, pinball loss (Koenker and Bassett, Econometrica 46, 1978) and coverage are computed:
backtest, gate, nightly verification and drift all go by it. Which issue times count stands in ``protocol``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

import numpy as np

from roomidity.forecasting.window import LEVELS, STEPS, FloatArray

__all__ = ["LEAD_HOURS", "STORED_SUMS", "Score", "losses", "score"]

LEAD_HOURS: Final = STEPS // 4

P10: Final = LEVELS.index(0.1)
P50: Final = LEVELS.index(0.5)
P90: Final = LEVELS.index(0.9)


@dataclass(frozen=True)
class Score:
    """Sums by lead, each of shape (..., leads): by lead hour 24, of which the first is leads 1 to 4; by slot 96.

    Parameters
    ----------
    count
        Slots that were forecast and measured.
    absolute_error, squared_error
        Absolute and squared error of the median.
    persistence_error, persistence_squared_error
        The same of the last value before the forecast, on the same slots. Its pinball loss, were it the forecast of
        every quantile, is half its absolute error.
    covered
        Slots measured within p10 to p90.
    pinball
        Mean pinball loss over the levels that were forecast.
    """

    count: FloatArray
    absolute_error: FloatArray = field(metadata={"stored": "error"})
    squared_error: FloatArray = field(metadata={"stored": "square"})
    persistence_error: FloatArray
    persistence_squared_error: FloatArray = field(metadata={"stored": "persistence_square"})
    covered: FloatArray = field(metadata={"stored": "inside"})
    pinball: FloatArray

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(self)))

    def __getitem__(self, chosen: Any) -> Score:
        """Returns the sums of some of the forecasts, chosen as by NumPy's indexing."""
        return Score(*(getattr(self, part.name)[chosen] for part in fields(self)))

    def pooled(self) -> Score:
        """Returns the sums over all forecasts, each of shape (leads,)."""
        leads = self.count.shape[-1]
        return Score(*(getattr(self, part.name).reshape(-1, leads).sum(axis=0) for part in fields(self)))

    def hourly(self) -> Score:
        """Returns the sums of slots by lead hour, (..., 96) to (..., 24)."""
        shape = (*self.count.shape[:-1], LEAD_HOURS, -1)
        return Score(*(getattr(self, part.name).reshape(shape).sum(axis=-1) for part in fields(self)))

    def total(self) -> Score:
        """Returns the sums over all leads, each of shape (..., 1)."""
        return Score(*(getattr(self, part.name).sum(axis=-1, keepdims=True) for part in fields(self)))

    @property
    def mae(self) -> FloatArray:
        """Mean absolute error of the median, (..., leads); NaN where nothing was measured."""
        return _ratio(self.absolute_error, self.count)

    @property
    def persistence_mae(self) -> FloatArray:
        """Mean absolute error of persistence: the last value, unchanged, (..., leads)."""
        return _ratio(self.persistence_error, self.count)

    @property
    def rmse(self) -> FloatArray:
        """Root mean squared error of the median, (..., leads)."""
        return np.sqrt(_ratio(self.squared_error, self.count))

    @property
    def coverage(self) -> FloatArray:
        """Share of the measured slots within p10 to p90, (..., leads); 0.8 if calibrated."""
        return _ratio(self.covered, self.count)

    @property
    def mean_pinball(self) -> FloatArray:
        """Mean pinball loss over the levels, (..., leads), in %RH or °C."""
        return _ratio(self.pinball, self.count)


STORED_SUMS: Final = {part.name: part.metadata.get("stored", part.name) for part in fields(Score)}
"""The name of each sum as it is stored, by its attribute."""


def losses(quantiles: FloatArray, actual: FloatArray, last_value: FloatArray) -> Score:
    """Returns what each slot of forecasts lost against what was measured, (..., 96).

    Parameters
    ----------
    quantiles
        (..., 9, 96), levels 0.1 to 0.9; or (..., 3, 96): p10, p50, p90 (pinball is then over those three).
    actual
        (..., 96); NaN where nothing was measured: not scored.
    last_value
        The newest value when the forecast was issued, (...).
    """
    levels, low, mid, high = (
        (LEVELS, P10, P50, P90) if quantiles.shape[-2] == len(LEVELS) else ((0.1, 0.5, 0.9), 0, 1, 2)
    )
    residuals = actual[..., None, :] - quantiles
    known = np.isfinite(residuals).all(axis=-2) & np.isfinite(last_value)[..., None]
    residuals = np.where(known[..., None, :], residuals, 0.0)
    moved = np.where(known, actual - last_value[..., None], 0.0)
    q = np.array(levels)[:, None]
    median = residuals[..., mid, :]
    return Score(
        count=known.astype(np.float64),
        absolute_error=np.abs(median),
        squared_error=median**2,
        persistence_error=np.abs(moved),
        persistence_squared_error=moved**2,
        covered=np.asarray(known & (residuals[..., low, :] >= 0) & (residuals[..., high, :] <= 0), dtype=np.float64),
        pinball=np.maximum(q * residuals, (q - 1) * residuals).mean(axis=-2),
    )


def score(quantiles: FloatArray, actual: FloatArray, last_value: FloatArray) -> Score:
    """Returns the losses of :func:`losses` summed by lead hour, (..., 24)."""
    return losses(quantiles, actual, last_value).hourly()


def _ratio(total: FloatArray, count: FloatArray) -> FloatArray:
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
