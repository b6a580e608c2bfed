"""What hostile messages cost, counted as AWS bills them; and what was rejected together is handled like any reject."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest

from roomidity.composition import Stage
from roomidity.domain.rejects import Selection
from roomidity.domain.slots import SLOT, format_moment
from roomidity.errors import InputError
from roomidity.local.functions import Context
from roomidity.local.units import Meter
from roomidity.pipeline.replaying import replay_object
from tests.integration.stage import Run
from tests.integration.test_handlers import NOW, Invoke, invoke, sample
from tests.integration.test_units import meter, only

__all__ = ["invoke", "meter"]

TICK = {"source": "aws.events", "time": format_moment(NOW), "detail": {}}


def one(**changes: Any) -> dict[str, Any]:
    whole = {"house": "h1", "room": "kitchen", "ts": format_moment(NOW - SLOT), "humidity": 50}
    return {key: value for key, value in (whole | changes).items() if value is not ...}


def test_a_message_that_names_thousands_of_houses_costs_no_more_than_the_quota(
    stage: Stage, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 2,400 houses 20 are let in: each is 3 units and 3 calls; the others are one object in the bucket.

    Whether one was forgotten is asked for all, before and again when rejects are kept: of a house that is not there a
    second key tells, that of its note. To ask for both keys at once would be as many calls here, and twice the units
    in each drain of houses that are there. So each hundred names are 4 calls.
    """
    monkeypatch.setenv("ROOMIDITY_NEW_HOUSES_A_TICK", "20")
    runtime = import_module("handlers.runtime")
    runtime.stage.cache_clear()
    counted = Meter(runtime.stage().clients.session, stored=meter._stored)
    flood = {"readings": [one(house=f"made up {number}") for number in range(2_400)]}
    stage.readings_queue.send([json.dumps(flood)])
    counted.take()
    answer = import_module("handlers.drain").handler(TICK, Context(function_name="drain"))
    assert answer["rejects"] == {"quota": 2_380}
    units = counted.take()
    assert only(units, "write_units") == {"houses": 20, "readings": 20, "observations": 20}
    assert only(units, "s3_writes") == {"bucket": 1}
    assert only(units, "sqs_requests")["forecast-jobs"] <= 3
    assert only(units, "calls")["BatchGetItem"] <= 4 * 24 + 3
    assert sum(only(units, "calls").values()) <= 3 * 20 + 4 * 24 + 13


def test_what_was_kept_together_is_listed_and_sent_back_as_it_came(stage: Stage, run: Run) -> None:
    body = {"house": "h1", "temperature": None, "readings": [one(house=..., ts=..., n=number) for number in range(50)]}
    stage.readings_queue.send([json.dumps(body)])
    import_module("handlers.runtime").stage.cache_clear()
    answer = import_module("handlers.drain").handler(TICK, Context(function_name="drain"))
    assert answer["rejects"] == {"bad_time": 50}
    (key,) = stage.rejects.keys(NOW.date())
    (line,) = stage.rejects.lines(key)
    assert json.loads(line["packed"])["house"] == "h1"
    listed = run("rejects", "--limit", "100")
    assert listed["total"] == 50
    assert [reject["original"]["n"] for reject in listed["rejects"]] == list(range(50))
    replay_object(stage.rejects, key, stage.readings_queue, selection=Selection(reason="quota"))
    assert stage.readings_queue.depth() == 0
    assert run("replay")["readings"] == 50
    assert stage.rejects.keys(NOW.date()) == []
    (message,) = stage.readings_queue.receive()
    assert json.loads(message.body) == {"house": "h1", "readings": body["readings"]}


def test_a_house_is_forgotten_out_of_what_was_kept_together(stage: Stage) -> None:
    readings = [one(house=f"h{number % 2}", ts=..., note="h0 is not a name here") for number in range(40)]
    stage.readings_queue.send([json.dumps({"readings": readings, "room": "x" * 2_000})])
    import_module("handlers.runtime").stage.cache_clear()
    import_module("handlers.drain").handler(TICK, Context(function_name="drain"))
    assert sum(stage.rejects.erase("h0")) == 20
    (key,) = stage.rejects.keys(NOW.date())
    assert [reject["house"] for reject in stage.rejects.read(key)] == ["h1"] * 20
    assert b'"house\\":\\"h0' not in stage.bucket.get(key)
    assert sum(stage.rejects.erase("h0")) == 0


def test_a_stamp_that_an_iot_rule_puts_beside_readings_confines_them(stage: Stage, run: Run, invoke: Invoke) -> None:
    """``SELECT *, topic(2) AS house FROM ...`` is what makes it."""
    stage.readings_queue.send([json.dumps({"readings": [one(house="bob"), one(house=...)], "house": "alice"})])
    answer = invoke("drain", TICK)
    assert (answer["readings"]["stored"], answer["rejects"]) == (1, {"house_conflict": 1})
    assert {house.name for house in stage.houses.all()} == {"alice"}
    assert run("replay")["readings"] == 1
    assert invoke("drain", TICK)["rejects"] == {"house_conflict": 1}, "sent back it is no more bob's than before"
    assert {house.name for house in stage.houses.all()} == {"alice"}


def test_a_drain_that_fails_still_says_what_it_did(
    stage: Stage, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime = import_module("handlers.runtime")
    stage.readings_queue.send([json.dumps(one()), json.dumps(one(humidity=150))])
    runtime.stage().bucket.name = "no-such-bucket"
    with pytest.raises(Exception, match="NoSuchBucket"):
        invoke("drain", TICK)
    (metrics,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert (metrics["ReadingsStored"], metrics["HousesActive"]) == ([1.0], [1.0])
    assert stage.forecast_jobs.depth() == 1


def test_a_tick_far_from_the_present_is_refused_on_aws_and_replayed_on_a_laptop(
    stage: Stage, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = sample("drain") | {"time": "2028-03-15T00:00:00Z"}
    assert invoke("drain", far)["messages"] == 0
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    with pytest.raises(InputError, match="more than an hour apart"):
        invoke("drain", far)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    import_module("handlers.runtime")
    assert import_module("handlers.runtime").is_live() is False
