"""Stored states and experts that came or went since: a state is read as one of the experts that there are now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from roomidity.forecasting.panel import Expert
from roomidity.forecasting.window import FloatArray

__all__ = ["UNNAMED_EXPERTS", "with_experts"]

UNNAMED_EXPERTS: Final = ("prior", "ridge", "residual ridge", "weekly profile", "persistence", "yesterday")
"""Those of states that do not name theirs: for long there were no others."""

_LEAST: Final = 1e-12
"""Below, a sum of weights is rounding."""


def with_experts(
    gram: FloatArray,
    initial: FloatArray,
    weights: FloatArray,
    *,
    stored: Sequence[str],
    panel: Sequence[Expert],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns sums of products of errors, initial weights and weights of the experts of ``panel``.

    One that is gone is left out, and the others share its weights in proportion. One that is new gets its initial
    weight, and those of the others shrink to make room. Of its errors nothing is known: it is taken to have erred as
    the weighted mean of the others did. As that is a linear map of the others' errors, the sums stay those of products
    (positive semidefinite); it wins and loses nothing by it, and its own errors take over as the old ones fade.

    Parameters
    ----------
    gram
        (2, blocks, stored experts, stored experts).
    initial, weights
        (2, blocks, stored experts), each row on the simplex.
    stored
        Names of the experts that they are of.
    panel
        Those that are wanted.
    """
    names = tuple(expert.name for expert in panel)
    if names == tuple(stored):
        return gram, initial, weights
    share = np.array([expert.initial_weight for expert in panel])
    share /= share.sum()
    present = [place for place, name in enumerate(names) if name in stored]
    former = [stored.index(names[place]) for place in present]
    new = [place for place in range(len(names)) if place not in present]

    def resized(of: FloatArray) -> FloatArray:
        """Weights of all, from those of the stored experts."""
        kept = of[..., former]
        total = kept.sum(axis=-1, keepdims=True)
        usual = share[present] / max(share[present].sum(), _LEAST)
        row = np.broadcast_to(share, (*of.shape[:-1], len(names))).copy()
        row[..., present] = (1 - share[new].sum()) * np.where(total > _LEAST, kept / np.maximum(total, _LEAST), usual)
        return row

    now = resized(weights)
    errors_of = np.zeros((*weights.shape[:-1], len(names), len(stored)))
    errors_of[..., present, former] = 1.0
    for place in new:
        errors_of[..., place, former] = now[..., present] / now[..., present].sum(axis=-1, keepdims=True)
    return errors_of @ gram @ errors_of.swapaxes(-1, -2), resized(initial), now
