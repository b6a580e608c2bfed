"""Options for the weather ahead in a backtest: issues from a file, simulated with noise, or perfect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import polars as pl

from roomidity.domain.quantities import QUANTITIES, SPECS
from roomidity.domain.weather import HOURS, WeatherIssue
from roomidity.errors import InputError
from roomidity.forecasting import Window
from roomidity.forecasting.simulated_issues import simulate_issues
from roomidity.readings.issue_table import ISSUE_COLUMNS

__all__ = ["read_issues", "weather_options", "with_weather"]

F = TypeVar("F", bound=Callable[..., Any])

PERFECT: Final = "perfect"
_TIMES: Final = ISSUE_COLUMNS[:3]


def weather_options(command: F) -> F:
    """Adds --weather and --weather-noise to a command."""
    command = click.option(
        "--weather-noise",
        type=click.IntRange(min=0),
        metavar="SEED",
        help="Weather ahead made of --outdoor, with the errors that forecasts of it have, drawn by SEED: every 6 h, "
        "known 4 h later.",
    )(command)
    return click.option(
        "--weather",
        metavar="FILE|perfect",
        help="Weather ahead: a Parquet file of forecasts as they were issued (issued_at, known_from, ts, temperature, "
        f"humidity; {HOURS} hourly rows an issue), or `perfect`, made of --outdoor: the bound.",
    )(command)


def with_weather(houses: Mapping[str, Window], *, weather: str | None, noise: int | None) -> dict[str, Window]:
    """Returns the houses with the weather ahead that the options ask for.

    Raises
    ------
    InputError
        If the file does not contain issues, or issues are to be simulated but no outdoor readings are given.
    click.UsageError
        If both options are given.
    """
    if weather is not None and noise is not None:
        raise click.UsageError("--weather and --weather-noise are two kinds of weather ahead; give one of them")
    if weather is None and noise is None:
        return dict(houses)
    if weather is not None and weather != PERFECT:
        issues = tuple(read_issues(Path(weather)))
        return {name: replace(house, issues=issues) for name, house in houses.items()}
    found = {}
    for name, house in houses.items():
        made = [] if house.outdoor is None else simulate_issues(house.outdoor, first=house.first, seed=noise)
        if not made:
            option = "--weather perfect" if noise is None else "--weather-noise"
            raise InputError(
                f"{option}: the air outside of {name} is not known; expected temperature and humidity by --outdoor FILE"
            )
        found[name] = replace(house, issues=tuple(made))
    return found


def read_issues(path: Path) -> list[WeatherIssue]:
    """Returns the issues in a Parquet file, oldest first.

    Raises
    ------
    InputError
        If the file does not have the form that `backtest --help` describes.
    """
    if not path.is_file():
        raise InputError(f"--weather {str(path)!r} is no file; expected a Parquet file of issues, or {PERFECT}")
    try:
        rows = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: {error}; expected a Parquet file") from error
    missing = [name for name in ISSUE_COLUMNS if name not in rows.columns]
    odd = [name for name in _TIMES if name in rows.columns and not isinstance(rows.schema[name], pl.Datetime)]
    if missing or odd:
        found = f"lacks {', '.join(missing)}" if missing else f"has no times in {', '.join(odd)}"
        raise InputError(f"{path} {found}; expected columns {', '.join(ISSUE_COLUMNS)}, the first three times in UTC")
    rows = rows.select(
        *(_utc(name, rows.schema[name]) for name in _TIMES), *(pl.col(name).cast(pl.Float64) for name in QUANTITIES)
    )
    return [_issue(path, key, issue) for key, issue in rows.sort(*_TIMES).group_by(_TIMES[:2], maintain_order=True)]


def _issue(path: Path, key: tuple[Any, ...], rows: pl.DataFrame) -> WeatherIssue:
    issued_at, known_from = key
    where = f"{path}: the issue of {issued_at:%Y-%m-%dT%H:%MZ}"
    hourly = rows["ts"].diff().drop_nulls() == timedelta(hours=1)
    if len(rows) != HOURS or not hourly.all():
        raise InputError(f"{where} has {len(rows)} rows; expected {HOURS}, an hour apart")
    if known_from < issued_at:
        raise InputError(f"{where} was known at {known_from:%Y-%m-%dT%H:%MZ}, before it was issued; nothing can be")
    for spec in SPECS:
        low, high = spec.plausible
        if not rows[spec.name].is_between(low, high).fill_null(value=False).all():
            raise InputError(f"{where} has a {spec.name} that is missing or outside {low:g} to {high:g}")
    return WeatherIssue(
        place="house:import",
        issued_at=issued_at,
        known_from=known_from,
        first=rows["ts"][0],
        temperature=tuple(rows["temperature"].to_list()),
        humidity=tuple(rows["humidity"].to_list()),
    )


def _utc(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    aware = column if isinstance(kind, pl.Datetime) and kind.time_zone else column.dt.replace_time_zone("UTC")
    return aware.dt.convert_time_zone("UTC").dt.cast_time_unit("ms")
