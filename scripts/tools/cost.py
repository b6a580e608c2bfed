"""What a room costs a month on AWS, from what the functions were seen to do.

    scripts/cost [--region us-east-1|eu-central-1] [--days N] [--measured FILE] [--json]

The functions run as deployed on the local engine, for houses of 8 rooms, and every call is counted: DynamoDB's write
and read units from the items' sizes, requests to queues and bucket, lines of log, what is stored. A function's
seconds are this machine's CPU time, less what the counting takes, and 5 ms for each call, for the engine's own time is
not AWS's. One house has N days of history, is trained, and then lives four days, of which the last counts, with its
night; 10 and 20 houses have two days of history and live an hour; there are no quotas. From these follow the units of
1, 100 and 10,000 houses. It takes some five minutes; --measured keeps what was measured in FILE, and reads it there the
next time, to price it anew. Prices stand in this script, with their date.

Stored is what is kept in the end: 400 days of readings and observations, 35 of forecasts, and that is what the bill is
made for, although a new house begins with none. A training reads all 400 days: its reads are those measured, times
400/N, and its time grows by less, as was measured. Where a fleet's models and states take more than a function keeps in
memory, those that are not kept are read from the bucket at each forecast. A tick is taken to meet cold functions. What
the sender pays to put readings into the queue is shown apart. So is what window contacts cost a house with some (one a
room, reporting every hour), and the weather ahead from a provider, which is off by default: it is asked on loopback,
and how long one takes to answer is taken to be ANSWER_S.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from math import ceil
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import boto3
import msgspec
import polars as pl
from rich.table import Table

from roomidity.aws.clients import Clients
from roomidity.aws.queues import Queue
from roomidity.aws.registry.cache import held_bytes
from roomidity.aws.registry.objects import MODEL_BYTES, STATE_BYTES
from roomidity.cli.output import Output, notes
from roomidity.domain.houses import OUTDOOR
from roomidity.domain.position import Position
from roomidity.domain.slots import SLOT, format_moment, format_slot
from roomidity.errors import RoomidityError
from roomidity.local.engine import running
from roomidity.local.functions import Context
from roomidity.local.simulation import DEMO_KIND, HouseKind, RoomKind, Use, simulate_house
from roomidity.local.stack import resolved
from roomidity.local.units import Item, Meter, item_bytes
from roomidity.pipeline.changing import change_house
from roomidity.pipeline.house_settings import with_position
from roomidity.readings import pack_readings
from roomidity.settings import WITHOUT_QUOTAS
from tests.provider import answer_of, answering

ROOT = Path(__file__).resolve().parents[2]

# ---- Prices.


@dataclass(frozen=True)
class Price:
    """USD of one; ``free``: how many are free each month, for the whole account and for ever."""

    usd: float
    free: float = 0.0


PRICES_READ = "2025-10"
PRICES: dict[str, dict[str, Price]] = {
    "us-east-1": {
        "write units": Price(0.625e-6),  # on demand, table class Standard
        "read units": Price(0.125e-6),
        "table GB": Price(0.25, free=25),
        "table GB, 35 days back": Price(0.20),  # point-in-time recovery
        "queue requests": Price(0.40e-6, free=1_000_000),
        "function requests": Price(0.20e-6, free=1_000_000),
        "GB-seconds": Price(16.6667e-6, free=400_000),  # x86_64
        "arm64 GB-seconds": Price(13.3334e-6, free=400_000),
        "bucket writes": Price(5e-6),
        "bucket reads": Price(0.4e-6),
        "bucket GB": Price(0.023),
        "log GB": Price(0.50, free=5),
        "log GB kept": Price(0.03),
        "metrics": Price(0.30, free=10),
        "alarms": Price(0.10, free=10),
        "dashboards": Price(3.00, free=3),
        "traces": Price(5e-6, free=100_000),
        "image GB": Price(0.10),
        "key requests": Price(3e-6, free=20_000),
        "IoT messages": Price(1.00e-6),  # published to AWS IoT, each 5 kB one
        "IoT rules": Price(0.30e-6),  # one triggered and its one action
    },
}
PRICES["eu-central-1"] = PRICES["us-east-1"] | {
    "write units": Price(0.7625e-6),
    "read units": Price(0.1525e-6),
    "table GB": Price(0.306, free=25),
    "table GB, 35 days back": Price(0.2448),
    "bucket writes": Price(5.4e-6),
    "bucket reads": Price(0.43e-6),
    "bucket GB": Price(0.0245),
    "log GB": Price(0.63, free=5),
    "log GB kept": Price(0.0324),
    "IoT messages": Price(1.20e-6),
    "IoT rules": Price(0.36e-6),
}
"""AWS's list prices as they were in PRICES_READ, without tax. Look them up again before you rely on them."""

AIMS_USD = {100: 0.0075, 10_000: 0.0105}
"""A room-month, all in as billed, by houses."""

# ---- What is not measured here.

FLEETS = (1, 100, 10_000)
TRAINING_GROWTH = 0.76
"""Exponent of days in a training's time: 400 took 7.5 times as long as 28."""
DAYS = 365.25 / 12
TICKS = 96 * DAYS
HOUR = timedelta(hours=1)
TRAININGS = DAYS / 7
POLLS = 5 * 3 * 60 * 24 * DAYS
"""Of an empty queue by an event source mapping: five long polls of 20 s, all month."""

INVOCATION_LOG_BYTES = 400
"""START, END and REPORT of the platform."""
EVENT_LOG_BYTES = 26
"""What CloudWatch adds to a line."""
ITEM_STORED_BYTES = 100
"""What DynamoDB adds to an item it keeps."""

CALL_S = 0.005
"""What a call of DynamoDB, SQS or S3 takes within a region."""

IMAGE_GB = 0.18
"""An image as it is kept in ECR, compressed."""
STATE_VERSIONS = 33
"""Of a model's state in the bucket: a new one a night, replaced ones are kept 30 days by the bucket's rule."""
MODEL_VERSIONS = 3 + 30 / 7
"""The champion and two before it; what is pruned is kept 30 days as well."""

ADVICE_KEPT = 35 * 40
"""Of a house that is advised: 35 days of one an hour, and one where something changes."""

FETCHES = 8 * DAYS
"""Of the weather ahead where it is on, by weatherSchedule."""
ANSWER_S = 1.0
"""That a provider takes to answer; a function is billed while it waits."""
NOTICES_KEPT = 1 + 90 * 2
"""Of a house: two a day, for 90 days, and what they go on from."""

STAGE = "cost"
LIVE_DAYS = 4
"""So that the last night finds three complete days of forecasts to score, as every later one."""
HOUSES = (10, 20)
"""Messages are received and jobs sent by tens, so that from ten houses on units grow evenly."""

END = datetime(2026, 3, 15, tzinfo=UTC)
KIND = replace(
    DEMO_KIND,
    rooms=(
        *DEMO_KIND.rooms,
        RoomKind(name="laundry_room", use=Use.LAUNDRY, volume_m3=22),
        RoomKind(name="guest_room", use=Use.BEDROOM, volume_m3=30),
    ),
)
ROOMS = sum(room.sensors > 0 for room in KIND.rooms)


# ---- Running the functions, counting.


@dataclass
class Seen:
    """What was seen of some calls of a function: how often, how long, lines and bytes of log, units."""

    calls: float = 0
    seconds: float = 0.0
    log_bytes: float = 0
    units: dict[str, float] = field(default_factory=dict)
    metrics: set[str] = field(default_factory=set)

    def times(self, factor: float) -> Seen:
        """As much of it."""
        units = {name: count * factor for name, count in self.units.items()}
        return Seen(self.calls * factor, self.seconds * factor, self.log_bytes * factor, units, self.metrics)

    def __add__(self, other: Seen) -> Seen:
        names = self.units.keys() | other.units.keys()
        return Seen(
            self.calls + other.calls,
            self.seconds + other.seconds,
            self.log_bytes + other.log_bytes,
            {name: self.units.get(name, 0) + other.units.get(name, 0) for name in names},
            self.metrics | other.metrics,
        )


Work = dict[str, Seen]
"""By function; ``queue`` is what the event source mappings call."""


class CostedStage:
    """The functions of a stage on an engine, and a meter on every call that they make."""

    def __init__(self, environment: Mapping[str, str], *, advises: bool) -> None:
        os.environ.update({**environment, **WITHOUT_QUOTAS})  # it fills in a year at once
        os.environ["ROOMIDITY_ADVICE"] = "on" if advises else "off"
        os.environ["POWERTOOLS_LOG_LEVEL"] = "INFO"  # as deployed
        self._log = io.StringIO()
        with redirect_stderr(self._log):  # the logger writes to what is standard error when it is made
            runtime = import_module("handlers.runtime")
        self._plain: Any = boto3.client("dynamodb")
        self.adapters = runtime.stage()
        clients: Clients = self.adapters.clients
        self._meter = Meter(clients.session, stored=self._stored)

    def _stored(self, table: str, key: Item) -> Item:
        return dict(self._plain.get_item(TableName=table, Key=key).get("Item", {}))

    def send(self, readings: pl.DataFrame) -> int:
        bodies = list(pack_readings(readings))
        self.adapters.readings_queue.send(bodies)
        self._meter.take()  # the sender's
        return len(bodies)

    def tick(self, at: datetime, work: Work, *, forecasts: bool = True) -> None:
        """Drain, and forecast what it asks for."""
        answer = self._call("drain", {"source": "aws.events", "time": format_moment(at), "detail": {}}, work)
        if forecasts:
            self._work_off("forecast", self.adapters.forecast_jobs, answer["forecast_jobs"], work)

    def night(self, at: datetime, work: Work) -> None:
        """Verify, and train what it asks for, as another kind of work."""
        answer = self._call("verify", {"source": "aws.events", "time": format_moment(at), "detail": {}}, work)
        self._work_off("train", self.adapters.training_jobs, sum(answer["trainings_asked"].values()), work)

    def fetch(self, at: datetime, work: Work) -> int:
        """Ask for the weather ahead. Returns of how many places there was one."""
        event = {"source": "aws.events", "time": format_moment(at), "detail": {}}
        return int(self._call("weather", event, work)["stored"])

    def train(self, house: str, at: datetime, work: Work) -> None:
        job = {"house": house, "reason": "cost", "now": format_slot(at)}
        self.adapters.training_jobs.send([json.dumps(job)])
        self._meter.take()
        self._work_off("train", self.adapters.training_jobs, 1, work)

    def _work_off(self, name: str, queue: Queue, jobs: int, work: Work) -> None:
        """Do what the event source mapping does: receive up to ten, call, delete."""
        size = 1 if name == "train" else 10
        while jobs > 0:
            messages = queue.receive()
            for first in range(0, len(messages), size):
                batch = messages[first : first + size]
                self._take("queue", work)
                records = [
                    {"messageId": one.id, "receiptHandle": one.handle, "body": one.body, "eventSource": "aws:sqs"}
                    | {"attributes": {"SentTimestamp": str(one.sent_ms)}, "messageAttributes": {}, "awsRegion": "local"}
                    for one in batch
                ]
                answer = self._call(name, {"Records": records}, work)
                if answer["batchItemFailures"]:
                    raise RoomidityError(f"the function {name} failed: {self._log.getvalue()[-2000:]}")
                queue.delete(batch)
                self._take("queue", work)
            jobs -= len(messages)

    def _call(self, name: str, event: Mapping[str, Any], work: Work) -> dict[str, Any]:
        with redirect_stderr(self._log):
            handler = import_module(f"handlers.{name}").handler
        self._meter.take()
        self._log.seek(0)
        self._log.truncate()
        metrics = io.StringIO()
        self._meter.take_cpu_s()
        begin = process_time()
        with redirect_stdout(metrics):
            answer: dict[str, Any] = handler(event, Context(function_name=name))
        seen = Seen(calls=1, seconds=process_time() - begin - self._meter.take_cpu_s())
        lines = [*self._log.getvalue().splitlines(), *metrics.getvalue().splitlines()]
        seen.log_bytes = INVOCATION_LOG_BYTES + sum(len(line.encode()) + EVENT_LOG_BYTES for line in lines)
        for line in metrics.getvalue().splitlines():
            directives = json.loads(line)["_aws"]["CloudWatchMetrics"]
            seen.metrics |= {metric["Name"] for directive in directives for metric in directive["Metrics"]}
        seen.units = self._units()
        seen.seconds += CALL_S * sum(count for unit, count in seen.units.items() if unit.startswith("calls "))
        work[name] = work.get(name, Seen()) + seen
        return answer

    def _take(self, name: str, work: Work) -> None:
        work[name] = work.get(name, Seen()) + Seen(units=self._units())

    def _units(self) -> dict[str, float]:
        return {f"{what} {where}": count for (what, where), count in self._meter.take().items()}

    # What is kept.

    def stored(self) -> dict[str, tuple[int, float]]:
        """Of each table: how many items, and the mean size of one as it is kept."""
        prefix = self.adapters.settings.prefix
        found = {}
        for table in (
            "houses",
            "readings",
            "observations",
            "forecasts",
            "models",
            "accuracy",
            "settings",
            "notices",
            "weather",
            "advice",
        ):
            pages = self._plain.get_paginator("scan").paginate(TableName=f"{prefix}-{table}")
            sizes = [item_bytes(item) + ITEM_STORED_BYTES for page in pages for item in page["Items"]]
            found[table] = len(sizes), sum(sizes) / max(1, len(sizes))
        return found

    def objects(self) -> dict[str, float]:
        """Mean bytes of a model, and of a state."""
        sizes: dict[str, list[int]] = {"model": [], "state": []}
        client: Any = boto3.client("s3")
        for entry in client.list_objects_v2(Bucket=self.adapters.bucket.name, Prefix="models/").get("Contents", []):
            sizes["state" if "/state-" in entry["Key"] else "model"].append(entry["Size"])
        return {name: sum(of) / max(1, len(of)) for name, of in sizes.items()}

    def held(self, house: str) -> dict[str, float]:
        """Bytes that a function keeps in memory of a house's model and state."""
        registry = self.adapters.registry
        champion = registry.load(house, registry.succession(house)[0])
        return {"model": held_bytes(champion.model), "state": held_bytes(champion.state)}


@dataclass
class Measured:
    """Work of a tick by number of houses, of a house's night, of a training; what is kept of a house, and in memory."""

    ticks: dict[int, Work] = field(default_factory=dict)
    night: Work = field(default_factory=dict)
    training: Work = field(default_factory=dict)
    stored: dict[str, tuple[int, float]] = field(default_factory=dict)
    objects: dict[str, float] = field(default_factory=dict)
    held: dict[str, float] = field(default_factory=dict)
    cold_s: dict[str, float] = field(default_factory=dict)
    readings_a_slot: float = 0.0
    no_place: Work = field(default_factory=dict)
    """A fetch of the weather ahead where no house has a position."""
    place: Work = field(default_factory=dict)
    """The same of one."""
    no_contacts: Work = field(default_factory=dict)
    """An hour of one house, after its last day."""
    contacts: Work = field(default_factory=dict)
    """The next, in which a window contact of each room reports."""


def measure(days: int, folder: Path, *, advises: bool) -> Measured:
    """Run it all."""
    found = Measured()
    readings = simulated(days, KIND)
    found.readings_a_slot = len(readings) / (days * 96)
    with running(ROOT, folder / "engine", stage=STAGE) as engine, answering(answer_of(END)) as (url, _):
        stage = CostedStage({**engine.environment, "ROOMIDITY_WEATHER_URL": url}, advises=advises)
        live(stage, readings, days, found)
        for number, houses in enumerate(HOUSES):
            hour_of_many(stage, readings, houses, first=sum(HOUSES[:number]), found=found)
        found.cold_s = {name: cold_start(name) for name in ("drain", "forecast")}
    return found


def simulated(days: int, kind: HouseKind) -> pl.DataFrame:
    notes.print(f"simulating {days} days of a house of {ROOMS} rooms")
    start = END - timedelta(days=days)
    return simulate_house(seed=1, start=start, days=days, house="alone", kind=kind).readings


def live(stage: CostedStage, readings: pl.DataFrame, days: int, found: Measured) -> None:
    """One house: its past, a training, three days; the last counts."""
    begin = END - timedelta(days=LIVE_DAYS)
    notes.print(f"one house: {days - LIVE_DAYS} days of history, a training, then {LIVE_DAYS} days tick by tick")
    stage.send(readings.filter(pl.col("ts") < begin))
    stage.tick(begin, {}, forecasts=False)
    stage.adapters.forecast_jobs.delete(stage.adapters.forecast_jobs.receive())
    stage.train("alone", begin, found.training)
    by_slot = {key[0]: part for key, part in slots_of(readings.filter(pl.col("ts") >= begin)).items()}
    at = begin
    last_day: Work = {}
    while at < END:
        work: Work = {} if at < END - timedelta(days=1) else last_day
        if at in by_slot:
            stage.send(by_slot[at])
        at += SLOT
        stage.tick(at, work)
        if at.hour == at.minute == 0:
            found.night = {}
            stage.night(at, found.night)
    found.night.pop("train", None)  # counted weekly
    found.ticks[1] = {name: seen.times(1 / 96) for name, seen in last_day.items()}
    fetch_weather(stage, "alone", found)
    found.stored, found.objects, found.held = stage.stored(), stage.objects(), stage.held("alone")
    hear_contacts(stage, readings, found)


def hear_contacts(stage: CostedStage, readings: pl.DataFrame, found: Measured) -> None:
    """Hours like the last; from the second on the window contact of each room reports, and the third counts."""
    slots = sorted(slots_of(readings.filter(pl.col("ts") >= END - HOUR)).items())
    rooms = sorted(set(readings["room"]) - {OUTDOOR})
    for hours, work in ((1, found.no_contacts), (2, {}), (3, found.contacts)):
        for number, ((at,), part) in enumerate(slots):
            start = at + hours * HOUR
            heard = pl.DataFrame(
                {"room": rooms[number :: len(slots)] if hours > 1 else []}, schema={"room": pl.String}
            ).with_columns(
                house=pl.lit("alone"),
                sensor=pl.lit("window"),
                ts=pl.lit(start, part["ts"].dtype),
                contact=pl.lit("closed"),
            )
            stage.send(pl.concat([part.with_columns(pl.col("ts") + hours * HOUR), heard], how="diagonal"))
            stage.tick(start + SLOT, work)
    queries = [
        sum(seen.units.get("calls Query", 0.0) for seen in work.values())
        for work in (found.no_contacts, found.contacts)
    ]
    if queries[1] <= queries[0]:
        raise RoomidityError("a house's contacts were not asked for: the units are not those of one that has some")


def fetch_weather(stage: CostedStage, house: str, found: Measured) -> None:
    """Where no house has a position, then where one has."""
    stage.fetch(END, {})  # the first connects
    stage.fetch(END, found.no_place)
    here = Position(52.5, 13.4)
    change_house(stage.adapters.houses, stage.adapters.backoff, house, lambda home: with_position(home, here))
    if stage.fetch(END, found.place) != 1:
        raise RoomidityError("the weather ahead of a house's place was not stored: its units are not those of one")


def slots_of(readings: pl.DataFrame) -> dict[Any, pl.DataFrame]:
    slotted = readings.with_columns(pl.col("ts").dt.truncate("15m").alias("slot"))
    return slotted.partition_by("slot", as_dict=True, include_key=False)


def hour_of_many(stage: CostedStage, readings: pl.DataFrame, houses: int, *, first: int, found: Measured) -> None:
    """Houses of two days; then an hour of ticks. Weeks after the others, who are no longer active then."""
    notes.print(f"{houses} houses: two days of history, then an hour tick by tick")
    later = timedelta(days=20 * (1 + (first > 0)))
    moved = readings.with_columns(pl.col("ts") + later)
    end = END + later
    begin = end - timedelta(hours=1)
    chosen = moved.filter(pl.col("ts") >= end - timedelta(hours=50))
    names = [f"house-{first + number}" for number in range(houses)]
    past = chosen.filter(pl.col("ts") < begin)
    for name in names:
        stage.send(past.with_columns(house=pl.lit(name)))
    stage.tick(begin, {}, forecasts=False)
    jobs = stage.adapters.forecast_jobs
    while messages := jobs.receive():
        jobs.delete(messages)
    by_slot = slots_of(chosen.filter(pl.col("ts") >= begin))
    work: Work = {}
    for (at,), part in sorted(by_slot.items()):
        for name in names:
            stage.send(part.with_columns(house=pl.lit(name)))
        stage.tick(at + SLOT, work)
    found.ticks[houses] = {name: seen.times(1 / len(by_slot)) for name, seen in work.items()}


def cold_start(name: str) -> float:
    """Seconds of CPU until a handler is imported by a new process: what Lambda bills as init."""
    timed = f"import handlers.{name}, time; print(time.process_time())"
    runs = [
        subprocess.run([sys.executable, "-c", timed], cwd=ROOT, check=True, capture_output=True, text=True)
        for _ in range(5)
    ]
    return median(float(run.stdout) for run in runs)


# ---- From work to a bill.

Bill = dict[str, Counter[str]]
"""By line of the bill: how many of what is priced, a month."""


def bill_of(houses: int, measured: Measured, stack: Mapping[str, Any], *, young: bool = False) -> Bill:
    """What a month of some houses takes; ``young``: the first month, in whose middle half of its own is kept."""
    tick = tick_of(houses, measured)
    functions = stack["functions"]
    memory = {name: float(function["memorySize"]) / 1024 for name, function in functions.items()}
    history = 400 / (measured.stored["observations"][0] / 96)
    training = {name: seen.times(history if name == "train" else 1) for name, seen in measured.training.items()}
    training["train"].seconds *= history ** (TRAINING_GROWTH - 1)
    bill: Bill = {}

    def add(line: str, what: str, count: float) -> None:
        bill.setdefault(line, Counter())[what] += count  # type: ignore[assignment]

    monthly: list[tuple[str, Seen]] = [(name, seen.times(TICKS)) for name, seen in tick.items()]
    monthly += [(name, seen.times(DAYS * houses)) for name, seen in measured.night.items()]
    monthly += [(name, seen.times(TRAININGS * houses)) for name, seen in training.items()]
    lines = {"forecasts": "writing forecasts", "readings": "writing slots", "observations": "writing slots"}
    lines |= {"houses": "writing houses", "advice": "writing advice"}
    for name, seen in monthly:
        for name_of, count in seen.units.items():
            what, where = name_of.split()
            if what == "write_units":
                add(lines.get(where, "writing models, accuracy"), "write units", count)
            elif what == "read_units":
                add("reading tables", "read units", count)
            elif what == "sqs_requests":
                add("queues", "queue requests", count)
            elif what in {"s3_writes", "s3_reads"}:
                add("bucket", "bucket writes" if what == "s3_writes" else "bucket reads", count)
        if name in memory:
            add(f"function {name}", "GB-seconds", seen.seconds * memory[name])
            calls = seen.calls if name != "verify" else DAYS * calls_a_night(houses, stack)
            add(f"function {name}", "function requests", calls)
            add("logs", "log GB", seen.log_bytes / 1e9)
            add("traces", "traces", min(calls, 0.05 * calls + TICKS))  # one a second, and 5 % of the others
    keep = float(stack["provider"]["logRetentionInDays"]) / DAYS
    add("logs", "log GB kept", bill["logs"]["log GB"] * keep)

    kept: dict[str, float] = {
        "readings": 400 * 96,
        "observations": 400 * 96,
        "forecasts": 35 * 96 * ROOMS,
        "accuracy": 400 * ROOMS,
    }
    kept |= {
        "houses": 1,
        "settings": 1,
        "notices": NOTICES_KEPT,
        "advice": ADVICE_KEPT if measured.stored["advice"][0] else 0,
        "models": round(400 / 7 * measured.stored["models"][0]),
    }
    loads = TICKS * loads_a_tick(houses, measured)
    add("bucket", "bucket reads", loads)
    add("function forecast", "GB-seconds", loads * CALL_S * memory["forecast"])

    if young:
        kept = {table: count * DAYS / 2 / (35 if table == "forecasts" else 400) for table, count in kept.items()}
    sizes = {table: count * measured.stored[table][1] * houses / 1e9 for table, count in kept.items()}
    add("keeping tables", "table GB", sum(sizes.values()))
    back = sum(size for table, size in sizes.items() if table in recovered(stack))
    add("keeping tables, 35 days back", "table GB, 35 days back", back)
    objects = MODEL_VERSIONS * measured.objects["model"] + STATE_VERSIONS * measured.objects["state"]
    add("bucket", "bucket GB", houses * objects / 1e9)
    return bill


def weather_usd(measured: Measured, stack: Mapping[str, Any], prices: Mapping[str, Price]) -> dict[str, float]:
    """Returns what the weather ahead costs a month: a house where it is off, the stage where it is on, and a place."""
    memory = float(stack["functions"]["weather"]["memorySize"]) / 1024

    def of(work: Work, *, answers: int) -> float:
        seen = work.get("weather", Seen()).times(FETCHES)
        counts: dict[str, float] = {
            "function requests": seen.calls,
            "GB-seconds": (seen.seconds + answers * seen.calls * ANSWER_S) * memory,
            "log GB": seen.log_bytes / 1e9,
        }
        for name, count in seen.units.items():
            what = name.split()[0].replace("_", " ")
            if what in {"read units", "write units"}:
                counts[what] = counts.get(what, 0.0) + count
        return usd(counts, prices)

    asked = measured.ticks[1].get("forecast", Seen()).units.get("read_units weather", 0.0) * TICKS
    idle = of(measured.no_place, answers=0)
    kept_gb = 400 * FETCHES / DAYS * measured.stored.get("weather", (0, 0.0))[1] / 1e9
    return {
        "off, a house": usd({"read units": asked}, prices),
        "on, the stage": idle + usd({"alarms": 1}, prices),
        "on, a place": of(measured.place, answers=1) - idle + usd({"table GB": kept_gb}, prices),
    }


def contacts_units(measured: Measured) -> dict[str, float]:
    """Returns what a tick of a house with contacts takes beyond that of one without: units, and calls by function."""
    units: Counter[str] = Counter()
    for work, sign in ((measured.contacts, 1 / 4), (measured.no_contacts, -1 / 4)):
        for name, seen in work.items():
            for unit, count in seen.units.items():
                what = unit.split()[0].replace("_", " ")
                units[f"calls of {name}" if what == "calls" else what] += sign * count  # type: ignore[assignment]
    return dict(units)


def contacts_usd(measured: Measured, stack: Mapping[str, Any], prices: Mapping[str, Price]) -> float:
    """Returns what window contacts cost a house a month. Of time it is the calls alone: the rest is lost in noise."""
    units = contacts_units(measured)
    counts = {what: TICKS * units.get(what, 0.0) for what in ("read units", "write units")}
    counts["GB-seconds"] = sum(
        TICKS * units.get(f"calls of {name}", 0.0) * CALL_S * float(stack["functions"][name]["memorySize"]) / 1024
        for name in ("drain", "forecast")
    )
    return usd(counts, prices)


def recovered(stack: Mapping[str, Any]) -> set[str]:
    """Tables with point-in-time recovery."""
    tables = (
        one["Properties"] for one in stack["resources"]["Resources"].values() if one["Type"] == "AWS::DynamoDB::Table"
    )
    return {
        table["TableName"].rpartition("-")[2]
        for table in tables
        if str(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]).lower() == "true"
    }


def loads_a_tick(houses: int, measured: Measured) -> float:
    """Objects of models and states read in a tick since no function keeps them; any function may get any house."""
    return sum(
        houses * max(0.0, 1 - most_bytes / (houses * measured.held[what]))
        for what, most_bytes in (("model", MODEL_BYTES), ("state", STATE_BYTES))
        if what in measured.held
    )


def calls_a_night(houses: int, stack: Mapping[str, Any]) -> int:
    """One of verify for all houses, or for so many that it divides them among calls of their own."""
    most = int(stack["provider"]["environment"]["ROOMIDITY_VERIFY_HOUSES"])
    return 1 if houses <= most else 1 + ceil(houses / most)


def tick_of(houses: int, measured: Measured) -> Work:
    """The work of a tick: measured, or on the line through what was measured."""
    if houses in measured.ticks:
        return measured.ticks[houses]
    low, high = HOUSES
    share = (houses - low) / (high - low)
    few, many = measured.ticks[low], measured.ticks[high]
    return {name: few[name].times(1 - share) + many[name].times(share) for name in many}


def fixed_of(houses: int, measured: Measured, stack: Mapping[str, Any]) -> Bill:
    """What the stage costs whatever comes in; of cold starts, as many as a fleet needs side by side."""
    resources = stack["resources"]["Resources"].values()
    kinds = Counter(resource["Type"] for resource in resources)
    alarms = sum(metrics_of(one) for one in resources if one["Type"] == "AWS::CloudWatch::Alarm")
    alarms += 5 * kinds["AWS::CloudWatch::CompositeAlarm"]  # at 0.50
    functions = stack["functions"]
    mappings = [event["sqs"] for one in functions.values() for event in one.get("events", []) if "sqs" in event]
    every_hour = measured.ticks[1]["drain"].metrics | measured.ticks[1]["forecast"].metrics
    once_a_night = (measured.night["verify"].metrics | measured.training["train"].metrics) - every_hour
    images = stack["provider"].get("ecr", {}).get("maxImageCount", 1)
    side_by_side = {"drain": 1, "forecast": min(ceil(houses / 10), concurrency(functions["forecast"]))}
    cold = sum(
        TICKS * count * measured.cold_s[name] * float(functions[name]["memorySize"]) / 1024
        for name, count in side_by_side.items()
    )
    touched = {
        (name, unit.split()[1])
        for name, seen in measured.ticks[1].items()
        for unit, count in seen.units.items()
        if unit.startswith(("write_units", "read_units")) and count
    }
    own_keys = any(
        one["Properties"].get("SSESpecification", {}).get("SSEEnabled")
        for one in resources
        if one["Type"] == "AWS::DynamoDB::Table"
    )
    return {
        f"polling of {len(mappings)} queues by their functions": Counter({"queue requests": len(mappings) * POLLS}),
        f"{len(every_hour)} metrics all day, {len(once_a_night)} some two hours of it": Counter(
            {"metrics": len(every_hour) + len(once_a_night) * 2 / 24}
        ),
        f"{alarms} alarms": Counter({"alarms": alarms}),
        f"{kinds['AWS::CloudWatch::Dashboard']} dashboards": Counter(
            {"dashboards": kinds["AWS::CloudWatch::Dashboard"]}
        ),
        f"cold starts, {sum(side_by_side.values())} a tick": Counter({"GB-seconds": cold}),
        f"{images} images kept": Counter({"image GB": images * IMAGE_GB}),
        **({"the rule of AWS IoT, idle": Counter()} if kinds["AWS::IoT::TopicRule"] else {}),
        "the tables' keys": Counter({"key requests": TICKS * len(touched) * own_keys}),  # kept 5 minutes by DynamoDB
    }


def metrics_of(alarm: Mapping[str, Any]) -> int:
    """An alarm is billed by the metrics that it reads."""
    read = [one for one in alarm["Properties"].get("Metrics", []) if "MetricStat" in one]
    return max(1, len(read))


def concurrency(function: Mapping[str, Any]) -> int:
    (most,) = (event["sqs"]["maximumConcurrency"] for event in function["events"] if "sqs" in event)
    return int(most)


@dataclass(frozen=True)
class Costs:
    """USD a month of a fleet: by line, of the stage itself, and what of both AWS does not charge."""

    houses: int
    lines: Mapping[str, float]
    fixed: Mapping[str, float]
    free: float
    sender: float
    iot_packed: float
    iot_single: float
    first_month: float
    on_arm64: float

    @property
    def total(self) -> float:
        return sum(self.lines.values()) + sum(self.fixed.values())

    @property
    def rooms(self) -> int:
        return self.houses * ROOMS


def costs_of(houses: int, measured: Measured, stack: Mapping[str, Any], prices: Mapping[str, Price]) -> Costs:
    bill, fixed = bill_of(houses, measured, stack), fixed_of(houses, measured, stack)
    young = bill_of(houses, measured, stack, young=True)
    arm64 = {**prices, "GB-seconds": prices["arm64 GB-seconds"]}
    by_iot = sum(prices[what].usd for what in ("IoT messages", "IoT rules", "queue requests"))
    return Costs(
        houses=houses,
        lines={line: usd(counts, prices) for line, counts in bill.items()},
        fixed={line: usd(counts, prices) for line, counts in fixed.items()},
        free=free_of(bill, fixed, prices),
        sender=houses * TICKS * prices["queue requests"].usd,
        iot_packed=houses * TICKS * by_iot,
        iot_single=houses * TICKS * measured.readings_a_slot * by_iot,
        first_month=sum(usd(counts, prices) for counts in (*young.values(), *fixed.values()))
        - free_of(young, fixed, prices),
        on_arm64=sum(usd(counts, arm64) for counts in (*bill.values(), *fixed.values())) - free_of(bill, fixed, arm64),
    )


def free_of(bill: Bill, fixed: Bill, prices: Mapping[str, Price]) -> float:
    """USD of what is free each month."""
    used: Counter[str] = Counter()
    for counts in (*bill.values(), *fixed.values()):
        used.update(counts)
    return sum(min(count, prices[what].free) * prices[what].usd for what, count in used.items())


def usd(counts: Mapping[str, float], prices: Mapping[str, Price]) -> float:
    return sum(count * prices[what].usd for what, count in counts.items())


# ---- For a person.

ORDER = (
    "writing forecasts",
    "writing slots",
    "writing houses",
    "writing models, accuracy",
    "reading tables",
    "keeping tables",
    "keeping tables, 35 days back",
    "function drain",
    "function forecast",
    "function verify",
    "function train",
    "queues",
    "bucket",
    "logs",
    "traces",
)


def _line(line: str, costs: Costs) -> float:
    return costs.lines.get(line, 0.0)


def table_of(fleets: list[Costs], region: str) -> Table:
    table = Table(
        title=f"USD a room-month, houses of {ROOMS} rooms, {region}, prices of {PRICES_READ}", title_justify="left"
    )
    table.add_column("")
    for fleet in fleets:
        table.add_column(f"{fleet.houses:,} house{'s' * (fleet.houses > 1)}", justify="right")

    def row(name: str, of: Callable[[Costs], float], *, style: str | None = None) -> None:
        table.add_row(name, *(f"{of(fleet) / fleet.rooms:.5f}" for fleet in fleets), style=style)

    for line in ORDER:
        row(line, partial(_line, line))
    row("the stage itself, whatever comes in", lambda fleet: sum(fleet.fixed.values()))
    table.add_section()
    row("all in, at list price", lambda fleet: fleet.total, style="bold")
    row("less what AWS gives every account each month", lambda fleet: -fleet.free)
    row("all in, as billed", lambda fleet: fleet.total - fleet.free, style="bold")
    row("the same in the first month, before much is kept", lambda fleet: fleet.first_month)
    row("the same on arm64, if it takes as long", lambda fleet: fleet.on_arm64)
    table.add_section()
    row("beside it, the sender: a message a house and tick", lambda fleet: fleet.sender)
    row("or by the rule of AWS IoT: a message a house and tick", lambda fleet: fleet.iot_packed)
    row("or so, and a message a reading", lambda fleet: fleet.iot_single)
    return table


def fixed_table(fleets: list[Costs]) -> Table:
    table = Table("the stage itself", "USD a month", title_justify="left")
    table.columns[1].justify = "right"
    first = fleets[0]
    for line, cost in first.fixed.items():
        table.add_row(line, f"{cost:.2f}")
    table.add_row("all", f"{sum(first.fixed.values()):.2f}", style="bold")
    return table


def weather_table(costs: Mapping[str, float]) -> Table:
    table = Table("the weather ahead from a provider", "USD a month at list price", title_justify="left")
    table.columns[1].justify = "right"
    told = {
        "off, a house": "off (the default), a house: forecasts look whether there is some",
        "on, the stage": "on, the stage: an alarm, and the houses read every three hours",
        "on, a place": "on, a place, however many houses are there",
    }
    for name, cost in costs.items():
        table.add_row(told[name], f"{cost:.5f}")
    return table


def units_table(measured: Measured) -> Table:
    table = Table("units a tick", *(f"{houses} house{'s' * (houses > 1)}" for houses in sorted(measured.ticks)))
    for column in table.columns[1:]:
        column.justify = "right"
    found: dict[str, dict[int, float]] = {}
    for houses, work in measured.ticks.items():
        for seen in work.values():
            for unit, count in seen.units.items():
                if not unit.startswith("calls"):
                    cells = found.setdefault(unit.replace("_", " "), {})
                    cells[houses] = cells.get(houses, 0.0) + count
        for name in ("drain", "forecast"):
            found.setdefault(f"seconds of {name}", {})[houses] = work[name].seconds
    for name, cells in sorted(found.items()):
        table.add_row(name, *(f"{cells.get(houses, 0.0):,.2f}" for houses in sorted(measured.ticks)))
    return table


def sentence(fleet: Costs) -> str:
    """What dominates."""
    parts = {**fleet.lines, "the stage itself": sum(fleet.fixed.values())}
    most = sorted(parts.items(), key=lambda item: -item[1])[:3]
    share = ", ".join(f"{name} {cost / fleet.total:.0%}" for name, cost in most)
    billed = (fleet.total - fleet.free) / fleet.rooms
    aim = AIMS_USD.get(fleet.houses)
    verdict = "" if aim is None else f"{'within' if billed <= aim else 'ABOVE'} the aim of {aim}; "
    return (
        f"At {fleet.houses:,} house{'s' * (fleet.houses > 1)} a room costs {billed:.4f} USD a month as billed "
        f"({fleet.total / fleet.rooms:.4f} at list price, {fleet.first_month / fleet.rooms:.4f} in the first month), "
        f"{verdict}most of it is {share}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="cost", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--region", choices=sorted(PRICES), default="us-east-1", help="whose prices (default %(default)s)"
    )
    parser.add_argument("--days", type=int, default=28, metavar="N", help="history of one house (default %(default)s)")
    parser.add_argument(
        "--measured", type=Path, metavar="FILE", help="kept measurements, to be made if it is not there"
    )
    parser.add_argument("--advice", action="store_true", help="of a stage that advises (--param advice=on)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output; tables to the other")
    arguments = parser.parse_args()
    if not 10 <= arguments.days <= 400:
        parser.error(
            f"--days is {arguments.days}; expected 10 to 400, for a training needs a week and the house lives three"
        )
    output = Output(as_json=arguments.json)
    prices = PRICES[arguments.region]
    try:
        with tempfile.TemporaryDirectory() as folder:
            stack = resolved(ROOT, stage=STAGE, cache=Path(folder))
            if arguments.measured and arguments.measured.exists():
                measured = msgspec.json.decode(arguments.measured.read_bytes(), type=Measured)
            else:
                measured = measure(arguments.days, Path(folder), advises=arguments.advice)
            if arguments.measured:
                arguments.measured.write_bytes(msgspec.json.encode(measured))
    except (RoomidityError, OSError, msgspec.MsgspecError) as error:
        sys.exit(f"cost: {error}")
    fleets = [costs_of(houses, measured, stack, prices) for houses in FLEETS]
    output.tables.print(units_table(measured))
    output.tables.print(table_of(fleets, arguments.region))
    output.tables.print(fixed_table(fleets))
    weather = weather_usd(measured, stack, prices)
    output.tables.print(weather_table(weather))
    contacts = contacts_usd(measured, stack, prices)
    output.tables.print(
        f"Window contacts cost a house that has some {contacts:.4f} USD a month at list price, others nothing.",
        soft_wrap=True,
    )
    for fleet in fleets:
        output.tables.print(sentence(fleet), soft_wrap=True)
    output.answer(
        {
            "region": arguments.region,
            "prices_of": PRICES_READ,
            "prices": {what: {"usd": price.usd, "free": price.free} for what, price in prices.items()},
            "aims_usd": {str(houses): aim for houses, aim in AIMS_USD.items()},
            "rooms_a_house": ROOMS,
            "weather_usd_a_month": weather,
            "contacts_usd_a_month": contacts,
            "measured": msgspec.to_builtins(measured, str_keys=True),
            "fleets": [
                {
                    "houses": fleet.houses,
                    "usd_a_room_month": {name: cost / fleet.rooms for name, cost in fleet.lines.items()},
                    "stage_usd_a_month": dict(fleet.fixed),
                    "all_in_list": fleet.total / fleet.rooms,
                    "all_in_billed": (fleet.total - fleet.free) / fleet.rooms,
                    "first_month_billed": fleet.first_month / fleet.rooms,
                    "arm64_billed": fleet.on_arm64 / fleet.rooms,
                    "sender": fleet.sender / fleet.rooms,
                    "iot": {"packed": fleet.iot_packed / fleet.rooms, "single": fleet.iot_single / fleet.rooms},
                }
                for fleet in fleets
            ],
        }
    )


if __name__ == "__main__":
    main()
