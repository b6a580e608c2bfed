"""Backtest: what forecasts of a house would have been worth, by the code that serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import polars as pl
from click.core import ParameterSource
from rich.progress import Progress, TaskID

from roomidity.cli.files import file_options, hints_of, tell
from roomidity.cli.output import Output, json_option, notes, progress
from roomidity.cli.scores import aside_line, room_table, score_table, temperature_only, uncounted
from roomidity.cli.weather_ahead import weather_options, with_weather
from roomidity.domain.quantities import QUANTITIES
from roomidity.errors import InputError
from roomidity.files import read_outdoor, read_slots
from roomidity.forecasting import LEVELS, STEPS, Model, State, Window, load_prior
from roomidity.forecasting.evaluation.protocol import CADENCES, Cadence
from roomidity.forecasting.serving.prior import unpack_prior
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.settings import check_timezone

if TYPE_CHECKING:
    from roomidity.forecasting.backtest import Replay

__all__ = ["backtest", "prior_for"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PLOTS = (".png", ".svg", ".pdf")
_EXTRAS = {"sklearn": "train", "joblib": "train", "threadpoolctl": "train", "matplotlib": "plots"}
_OF_A_ROOM = ("mae", "skill", "coverage", "origins")


def _new_file(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    """A file that can be written when all is done: said before, not after minutes of work."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(path.parent)!r}; make it first")
    return path


def _new_plot(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() not in _PLOTS:
        raise click.BadParameter(f"found the ending {path.suffix!r}; expected {', '.join(_PLOTS)}")
    return _new_file(context, parameter, path)


@click.command()
@click.option("--readings", type=_FILE, required=True, help="A file of readings: Parquet, CSV or JSON, as for `send`.")
@file_options
@click.option("--outdoor", type=_FILE, help="A file of the air outside, as --readings: its past only.")
@weather_options
@click.option("--prior", help="A prior made by scripts/train-prior, or `none`.  [default: the shipped one]")
@click.option(
    "--timezone",
    default="Europe/Berlin",
    show_default=True,
    help="The houses' IANA time zone; given, also that of times without an offset.",
)
@click.option(
    "--cadence",
    type=click.Choice(CADENCES),
    default="15min",
    show_default=True,
    help="How often readings are expected. hourly scores hours instead of slots, so figures are not comparable.",
)
@click.option("--cold-start", is_flag=True, help="Train nothing: what a new house gets, from the prior alone.")
@click.option("--jobs", type=click.IntRange(min=1), help="Rooms fitted at a time.  [default: all cores]")
@click.option("--by-room", is_flag=True, help="Print a table of the rooms as well.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_new_plot,
    help="Draw error by lead, reliability and an example: .png, .svg or .pdf.",
)
@click.option(
    "--predictions",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_new_file,
    help="Write every forecast, as Parquet.",
)
@json_option
def backtest(
    readings: Path,
    outdoor: Path | None,
    weather: str | None,
    weather_noise: int | None,
    prior: str | None,
    timezone: str,
    cadence: Cadence,
    cold_start: bool,
    jobs: int | None,
    by_room: bool,
    plot: Path | None,
    predictions: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Forecast the last quarter of the readings as it would have been done then, and say how good that was.

    Issue times are 00, 06, 12 and 18 UTC. A model is trained weekly and serves if it wins on slots held out from it;
    the state moves on daily; all on slots that had closed by then and on no others. The prior must not have seen the
    house: one whose manifest lists it is refused. Of the weather ahead a forecast sees the newest issue that was known
    by then; without --weather or --weather-noise it sees none. Readings closer than a slot are averaged; a room that
    cannot be scored is named with the reason. What forms a file may have, `roomidity send --help` tells.
    """
    with _extras():
        from roomidity.forecasting.backtest import (  # noqa: PLC0415  # scikit-learn
            at_cadence,
            replay,
            start_of_test,
            summarise,
        )

        if plot is not None:
            from roomidity.cli.figures import draw_backtest  # noqa: PLC0415  # matplotlib

    output = Output(as_json=as_json)
    check_timezone(timezone, "--timezone")
    is_default = click.get_current_context().get_parameter_source("timezone") is ParameterSource.DEFAULT
    hints = hints_of(timezone=None if is_default else timezone, **given)
    with notes.status(f"reading {readings.name}"):
        outside = read_outdoor(outdoor, hints) if outdoor is not None else None
        slots = read_slots(readings, hints)
    tell(slots.notes)
    houses = windows_of(slots.means, timezone=timezone, outdoor=outside)
    if not houses:
        raise InputError(f"{readings}: found only the air outside; expected rooms, too")
    houses = with_weather(houses, weather=weather, noise=weather_noise)
    model, state = prior_for(prior, houses)
    start = start_of_test(list(houses.values()))
    not_scored = uncounted(readings, houses, start=start, cadence=cadence)
    replays: dict[str, Replay] = {}
    with progress() as bar:
        for name, window in houses.items():
            replays[name] = replay(
                window,
                (model, state),
                start=start,
                retrain_days=None if cold_start else 7,
                jobs=jobs or -1,
                progress=partial(_tell, bar, bar.add_task(f"{name}: days", total=None)),
            )
            if cadence != "15min":
                replays[name] = at_cadence(replays[name], window, cadence)
    methods = {
        "roomidity": list(replays.values()),
        "persistence": [_persistence(one) for one in replays.values()],
        "yesterday": [_yesterday(houses[name], one) for name, one in replays.items()],
    }
    if predictions is not None:
        _tidy(replays).write_parquet(predictions)
    if plot is not None:
        draw_backtest(plot, list(houses), methods, timezone=timezone)
    by_method = {name: dict(zip(QUANTITIES, summarise(found), strict=True)) for name, found in methods.items()}
    rooms = {
        f"{house}/{room.rooms[0]}": dict(zip(QUANTITIES, summarise([room]), strict=True))
        for house, one in replays.items()
        for room in one.by_room()
    }
    aside = temperature_only(replays)
    for quantity in QUANTITIES:
        output.tables.print(
            score_table(quantity, {name: found[quantity] for name, found in by_method.items()}, cadence)
        )
    for room, one in aside.items():
        output.tables.print(aside_line(room, one), markup=False)
    if by_room:
        output.tables.print(room_table(rooms))
    output.answer(
        {
            "houses": list(houses),
            "cadence": cadence,
            "weather": weather if weather_noise is None else f"noise {weather_noise}",
            "protocol": cadence == "15min",
            "not_scored": not_scored,
            "temperature_only": {
                room: {name: getattr(one, name) for name in _OF_A_ROOM} for room, one in aside.items()
            },
            "test_from": min(one.issued_at[0] for one in replays.values() if one.issued_at).isoformat(),
            **{
                quantity: {name: asdict(found[quantity]) for name, found in by_method.items()}
                for quantity in QUANTITIES
            },
            "rooms": {
                room: {quantity: {name: getattr(one, name) for name in _OF_A_ROOM} for quantity, one in found.items()}
                for room, found in rooms.items()
            },
        }
    )


@contextmanager
def _extras() -> Iterator[None]:
    """Says which extra brings a library that is not installed.

    Raises
    ------
    InputError
        If one is not.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRAS:
            raise
        raise InputError(
            f"this needs {missing}, which is not installed; expected: pip install 'roomidity[{_EXTRAS[missing]}]'"
        ) from error


def _tell(bar: Progress, task: TaskID, done: int, days: int) -> None:
    bar.update(task, completed=done, total=days)


def prior_for(choice: str | None, houses: Mapping[str, Window]) -> tuple[Model, State]:
    """The prior asked for, unless it knows one of the houses.

    Raises
    ------
    InputError
        If it does, or there is no such file.
    """
    if choice == "none":
        from roomidity.forecasting.training.pretraining import no_prior  # noqa: PLC0415  # scikit-learn

        return no_prior()
    if choice is None:
        model, state, manifest = load_prior()
    else:
        path = Path(choice)
        if not path.is_file():
            raise InputError(f"--prior {choice!r} is no file; expected one that scripts/train-prior wrote, or none")
        model, state, manifest = unpack_prior(path.read_bytes(), choice)
    known = sorted(set(manifest["houses"]) & set(houses))
    if known:
        raise InputError(
            f"the prior {manifest['version']} was trained on {', '.join(known)}: its score there would mean nothing; "
            "train one without by scripts/train-prior and give it by --prior FILE, or use --prior none"
        )
    return model, state


def _persistence(one: Replay) -> Replay:
    median = np.broadcast_to(one.last[:, :, :, None, None], one.quantiles.shape)
    return replace(one, quantiles=median)


def _yesterday(house: Window, one: Replay) -> Replay:
    from roomidity.forecasting.backtest import seasonal_naive  # noqa: PLC0415
    from roomidity.forecasting.window import slot_number  # noqa: PLC0415

    median = seasonal_naive(house, [slot_number(moment) for moment in one.issued_at])
    return replace(one, quantiles=np.broadcast_to(median[:, :, :, None], one.quantiles.shape))


def _tidy(replays: Mapping[str, Replay]) -> pl.DataFrame:
    """A row for each forecast value: house, room, issued_at, lead, variable, p10 to p90."""
    names = [f"p{round(level * 100)}" for level in LEVELS]
    parts = []
    for house, one in replays.items():
        issued = pl.Series(one.issued_at, dtype=pl.Datetime("ms", "UTC"))
        for room, quantiles in zip(one.rooms, one.quantiles, strict=True):
            for row, variable in enumerate(QUANTITIES):
                levels = quantiles[:, row].swapaxes(1, 2).reshape(-1, len(LEVELS))
                part = pl.DataFrame(levels, schema=names).with_columns(
                    pl.lit(house).alias("house"),
                    pl.lit(room).alias("room"),
                    issued.gather(np.repeat(np.arange(len(issued)), STEPS)).alias("issued_at"),
                    pl.Series("lead", np.tile(np.arange(1, STEPS + 1), len(issued)), dtype=pl.Int32),
                    pl.lit(variable).alias("variable"),
                )
                parts.append(part.filter(pl.col("p50").is_finite()))
    return pl.concat(parts).select("house", "room", "issued_at", "lead", "variable", *names)
