"""What sensor faults cost a house's forecasts: faults are planted in its readings, errors held against the clean truth.

    scripts/robustness --readings FILE --prior FILE [--timezone ZONE] [--outdoor FILE] [--test]
    scripts/robustness --simulate SEED

Forecasts are issued every hour as a deployed house would issue them, from readings with the faults in them, over the
last days (--days) of the first three quarters, where choices are made; --test takes the last quarter, for reporting
alone. Scenarios, each beside the same forecasts without faults and beside the last value:

    wild              one slot in fifty is wild
    wild and silent   the same, and drop-outs of up to 6 h three times a week
    stuck             sensors stand still for one to three days, where they were or at 99.9 %RH and 85 °C
    dead              sensors fall silent for one to three days, half of the times after 0 °C and 0 %RH
    wild readings     of a simulated house: one reading in one slot in fifty is wild, by the robust value of the slot
    ... by the mean   and by the mean of all its readings

"ratio" is the error over that without faults; "to last" that over the error of the last value the sensor gave, and "to
right" over that of the last right one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.progress import Progress, TaskID
from rich.table import Table

from roomidity.cli.backtest import prior_for
from roomidity.cli.output import UNITS, Output, progress
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT_MS, SLOTS_A_DAY
from roomidity.errors import RoomidityError
from roomidity.files import read_outdoor, read_slots
from roomidity.forecasting import Window, load_prior
from roomidity.forecasting.backtest import start_of_test
from roomidity.forecasting.robustness import HOUR, SCENARIOS, WILD_SHARE, Planted, figures, issue
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.local.simulation import random_kind, simulate_house
from roomidity.local.simulation.wild import plant_wild_readings
from roomidity.readings import derive, union
from roomidity.readings.union import SLOT_VALUES
from roomidity.settings import check_timezone

START = datetime(2026, 1, 1, tzinfo=UTC)


def observed(readings: pl.DataFrame, *, timezone: str, plain: bool) -> Window:
    """The house as drains would observe it, by the robust value of each slot or by the plain mean."""
    at = pl.col("ts").dt.epoch("ms")
    accepted = readings.with_columns(slot=at // SLOT_MS * SLOT_MS).with_columns(
        (at - pl.col("slot")).cast(pl.Int32).alias("time_ms"),
        *((pl.col(name) * 1000).round().cast(pl.Int32) for name in ("temperature", "humidity")),
    )
    accepted = accepted.with_columns(contact=pl.lit(None, pl.Int32))
    values = union(SLOT_VALUES.to_frame(), accepted.with_row_index("row")).values
    rows = [
        {
            "house": key.house,
            "room": room,
            "ts": key.start,
            **{name: one.mean if plain else one.value for name, one in quantities.items()},
        }
        for key, rooms in derive(values, {}).items()
        for room, quantities in rooms.items()
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "house": pl.String,
        "room": pl.String,
        "ts": pl.Datetime("ms", "UTC"),
    }
    slots = pl.DataFrame(rows, schema=schema | dict.fromkeys(("temperature", "humidity"), pl.Float64))
    (window,) = windows_of(slots, timezone=timezone).values()
    return window


def houses_of(arguments: argparse.Namespace) -> Iterator[tuple[str, Window, dict[str, Window]]]:
    """Each house's name, its readings, and those of scenarios that are planted in single readings."""
    zone = arguments.timezone
    if arguments.simulate is None:
        outdoor = read_outdoor(arguments.outdoor) if arguments.outdoor else None
        for name, window in windows_of(read_slots(arguments.readings).means, timezone=zone, outdoor=outdoor).items():
            yield name, window, {}
        return
    for seed in arguments.simulate:
        kind = random_kind(seed)
        clean = simulate_house(seed=seed, start=START, days=60, kind=kind, timezone=zone).readings
        wild = plant_wild_readings(clean, share=WILD_SHARE, seed=seed)
        more = {
            "wild readings": observed(wild, timezone=zone, plain=False),
            "... by the mean": observed(wild, timezone=zone, plain=True),
        }
        yield f"simulated {seed}", observed(clean, timezone=zone, plain=False), more


def _move(bars: Progress, task: TaskID, done: int, days: int) -> None:
    bars.update(task, completed=done, total=days)


def measure(
    house: Window, more: dict[str, Window], arguments: argparse.Namespace, bars: Any
) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Figures by scenario, group and quantity."""
    prior = load_prior()[:2] if arguments.simulate is not None else prior_for(arguments.prior, {"": house})
    test = start_of_test([house])
    stop = house.last if arguments.test else test
    start = test if arguments.test else max(stop - arguments.days * SLOTS_A_DAY, house.first + 8 * SLOTS_A_DAY)
    house = house.between(house.first, stop)
    origins = np.arange(start, stop - SLOTS_A_DAY, HOUR)
    retrain_days = None if arguments.cold_start else 7
    none = np.zeros(house.values.shape, dtype=np.bool_)
    planted = {name: plant(house, np.random.default_rng(arguments.seed)) for name, plant in SCENARIOS.items()}
    planted |= {name: Planted(window.between(house.first, stop), none, none) for name, window in more.items()}
    clean = None
    for name, one in planted.items():
        task = bars.add_task(name, total=None)
        issued = issue(
            one.window,
            prior,
            origins=origins,
            retrain_days=retrain_days,
            progress=partial(_move, bars, task),
        )
        clean = issued if clean is None else clean
        for group, quantity, found in figures(house, one, issued, clean, origins=origins):
            yield name, group, quantity, dict(found)


def show(output: Output, name: str, found: list[tuple[str, str, str, dict[str, Any]]]) -> None:
    for quantity in QUANTITIES:
        table = Table("faults", "issue times", title=f"{name}: {quantity}, {UNITS[quantity]}", title_justify="left")
        for heading in ("forecasts", "MAE", "without", "ratio", "to last", "to right", "in p10–p90"):
            table.add_column(heading, justify="right")
        for scenario, group, of, one in found:
            if of == quantity:
                table.add_row(
                    scenario,
                    group,
                    f"{one['forecasts']:,}",
                    f"{one['mae']:.3f}",
                    f"{one['clean_mae']:.3f}",
                    *(
                        f"{one['mae'] / one[beside]:.3f}"
                        for beside in ("clean_mae", "persistence_mae", "true_persistence_mae")
                    ),
                    f"{one['coverage']:.3f}",
                )
        output.tables.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="robustness", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--readings", type=Path, metavar="FILE", help="real houses, in tidy 15-minute slots")
    source.add_argument(
        "--simulate", type=int, nargs="+", metavar="SEED", help="simulated houses, forecast by the shipped prior"
    )
    parser.add_argument("--prior", metavar="FILE", help="one made by scripts/train-prior without the houses, or none")
    parser.add_argument("--outdoor", type=Path, metavar="FILE", help="the past air outside")
    parser.add_argument("--timezone", default="Europe/Berlin", metavar="ZONE", help="IANA name (default %(default)s)")
    parser.add_argument("--days", type=int, default=21, metavar="N", help="of issue times (default %(default)s)")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="of the faults (default %(default)s)")
    parser.add_argument(
        "--cold-start", action="store_true", help="train nothing: quicker, and all that a new house has"
    )
    parser.add_argument("--test", action="store_true", help="the test period: report it, choose nothing by it")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, the tables on stderr")
    arguments = parser.parse_args()
    check_timezone(arguments.timezone, "--timezone")
    output = Output(as_json=arguments.json)
    answer: dict[str, Any] = {}
    with progress() as bars:
        for name, window, more in houses_of(arguments):
            found = list(measure(replace(window), more, arguments, bars))
            show(output, name, found)
            answer[name] = [
                {"faults": scenario, "issue_times": group, "quantity": quantity, **one}
                for scenario, group, quantity, one in found
            ]
    output.answer(answer)


if __name__ == "__main__":
    try:
        main()
    except RoomidityError as error:
        sys.exit(f"robustness: {error}")
