"""What each part of the forecaster is worth: leave it out, and see what is lost and what that saves.

    scripts/ablate --readings FILE --prior FILE [--outdoor FILE] [--weather-noise SEED | --weather FILE|perfect]
                   [--timezone ZONE] [--cold-start] [--cost] [--test]

FILE is a tidy Parquet file: house, room, ts (UTC), temperature (°C), humidity (%RH), in 15-minute slots; the prior is
one that scripts/train-prior made without its houses, or `none`. The protocol is that of `roomidity backtest`, but what
is forecast is the later half of the first three quarters of the days: that is where choices are made. --test forecasts
the last quarter, for reporting alone.

A part is left out of all that it touches: training, the daily step of the state, and forecasts. An expert that is left
out answers what the prior answers. `lost` is MAE without the part minus MAE with it, so that a part earns its place
where it is positive; ± is the standard error over days of that difference, roughly, since days are not independent.

--cost compares whole models instead, from persistence to gradient-boosted trees: error against time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from rich.progress import Progress
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingRegressor

from roomidity.cli.backtest import prior_for
from roomidity.cli.output import UNITS, Output, notes, progress
from roomidity.cli.weather_ahead import with_weather
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.errors import RoomidityError
from roomidity.files import read_outdoor, read_slots
from roomidity.forecasting import STEPS, HouseForecast, Model, State, Window, forecast
from roomidity.forecasting.backtest import Replay, replay, start_of_test, summarise
from roomidity.forecasting.panel import EXPERTS, PRIOR
from roomidity.forecasting.serving.experience import absorb
from roomidity.forecasting.serving.experts import combine, network, scaled
from roomidity.forecasting.serving.features import (
    FEATURES,
    INPUTS,
    INTERPOLATION,
    KNOTS,
    SERIES_FEATURES,
    Design,
    calendar,
    design,
    targets,
)
from roomidity.forecasting.serving.gaps import fill
from roomidity.forecasting.serving.online import known_past
from roomidity.forecasting.serving.weather import ANCHOR, Outlook
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.forecasting.training.pretraining import no_prior
from roomidity.forecasting.training.ridges import train
from roomidity.forecasting.window import FloatArray
from roomidity.settings import check_timezone

ONCE = 100_000
"""Days between trainings that never come to their second."""

Artifacts = tuple[Model, State]


@dataclass(frozen=True)
class Part:
    """A part of the forecaster, and what the forecaster is without it.

    Parameters
    ----------
    name
        What is left out, and what stands in for it where that is not plain.
    start
        The model and state to begin with, made from the prior's.
    house
        The readings as they would be.
    patches
        Names of roomidity.forecasting and what they stand for meanwhile.
    retrain_days
        Where it differs: days between trainings, None for never.
    stored
        The artifacts as they need to be stored without the part: what nobody reads is zeros, which pack to nothing.
    """

    name: str
    start: Callable[[Artifacts], Artifacts] = lambda prior: prior
    house: Callable[[Window], Window] = lambda house: house
    patches: Mapping[str, Any] = field(default_factory=dict)
    retrain_days: int | None = 7
    stored: Callable[[Artifacts], Artifacts] = lambda artifacts: artifacts


def parts(*, outdoor: bool, weather: bool) -> Iterator[Part]:
    if weather:
        yield from weather_parts()
    if outdoor:
        yield Part("the air outside (no sensor there)", house=lambda house: replace(house, outdoor=None))
    yield Part("prior network (it expects no change)", start=lambda _: no_prior())
    yield Part("mean of the house's rooms (a room alone)", start=lambda prior: (alone(prior[0]), prior[1]))
    for place, name in enumerate(EXPERTS):
        if place != PRIOR:
            yield without_expert(place, name)
    yield Part(
        "online weights (the initial ones)",
        patches={"convex_weights": lambda _gram, _days, initial: initial},
        stored=lambda one: (one[0], zeros(one[1], "gram")),
    )
    yield Part("weekly training: once, at the start", retrain_days=ONCE)
    yield Part("weekly training: daily instead", retrain_days=1)
    yield Part("training: cold start", retrain_days=None)
    yield Part("adaptive width", patches={"WIDTH_RATE": 0.0})
    yield Part("volatility", patches={"VOLATILITY_POWER": 0.0})
    yield Part(
        "a room's own errors (the house's)",
        patches={"ANY_ROOM_DAYS": 1e9},
        stored=lambda one: (
            one[0],
            replace(one[1], error_histogram=first_row(one[1].error_histogram), offsets=first_row(one[1].offsets)),
        ),
    )
    yield Part("the house's errors (a room's own)", patches={"ANY_ROOM_DAYS": 0.0})


def weather_parts() -> Iterator[Part]:
    yield Part("weather ahead (no issue known)", house=lambda house: replace(house, issues=()))
    yield Part("weather ahead: the prior's bypass", start=lambda prior: (zeros(prior[0], "weather_skip"), prior[1]))
    yield Part("weather ahead: the ridges", patches={"WEATHER_STRENGTH": 0.0})
    yield Part("weather ahead: the ridges' lighter penalty", patches={"WEATHER_STRENGTH": 1.0})
    yield Part("weather ahead: the anchor to the sensor", patches={"ANCHOR": np.zeros(len(ANCHOR))})
    yield Part(
        "weather ahead: the provider's mean error",
        patches={"_mean_error": lambda errors, newest: np.zeros((len(errors), len(newest)))},
    )
    yield Part("weather ahead: its freshness (12 h later)", house=lambda house: later(house, timedelta(hours=12)))


def later(house: Window, delay: timedelta) -> Window:
    """The house with issues that come so much later."""
    issues = (replace(one, known_from=one.known_from + delay) for one in house.issues)
    return replace(house, issues=tuple(issues))


def without_expert(place: int, name: str) -> Part:
    """The prior answers in the expert's place, wherever answers are weighed or scored."""

    def told(answers: FloatArray) -> FloatArray:
        answers = answers.copy()
        answers[:, :, place] = answers[:, :, PRIOR]
        return answers

    coefficients = {"ridge": "local", "residual ridge": "residual"}.get(name)
    return Part(
        name,
        patches={
            "combine": lambda state, answers: combine(state, told(answers)),
            "absorb": lambda state, answers, *rest, bare=None, **named: absorb(
                state, told(answers), *rest, bare=None if bare is None else told(bare), **named
            ),
        },
        stored=lambda one: (zeros(one[0], coefficients), one[1]) if coefficients else one,
    )


def alone(model: Model) -> Model:
    """The prior as it answers for a house of one room: the room's own inputs in place of the house's mean.

    Training shows it such houses, so nothing needs to be learnt anew. Exact but for the clipping of inputs.
    """
    count = len(QUANTITIES) * SERIES_FEATURES
    own, house = slice(0, count), slice(FEATURES, FEATURES + count)

    def folded(weights: FloatArray) -> FloatArray:
        weights = weights.copy()
        weights[own] += (model.scale[own] / model.scale[house])[:, None] * weights[house]
        weights[house] = 0.0
        return weights

    return replace(model, hidden1=folded(model.hidden1), skip=folded(model.skip))


def zeros(artifact: Any, name: str) -> Any:
    return replace(artifact, **{name: np.zeros_like(getattr(artifact, name))})


def first_row(values: FloatArray) -> FloatArray:
    return np.concatenate([values[:1], np.zeros_like(values[1:])])


@contextmanager
def patched(changes: Mapping[str, Any]) -> Iterator[None]:
    """Give names another meaning in every module of roomidity.forecasting that knows them."""
    modules = [module for name, module in sys.modules.items() if name.startswith("roomidity.forecasting")]
    own = [(module, name, vars(module)[name]) for name in changes for module in modules if name in vars(module)]
    unknown = set(changes) - {name for _, name, _ in own}
    if unknown:
        raise LookupError(f"roomidity.forecasting knows no {', '.join(sorted(unknown))}: this script is out of date")
    try:
        for module, name, _ in own:
            setattr(module, name, changes[name])
        yield
    finally:
        for module, name, meaning in own:
            setattr(module, name, meaning)


@dataclass
class Course:
    """A house's replay: its forecasts, what each was made from, and how long trainings took (ms)."""

    replay: Replay
    served: list[tuple[Window, Model, State]]
    training_ms: list[float]


def run(
    house: Window, prior: Artifacts, *, start: int, retrain_days: int | None, bar: Callable[[int, int], Any]
) -> Course:
    served: list[tuple[Window, Model, State]] = []
    training_ms: list[float] = []

    def forecast_kept(window: Window, model: Model, state: State) -> HouseForecast:
        served.append((window, model, state))
        return forecast(window, model, state)

    def train_timed(*arguments: Any, **named: Any) -> Any:
        begin = perf_counter()
        trained = train(*arguments, **named)
        training_ms.append(1e3 * (perf_counter() - begin))
        return trained

    with patched({"forecast": forecast_kept, "train": train_timed}):
        replayed = replay(house, prior, start=start, retrain_days=retrain_days, progress=bar)
    course = Course(replayed, served, training_ms)
    if not course.replay.counted.any():
        sys.exit("ablate: no room has the 12 forecasts that can be scored: the period is too short or has large gaps")
    return course


def milliseconds(function: Callable[[], Any], *, repeats: int = 100) -> float:
    """Least time of a call: what else the machine does only adds to it."""
    times = []
    for _ in range(repeats):
        begin = perf_counter()
        function()
        times.append(1e3 * (perf_counter() - begin))
    return min(times)


# What is lost without each part.


def ablation(
    houses: Mapping[str, Window], prior: Artifacts, *, start: int, cold_start: bool, bars: Progress
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Figures of the whole, then of the whole without each part."""
    outdoor = any(house.outdoor is not None for house in houses.values())
    whole: FloatArray | None = None
    weather = any(house.issues for house in houses.values())
    for part in (Part("nothing: the whole"), *parts(outdoor=outdoor, weather=weather)):
        retrain_days = part.retrain_days
        if cold_start:
            if retrain_days != 7:
                continue
            retrain_days = None
        with patched(part.patches):
            courses = [
                run(
                    part.house(house),
                    part.start(prior),
                    start=start,
                    retrain_days=retrain_days,
                    bar=follow(bars, "without " + part.name, name),
                )
                for name, house in houses.items()
            ]
            rooms = sum(len(house.rooms) for house in houses.values())
            ms = sum(milliseconds(partial(forecast, *course.served[-1])) for course in courses) / rooms
        figures: dict[str, Any] = {"ms_a_room": ms, "model_bytes": 0, "state_bytes": 0}
        for course in courses:
            model, state = part.stored(course.served[-1][1:])
            figures["model_bytes"] += len(model.to_bytes()) // len(courses)
            figures["state_bytes"] += len(state.to_bytes()) // len(courses)
        daily = daily_errors([course.replay for course in courses])
        whole = daily if whole is None else whole
        for row, one in enumerate(summarise([course.replay for course in courses])):
            more = (daily - whole)[:, row]
            figures[QUANTITIES[row]] = {
                "mae": one.mae,
                "skill": one.skill,
                "standard_error": float(np.nanstd(more) / np.sqrt(np.isfinite(more).sum())),
                "pinball": one.pinball,
                "coverage": one.coverage,
            }
        humidity, temperature = (figures[quantity]["mae"] for quantity in QUANTITIES)
        notes.print(f"without {part.name}: {humidity:.4f} %RH, {temperature:.4f} °C")
        yield part.name, figures


def daily_errors(replays: list[Replay]) -> FloatArray:
    """Mean absolute error of each day's forecasts of each house, (days, 2)."""
    means = []
    for one in replays:
        missed = np.abs(one.actual - one.quantiles[:, :, :, 4])
        missed = np.where(one.counted[:, :, None, None], missed, np.nan)
        days = np.array([moment.toordinal() for moment in one.issued_at])
        for day in np.unique(days):
            chosen = missed[:, days == day]
            known = np.isfinite(chosen)
            sums, counts = np.where(known, chosen, 0.0).sum(axis=(0, 1, 3)), known.sum(axis=(0, 1, 3))
            means.append(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))
    return np.array(means)


def follow(bars: Progress, part: str, house: str) -> Callable[[int, int], Any]:
    task = bars.add_task(f"{house}: {part}", total=None)
    return lambda done, days: bars.update(task, completed=done, total=days)


# What models cost, from the simplest to the heaviest: medians (rooms, 2, 96) from what a forecast is given.


def persistence(window: Window, _model: Model, _state: State) -> FloatArray:
    return np.broadcast_to(fill(window.values)[:, :, -1:], (*window.values.shape[:2], STEPS))


def weekly_profile(window: Window, _model: Model, state: State) -> FloatArray:
    basis = basis_of(window, state)
    return spread(basis, basis.profile)


def local_ridge(window: Window, model: Model, state: State) -> FloatArray:
    basis, rows = rows_of(window, model, state)
    return spread(basis, by_room(model.local, window, model, rows))


def prior_network(window: Window, model: Model, state: State) -> FloatArray:
    basis, rows = rows_of(window, model, state)
    return spread(basis, network(model, rows))


def prior_and_residual_ridge(window: Window, model: Model, state: State) -> FloatArray:
    basis, rows = rows_of(window, model, state)
    return spread(basis, network(model, rows) + by_room(model.residual, window, model, rows))


def the_whole_mix(window: Window, model: Model, state: State) -> FloatArray:
    return forecast(window, model, state).quantiles[:, :, 4]


ALONE = (persistence, weekly_profile, local_ridge, prior_network, prior_and_residual_ridge, the_whole_mix)
LOCAL = (local_ridge, prior_and_residual_ridge, the_whole_mix)
"""Those that need weekly training of the house."""


def basis_of(window: Window, state: State) -> Design:
    past = known_past(state, window)[0].basis
    now = np.array([past.slots])
    return Outlook.of(past).ahead(design(past.values, now, past.outdoor), past, now)


def rows_of(window: Window, model: Model, state: State) -> tuple[Design, FloatArray]:
    basis = basis_of(window, state)
    return basis, scaled(model, basis.inputs(calendar([window.last], window.timezone)))


def by_room(coefficients: FloatArray, window: Window, model: Model, rows: FloatArray) -> FloatArray:
    differences: FloatArray = rows[:, :, :FEATURES] @ coefficients[[model.rooms.index(room) for room in window.rooms]]
    return differences


def spread(basis: Design, differences: FloatArray) -> FloatArray:
    shape = (len(differences), len(QUANTITIES), len(KNOTS))
    medians: FloatArray = (basis.newest[:, 0, :, None] + differences.reshape(shape)) @ INTERPOLATION
    return medians


class Trees:
    """Gradient-boosted trees for a house, one ensemble a quantity and knot: direct, on the prior's own inputs.

    Only at 8 of the knots, with straight lines between: all of them would take 3.5 times as long, for little.
    """

    KNOTS = np.array([1, 4, 12, 24, 36, 48, 72, 96])

    def __init__(self, house: Window) -> None:
        self.house = house
        self.fitted_at = -ONCE
        self.models: list[HistGradientBoostingRegressor] = []
        self.training_ms: list[float] = []
        self.chosen = np.searchsorted(KNOTS, self.KNOTS)

    def __call__(self, window: Window, _model: Model, state: State) -> FloatArray:
        basis = basis_of(window, state)
        rows = basis.inputs(calendar([window.last], window.timezone))[:, 0]
        answers = np.stack([model.predict(rows) for model in self.models], axis=1)
        answers = answers.reshape(len(rows), len(QUANTITIES), len(self.KNOTS))
        unit = np.array([np.interp(np.arange(1, STEPS + 1), self.KNOTS, one) for one in np.eye(len(self.KNOTS))])
        medians: FloatArray = basis.newest[:, 0, :, None] + answers @ unit
        return medians

    def refit_weekly(self, midnight: int) -> None:
        """A fit on every hour whose 24 h have closed by ``midnight``, once a week has passed."""
        if midnight - self.fitted_at < 7 * SLOTS_A_DAY:
            return
        begin = perf_counter()
        closed = self.house.between(self.house.first, midnight)
        origins = np.arange(SLOTS_A_DAY, closed.slots - STEPS + 1, 4)
        basis = design(closed.values, origins, closed.outdoor)
        rows = basis.inputs(calendar(origins + closed.first, closed.timezone)).reshape(-1, INPUTS)
        wanted = (targets(closed.values, origins) - basis.newest[..., None])[..., self.chosen]
        wanted = wanted.reshape(len(rows), -1)
        self.models = []
        for column in wanted.T:
            known = np.isfinite(column)
            trees = HistGradientBoostingRegressor(learning_rate=0.05, max_iter=120, min_samples_leaf=60, random_state=0)
            self.models.append(trees.fit(rows[known], column[known]))
        self.fitted_at = midnight
        self.training_ms.append(1e3 * (perf_counter() - begin))


def costs(
    houses: Mapping[str, Window], prior: Artifacts, *, start: int, bars: Progress
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Error and time of each model, on what one replay of the whole was given."""
    courses = {
        name: run(house, prior, start=start, retrain_days=7, bar=follow(bars, "the replay", name))
        for name, house in houses.items()
    }
    rooms = sum(len(house.rooms) for house in houses.values())
    for model in (*ALONE, None):
        label = model.__name__.replace("_", " ") if model else "trees at 8 knots"
        replays, ms, training_ms = [], 0.0, 0.0
        for name, course in courses.items():
            found = np.full(course.replay.actual.shape, np.nan)
            trees = Trees(houses[name])
            one = model or trees
            bar = follow(bars, label, name)
            for place, given in enumerate(course.served):
                if model is None:
                    trees.refit_weekly(given[0].last - given[0].last % SLOTS_A_DAY)
                found[:, place] = one(*given)
                bar(place + 1, len(course.served))
            ms += milliseconds(partial(one, *course.served[-1])) / rooms
            if model in LOCAL:
                training_ms += float(np.median(course.training_ms)) / rooms
            elif model is None:
                training_ms += float(np.median(trees.training_ms)) / rooms
            replays.append(
                replace(course.replay, quantiles=np.broadcast_to(found[:, :, :, None], course.replay.quantiles.shape))
            )
        figures: dict[str, Any] = {"ms_a_room": ms, "training_ms_a_room": training_ms}
        for row, summary in enumerate(summarise(replays)):
            figures[QUANTITIES[row]] = {"mae": summary.mae, "skill": summary.skill}
        humidity, temperature = (figures[quantity]["mae"] for quantity in QUANTITIES)
        notes.print(f"{label}: {humidity:.4f} %RH, {temperature:.4f} °C")
        yield label, figures


# What is shown.


def show_ablation(output: Output, figures: Mapping[str, dict[str, Any]], *, period: str) -> None:
    whole = next(iter(figures.values()))
    for quantity in QUANTITIES:
        table = Table("without", title=f"{quantity}, {UNITS[quantity]}: {period}", title_justify="left")
        for heading in ("MAE", "lost", "±", "skill", "pinball", "lost", "in p10–p90"):
            table.add_column(heading, justify="right")
        for name, one in figures.items():
            own, full = one[quantity], whole[quantity]
            lost = [f"{own[key] - full[key]:+.4f}" if own is not full else "" for key in ("mae", "pinball")]
            error = f"{own['standard_error']:.4f}" if own is not full else ""
            table.add_row(
                name,
                f"{own['mae']:.4f}",
                lost[0],
                error,
                f"{own['skill']:+.3f}",
                f"{own['pinball']:.4f}",
                lost[1],
                f"{own['coverage']:.3f}",
            )
        output.tables.print(table)
    table = Table("without", title="cost", title_justify="left")
    for heading in ("ms a room", "model, kB a house", "state, kB a house"):
        table.add_column(heading, justify="right")
    for name, one in figures.items():
        kilobytes = [f"{one[key] / 1e3:.1f}" for key in ("model_bytes", "state_bytes")]
        table.add_row(name, f"{one['ms_a_room']:.3f}", *kilobytes)
    output.tables.print(table)
    output.tables.print(
        "ms a room: forecast of the house over its rooms, the fastest of 100. An expert that is left out still runs\n"
        "here, so its time is not saved; its bytes are. kB: packed, without what nobody would read."
    )


def show_costs(output: Output, figures: Mapping[str, dict[str, Any]], *, period: str) -> None:
    table = Table("", title=f"error against time: {period}", title_justify="left")
    for quantity in QUANTITIES:
        table.add_column(f"{quantity}\nMAE {UNITS[quantity]}", justify="right")
        table.add_column("\nskill", justify="right")
    table.add_column("forecast\nms a room", justify="right")
    table.add_column("a training\nms a room", justify="right")
    for name, one in figures.items():
        cells = [cell for q in QUANTITIES for cell in (f"{one[q]['mae']:.4f}", f"{one[q]['skill']:+.3f}")]
        trained = f"{one['training_ms_a_room']:.0f}" if one["training_ms_a_room"] else "–"
        table.add_row(name, *cells, f"{one['ms_a_room']:.3f}", trained)
    output.tables.print(table)
    output.tables.print(
        "Medians of both quantities, all rooms of the house at once, over their number; the whole mix makes nine\n"
        "quantiles as well. Training is weekly; that of the ridges includes the replay that the weights come from."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="ablate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readings", type=Path, required=True, metavar="FILE", help="the houses to forecast")
    parser.add_argument("--prior", required=True, metavar="FILE", help="made by scripts/train-prior, or none")
    parser.add_argument(
        "--outdoor", type=Path, metavar="FILE", help="ts, temperature, humidity of the past air outside"
    )
    parser.add_argument("--weather", metavar="FILE|perfect", help="weather ahead, as for `roomidity backtest`")
    parser.add_argument("--weather-noise", type=int, metavar="SEED", help="as for `roomidity backtest`")
    parser.add_argument("--timezone", default="Europe/Berlin", metavar="ZONE", help="IANA name (default %(default)s)")
    parser.add_argument("--cold-start", action="store_true", help="train nothing: what parts are worth to a new house")
    parser.add_argument("--cost", action="store_true", help="whole models, error against time, instead of parts")
    parser.add_argument("--test", action="store_true", help="the test period: report it, choose nothing by it")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, the tables on stderr")
    arguments = parser.parse_args()
    check_timezone(arguments.timezone, "--timezone")
    outdoor = read_outdoor(arguments.outdoor) if arguments.outdoor else None
    houses = windows_of(read_slots(arguments.readings).means, timezone=arguments.timezone, outdoor=outdoor)
    if arguments.weather is not None and arguments.weather_noise is not None:
        parser.error("--weather and --weather-noise are two kinds of weather ahead; give one of them")
    houses = with_weather(houses, weather=arguments.weather, noise=arguments.weather_noise)
    prior = prior_for(arguments.prior, houses)
    start = start_of_test(list(houses.values()))
    if not arguments.test:
        houses = {name: house.between(house.first, start) for name, house in houses.items()}
        start = (start + min(house.first for house in houses.values())) // (2 * SLOTS_A_DAY) * SLOTS_A_DAY
    period = f"{', '.join(houses)}, {'test' if arguments.test else 'training'} period"
    if arguments.cold_start:
        period += ", cold start"
    output = Output(as_json=arguments.json)
    with progress() as bars:
        found = (
            costs(houses, prior, start=start, bars=bars)
            if arguments.cost
            else ablation(houses, prior, start=start, cold_start=arguments.cold_start, bars=bars)
        )
        figures = dict(found)
    show = show_costs if arguments.cost else show_ablation
    show(output, figures, period=period)
    output.answer({"houses": list(houses), "period": period, "figures": figures})


if __name__ == "__main__":
    try:
        main()
    except RoomidityError as error:
        sys.exit(f"ablate: {error}")
