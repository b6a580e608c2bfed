"""scripts/ starts what scripts/tools/ has, and nothing stands in either that the other lacks."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

CHECKOUT: Final = Path(__file__).parents[2]
STARTS: Final = re.compile(r"^run_tool (\w+) \"\$@\"$", re.MULTILINE)
LAUNCHERS: Final = {
    path: found[1]
    for path in sorted((CHECKOUT / "scripts").iterdir())
    if path.is_file() and (found := STARTS.search(path.read_text("utf-8")))
}
BY_PATH: Final = {
    "__init__",
    "check_template",
    "home_assistant_picture",
    "home_assistant_probe",
    "homes",
    "memory",
    "old_way",
    "room_values",
}
"""home_assistant_picture, homes, memory and room_values are parts of others; the rest is started by tools or by
scripts/check-template."""


def test_every_tool_has_its_launcher_and_every_launcher_its_tool() -> None:
    tools = {path.stem for path in (CHECKOUT / "scripts/tools").glob("*.py")}
    assert set(LAUNCHERS.values()) == tools - BY_PATH
    assert all(path.name == tool.replace("_", "-") for path, tool in LAUNCHERS.items())
    assert all(os.access(path, os.X_OK) for path in LAUNCHERS)


@pytest.mark.parametrize("tool", sorted(set(LAUNCHERS.values())))
def test_help_calls_a_tool_by_its_launcher(tool: str) -> None:
    source = (CHECKOUT / f"scripts/tools/{tool}.py").read_text("utf-8")
    assert re.search(rf'prog="(scripts/)?{tool.replace("_", "-")}"', source)


def test_a_launcher_runs_the_checkout_s_tool_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "scripts.py").write_text("raise SystemExit('the wrong one')\n")
    done = subprocess.run(  # noqa: S603  # our own
        [CHECKOUT / "scripts/run-times", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: run-times ")
