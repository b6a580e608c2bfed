"""scripts/trace-ways: what it counts of calls, and that it follows the functions' own handlers."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from scripts.tools import trace_ways
from tests.conftest import CHECKOUT

SCRIPT: Final = CHECKOUT / "scripts/trace-ways"

FIRST: Final = """
from concurrent.futures import ThreadPoolExecutor
from second import deeper, shared

pool = ThreadPoolExecutor(1)

def one_way():
    return sorted(map(lambda number: -number, range(3)))

def other_way():
    deeper()
    return [number for number in (shared() for _ in range(3))]

def by_threads():
    return pool.submit(deeper).result()

def never():
    pass
"""

SECOND: Final = """
from third import shared

def deeper():
    return shared()
"""

THIRD: Final = """
def shared():
    return 0
"""


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """The script, and a module of a package in place of ours."""
    (tmp_path / "ours").mkdir()
    for name, source in (("first", FIRST), ("second", SECOND), ("third", THIRD)):
        (tmp_path / f"ours/{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path / "ours"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(trace_ways, "ROOT", tmp_path)
    monkeypatch.setattr(trace_ways, "PACKAGES", (f"{tmp_path}/ours/",))
    return trace_ways, import_module("first")


def test_functions_count_once_and_comprehensions_are_their_functions(ours: tuple[ModuleType, ModuleType]) -> None:
    script, first = ours
    with script.Tracer().follow() as way:
        first.one_way()
    assert way.plain() == {"modules": 1, "functions": 2, "moves": 0, "functions_by_module": {"ours/first.py": 2}}


def test_moves_go_from_module_to_module_call_by_call(ours: tuple[ModuleType, ModuleType]) -> None:
    script, first = ours
    with script.Tracer().follow() as way:
        first.other_way()
    counted = way.plain()
    assert counted["functions_by_module"] == {"ours/first.py": 1, "ours/second.py": 1, "ours/third.py": 1}
    # To second, to third; the generator is first's, and each time it goes on it calls third; it ends in first.
    assert counted["moves"] == 2 + 3 * 2 + 1


def test_threads_are_followed_also_such_as_an_earlier_call_began(ours: tuple[ModuleType, ModuleType]) -> None:
    script, first = ours
    tracer = script.Tracer()
    ways = []
    for _ in range(2):
        with tracer.follow() as way:
            first.by_threads()
        ways.append(way.plain())
    first.by_threads()  # not followed
    first.pool.shutdown()
    cold, warm = ways
    assert warm["functions_by_module"] == {"ours/first.py": 1, "ours/second.py": 1, "ours/third.py": 1}
    assert warm == cold
    assert way.plain() == warm, "what ran after it was counted"


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    done = run("--json", "--rooms", "attic,outdoor")
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own script
        [SCRIPT, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("way", "handler"), [("reading", "drain"), ("forecast", "forecast"), ("training", "train")])
def test_a_way_goes_through_its_own_handler_and_what_it_calls(answer: dict[str, Any], way: str, handler: str) -> None:
    counted = answer["ways"][way]
    by_module = counted["functions_by_module"]
    assert {module for module in by_module if module.startswith("handlers/")} >= {f"handlers/{handler}.py"}
    others = {"drain", "forecast", "train", "verify"} - {handler}
    assert not by_module.keys() & {f"handlers/{other}.py" for other in others}
    assert not [module for module in by_module if module.startswith(("roomidity/local/", "roomidity/cli/"))]
    assert all((CHECKOUT / module).is_file() for module in by_module)
    assert counted["modules"] == len(by_module) > 5
    assert counted["functions"] == sum(by_module.values()) > counted["modules"]
    assert counted["moves"] >= counted["modules"] - 1


@pytest.mark.parametrize(
    "arguments", [["--rooms", "outdoor"], ["--rooms", "a,,b"], ["--rooms", "a,a"], ["--days", "2"]]
)
def test_what_cannot_be_traced_is_wrong_usage(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "expected" in done.stderr
