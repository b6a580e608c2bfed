"""Through the functions, against moto: a damaged item of any table costs no other house its readings or forecast."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pytest
from boto3.dynamodb.types import TypeDeserializer

from roomidity.composition import Stage
from roomidity.domain.houses import House, Quarantine
from roomidity.domain.slots import SLOT, format_moment, format_slot
from roomidity.errors import ItemDamagedError
from roomidity.forecasting import load_prior
from roomidity.pipeline.quarantine import change_rule, derive_anew
from tests.integration.test_doctor import doctor, fresh
from tests.integration.test_handlers import NOW, Invoke, failed, invoke, metrics_of, observe, promote, records, sample

__all__ = ["fresh", "invoke"]  # fixtures

DAY: Final = timedelta(days=1)
SEEN: Final = {"S": format_moment(NOW - SLOT)}
ROOM: Final = {"first_seen": SEEN, "last_seen": SEEN, "sensors": {"L": [{"S": ""}]}}
SOUND: Final[dict[str, Any]] = {
    "house": {"S": "odd"},
    "timezone": {"S": "Europe/Brussels"},
    "rooms": {"M": {"bath": {"M": ROOM}}},
    "quarantine": {"M": {"rules": {"L": []}, "version": {"N": "0"}}},
    "settings": {"M": {}},
    "version": {"N": "1"},
}
HOUSES: Final[dict[str, dict[str, Any]]] = {
    "only its key": {"house": {"S": "odd"}},
    "a room's last_seen is null": SOUND | {"rooms": {"M": {"bath": {"M": ROOM | {"last_seen": {"NULL": True}}}}}},
    "last_seen is a number": SOUND | {"last_seen": {"N": "1"}},
    "no rooms": {name: value for name, value in SOUND.items() if name != "rooms"},
    "rooms is a list": SOUND | {"rooms": {"L": []}},
    "a room is text": SOUND | {"rooms": {"M": {"bath": {"S": "odd"}}}},
    "a time has no offset": SOUND | {"rooms": {"M": {"bath": {"M": ROOM | {"last_seen": {"S": "2026-03-15T00:00"}}}}}},
    "settings is text": SOUND | {"settings": {"S": "odd"}},
    "the time zone is a number": SOUND | {"timezone": {"N": "1"}},
    "rules are none": SOUND | {"quarantine": {"M": {"rules": {"L": [{"S": "odd"}]}}}},
    "the version is text": SOUND | {"version": {"S": "1"}},
}


@pytest.fixture
def raw(stage: Stage, plain_tables: Any) -> Any:
    return plain_tables.meta.client


def put(raw: Any, table: str, item: dict[str, Any]) -> None:
    plain = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
    raw.put_item(TableName=f"roomidity-test-{table}", Item=plain)


def reading(house: str, room: str = "room 0") -> str:
    return json.dumps({"house": house, "room": room, "ts": format_moment(NOW - SLOT), "temperature": 21.0})


def jobs(stage: Stage) -> Iterator[str]:
    while messages := stage.forecast_jobs.receive():
        yield from (json.loads(one.body)["house"] for one in messages)


def test_odd_houses_cost_no_other_its_readings_or_its_forecast(
    stage: Stage,
    raw: Any,
    invoke: Invoke,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    observe(stage, "good", days=0.1)
    for name, item in HOUSES.items():
        put(raw, "houses", item | {"house": {"S": name}})
    capsys.readouterr()
    stage.readings_queue.send([reading("good"), *map(reading, HOUSES), reading("new", "attic")])
    answer = invoke("drain", sample("drain"))
    assert (answer["readings"]["stored"], answer["undeleted"]) == (2, len(HOUSES))
    assert metrics_of(capsys)["ItemsDamaged"] == len(HOUSES)
    noted = [one for one in caplog.records if one.message == "an item is damaged, the others are read"]
    assert {one.key["house"] for one in noted} == set(HOUSES)  # type: ignore[attr-defined]
    assert {one.table for one in noted} == {"roomidity-test-houses"}  # type: ignore[attr-defined]
    assert set(jobs(stage)) >= {"good", "new"}
    found = doctor()["items"]
    assert found["status"] == "wrong"
    assert found["found"].startswith(f"{len(HOUSES)} cannot be read: roomidity-test-houses ")
    for name in HOUSES:
        home = stage.houses.get(name)
        assert home is not None
        with pytest.raises(ItemDamagedError, match="of table roomidity-test-houses is damaged"):
            stage.houses.put(home)


def test_an_odd_house_is_forecast_as_far_as_it_is_known(stage: Stage, raw: Any, invoke: Invoke) -> None:
    observe(stage, "odd", days=0.5)
    raw.update_item(
        TableName="roomidity-test-houses",
        Key={"house": "odd"},
        UpdateExpression="SET settings = :odd, rooms.#room.last_seen = :odd",
        ExpressionAttributeNames={"#room": "room 1"},
        ExpressionAttributeValues={":odd": "odd"},
    )
    assert invoke("drain", sample("drain"))["forecast_jobs"] == 1
    assert failed(invoke("forecast", records("forecast", *[{"house": "odd", "issued_at": format_slot(NOW)}]))) == set()
    assert stage.forecasts.latest("odd", "room 0", now=NOW) is not None
    assert stage.forecasts.latest("odd", "room 1", now=NOW) is None


def test_a_mistyped_time_zone_is_named_and_costs_nothing(
    stage: Stage,
    raw: Any,
    invoke: Invoke,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    observe(stage, "demo", days=0.5)
    put(raw, "houses", SOUND | {"house": {"S": "demo"}, "timezone": {"S": "Europe/Brusels"}})
    stage.readings_queue.send([reading("demo", "bath")])
    capsys.readouterr()
    assert invoke("drain", sample("drain"))["readings"]["stored"] == 1
    assert metrics_of(capsys)["ItemsDamaged"] == 1
    assert failed(invoke("forecast", sample("forecast"))) == set()
    assert stage.forecasts.latest("demo", "bath", now=NOW) is not None
    home = stage.houses.get("demo")
    assert home is not None
    assert (home.timezone, home.zone, home.flaw) == ("Europe/Brusels", "Europe/Brussels", None)
    told = {one.why for one in caplog.records if one.message == "an item is damaged, the others are read"}  # type: ignore[attr-defined]
    assert told == {"its time zone 'Europe/Brusels' is unknown; Europe/Brussels stands in for it"}, "in each function"


def test_an_odd_set_leaves_its_readings_in_the_queue_and_costs_no_other(stage: Stage, raw: Any, invoke: Invoke) -> None:
    slot = {"S": format_slot(NOW - SLOT)}
    put(raw, "readings", {"house": {"S": "odd"}, "slot": slot, "packed": {"S": "odd"}, "version": {"N": "1"}})
    put(raw, "readings", {"house": {"S": "none"}, "slot": slot, "version": {"N": "1"}})
    stage.readings_queue.send([reading("good"), reading("odd"), reading("none")])
    answer = invoke("drain", sample("drain"))
    assert (answer["readings"]["stored"], answer["undeleted"], answer["forecast_jobs"]) == (1, 2, 3)


def test_an_observation_with_an_odd_origin_is_derived_anew(stage: Stage, raw: Any, invoke: Invoke) -> None:
    slot = {"S": format_slot(NOW - SLOT)}
    odd = {"house": {"S": "demo"}, "slot": slot, "rooms": {"S": "odd"}, "version": {"S": "odd"}}
    put(raw, "observations", odd)
    stage.readings_queue.send([reading("demo")])
    assert invoke("drain", sample("drain"))["readings"]["stored"] == 1
    ((_, means),) = stage.observations.means("demo", NOW - SLOT, NOW)
    assert means == {"room 0": {"temperature": 21.0}}


def test_an_observation_that_gives_way_to_none_costs_no_other(
    stage: Stage, raw: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer version of roomidity wrote it."""
    monkeypatch.setattr("roomidity.pipeline.backoff._LONGEST_S", 0.0)
    odd = {"house": {"S": "odd"}, "slot": {"S": format_slot(NOW - SLOT)}, "rooms": {"M": {}}}
    put(raw, "observations", odd | {"version": {"N": "0"}, "v": {"N": "99"}})
    stage.readings_queue.send([reading("good"), reading("odd")])
    answer = invoke("drain", sample("drain"))
    assert (answer["readings"]["stored"], answer["undeleted"], answer["violations"]) == (2, 1, 0)
    assert len(list(stage.observations.means("good", NOW - SLOT, NOW))) == 1


def test_an_observation_of_more_rules_than_its_house_ever_had_gives_way(
    stage: Stage, raw: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the houses were restored: the house's number is raised above the observation's."""
    monkeypatch.setattr("roomidity.pipeline.backoff._LONGEST_S", 0.0)
    odd = {"house": {"S": "odd"}, "slot": {"S": format_slot(NOW - SLOT)}, "rooms": {"M": {}}}
    put(raw, "observations", odd | {"version": {"N": "0"}, "rules": {"N": "99"}})
    stage.readings_queue.send([reading("good"), reading("odd")])
    answer = invoke("drain", sample("drain"))
    assert (answer["readings"]["stored"], answer["undeleted"], answer["violations"]) == (2, 0, 0)
    for name in ("good", "odd"):
        ((_, means),) = stage.observations.means(name, NOW - SLOT, NOW)
        assert means == {"room 0": {"temperature": 21.0}}


OBSERVATIONS: Final[dict[str, Any]] = {
    "rooms is text": "odd",
    "rooms is null": None,
    "a room is a list": {"room 0": []},
    "a quantity is text": {"room 0": {"humidity": "odd"}},
    "no mean": {"room 0": {"humidity": {"min": 50}}},
    "the mean is text": {"room 0": {"humidity": {"mean": "odd"}}},
    "the mean is huge": {"room 0": {"humidity": {"mean": 10**30}}},
    "no such quantity": {"room 0": {"pressure": {"mean": 1000}}},
}


def test_a_house_with_odd_observations_is_forecast_and_verified(stage: Stage, raw: Any, invoke: Invoke) -> None:
    observe(stage, "demo", days=3)
    invoke("forecast", records("forecast", {"house": "demo", "issued_at": format_slot(NOW - 2 * DAY)}))
    for place, rooms in enumerate(OBSERVATIONS.values()):
        key = {"house": "demo", "slot": format_slot(NOW - (1 + 4 * place) * SLOT)}
        raw.put_item(TableName="roomidity-test-observations", Item=key | {"version": 1, "rooms": rooms})
    assert failed(invoke("forecast", sample("forecast"))) == set()
    issued = stage.forecasts.latest("demo", "room 0", now=NOW)
    assert issued is not None
    assert np.isfinite(issued.quantiles).all()
    assert invoke("verify", sample("verify"))["rows"] == 2


FORECASTS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "another format": ("SET v = :odd", {":odd": 3}),
    "27 numbers": ("REMOVE humidity_p10[0]", {}),
    "a quantile is missing": ("REMOVE humidity_p50", {}),
    "text among numbers": ("SET temperature_p10[3] = :odd", {":odd": "odd"}),
    "huge numbers": ("SET temperature_p10[3] = :odd", {":odd": 10**30}),
    "grade is text": ("SET grade = :odd", {":odd": "odd"}),
    "no grade": ("REMOVE grade.humidity", {}),
}


def test_odd_forecasts_cost_only_their_own_score(stage: Stage, raw: Any, invoke: Invoke) -> None:
    observe(stage, "demo", days=3)
    for place in range(len(FORECASTS) + 1):
        job = {"house": "demo", "issued_at": format_slot(NOW - 2 * DAY + place * SLOT)}
        invoke("forecast", records("forecast", job))
    for place, (change, values) in enumerate(FORECASTS.values(), start=1):
        more = {"ExpressionAttributeValues": values} if values else {}
        key = {"room_id": "demo/room 0", "issued_at": format_slot(NOW - 2 * DAY + place * SLOT)}
        raw.update_item(TableName="roomidity-test-forecasts", Key=key, UpdateExpression=change, **more)
    latest = stage.forecasts.latest("demo", "room 0", now=NOW)
    assert latest is not None
    assert latest.issued_at == NOW - 2 * DAY
    assert invoke("verify", sample("verify"))["rows"] == 2
    day = (NOW - 2 * DAY).date()
    rows = [row.forecasts for room in (0, 1) for row in stage.accuracy.between("demo", f"room {room}", day, day)]
    assert rows == [1, 1 + len(FORECASTS)]


MODELS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "the pointer is a number": ("champion", "SET points_to = :odd", {":odd": 5}),
    "the pointer has no counter": ("champion", "REMOVE #counter", {}),
    "the pointer's time is none": ("champion", "SET since = :odd", {":odd": "odd"}),
    "the manifest is text": ("version", "SET manifest = :odd", {":odd": "odd"}),
    "a checksum is a number": ("version", "SET manifest.sha256 = :odd", {":odd": 5}),
    "a state's name is a list": ("version", "SET state_sha256 = :odd", {":odd": []}),
    "how far it was trained is no slot": ("version", "SET manifest.trained_through = :odd", {":odd": "noon"}),
    "the decision is a list": ("version", "SET decision = :odd", {":odd": []}),
}


def test_houses_with_odd_pointers_and_records_are_forecast_by_the_prior_and_have_their_night(
    stage: Stage, raw: Any, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    for house in ("good", *MODELS):
        observe(stage, house, days=0.1, rooms=1)
        promote(stage, house, NOW - 2 * DAY)
    version = stage.registry.pointer("good").points_to
    for house, (which, change, values) in MODELS.items():
        more: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        if "#counter" in change:
            more["ExpressionAttributeNames"] = {"#counter": "counter"}
        key = {"house": house, "version": "champion" if which == "champion" else version}
        raw.update_item(TableName="roomidity-test-models", Key=key, UpdateExpression=change, **more)
    capsys.readouterr()
    asked = [{"house": house, "issued_at": format_slot(NOW)} for house in ("good", *MODELS)]
    assert failed(invoke("forecast", records("forecast", *asked))) == set()
    metrics = metrics_of(capsys)
    assert (metrics["ItemsDamaged"], metrics["ModelsRefused"]) == (len(MODELS), len(MODELS))
    for house in ("good", *MODELS):
        issued = stage.forecasts.latest(house, "room 0", now=NOW)
        assert issued is not None
        assert issued.model_version == (version if house == "good" else load_prior()[2]["version"])
    night = invoke("verify", sample("verify"))
    assert (night["houses"], night["states_advanced"]) == (1 + len(MODELS), 1)
    found = doctor()
    assert found["items"]["found"].startswith(f"{len(MODELS)} cannot be read: roomidity-test-models ")


def test_a_row_of_accuracy_that_is_odd_is_written_anew(stage: Stage, raw: Any, invoke: Invoke) -> None:
    observe(stage, "demo", days=3)
    invoke("forecast", records("forecast", {"house": "demo", "issued_at": format_slot(NOW - 2 * DAY)}))
    assert invoke("verify", sample("verify"))["rows"] == 2
    day = (NOW - 2 * DAY).date()
    key = {"room_id": "demo/room 0", "day": day.isoformat()}
    raw.put_item(TableName="roomidity-test-accuracy", Item=key | {"forecasts": "odd"})
    assert stage.accuracy.between("demo", "room 0", day, day) == []
    assert invoke("verify", sample("verify"))["rows"] == 1
    assert len(stage.accuracy.between("demo", "room 0", day, day)) == 1


def test_a_rule_put_and_undone_mends_an_observation(stage: Stage, raw: Any, invoke: Invoke) -> None:
    """As the runbook and the doctor say."""
    stage.readings_queue.send([reading("demo")])
    invoke("drain", sample("drain"))
    key = {"house": "demo", "slot": format_slot(NOW - SLOT)}
    raw.put_item(TableName="roomidity-test-observations", Item=key | {"version": 1, "rooms": "odd"})
    assert list(stage.observations.means("demo", NOW - SLOT, NOW)) == []
    rule = Quarantine(NOW - SLOT, NOW)
    for remove in (False, True):
        change_rule(stage.quarantine_ports, house="demo", rule=rule, remove=remove)
        assert list(derive_anew(stage.quarantine_ports, house="demo", rule=rule)) == [(1, 1)]
    assert len(list(stage.observations.means("demo", NOW - SLOT, NOW))) == 1
    assert isinstance(stage.houses.get("demo"), House)
