"""The soak in small: messages late, twice and in no order, and nothing is lost; scripts/soak does it for hours."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.e2e.engine import CHECKOUT, TIMEOUT_S


@pytest.mark.usefixtures("states")
def test_hours_of_houses_end_exact() -> None:
    command = [
        str(CHECKOUT / "scripts/soak"),
        "--houses",
        "6",
        "--hours",
        "1.5",
        "--rooms",
        "3",
        "--json",
    ]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
    assert run.returncode == 0, run.stderr
    (soaked,) = json.loads(run.stdout)["soaked"]
    assert soaked["problems"] == []
    assert soaked["stored"] == 6 * 3 * 90
    assert soaked["duplicate"] > 0
