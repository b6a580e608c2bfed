"""Hours of many houses through the queue and the drain, as deployed, on the local engine: nothing lost, and steady?

    scripts/soak [--houses N...] [--hours H...] [--rooms N] [--backfill] [--json]

Every simulated 15 minutes each house sends one message: a reading a minute and room, in no order. Of the messages some
come twice, at once or hours later, some come late, and some readings stand in them twice. Then the function `drain`
runs, in a process of its own with its timeout, until the queue is empty. Forecasts are asked for, as always, but not
made: ingestion is what is measured. The ticks follow each other without a pause, and without quotas: all houses come
at once.

At the end every slot's count, mean, minimum and maximum of every room are compared with a plain computation over what
was sent, and the drains' memory and time with their bounds. Exit status 1 if anything is lost, grows or takes too long.

--backfill does something else: a year of one house goes into the queue by `roomidity send` while ten houses' live data
go on. Live data should be stored by the drain of their own tick, and memory be bounded.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import polars as pl
from botocore.config import Config
from rich.table import Table

from roomidity.aws.dynamodb import botocore_session
from roomidity.cli.output import Output, notes, progress
from roomidity.composition import Stage
from roomidity.domain.slots import SLOT, SlotKey, format_moment, to_epoch_ms
from roomidity.errors import RoomidityError
from roomidity.local.engine import running
from roomidity.local.functions import Context
from roomidity.local.stack import resolved
from roomidity.readings import pack_readings
from roomidity.settings import WITHOUT_QUOTAS
from scripts.tools.memory import forget_peak, peak_mb

ROOT = Path(__file__).resolve().parents[2]

STAGE = "soak"
PREFIX = f"roomidity-{STAGE}"
START = datetime(2026, 1, 5, tzinfo=UTC)
MINUTES = 15
HOUSE_HOURS = 4_000
MOST_HOURS = 24
"""Of each number of houses by default: some three minutes at most."""

HELD_BACK = 0.03
SENT_AGAIN = 0.03
SAID_TWICE = 0.02
"""Shares: of messages that come late, of messages that come twice, of readings that stand twice in a message."""

LATEST_TICKS = 4
"""How late a message comes at most; from then on every tick has as many."""

GROWTH = 1.1
"""Of the drains' peaks, from the first third after that to the last: more is not steady."""

STATISTICS = ("mean", "min", "max", "count")
PLACE = ("house", "slot", "room", "quantity")
FOUND = [*PLACE, *(f"{name}_found" for name in STATISTICS)]


# The drain, in its own process.


@dataclass(frozen=True)
class Limited(Context):
    """What a function sees of Lambda, with its deployed timeout."""

    timeout_s: float = 0.0
    begin: float = field(default_factory=perf_counter)

    def get_remaining_time_in_millis(self) -> int:
        return round(1_000 * (self.timeout_s - perf_counter() + self.begin))


@dataclass(frozen=True)
class Drained:
    """What a drain answered, and what it took."""

    answer: dict[str, Any]
    wall_s: float
    cpu_s: float
    peak_mb: float


def drain(at: datetime, timeout_s: float) -> Drained:
    """Call the function as its schedule does."""
    handler = import_module("handlers.drain").handler
    event = {"source": "aws.events", "time": format_moment(at), "detail": {}}
    forget_peak()
    wall, cpu = perf_counter(), process_time()
    with redirect_stdout(io.StringIO()):  # metrics
        answer = handler(event, Limited("drain", timeout_s=timeout_s))
    return Drained(answer, perf_counter() - wall, process_time() - cpu, peak_mb())


# The houses.


def readings_of(houses: range, *, rooms: int, start: datetime, minutes: int) -> pl.DataFrame:
    """A reading a room and minute, at least ten seconds apart; one house after the other, in order of time."""
    rng = np.random.default_rng([to_epoch_ms(start) // 1_000, houses.start])
    house, minute, room = (place.ravel() for place in np.indices((len(houses), minutes, rooms)))
    at_ms = to_epoch_ms(start) + 60_000 * minute + 1_000 * rng.integers(0, 50, len(house))
    return pl.select(
        house=pl.format("house-{}", pl.lit(house + houses.start)),
        room=pl.format("room-{}", pl.lit(room)),
        sensor=pl.format("z2m-0x00158d{}", pl.lit(room)),
        ts=pl.lit(at_ms).cast(pl.Datetime("ms", "UTC")),
        temperature=pl.lit(rng.normal(21, 2, len(house)).round(2)),
        humidity=pl.lit(rng.normal(50, 5, len(house)).round(1)),
    )


class Fleet:
    """Houses and the messages that they send; ``sent`` is every reading once."""

    def __init__(self, houses: int, rooms: int, *, held_back: float = HELD_BACK) -> None:
        self._houses, self._rooms, self._held_back = houses, rooms, held_back
        self._rng = np.random.default_rng(houses)
        self._later: dict[int, list[str]] = {}
        self.sent: list[pl.DataFrame] = []

    def tick(self, number: int) -> list[str]:
        """The messages that arrive in the tick's 15 minutes."""
        readings = readings_of(range(self._houses), rooms=self._rooms, start=START + number * SLOT, minutes=MINUTES)
        self.sent.append(readings)
        seed = number + 1
        twice = pl.concat([readings, readings.sample(fraction=SAID_TWICE, seed=seed)])
        now = self._later.pop(number, [])
        for body in pack_readings(twice.sample(fraction=1, shuffle=True, seed=seed)):
            fate = self._rng.random()
            if fate < self._held_back:
                self._hold(body, number)
            else:
                now.append(body)
            if fate > 1 - SENT_AGAIN / 2:
                now.append(body)
            elif fate > 1 - SENT_AGAIN:
                self._hold(body, number)
        self._rng.shuffle(now)
        return now

    def rest(self) -> list[str]:
        """What was still held back."""
        return [body for bodies in self._later.values() for body in bodies]

    def _hold(self, body: str, number: int) -> None:
        self._later.setdefault(number + int(self._rng.integers(1, LATEST_TICKS + 1)), []).append(body)


def differing(sent: Sequence[pl.DataFrame], stored: pl.DataFrame) -> tuple[int, int]:
    """How many statistics of a slot, room and quantity there should be, and how many are missing, more, or not so.

    Both are compared to what rounding to 0.001 leaves; ``stored`` has the columns FOUND.
    """
    expected = (
        pl.concat(sent)
        .with_columns(pl.col("ts").dt.truncate("15m").dt.strftime("%Y-%m-%dT%H:%MZ").alias("slot"))
        .unpivot(on=["humidity", "temperature"], index=PLACE[:3], variable_name="quantity")
        .group_by(PLACE)
        .agg(getattr(pl.col("value"), name)().alias(name) for name in STATISTICS)
    )
    both = expected.join(stored, on=PLACE, how="full", coalesce=True)
    same = pl.all_horizontal((pl.col(name) - pl.col(f"{name}_found")).abs() < 0.000_501 for name in STATISTICS)
    return len(expected), len(both) - both.select(same.fill_null(value=False).sum()).item()


def _observed() -> pl.DataFrame:
    """The table ``observations``, by keys alone."""
    patient = Config(read_timeout=60)  # the emulator goes through the whole table for every page
    client = botocore_session().create_client("dynamodb", region_name=os.environ["AWS_REGION"], config=patient)
    rows = [
        (item["house"]["S"], item["slot"]["S"], room, quantity, *(float(of["M"][name]["N"]) for name in STATISTICS))
        for page in client.get_paginator("scan").paginate(TableName=f"{PREFIX}-observations")
        for item in page["Items"]
        for room, quantities in item["rooms"]["M"].items()
        for quantity, of in quantities["M"].items()
    ]
    return pl.DataFrame(rows, schema=FOUND, orient="row")


# The soak.


@dataclass(frozen=True)
class Limits:
    """What is deployed."""

    timeout_s: int
    memory_mb: int


@dataclass(frozen=True)
class Place:
    """A stage on a fresh engine, and the process that drains it."""

    stage: Stage
    beside: Executor
    limits: Limits

    def drain(self, at: datetime) -> Drained:
        return self.beside.submit(drain, at, self.limits.timeout_s).result()

    def send(self, bodies: Sequence[str]) -> None:
        self.stage.readings_queue.send(bodies)


@contextmanager
def fresh() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder, running(ROOT, Path(folder) / "engine", stage=STAGE) as engine:
        os.environ.update({**engine.environment, **WITHOUT_QUOTAS})
        function = resolved(ROOT, stage=STAGE, cache=Path(folder))["functions"]["drain"]
        limits = Limits(timeout_s=int(function["timeout"]), memory_mb=int(function["memorySize"]))
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside:
            yield Place(Stage.from_environment(os.environ), beside, limits)


@dataclass
class Soaked:
    """Drains of a soak, what they counted, and what is wrong."""

    houses: int
    hours: float
    limits: Limits
    drains: list[Drained] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def add(self, drained: Drained) -> None:
        self.drains.append(drained)
        answer = drained.answer
        self.counts.update(answer["readings"])
        self.counts.update({name: answer[name] for name in ("messages", "slots_changed", "undeleted", "violations")})

    def compare(self, sent: Sequence[pl.DataFrame], *, left: int) -> None:
        """Note what was lost, counted wrongly, took too much memory or too long."""
        slots, wrong = differing(sent, _observed())
        readings = sum(map(len, sent))
        undone = {name: self.counts[name] for name in ("rejected", "undeleted", "violations") if self.counts[name]}
        if wrong:
            self.problems.append(f"{wrong:,} of {slots:,} statistics of slots are not what was sent")
        if self.counts["stored"] != readings:
            self.problems.append(
                f"{self.counts['stored']:,} readings were stored; {readings:,} different ones were sent"
            )
        if undone or left:
            self.problems.append(f"{left} messages are left; {undone or 'all others were stored'}")
        if self.peak_mb > self.limits.memory_mb * 3 / 4:
            self.problems.append(f"the peak is {self.peak_mb} MB; the function has {self.limits.memory_mb} MB")
        if self.longest_s > self.limits.timeout_s:
            self.problems.append(f"a drain took {self.longest_s:.0f} s; the function has {self.limits.timeout_s} s")

    def expect_steady(self) -> None:
        """Note memory that grew."""
        first, last = self.steady_mb
        if last > GROWTH * first:
            self.problems.append(f"the drains' peak grew from {first} to {last} MB")

    @property
    def longest_s(self) -> float:
        return max(drained.wall_s for drained in self.drains)

    @property
    def peak_mb(self) -> int:
        return round(max(drained.peak_mb for drained in self.drains))

    @property
    def steady_mb(self) -> tuple[int, int]:
        """The median of the drains' peaks in the first third of them, once messages come late, and in the last."""
        peaks = [drained.peak_mb for drained in self.drains[LATEST_TICKS:] or self.drains]
        third = -(-len(peaks) // 3)
        return round(median(peaks[:third])), round(median(peaks[-third:]))

    def row(self) -> dict[str, Any]:
        """What is reported."""
        wall = sum(drained.wall_s for drained in self.drains)
        cpu = sum(drained.cpu_s for drained in self.drains)
        return {
            "houses": self.houses,
            "hours": self.hours,
            "drains": len(self.drains),
            **{name: self.counts[name] for name in ("messages", "received", "stored", "duplicate", "rejected")},
            "messages_per_s": round(self.counts["messages"] / wall, 1),
            "readings_per_s": round(self.counts["received"] / wall),
            "cpu_us_per_reading": round(1e6 * cpu / self.counts["received"], 1),
            "computing": round(cpu / wall, 3),
            "peak_mb": self.peak_mb,
            "peak_mb_first_last": self.steady_mb,
            "drain_p50_s": round(median(drained.wall_s for drained in self.drains), 2),
            "drain_max_s": round(self.longest_s, 2),
            "problems": self.problems,
        }


def soak(houses: int, hours: float, rooms: int) -> Soaked:
    """A fleet's hours, on an engine of its own."""
    ticks = round(hours * 4)
    fleet = Fleet(houses, rooms)
    with fresh() as place, progress() as bar:
        task = bar.add_task(f"{houses} houses, {hours:g} h", total=ticks)
        soaked = Soaked(houses, hours, place.limits)
        queue = place.stage.readings_queue
        for number in range(ticks):
            place.send(fleet.tick(number))
            if number == ticks - 1:
                place.send(fleet.rest())
            soaked.add(place.drain(START + (number + 1) * SLOT))
            while queue.depth():
                soaked.add(place.drain(START + (number + 1) * SLOT))
            bar.advance(task)
        soaked.compare(fleet.sent, left=queue.depth())
        soaked.expect_steady()
    return soaked


# A year of one house, beside live data.


@dataclass
class Backfilled:
    """Drains while a house's past was filled in, and by how many ticks live data were late at worst."""

    soaked: Soaked
    past: int
    ticks_late: int = 0

    def row(self) -> dict[str, Any]:
        return self.soaked.row() | {"past": self.past, "ticks_late": self.ticks_late}


def backfill(houses: int, days: int, rooms: int) -> Backfilled:
    """The past of a house by `roomidity send`, while it and others go on."""
    fleet = Fleet(houses, rooms, held_back=0.0)
    past = readings_of(range(1), rooms=rooms, start=START - timedelta(days=days), minutes=days * 1_440)
    with fresh() as place, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "past.parquet"
        past.write_parquet(path)
        soaked = Soaked(houses, 0.0, place.limits)
        filled = Backfilled(soaked, len(past))
        queue = place.stage.readings_queue
        command = [sys.executable, "-m", "roomidity", "send", str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as sending:
            waiting: list[int] = []
            number = 0
            while sending.poll() is None or queue.depth() or waiting:
                place.send(fleet.tick(number))
                waiting.append(number)
                number += 1
                drained = place.drain(START + number * SLOT)
                soaked.add(drained)
                waiting = [tick for tick in waiting if not is_stored(place.stage, tick, houses)]
                filled.ticks_late = max([filled.ticks_late, *(number - tick for tick in waiting)])
                received = drained.answer["readings"]["received"]
                notes.print(
                    f"drain {number}: {received:,} readings, {drained.wall_s:.1f} s ({drained.cpu_s:.1f} s computing),"
                    f" {drained.peak_mb:.0f} MB, {queue.depth()} messages left"
                )
        if sending.returncode:
            raise RoomidityError(f"`roomidity send` ended with {sending.returncode}")
        place.send(fleet.rest())
        soaked.add(place.drain(START + number * SLOT))
        soaked.hours = number / 4
        soaked.compare([past, *fleet.sent], left=queue.depth())
    if filled.ticks_late:
        soaked.problems.append(f"live data were stored {filled.ticks_late} ticks late")
    return filled


def is_stored(stage: Stage, tick: int, houses: int) -> bool:
    """Whether all houses' live data of a tick are stored."""
    slot_ms = to_epoch_ms(START + tick * SLOT)
    return len(stage.observations.origins(SlotKey(f"house-{house}", slot_ms) for house in range(houses))) == houses


def table_of(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    names = ("houses", "hours", "drains", "messages/s", "readings/s", "CPU µs a reading", "computing", "peak MB")
    table = Table(*names, "p50 s", "max s", title=title)
    for column in table.columns:
        column.justify = "right"
    for row in rows:
        first, last = row["peak_mb_first_last"]
        table.add_row(
            *(f"{row['houses']:,}", f"{row['hours']:g}", f"{row['drains']:,}"),
            *(f"{row['messages_per_s']:,}", f"{row['readings_per_s']:,}", f"{row['cpu_us_per_reading']}"),
            *(f"{row['computing']:.0%}", f"{row['peak_mb']} ({first} → {last})"),
            *(f"{row['drain_p50_s']:.2f}", f"{row['drain_max_s']:.2f}"),
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--houses", nargs="+", type=int, metavar="N", help="default: 10 100 1000, and 10 for --backfill"
    )
    parser.add_argument(
        "--hours",
        nargs="+",
        type=float,
        metavar="H",
        help="one for all, or one for each; default: about three minutes each",
    )
    parser.add_argument("--rooms", type=int, default=8, metavar="N", help="of a house (default %(default)s)")
    parser.add_argument("--backfill", action="store_true", help="a year of one house beside live data")
    parser.add_argument("--days", type=int, default=365, metavar="N", help="of the backfill (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output; tables to the other")
    arguments = parser.parse_args()
    houses = arguments.houses or ([10] if arguments.backfill else [10, 100, 1000])
    hours = arguments.hours or [max(1.0, min(MOST_HOURS, HOUSE_HOURS / number)) for number in houses]
    hours = hours * len(houses) if len(hours) == 1 else hours
    if len(hours) != len(houses):
        parser.error(f"{len(houses)} numbers of houses and {len(hours)} of hours: one for each, or one")
    output = Output(as_json=arguments.json)
    try:
        if arguments.backfill:
            rows = [backfill(number, arguments.days, arguments.rooms).row() for number in houses]
        else:
            rows = [soak(*one, arguments.rooms).row() for one in zip(houses, hours, strict=True)]
    except RoomidityError as error:
        sys.exit(f"soak: {error}")
    output.tables.print(table_of("A past beside live data" if arguments.backfill else "Hours of live data", rows))
    output.tables.print(
        "computing: the share of the drains' time in which their process computes. The rest it waits for the emulator,"
        " one thread that answers call after call: that is the limit here. peak MB: of any drain (median of the first"
        " third → of the last). Forecasts were asked for, not made."
    )
    for row in rows:
        late = f", live data at most {row['ticks_late']} ticks late" if arguments.backfill else ""
        output.tables.print(
            f"{row['houses']:,} houses: {row['received']:,} readings received = {row['stored']:,} stored + "
            f"{row['duplicate']:,} duplicate + {row['rejected']:,} rejected{late}; "
            + ("; ".join(row["problems"]) or "every slot is what was sent")
        )
    output.answer({"soaked": rows})
    sys.exit(any(row["problems"] for row in rows))


if __name__ == "__main__":
    main()
