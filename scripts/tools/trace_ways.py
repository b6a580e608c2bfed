"""Which modules a reading, a forecast and a training pass through: what someone has to know who changes one of them.

    scripts/trace-ways [--rooms NAME,...] [--days N] [--modules] [--json]

The functions' own handlers are traced, warm: what only a first call does is not counted. Queues, tables and bucket are
in this process (moto). The house has sent readings of each room for some days, and has a model of its own. The ways:

    reading     drain takes one message that holds one reading
    forecast    one job: the house's next 24 hours
    training    one job, a day of readings after the training before

A module is a file of the packages roomidity or handlers; it counts once a function of it has run, in any thread. A
function counts once; a comprehension or generator expression is part of the function that it stands in. A move is where
the next function that a thread calls belongs to another module than the one before; most moves of a forecast and of a
training are made slot by slot, while history is read, so compare them for the same rooms and days only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import StringIO
from math import pi, sin
from pathlib import Path
from types import CodeType, FrameType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from rich.console import Console
from rich.table import Table

from roomidity.doctor.parts import TABLES

ROOT = Path(__file__).resolve().parents[2]

REGION = "eu-central-1"
PREFIX = "roomidity-traced"
BUCKET = f"{PREFIX}-000000000000"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "POWERTOOLS_SERVICE_NAME": "roomidity",
    "POWERTOOLS_METRICS_NAMESPACE": "roomidity",
    "ROOMIDITY_STAGE": "traced",
    "ROOMIDITY_BUCKET": BUCKET,
    "ROOMIDITY_POLL_WAIT_S": "0",
}
PACKAGES = tuple(f"{ROOT / name}{os.sep}" for name in ("roomidity", "handlers"))
HOUSE = "traced"
NOW = datetime(2026, 3, 15, tzinfo=UTC)
SLOT = timedelta(minutes=15)
DAY = timedelta(days=1)
QUEUES = ("readings", "forecast-jobs", "training-jobs")

notes = Console(stderr=True, highlight=False)


class TracingError(Exception):
    """A function did not do what is to be traced."""


class Way:
    """What ran: functions by module, and moves between modules."""

    def __init__(self) -> None:
        self.moves = 0
        self._functions: set[tuple[str, str, int]] = set()
        self._thread = threading.local()
        self._lock = threading.Lock()

    def add(self, code: CodeType) -> None:
        """A call of one of our functions; each thread has a way of its own through the modules."""
        with self._lock:
            self.moves += getattr(self._thread, "module", code.co_filename) != code.co_filename
            if code.co_name == "<lambda>" or not code.co_name.startswith("<"):
                self._functions.add((code.co_filename, code.co_name, code.co_firstlineno))
        self._thread.module = code.co_filename

    def plain(self) -> dict[str, Any]:
        """As it goes into JSON."""
        by_module = Counter(str(Path(module).relative_to(ROOT)) for module, *_ in self._functions)
        return {
            "modules": len(by_module),
            "functions": by_module.total(),
            "moves": self.moves,
            "functions_by_module": dict(sorted(by_module.items())),
        }


class Tracer:
    """Follows this thread while it calls a function, and every thread that begins meanwhile for as long as it lives."""

    def __init__(self) -> None:
        self._way = Way()

    def _profile(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGES):
            self._way.add(frame.f_code)

    @contextmanager
    def follow(self) -> Iterator[Way]:
        """The way that is gone within."""
        self._way = Way()
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        try:
            yield self._way
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            self._way = Way()  # of threads that go on


class Functions:
    """The handlers, called as Lambda does. What they log is shown if one fails."""

    def __init__(self) -> None:
        self._tracer = Tracer()
        self._log = StringIO()

    def __call__(self, name: str, event: Mapping[str, Any]) -> tuple[dict[str, Any], Way]:
        """What a function answers, and the way that it went."""
        context = SimpleNamespace(
            function_name=name,
            function_version="$LATEST",
            memory_limit_in_mb=1769,
            invoked_function_arn=f"arn:aws:lambda:{REGION}:000000000000:function:{name}",
            aws_request_id="0",
            get_remaining_time_in_millis=lambda: 900_000,
        )
        try:
            with redirect_stdout(self._log), redirect_stderr(self._log):  # the logger is made with the first import
                handler = import_module(f"handlers.{name}").handler
                with self._tracer.follow() as way:
                    answer = handler(event, context)
        except Exception as error:  # a function may raise whatever it will
            raise TracingError(f"the function {name} failed: {error}\n{self._log.getvalue()}") from error
        if answer.get("batchItemFailures"):
            raise TracingError(f"the function {name} failed:\n{self._log.getvalue()}")
        return answer, way

    def job(self, name: str, **body: str) -> Way:
        """The way of a job, as the event source mapping hands it over."""
        attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": str(round(NOW.timestamp() * 1000))}
        record = {"messageId": "1", "receiptHandle": "1", "body": json.dumps(body), "attributes": attributes}
        source = {"messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": REGION}
        return self(name, {"Records": [record | source]})[1]


class House:
    """A house in the stage's tables, whose rooms follow the hours of the day."""

    def __init__(self, functions: Functions, rooms: Sequence[str]) -> None:
        self._functions = functions
        self._rooms = rooms
        self._tables: Any = boto3.client("dynamodb")
        self._queues: Any = boto3.client("sqs")

    def readings(self, slot: datetime) -> list[dict[str, Any]]:
        """One of each room."""
        hours = 2 * pi * (slot - NOW) / DAY
        return [
            {
                "house": HOUSE,
                "room": room,
                "ts": slot.isoformat(),
                "temperature": round(18 + number + 1.5 * sin(hours) + 0.2 * sin(7.3 * hours), 2),
                "humidity": round(50 + number + 5 * sin(hours + number) + 0.5 * sin(5.1 * hours), 2),
            }
            for number, room in enumerate(self._rooms)
        ]

    def drain(self, readings: Sequence[Mapping[str, Any]], *, at: datetime) -> Way:
        """The way of readings that are sent in a message each."""
        queue = self._queues.get_queue_url(QueueName=f"{PREFIX}-readings")["QueueUrl"]
        for reading in readings:
            self._queues.send_message(QueueUrl=queue, MessageBody=json.dumps(reading))
        answer, way = self._functions("drain", {"time": at.isoformat()})
        if (stored := answer["readings"]["stored"]) != len(readings):
            raise TracingError(f"drain stored {stored} of {len(readings)} readings: {answer}")
        return way

    def live(self, start: datetime, end: datetime) -> None:
        """Have readings of each slot from ``start`` to ``end``.

        The first and the last slot's are sent. Between, the last one's observation is copied with other values, for a
        drain of many slots takes moto minutes.
        """
        for slot in (start, end - SLOT):
            self.drain(self.readings(slot), at=end)
        table = f"{PREFIX}-observations"
        key = {"house": {"S": HOUSE}, "slot": {"S": name_of(end - SLOT)}}
        last = self._tables.get_item(TableName=table, Key=key)["Item"]
        slots = [start + number * SLOT for number in range(1, (end - start) // SLOT - 1)]
        for first in range(0, len(slots), 25):
            puts = [{"PutRequest": {"Item": self._observed(last, slot)}} for slot in slots[first : first + 25]]
            self._tables.batch_write_item(RequestItems={table: puts})

    def _observed(self, like: Mapping[str, Any], slot: datetime) -> dict[str, Any]:
        item = {**deepcopy(like), "slot": {"S": name_of(slot)}}
        for reading in self.readings(slot):
            for quantity, statistics in item["rooms"]["M"][reading["room"]]["M"].items():
                statistics["M"] |= {name: {"N": str(reading[quantity])} for name in ("mean", "min", "max")}
        return item

    def check_served_by_its_own(self, issued: datetime) -> None:
        """Raise TracingError unless a model of the house made its forecast."""
        room = next(room for room in self._rooms if room != "outdoor")
        key = {"room_id": {"S": f"{HOUSE}/{room}"}, "issued_at": {"S": name_of(issued)}}
        version = self._tables.get_item(TableName=f"{PREFIX}-forecasts", Key=key)["Item"]["model_version"]
        key = {"house": {"S": HOUSE}, "version": version}
        if "Item" not in self._tables.get_item(TableName=f"{PREFIX}-models", Key=key):
            raise TracingError(f"the forecast is by {version['S']}, which is no model of the house")


def name_of(slot: datetime) -> str:
    """As the tables name a slot."""
    return slot.strftime("%Y-%m-%dT%H:%MZ")


@contextmanager
def stage() -> Iterator[None]:
    """Queues, tables and bucket as they are called from outside, in an environment that names them."""
    foreign = ("AWS_", "ROOMIDITY_", "POWERTOOLS_")  # no account, profile or stage of the person's
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | ENVIRONMENT
    call, lock = BotocoreStubber.__call__, threading.RLock()

    def one_at_a_time(self: BotocoreStubber, *arguments: Any, **more: Any) -> Any:
        with lock:  # moto copies its tables while other threads write to them
            return call(self, *arguments, **more)

    with (
        patch.dict(os.environ, environment, clear=True),
        patch.object(BotocoreStubber, "__call__", one_at_a_time),
        mock_aws(),
    ):
        queues: Any = boto3.client("sqs")
        for name in QUEUES:
            queues.create_queue(QueueName=f"{PREFIX}-{name}")
        tables: Any = boto3.client("dynamodb")
        for name, keys in TABLES.items():
            tables.create_table(
                TableName=f"{PREFIX}-{name}",
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            )
        buckets: Any = boto3.client("s3")
        buckets.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield


def ways(rooms: Sequence[str], days: int) -> dict[str, Way]:
    """The ways of a reading, of a forecast and of a training, each gone for the second time or later."""
    functions, found = Functions(), {}
    with stage():
        house = House(functions, rooms)
        notes.print(f"{days} days of readings of {', '.join(rooms)}, and the first training ...")
        house.live(NOW - days * DAY, NOW)
        functions.job("train", house=HOUSE, reason="first", now=NOW.isoformat())
        notes.print("One reading and one forecast, twice ...")
        for issued in (NOW + SLOT, NOW + 2 * SLOT):
            found["reading"] = house.drain(house.readings(issued - SLOT)[:1], at=issued)
            found["forecast"] = functions.job("forecast", house=HOUSE, issued_at=name_of(issued))
            house.check_served_by_its_own(issued)
        notes.print("Another day, and the second training ...")
        house.live(NOW + 2 * SLOT, NOW + DAY)
        found["training"] = functions.job("train", house=HOUSE, reason="second", now=(NOW + DAY).isoformat())
    return found


def show(found: Mapping[str, Mapping[str, Any]], console: Console, *, modules: bool) -> None:
    table = Table("one", "modules", "functions", "moves between modules")
    for way, counts in found.items():
        table.add_row(way, *(f"{counts[name]:,}" for name in ("modules", "functions", "moves")))
    console.print(table)
    if not modules:
        return
    table = Table("functions of", *found)
    for module in sorted({module for counts in found.values() for module in counts["functions_by_module"]}):
        table.add_row(module, *(str(counts["functions_by_module"].get(module, "")) for counts in found.values()))
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/trace-ways", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rooms", default="bedroom,kitchen,outdoor", help="of the house (default: %(default)s)")
    parser.add_argument("--days", type=int, default=4, help="of readings before the first training (default: 4)")
    parser.add_argument("--modules", action="store_true", help="list them, with how many functions of each ran")
    parser.add_argument("--json", action="store_true", help="one JSON object to standard output, the rest to the other")
    arguments = parser.parse_args()
    rooms = [room.strip() for room in arguments.rooms.split(",")]
    if not all(rooms) or set(rooms) == {"outdoor"} or len(set(rooms)) < len(rooms):
        parser.error(f"--rooms {arguments.rooms!r}: expected different names, one of them not outdoor")
    if arguments.days < 4:
        parser.error(f"--days {arguments.days}: expected 4 or more, for less is too little to train on and to judge by")
    try:
        found = {name: way.plain() for name, way in ways(rooms, arguments.days).items()}
    except TracingError as error:
        notes.print(f"scripts/trace-ways: {error}", style="red", markup=False, soft_wrap=True)
        return 1
    show(found, notes if arguments.json else Console(highlight=False), modules=arguments.modules)
    if arguments.json:
        print(json.dumps({"rooms": rooms, "days": arguments.days, "ways": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
