"""Two ways out: words and tables for a person, or one JSON object for a program; never both on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from roomidity.domain.quantities import SPECS

__all__ = ["UNITS", "Output", "json_option", "notes", "progress"]

UNITS: Mapping[str, str] = {spec.name: spec.unit for spec in SPECS}
"""By quantity."""

_WIDTH = 120
"""Of tables where there is no terminal to ask."""


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else _WIDTH)


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
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=notes,
        transient=True,
    )
