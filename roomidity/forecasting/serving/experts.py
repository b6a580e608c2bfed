"""The experts: what the prior, the room's ridges and three simple rules expect, relative to the newest value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from roomidity.domain.quantities import QUANTITIES
from roomidity.forecasting.model import EXPERTS, LOCAL_EXPERTS, PRIOR, Model, State
from roomidity.forecasting.serving.features import FEATURES, KNOT_BLOCKS, KNOTS, Design
from roomidity.forecasting.window import FloatArray

__all__ = ["CLIP", "combine", "consult", "network", "scaled"]

CLIP: Final = 6.0
"""Scaled inputs are held within ±6, so that one spike or a moved sensor cannot throw a forecast far."""


def scaled(model: Model, inputs: FloatArray) -> FloatArray:
    """Inputs divided by the model's scale and clipped."""
    return np.clip(inputs / model.scale, -CLIP, CLIP)


def network(model: Model, rows: FloatArray) -> FloatArray:
    """The prior's differences from the newest value, (..., OUTPUTS), for scaled ``rows``."""
    first = np.maximum(rows @ model.hidden1 + model.bias1, 0.0)
    second = np.maximum(first @ model.hidden2 + model.bias2, 0.0)
    return second @ model.output + model.bias3 + rows @ model.skip


def consult(model: Model, rooms: Sequence[str], basis: Design, rows: FloatArray) -> FloatArray:
    """Each expert's differences from the newest value at the knots, (rooms, origins, experts, 2, knots).

    A room that the model has no ridges for gets the prior's answer in their place.
    """
    shape = (*rows.shape[:2], len(QUANTITIES), len(KNOTS))
    answers = np.zeros((*rows.shape[:2], len(EXPERTS), *shape[2:]))
    prior = network(model, rows).reshape(shape)
    answers[:, :, (PRIOR, *LOCAL_EXPERTS)] = prior[:, :, None]
    places = {room: place for place, room in enumerate(model.rooms)}
    known = [row for row, room in enumerate(rooms) if room in places]
    if known:
        coefficients = [places[rooms[row]] for row in known]
        local = (rows[known, :, :FEATURES] @ model.local[coefficients]).reshape(len(known), *shape[1:])
        residual = (rows[known, :, :FEATURES] @ model.residual[coefficients]).reshape(len(known), *shape[1:])
        answers[known, :, LOCAL_EXPERTS[0]] = local
        answers[known, :, LOCAL_EXPERTS[1]] += residual
    answers[:, :, EXPERTS.index("weekly profile")] = basis.profile
    answers[:, :, EXPERTS.index("yesterday")] = basis.yesterday
    return answers


def combine(state: State, answers: FloatArray) -> FloatArray:
    """The weighted mean of the experts, (rooms, origins, 2, knots)."""
    weights = state.weights[:, KNOT_BLOCKS]
    mixed: FloatArray = np.einsum("roeqk,qke->roqk", answers, weights)
    return mixed
