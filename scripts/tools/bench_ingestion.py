"""Measure what taking readings in costs, beside the least that any program would do with them.

    scripts/bench-ingestion [--readings N] [--houses N] [--rounds N] [--only frames|drain] [--json]

frames: message bodies to observations in memory (decode, check, union of sets, derive), beside the same readings as
JSON lines through Polars' own read_ndjson and a group-by of mean, minimum, maximum and count, and through pandas where
it is installed (.venv/bin/pip install pandas). Messages come in waves as large as the drain's. Everything runs on one
core. `jumping` is 15 minutes whose values jump from reading to reading, so that wild ones are told apart in all slots.

drain: the function `drain` as deployed, on a local engine, beside a loop of plain boto3 calls that makes the very
requests that this drain has just made (receive, batch get, conditional put, delete, send) to another engine in the same
state, and does nothing with the answers. Counted is the CPU time of this process: the engines are others. `lean client`
is the same loop through the DynamoDB client that roomidity itself uses. There are no quotas of new houses or readings.

Contestants take turns. A ratio is the median of the rounds' ratios of CPU time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import boto3
import numpy as np
import polars as pl
from botocore import xform_name
from rich.table import Table

from roomidity.aws.dynamodb import botocore_session, dynamodb_client
from roomidity.aws.queues import Queue
from roomidity.cli.output import Output, notes
from roomidity.domain.messages import Message
from roomidity.domain.observations import Observation
from roomidity.domain.slots import SLOT, SLOT_MS, SlotKey, to_epoch_ms
from roomidity.errors import RoomidityError
from roomidity.local.engine import Engine, running
from roomidity.local.functions import Functions
from roomidity.pipeline.waves import WaveSize
from roomidity.readings import check, decode, derive, pack_readings, pack_sets, union, unpack_sets
from roomidity.settings import WITHOUT_QUOTAS
from scripts.tools.room_values import as_in_rooms

ROOT = Path(__file__).resolve().parents[2]

START = datetime(2026, 1, 5, tzinfo=UTC)
ROOMS = 8
QUANTITIES = ("temperature", "humidity")
STATISTICS = ("mean", "min", "max", "count")
WARM_UP_ROUNDS = 2
"""Houses are new in the first, and clients, parsers and the machine are cold."""

STAGE = "bench"
PREFIX = f"roomidity-{STAGE}"
QUEUES = ("readings", "forecast-jobs")


def readings_of(houses: int, *, minutes: int, start: datetime = START, jumping: bool = False) -> pl.DataFrame:
    """A reading a room and minute; one house after the other, in order of time.

    Values that are ``jumping`` know nothing of each other, so that in nearly every slot some are told apart as wild.
    """
    rng = np.random.default_rng(to_epoch_ms(start) // SLOT_MS)
    house, minute, room = (place.ravel() for place in np.indices((houses, minutes, ROOMS)))
    at_ms = to_epoch_ms(start) + 60_000 * minute + 1_000 * rng.integers(0, 50, len(house))
    readings = pl.select(
        house=pl.format("house-{}", pl.lit(house)),
        room=pl.format("room-{}", pl.lit(room)),
        sensor=pl.format("z2m-0x00158d{}", pl.lit(room)),
        ts=pl.lit(at_ms).cast(pl.Datetime("ms", "UTC")),
        temperature=pl.lit(rng.normal(21, 2, len(house)).round(2)),
        humidity=pl.lit(rng.normal(50, 5, len(house)).round(1)),
    )
    return readings if jumping else as_in_rooms(readings, rng)


def lines_of(readings: pl.DataFrame) -> str:
    """JSON lines, each a reading that says all."""
    return readings.with_columns(pl.col("ts").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_ndjson()


@dataclass
class Rounds:
    """Seconds of CPU and of the clock on the wall, by contestant and round."""

    cpu: dict[str, list[float]] = field(default_factory=dict)
    wall: dict[str, list[float]] = field(default_factory=dict)

    def take(self, contestant: str, call: Callable[[], Any]) -> Any:
        """What ``call`` returns; how long it took is noted."""
        wall, cpu = perf_counter(), process_time()
        outcome = call()
        self.cpu.setdefault(contestant, []).append(process_time() - cpu)
        self.wall.setdefault(contestant, []).append(perf_counter() - wall)
        return outcome

    def rows(self, *, of: str, count: int, least: str) -> list[dict[str, Any]]:
        """What each contestant costs a reading, and how many times as much as the ``least``."""
        return [
            {
                "messages": of,
                "contestant": name,
                "cpu_us": round(1e6 * median(seconds) / count, 2),
                "wall_us": round(1e6 * median(self.wall[name]) / count, 2),
                "readings_per_cpu_s": round(count / median(seconds)),
                "ratio": round(median(a / b for a, b in zip(seconds, self.cpu[least], strict=True)), 2),
            }
            for name, seconds in self.cpu.items()
        ]


# Frames: bodies to observations, in memory.


@dataclass(frozen=True)
class Shape:
    """How readings come: waves of messages, and the same waves as JSON lines."""

    name: str
    count: int
    waves: Sequence[tuple[list[Message], bytes]]
    now: datetime


def shapes(count: int) -> Iterator[Shape]:
    """``count`` readings in bodies as large as may be; fewer as a house's 15 minutes, and one by one."""
    for name, minutes, part in (
        ("256 kB", 288, 1.0),
        ("15 minutes", 15, 0.4),
        ("jumping", 15, 0.4),
        ("single", 15, 0.2),
    ):
        houses = max(1, round(part * count / (ROOMS * minutes)))
        readings = readings_of(houses, minutes=minutes, jumping=name == "jumping")
        whole_s = -(-minutes // 15) * SLOT.total_seconds()
        now = START + timedelta(seconds=whole_s)
        if name == "single":
            bodies: Iterable[tuple[str, int]] = ((line, 1) for line in lines_of(readings).splitlines())
        else:
            bodies = ((body, body.count('"ts"')) for body in pack_readings(readings))
        yield Shape(name, len(readings), list(_waves(readings, bodies, to_epoch_ms(now))), now)


def _waves(
    readings: pl.DataFrame, bodies: Iterable[tuple[str, int]], sent_ms: int
) -> Iterator[tuple[list[Message], bytes]]:
    size = WaveSize()
    wave: list[Message] = []
    start = count = length = 0
    for body, inside in bodies:
        wave.append(Message(str(len(wave)), body, sent_ms, ""))
        count += inside
        length += len(body)
        if len(wave) == size.messages or length >= size.body_bytes:
            yield wave, lines_of(readings[start : start + count]).encode()
            wave, start, count, length = [], start + count, 0, 0
    if wave:
        yield wave, lines_of(readings[start:]).encode()


class Roomidity:
    """What the drain does with a wave, and how long each stage takes."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def observe(self, messages: Sequence[Message]) -> dict[SlotKey, Observation]:
        decoded = self._timed("decode", decode, messages)
        checked = self._timed("check", check, decoded, now=self._now)
        self._merged = self._timed("union", union, unpack_sets({}).values, checked.accepted.with_row_index("row"))
        derived: dict[SlotKey, Observation] = self._timed("derive", derive, self._merged.values, {})
        return derived

    def pack(self) -> None:
        """What is written, and later read: beside what was asked of the others."""
        self._timed("unpack", unpack_sets, self._timed("pack", pack_sets, self._merged.values))

    def _timed(self, stage: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        begin = process_time()
        outcome = call(*arguments, **options)
        self.seconds[stage] += process_time() - begin
        return outcome


def _each(observe: Callable[[Any], object], waves: Sequence[Any]) -> None:
    for wave in waves:
        observe(wave)


def observe_by_polars(lines: bytes) -> pl.DataFrame:
    texts = dict.fromkeys(("house", "room", "sensor", "ts"), pl.String)
    readings = pl.read_ndjson(BytesIO(lines), schema=texts | dict.fromkeys(QUANTITIES, pl.Float64))
    at = pl.col("ts").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="ms").dt.replace_time_zone("UTC")
    return (
        readings.with_columns(at.dt.truncate("15m").alias("slot"))
        .group_by("house", "room", "slot")
        .agg(
            getattr(pl.col(quantity), name)().alias(f"{quantity}_{name}")
            for quantity in QUANTITIES
            for name in STATISTICS
        )
    )


def observe_by_pandas(lines: bytes) -> Any:
    import pandas as pd  # noqa: PLC0415  # not a dependency

    readings = pd.read_json(BytesIO(lines), lines=True, dtype=False)
    readings["slot"] = pd.to_datetime(readings["ts"]).dt.floor("15min")
    return readings.groupby(["house", "room", "slot"], sort=False)[list(QUANTITIES)].agg(list(STATISTICS))


def agree(observed: dict[SlotKey, Observation], grouped: pl.DataFrame) -> bool:
    """Whether both found the same, to 0.001."""
    if len(grouped) != sum(map(len, observed.values())):
        return False
    for row in grouped.iter_rows(named=True):
        rooms = observed[SlotKey(row["house"], to_epoch_ms(row["slot"]))]
        for quantity in QUANTITIES:
            ours = rooms[row["room"]][quantity]
            if any(abs(getattr(ours, name) - row[f"{quantity}_{name}"]) > 0.000_501 for name in STATISTICS):
                return False
    return True


def bench_frames(count: int, rounds: int, *, only: Collection[str] = ()) -> dict[str, Any]:
    """Each shape by each contestant, and each stage's share."""
    rows, stages = [], []
    for shape in shapes(count):
        if only and shape.name not in only:
            continue
        notes.print(
            f"frames, {shape.name}: {shape.count:,} readings in {sum(len(w) for w, _ in shape.waves):,} messages"
        )
        ours = Roomidity(shape.now)
        for messages, lines in shape.waves:
            if not agree(ours.observe(messages), observe_by_polars(lines)):
                raise RoomidityError(f"roomidity and Polars disagree on {shape.name}")
        ours.seconds.clear()
        taken = Rounds()
        for _ in range(rounds):
            taken.take("roomidity", partial(_each, ours.observe, [wave for wave, _ in shape.waves]))
            taken.take("Polars", partial(_each, observe_by_polars, [lines for _, lines in shape.waves]))
            if find_spec("pandas"):
                taken.take("pandas", partial(_each, observe_by_pandas, [lines for _, lines in shape.waves]))
            for wave, _ in shape.waves:
                ours.observe(wave)
                ours.pack()
        rows += taken.rows(of=shape.name, count=shape.count, least="Polars")
        each = {"pack": rounds, "unpack": rounds}
        stages.append(
            {"messages": shape.name}
            | {name: round(1e6 * s / shape.count / each.get(name, 2 * rounds), 2) for name, s in ours.seconds.items()}
        )
    return {"contestants": rows, "stages_us": stages}


# Drain: the whole function, calls of AWS and all.


@dataclass(frozen=True)
class Call:
    """A request that the drain made."""

    service: str
    operation: str
    params: dict[str, Any]


class Loop:
    """The drain's requests again, to the engine that the environment names; nothing is done with the answers."""

    def __init__(self, *, lean: bool) -> None:
        sqs, dynamodb = boto3.client("sqs"), boto3.client("dynamodb")
        if lean:
            dynamodb = dynamodb_client(botocore_session(), region=os.environ["AWS_REGION"])
        self._clients = {"sqs": sqs, "dynamodb": dynamodb}
        self.send = Queue(sqs, f"{PREFIX}-readings").send
        self._urls = {name: sqs.get_queue_url(QueueName=f"{PREFIX}-{name}")["QueueUrl"] for name in QUEUES}

    def make(self, calls: Sequence[Call]) -> None:
        handles: deque[str] = deque()
        for call in calls:
            params = call.params
            if "QueueUrl" in params:
                name = params["QueueUrl"].rpartition(f"{PREFIX}-")[2]
                params = params | {"QueueUrl": self._urls[name]}
            if call.operation == "DeleteMessageBatch":
                params["Entries"] = [entry | {"ReceiptHandle": handles.popleft()} for entry in params["Entries"]]
            answer = getattr(self._clients[call.service], xform_name(call.operation))(**params)
            if call.operation == "ReceiveMessage":
                handles.extend(message["ReceiptHandle"] for message in answer.get("Messages", ()))


@dataclass(frozen=True)
class Workload:
    """What is in the queue at each tick."""

    name: str
    houses: int
    bodies: Callable[[pl.DataFrame], list[str]]
    minutes: int


def workloads(houses: int) -> Iterator[Workload]:
    """Live data, packed by house and not; and houses that catch up on what they held back."""
    yield Workload("15 minutes", houses, lambda readings: list(pack_readings(readings)), 15)
    yield Workload("256 kB", max(1, houses // 10), lambda readings: list(pack_readings(readings)), 288)
    yield Workload("single", houses, lambda readings: lines_of(readings).splitlines(), 1)


def bench_drain(houses: int, rounds: int, *, only: Collection[str] = ()) -> dict[str, Any]:
    """Each workload by the drain and by the loops."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        loops = {}
        for name in ("bare boto3", "lean client"):
            _use(stack.enter_context(running(ROOT, Path(folder) / name.replace(" ", "-"), stage=STAGE)))
            loops[name] = Loop(lean=name == "lean client")
        _use(stack.enter_context(running(ROOT, Path(folder) / "drain", stage=STAGE)))  # the environment stays its
        drain = Drain()
        for month, workload in enumerate(
            one for one in workloads(houses) if not only or one.name in only
        ):  # houses of the month before ask for no forecasts
            start = START + timedelta(days=30 * month)
            taken, counts, calls = _rounds(workload, start, drain, loops, rounds)
            rows += taken.rows(of=workload.name, count=counts, least="bare boto3")
            rows[-3]["calls"] = calls
    return {"contestants": rows}


def _use(engine: Engine) -> None:
    os.environ.update({**engine.environment, **WITHOUT_QUOTAS})


class Drain:
    """The function as deployed, and the requests that it makes."""

    def __init__(self) -> None:
        from handlers.runtime import stage  # noqa: PLC0415  # reads the environment

        self.calls: list[Call] = []
        stage().clients.session.register("provide-client-params", self._note)
        self._functions = Functions()
        self.send = stage().readings_queue.send

    def run(self, now: datetime) -> dict[str, Any]:
        self.calls.clear()
        return self._functions.scheduled("drain", now)

    def _note(self, **event: Any) -> None:
        model = event["model"]
        self.calls.append(Call(model.service_model.service_name, model.name, dict(event["params"])))


def _rounds(
    workload: Workload, start: datetime, drain: Drain, loops: dict[str, Loop], rounds: int
) -> tuple[Rounds, int, dict[str, int]]:
    """The rounds taken, how many readings each was, and the calls of the last."""
    for number in range(WARM_UP_ROUNDS + rounds):
        if number <= WARM_UP_ROUNDS:
            taken = Rounds()
        readings = readings_of(workload.houses, minutes=workload.minutes, start=start)
        bodies = workload.bodies(readings)
        drain.send(bodies)
        for loop in loops.values():
            loop.send(bodies)
        start += -(-workload.minutes // 15) * SLOT
        answer = taken.take("drain", partial(drain.run, start))
        if answer["readings"]["stored"] != len(readings):
            raise RoomidityError(f"sent {len(readings)} new readings, but the drain says {answer['readings']}")
        calls = list(drain.calls)
        for name, loop in loops.items():
            taken.take(name, partial(loop.make, calls))
    return taken, len(readings), dict(Counter(call.operation for call in calls))


def table_of(title: str, rows: Sequence[dict[str, Any]], least: str) -> Table:
    table = Table("messages", "by", "readings/s", "CPU µs a reading", "wall µs", f"times {least}", title=title)
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        numbers = (
            f"{row['readings_per_cpu_s']:,}",
            f"{row['cpu_us']:.2f}",
            f"{row['wall_us']:.2f}",
            f"{row['ratio']:.2f}",
        )
        table.add_row(row["messages"], row["contestant"], *numbers)
    return table


def stages_of(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(*rows[0], title="CPU µs a reading, by stage; packing sets for the table is beside the comparison")
    for row in rows:
        table.add_row(*map(str, row.values()))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench-ingestion", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readings", type=int, default=500_000, metavar="N", help="in memory (default %(default)s)")
    parser.add_argument("--houses", type=int, default=100, metavar="N", help="of a drain (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="that are counted (default %(default)s)")
    parser.add_argument("--only", choices=("frames", "drain"), help="one part")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output; tables to the other")
    arguments = parser.parse_args()
    output = Output(as_json=arguments.json)
    answer: dict[str, Any] = {}
    try:
        if arguments.only != "drain":
            answer["frames"] = bench_frames(arguments.readings, arguments.rounds)
            output.tables.print(
                table_of("Bodies to observations, in memory", answer["frames"]["contestants"], "Polars")
            )
            output.tables.print(stages_of(answer["frames"]["stages_us"]))
        if arguments.only != "frames":
            answer["drain"] = bench_drain(arguments.houses, arguments.rounds)
            output.tables.print(table_of("Drain, as deployed", answer["drain"]["contestants"], "bare boto3"))
    except RoomidityError as error:
        sys.exit(f"bench-ingestion: {error}")
    output.answer(answer)


if __name__ == "__main__":
    main()
