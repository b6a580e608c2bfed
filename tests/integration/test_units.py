"""What a tick may cost: DynamoDB's units and the calls of a house of 8 rooms, counted as AWS bills them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from typing import Final

import numpy as np
import pytest

from roomidity.composition import Stage
from roomidity.domain.slots import SLOT, format_moment, format_slot
from roomidity.local.functions import Context
from roomidity.local.units import Meter, Units
from tests.integration.stage import metered
from tests.integration.test_handlers import NOW, observe, records

ROOMS: Final = 8
MINUTES: Final = range(15)


@pytest.fixture
def meter(stage: Stage) -> Iterator[Meter]:
    """Counts what the handlers ask of the stage."""
    with metered() as found:
        yield found


def readings(tick: int) -> str:
    """A quarter of an hour of a reading a minute and room, as a gateway packs them."""
    rng = np.random.default_rng(tick)
    start = NOW + (tick - 1) * SLOT
    found = [
        {
            "room": f"room {room}",
            "ts": format_moment(start + timedelta(minutes=minute, seconds=7 * room)),
            "temperature": round(float(rng.normal(20, 2)), 2),
            "humidity": round(float(rng.normal(50, 8)), 1),
        }
        for minute in MINUTES
        for room in range(ROOMS)
    ]
    return json.dumps({"house": "demo", "readings": found})


def drain(stage: Stage, meter: Meter, tick: int) -> Units:
    stage.readings_queue.send([readings(tick)])
    event = {"source": "aws.events", "time": format_moment(NOW + tick * SLOT), "detail": {}}
    meter.take()
    answer = import_module("handlers.drain").handler(event, Context(function_name="drain"))
    assert answer["readings"]["stored"] == ROOMS * len(MINUTES)
    return meter.take()


def only(units: Units, what: str) -> dict[str, float]:
    return {where: count for (of, where), count in units.items() if of == what}


def test_a_tick_of_a_house_of_eight_rooms(stage: Stage, meter: Meter) -> None:
    """Measured: a tick writes 29 units, of which the forecast is 24."""
    observe(stage, "demo", days=2, rooms=ROOMS)
    drain(stage, meter, 1)  # a sensor that is new is written at once
    ticks = [drain(stage, meter, tick) for tick in range(4, 8)]
    of_houses = [only(units, "write_units").get("houses", 0) for units in ticks]
    assert sum(of_houses) <= 2 + 2  # when it was last seen, once an hour; that some were wild, once in three
    calls = sorted(sum(only(units, "calls").values()) for units in ticks)
    assert calls[-2] <= 12  # one sees whether the house was forgotten meanwhile
    assert calls[-1] <= 12 + 1
    for units in ticks:
        written = only(units, "write_units")
        assert written["readings"] <= 2
        assert written["observations"] == 1
        assert only(units, "read_units")["readings"] == 1
        assert only(units, "sqs_requests") == {"readings": 3, "forecast-jobs": 1}

    job = {"house": "demo", "issued_at": format_slot(NOW)}
    meter.take()
    answer = import_module("handlers.forecast").handler(records("forecast", job), Context(function_name="forecast"))
    assert answer["batchItemFailures"] == []
    units = meter.take()
    assert only(units, "write_units") == {"forecasts": ROOMS}
    read = only(units, "read_units")
    assert read["observations"] <= 26
    assert read["houses"] == 2  # and once more in the end, lest it was forgotten meanwhile
    assert read["models"] <= 1
    # The second of the queries is for the weather ahead, the second of the gets for what notices go on from.
    assert only(units, "calls") == {"BatchGetItem": 3, "GetItem": 2, "Query": 2, "BatchWriteItem": 1}


def test_the_drain_of_many_houses_costs_each_no_more(stage: Stage, meter: Meter) -> None:
    many = 20
    bodies = [readings(1).replace('"demo"', f'"house {number}"') for number in range(many)]
    stage.readings_queue.send(bodies)
    event = {"source": "aws.events", "time": format_moment(NOW + SLOT), "detail": {}}
    meter.take()
    import_module("handlers.drain").handler(event, Context(function_name="drain"))
    units = meter.take()
    assert only(units, "write_units")["observations"] == many
    assert only(units, "write_units")["readings"] <= 2 * many
    # The address; by tens, each of which is over 64 KiB; a poll in vain for each receiver; deletions by tens.
    assert only(units, "sqs_requests")["readings"] <= 1 + 2 * many // 10 + 4 + many // 10
    calls = only(units, "calls")
    assert calls["PutItem"] <= 3 * many
    assert sum(calls.values()) - calls["PutItem"] <= 20


def test_a_meter_counts_what_is_billed(stage: Stage, meter: Meter) -> None:
    """Half units for old values, double ones in transactions, one for each 64 KiB of a message."""
    adapters = import_module("handlers.runtime").stage()
    adapters.readings_queue.send(["." * 200_000])
    assert only(meter.take(), "sqs_requests") == {"readings": 1 + 4}  # the queue's address is asked for once
    adapters.bucket.put("models/x", b"1", content_type="text/plain")
    adapters.bucket.get("models/x")
    adapters.bucket.delete("models/x")
    units = meter.take()
    assert (units["s3_writes", "bucket"], units["s3_reads", "bucket"]) == (1, 1)
    assert adapters.registry.succession("h1") == ()
    assert only(meter.take(), "read_units") == {"models": 0.5}
    observe(adapters, "h1", days=0.25)  # 24 slots, and the house
    assert only(meter.take(), "write_units") == {"houses": 1, "observations": 24}
    observe(adapters, "h2", days=27 / 96)
    assert only(meter.take(), "write_units")["observations"] == 27
