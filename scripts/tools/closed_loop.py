"""What advice is worth in closed loop: simulated houses whose windows are opened by it, beside what people use today.

    scripts/closed-loop [--houses N] [--days N] [--season winter] [--seed N] [--spread .3] [--people]
                        [--forecaster] [--only NAME ...] [--json] [--plot FILE]
    scripts/closed-loop --cellars [--houses N] [--days N] [--season summer] [--seed N] [--json]
    scripts/closed-loop --replay READINGS --outdoor FILE [--timezone NAME] [--days N] [--until DATE]

All policies run side by side on copies of the same houses, with the same weather, people and sensors. The houses differ
from what advice assumes: f_Rsi, hygroscopic surfaces, leakage and windows by up to the share --spread, and sensors have
errors. Nobody airs in the morning unless advised to.

`act now`, hygrostats and the dew-point controller are fans that run at any hour, under the same limits (16 °C inside,
outside drier, 30 minutes at most, 30 of rest). `fixed` and `plan` are people who do all that
they are told; --people adds those who follow 60 %, half an hour late. Plans rest on weather forecasts with simulated
errors and on a simple forecast of the room (`profile`, from its last days); --forecaster adds plans by roomidity's own
forecasts (the shipped prior in serving code). `perfect` forecasts are the true weather and the room's true course
without airing. The oracles know f_Rsi and true values too; `f_Rsi measured` knows it with an error of 0.05.

No policy changes what comes of another: --only runs those named, beside `none`, with the same figures in less time.

Hours are per room and 30 days: over 80 %RH at its true coldest surface, and over 70 %RH in its air. Heat is per house,
beyond that of `none`. ± is the standard error over houses. The mould index is for wallpaper, at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
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
from scripts.tools.closing.cellars import run_cellars
from scripts.tools.closing.houses import Truth, draw_houses
from scripts.tools.closing.loop import Counted, run
from scripts.tools.closing.outlooks import Profile, Served
from scripts.tools.closing.outlooks import Truth as Course
from scripts.tools.closing.planner import Planned
from scripts.tools.closing.policies import Fixed, Person, Policy, automatic, nothing
from scripts.tools.closing.told import tell

FloatArray = NDArray[np.float64]

SEASONS = {"winter": (2025, 12, 1), "spring": (2026, 3, 1), "summer": (2026, 6, 1), "autumn": (2026, 9, 1)}
ZONE = ZoneInfo("Europe/Berlin")
ORACLES = ("oracle, act now", "oracle, plan")
LATE = " 60 %, late"
NAMES = (
    *automatic(np.ones(1), np.ones(1)),
    *(f"{name}{who}" for name in ("fixed 2 x 15 min", "plan, profile", "plan") for who in ("", LATE)),
    "plan, perfect forecasts",
    "oracle, plan",
)


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
    parser.add_argument(
        "--only", nargs="+", choices=NAMES, metavar="NAME",
        help=f"run these alone; they need neither --people nor --forecaster: {'; '.join(NAMES)}".replace("%", "%%"),
    )  # fmt: skip
    parser.add_argument("--cellars", action="store_true", help="instead: cellars, vented and dried by machines")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="instead: advice on the last days of real readings")
    parser.add_argument("--outdoor", type=Path, metavar="FILE", help="with --replay: the air outside")
    parser.add_argument("--until", type=date.fromisoformat, help="with --replay: the day to end before (all)")
    parser.add_argument("--timezone", default="Europe/Berlin", help="with --replay: of the house (Europe/Berlin)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--plot", type=Path, help="write a figure of risk against heat to this file")
    return parser


def main(given: list[str] | None = None) -> int:
    options = arguments().parse_args(given)
    if options.replay is not None:
        if options.outdoor is None:
            arguments().error("--replay needs --outdoor FILE, the air outside")
        lines = tell(
            options.replay, options.outdoor,
            timezone=options.timezone, days=options.days, seed=options.seed, until=options.until,
        )  # fmt: skip
        for line in lines:
            sys.stdout.write(line + "\n")
        return 0
    if options.houses < 1 or options.days < 1 or not 0 <= options.spread < 1 or options.seed < 0:
        arguments().error("--houses and --days are at least 1, --spread lies from 0 up to 1, --seed is not negative")
    if options.cellars:
        show_cellars(options)
        return 0
    truth = draw_houses(options.houses, seed=options.seed, spread=options.spread)
    start = datetime(*SEASONS[options.season], tzinfo=UTC)
    alone = ControlledHouses(truth.houses, start=start, days=options.days, zone=ZONE, copies=1)
    with Progress(console=Console(stderr=True), transient=True, disable=options.json) as progress:
        bar = progress.add_task("none", total=2 * alone.steps)

        def advance() -> None:
            progress.advance(bar)

        found = run(alone, truth, {"none": nothing}, seed=options.seed, zone=ZONE, keep_course=True, progress=advance)
        chosen = policies(truth, alone, found["none"], options)
        chosen = {name: policy for name, policy in chosen.items() if name in (options.only or chosen)}
        progress.update(bar, description=f"{len(chosen)} policies")
        alone.restart(len(chosen))
        found |= run(
            alone, truth, chosen,
            seed=options.seed, zone=ZONE, true_values=ORACLES, progress=advance,
        )  # fmt: skip
    rows = {name: summary(counted, found["none"], alone.real) for name, counted in found.items()}
    if options.json:
        sys.stdout.write(json.dumps({"options": plain(options), "policies": rows}) + "\n")
    else:
        show(rows, truth, options)
    if options.plot:
        plot(rows, options.plot)
    return 0


def policies(truth: Truth, houses: ControlledHouses, none: Counted, options: argparse.Namespace) -> dict[str, Policy]:
    """Returns all policies but `none`."""
    chosen = dict(automatic(truth.f_rsi, truth.f_measured))
    issued, perfect = issues_of(houses, seed=options.seed), issues_of(houses, seed=None)
    assumed = np.full(truth.f_rsi.shape, DEFAULT_ROOM.wall.f_rsi)
    kinds = {"": (1.0, 0.0)} | ({LATE: (0.6, 30.0)} if options.people or options.only else {})
    for place, (name, (share, late_min)) in enumerate(kinds.items()):

        def person(number: int, share: float = share, late_min: float = late_min) -> Person:
            return Person(share, late_min, np.random.default_rng([options.seed, number]))

        chosen[f"fixed 2 x 15 min{name}"] = Fixed(person(10 * place))
        chosen[f"plan, profile{name}"] = Planned(Profile(), issued, person(10 * place + 1), assumed)
        if options.forecaster or options.only:
            served = Served(houses.real, issued, str(ZONE))
            chosen[f"plan{name}"] = Planned(served, issued, person(10 * place + 1), assumed)
    course = np.stack([none.humidity, none.temperature])
    certain = Course(course, datetime.fromtimestamp(houses.first_s, UTC))
    chosen["plan, perfect forecasts"] = Planned(certain, perfect, everything(), assumed)
    chosen["oracle, plan"] = Planned(certain, perfect, everything(), truth.f_rsi)
    return chosen


def plain(options: argparse.Namespace) -> dict[str, Any]:
    """Returns the options for JSON."""
    return {name: str(value) if isinstance(value, Path | date) else value for name, value in vars(options).items()}


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
    """Returns the figures of a policy: means over rooms and houses, and the risk's standard error over houses."""
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
        "risk_by_house": by_house.tolist(),
        "heat_by_house": (counted.heat_kwh - none.heat_kwh).tolist(),
        "mould_mean": float(counted.mould[real].mean()),
        "mould_most": float(counted.mould[real].max()),
        "coldest_open_c": counted.coldest_open_c if np.isfinite(counted.coldest_open_c) else None,
        "longest_min": counted.longest_min,
    }


def show(rows: Mapping[str, Mapping[str, Any]], truth: Truth, options: argparse.Namespace) -> None:
    """Print the figures as a table."""
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
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    for line in beside(rows):
        console.print(line)


def show_cellars(options: argparse.Namespace) -> None:
    """Run the closed loop of cellars and print its table."""
    start = datetime(*SEASONS[options.season], tzinfo=UTC)
    with Progress(console=Console(stderr=True), transient=True, disable=options.json) as progress:
        bar = progress.add_task("cellars")
        found = run_cellars(
            options.houses, seed=options.seed, start=start, days=options.days, zone=ZONE,
            progress=lambda done, of: progress.update(bar, completed=done, total=of),
        )  # fmt: skip
    if options.json:
        rows = {name: {key: float(value.mean()) for key, value in vars(one).items()} for name, one in found.items()}
        sys.stdout.write(json.dumps({"options": plain(options), "cellars": rows}) + "\n")
        return
    table = Table(
        title=f"{options.season}, {options.days} days, {options.houses} cellars, seed {options.seed}; per 30 days"
    )
    for column in ("policy", "wall > 80 h", "> 70 % h", "vented h", "kWh", "EUR", "beside hygrostat", "±"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for name, one in found.items():
        saved = one.eur - found["hygrostat 65"].eur
        share = 100 * saved.mean() / found["hygrostat 65"].eur.mean()
        error = 100 * saved.std(ddof=1) / np.sqrt(len(saved)) / found["hygrostat 65"].eur.mean()
        table.add_row(
            name, f"{one.risk_h.mean():.0f}", f"{one.humid_h.mean():.0f}", f"{one.vented_h.mean():.0f}",
            f"{one.kwh.mean():.1f}", f"{one.eur.mean():.2f}", f"{share:+.1f} %", f"{error:.1f}",
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def beside(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns in words how plans by other forecasts differ from that by the profile, with standard errors."""
    found = []
    for name in ("plan", "plan, perfect forecasts"):
        if {name, "plan, profile"} <= rows.keys() and len(rows[name]["risk_by_house"]) > 1:
            parts = []
            for key, unit in (("risk_by_house", "h of risk"), ("heat_by_house", "kWh")):
                difference = np.subtract(rows[name][key], rows["plan, profile"][key])
                error = difference.std(ddof=1) / np.sqrt(len(difference))
                parts.append(f"{difference.mean():+.1f} ± {error:.1f} {unit}")
            found.append(f"{name}, beside that by the profile: {', '.join(parts)} a house")
    return found


def plot(rows: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Write a figure: hours of risk against the heat that lowering them costs."""
    import matplotlib as mpl  # noqa: PLC0415  # only where a figure is asked for

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "closed-loop"}  # Small, and the same each time.
    figure, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    for name, row in rows.items():
        advised = name.startswith(("act", "plan"))
        axes.plot(row["heat_kwh"], row["risk_h"], "o", color="tab:blue" if advised else "tab:grey")
        axes.annotate(name, (row["heat_kwh"], row["risk_h"]), xytext=(5, 4), textcoords="offset points", fontsize=7)
    axes.set_xlabel("heat beyond none, kWh a house and 30 days")
    axes.set_ylabel("hours over 80 %RH at the coldest surface, a room and 30 days")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.15)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    sys.exit(main())
