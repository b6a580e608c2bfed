"""The local engine for the tests that need it, one for each module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from roomidity.local.engine import Engine, running
from tests.e2e.engine import CHECKOUT, CLI, Shell


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where engines keep their state, and serverless.yml as it was resolved; skips where it cannot be."""
    if not CLI.exists() or shutil.which("node") is None:
        pytest.skip(
            "the Serverless CLI is not installed; `npm ci` does it, as scripts/test does where there is Node.js"
        )
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def engine(states: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    with running(CHECKOUT, states / request.module.__name__.rpartition(".")[2], stage="test") as engine:
        yield engine


@pytest.fixture
def shell(engine: Engine) -> Shell:
    return Shell(engine)
