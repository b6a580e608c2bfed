"""Measures what this code costs beside the minimum possible and beside peers, in one table.

    scripts/bench [--rounds N] [--houses N] [--readings N] [--only PART ...] [--json]

frames: from message bodies of 15 minutes to observations in memory, beside the same readings in Polars alone; and the
same with values that jump from reading to reading, so that wild ones are told apart in every slot.
drain: the deployed function on the local engine, beside the same calls by bare boto3.
rooms: a forecast of 1,000 rooms at once, beside the matrix products that it contains.
cold: importing a function and making its clients in a new process, beside importing numpy and boto3 with three clients.
peers: a forecast of one quantity of a room, beside mlforecast's Ridge and LightGBM with the same lags. It is left out
unless both are installed (`.venv/bin/pip install mlforecast lightgbm`).

All values are CPU time on one core. Contestants take turns; a value is the median over rounds, and a ratio the median
of the rounds' ratios. An aim is an upper limit (for peers a lower one) on the ratio, or on the value if there is no
ratio. With --json, standard output is {"rows": [{"name", "value", "unit", "beside", "ratio", "aim", "holds"}, ...]},
where "beside" names the other contestant and its value. scripts/bench-ingestion, scripts/bench-run-time and
scripts/compare-peers measure the parts in more detail.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Final

import numpy as np
import polars as pl
from rich.table import Table

from roomidity.cli.output import Output, notes
from roomidity.domain.knots import INTERPOLATION, KNOTS
from roomidity.domain.slots import SLOT, SLOTS_A_DAY
from roomidity.errors import RoomidityError
from roomidity.forecasting import LEVELS, WINDOW_SLOTS, Window, forecast, load_prior
from roomidity.forecasting.serving.features import INPUTS
from scripts.tools.bench_ingestion import ROOMS, bench_drain, bench_frames

ROOT: Final = Path(__file__).resolve().parents[2]
NOW: Final = datetime(2026, 1, 20, tzinfo=UTC)
MANY: Final = 1_000

CLIENTS: Final = "import numpy, boto3\nfor name in ('dynamodb', 'sqs', 's3'): boto3.client(name)"
COLD: Final = {
    "forecast": (
        "import handlers.forecast as f; ports = f.stage().forecast_ports; ports.registry; f.stage().clients.make('s3')",
        1.07,
    ),
    "drain": ("import handlers.drain as d; d.stage().drain_ports", 1.53),
}
"""Imports of a function with the clients that its first call makes, and the aim for the ratio."""


@dataclass(frozen=True)
class Row:
    """A value beside another. ``holds`` is None if there is no aim."""

    name: str
    value: float
    unit: str
    beside: str
    ratio: float | None
    aim: float | None
    holds: bool | None


def row(
    name: str,
    value: float,
    unit: str,
    *,
    beside: tuple[str, float] | None = None,
    ratio: float | None = None,
    aim: float | None = None,
    at_least: bool = False,
) -> Row:
    """Returns a row; whether its aim holds follows from the ratio, or from the value if there is none."""
    judged = value if ratio is None else ratio
    holds = None if aim is None else bool(judged >= aim if at_least else judged <= aim)
    said = "" if beside is None else f"{beside[0]}: {beside[1]:.4g} {unit}"
    return Row(name, round(value, 4), unit, said, None if ratio is None else round(ratio, 3), aim, holds)


def frames(arguments: argparse.Namespace) -> Iterator[Row]:
    found = bench_frames(arguments.readings, arguments.rounds, only=("15 minutes", "jumping"))["contestants"]
    taken = {(one["messages"], one["contestant"]): one for one in found}
    for shape, name, aim in (("15 minutes", "15 minutes packed", 2.6), ("jumping", "values that jump", None)):
        ours, polars = taken[shape, "roomidity"], taken[shape, "Polars"]
        beside = ("raw Polars", polars["cpu_us"])
        yield row(f"frames, {name}", ours["cpu_us"], "µs a reading", beside=beside, ratio=ours["ratio"], aim=aim)
    cpu_us = taken["15 minutes", "roomidity"]["cpu_us"]
    yield row("frames, at 870,000 readings/s", cpu_us, "µs a reading", aim=round(1e6 / 870_000, 3))


def drain(arguments: argparse.Namespace) -> Iterator[Row]:
    houses = arguments.houses
    found = bench_drain(houses, arguments.rounds, only=("15 minutes",))["contestants"]
    by_name = {one["contestant"]: one for one in found}
    ms = {name: one["cpu_us"] * ROOMS * 15 / 1000 for name, one in by_name.items()}
    calls = sum(by_name["drain"]["calls"].values()) / houses
    beside = ("the same calls by bare boto3", ms["bare boto3"])
    yield row(
        f"drain of {houses} houses, the calls",
        ms["drain"],
        "ms a house",
        beside=beside,
        ratio=by_name["drain"]["ratio"],
    )
    yield row(f"drain of {houses} houses, CPU", ms["drain"], "ms a house", aim=1.7)
    yield row(f"drain of {houses} houses, calls", calls, "calls a house", aim=0.6)


def window_of(rooms: int) -> Window:
    """Returns two days of rooms with daily cycles of different sizes."""
    rng = np.random.default_rng(0)
    slots = np.arange(WINDOW_SLOTS)
    daily = np.sin(2 * np.pi * slots / SLOTS_A_DAY)
    level, swing = np.array([50.0, 21.0])[:, None], np.array([4.0, 1.5])[:, None]
    values = level + swing * daily * rng.uniform(0.5, 1.5, (rooms, 2, 1)) + rng.normal(0, 0.1, (rooms, 2, len(slots)))
    return Window(tuple(f"room {number}" for number in range(rooms)), NOW, "Europe/Berlin", values.round(2))


def rooms(arguments: argparse.Namespace) -> Iterator[Row]:
    model, state, _ = load_prior()
    window = window_of(MANY)
    rng = np.random.default_rng(0)
    inputs, knots = rng.normal(size=(MANY, INPUTS)), rng.normal(size=(MANY * 2 * len(LEVELS), len(KNOTS)))

    def products() -> None:
        first = np.maximum(inputs @ model.hidden1, 0)
        (np.maximum(first @ model.hidden2, 0) @ model.output + inputs @ model.skip).sum()
        (knots @ INTERPOLATION).sum()

    taken = turns({"ours": lambda: forecast(window, model, state), "products": products}, 2 + arguments.rounds)
    ours, bare = (1e6 / MANY * median(taken[name]) for name in ("ours", "products"))
    yield row(
        f"forecast of {MANY:,} rooms",
        ours,
        "µs a room",
        beside=("its matrix products", bare),
        ratio=ratio_of(taken, "ours", "products"),
        aim=10,
    )


def cold(arguments: argparse.Namespace) -> Iterator[Row]:
    codes = {"bare": CLIENTS, **{name: code for name, (code, _) in COLD.items()}}
    taken: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(arguments.rounds):
        for name, code in codes.items():
            taken[name].append(cpu_of(code))
    for name, (_, aim) in COLD.items():
        yield row(
            f"cold {name}",
            1000 * median(taken[name]),
            "ms",
            beside=("numpy, boto3, three clients", 1000 * median(taken["bare"])),
            ratio=ratio_of(taken, name, "bare"),
            aim=aim,
        )


def cpu_of(code: str) -> float:
    """Returns the seconds of CPU that a new process takes to run the code."""
    environment = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "eu-central-1"}
    environment |= {"ROOMIDITY_BUCKET": "none", "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    timed = f"{code}\nimport time; print(time.process_time())"
    done = subprocess.run(
        [sys.executable, "-c", timed], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def peers(arguments: argparse.Namespace) -> Iterator[Row]:
    if not (find_spec("mlforecast") and find_spec("lightgbm")):
        notes.print("peers: left out, for mlforecast and lightgbm are not installed")
        return
    from lightgbm import LGBMRegressor  # noqa: PLC0415  # no dependencies
    from mlforecast import MLForecast  # noqa: PLC0415
    from sklearn.linear_model import Ridge  # noqa: PLC0415

    window, days = window_of(ROOMS), 14
    model, state, _ = load_prior()
    slots = days * SLOTS_A_DAY
    rng = np.random.default_rng(1)
    start = NOW - slots * SLOT
    series = pl.concat(
        pl.DataFrame(
            {
                "unique_id": np.full(slots, number),
                "ds": pl.datetime_range(start, NOW - SLOT, SLOT, time_unit="ms", eager=True).dt.replace_time_zone(None),
                "y": 50 + 4 * np.sin(2 * np.pi * np.arange(slots) / SLOTS_A_DAY) + rng.normal(0, 0.1, slots),
            }
        )
        for number in range(2 * ROOMS)
    )
    contestants: dict[str, Callable[[], Any]] = {"ours": lambda: forecast(window, model, state)}
    for name, made in (
        ("Ridge", Ridge()),
        ("LightGBM", LGBMRegressor(n_jobs=1, verbosity=-1, random_state=0)),
    ):
        fitted = MLForecast(models=made, freq="15m", lags=[1, 2, 4, 8, 24, 48, 96, 192, 672])
        fitted.fit(series, static_features=[])
        contestants[name] = predicts(fitted)
    taken = turns(contestants, 1 + arguments.rounds)
    per_series = {name: 1e6 * median(seconds) / (2 * ROOMS) for name, seconds in taken.items()}
    for name, aim in (("Ridge", 6.0), ("LightGBM", 30.0)):
        yield row(
            f"mlforecast's {name}, {ROOMS} rooms",
            per_series[name],
            "µs a series",
            beside=("roomidity", per_series["ours"]),
            ratio=ratio_of(taken, name, "ours"),
            aim=aim,
            at_least=True,
        )


def predicts(fitted: Any) -> Callable[[], Any]:
    return lambda: fitted.predict(SLOTS_A_DAY)


def turns(contestants: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Returns each contestant's seconds of CPU by round."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, call in contestants.items():
            begin = process_time()
            call()
            taken[name].append(process_time() - begin)
    return taken


def ratio_of(taken: Mapping[str, Sequence[float]], name: str, beside: str) -> float:
    return median(one / other for one, other in zip(taken[name], taken[beside], strict=True))


PARTS: Final = {"frames": frames, "drain": drain, "rooms": rooms, "cold": cold, "peers": peers}


def table_of(rows: Sequence[Row]) -> Table:
    table = Table("", "this code", "", "beside", "ratio", "aim", "")
    for one in rows:
        ratio, aim = ("" if number is None else f"{number:g}" for number in (one.ratio, one.aim))
        verdict = {None: "", True: "holds", False: "MISSES"}[one.holds]
        table.add_row(one.name, f"{one.value:g}", one.unit, one.beside, ratio, aim, verdict)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="how many rounds (default %(default)s)")
    parser.add_argument(
        "--houses", type=int, default=100, metavar="N", help="how many houses a drain has (default %(default)s)"
    )
    parser.add_argument(
        "--readings", type=int, default=500_000, metavar="N", help="how many readings frames have (default %(default)s)"
    )
    parser.add_argument(
        "--only", choices=sorted(PARTS), nargs="+", default=list(PARTS), help="measure these parts only"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object; the table goes to standard error")
    arguments = parser.parse_args()
    output = Output(as_json=arguments.json)
    rows: list[Row] = []
    try:
        for name, part in PARTS.items():
            if name in arguments.only:
                notes.print(f"bench: {name}")
                rows += part(arguments)
    except (RoomidityError, subprocess.CalledProcessError) as error:
        sys.exit(f"bench: {error}")
    output.tables.print(table_of(rows))
    output.answer({"rows": [asdict(one) for one in rows]})


if __name__ == "__main__":
    main()
