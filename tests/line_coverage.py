"""A pytest plugin that prints which lines of roomidity the tests ran, by package: `-p tests.line_coverage`.

SlipCover counts a line once and then takes its probe out again, so that it costs a fraction of what tracing does on
Python 3.11. Processes that tests start, such as the local engine's functions, are not measured.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
import slipcover

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / ".roomidity/coverage"
SOURCE: Final = ROOT / "roomidity"

_MEASURED: Final = slipcover.Slipcover(source=[str(SOURCE)])
# Before any module of roomidity is imported, by a conftest or a test.
slipcover.ImportManager(_MEASURED, slipcover.FileMatcher(sources=[str(SOURCE)])).__enter__()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Forget what was measured before; workers start after their controller."""
    if not _is_worker(session.config):
        FOLDER.mkdir(parents=True, exist_ok=True)
        for old in FOLDER.glob("*.json"):
            old.unlink()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave what this process ran where the controller finds it."""
    if _is_worker(session.config) or not session.config.getoption("numprocesses", default=None):
        (FOLDER / f"{os.getpid()}.json").write_text(json.dumps(_MEASURED.get_coverage()), "utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the share of lines that any process ran, by package."""
    if _is_worker(config):
        return
    executed: dict[str, set[int]] = {}
    lines: dict[str, set[int]] = {}
    for path in FOLDER.glob("*.json"):
        files: dict[str, Any] = json.loads(path.read_text("utf-8"))["files"]
        for name, file in files.items():
            executed.setdefault(name, set()).update(file["executed_lines"])
            lines.setdefault(name, set()).update(file["executed_lines"], file["missing_lines"])
    known: Counter[str] = Counter()
    run: Counter[str] = Counter()
    for name, numbers in lines.items():
        inside = (ROOT / name).relative_to(SOURCE)
        package = f"roomidity.{inside.parts[0]}" if len(inside.parts) > 1 else "roomidity"
        for key in (package, "all"):
            known[key] += len(numbers)
            run[key] += len(executed[name])
    terminalreporter.section("lines of roomidity that the tests ran")
    for key in (*sorted(known.keys() - {"all"}), "all"):
        if known[key]:
            terminalreporter.write_line(f"{key:24} {run[key]:6} of {known[key]:6}  {run[key] / known[key]:6.1%}")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
