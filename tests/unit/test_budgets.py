"""What must not grow by accident: what a handler imports, and what is public."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import roomidity.forecasting
import roomidity.readings

ROOT = Path(__file__).parents[2]
HEAVY = {"sklearn", "scipy", "pandas", "joblib", "matplotlib"}
"""A second of every cold start, and 80 MB."""


def imported_by(handler: str) -> set[str]:
    """The top-level modules that importing a handler loads into a fresh interpreter."""
    script = f"import sys, handlers.{handler}; print(*{{name.partition('.')[0] for name in sys.modules}}, sep='\\n')"
    done = subprocess.run(  # noqa: S603 (the interpreter that runs the tests)
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


def test_every_handler_is_in_the_budget() -> None:
    found = {path.stem for path in (ROOT / "handlers").glob("*.py")} - {"__init__", "runtime"}
    assert found == {"drain", "forecast", "verify", "train"}


@pytest.mark.parametrize("handler", ["drain", "forecast", "verify"])
def test_handlers_that_serve_import_no_training(handler: str) -> None:
    loaded = imported_by(handler)
    assert {"roomidity", "handlers", "numpy"} <= loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_budget_bites() -> None:
    assert {"sklearn", "scipy"} <= imported_by("train")


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
        "check",
        "decode",
        "derive",
        "pack_lines",
        "pack_readings",
        "pack_sets",
        "union",
        "unpack_sets",
        "unreadable_sets",
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
        "load_prior",
    ]


@pytest.mark.parametrize("module", [roomidity.readings, roomidity.forecasting])
def test_what_is_public_is_there(module: object) -> None:
    for name in module.__all__:  # type: ignore[attr-defined]
        assert hasattr(module, name)
