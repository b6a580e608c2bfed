"""scripts/openings-study: what is hidden from training, what is put right, and what is fitted."""

from __future__ import annotations

from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import numpy as np

from roomidity.forecasting import Window
from roomidity.forecasting.serving import online
from roomidity.forecasting.serving.features import KNOTS, targets
from roomidity.forecasting.training import ridges
from scripts.tools.openings_study import Rebound, and_after, fitted, unlearnt

SLOTS = 200


def meant(module: ModuleType, name: str) -> Any:
    """Returns what a name of a module means now."""
    return getattr(module, name)


def window() -> Window:
    values = np.random.default_rng(1).uniform(20, 60, (2, 2, SLOTS))
    return Window(rooms=("bath", "hall"), end=datetime(2026, 3, 1, tzinfo=UTC), timezone="UTC", values=values)


def test_what_came_with_a_window_open_is_hidden_in_its_room_alone_and_filled_from_before() -> None:
    house = window()
    is_open = np.zeros((2, SLOTS), dtype=np.bool_)
    is_open[0, 111] = True
    origin, knot = 100, int(np.flatnonzero(KNOTS == 12)[0])
    origins = np.array([origin])
    plain = targets(house.values, origins)
    with unlearnt(house, is_open):
        for module in (ridges, online):
            found = meant(module, "targets")(house.values, origins)
            assert np.isnan(found[0, 0, :, knot]).all()
            np.testing.assert_array_equal(found[1], plain[1])
        learnt = meant(ridges, "targets")(meant(ridges, "fill")(house.values), origins)
        np.testing.assert_array_equal(learnt[0, 0, :, knot], house.values[0, :, 110])
    np.testing.assert_array_equal(meant(ridges, "targets")(house.values, origins), plain)


def test_an_hour_after_is_four_slots_and_none_before() -> None:
    is_open = np.zeros((1, 12), dtype=np.bool_)
    is_open[0, 3] = True
    assert np.flatnonzero(and_after(is_open, 4)[0]).tolist() == [3, 4, 5, 6, 7]


def test_the_multiple_of_the_drop_that_forecasts_lack_is_found() -> None:
    drop = np.random.default_rng(2).uniform(1, 5, (40, 2))
    lacking = np.linspace(0, 1, 96)
    error = drop[:, :, None] * lacking
    np.testing.assert_allclose(fitted([Rebound(drop, error)] * 2), np.stack([lacking] * 2))
