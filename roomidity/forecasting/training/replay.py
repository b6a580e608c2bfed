"""The replay: the state that a daily run over the last days of a history would have reached."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.model import State
from roomidity.forecasting.panel import PRIOR
from roomidity.forecasting.serving.experience import absorb
from roomidity.forecasting.serving.experts import combine
from roomidity.forecasting.training.report import absolute_errors
from roomidity.forecasting.window import FloatArray, IntArray

__all__ = ["replay"]


def replay(
    state: State,
    answers: FloatArray,
    differences: FloatArray,
    scale: FloatArray,
    *,
    bare: FloatArray | None,
    informed: NDArray[np.bool_],
    origins: IntArray,
    days: IntArray,
) -> tuple[State, list[FloatArray]]:
    """Returns the state after the last day, and each day's absolute errors of what was forecast and of the prior.

    Parameters
    ----------
    state
        That of a new house.
    answers, bare
        What each expert said, (rooms, origins, experts, 2, knots), and would have said without weather, if it knew any.
    differences, scale
        What came, and how large errors should be, (rooms, origins, 2, knots).
    informed
        Whether an issue of the weather was known, (origins,).
    origins, days
        Issue times and midnights, as slots since 1970.
    """
    errors: list[FloatArray] = []
    for day in days:
        chosen = slice(*np.searchsorted(origins, [day, day + SLOTS_A_DAY]))
        errors.append(
            absolute_errors(combine(state, answers[:, chosen]), answers[:, chosen, PRIOR], differences[:, chosen])
        )
        state = absorb(
            state,
            answers[:, chosen],
            differences[:, chosen],
            scale[:, chosen],
            bare=None if bare is None else bare[:, chosen],
            informed=informed[chosen],
        )
    return state, errors
