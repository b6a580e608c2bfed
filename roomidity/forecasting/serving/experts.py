"""Asking the experts: the trained models' part of the question, and the weighted mean of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from roomidity.domain.quantities import QUANTITIES
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.panel import Question, answers_to
from roomidity.forecasting.serving.features import FEATURES, KNOT_BLOCKS, KNOTS, Design
from roomidity.forecasting.window import FloatArray

__all__ = ["CLIP", "combine", "consult", "network", "scaled"]

CLIP: Final = 6.0
"""Scaled inputs are held within ±6, so that one spike or a moved sensor cannot throw a forecast far."""


def scaled(model: Model, inputs: FloatArray) -> FloatArray:
    """Returns inputs, (..., INPUTS), divided by the model's scale and clipped at ±CLIP."""
    return np.clip(inputs / model.scale, -CLIP, CLIP)


def network(model: Model, rows: FloatArray) -> FloatArray:
    """Returns the prior's differences from the newest value, (..., OUTPUTS), for scaled ``rows``, (..., INPUTS)."""
    first = np.maximum(rows @ model.hidden1 + model.bias1, 0.0)
    second = np.maximum(first @ model.hidden2 + model.bias2, 0.0)
    return second @ model.output + model.bias3 + rows @ model.skip


def consult(model: Model, rooms: Sequence[str], basis: Design, rows: FloatArray) -> FloatArray:
    """Returns each expert's differences from the newest value at the knots, (rooms, origins, experts, 2, knots).

    A room that the model has no ridges for gets the prior's answer in their place.

    Parameters
    ----------
    rooms
        Names of the rooms, which the model may know or not.
    basis
        Their inputs.
    rows
        The same as :func:`scaled` rows, (rooms, origins, INPUTS).
    """
    prior = network(model, rows).reshape(*rows.shape[:2], len(QUANTITIES), len(KNOTS))
    ridge, residual_ridge = prior.copy(), prior.copy()
    places = {room: place for place, room in enumerate(model.rooms)}
    known = [row for row, room in enumerate(rooms) if room in places]
    if known:
        coefficients = [places[rooms[row]] for row in known]
        own, shape = rows[known, :, :FEATURES], (len(known), *prior.shape[1:])
        ridge[known] = (own @ model.local[coefficients]).reshape(shape)
        residual_ridge[known] += (own @ model.residual[coefficients]).reshape(shape)
    return answers_to(Question(basis, prior=prior, ridge=ridge, residual_ridge=residual_ridge))


def combine(state: State, answers: FloatArray) -> FloatArray:
    """Returns the mean of the experts' answers by the state's weights, (rooms, origins, 2, knots), in %RH and °C."""
    weights = state.weights[:, KNOT_BLOCKS]
    mixed: FloatArray = np.einsum("roeqk,qke->roqk", answers, weights)
    return mixed
