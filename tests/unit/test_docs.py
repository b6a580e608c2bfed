"""README and docs are true where a machine can tell: links, commands, names of tests, quoted code, figures, length."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Final

import click
import pytest

from roomidity.cli.app import roomidity
from scripts.tools.write_commands import commands, page_text

CHECKOUT: Final = Path(__file__).parents[2]
PAGES: Final = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
LINK: Final = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
TEST: Final = re.compile(r"`(test_\w+)`")
ANCHOR: Final = re.compile(r"\]\(([^)#\s]*)#([^)\s]+)\)")
NAMED: Final = re.compile(r"(?:`|^ *|bin/)roomidity ([^`\n]+)", re.MULTILINE)
FIGURE: Final = re.compile(r"(?<![\w.])[\d.,]*\d (?:ms|s|min|MB|kB|GB|USD|%RH)\b")
MEASURES: Final = re.compile(r"scripts/[a-z-]+|roomidity backtest|-X importtime|wc -c")
MEASURED: Final = ("README.md", "accuracy.md", "architecture.md", "promises.md", "run-time.md")
"""The other pages have limits and defaults, which are set and not measured."""
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


def test_queries_are_quoted_where_they_are_promised() -> None:
    assert {page.name for page in PAGES if "```python" in page.read_text("utf-8")} == {"README.md", "queries.md"}
    quoted = re.findall(r"```python\n(.*?)```", (CHECKOUT / "docs/queries.md").read_text("utf-8"), re.DOTALL)
    everything = {function.name for function in functions(QUERIES.read_text("utf-8"))}
    assert {function.name for function in functions("\n".join(quoted))} == everything


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_headings_that_are_there(page: Path) -> None:
    for file, anchor in ANCHOR.findall(page.read_text("utf-8")):
        target = page.parent / file if file else page
        if "://" not in file and target.suffix == ".md":
            assert anchor in {slug(line) for line in target.read_text("utf-8").splitlines() if line.startswith("#")}


def test_every_command_and_option_is_documented_as_help_shows_it() -> None:
    assert (CHECKOUT / "docs/commands.md").read_text("utf-8") == page_text(), "write it anew: scripts/write-commands"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists_with_its_options(page: Path) -> None:
    known = {path[1:]: command for path, command in commands(roomidity, "roomidity")}
    for line in NAMED.findall(page.read_text("utf-8")):
        words = line.split("#")[0].split()
        path: tuple[str, ...] = ()
        while words and isinstance(known[path], click.Group) and (*path, words[0]) in known:
            path = (*path, words.pop(0))
        if path:
            options = {name for option in known[path].params for name in (*option.opts, *option.secondary_opts)}
            given = {word.strip("[](),;.`") for word in words if word.strip("[](").startswith("--")}
            assert {word.split("=")[0] for word in given} <= {*options, "--help"}, line
        else:
            assert not words or not words[0].isalpha() or words[0].isupper(), line


@pytest.mark.parametrize("page", [page for page in PAGES if page.name in MEASURED], ids=lambda page: page.name)
def test_every_figure_has_its_command_in_its_section(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for section in re.split(r"^(?=#+ )", text, flags=re.MULTILINE):
        assert not FIGURE.search(section) or MEASURES.search(section), section.partition("\n")[0]


def test_what_is_said_of_node_is_what_is_refused() -> None:
    (wanted,) = re.findall(r'wanted="(Node\.js [^"]*), with npm"', (CHECKOUT / "scripts/lib.sh").read_text("utf-8"))
    for path in (CHECKOUT / "README.md", CHECKOUT / "scripts/demo"):
        assert re.findall(r"Node\.js \d[\d., or]* and newer", path.read_text("utf-8")) == [wanted]
    engines = json.loads((CHECKOUT / "package.json").read_text("utf-8"))["engines"]["node"]
    assert re.findall(r"(\d+\.\d+|\d+)(?:\.0)?(?: |$)", engines) == re.findall(r"\d+(?:\.\d+)?", wanted)


def test_readme_opens_with_what_it_is_a_picture_and_two_commands() -> None:
    beginning = PAGES[0].read_text("utf-8").partition("\n    scripts/test ")[0]
    assert len(beginning.splitlines()) < 20
    assert beginning.startswith("# roomidity\n\nFor every room")
    assert "\n![" in beginning
    assert "\n    scripts/demo " in beginning


def test_the_changelog_has_what_is_unreleased_above_the_releases() -> None:
    first, *releases = re.findall(r"^## (\S+)", (CHECKOUT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert first == "Unreleased"
    numbers = [tuple(map(int, release.split("."))) for release in releases]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] == (0, 1, 0)


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def functions(source: str) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
