"""README and docs are true where a machine can tell: links, names of tests, quoted code, length."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

CHECKOUT: Final = Path(__file__).parents[2]
PAGES: Final = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
LINK: Final = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
TEST: Final = re.compile(r"`(test_\w+)`")
QUERIES: Final = CHECKOUT / "tests/integration/dashboard.py"


def test_readme_is_short() -> None:
    assert len(PAGES[0].read_text("utf-8").splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = set(TEST.findall(page.read_text("utf-8")))
    modules = [path.read_text("utf-8") for path in (CHECKOUT / "tests").rglob("*.py")]
    assert {name for name in named if not any(f"def {name}(" in module for module in modules)} == set()


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "```python" in page.read_text("utf-8")], ids=lambda page: page.name
)
def test_queries_are_those_that_are_tested(page: Path) -> None:
    quoted = "\n".join(re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL))
    tested = {function.name: ast.dump(function) for function in functions(QUERIES.read_text("utf-8"))}
    assert functions(quoted)
    for function in functions(quoted):
        assert ast.dump(function) == tested[function.name], function.name


def functions(source: str) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
