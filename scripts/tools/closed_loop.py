"""What advice is worth in closed loop: simulated houses whose windows are opened by it, beside what people use today.

    scripts/closed-loop [--houses N] [--days N] [--season winter] [--seed N] [--spread .3] [--people]
                        [--json] [--plot FILE]

All policies run side by side on copies of the same houses, with the same weather, people and sensors. The houses are
not what advice takes them to be: f_Rsi, hygroscopic surfaces, leakage and windows differ by up to --spread (a share)
from what its kernel and rule assume, and sensors have errors. Nobody airs in the morning of their own accord.

`act now`, hygrostats and the dew-point controller are fans that run at any hour, under the same limits (16 °C inside,
outside drier, 30 minutes at most, 30 of rest). `fixed` and `plan` are people; with --people also such who follow 60 %
of it, half an hour late. Plans rest on a simple forecast of the room (the profile of its last days) and on weather with
errors as issues have them. The oracles know f_Rsi and true values; the plan's also the room's course without airing.

Hours are a room's and of 30 days, beyond 80 %RH at its true coldest surface and 70 %RH in its air; heat is a house's,
beyond `none`. ± is the standard error over houses. The mould index is that of wallpaper, at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM
from roomidity.domain.weather import WeatherIssue
from roomidity.forecasting.simulated_issues import simulate_issues
from roomidity.local.simulation.controlled import ControlledHouses
from roomidity.local.simulation.course import STEP_S
from scripts.tools.closing.houses import Truth, draw_houses
from scripts.tools.closing.loop import Counted, run
from scripts.tools.closing.outlooks import Profile, Served
from scripts.tools.closing.outlooks import Truth as Course
from scripts.tools.closing.planner import Planned
from scripts.tools.closing.policies import Fixed, Person, Policy, automatic, nothing

FloatArray = NDArray[np.float64]

SEASONS = {"winter": (2025, 12, 1), "spring": (2026, 3, 1), "summer": (2026, 6, 1), "autumn": (2026, 9, 1)}
ZONE = ZoneInfo("Europe/Berlin")
ORACLES = ("oracle, act now", "oracle, plan")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="closed-loop", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--houses", type=int, default=16, help="how many houses (16)")
    parser.add_argument("--days", type=int, default=30, help="how long, after six days of spin-up (30)")
    parser.add_argument("--season", choices=sorted(SEASONS), default="winter", help="when it begins (winter)")
    parser.add_argument("--seed", type=int, default=1, help="of houses, weather, people and sensors (1)")
    parser.add_argument("--spread", type=float, default=0.3, help="how far houses differ from what is assumed (.3)")
    parser.add_argument("--people", action="store_true", help="also people who follow 60 %%, half an hour late")
    parser.add_argument(
        "--forecaster", action="store_true", help="also the plan by roomidity's own forecasts, which takes much longer"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--plot", type=Path, help="write a figure of risk against heat to this file")
    return parser


def main(given: list[str] | None = None) -> int:
    options = arguments().parse_args(given)
    if options.houses < 1 or options.days < 1 or not 0 <= options.spread < 1 or options.seed < 0:
        arguments().error("--houses and --days are at least 1, --spread lies from 0 up to 1, --seed is not negative")
    truth = draw_houses(options.houses, seed=options.seed, spread=options.spread)
    start = datetime(*SEASONS[options.season], tzinfo=UTC)
    alone = ControlledHouses(truth.houses, start=start, days=options.days, zone=ZONE, copies=1)
    with Progress(console=Console(stderr=True), transient=True, disable=options.json) as progress:
        bar = progress.add_task("none", total=2 * alone.steps)

        def advance() -> None:
            progress.advance(bar)

        found = run(alone, truth, {"none": nothing}, seed=options.seed, zone=ZONE, keep_course=True, progress=advance)
        chosen = policies(truth, alone, found["none"], options)
        progress.update(bar, description=f"{len(chosen)} policies")
        alone.restart(len(chosen))
        found |= run(
            alone, truth, chosen,
            seed=options.seed, zone=ZONE, true_values=ORACLES, progress=advance,
        )  # fmt: skip
    rows = {name: summary(counted, found["none"], alone.real) for name, counted in found.items()}
    if options.json:
        sys.stdout.write(json.dumps({"options": {**vars(options), "plot": None}, "policies": rows}) + "\n")
    else:
        show(rows, truth, options)
    if options.plot:
        plot(rows, options.plot)
    return 0


def policies(truth: Truth, houses: ControlledHouses, none: Counted, options: argparse.Namespace) -> dict[str, Policy]:
    """Returns all policies but `none`."""
    chosen = dict(automatic(truth.f_rsi))
    issued, perfect = issues_of(houses, seed=options.seed), issues_of(houses, seed=None)
    assumed = np.full(truth.f_rsi.shape, DEFAULT_ROOM.wall.f_rsi)
    kinds = {"": (1.0, 0.0)} | ({" 60 %, late": (0.6, 30.0)} if options.people else {})
    for place, (name, (share, late_min)) in enumerate(kinds.items()):

        def person(number: int, share: float = share, late_min: float = late_min) -> Person:
            return Person(share, late_min, np.random.default_rng([options.seed, number]))

        chosen[f"fixed 2 x 15 min{name}"] = Fixed(person(10 * place))
        chosen[f"plan{name}"] = Planned(Profile(), issued, person(10 * place + 1), assumed)
    if options.forecaster:
        served = Served(houses.real, issued, str(ZONE))
        chosen["plan, roomidity's forecast"] = Planned(served, issued, everything(), assumed)
    course = np.stack([none.humidity, none.temperature])
    certain = Course(course, datetime.fromtimestamp(houses.first_s, UTC))
    chosen["plan, perfect forecasts"] = Planned(certain, perfect, everything(), assumed)
    chosen["oracle, plan"] = Planned(certain, perfect, everything(), truth.f_rsi)
    return chosen


def everything() -> Person:
    """Returns a person who follows all advice at once."""
    return Person(1.0, 0.0, np.random.default_rng(0))


def issues_of(houses: ControlledHouses, *, seed: int | None) -> list[list[WeatherIssue]]:
    """Returns the weather forecasts of each house; without a seed perfect ones."""
    outdoor = np.stack([houses.outdoor_humidity, houses.outdoor_c])[:, ::3]  # By slots.
    first = (houses.first_s - STEP_S * houses.lead) // 900
    return [
        simulate_issues(outdoor[..., house], first=first, seed=None if seed is None else 1000 * seed + house)
        for house in range(outdoor.shape[2])
    ]


def summary(counted: Counted, none: Counted, real: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns the figures of a policy: means over rooms and houses, and the standard error over houses of the risk."""
    by_house = np.array([risk[there].mean() for risk, there in zip(counted.risk_h, real, strict=True)])
    error = float(by_house.std(ddof=1) / np.sqrt(len(by_house))) if len(by_house) > 1 else float("nan")
    kwh = float((counted.heat_kwh - none.heat_kwh).mean())
    return {
        "risk_h": float(counted.risk_h[real].mean()),
        "risk_h_error": error,
        "humid_h": float(counted.humid_h[real].mean()),
        "minutes_a_day": float(counted.minutes_a_day[real].mean()),
        "heat_kwh": kwh,
        "heat_eur": kwh * DEFAULT_HOUSE.heat_eur_kwh,
        "mould_mean": float(counted.mould[real].mean()),
        "mould_most": float(counted.mould[real].max()),
        "coldest_open_c": counted.coldest_open_c if np.isfinite(counted.coldest_open_c) else None,
        "longest_min": counted.longest_min,
    }


def show(rows: Mapping[str, Mapping[str, Any]], truth: Truth, options: argparse.Namespace) -> None:
    """Prints the figures as a table."""
    rooms = sum(len(kind.rooms) for kind, _ in truth.houses)
    table = Table(
        title=f"{options.season}, {options.days} days, {options.houses} houses, {rooms} rooms, seed {options.seed}, "
        f"spread {options.spread:g}; per 30 days"
    )
    columns = (
        "policy",
        "RH_s > 80 h",
        "±",
        "> 70 % h",
        "min/day",
        "kWh",
        "EUR",
        "mould",
        "most",
        "coldest °C",
        "longest min",
    )
    for column in columns:
        table.add_column(column, justify="left" if column == "policy" else "right")
    for name, row in rows.items():
        coldest = row["coldest_open_c"]
        table.add_row(
            name, f"{row['risk_h']:.1f}", f"{row['risk_h_error']:.1f}", f"{row['humid_h']:.1f}",
            f"{row['minutes_a_day']:.0f}", f"{row['heat_kwh']:+.0f}", f"{row['heat_eur']:+.2f}",
            f"{row['mould_mean']:.3f}", f"{row['mould_most']:.2f}",
            "" if coldest is None else f"{coldest:.1f}", f"{row['longest_min']:.0f}",
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def plot(rows: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Writes a figure: risk against the heat that it costs to lower it."""
    import matplotlib as mpl  # noqa: PLC0415  # only where a figure is asked for

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for name, row in rows.items():
        advised = name.startswith(("act", "plan"))
        axes.plot(row["heat_kwh"], row["risk_h"], "o", color="tab:blue" if advised else "tab:grey")
        axes.annotate(name, (row["heat_kwh"], row["risk_h"]), xytext=(5, 4), textcoords="offset points", fontsize=8)
    axes.set_xlabel("heat beyond none, kWh a house and 30 days")
    axes.set_ylabel("hours over 80 %RH at the coldest surface, a room and 30 days")
    axes.set_ylim(bottom=0)
    figure.savefig(path)


if __name__ == "__main__":
    sys.exit(main())
