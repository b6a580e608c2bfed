"""Drift: whether a house's forecasts have become worse than they were, beyond what weather and habits do to them.

Most changes of a house are absorbed by the online state within days, and no training is needed for them. What stays is
seen in the daily figures, which vary by a factor of two from day to day. The numbers below were chosen on 13 simulated
houses without a change, 9 with a dehumidifier, and a real one: of the changes that are large they find most when the
first day's figures are there, and a house without one is called drifted once in six weeks. That costs a training,
which the gate then judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from roomidity.domain.quantities import QUANTITIES
from roomidity.forecasting.evaluation.scores import Score
from roomidity.forecasting.window import FloatArray

__all__ = ["drift_of"]

LAST_DAYS: Final = 3
BAD_DAYS: Final = 2
"""So many of the last days have to be bad: one is a party, two are a habit."""

WORSE: Final = 1.5
"""A bad day's mean pinball loss is beyond so many times the median of the days before."""

DEVIATIONS: Final = 2.0
"""And so many deviations above it, on a logarithmic scale; a deviation is 1.48 median absolute deviations."""

BEFORE_DAYS: Final = 14
"""Days before the last ones that have to be known: of fewer, the deviation means little."""

COVERED_DAYS: Final = 14
COVERED: Final = (0.7, 0.9)
"""Share within p10 to p90 over two weeks: houses without a change leave it .1 times a month, 1.7 times over one."""


def drift_of(days: Sequence[Mapping[str, Score]]) -> str | None:
    """Returns why a house's forecasts are worse than they used to be, in words; None if they are not.

    Daily pinball losses are compared, on a logarithmic scale, by their median and median absolute deviation, which a
    few odd days do not move (1.4826 of the latter are a standard deviation where they are normal). Days on which
    nothing was measured do not count.

    Parameters
    ----------
    days
        Sums over all rooms of the forecasts issued on each day, by quantity, the newest last; some weeks of them.
    """
    for quantity in QUANTITIES:
        scores = [day[quantity].total() for day in days if quantity in day and day[quantity].count.sum() > 0]
        if len(scores) < BEFORE_DAYS + LAST_DAYS:
            continue
        why = _worse(np.array([float(score.mean_pinball[0]) for score in scores])) or _covered(scores[-COVERED_DAYS:])
        if why is not None:
            return f"{quantity}: {why}"
    return None


def _worse(losses: FloatArray) -> str | None:
    """Whether two of the last three days are bad, against those before."""
    logs = np.log(np.maximum(losses, 1e-9))
    before, last = logs[:-LAST_DAYS], logs[-LAST_DAYS:]
    median = float(np.median(before))
    deviation = 1.4826 * float(np.median(np.abs(before - median)))
    bad = last - median > max(DEVIATIONS * deviation, np.log(WORSE))
    if bad.sum() < BAD_DAYS:
        return None
    ratio = float(np.exp(np.sort(last)[-BAD_DAYS] - median))
    return f"pinball loss at least {ratio:.1f} times the usual on {bad.sum()} of the last {LAST_DAYS} days"


def _covered(scores: Sequence[Score]) -> str | None:
    """Whether the quantiles of the last two weeks held too little or too much."""
    share = sum(float(score.covered[0]) for score in scores) / sum(float(score.count[0]) for score in scores)
    least, most = COVERED
    return None if least <= share <= most else f"{share:.0%} within p10 to p90 over {len(scores)} days"
