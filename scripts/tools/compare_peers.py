"""Compare roomidity with well-known forecasting libraries, on the same rooms and issue times of the same houses.

    .venv/bin/pip install -e .[peers]
    scripts/compare-peers --readings FILE [--timezone ZONE] [--prior FILE] [--every N] [--models NAME...]

FILE is a tidy Parquet file: house, room, ts (UTC), temperature (°C), humidity (%RH), in 15-minute slots. The protocol
is that of `roomidity backtest`: the last quarter of the days, issue times 00, 06, 12 and 18 UTC, 96 leads. Everything
runs on one core.

models:
  persistence      the newest value
  seasonal-naive   the value 24 h before
  theta            statsforecast DynamicOptimizedTheta, season of 96 slots
  mstl             statsforecast MSTL, season of 96 slots, trend by AutoETS
  mfles            statsforecast MFLES, season of 96 slots
  lightgbm         mlforecast, LightGBM with its defaults, recursive: 11 lags from 15 minutes to 7 days, hour, minute
                   and weekday of local time; one model for each quantity of a house, refitted weekly on closed slots
  roomidity        trained weekly on all closed slots
  cold-start       roomidity without training: the prior, and a state that moves on daily

No model sees a slot that had not closed. A series has its gaps of at most 3 h filled forward; older gaps in its past
are bridged by straight lines for the peers. theta, mstl and mfles are fitted anew for each forecast, on the past
--history days.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

import numpy as np
import polars as pl
from rich.table import Table

from roomidity.cli.backtest import prior_for
from roomidity.cli.output import UNITS, Output, notes, progress
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT_MS, SLOTS_A_DAY
from roomidity.errors import RoomidityError
from roomidity.files import read_outdoor, read_slots
from roomidity.forecasting import STEPS, Model, State, Window, backtest
from roomidity.forecasting.backtest import Replay, Summary, replay, start_of_test, summarise
from roomidity.forecasting.serving.gaps import fill
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.forecasting.window import FloatArray, slot_number
from roomidity.settings import check_timezone

WEEK = 7 * SLOTS_A_DAY
LAGS = [1, 2, 3, 4, 8, 12, 24, 48, SLOTS_A_DAY, 2 * SLOTS_A_DAY, WEEK]

LIBRARIES = {
    "theta": ("statsforecast",),
    "mstl": ("statsforecast",),
    "mfles": ("statsforecast",),
    "lightgbm": ("mlforecast", "lightgbm"),
}
RETRAIN_DAYS = {"roomidity": 7, "cold-start": None}
MODELS = ("persistence", "seasonal-naive", *LIBRARIES, *RETRAIN_DAYS)

Bar = Callable[[int, int], object]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Clock:
    """How long calls took, in ms."""

    times: list[float] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        begin = perf_counter()
        yield
        self.times.append(1e3 * (perf_counter() - begin))

    def around(self, function: Callable[P, R]) -> Callable[P, R]:
        def timed(*arguments: P.args, **named: P.kwargs) -> R:
            with self.running():
                return function(*arguments, **named)

        return timed


@dataclass(frozen=True)
class Entry:
    """One model's forecasts of one house, (rooms, origins, 2, 96), NaN where none was asked for, and what they took.

    ``ms`` is the time of each forecast of a series, ``training_ms`` what a series took beside that on an average day.
    """

    medians: FloatArray
    ms: list[float]
    training_ms: float | None = None


@dataclass(frozen=True)
class House:
    """A house with what all models are asked: forecasts of ``asked``, (rooms, origins), from slots before each."""

    window: Window
    whole: Replay
    asked: np.ndarray
    history: int
    filled: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "filled", fill(self.window.values))

    @property
    def origins(self) -> list[int]:
        """Columns of the window at which forecasts are asked for."""
        return [slot_number(moment) - self.window.first for moment in self.whole.issued_at]

    def past(self, room: int, quantity: int, end: int, slots: int | None = None) -> FloatArray:
        """A series before column ``end``, from its first value on, old gaps bridged by what stood before ``end``."""
        values = self.filled[room, quantity, 0 if slots is None else max(end - slots, 0) : end]
        known = np.flatnonzero(np.isfinite(values))
        return np.interp(np.arange(known[0], len(values)), known, values[known]) if len(known) else values[:0]


# Peers that are fitted to one series at a time: its past in, 96 values out.


def persistence(past: FloatArray) -> FloatArray:
    return np.full(STEPS, past[-1])


def seasonal_naive(past: FloatArray) -> FloatArray:
    return np.concatenate([np.full(STEPS, past[-1]), past])[-STEPS:]


def theta(past: FloatArray) -> FloatArray:
    from statsforecast.models import DynamicOptimizedTheta  # noqa: PLC0415

    return np.asarray(DynamicOptimizedTheta(season_length=SLOTS_A_DAY).forecast(past, STEPS)["mean"])


def mstl(past: FloatArray) -> FloatArray:
    from statsforecast.models import MSTL, AutoETS  # noqa: PLC0415

    return np.asarray(
        MSTL(season_length=SLOTS_A_DAY, trend_forecaster=AutoETS(model="ZZN")).forecast(past, STEPS)["mean"]
    )


def mfles(past: FloatArray) -> FloatArray:
    from statsforecast.models import MFLES  # noqa: PLC0415

    return np.asarray(MFLES(season_length=SLOTS_A_DAY).forecast(past, STEPS)["mean"])


ONE_BY_ONE = {
    "persistence": persistence,
    "seasonal-naive": seasonal_naive,
    "theta": theta,
    "mstl": mstl,
    "mfles": mfles,
}


def one_by_one(house: House, peer: Callable[[FloatArray], FloatArray], bar: Bar) -> Entry:
    medians = np.full(house.whole.actual.shape, np.nan)
    clock = Clock()
    asked = np.argwhere(house.asked)
    for done, (room, place) in enumerate(asked):
        for quantity in range(len(QUANTITIES)):
            past = house.past(room, quantity, house.origins[place], house.history * SLOTS_A_DAY)
            if not clock.times:
                peer(past)  # imports and first allocations are no part of a forecast
            with clock.running():
                medians[room, place, quantity] = peer(past)
        bar(done + 1, len(asked))
    return Entry(medians, clock.times)


# The peer that learns from all rooms of a house.


def lightgbm(house: House, bar: Bar) -> Entry:
    from lightgbm import LGBMRegressor  # noqa: PLC0415
    from mlforecast import MLForecast  # noqa: PLC0415

    def local(ds: pl.Series) -> pl.Series:
        return ds.dt.replace_time_zone("UTC").dt.convert_time_zone(house.window.timezone)

    def hour(ds: pl.Series) -> pl.Series:
        return local(ds).dt.hour()

    def minute(ds: pl.Series) -> pl.Series:
        return local(ds).dt.minute()

    def weekday(ds: pl.Series) -> pl.Series:
        return local(ds).dt.weekday()

    def panel(rooms: np.ndarray, quantity: int, end: int, slots: int | None = None) -> pl.DataFrame:
        parts = []
        for room in rooms:
            past = house.past(room, quantity, end, slots)
            numbers = np.arange(end - len(past), end) + house.window.first
            parts.append(pl.DataFrame({"unique_id": np.full(len(past), room), "ds": numbers * SLOT_MS, "y": past}))
        return pl.concat(parts).with_columns(pl.col("ds").cast(pl.Datetime("ms")))

    medians = np.full(house.whole.actual.shape, np.nan)
    fitting, forecasting, series = Clock(), Clock(), []
    places = np.flatnonzero(house.asked.any(axis=0))
    models: list[Any] = []
    fitted_at = -WEEK
    for done, place in enumerate(places):
        origin, rooms = house.origins[place], np.flatnonzero(house.asked[:, place])
        midnight = origin - (origin + house.window.first) % SLOTS_A_DAY
        if midnight - fitted_at >= WEEK:
            models, fitted_at = [], midnight
            for quantity in range(len(QUANTITIES)):
                closed = panel(np.arange(len(house.window.rooms)), quantity, midnight)
                model = MLForecast(
                    models=LGBMRegressor(n_jobs=1, verbosity=-1, random_state=0, deterministic=True),
                    freq="15m",
                    lags=LAGS,
                    date_features=[hour, minute, weekday],
                )
                with fitting.running():
                    models.append(model.fit(closed, static_features=[]))
        for quantity, model in enumerate(models):
            recent = panel(rooms, quantity, origin, house.history * SLOTS_A_DAY)
            with forecasting.running():
                found = model.predict(STEPS, new_df=recent)
            values = found.sort("unique_id", "ds")["LGBMRegressor"].to_numpy()
            medians[rooms, place, quantity] = values.reshape(-1, STEPS)
            series.append(len(rooms))
        bar(done + 1, len(places))
    ms = [time / count for time, count in zip(forecasting.times, series, strict=True)]
    return Entry(medians, ms, sum(fitting.times) / series_days(house.whole))


# roomidity itself, by the code that serves.


def roomidity(
    window: Window, prior: tuple[Model, State], *, start: int, retrain_days: int | None, bar: Bar
) -> tuple[Replay, Entry]:
    """All forecasts of the test period, timed where :func:`replay` makes them."""
    forecasting, training = Clock(), Clock()
    watched = {"forecast": forecasting, "train": training, "advance": training}
    own = {name: getattr(backtest, name) for name in watched}
    try:
        for name, clock in watched.items():
            setattr(backtest, name, clock.around(own[name]))
        whole = replay(window, prior, start=start, retrain_days=retrain_days, progress=bar)
    finally:
        for name, function in own.items():
            setattr(backtest, name, function)
    ms = [time / (2 * len(window.rooms)) for time in forecasting.times]
    return whole, Entry(whole.quantiles[:, :, :, 4], ms, sum(training.times) / series_days(whole))


def series_days(whole: Replay) -> int:
    """Series of the house times days of its test period."""
    return 2 * len(whole.rooms) * len({moment.date() for moment in whole.issued_at})


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="compare-peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readings", type=Path, required=True, metavar="FILE", help="the houses to forecast")
    parser.add_argument("--outdoor", type=Path, metavar="FILE", help="the past air outside, for roomidity alone")
    parser.add_argument("--prior", metavar="FILE", help="made by scripts/train-prior (default: the shipped)")
    parser.add_argument("--timezone", default="Europe/Berlin", metavar="ZONE", help="IANA name (default %(default)s)")
    parser.add_argument(
        "--every",
        type=int,
        default=3,
        metavar="N",
        help="take every N-th issue time, odd so that all times of day come up (default %(default)s: about ten minutes "
        "for 8 rooms and 34 days; 1 takes three times as long)",
    )
    parser.add_argument("--history", type=int, default=21, metavar="DAYS", help="peers' past (default %(default)s)")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, metavar="NAME", help="default: all")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, the tables on stderr")
    arguments = parser.parse_args()
    if arguments.every < 1 or arguments.history < 8:
        parser.error("--every must be at least 1, --history at least 8 days: the longest lag is 7")
    needed = {library for name in arguments.models for library in LIBRARIES.get(name, ())}
    missing = ", ".join(sorted(library for library in needed if find_spec(library) is None))
    if missing:
        parser.exit(
            2,
            f"compare-peers: {missing} not installed; the peers are an extra of their own: "
            ".venv/bin/pip install -e .[peers], or leave them out: --models persistence roomidity\n",
        )
    check_timezone(arguments.timezone, "--timezone")
    outdoor = read_outdoor(arguments.outdoor) if arguments.outdoor else None
    windows = windows_of(read_slots(arguments.readings).means, timezone=arguments.timezone, outdoor=outdoor)
    prior = prior_for(arguments.prior, windows)

    entries: dict[str, list[tuple[House, Entry]]] = {name: [] for name in arguments.models}
    start = start_of_test(list(windows.values()))
    begin = perf_counter()
    with progress() as bars:
        for name, window in windows.items():

            def told(model: str, name: str = name) -> Bar:
                notes.print(f"{perf_counter() - begin:5.0f} s  {name}: {model}")
                task = bars.add_task(f"{name}: {model}", total=None)
                return lambda done, total: bars.update(task, completed=done, total=total)

            # The origins and what counts come from roomidity's own replay, whether or not it is compared.
            own = "roomidity" if "roomidity" in entries else "cold-start"
            whole, first = roomidity(window, prior, start=start, retrain_days=RETRAIN_DAYS[own], bar=told(own))
            chosen = np.arange(len(whole.issued_at)) % arguments.every == 0
            house = House(window, whole, whole.counted & chosen, arguments.history)
            if not house.asked.any():
                notes.print(f"{name}: no room has the 12 forecasts that can be scored; left out")
                continue
            for model in arguments.models:
                if model == own:
                    entry = first
                elif model in RETRAIN_DAYS:
                    entry = roomidity(window, prior, start=start, retrain_days=RETRAIN_DAYS[model], bar=told(model))[1]
                elif model == "lightgbm":
                    entry = lightgbm(house, told(model))
                else:
                    entry = one_by_one(house, ONE_BY_ONE[model], told(model))
                entries[model].append((house, entry))
    if not any(entries.values()):
        sys.exit("compare-peers: nothing to score; the readings need to span about two weeks or more, with few gaps")
    report(arguments, entries, list(windows), perf_counter() - begin)


def report(
    arguments: argparse.Namespace, entries: dict[str, list[tuple[House, Entry]]], houses: list[str], seconds: float
) -> None:
    output = Output(as_json=arguments.json)
    scored = next(iter(entries.values()))
    pairs = sum(int(house.asked.sum()) for house, _ in scored)
    issue_times = sum(int(house.asked.any(axis=0).sum()) for house, _ in scored)
    share = "all of them" if arguments.every == 1 else f"one in {arguments.every}"
    title = f"{', '.join(houses)}: {issue_times} issue times, {share}"
    table = Table("", title=title, title_justify="left")
    for quantity in QUANTITIES:
        table.add_column(f"{quantity}\nMAE {UNITS[quantity]}", justify="right")
        table.add_column("\nskill", justify="right")
    for heading in ("ms\na series", "training, ms\na series a day", "forecasts\nscored"):
        table.add_column(heading, justify="right")
    content: dict[str, dict[str, Any]] = {}
    for model, parts in entries.items():
        summaries = list(summarise([scorable(house, entry) for house, entry in parts]))
        ms = float(np.median([time for _, entry in parts for time in entry.ms]))
        upkeep = [entry.training_ms for _, entry in parts if entry.training_ms is not None]
        training = float(np.mean(upkeep)) if upkeep else None
        content[model] = {
            **{quantity: errors(summary) for quantity, summary in zip(QUANTITIES, summaries, strict=True)},
            "ms_a_series": ms,
            "training_ms_a_series_a_day": training,
            "forecasts": summaries[0].origins,
        }
        cells = [f for one in summaries for f in (f"{one.mae:.3f}", f"{one.skill:+.3f}")]
        table.add_row(model, *cells, f"{ms:.3f}", f"{training:.1f}" if upkeep else "–", str(summaries[0].origins))
    whole = list(summarise([replace(h.whole, quantiles=broadcast(h.whole.last[..., None])) for h, _ in scored]))
    output.tables.print(table)
    output.tables.print(
        f"A series is one quantity of one room; all models forecast the same {pairs} pairs of room and issue time.\n"
        "ms a series: fit and forecast at one issue time, median; for lightgbm and roomidity all series at once, over "
        "their number.\ntraining: what comes beside it, spread over the days; – where each forecast has its own fit.\n"
        f"Persistence on all issue times: {whole[0].mae:.4f} %RH, {whole[1].mae:.4f} °C. "
        f"One core, {seconds / 60:.1f} minutes."
    )
    output.answer(
        {
            "houses": houses,
            "every": arguments.every,
            "history_days": arguments.history,
            "issue_times": issue_times,
            "persistence_on_all": dict(zip(QUANTITIES, (one.mae for one in whole), strict=True)),
            "seconds": seconds,
            "models": content,
        }
    )


def errors(summary: Summary) -> dict[str, float]:
    return {"mae": summary.mae, "skill": summary.skill}


def scorable(house: House, entry: Entry) -> Replay:
    return replace(house.whole, quantiles=broadcast(entry.medians), counted=house.asked)


def broadcast(medians: FloatArray) -> FloatArray:
    """Medians (..., 96) or (..., 1) as quantiles that are all the same, (..., 9, 96)."""
    return np.broadcast_to(medians[..., None, :], (*medians.shape[:-1], 9, STEPS))


if __name__ == "__main__":
    try:
        main()
    except RoomidityError as error:
        sys.exit(f"compare-peers: {error}")
