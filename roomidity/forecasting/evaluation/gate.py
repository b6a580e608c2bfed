"""The gate: a challenger serves only if it did better than what serves, on slots that neither had seen.

Every contender goes through the same days as it would have served them: its state moves on at each midnight, its
forecasts come from the slots before them. So a model that only looks better on what it was trained on gains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.evaluation.scores import Score, score
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.serving.faults import without_faults
from roomidity.forecasting.serving.forecast import forecast
from roomidity.forecasting.serving.gaps import fill
from roomidity.forecasting.serving.online import advance
from roomidity.forecasting.window import STEPS, WINDOW_SLOTS, FloatArray, Window

__all__ = ["CHALLENGER", "Comparison", "Verdict", "held_out_slots", "judge", "score_holdout"]

CHALLENGER: Final = "challenger"

ISSUE_STRIDE: Final = 12
"""Slots between the issue times that are scored: every 3 h; neighbours tell the same."""

BLOCKS_A_DAY: Final = 2
"""Errors within half a day go together; the bootstrap draws half days, with all rooms in them."""

RESAMPLES: Final = 400
BOUND: Final = 0.8
"""Of the resamples, the share that has to stay below MARGIN."""

MARGIN: Final = 0.01
"""A challenger may be this much worse by the bound: so much is noise, and a stricter gate would refuse good models."""


def held_out_slots(slots: int) -> int:
    """Returns how many of the newest measured slots a challenger is not shown: a day's in the first week, then 2, 3.

    >>> [held_out_slots(days * 96) // 96 for days in (3, 7, 14, 100)]
    [1, 2, 3, 3]
    """
    return SLOTS_A_DAY * (1 + (slots >= 7 * SLOTS_A_DAY) + (slots >= 14 * SLOTS_A_DAY))


@dataclass(frozen=True)
class Comparison:
    """The challenger beside one reference, each figure a relative difference: below 0 the challenger is better.

    Parameters
    ----------
    reference
        What it was compared with.
    pinball
        Of the mean pinball loss; None against persistence, which has no quantiles.
    mae
        Of the mean absolute error of the median.
    bound
        What the decisive one of these (pinball, else MAE) stays below in BOUND of the resamples.
    """

    reference: str
    pinball: float | None
    mae: float
    bound: float

    @property
    def won(self) -> bool:
        """Whether the challenger is better, and surely not worse by more than MARGIN."""
        decisive = self.mae if self.pinball is None else self.pinball
        return decisive < 0 and self.mae < MARGIN and self.bound < MARGIN

    def __str__(self) -> str:
        figures = (
            f"MAE {self.mae:+.1%}" if self.pinball is None else f"pinball {self.pinball:+.1%}, MAE {self.mae:+.1%}"
        )
        verb = "better than" if self.won else "not better than"
        bound = f"at most {self.bound:+.1%} in {BOUND:.0%} of resamples"
        return f"{verb} {self.reference}: {figures}, {bound}"


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger may serve, and why; ``scores`` has the mean losses of all by quantity.

    ``slots`` counts those that were judged on and measured; ``unjudged`` says why there are no comparisons, where there
    are none.
    """

    won: bool
    comparisons: tuple[Comparison, ...]
    scores: Mapping[str, Mapping[str, Mapping[str, float]]]
    slots: int
    unjudged: str = "nothing was measured in the slots held out"

    @property
    def reasons(self) -> tuple[str, ...]:
        """The comparisons in words."""
        return tuple(str(one) for one in self.comparisons) or (self.unjudged,)

    def plain(self) -> dict[str, Any]:
        """Returns words and numbers for a manifest."""
        return {
            "won": self.won,
            "reasons": list(self.reasons),
            "held_out_slots": self.slots,
            "scores": {name: {q: dict(figures) for q, figures in found.items()} for name, found in self.scores.items()},
        }


def score_holdout(model: Model, state: State, history: Window, *, first: int) -> Score:
    """Returns the score of the forecasts that a contender would have issued from slot number ``first`` on.

    Leads that have not closed by the history's end are not scored, nor are slots with sensor faults: whether a model
    foresees those says nothing of it. Forecasts are made from the readings as they are, as in serving.

    Parameters
    ----------
    model, state
        As they were at ``first``, or before: the state is brought up to each day.
    history
        Readings up to the present.
    first
        Number of the first issue slot.

    Returns
    -------
    Score
        Sums of shape (rooms, origins, 2, 24).
    """
    origins = np.arange(first, history.last, ISSUE_STRIDE)
    issued: list[FloatArray] = []
    for origin in origins.tolist():
        if not issued or origin % SLOTS_A_DAY < ISSUE_STRIDE:
            state = advance(state, model, history.between(history.first, origin - origin % SLOTS_A_DAY))
        window = history.between(history.first, origin).tail(WINDOW_SLOTS)
        issued.append(forecast(window, model, state).quantiles)
    begins = origins - history.first
    judged = without_faults(history).values
    later = np.concatenate([judged, np.full((*judged.shape[:2], STEPS), np.nan)], axis=2)
    actual = later[:, :, begins[:, None] + np.arange(STEPS)].swapaxes(1, 2)
    newest = fill(judged, limit=history.slots)[:, :, begins - 1].swapaxes(1, 2)
    return score(np.stack(issued, axis=1), actual, newest)


def judge(contenders: Mapping[str, Score], *, slots: int, seed: int) -> Verdict:
    """Returns whether the challenger beats every other contender, and the last value, on the slots held out.

    A relative difference of losses is trusted as far as the non-overlapping block bootstrap (Carlstein, Annals of
    Statistics 14, 1986) bears it out: half days with all rooms in them are drawn with replacement, as many as there
    are, and the BOUND quantile of the difference over the draws has to stay below MARGIN.

    Parameters
    ----------
    contenders
        What :func:`score_holdout` found on the same history and slots, by name; one of them is CHALLENGER.
    slots
        How many of those slots were measured.
    seed
        Of the bootstrap.
    """
    count = contenders[CHALLENGER].count
    measured = count.sum(axis=(0, 1, 3)) > 0
    scored = count.sum(axis=(0, 2, 3)) > 0  # half days of an outage are not drawn
    comparisons = []
    if measured.any():
        half_days = np.flatnonzero(scored) * ISSUE_STRIDE * BLOCKS_A_DAY // SLOTS_A_DAY
        found, blocks = np.unique(half_days, return_inverse=True)
        draws = np.random.default_rng(seed).integers(0, len(found), (RESAMPLES, len(found)))
        others = {name: one[:, scored] for name, one in contenders.items()}
        own = others.pop(CHALLENGER)
        for name, other in others.items():
            pinball = _Difference(own.pinball, other.pinball, blocks, measured)
            mae = _Difference(own.absolute_error, other.absolute_error, blocks, measured)
            comparisons.append(Comparison(name, pinball.mean, mae.mean, pinball.bound(draws)))
        mae = _Difference(own.absolute_error, own.persistence_error, blocks, measured)
        comparisons.append(Comparison("persistence", None, mae.mean, mae.bound(draws)))
    return Verdict(
        won=bool(comparisons) and all(one.won for one in comparisons),
        comparisons=tuple(comparisons),
        scores={name: _means(found) for name, found in contenders.items()},
        slots=slots,
    )


class _Difference:
    """Sums of losses by block and quantity, and their relative difference, both quantities counting the same."""

    def __init__(
        self, own: FloatArray, other: FloatArray, blocks: NDArray[np.integer[Any]], measured: NDArray[np.bool_]
    ) -> None:
        number = int(blocks[-1]) + 1
        self._own, self._other = (
            np.stack([loss[:, blocks == block].sum(axis=(0, 1, 3))[measured] for block in range(number)])
            for loss in (own, other)
        )

    @property
    def mean(self) -> float:
        return float(_relative(self._own.sum(axis=0), self._other.sum(axis=0)))

    def bound(self, draws: NDArray[np.integer[Any]]) -> float:
        return float(np.quantile(_relative(self._own[draws].sum(axis=1), self._other[draws].sum(axis=1)), BOUND))


def _relative(own: FloatArray, other: FloatArray) -> FloatArray:
    ratio: FloatArray = (own / np.maximum(other, 1e-9)).mean(axis=-1) - 1
    return ratio


def _means(found: Score) -> dict[str, dict[str, float]]:
    """Mean losses over all that was scored, by quantity; a quantity that was not measured is absent."""
    names = {"mae": "mae", "pinball": "mean_pinball", "coverage": "coverage", "persistence_mae": "persistence_mae"}
    overall = {quantity: found[:, :, q].pooled().total() for q, quantity in enumerate(QUANTITIES)}
    return {
        quantity: {name: round(float(getattr(sums, mean)[0]), 4) for name, mean in names.items()}
        for quantity, sums in overall.items()
        if sums.count[0]
    }
