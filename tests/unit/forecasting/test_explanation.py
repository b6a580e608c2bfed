"""An explanation adds up to the forecast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roomidity.forecasting import explain, forecast
from roomidity.forecasting.panel import EXPERTS
from roomidity.forecasting.serving.explanation import EXPLAINED_HOURS
from roomidity.forecasting.training.ridges import Trained


def test_the_experts_add_up_to_the_forecast(make_house, trained: Trained) -> None:
    window = make_house(days=12).tail(192)
    median = forecast(window, trained.model, trained.state).quantiles[1, :, 4]
    for q, found in enumerate(explain(window, trained.model, trained.state, "room 1")):
        assert [name for name, _, _ in found.experts] == list(EXPERTS)
        total = sum(weights * changes for _, weights, changes in found.experts)
        np.testing.assert_allclose(total, found.expected)
        np.testing.assert_allclose(found.newest + total, median[q, np.array(EXPLAINED_HOURS) * 4 - 1])
        assert found.last_hour == pytest.approx(window.values[1, q, -1] - window.values[1, q, -5])


def test_a_quantity_without_a_recent_value_is_not_explained(make_house, trained: Trained) -> None:
    window = make_house(days=12).tail(192)
    values = window.values.copy()
    values[0, 0, -20:] = np.nan
    found = explain(replace(window, values=values), trained.model, trained.state, "room 0")
    assert [one.quantity for one in found] == ["temperature"]
    with pytest.raises(ValueError, match="attic"):
        explain(window, trained.model, trained.state, "attic")
