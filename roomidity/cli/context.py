"""What most commands need: the stage from the environment, and now."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

import click

from roomidity.composition import Roomidity
from roomidity.slots import parse_time

Command = TypeVar("Command", bound=Callable[..., Any])

__all__ = ["now_option", "stage"]


@cache
def stage() -> Roomidity:
    """The stage that the environment names."""
    return Roomidity.from_environment(os.environ)


def _moment(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        return parse_time(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; expected ISO 8601 with an offset, such as 2026-11-22T07:15Z") from error


def now_option(purpose: str) -> Callable[[Command], Command]:
    """The option ``--now``, whose default is the present."""
    return click.option("--now", metavar="TIME", callback=_moment, help=f"{purpose}  [default: the present]")
