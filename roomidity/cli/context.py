"""What most commands need: the stage from the environment, and now."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

import click

from roomidity.composition import Stage
from roomidity.domain.slots import is_present, parse_time
from roomidity.readings.messages import MAX_BODY_BYTES

Command = TypeVar("Command", bound=Callable[..., Any])

__all__ = ["Moment", "max_bytes_option", "now_option", "present", "stage"]


@cache
def stage() -> Stage:
    """The stage that the environment names."""
    return Stage.from_environment(os.environ)


class Moment(click.ParamType[datetime]):
    """A time, aware and in UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time that a text says; a wrong one is wrong usage."""
        if isinstance(value, datetime):
            return value
        try:
            moment = parse_time(value)
        except ValueError as error:
            self.fail(f"{error}; expected ISO 8601 with an offset, such as 2026-11-22T07:15Z", param, ctx)
        if not is_present(moment):
            self.fail(f"{value!r} is not one of the years 1970 to 9000", param, ctx)
        return moment


def present(_context: click.Context, _parameter: click.Parameter, moment: datetime | None) -> datetime:
    """The moment that was given, or now."""
    return datetime.now(UTC) if moment is None else moment


def now_option(purpose: str) -> Callable[[Command], Command]:
    """The option ``--now``, whose default is the present."""
    return click.option("--now", type=Moment(), callback=present, help=f"{purpose}  [default: the present]")


max_bytes_option = click.option(
    "--max-bytes",
    type=click.IntRange(1_000, 1_000_000),
    default=MAX_BODY_BYTES,
    show_default=True,
    help="Longest message body.",
)
"""Of what is queued."""
