"""A cold start's budget: what serves imports neither scikit-learn nor what comes with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
HEAVY: Final = {"sklearn", "scipy", "joblib", "pandas", "matplotlib", "click", "rich", "plotext", "ministack"}
"""About a second of every cold start, and the laptop's own."""

UNUSED: Final = {
    "drain": {"roomidity.forecasting", "roomidity.domain.advice.acting", "roomidity.domain.comfort.course"},
    "forecast": {
        "roomidity.forecasting.evaluation",
        "roomidity.domain.advice.acting",
        "roomidity.domain.comfort.course",
    },
}
"""What others need of the package: a tenth of the drain's cold start. A stage that advises imports advice as well."""

FORGET: Final = "import sys, {module}; print(*sys.modules)"


def loaded_by(module: str) -> set[str]:
    run = subprocess.run(  # noqa: S603  # our own Python
        [sys.executable, "-c", FORGET.format(module=module)], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


@pytest.mark.parametrize("name", ["api", "drain", "forecast", "verify"])
def test_what_serves_loads_nothing_heavy(name: str) -> None:
    loaded = loaded_by(f"handlers.{name}")
    assert {"roomidity", "handlers", "numpy"} <= loaded
    assert loaded & (HEAVY | UNUSED.get(name, set())) == set()


def test_every_handler_is_in_the_budget() -> None:
    found = {path.stem for path in (ROOT / "handlers").glob("*.py")} - {"__init__", "batch", "runtime"}
    assert found == {"api", "drain", "forecast", "verify", "train", "weather"}


@pytest.mark.parametrize("name", ["api", "forecast", "verify", "train", "weather"])
def test_only_the_drain_loads_polars(name: str) -> None:
    """A sixth of a cold start, for what aggregates readings alone."""
    ports = {
        "api": "api_ports",
        "forecast": "forecast_ports",
        "verify": "verify_ports",
        "train": "training_ports",
        "weather": "weather_ports",
    }[name]
    code = FORGET.format(module=f"handlers.{name}").replace("; ", f"; handlers.{name}.stage().{ports}; ", 1)
    environment = {"AWS_DEFAULT_REGION": "eu-central-1", "ROOMIDITY_BUCKET": "none"}
    run = subprocess.run(  # noqa: S603  # our own Python
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    loaded = set(run.stdout.split())
    assert "pynamodb" in loaded
    assert loaded & ({"polars", "boto3"} | UNUSED.get(name, set())) == set()


def test_jobs_are_processed_without_the_types_of_every_event_source() -> None:
    code = "import sys, handlers.forecast; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert {"aws_lambda_powertools.utilities.batch", "boto3"} & set(run.stdout.split()) == set()


def test_garbage_is_collected_once_all_is_imported() -> None:
    collected = "import gc, sys, handlers.drain; print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    run = subprocess.run([sys.executable, "-c", collected], capture_output=True, text=True, check=True)  # noqa: S603
    assert run.stdout.split() == ["True", "True"]


def test_training_is_what_loads_scikit_learn() -> None:
    assert {"sklearn", "scipy"} <= loaded_by("handlers.train")


def test_help_loads_nothing_heavy() -> None:
    assert loaded_by("roomidity.cli.app") & {"sklearn", "scipy", "joblib", "pandas", "ministack"} == set()
