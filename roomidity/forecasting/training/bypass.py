"""What the air outside adds to the prior: linear bypasses, fitted to what its network leaves unexplained.

Few houses have a sensor outside, so the network never sees it.
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
"""Ridge penalty on the bypass of the air outside, as a share of its inputs' own squares."""

OUTDOOR_STRENGTH: Final = 0.5
"""How much of what the houses of the training show is believed of another house; 0.3 to 0.7 do equally well.

At 1 a tight house, which feels the air outside less than most, loses what others gain.
"""


WEATHER_STRENGTH: Final = 0.75
"""The same of the weather ahead, which is known of simulated houses alone; 0.5 costs airy houses what tight ones gain
at it, 1 the other way round."""


def with_outdoor_air(model: Model, examples: Examples, share: FloatArray) -> Model:
    """Returns the prior with what the air outside adds to it: a linear bypass, fitted to what the network leaves.

    Parameters
    ----------
    model
        A prior whose network knows nothing of the air outside.
    examples
        Those without a sensor outside tell nothing.
    share
        How much each example counts, (examples,).
    """
    chosen = np.asarray(examples.outdoor.any(axis=1))
    rows, left = _unexplained(model, examples, chosen)
    skip = np.array(model.skip)
    skip[OUTDOOR] = OUTDOOR_STRENGTH * _bypass(rows[:, OUTDOOR], left, share[chosen, None])
    return replace(model, skip=skip)


def with_weather_ahead(model: Model, examples: Examples, share: FloatArray) -> Model:
    """Returns the prior with what the weather ahead adds to it, by a bypass of its own beside that of the air outside.

    Parameters
    ----------
    model
        A prior that :func:`with_outdoor_air` gave.
    examples
        Those without an issue tell nothing.
    share
        How much each example counts, (examples,).
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
    """Scaled rows of the chosen examples, (chosen, INPUTS), and what the network leaves of them, (chosen, OUTPUTS)."""
    clocks = clock(examples.day[chosen], examples.weekend[chosen])
    rows = scaled(
        model,
        np.concatenate([examples.own[chosen], clocks, examples.outdoor[chosen], examples.house[chosen]], axis=1),
    )
    return rows, examples.wanted[chosen] - network(model, rows)


def _bypass(outside: FloatArray, left: FloatArray, count: FloatArray) -> FloatArray:
    """Coefficients, (inputs, OUTPUTS), of a weighted ridge of what is left on what is known of the air outside."""
    square, product = outside.T @ (count * outside), outside.T @ (count * left)
    steadied = square + OUTDOOR_PENALTY * np.diag(np.diag(square)) + 1e-12 * np.eye(len(square))
    return np.asarray(np.linalg.solve(steadied, product))
