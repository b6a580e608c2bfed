"""Asking the experts: the trained models' part of the question, and the weighted mean of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import QUANTITIES
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.panel import Question, answers_to
from roomidity.forecasting.serving.features import FEATURES, KNOT_BLOCKS, KNOTS, OUTDOOR_BEGIN, Design
from roomidity.forecasting.window import FloatArray

__all__ = ["CLIP", "WEATHER_STRENGTH", "combine", "consult", "network", "scaled", "weather_bypass", "with_weather"]

CLIP: Final = 6.0
"""Scaled inputs are held within ±6, so that one spike or a moved sensor cannot throw a forecast far."""

WEATHER_STRENGTH: Final = 6.0
"""What the ridges multiply the weather ahead by: its penalty is 36 times lighter. It tells what is to come, and there
is a physics behind it that holds in every house; the room's own past tells it from noise."""


def scaled(model: Model, inputs: FloatArray) -> FloatArray:
    """Returns inputs, (..., INPUTS), divided by the model's scale and clipped at ±CLIP."""
    return np.clip(inputs / model.scale, -CLIP, CLIP)


def network(model: Model, rows: FloatArray) -> FloatArray:
    """Returns the prior's differences from the newest value, (..., OUTPUTS), for scaled ``rows``, (..., INPUTS)."""
    first = np.maximum(rows @ model.hidden1 + model.bias1, 0.0)
    second = np.maximum(first @ model.hidden2 + model.bias2, 0.0)
    return second @ model.output + model.bias3 + rows @ model.skip


def with_weather(rows: FloatArray, weather: FloatArray) -> FloatArray:
    """Returns what ridges see where the weather ahead is known: a room's own ``rows``, (..., FEATURES), and that."""
    return np.concatenate([rows[..., :FEATURES], WEATHER_STRENGTH * weather], axis=-1)


def weather_bypass(rows: FloatArray, weather: NDArray[np.floating[Any]]) -> FloatArray:
    """Returns what the prior's bypass for the weather sees: the air outside among ``rows``, and what is to come."""
    return np.concatenate([rows[..., OUTDOOR_BEGIN:FEATURES], weather], axis=-1)


def consult(model: Model, rooms: Sequence[str], basis: Design, rows: FloatArray, *, blind: bool = False) -> FloatArray:
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
    blind
        Whether to answer as if the weather ahead were not known.
    """
    prior = network(model, rows).reshape(*rows.shape[:2], len(QUANTITIES), len(KNOTS))
    weather, informed = basis.weather, basis.informed[:, None, None]
    if weather is not None and not blind:
        weather = np.nan_to_num(weather)
        prior += np.where(informed, (weather_bypass(rows, weather) @ model.weather_skip).reshape(prior.shape), 0.0)
    ridge, residual_ridge = prior.copy(), prior.copy()
    places = {room: place for place, room in enumerate(model.rooms)}
    known = [row for row, room in enumerate(rooms) if room in places]
    if known:
        coefficients = [places[rooms[row]] for row in known]
        own, shape = rows[known, :, :FEATURES], (len(known), *prior.shape[1:])
        ridge[known] = (own @ model.local[coefficients]).reshape(shape)
        residual_ridge[known] += (own @ model.residual[coefficients]).reshape(shape)
        if weather is not None and not blind and model.knows_weather:
            seen = with_weather(own, weather[known])
            expected = (seen @ model.weather_local[coefficients]).reshape(shape)
            left = (seen @ model.weather_residual[coefficients]).reshape(shape)
            ridge[known] = np.where(informed, expected, ridge[known])
            residual_ridge[known] = np.where(informed, prior[known] + left, residual_ridge[known])
    return answers_to(Question(basis, prior=prior, ridge=ridge, residual_ridge=residual_ridge))


def combine(state: State, answers: FloatArray) -> FloatArray:
    """Returns the mean of the experts' answers by the state's weights, (rooms, origins, 2, knots), in %RH and °C."""
    weights = state.weights[:, KNOT_BLOCKS]
    mixed: FloatArray = np.einsum("roeqk,qke->roqk", answers, weights)
    return mixed
