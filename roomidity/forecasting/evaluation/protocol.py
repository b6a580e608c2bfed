"""Which issue times count, so that forecasts of any model are compared on the same ones."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import HUMIDITY
from roomidity.forecasting.window import WINDOW_SLOTS, FloatArray, IntArray

__all__ = ["counted"]

PAST_SHARE: Final = 0.6
TARGET_SHARE: Final = 0.5
"""An issue time counts only where so much humidity was measured in the two days before, and in the 24 h after."""


def counted(filled: FloatArray, actual: FloatArray, newest: FloatArray, begins: IntArray) -> NDArray[np.bool_]:
    """Returns which issue times count, (..., origins), for both quantities alike.

    Parameters
    ----------
    filled
        What was measured, filled forward for at most 3 h, (..., 2, slots).
    actual
        What was measured after each issue time, (..., origins, 2, 96).
    newest
        The newest filled values at each issue time, (..., origins, 2): both must be known.
    begins
        The column of ``filled`` at which each forecast begins, (origins,).
    """
    columns = begins[:, None] - 1 - np.arange(WINDOW_SLOTS)
    past = np.isfinite(filled[..., HUMIDITY, :][..., np.maximum(columns, 0)]) & (columns >= 0)
    return np.asarray(
        np.isfinite(newest).all(axis=-1)
        & (past.mean(axis=-1) >= PAST_SHARE)
        & (np.isfinite(actual[..., HUMIDITY, :]).mean(axis=-1) >= TARGET_SHARE)
    )
