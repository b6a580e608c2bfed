"""What must not grow by accident: what is public."""

from __future__ import annotations

import pytest

import roomidity.forecasting
import roomidity.readings


def test_the_public_surface_of_readings() -> None:
    assert roomidity.readings.__all__ == [
        "DUPLICATES",
        "LIMITS",
        "REASONS",
        "Checked",
        "Decoded",
        "Duplicate",
        "Limits",
        "Reason",
        "Union",
        "Unpacked",
        "check",
        "decode",
        "derive",
        "pack_lines",
        "pack_readings",
        "pack_sets",
        "union",
        "unpack_sets",
    ]


def test_the_public_surface_of_forecasting() -> None:
    assert roomidity.forecasting.__all__ == [
        "LEVELS",
        "QUANTITIES",
        "STEPS",
        "WINDOW_SLOTS",
        "Explanation",
        "Grade",
        "HouseForecast",
        "Model",
        "Quantity",
        "State",
        "Window",
        "advance",
        "explain",
        "forecast",
        "incredible",
        "load_prior",
    ]


@pytest.mark.parametrize("module", [roomidity.readings, roomidity.forecasting])
def test_what_is_public_is_there(module: object) -> None:
    for name in module.__all__:  # type: ignore[attr-defined]
        assert hasattr(module, name)
