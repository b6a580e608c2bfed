"""Versions side by side: what a newer one wrote is read, kept whole, and not misread; of a higher ``v``, left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace as replace_fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import boto3
import numpy as np
import pytest
from msgspec.structs import replace

from roomidity.composition import Stage
from roomidity.domain.houses import Quarantine
from roomidity.domain.notices.notice import Finding, Notice, Watch
from roomidity.domain.observations import Observation, Origin, Statistics, StoredSet
from roomidity.domain.reread import Reread
from roomidity.domain.slots import SLOT, SLOT_MS, SlotKey, format_moment, format_slot, to_epoch_ms
from roomidity.domain.weather import HOURS, WeatherIssue, house_place
from roomidity.errors import ItemDamagedError, ModelRefusedError
from roomidity.forecasting import load_prior
from roomidity.forecasting.artifacts import pack
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.forecasting.evaluation.scores import LEAD_HOURS, Score
from roomidity.forecasting.formats import STATE_FIELDS
from roomidity.forecasting.model import _arrays
from roomidity.pipeline.drain import DrainSummary, drain
from roomidity.pipeline.quarantine import change_rule
from roomidity.pipeline.rederiving import rederive_house
from roomidity.readings import packing
from tests.integration.stage import REGION
from tests.integration.test_registry import TRAINED_AT, elsewhere, publish, state_at
from tests.integration.test_tables import forecast

NOW: Final = datetime(2026, 3, 15, 12, tzinfo=UTC)
KEY: Final = SlotKey("h1", to_epoch_ms(NOW - SLOT))
SLOT_NAME: Final = format_slot(KEY.start)
DAY: Final = date(2026, 3, 13)

Change = Callable[[dict[str, Any]], object]


def reading(minute: int, **more: Any) -> dict[str, Any]:
    ts = format_moment(KEY.start + timedelta(minutes=minute))
    return {"house": "h1", "room": "kitchen", "ts": ts, "temperature": 20 + minute / 10, **more}


def take_in(stage: Stage, *minutes: int, now: datetime = NOW) -> DrainSummary:
    stage.readings_queue.send([json.dumps({"readings": [reading(minute) for minute in minutes]})])
    return drain(stage.drain_ports, stage.drain_config, now=now, remaining_s=lambda: 300.0)


def table_of(stage: Stage, name: str) -> Any:
    return boto3.resource("dynamodb", region_name=REGION).Table(f"{stage.settings.prefix}-{name}")


def newer(stage: Stage, name: str, key: dict[str, str], change: Change) -> dict[str, Any]:
    """An item as a newer version would have it; as it is then."""
    table = table_of(stage, name)
    item = table.get_item(Key=key)["Item"]
    change(item)
    table.put_item(Item=item)
    return dict(table.get_item(Key=key)["Item"])


def held(stage: Stage, name: str, key: dict[str, str]) -> dict[str, Any]:
    return dict(table_of(stage, name).get_item(Key=key)["Item"])


def with_more(item: dict[str, Any]) -> None:
    item["more"] = {"of": ["a", "newer"], "version": 2}


def of_format_2(item: dict[str, Any]) -> None:
    item["v"] = 2


def of_format_3(item: dict[str, Any]) -> None:
    item["v"] = 3


def noted(stage: Stage, table: str) -> str:
    """Why the one damaged item of a table is left out."""
    (one,) = stage.damage.take()
    assert one.table == f"{stage.settings.prefix}-{table}"
    assert "newer version" in one.why
    return one.why


OF_HOUSE: Final = {"house": "h1"}
OF_SLOT: Final = {"house": "h1", "slot": SLOT_NAME}


# ---- Attributes that this version does not know survive its changes.


def test_a_house_keeps_what_a_newer_version_added_anywhere_in_it(stage: Stage) -> None:
    take_in(stage, 0)
    first = Quarantine(NOW - 9 * SLOT, NOW - 8 * SLOT)
    change_rule(stage.quarantine_ports, house="h1", rule=first, remove=False)

    def grow(item: dict[str, Any]) -> None:
        with_more(item)
        item["rooms"]["kitchen"] |= {"floor": 2}
        item["rooms"]["kitchen"]["measured"] |= {"co2": "2026-03-15T11:00:00Z"}
        item["quarantine"] |= {"by": "someone"}
        item["quarantine"]["rules"][0] |= {"why": "smoke"}
        item["settings"] |= {"colour": "blue"}

    newer(stage, "houses", OF_HOUSE, grow)
    second = Quarantine(NOW - 7 * SLOT, NOW - 6 * SLOT)
    change_rule(stage.quarantine_ports, house="h1", rule=second, remove=False)
    stage.readings_queue.send([json.dumps(reading(5, room="bath"))])
    drain(stage.drain_ports, stage.drain_config, now=NOW, remaining_s=lambda: 300.0)
    item = held(stage, "houses", OF_HOUSE)
    assert item["more"] == {"of": ["a", "newer"], "version": 2}
    assert item["rooms"].keys() == {"bath", "kitchen"}
    assert item["rooms"]["kitchen"]["floor"] == 2
    assert item["rooms"]["kitchen"]["measured"].keys() == {"co2", "temperature"}
    assert item["quarantine"]["by"] == "someone"
    assert [rule.get("why") for rule in item["quarantine"]["rules"]] == ["smoke", None]
    assert item["settings"] == {"colour": "blue"}
    assert stage.damage.take() == ()


def test_where_an_older_version_wrote_a_house_no_marks_are_trusted_and_the_next_drain_marks_all_there_is(
    stage: Stage,
) -> None:
    """It keeps them, as whatever it does not know, and may have stored what came late without marking it."""
    take_in(stage, 1)
    house = stage.houses.get("h1")
    assert house is not None
    assert house.reread == Reread.until(to_epoch_ms(NOW) // SLOT_MS)

    def as_an_older_version_leaves_it(item: dict[str, Any]) -> None:
        item["reread"] |= {"first": 0, "last": 0}
        item["version"] += 1

    newer(stage, "houses", {"house": "h1"}, as_an_older_version_leaves_it)
    house = stage.houses.get("h1")
    assert house is not None
    assert house.reread is None
    take_in(stage, 2)
    house = stage.houses.get("h1")
    assert house is not None
    assert house.reread == Reread.until(to_epoch_ms(NOW) // SLOT_MS)


def test_a_set_and_its_observation_keep_what_a_newer_version_added(stage: Stage) -> None:
    take_in(stage, 0)
    for name in ("readings", "observations"):
        newer(stage, name, OF_SLOT, with_more)
    assert take_in(stage, 1, 2).stored == 2
    for name in ("readings", "observations"):
        item = held(stage, name, OF_SLOT)
        assert (item["version"], item["more"]["version"]) == (2, 2), name
    assert held(stage, "observations", OF_SLOT)["rooms"]["kitchen"]["temperature"]["count"] == 3


def test_so_do_those_of_a_past_that_is_filled_in_by_transactions(stage: Stage) -> None:
    keys = [SlotKey("h1", KEY.slot_ms - number * SLOT_MS) for number in range(30)]
    stage.sets.put_many({key: StoredSet(b"\x01a", 1) for key in keys})
    place = {"house": "h1", "slot": format_slot(keys[7].start)}
    newer(stage, "readings", place, with_more)
    assert stage.sets.put_many({key: StoredSet(b"\x01b", 2) for key in keys}) == set()
    assert held(stage, "readings", place)["more"]["version"] == 2


def test_a_house_s_notices_keep_what_a_newer_version_added(stage: Stage) -> None:
    take_in(stage, 0)
    home = stage.houses.get("h1")
    assert home is not None
    notice = Notice("h1", Finding("stuck", "kitchen", 1.0, KEY.start), KEY.start)
    assert stage.notices.put(Watch("h1", at=KEY.start, opened={notice.finding.key: notice}), [notice], home=home)
    places = [{"house": "h1", "id": one} for one in ("watch", notice.id)]
    for place in places:
        newer(stage, "notices", place, with_more)
    watch = stage.notices.watch("h1")
    assert stage.notices.put(replace_fields(watch, opened={}), [replace_fields(notice, cleared_at=NOW)], home=home)
    for place in places:
        assert held(stage, "notices", place)["more"]["version"] == 2
    newer(stage, "notices", places[0], of_format_2)
    with pytest.raises(ItemDamagedError):
        stage.notices.watch("h1")
    assert "format 2" in noted(stage, "notices")


def test_an_issue_of_the_weather_that_a_newer_version_wrote_stays_and_of_another_format_is_left_out(
    stage: Stage,
) -> None:
    hours = (5.0,) * HOURS
    own = house_place("h1")
    issues = [WeatherIssue(own, NOW - SLOT, NOW + number * SLOT, NOW, hours, hours) for number in range(2)]
    stage.weather.put_many(issues)
    keys = [{"place": own, "known_from": f"2026-03-15T12:{minute}:00.000Z"} for minute in ("00", "15")]
    newer(stage, "weather", keys[0], with_more)
    newer(stage, "weather", keys[1], of_format_2)
    assert stage.weather.put_many(issues) == [False, False]
    assert held(stage, "weather", keys[0])["more"]["version"] == 2
    assert stage.weather.issues([own], since=NOW, until=NOW + SLOT) == issues[:1]
    noted(stage, "weather")


def test_flags_leave_all_else_of_an_observation_as_it_is(stage: Stage) -> None:
    still: Observation = {"a.b-c": {"humidity": Statistics(50.0, 50.0, 50.0, 3)}}
    stage.observations.put_many({KEY: (still, Origin(2, 0, "00aa"))})

    before = newer(stage, "observations", OF_SLOT, lambda item: item["rooms"]["a.b-c"]["humidity"].update(median=50))
    for flag in ("stuck", None):
        flagged = {"a.b-c": {"humidity": replace(still["a.b-c"]["humidity"], fault=flag)}}
        assert stage.observations.replace_many({KEY: (flagged, Origin(2, 0, "00aa"))}) == set()
        item = held(stage, "observations", OF_SLOT)
        assert item["rooms"]["a.b-c"]["humidity"].pop("fault", None) == flag
        assert item == before


def accuracy_row(forecasts: int = 96) -> DayAccuracy:
    ones = Score(*(np.ones(LEAD_HOURS) for _ in Score.__dataclass_fields__))
    return DayAccuracy("h1", "kitchen", DAY, forecasts, True, {"humidity": ones}, {})


OF_DAY: Final = {"room_id": "h1/kitchen", "day": DAY.isoformat()}


def test_a_row_of_accuracy_and_a_pointer_keep_what_a_newer_version_added(stage: Stage) -> None:
    stage.accuracy.put_many([accuracy_row(90)])
    newer(stage, "accuracy", OF_DAY, with_more)
    assert stage.accuracy.put_many([accuracy_row(96)]) == 1
    item = held(stage, "accuracy", OF_DAY)
    assert (item["forecasts"], item["more"]["version"]) == (96, 2)

    publish(stage, 1)
    key = {"house": "h1", "version": "champion"}
    newer(stage, "models", key, with_more)
    second = publish(stage, 2, at=TRAINED_AT + timedelta(hours=1))
    item = held(stage, "models", key)
    assert (item["points_to"], item["more"]["version"]) == (second, 2)
    of_version = {"house": "h1", "version": second}
    newer(stage, "models", of_version, with_more)
    assert stage.registry.put_state("h1", second, state_at(2000))
    assert held(stage, "models", of_version)["more"]["version"] == 2


# ---- A format that this version does not know is left alone, counted, and named.


def test_a_house_of_a_newer_format_is_left_alone_and_its_readings_wait(stage: Stage) -> None:
    take_in(stage, 0)
    before = newer(stage, "houses", OF_HOUSE, of_format_2)
    summary = take_in(stage, 1)
    assert (summary.received, summary.undeleted) == (0, 1)
    assert held(stage, "houses", OF_HOUSE) == before
    assert "format 2" in noted(stage, "houses")
    newer(stage, "houses", OF_HOUSE, lambda item: item.pop("v"))  # the newer version is deployed again
    stage.readings_queue.send([json.dumps(reading(1))])
    assert drain(stage.drain_ports, stage.drain_config, now=NOW, remaining_s=lambda: 300.0).stored == 1


@pytest.mark.parametrize("way", ["format byte", "v"])
def test_a_set_of_a_newer_format_is_left_alone_and_its_readings_wait(stage: Stage, way: str) -> None:
    take_in(stage, 0)

    def change(item: dict[str, Any]) -> None:
        if way == "v":
            item["v"] = 2
        else:
            item["packed"] = b"\x03" + item["packed"].value[1:]

    before = newer(stage, "readings", OF_SLOT, change)
    stage.readings_queue.send([json.dumps(reading(1)), json.dumps(reading(1, house="h2"))])
    summary = drain(stage.drain_ports, stage.drain_config, now=NOW, remaining_s=lambda: 300.0)
    assert (summary.stored, summary.undeleted) == (1, 1), "the other house's is stored"
    assert held(stage, "readings", OF_SLOT) == before
    assert "format" in noted(stage, "readings")


def test_contacts_are_stored_beside_and_a_version_without_them_leaves_their_sets_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(stage, 0)
    plain = held(stage, "readings", OF_SLOT), held(stage, "observations", OF_SLOT)
    assert plain[0]["packed"].value[:1] == b"\x01"
    assert "contacts" not in plain[1]
    opened = {
        "house": "h1",
        "room": "kitchen",
        "ts": format_moment(KEY.start + timedelta(minutes=5)),
        "contact": "open",
    }
    stage.readings_queue.send([json.dumps(opened), json.dumps({**opened, "contact": True})])
    summary = drain(stage.drain_ports, stage.drain_config, now=NOW, remaining_s=lambda: 300.0)
    assert (summary.stored, summary.rejected) == (1, {"bad_value": 1})
    before = held(stage, "readings", OF_SLOT), held(stage, "observations", OF_SLOT)
    assert before[0]["packed"].value[:1] == b"\x02"
    assert before[1]["rooms"] == plain[1]["rooms"], "what older versions read is as it was"
    ((_, observation),) = stage.observations.between("h1", KEY.start, NOW)
    assert observation["kitchen"]["contact"] == Statistics(1.0, 1.0, 1.0, 1, changes={"": "+300"})
    (_, means) = next(iter(stage.observations.means("h1", KEY.start, NOW)))
    assert means["kitchen"].keys() == {"temperature"}

    monkeypatch.setattr("roomidity.domain.observations.CONTACT_SET_FORMAT", b"\x01")
    monkeypatch.setattr("roomidity.readings.packing._FORMS", {b"\x01": packing._Packed})
    stage.readings_queue.send([json.dumps(reading(7)), json.dumps(reading(1, house="h2"))])
    summary = drain(stage.drain_ports, stage.drain_config, now=NOW, remaining_s=lambda: 300.0)
    assert (summary.stored, summary.undeleted) == (1, 1), "the other house's is stored, this one's waits"
    assert before == (held(stage, "readings", OF_SLOT), held(stage, "observations", OF_SLOT))
    monkeypatch.undo()
    stage.damage.take()


def test_an_observation_of_a_newer_format_is_left_alone_and_its_readings_wait(stage: Stage) -> None:
    take_in(stage, 0)
    before = newer(stage, "observations", OF_SLOT, of_format_2)
    summary = take_in(stage, 1)
    assert summary.undeleted == 1
    assert held(stage, "observations", OF_SLOT) == before
    assert "format 2" in noted(stage, "observations")
    (done,) = rederive_house(stage.quarantine_ports, house="h1", start=KEY.start, end=NOW)
    assert (done.slots, done.derived) == (1, 0), "rederive passes it over"
    assert list(stage.observations.means("h1", KEY.start, NOW)) == []
    assert "format 2" in noted(stage, "observations")
    flagged: Observation = {"kitchen": {"temperature": Statistics(20.0, 20.0, 20.0, 1, fault="stuck")}}
    assert stage.observations.replace_many({KEY: (flagged, Origin(1))}) == {KEY}
    assert held(stage, "observations", OF_SLOT) == before


def test_a_forecast_of_a_newer_format_is_passed_over(stage: Stage) -> None:
    stage.forecasts.put_many([forecast(issued_at=NOW - SLOT), forecast(issued_at=NOW)])
    newer(stage, "forecasts", {"room_id": "h1/kitchen", "issued_at": format_slot(NOW)}, of_format_3)
    latest = stage.forecasts.latest("h1", "kitchen", now=NOW)
    assert latest is not None
    assert latest.issued_at == NOW - SLOT
    assert "format 3; this version reads 2" in noted(stage, "forecasts")


def test_a_row_of_accuracy_of_a_newer_format_is_left_alone(stage: Stage) -> None:
    stage.accuracy.put_many([accuracy_row(90)])
    before = newer(stage, "accuracy", OF_DAY, of_format_2)
    assert stage.accuracy.between("h1", "kitchen", DAY, DAY) == []
    assert "format 2" in noted(stage, "accuracy")
    assert stage.accuracy.put_many([accuracy_row(96)]) == 0
    assert held(stage, "accuracy", OF_DAY) == before


def test_a_pointer_and_a_record_of_a_newer_format_are_left_alone(stage: Stage) -> None:
    version = publish(stage)
    of_version = {"house": "h1", "version": version}
    before = newer(stage, "models", of_version, of_format_2)
    with pytest.raises(ModelRefusedError):
        elsewhere(stage).load("h1", version)
    assert stage.registry.records("h1") == []
    assert "format 2" in noted(stage, "models")
    assert held(stage, "models", of_version) == before

    pointer = newer(stage, "models", {"house": "h1", "version": "champion"}, of_format_2)
    with pytest.raises(ItemDamagedError, match="newer version"):
        stage.registry.pointer("h1")
    with pytest.raises(ItemDamagedError):
        publish(stage, 2, at=TRAINED_AT + timedelta(hours=1))
    assert held(stage, "models", {"house": "h1", "version": "champion"}) == pointer


def test_pruning_spares_the_objects_of_a_record_that_it_cannot_read(stage: Stage) -> None:
    first = publish(stage, 0)
    newer(stage, "models", {"house": "h1", "version": first}, of_format_2)
    for number in range(1, 6):
        publish(stage, number, at=TRAINED_AT + timedelta(hours=number))
    keys = set(stage.bucket.keys(f"models/h1/{first}/"))
    pruned = stage.registry.prune("h1", now=TRAINED_AT + timedelta(days=2))
    assert first not in {one.version for one in pruned}
    assert pruned
    assert set(stage.bucket.keys(f"models/h1/{first}/")) == keys


def test_a_state_of_a_newer_schema_is_refused_and_left_alone_and_no_older_one_takes_its_place(stage: Stage) -> None:
    version = publish(stage)
    record = stage.registry.record("h1", version)
    content = pack(_arrays(load_prior()[1]), "roomidity-state-4", STATE_FIELDS)
    state = stage.registry._objects.put_state("h1", version, content)
    stage.registry._table.replace_state("h1", record, sha256=state, through=2000)
    with pytest.raises(ModelRefusedError, match="newer version") as refused:
        elsewhere(stage).load("h1", version)
    assert refused.value.is_newer


# ---- The state that training left serves where a newer one is gone.


@pytest.mark.parametrize("how", ["gone", "damaged", "table of before"])
def test_the_state_that_training_left_serves_where_a_newer_one_is_not_there(stage: Stage, how: str) -> None:
    version = publish(stage)
    older = held(stage, "models", {"house": "h1", "version": version})
    for through in (1100, 1200, 1300):
        assert stage.registry.put_state("h1", version, state_at(through))
        older = held(stage, "models", {"house": "h1", "version": version}) if through == 1100 else older
    if how == "table of before":  # its state was dropped since
        table_of(stage, "models").put_item(Item=older)
    else:
        name = stage.registry.record("h1", version).state_sha256
        key = f"models/h1/{version}/state-{name[:8]}.npz"
        s3: Any = boto3.client("s3", region_name=REGION)
        if how == "gone":
            s3.delete_object(Bucket=stage.settings.bucket, Key=key)
        else:
            s3.put_object(Bucket=stage.settings.bucket, Key=key, Body=b"odd")
    champion = elsewhere(stage).load("h1", version)
    assert champion.state.to_bytes() == state_at().to_bytes()
    assert champion.state_lost is not None
    registry = elsewhere(stage)
    assert registry.put_state("h1", version, state_at(1400))
    moved = elsewhere(stage).load("h1", version)
    assert (moved.state.through, moved.state_lost) == (1400, None)
