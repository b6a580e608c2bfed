"""The laptop: the demo, and an engine that stays."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Table

from roomidity.cli.charts import forecast_table
from roomidity.cli.duplicates import duplicates_text
from roomidity.cli.files import file_options, hints_of, tell
from roomidity.cli.forecasts import forecast_json
from roomidity.cli.output import UNITS, Output, json_option, notes, progress
from roomidity.cli.token import token_for_a_day
from roomidity.domain.weather import WeatherIssue
from roomidity.files import Hints, problems, read_whole
from roomidity.settings import WITHOUT_QUOTAS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    from roomidity.local.demo import Report
    from roomidity.local.engine import Engine

__all__ = ["demo", "up"]

_STATE: Final = ".roomidity/engine"
_LINKED: Final = 5
"""Houses that a link is printed for; others' are made by `roomidity token add`."""

_SIMULATED_END: Final = datetime(2026, 3, 15, tzinfo=UTC)
"""The end of winter, the season in which humidity is a matter of ventilation; tests/events has the same time."""

page_port_option = click.option(
    "--page-port",
    type=click.IntRange(1, 65_535),
    help="Where to serve the API and the page, on loopback.  [default: 4567, or a free one]",
)
state_option = click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), help=f"The engine's state.  [default: {_STATE}]"
)


@click.command()
@click.option(
    "--readings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of readings.  [default: a simulated house]",
)
@file_options
@click.option("--days", type=click.IntRange(4, 400), default=42, show_default=True, help="How many of the last days.")
@click.option(
    "--timezone",
    help="The houses' IANA time zone; given, also that of times without an offset.  [default: ROOMIDITY_TIMEZONE, or "
    "Europe/Berlin]",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Which simulated house.")
@click.option("--serve", is_flag=True, help="Afterwards serve the API and the page on loopback, until Ctrl-C.")
@click.option("--keep", "serve", is_flag=True, hidden=True)
@page_port_option
@state_option
@json_option
def demo(
    readings: Path | None,
    days: int,
    timezone: str | None,
    seed: int,
    serve: bool,
    page_port: int | None,
    state: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Replay a house through the whole system: queue, drain, tables, training, forecasts, verification.

    All but the last 48 h in bulk, then training, then the last 48 h tick by tick (192 drains and forecasts), then the
    forecasts whose 24 h are over are compared with what happened. The clock is the data's, and there are no quotas: all
    of it is known to be yours. What it leaves can be looked at with `roomidity up` and `roomidity show`. What forms a
    file may have, `roomidity send --help` tells.
    """
    from roomidity.local.demo import Replay, newest_days  # noqa: PLC0415  # imports take a moment; help should not
    from roomidity.local.replayed import begin_replay, end_replay  # noqa: PLC0415

    output = Output(as_json=as_json)
    hints = hints_of(timezone=timezone, **given)
    timezone = timezone or os.environ.get("ROOMIDITY_TIMEZONE")
    chosen = newest_days(_simulated(seed, days) if readings is None else _read(readings, hints), days)
    folder = _state(state)
    with _engine(folder, port=None, prepare=_begin_anew) as engine:
        begin_replay(folder)
        os.environ.update(WITHOUT_QUOTAS)
        if timezone:
            os.environ["ROOMIDITY_TIMEZONE"] = timezone
        from roomidity.cli.context import stage  # noqa: PLC0415  # reads the environment that the engine set

        if readings is None:
            stage().weather.put_many(_simulated_weather(seed, days))
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside, progress() as bar:
            replay = Replay(stage(), chosen, beside)
            bulk = bar.add_task(f"bulk: {len(chosen):,} readings", total=len(chosen))
            replay.bulk(lambda count: bar.advance(bulk, count))
            bar.update(bulk, completed=len(chosen))
            training = bar.add_task("training", total=1)
            replay.train()
            bar.update(training, completed=1)
            ticks = bar.add_task("tick by tick: 48 h", total=192)
            replay.ticks(lambda count: bar.advance(ticks, count))
            bar.add_task("verifying", total=None)
            replay.verify()
            replay.collect()
        end_replay(folder, replay.end)
        _print(output, replay.report)
        output.answer(_json(replay.report))
        if serve:
            with _page(folder, page_port) as links:
                _serve(engine, links)


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65_535), default=4566, show_default=True, help="Where to listen, on loopback."
)
@page_port_option
@state_option
@json_option
def up(port: int, page_port: int | None, state: Path | None, as_json: bool) -> None:
    """Keep the local engine running until Ctrl-C; print its endpoint, the lines to export, and the page's link.

    The engine has the queues, tables and bucket of serverless.yml. Its state is kept, also that of the last demo: saved
    every 10 s as it grows (a large one less often: saving takes a twentieth of a CPU) and when it ends, whole or
    not at all, and checked at the next start. Killed, it loses what came since the last save, and says so.

    The API and its page are served on loopback beside it; a link opens one house for a day, and others are made by
    `roomidity token add HOUSE`. After a demo both go by the clock of its data.
    """
    output = Output(as_json=as_json)
    folder = _state(state)
    with _engine(folder, port=port) as engine, _page(folder, page_port) as links:
        exports = [f"export {name}={shlex.quote(value)}" for name, value in engine.environment.items()]
        output.answer({"endpoint": engine.endpoint, "environment": engine.environment, "page": links})
        if not as_json:
            output.tables.print("\n".join([engine.endpoint, *exports]), soft_wrap=True)
        lines = folder.with_name("env")
        lines.write_text("\n".join([*exports, ""]))
        notes.print(f"In another terminal: source {lines}", soft_wrap=True)
        _serve(engine, links)


@contextmanager
def _page(state: Path, port: int | None) -> Iterator[list[str]]:
    """The API and the page, served; a link for each of the first houses, with a token that is good for a day."""
    from roomidity.cli.context import stage  # noqa: PLC0415  # see above
    from roomidity.local.replayed import replayed_to  # noqa: PLC0415
    from roomidity.local.server import serving  # noqa: PLC0415

    with serving(port, replayed_to=replayed_to(state)) as address:
        houses = sorted(home.name for home in stage().houses.all())
        yield [f"{address}/#{token_for_a_day(house)}" for house in houses[:_LINKED]] or [f"{address}/"]


@contextmanager
def _engine(state: Path, *, port: int | None, prepare: Callable[[Path], None] | None = None) -> Iterator[Engine]:
    """A running engine, whose stage this process's environment names from now on; it ends in order when told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    from roomidity.local.engine import running  # noqa: PLC0415
    from roomidity.local.stack import checkout  # noqa: PLC0415

    with ExitStack() as stack:
        with notes.status("starting the local engine"):
            engine = stack.enter_context(
                running(
                    checkout(),
                    state,
                    stage=os.environ.get("ROOMIDITY_STAGE", "dev"),
                    port=port,
                    prepare=prepare,
                    tell=lambda line: notes.print(line, style="yellow", soft_wrap=True),
                )
            )
        os.environ.update(engine.environment)
        yield engine
    notes.print("the engine's state is kept", style="dim")


def _serve(engine: Engine, links: list[str]) -> None:
    """Wait for Ctrl-C or a request to end."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    for link in links:
        notes.print(f"Page: {link}", soft_wrap=True)
    notes.print(f"The engine listens at {engine.endpoint}; Ctrl-C ends it, its state is kept.")
    ended.wait()


def _state(state: Path | None) -> Path:
    from roomidity.local.stack import checkout  # noqa: PLC0415

    return state if state is not None else checkout() / _STATE


def _begin_anew(state: Path) -> None:
    """An empty state for a demo: the last demo's is dropped, any other is moved out of the way."""
    from roomidity.local.engine import set_aside  # noqa: PLC0415
    from roomidity.local.replayed import is_replay  # noqa: PLC0415

    if is_replay(state):
        shutil.rmtree(state)
    elif (aside := set_aside(state)) is not None:
        notes.print(f"The engine's state was not a demo's; it is now in {aside}.", soft_wrap=True)


def _read(path: Path, hints: Hints) -> pl.DataFrame:
    with notes.status(f"reading {path.name}"):
        found = read_whole(path, hints)
    tell(problems(found))
    return found.readings


def _simulated(seed: int, days: int) -> pl.DataFrame:
    from roomidity.local.simulation import simulate_house  # noqa: PLC0415

    with notes.status(f"simulating {days} days of a house"):
        return simulate_house(seed=seed, start=_SIMULATED_END - timedelta(days=days), days=days).readings


def _simulated_weather(seed: int, days: int) -> list[WeatherIssue]:
    from roomidity.local.simulation import simulate_issues  # noqa: PLC0415

    return simulate_issues(seed=seed, start=_SIMULATED_END - timedelta(days=days), days=days)


def _print(output: Output, report: Report) -> None:
    from roomidity.cli.context import stage  # noqa: PLC0415

    for house in dict.fromkeys(one.house for one in report.rooms):
        home = stage().houses.get(house)
        rooms = [one for one in report.rooms if one.house == house]
        output.tables.print(forecast_table(rooms, timezone=home.zone if home else "UTC"))
    table = Table("verified", "mean error", "of persistence", "within p10–p90", "slots", title_justify="left")
    for quantity, of in report.verified.items():
        unit = UNITS[quantity]
        table.add_row(
            quantity,
            f"{of['mae']:.2f} {unit}",
            f"{of['persistence_mae']:.2f} {unit}",
            f"{of['coverage']:.0%}",
            f"{of['count']:,}",
        )
    output.tables.print(table)
    counts = report.readings
    kinds = duplicates_text(report.duplicates)
    output.tables.print(
        f"{counts['received']:,} readings received = {counts['stored']:,} stored + {counts['duplicate']:,} duplicate "
        f"{f'({kinds}) ' if kinds else ''}+ {counts['rejected']:,} rejected. "
        + ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in report.seconds.items())
    )


def _json(report: Report) -> dict[str, object]:
    return {
        "readings": {name: report.readings[name] for name in ("received", "stored", "duplicate", "rejected")},
        "rooms": [forecast_json(one) for one in report.rooms],
        "verified": report.verified,
        "seconds": report.seconds,
    }
