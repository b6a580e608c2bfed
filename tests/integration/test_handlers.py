"""The functions' handlers against moto, with the events that AWS sends (tests/events)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from handlers.batch import BatchFailedError
from roomidity.aws.functions import Function
from roomidity.composition import Stage
from roomidity.domain.houses import House, Room
from roomidity.domain.observations import Origin, Statistics
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, SLOT_MS, SlotKey, format_slot, to_epoch_ms
from roomidity.errors import InputError, NotFoundError, VerificationError
from roomidity.forecasting import load_prior
from roomidity.local.functions import Context
from roomidity.pipeline import fleet
from roomidity.pipeline.nightly import Night
from tests.fake_registry import champion_of

EVENTS: Final = Path(__file__).parents[1] / "events"
NOW: Final = datetime(2026, 3, 15, tzinfo=UTC)
"""The issue time of the samples."""

Invoke = Callable[..., dict[str, Any]]


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def records(name: str, *bodies: object) -> dict[str, Any]:
    """The sample's record once for each body; ids are ``job 0``, ``job 1``, ..."""
    (record,) = sample(name)["Records"]
    return {
        "Records": [
            deepcopy(record)
            | {"messageId": f"job {number}", "body": body if isinstance(body, str) else json.dumps(body)}
            for number, body in enumerate(bodies)
        ]
    }


def failed(answer: Mapping[str, Any]) -> set[str]:
    return {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}


@dataclass(frozen=True)
class Hurried(Context):
    """A function that is about to be ended."""

    def get_remaining_time_in_millis(self) -> int:
        return 59_000


@dataclass(frozen=True)
class Ending(Context):
    """A function that is ended any moment."""

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


@pytest.fixture
def invoke(stage: Stage) -> Iterator[Invoke]:
    """Call a function as Lambda does; it finds its stage in the environment."""
    runtime = import_module("handlers.runtime")
    runtime.stage.cache_clear()

    def call(name: str, event: Mapping[str, Any], context: Context | None = None) -> dict[str, Any]:
        handler = import_module(f"handlers.{name}").handler
        answer: dict[str, Any] = handler(event, context or Context(function_name=name))
        json.dumps(answer)  # Lambda writes it
        return answer

    yield call
    runtime.stage.cache_clear()


def observe(stage: Stage, house: str, *, days: float, end: datetime = NOW, rooms: int = 2) -> None:
    """A house that was measured for some days: a daily course and noise."""
    rng = np.random.default_rng(7)
    slots = round(days * 96)
    start = end - slots * SLOT
    names = [f"room {number}" for number in range(rooms)]
    stage.houses.put(
        House(
            name=house,
            timezone="Europe/Brussels",
            rooms={
                name: Room(
                    start, newest := end - timedelta(minutes=1), frozenset({""}), dict.fromkeys(QUANTITIES, newest)
                )
                for name in names
            },
        )
    )

    def statistics(level: float, swing: float, slot: int) -> Statistics:
        mean = round(level + swing * np.sin(2 * np.pi * slot / 96) + rng.normal(0, 0.1), 3)
        return Statistics(mean=mean, min=mean, max=mean, count=1)

    for first in range(0, slots, 20):  # few at a time: a transaction makes moto copy the whole table
        stage.observations.put_many(
            {
                SlotKey(house, to_epoch_ms(start + slot * SLOT)): (
                    {
                        name: {"humidity": statistics(50, 5, slot), "temperature": statistics(20, 1.5, slot)}
                        for name in names
                    },
                    Origin(1),
                )
                for slot in range(first, min(first + 20, slots))
            }
        )


def metrics_of(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """What CloudWatch would read: the metrics of the calls since, in lines of JSON on standard output."""
    found: dict[str, float] = {}
    for line in capsys.readouterr().out.splitlines():
        metric = json.loads(line)
        for directive in metric["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == "roomidity"
            assert directive["Dimensions"] == [["service"]]  # as alarms and dashboard have it
            for one in directive["Metrics"]:
                found[one["Name"]] = found.get(one["Name"], 0.0) + sum(np.atleast_1d(metric[one["Name"]]))
    return found


# ---- every function


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_an_error_that_is_raised_stands_in_the_log(invoke: Invoke, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InputError):
        invoke("drain", {"time": "yesterday"})
    (line,) = [record for record in caplog.records if record.message == "the call failed"]
    assert line.levelname == "ERROR"
    assert line.exc_info is not None
    assert line.exc_info[0] is InputError


def test_a_job_that_fails_beside_others_stands_in_the_log(
    stage: Stage, invoke: Invoke, caplog: pytest.LogCaptureFixture
) -> None:
    """As the call itself does not fail, nothing else would tell why the job ends as a dead letter."""
    observe(stage, "demo", days=1, rooms=1)
    jobs = [{"house": house, "issued_at": "2026-03-15T00:00Z"} for house in ("demo", "nobody")]
    assert failed(invoke("forecast", records("forecast", *jobs))) == {"job 1"}
    (line,) = [record for record in caplog.records if record.message == "job failed"]
    assert (line.levelname, json.loads(vars(line)["job"])) == ("ERROR", jobs[1])
    assert line.exc_info is not None
    assert line.exc_info[0] is NotFoundError


# ---- drain


def test_a_drain_of_an_empty_queue_without_a_time(invoke: Invoke, capsys: pytest.CaptureFixture[str]) -> None:
    answer = invoke("drain", sample("drain_empty"))
    assert answer["readings"] == {"received": 0, "stored": 0, "duplicate": 0, "rejected": 0}
    assert (answer["waves"], answer["forecast_jobs"], answer["violations"]) == (0, 0, 0)
    assert metrics_of(capsys) == {
        "ReadingsStored": 0,
        "ReadingsRejected": 0,
        "ConservationViolations": 0,
        "HousesActive": 0,
        "ItemsDamaged": 0,
    }


def test_a_reading_on_its_whole_way(stage: Stage, invoke: Invoke, capsys: pytest.CaptureFixture[str]) -> None:
    """Queue, drain, job, forecast: the samples fit each other."""
    packed = sample("readings_packed") | {"house": "demo"}
    bad = sample("reading") | {"humidity": 120}
    stage.readings_queue.send([json.dumps(packed), json.dumps(bad), "not JSON"])
    answer = invoke("drain", sample("drain"))
    assert answer["readings"] == {"received": 7, "stored": 5, "duplicate": 0, "rejected": 2}
    assert answer["rejects"] == {"implausible": 1, "malformed": 1}
    assert (answer["messages"], answer["slots_changed"], answer["undeleted"], answer["violations"]) == (3, 1, 0, 0)
    assert metrics_of(capsys) == {
        "ReadingsStored": 5,
        "ReadingsRejected": 2,
        "ConservationViolations": 0,
        "HousesActive": 1,
        "ItemsDamaged": 0,
    }

    ((slot, rooms),) = stage.observations.between("demo", NOW - timedelta(days=1), NOW)
    assert slot == NOW - SLOT
    assert rooms["kitchen"]["temperature"] == Statistics(mean=21.35, min=21.3, max=21.4, count=2)
    assert rooms["bathroom"]["humidity"] == Statistics(mean=63.8, min=63.8, max=63.8, count=1)
    assert rooms["outdoor"]["temperature"] == Statistics(mean=6.4, min=6.4, max=6.4, count=1)

    kept = [reject for key in stage.rejects.keys(NOW.date()) for reject in stage.rejects.read(key)]
    assert sorted((reject["reason"], reject["house"]) for reject in kept) == [
        ("implausible", "demo"),
        ("malformed", None),
    ]
    assert {json.dumps(reject["original"], sort_keys=True) for reject in kept} == {
        json.dumps(bad, sort_keys=True),
        '"not JSON"',
    }

    (job,) = stage.forecast_jobs.receive()
    assert json.loads(job.body) == {"house": "demo", "issued_at": "2026-03-15T00:00Z"}
    assert json.loads(job.body) == json.loads(sample("forecast")["Records"][0]["body"])
    assert failed(invoke("forecast", sample("forecast"))) == set()
    for room in ("kitchen", "bathroom"):
        forecast = stage.forecasts.latest("demo", room, now=NOW)
        assert forecast is not None
        assert forecast.issued_at == NOW
        assert set(forecast.quantities) == {"humidity", "temperature"}
    assert stage.forecasts.latest("demo", "outdoor", now=NOW) is None


def test_the_issue_time_is_the_events_floored_to_the_slot(stage: Stage, invoke: Invoke) -> None:
    observe(stage, "demo", days=0.1)
    invoke("drain", sample("drain") | {"time": "2026-03-15T02:16:43+01:00"})
    (job,) = stage.forecast_jobs.receive()
    assert json.loads(job.body)["issued_at"] == "2026-03-15T01:15Z"


def test_a_silent_gateway_does_not_silence_the_forecast(stage: Stage, invoke: Invoke) -> None:
    observe(stage, "silent", days=0.1, end=NOW - timedelta(days=6))
    observe(stage, "gone", days=0.1, end=NOW - timedelta(days=8))
    assert invoke("drain", sample("drain"))["forecast_jobs"] == 1
    (job,) = stage.forecast_jobs.receive()
    assert json.loads(job.body)["house"] == "silent"
    assert failed(invoke("forecast", records("forecast", job.body))) == set()
    forecast = stage.forecasts.latest("silent", "room 0", now=NOW)
    assert forecast is not None
    assert set(forecast.grade.values()) == {"persistence"}
    assert forecast.data_through == NOW - timedelta(days=6) - SLOT


def test_a_drain_with_no_time_left_takes_nothing(stage: Stage, invoke: Invoke) -> None:
    stage.readings_queue.send([(EVENTS / "reading.json").read_text()])
    assert invoke("drain", sample("drain"), Hurried("drain"))["messages"] == 0
    assert stage.readings_queue.depth() == 1
    assert invoke("drain", sample("drain"))["readings"]["stored"] == 1


def test_what_is_delivered_again_changes_nothing(stage: Stage, invoke: Invoke) -> None:
    body = (EVENTS / "readings_packed.json").read_text()
    stage.readings_queue.send([body])
    invoke("drain", sample("drain"))
    before = list(stage.observations.between("demo", NOW - timedelta(days=1), NOW))
    stage.readings_queue.send([body, body])
    answer = invoke("drain", sample("drain"))
    assert answer["readings"] == {"received": 10, "stored": 0, "duplicate": 10, "rejected": 0}
    assert answer["duplicates"] == {"repeat": 10, "conflict": 0, "dense": 0}
    assert (answer["slots_changed"], answer["slots_rederived"]) == (0, 0)
    assert list(stage.observations.between("demo", NOW - timedelta(days=1), NOW)) == before


def test_an_observation_that_a_drain_did_not_come_to_write_is_derived_by_the_next(
    stage: Stage, invoke: Invoke, plain_tables: Any
) -> None:
    body = (EVENTS / "readings_packed.json").read_text()
    stage.readings_queue.send([body])
    invoke("drain", sample("drain"))
    before = list(stage.observations.between("demo", NOW - timedelta(days=1), NOW))
    plain_tables.Table("roomidity-test-observations").delete_item(Key={"house": "demo", "slot": "2026-03-14T23:45Z"})
    stage.readings_queue.send([body])  # it died before deleting, so the message comes again
    assert invoke("drain", sample("drain"))["slots_rederived"] == 1
    assert list(stage.observations.between("demo", NOW - timedelta(days=1), NOW)) == before


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_time_that_cannot_be_read_is_said(invoke: Invoke) -> None:
    with pytest.raises(InputError, match="'yesterday'; expected ISO 8601"):
        invoke("drain", {"time": "yesterday"})


# ---- forecast


def test_one_bad_job_of_three_is_reported_and_the_others_are_written(
    stage: Stage, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    for house in ("h1", "h2"):
        observe(stage, house, days=0.5)
    issued_at = "2026-03-15T00:00Z"
    answer = invoke(
        "forecast",
        records(
            "forecast",
            {"house": "h1", "issued_at": issued_at},
            {"house": "h1", "issued_at": "noon"},
            {"house": "h2", "issued_at": issued_at},
        ),
    )
    assert failed(answer) == {"job 1"}
    for house in ("h1", "h2"):
        for room in ("room 0", "room 1"):
            forecast = stage.forecasts.latest(house, room, now=NOW)
            assert forecast is not None
            assert forecast.grade == {"humidity": "sparse", "temperature": "sparse"}
            for quantiles in forecast.quantities.values():
                assert all(len(values) == 96 for values in quantiles.values())
                assert (quantiles["p10"] <= quantiles["p50"]).all()
                assert (quantiles["p50"] <= quantiles["p90"]).all()
    assert metrics_of(capsys)["RoomsForecast"] == 4


def test_if_every_job_fails_the_call_does(stage: Stage, invoke: Invoke) -> None:
    with pytest.raises(BatchFailedError):
        invoke("forecast", records("forecast", {"house": "never seen", "issued_at": "2026-03-15T00:00Z"}, "no JSON"))


def test_a_job_that_comes_again_writes_the_same_items(stage: Stage, invoke: Invoke, plain_tables: Any) -> None:
    observe(stage, "demo", days=2)
    table = plain_tables.Table("roomidity-test-forecasts")
    invoke("forecast", sample("forecast"))
    first = table.scan()["Items"]
    assert len(first) == 2
    invoke("forecast", sample("forecast"))
    assert table.scan()["Items"] == first


# ---- train, and what it changes


def test_what_is_trained_serves_and_what_is_tampered_with_does_not(
    stage: Stage, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    observe(stage, "demo", days=5)
    invoke("forecast", sample("forecast"))
    by_the_prior = stage.forecasts.latest("demo", "room 0", now=NOW)
    assert by_the_prior is not None
    assert set(by_the_prior.grade.values()) == {"prior"}

    assert failed(invoke("train", sample("train"))) == set()
    version = stage.registry.pointer("demo").points_to
    assert version is not None
    manifest = stage.registry.record("demo", version).facts
    assert (manifest["reason"], manifest["rooms"]) == ("manual", ["room 0", "room 1"])
    assert manifest["trained_through"] == "2026-03-15T00:00Z"
    assert manifest["code_version"]

    invoke("forecast", sample("forecast"))
    by_its_own = stage.forecasts.latest("demo", "room 0", now=NOW)
    assert by_its_own is not None
    assert by_its_own.model_version == version
    assert set(by_its_own.grade.values()) == {"full"}
    assert metrics_of(capsys)["ModelsRefused"] == 0

    stage.bucket.put(f"models/demo/{version}/model.npz", b"tampered with", content_type="application/octet-stream")
    import_module("handlers.runtime").stage.cache_clear()  # another environment, with nothing in memory
    assert failed(invoke("forecast", sample("forecast"))) == set()
    again = stage.forecasts.latest("demo", "room 0", now=NOW)
    assert again is not None
    assert again.model_version == by_the_prior.model_version
    np.testing.assert_array_equal(again.quantities["humidity"]["p50"], by_the_prior.quantities["humidity"]["p50"])
    assert metrics_of(capsys)["ModelsRefused"] == 1


def test_too_little_history_is_no_failure(stage: Stage, invoke: Invoke) -> None:
    observe(stage, "demo", days=0.2)
    assert failed(invoke("train", sample("train"))) == set()
    assert champion_of(stage.registry, "demo") is None


def test_a_training_job_of_no_house_fails(stage: Stage, invoke: Invoke) -> None:
    with pytest.raises(BatchFailedError):
        invoke("train", records("train", {"house": "a/b", "reason": "manual"}))


# ---- verify


def promote(stage: Stage, house: str, at: datetime) -> None:
    """A champion: the prior with a room's ridges that say nothing, its state as of then."""
    model, state, _ = load_prior()
    nothing = np.zeros((1, *model.local.shape[1:]))
    own = replace(model, rooms=("room 0",), local=nothing, residual=nothing)
    number = to_epoch_ms(at) // SLOT_MS
    manifest = {"trained_through": format_slot(at), "quarantine": []}
    version = stage.registry.publish(
        house, model=own, state=replace(state, through=number, scored=number - 96), manifest=manifest, trained_at=at
    )
    stage.registry.promote(house, version, at=at)


def test_a_night_scores_what_is_over_moves_the_state_on_and_asks_for_training(
    stage: Stage, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    observe(stage, "demo", days=5)
    promote(stage, "demo", NOW - timedelta(days=2))
    invoke("forecast", records("forecast", {"house": "demo", "issued_at": "2026-03-13T00:00Z"}))
    before = champion_of(stage.registry, "demo")
    capsys.readouterr()

    night = {"day": "2026-03-13", "houses": 1, "rows": 2, "states_advanced": 1, "states_refused": 0, "slots_flagged": 0}
    assert invoke("verify", sample("verify")) == night | {"trainings_asked": {"daily": 1}}
    metrics = metrics_of(capsys)
    assert metrics == {"ForecastsRefused": 0, "HousesDrifted": 0, "ItemsDamaged": 0, "SlotsFlagged": 0}
    after = champion_of(stage.registry, "demo")
    assert before is not None
    assert after is not None
    assert after.version == before.version
    assert after.state.through > before.state.through
    (row,) = stage.accuracy.between("demo", "room 1", date(2026, 3, 13), date(2026, 3, 13))
    assert (row.forecasts, row.complete, row.scores["humidity"].count.sum()) == (1, True, 96)
    (job,) = stage.training_jobs.receive()
    assert json.loads(job.body) == {"house": "demo", "reason": "daily", "now": "2026-03-15T00:15Z"}

    again = invoke("verify", sample("verify"))
    assert (again["rows"], again["states_advanced"]) == (0, 0)
    one_day = night | {"states_advanced": 0, "trainings_asked": {}}
    assert invoke("verify", sample("verify_house")) == one_day


def test_a_night_flags_a_sensor_that_stands_still(stage: Stage, invoke: Invoke, plain_tables: Any) -> None:
    observe(stage, "demo", days=3)
    stuck = [SlotKey("demo", to_epoch_ms(NOW - back * SLOT)) for back in range(1, 98)]
    still = {"room 0": {"temperature": Statistics(21.0, 21.0, 21.0, 9)}}
    stage.observations.put_many({key: (still, Origin(2)) for key in stuck})
    assert invoke("verify", sample("verify"))["slots_flagged"] == 97
    item = plain_tables.Table("roomidity-test-observations").get_item(
        Key={"house": "demo", "slot": format_slot(NOW - SLOT)}
    )["Item"]
    assert item["rooms"]["room 0"]["temperature"]["fault"] == "stuck"
    assert item["version"] == 2
    assert invoke("verify", sample("verify"))["slots_flagged"] == 0


def test_houses_whose_forecasts_became_worse_are_counted(
    stage: Stage, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reasons: dict[str, Any] = {"a": "drift", "b": "weekly", "c": None, "d": "drift"}
    for house in reasons:
        observe(stage, house, days=0.1, rooms=1)

    def run(ports: Any, *, house: str, now: datetime) -> Any:
        return Night(slots_flagged=3, training=reasons[house])

    monkeypatch.setattr(fleet, "run_night", run)
    assert invoke("verify", sample("verify"))["trainings_asked"] == {"drift": 2, "weekly": 1}
    assert metrics_of(capsys) == {"ForecastsRefused": 0, "HousesDrifted": 2, "ItemsDamaged": 0, "SlotsFlagged": 12}


def test_one_house_that_fails_does_not_cost_the_others_their_night(
    stage: Stage, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    for house in ("a", "b", "c"):
        observe(stage, house, days=1, rooms=1)
    run_night: Any = vars(fleet)["run_night"]
    done: list[str] = []

    def run(ports: Any, *, house: str, now: datetime) -> Any:
        if house == "b":
            raise OSError("a table is away")
        done.append(house)
        return run_night(ports, house=house, now=now)

    monkeypatch.setattr(fleet, "run_night", run)
    with pytest.raises(VerificationError, match="could not verify 1 houses, the log says why: b"):
        invoke("verify", sample("verify"))
    assert sorted(done) == ["a", "c"]


def test_more_houses_than_one_call_takes_have_calls_of_their_own(
    stage: Stage, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"house {number}" for number in range(3)]
    for house in names:
        observe(stage, house, days=4, rooms=1)
    begun: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Function, "begin", lambda function, event: begun.append((function.name, dict(event))))
    monkeypatch.setenv("ROOMIDITY_VERIFY_HOUSES", "2")
    import_module("handlers.runtime").stage.cache_clear()

    assert invoke("verify", sample("verify")) == {"day": "2026-03-13", "houses": 3, "calls": 2}
    assert {name for name, _ in begun} == {"roomidity-test-verify"}
    assert sorted(house for _, event in begun for house in event["houses"]) == names
    assert stage.training_jobs.receive() == []
    monkeypatch.setattr("handlers.runtime.clock", lambda: NOW + timedelta(days=9))  # a call may be tried again later
    answers = [invoke("verify", event) for _, event in begun]
    assert [(answer["day"], answer["houses"]) for answer in answers] == [("2026-03-13", number) for number in (2, 1)]
    assert sum(answer["trainings_asked"]["first"] for answer in answers) == 3
    assert len(begun) == 2, "a part is not divided again"

    begun.clear()
    invoke("verify", {"day": "2026-03-12", "time": "2026-03-15T00:20:00Z"})
    assert {event["day"] for _, event in begun} == {"2026-03-12"}
    assert [invoke("verify", event)["day"] for _, event in begun] == ["2026-03-12"] * 2


def test_where_there_is_no_function_to_divide_houses_among_they_follow_each_other(
    stage: Stage, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a laptop, whose engine has the tables and queues, and no functions."""
    for number in range(5):
        observe(stage, f"house {number}", days=0.1, rooms=1)
    monkeypatch.setenv("ROOMIDITY_VERIFY_HOUSES", "2")
    import_module("handlers.runtime").stage.cache_clear()
    answer = invoke("verify", sample("verify"))
    assert (answer["day"], answer["houses"]) == ("2026-03-13", 5)
    assert "calls" not in answer


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("houses", ["h1", ["a/b"], [1], {"h1": 1}])
def test_houses_that_are_none_are_said(invoke: Invoke, houses: Any) -> None:
    with pytest.raises(InputError, match="expected names of 1 to 64 characters"):
        invoke("verify", {"houses": houses})


def test_a_night_without_time_left_names_the_houses_that_it_did_not_reach(stage: Stage, invoke: Invoke) -> None:
    observe(stage, "a", days=1, rooms=1)
    with pytest.raises(VerificationError, match="could not verify 1 houses"):
        invoke("verify", sample("verify"), Ending("verify"))


def test_a_night_with_no_house_yet(invoke: Invoke) -> None:
    assert invoke("verify", sample("verify"))["houses"] == 0


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_day_that_cannot_be_read_is_said(invoke: Invoke) -> None:
    with pytest.raises(InputError, match="'last week'; expected YYYY-MM-DD"):
        invoke("verify", {"day": "last week"})
