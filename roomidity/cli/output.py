"""Two ways out: words and tables for a person, or one JSON object for a program; never both on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TimeElapsedColumn,
)
from rich.segment import Segment
from rich.text import Text

from roomidity.domain.names import visible
from roomidity.domain.quantities import SPECS

__all__ = ["UNITS", "Output", "json_option", "notes", "progress", "shown"]

UNITS: Mapping[str, str] = {spec.name: spec.unit for spec in SPECS}
"""By quantity."""

_WIDTH = 120
"""Of tables where there is no terminal to ask."""


def shown(name: str) -> Text:
    """A name from outside for a cell of a table: as it is, no markup, with what cannot be seen escaped."""
    return Text(visible(name))


@dataclass(frozen=True)
class _Visible:
    """What a renderable renders, with what a terminal would obey or nobody would see escaped; colours stay."""

    renderable: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


class _VisibleHook(RenderHook):
    """Whatever is printed passes here: names come from outside, and a command may forget to escape one."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """The same, escaped."""
        return [_Visible(one) for one in renderables]


def _console(*, stderr: bool) -> Console:
    """A console that takes text as it is: brackets and colons in a name are no markup."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=width)
    console.push_render_hook(_VisibleHook())
    return console


class _Description(ProgressColumn):
    """What is being done; it is rendered beside the hook."""

    def render(self, task: Task) -> Text:
        """The description, escaped."""
        return shown(task.description)


notes = _console(stderr=True)
"""Set-up, progress and remarks: always standard error."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else, to standard output."
)


class Output:
    """What a command answers. ``tables`` is where words and tables go: beside the JSON, to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.tables = notes if as_json else _console(stderr=False)

    def answer(self, content: Mapping[str, Any]) -> None:
        """Print the JSON object, if that was asked for."""
        if self.as_json:
            json.dump(content, sys.stdout)
            sys.stdout.write("\n")
            sys.stdout.flush()


def progress() -> Progress:
    """A progress bar on standard error; silent where that is no terminal."""
    return Progress(
        SpinnerColumn(),
        _Description(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=notes,
        transient=True,
    )
