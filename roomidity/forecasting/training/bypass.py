"""Adds the outdoor air to the prior through linear bypasses, fitted to the residuals of its network.

Few houses have an outdoor sensor, so the network itself never sees outdoor inputs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.forecasting.model import Model
from roomidity.forecasting.serving.experts import network, scaled, weather_bypass
from roomidity.forecasting.serving.features import FEATURES, OUTDOOR_BEGIN, clock
from roomidity.forecasting.training.examples import Examples
from roomidity.forecasting.window import FloatArray

__all__ = ["OUTDOOR", "with_outdoor_air", "with_weather_ahead"]

OUTDOOR: Final = slice(OUTDOOR_BEGIN, FEATURES)

OUTDOOR_PENALTY: Final = 0.3
"""Ridge penalty of the outdoor bypass, as a fraction of the sum of squares of each input."""

OUTDOOR_STRENGTH: Final = 0.5
"""Factor that shrinks the fitted bypass for use in other houses. Values from 0.3 to 0.7 do equally well.

At 1, airtight houses, which respond less to the outdoor air than most, lose what others gain.
"""


WEATHER_STRENGTH: Final = 0.75
"""The same factor for the weather ahead, fitted on simulated houses only. At 0.5, leaky houses lose what airtight ones
gain, and at 1 it is the other way round."""


def with_outdoor_air(model: Model, examples: Examples, share: FloatArray) -> Model:
    """Returns the prior with a linear bypass for the outdoor air, fitted to the residuals of its network.

    Parameters
    ----------
    model
        A prior whose network has no outdoor inputs.
    examples
        The training examples. Those without an outdoor sensor are not used.
    share
        (examples,) weight of each example.
    """
    chosen = np.asarray(examples.outdoor.any(axis=1))
    rows, left = _unexplained(model, examples, chosen)
    skip = np.array(model.skip)
    skip[OUTDOOR] = OUTDOOR_STRENGTH * _bypass(rows[:, OUTDOOR], left, share[chosen, None])
    return replace(model, skip=skip)


def with_weather_ahead(model: Model, examples: Examples, share: FloatArray) -> Model:
    """Returns the prior with a bypass for the weather ahead, in addition to that for the outdoor air.

    Parameters
    ----------
    model
        A prior returned by :func:`with_outdoor_air`.
    examples
        The training examples. Those without a weather issue are not used.
    share
        (examples,) weight of each example.
    """
    chosen = np.asarray(examples.weather.any(axis=1))
    if not chosen.any():
        return model
    rows, left = _unexplained(model, examples, chosen)
    alone = model.skip[OUTDOOR]
    left += rows[:, OUTDOOR] @ alone
    seen = weather_bypass(rows, examples.weather[chosen])
    together = WEATHER_STRENGTH * _bypass(seen, left, share[chosen, None])
    together[: len(alone)] -= alone
    return replace(model, weather_skip=together)


def _unexplained(model: Model, examples: Examples, chosen: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Returns scaled inputs of the chosen examples, (chosen, INPUTS), and the network's residuals (chosen, OUTPUTS)."""
    clocks = clock(examples.day[chosen], examples.weekend[chosen])
    rows = scaled(
        model,
        np.concatenate([examples.own[chosen], clocks, examples.outdoor[chosen], examples.house[chosen]], axis=1),
    )
    return rows, examples.wanted[chosen] - network(model, rows)


def _bypass(outside: FloatArray, left: FloatArray, count: FloatArray) -> FloatArray:
    """Returns the coefficients, (inputs, OUTPUTS), of a weighted ridge regression of residuals on outdoor inputs."""
    square, product = outside.T @ (count * outside), outside.T @ (count * left)
    steadied = square + OUTDOOR_PENALTY * np.diag(np.diag(square)) + 1e-12 * np.eye(len(square))
    return np.asarray(np.linalg.solve(steadied, product))
