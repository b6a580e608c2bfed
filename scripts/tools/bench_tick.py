"""One tick of a large fleet, exact: time, memory and calls of its drain and of its forecasts.

    scripts/bench-tick [--houses N] [--rooms N] [--every MINUTES] [--forecasts N] [--json]

Every house sends one message with the readings of its 15 minutes, of temperature and humidity, from one sensor a room.
Messages come in no order; some come twice, and some readings stand in one twice. Then the function `drain` runs as
deployed, but without quotas of new houses, in a process of its own with its timeout, on the local engine, again for as
long as messages are left.

Ticks follow each other: `new`, in which all houses are unknown; three `on trial`, in which it is written down that they
were heard again; `live`, as nearly all are; `hourly`, in which it is written down when houses were last heard; and
`catch-up`, with three slots that all houses held back. In the end all sets are read back, and every value that was sent
must be in them once, and nothing else; of every slot the observations' counts, minima, maxima and means are compared
with a plain aggregation of what was sent; and each house must have been given a forecast job, at most one a drain.

Forecasts are made for N of the houses, by the function `forecast` in another process, ten houses a call. They have two
days of history, and the prior serves them, as it does before a first training; they are not advised. What all houses
take is that of one times their number.

Times on the wall are mostly the emulator's, which answers call by call in one thread; CPU and memory are those of the
function's process alone. Exit status 1 if anything is lost, counted wrongly, or left over.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from multiprocessing import get_context
from time import perf_counter, process_time, sleep
from typing import Any, Protocol

import numpy as np
import polars as pl
from rich.table import Table

from roomidity.cli.output import Output, notes
from roomidity.domain.houses import REAL_SLOTS
from roomidity.domain.messages import ForecastJob
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, SLOT_MS, SlotKey, format_slot, to_epoch_ms
from roomidity.errors import RoomidityError
from roomidity.local.functions import Context
from roomidity.pipeline.ports import Observations, Sets
from roomidity.readings import pack_readings, unpack_sets
from roomidity.readings.union import time_of, value_of
from scripts.tools import soak
from scripts.tools.memory import forget_peak, peak_mb
from scripts.tools.room_values import as_in_rooms
from scripts.tools.soak import MINUTES, START, Drained

TICKS = (
    ("new", 0, 1),
    *(("on trial", slot, 1) for slot in range(1, REAL_SLOTS)),
    ("live", REAL_SLOTS, 1),
    ("hourly", REAL_SLOTS + 4, 1),
    ("catch-up", REAL_SLOTS + 5, 3),
)
"""The first slot of each, counted from the start, and how many slots its messages are of."""

HISTORY = timedelta(days=2)
HISTORY_MINUTES = 15
"""Between readings: what a forecast reads grows with slots, not with the readings in them."""

SENT_AGAIN = 0.02
SAID_TWICE = 0.01
"""Shares: of messages that come twice, and of readings that stand twice in their message."""

JOBS_A_CALL = 10
HIDDEN_S = 600
"""How long what a drain received and left stays hidden from the next."""

VALUE = ("house", "room", "sensor", "at_ms", "quantity", "thousandths")


# The functions, each in its own process.


@cache
def calls_made() -> Counter[str]:
    """Returns the calls of AWS that this process makes from now on, by operation; it grows."""
    calls: Counter[str] = Counter()

    def note(**event: Any) -> None:
        calls[event["model"].name] += 1

    import_module("handlers.runtime").stage().clients.session.register("provide-client-params", note)
    return calls


def drain(at: datetime, timeout_s: float) -> tuple[Drained, Counter[str]]:
    """Call the drain as its schedule does. Returns what it took, and its calls."""
    calls = calls_made()
    calls.clear()
    return soak.drain(at, timeout_s), Counter(calls)


@dataclass
class Forecasted:
    """What forecasts took."""

    houses: int
    failed: int
    cpu_s: float
    wall_s: float
    peak_mb: float
    calls: Counter[str]


def forecast(bodies: Sequence[str]) -> Forecasted:
    """Call the forecast with jobs, as its event source mapping does. A first call, which is cold, does not count."""
    handler = import_module("handlers.forecast").handler
    records = [
        {"messageId": str(uuid.uuid4()), "receiptHandle": "", "body": body, "eventSource": "aws:sqs", "attributes": {}}
        for body in bodies
    ]
    batches = [records[start : start + JOBS_A_CALL] for start in range(0, len(records), JOBS_A_CALL)]
    calls = calls_made()
    failed = 0
    with redirect_stdout(io.StringIO()):  # metrics
        handler({"Records": batches[0]}, Context("forecast"))
        calls.clear()
        forget_peak()
        wall, cpu = perf_counter(), process_time()
        for batch in batches:
            failed += len(handler({"Records": batch}, Context("forecast"))["batchItemFailures"])
    return Forecasted(
        len(records), failed, process_time() - cpu, perf_counter() - wall, peak_mb(), Counter(calls)
    )  # fmt: skip


# Where they run.


class Place(Protocol):
    """A stage: what is sent to it, the function that drains it, and what is stored."""

    @property
    def sets(self) -> Sets:
        """The table of sets."""

    @property
    def observations(self) -> Observations:
        """The table of observations."""

    @property
    def timeout_s(self) -> float:
        """What the drain has."""

    def send(self, bodies: Sequence[str]) -> None:
        """Send bodies to the queue of readings."""

    def drain(self, at: datetime) -> tuple[Drained, Counter[str]]:
        """Run the drain."""

    def take_jobs(self) -> list[str]:
        """Returns the forecast jobs, which are then gone."""


class OnEngine:
    """A stage on a fresh local engine."""

    def __init__(self, place: soak.Place, timeout_s: float, forecaster: Executor) -> None:
        self._place, self._forecaster = place, forecaster
        self.timeout_s = timeout_s
        self.sets, self.observations = place.stage.sets, place.stage.observations

    def send(self, bodies: Sequence[str]) -> None:
        self._place.send(bodies)

    def drain(self, at: datetime) -> tuple[Drained, Counter[str]]:
        return self._place.beside.submit(drain, at, self.timeout_s).result()

    def take_jobs(self) -> list[str]:
        queue = self._place.stage.forecast_jobs
        bodies: list[str] = []
        while messages := queue.receive():
            bodies += [message.body for message in messages]
            queue.delete(messages)
        return bodies

    def forecast(self, bodies: Sequence[str]) -> Forecasted:
        return self._forecaster.submit(forecast, bodies).result()


@contextmanager
def on_engine(*, batch_insert: str, timeout_s: float | None) -> Iterator[OnEngine]:
    with soak.fresh() as place, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as forecaster:
        os.environ["ROOMIDITY_BATCH_INSERT"] = batch_insert  # before the functions' processes start
        os.environ["ROOMIDITY_ADVICE"] = "off"  # as deployed where nobody has turned it on
        yield OnEngine(place, timeout_s or place.limits.timeout_s, forecaster)


# The fleet.


def sent_of(readings: pl.DataFrame, *, seed: int) -> list[str]:
    """The messages of readings: one a house, in no order, with some twice and some readings twice in them."""
    twice = pl.concat([readings, readings.sample(fraction=SAID_TWICE, seed=seed)])
    bodies = list(pack_readings(twice.sample(fraction=1, shuffle=True, seed=seed)))
    rng = np.random.default_rng(seed)
    again = rng.choice(len(bodies), round(SENT_AGAIN * len(bodies)), replace=False)
    bodies += [bodies[number] for number in again]
    rng.shuffle(bodies)
    return bodies


def readings_of(houses: int, *, rooms: int, start: datetime, minutes: int, every: int) -> pl.DataFrame:
    """A reading a room in every so many minutes."""
    at = soak.readings_of(range(houses), rooms=rooms, start=start, minutes=minutes)
    at = at.filter(pl.col("ts").dt.minute() % every == 0)
    return as_in_rooms(at, np.random.default_rng(to_epoch_ms(start) // SLOT_MS))


@dataclass
class Tick:
    """What a tick took. ``left`` are the houses whose readings its first drain left to a later one."""

    name: str
    houses: int
    timeout_s: float
    sent: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    drains: int = 0
    left: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """What is reported."""
        calls = sum(self.calls.values())
        return asdict(self) | {
            "counts": dict(self.counts),
            "calls": dict(self.calls.most_common()),
            "cpu_ms_a_house": round(1_000 * self.cpu_s / self.houses, 3),
            "calls_a_house": round(calls / self.houses, 3),
            **{name: round(getattr(self, name), 2) for name in ("cpu_s", "wall_s", "peak_mb")},
        }


def take(place: Place, name: str, readings: pl.DataFrame, at: datetime, *, seed: int = 0) -> Tick:
    """Send readings, and drain at ``at`` until none is left."""
    bodies = sent_of(readings, seed=seed)
    place.send(bodies)
    keys = {
        SlotKey(house, to_epoch_ms(slot))
        for house, slot in readings.select("house", pl.col("ts").dt.truncate("15m")).unique().iter_rows()
    }
    houses = {key.house for key in keys}
    tick = Tick(name, len(houses), place.timeout_s, sent=len(readings))
    patience = perf_counter() + HIDDEN_S + place.timeout_s
    while (done := tick.counts["messages"] - tick.counts["undeleted"]) < len(bodies) and perf_counter() < patience:
        drained, calls = place.drain(at)
        answer = drained.answer
        if tick.drains and not answer["messages"]:
            notes.print(f"{name}: {len(bodies) - done} messages are hidden for now; waiting")
            sleep(10)
            continue
        tick.drains += 1
        tick.counts.update(answer["readings"])
        tick.counts.update({of: answer[of] for of in ("messages", "undeleted", "violations", "slots_changed")})
        tick.cpu_s += drained.cpu_s
        tick.wall_s += drained.wall_s
        tick.peak_mb = max(tick.peak_mb, drained.peak_mb)
        tick.calls += calls
        if tick.drains == 1:
            tick.left = len({key.house for key in keys - place.observations.origins(keys).keys()})
    asked = Counter(ForecastJob.from_body(body).house for body in place.take_jobs())
    if max(asked.values(), default=0) > tick.drains or not houses <= asked.keys():
        tick.problems.append(
            f"{asked.total()} forecasts were asked for in {tick.drains} drains of {len(houses)} houses"
        )
    if done < len(bodies) or tick.counts["rejected"] or tick.counts["violations"]:
        tick.problems.append(f"of {len(bodies)} messages {done} were drained: {dict(tick.counts)}")
    if tick.counts["stored"] != len(readings):
        tick.problems.append(f"{tick.counts['stored']} readings were stored; {len(readings)} different ones were sent")
    return tick


# What is stored, beside what was sent.


def values_of(readings: pl.DataFrame) -> pl.DataFrame:
    """Every value of readings (columns VALUE)."""
    return (
        readings.unpivot(on=QUANTITIES, index=["house", "room", "sensor", "ts"], variable_name="quantity")
        .with_columns(
            at_ms=pl.col("ts").dt.epoch("ms"),
            thousandths=(pl.col("value") * 1_000).round().cast(pl.Int64),
        )
        .select(VALUE)
    )


def stored_values(sets: Sets, keys: Iterable[SlotKey]) -> pl.DataFrame:
    """Every value in the sets of slots (columns VALUE)."""
    unpacked = unpack_sets({key: held.packed for key, held in sets.get_many(keys).items()})
    names = pl.Series(QUANTITIES)
    return unpacked.values.select(
        "house",
        "room",
        "sensor",
        (pl.col("slot") + time_of("rank")).alias("at_ms"),
        pl.lit(names).gather(pl.col("quantity")).alias("quantity"),
        value_of("rank").alias("thousandths"),
    )


def stored_statistics(
    observations: Observations, houses: Iterable[str], start: datetime, end: datetime
) -> pl.DataFrame:
    """Every observation between two times (columns soak.FOUND)."""
    rows = [
        (house, format_slot(key.start), room, quantity, *(getattr(of, name) for name in soak.STATISTICS))
        for house in houses
        for key, rooms, _ in observations.derived(house, start, end)
        for room, quantities in rooms.items()
        for quantity, of in quantities.items()
    ]
    return pl.DataFrame(rows, schema=soak.FOUND, orient="row")


def wrong_values(sent: pl.DataFrame, stored: pl.DataFrame) -> tuple[int, int]:
    """How many values were sent and are not stored once, and how many are stored and were not sent."""
    counted = stored.group_by(VALUE).len()
    once = counted.filter(pl.col("len") == 1)
    return len(sent.join(once, on=VALUE, how="anti")), len(counted.join(sent, on=VALUE, how="anti"))


def compare(place: Place, readings: pl.DataFrame) -> list[str]:
    """What is not stored as it was sent."""
    problems = []
    sent = values_of(readings)
    slots = readings.select("house", pl.col("ts").dt.truncate("15m").alias("slot")).unique()
    stored = stored_values(place.sets, [SlotKey(house, to_epoch_ms(slot)) for house, slot in slots.iter_rows()])
    missing, more = wrong_values(sent, stored)
    if missing or more:
        problems.append(f"of {len(sent):,} values {missing:,} are not stored once, and {more:,} are that were not sent")
    times = slots["slot"].unique().sort().to_list()
    houses = slots["house"].unique().to_list()
    found = stored_statistics(place.observations, houses, times[0], times[-1] + SLOT)
    statistics, wrong = soak.differing([readings], found)
    if wrong:
        problems.append(f"{wrong:,} of {statistics:,} statistics of slots are not those of what was sent")
    return problems


# The benchmark.


def bench(arguments: argparse.Namespace) -> dict[str, Any]:
    houses, rooms, known = arguments.houses, arguments.rooms, min(arguments.forecasts, arguments.houses)
    sent: list[pl.DataFrame] = []
    ticks: list[Tick] = []
    with on_engine(batch_insert=arguments.batch_insert, timeout_s=arguments.timeout) as place:
        if known:
            notes.print(f"history: {HISTORY.days} days of {known} houses")
            past = START - HISTORY
            minutes = round(HISTORY.total_seconds() / 60)
            sent.append(readings_of(known, rooms=rooms, start=past, minutes=minutes, every=HISTORY_MINUTES))
            history = take(place, "history", sent[-1], START - SLOT)
            if history.problems:
                raise RoomidityError(f"the history of {known} houses: {'; '.join(history.problems)}")
        for number, (name, first, slots) in enumerate(TICKS):
            start, end = START + first * SLOT, START + (first + slots) * SLOT
            sent.append(readings_of(houses, rooms=rooms, start=start, minutes=slots * MINUTES, every=arguments.every))
            notes.print(f"tick {name}: {len(sent[-1]):,} readings of {houses:,} houses")
            ticks.append(take(place, name, sent[-1], end, seed=number + 1))
        answer: dict[str, Any] = {"houses": houses, "rooms": rooms, "ticks": [tick.row() for tick in ticks]}
        if known:
            notes.print(f"forecasts: {known} houses")
            jobs = [ForecastJob(f"house-{number}", end).to_body() for number in range(known)]
            answer["forecast"] = forecast_row(place.forecast(jobs), houses)
        notes.print("comparing what is stored with what was sent")
        answer["problems"] = [*(f"{tick.name}: {one}" for tick in ticks for one in tick.problems)]
        answer["problems"] += compare(place, pl.concat(sent))
    if known and answer["forecast"]["failed"]:
        answer["problems"].append(f"{answer['forecast']['failed']} of {known} forecasts failed")
    return answer


def forecast_row(taken: Forecasted, houses: int) -> dict[str, Any]:
    return {
        "houses": taken.houses,
        "failed": taken.failed,
        "cpu_ms_a_house": round(1_000 * taken.cpu_s / taken.houses, 2),
        "wall_ms_a_house": round(1_000 * taken.wall_s / taken.houses, 2),
        "cpu_s_of_all": round(taken.cpu_s * houses / taken.houses, 1),
        "peak_mb": round(taken.peak_mb, 1),
        "calls_a_house": round(sum(taken.calls.values()) / taken.houses, 3),
        "calls": dict(taken.calls.most_common()),
    }


def table_of(answer: dict[str, Any]) -> Table:
    names = ("readings", "drains", "houses left", "wall s", "CPU s", "CPU ms a house", "peak MB", "calls a house")
    title = f"{answer['houses']:,} houses of {answer['rooms']} rooms"
    table = Table("tick", *names, title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in answer["ticks"]:
        table.add_row(
            *(row["name"], f"{row['sent']:,}", str(row["drains"]), f"{row['left']:,}", f"{row['wall_s']:.1f}"),
            *(f"{row['cpu_s']:.2f}", f"{row['cpu_ms_a_house']:.2f}", f"{row['peak_mb']:.0f}"),
            f"{row['calls_a_house']:.2f}",
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench-tick", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--houses", type=int, default=2_000, metavar="N", help="of the fleet (default %(default)s)")
    parser.add_argument("--rooms", type=int, default=8, metavar="N", help="of a house (default %(default)s)")
    parser.add_argument(
        "--every", type=int, default=1, choices=(1, 3, 5, 15), metavar="MINUTES",
        help="between a sensor's readings: 1, 3, 5 or 15 (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--forecasts", type=int, default=40, metavar="N", help="houses that are forecast; 0: none (default %(default)s)"
    )
    parser.add_argument(
        "--batch-insert", choices=("on", "off"), default="on", help="the parameter batchInsert (default %(default)s)"
    )
    parser.add_argument("--timeout", type=float, metavar="S", help="of the drain (default: that in serverless.yml)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output; tables to the other")
    arguments = parser.parse_args()
    if arguments.houses < 1 or arguments.rooms < 1 or arguments.forecasts < 0:
        parser.error("expected at least one house and one room, and not fewer than no forecasts")
    output = Output(as_json=arguments.json)
    try:
        answer = bench(arguments)
    except RoomidityError as error:
        sys.exit(f"bench-tick: {error}")
    output.tables.print(table_of(answer))
    if found := answer.get("forecast"):
        output.tables.print(
            f"forecasts, measured on {found['houses']:,} houses: {found['cpu_ms_a_house']} ms of CPU and "
            f"{found['calls_a_house']} calls a house, peak {found['peak_mb']:.0f} MB; of all {answer['houses']:,} "
            f"houses {found['cpu_s_of_all']} s of CPU"
        )
    output.tables.print(
        "; ".join(answer["problems"]) or "every value that was sent is stored once, every statistic agrees"
    )
    output.answer(answer)
    sys.exit(bool(answer["problems"]))


if __name__ == "__main__":
    main()
