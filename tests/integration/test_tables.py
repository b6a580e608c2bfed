"""Tables against moto: keys, conditions, conflicts, expiry, and what an item costs to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import msgspec
import numpy as np
import pytest

from roomidity.aws.store.forecasts import ForecastTable
from roomidity.composition import Stage
from roomidity.domain.comfort.course import MouldDay, RoomMould
from roomidity.domain.comfort.walls import OutdoorMean
from roomidity.domain.deliveries import Deliveries, HouseDeliveries
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House, Quarantine, Room, Trial
from roomidity.domain.observations import Observation, Origin, Statistics, StoredSet
from roomidity.domain.quantities import Quantity
from roomidity.domain.slots import SLOT, SLOT_MS, SlotKey, format_slot, to_epoch_ms
from roomidity.domain.weather import WeatherUsed
from roomidity.domain.weather_adds import WeatherAdds
from roomidity.errors import ConflictError
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.forecasting.evaluation.scores import Score
from roomidity.forecasting.serving.notes import NOTES
from roomidity.local.units import item_bytes, write_units
from tests.fakes import stacked
from tests.integration import dashboard
from tests.integration.stage import KEYS, REGION, tables_of

START = datetime(2026, 3, 15, tzinfo=UTC)
START_MS = to_epoch_ms(START)
SEEN = Room(first_seen=START, last_seen=START + timedelta(hours=1), sensors=frozenset({"", "z2m-1"}))


def key(number: int = 0, house: str = "h1") -> SlotKey:
    return SlotKey(house, START_MS + number * SLOT_MS)


def observation(mean: float = 21.5) -> Observation:
    return {"kitchen": {"temperature": Statistics(mean=mean, min=21.0, max=22.0, count=15)}}


def forecast(
    *, room: str = "kitchen", issued_at: datetime = START, quantities: tuple[str, ...] = ("humidity", "temperature")
) -> StoredForecast:
    steps = np.arange(96.0)
    return StoredForecast(
        house="h1",
        room=room,
        issued_at=issued_at,
        quantiles=stacked(
            {
                quantity: {"p10": 40 + steps / 10, "p50": 45 + steps / 10, "p90": 50 + steps / 10}
                for quantity in quantities
            }
        ).round(1),
        grade=dict.fromkeys(quantities, "full"),
        data_through=issued_at - SLOT,
        model_version="20260314T0000Z-0123abcd",
    )


def test_the_models_have_the_keys_of_the_contract(stage: Stage) -> None:
    client: Any = boto3.client("dynamodb", region_name=REGION)
    for name in client.list_tables()["TableNames"]:
        table = client.describe_table(TableName=name)["Table"]
        keys = KEYS[name.removeprefix("roomidity-test-")]
        assert [part["AttributeName"] for part in table["KeySchema"]] == keys
        assert [part["KeyType"] for part in table["KeySchema"]] == ["HASH", "RANGE"][: len(keys)]
        assert {part["AttributeType"] for part in table["AttributeDefinitions"]} == {"S"}


def test_a_set_comes_back_byte_for_byte(stage: Stage) -> None:
    packed = bytes(range(256))
    assert stage.sets.put_many({key(): StoredSet(packed, 1)}) == set()
    assert stage.sets.get_many([key(), key(1)]) == {key(): StoredSet(packed, 1)}


def test_a_set_is_written_only_on_the_version_that_was_read(stage: Stage) -> None:
    sets = stage.sets
    assert sets.put_many({key(0): StoredSet(b"a", 1), key(1): StoredSet(b"b", 1)}) == set()
    lost = sets.put_many({key(0): StoredSet(b"again", 1), key(1): StoredSet(b"newer", 2), key(2): StoredSet(b"c", 1)})
    assert lost == {key(0)}
    assert sets.put_many({key(3): StoredSet(b"out of nothing", 2)}) == {key(3)}
    assert sets.put_many({key(1): StoredSet(b"two ahead", 4)}) == {key(1)}
    assert sets.get_many(key(number) for number in range(4)) == {
        key(0): StoredSet(b"a", 1),
        key(1): StoredSet(b"newer", 2),
        key(2): StoredSet(b"c", 1),
    }


def test_more_keys_than_one_call_takes(stage: Stage) -> None:
    """BatchGetItem takes 100 keys."""
    sets = {key(number): StoredSet(str(number).encode(), 1) for number in range(205)}
    assert stage.sets.put_many(sets) == set()
    assert stage.sets.get_many(sets) == sets
    assert stage.sets.get_many([]) == {}


def test_what_expires_says_when(stage: Stage, plain_tables: Any) -> None:
    stage.sets.put_many({key(): StoredSet(b"a", 1)})
    stage.observations.put_many({key(): (observation(), Origin(1))})
    stage.forecasts.put_many([forecast()])
    for table, days in (("readings", 400), ("observations", 400), ("forecasts", 35)):
        (item,) = plain_tables.Table(f"roomidity-test-{table}").scan()["Items"]
        assert item["expires_at"] == int((START + timedelta(days=days)).timestamp())


@pytest.mark.parametrize(
    ("stands", "comes", "is_written"),
    [
        (Origin(2), Origin(1), False),
        (Origin(2), Origin(2), True),
        (Origin(2), Origin(3), True),
        (Origin(2), Origin(2, 1), True),  # the same set under newer rules
        (Origin(2, 1), Origin(2), False),
        (Origin(2, 1), Origin(3), False),  # a newer set under older rules
        (Origin(2), Origin(1, 5), False),  # an older set under newer rules
        (Origin(2, 3), Origin(2, 12), True),  # as numbers, not as text
        (Origin(9, 3), Origin(10, 3), True),
    ],
)
def test_an_observation_is_not_replaced_by_that_of_an_older_set_or_of_older_rules(
    stage: Stage, stands: Origin, comes: Origin, is_written: bool
) -> None:
    observations = stage.observations
    assert observations.put_many({key(): (observation(20.0), stands)}) == set()
    refused = observations.put_many({key(): (observation(21.0), comes), key(1): (observation(22.0), comes)})
    assert refused == (set() if is_written else {key()})
    assert observations.origins([key(), key(1), key(2)]) == {key(): comes if is_written else stands, key(1): comes}
    found = [found for _, found in observations.between("h1", START, START + SLOT)]
    assert found == [observation(21.0 if is_written else 20.0)]


def test_an_observation_under_no_rules_is_written_as_before_there_were_numbers(stage: Stage, plain_tables: Any) -> None:
    stage.observations.put_many({key(): (observation(), Origin(1))})
    (item,) = plain_tables.Table("roomidity-test-observations").scan()["Items"]
    assert "rules" not in item
    stage.observations.put_many({key(): (observation(), Origin(1, 2))})
    (item,) = plain_tables.Table("roomidity-test-observations").scan()["Items"]
    assert item["rules"] == 2


def test_observations_between_two_times_in_their_order(stage: Stage) -> None:
    stage.observations.put_many({key(number): (observation(number), Origin(1)) for number in (3, 0, 2, 5)})
    stage.observations.put_many({key(2, house="h2"): (observation(99.0), Origin(1))})
    found = list(stage.observations.between("h1", START, START + 5 * SLOT))
    assert found == [(START + number * SLOT, observation(number)) for number in (0, 2, 3)]
    assert list(stage.observations.between("h1", START, START)) == []
    means = list(stage.observations.means("h1", START + SLOT, START + 4 * SLOT))
    assert means == [(START + number * SLOT, {"kitchen": {"temperature": float(number)}}) for number in (2, 3)]


def test_a_slot_whose_every_value_is_quarantined_is_an_empty_observation(stage: Stage) -> None:
    stage.observations.put_many({key(): ({}, Origin(4))})
    assert list(stage.observations.between("h1", START, START + SLOT)) == [(START, {})]


def test_a_house_comes_back_as_it_was(stage: Stage) -> None:
    assert stage.houses.get("h1") is None
    house = House(
        name="h1",
        timezone="Europe/Brussels",
        rooms={"kitchen": SEEN, "outdoor": SEEN},
        quarantine=(Quarantine(START, START + timedelta(days=1), room="kitchen"),),
        rules_version=3,
        settings={"note": "éá", "limit": 2.5, "on": True, "nothing": None, "list": [1, "two"]},
    )
    stage.houses.put(house)
    assert stage.houses.get("h1") == replace(house, version=1)
    assert set(stage.houses.get_many(["h1", "h2"])) == {"h1"}
    assert [one.name for one in stage.houses.all()] == ["h1"]


def test_a_house_of_before_there_were_numbers_has_had_no_change_of_rules(stage: Stage, plain_tables: Any) -> None:
    rule = Quarantine(START, START + timedelta(days=1))
    stage.houses.put(House(name="h1", timezone="UTC", quarantine=(rule,), rules_version=1))
    table = plain_tables.Table("roomidity-test-houses")
    (item,) = table.scan()["Items"]
    del item["quarantine"]["version"]
    table.put_item(Item=item)
    assert stage.houses.get("h1") == House(name="h1", timezone="UTC", quarantine=(rule,), version=1)


def test_sets_between_two_times_some_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roomidity.aws.store.sets._AT_ONCE", 2)
    stored = {key(number): StoredSet(b"packed", 1) for number in range(6)}
    stage.sets.put_many({**stored, key(2, house="h2"): StoredSet(b"another's", 1)})

    def between(start: datetime, end: datetime) -> list[list[SlotKey]]:
        return [list(some) for some in stage.sets.between("h1", start, end)]

    assert between(START + SLOT, START + 4 * SLOT) == [[key(1), key(2)], [key(3)]]
    assert between(START + SLOT / 2, START + SLOT) == [[key(0)]]
    assert between(START - SLOT, START + SLOT + SLOT / 9) == [[key(0), key(1)]]
    assert between(START, START) == []
    monkeypatch.setattr("roomidity.aws.store.sets._AT_ONCE_BYTES", 6)
    assert between(START, START + 2 * SLOT) == [[key(0)], [key(1)]]


def test_a_house_is_written_only_on_the_version_that_was_read(stage: Stage) -> None:
    house = House(name="h1", timezone="UTC")
    stage.houses.put(house)
    with pytest.raises(ConflictError) as first_again:
        stage.houses.put(house)
    assert first_again.value.what == "house 'h1'"
    read = stage.houses.get("h1")
    assert read is not None
    stage.houses.put(replace(read, rooms={"kitchen": SEEN}))
    with pytest.raises(ConflictError):
        stage.houses.put(read)
    kept = stage.houses.get("h1")
    assert kept is not None
    assert (kept.version, set(kept.rooms)) == (2, {"kitchen"})


def test_the_latest_forecast_is_the_newest_that_has_not_expired(stage: Stage) -> None:
    older, newer = forecast(), forecast(issued_at=START + SLOT)
    stage.forecasts.put_many([older, newer, forecast(room="kitchen2", issued_at=START + 9 * SLOT)])
    latest = stage.forecasts.latest

    def issued(now: datetime) -> datetime | None:
        found = latest("h1", "kitchen", now=now)
        return found.issued_at if found else None

    assert issued(START + 5 * SLOT) == START + SLOT
    assert issued(START + SLOT / 2) == START  # as it was seen then
    assert issued(START - SLOT) is None
    assert issued(START + timedelta(days=35)) == START + SLOT
    assert issued(START + timedelta(days=35) + SLOT) is None
    assert latest("h1", "cellar", now=START) is None


def test_a_forecast_comes_back_as_it_was_issued(stage: Stage) -> None:
    humidity_only = replace(forecast(quantities=("humidity",)), data_through=None)
    stage.forecasts.put_many([humidity_only])
    found = stage.forecasts.latest("h1", "kitchen", now=START)
    assert found is not None
    assert set(found.quantities) == {"humidity"}
    for name, values in humidity_only.quantities["humidity"].items():
        np.testing.assert_array_equal(found.quantities["humidity"][name], values)
    assert (found.grade, found.data_through, found.model_version) == (
        {"humidity": "full"},
        None,
        "20260314T0000Z-0123abcd",
    )


def test_issuing_again_writes_the_same_item(stage: Stage, plain_tables: Any) -> None:
    stage.forecasts.put_many([forecast()])
    table = plain_tables.Table("roomidity-test-forecasts")
    first = table.scan()["Items"]
    stage.forecasts.put_many([forecast()])
    assert table.scan()["Items"] == first


def test_more_rooms_than_one_call_takes(stage: Stage, plain_tables: Any) -> None:
    """BatchWriteItem takes 25 items."""
    stage.forecasts.put_many([forecast(room=f"room {number}") for number in range(64)])
    assert plain_tables.Table("roomidity-test-forecasts").scan(Select="COUNT")["Count"] == 64


def test_forecasts_between_two_issue_times(stage: Stage) -> None:
    stage.forecasts.put_many([forecast(issued_at=START + number * SLOT) for number in range(4)])
    found = stage.forecasts.between("h1", "kitchen", START + SLOT, START + 2 * SLOT)
    assert [one.issued_at for one in found] == [START + SLOT, START + 2 * SLOT]


def test_a_dashboard_reads_plain_numbers(stage: Stage, plain_tables: Any) -> None:
    stage.houses.put(House(name="h1", timezone="UTC", rooms={"kitchen": SEEN, "bath": SEEN}))
    stage.forecasts.put_many([forecast(issued_at=START + number * SLOT) for number in range(3)])
    stage.observations.put_many({key(number): (observation(number + 0.125), Origin(1)) for number in range(5)})
    prefix = stage.settings.prefix

    assert dashboard.houses(plain_tables, prefix) == {"h1": ["bath", "kitchen"]}

    latest = dashboard.latest_forecast(plain_tables, prefix, "h1", "kitchen")
    assert latest is not None
    assert latest["issued_at"] == latest["first_slot"] == "2026-03-15T00:30Z"
    assert latest["data_through"] == "2026-03-15T00:15Z"
    assert (latest["step_s"], latest["v"], latest["grade"]["humidity"]) == (900, 2, "full")
    assert (latest["knots"], latest["weather"]) == ("1-4,6,8-96/4", None)
    lists = [f"{quantity}_{level}" for quantity in ("humidity", "temperature") for level in ("p10", "p50", "p90")]
    for name in lists:
        course = [{"p10": 40, "p50": 45, "p90": 50}[name[-3:]] + step / 10 for step in range(96)]
        at_knots = [course[slot - 1] for slot in (1, 2, 3, 4, 6, *range(8, 97, 4))]
        assert [float(value) for value in latest[name]] == pytest.approx(at_knots)
        assert dashboard.spread(latest, name) == pytest.approx(course)

    issued = dashboard.forecast_as_issued(plain_tables, prefix, "h1", "kitchen", "2026-03-15T00:15Z")
    assert issued is not None
    assert issued["issued_at"] == "2026-03-15T00:15Z"
    assert dashboard.forecast_as_issued(plain_tables, prefix, "h1", "kitchen", "2026-03-15T07:00Z") is None
    assert dashboard.latest_forecast(plain_tables, prefix, "h1", "cellar") is None

    slots = dashboard.observations_between(plain_tables, prefix, "h1", "2026-03-15T00:15Z", "2026-03-15T00:45Z")
    assert [item["slot"] for item in slots] == [format_slot(START + number * SLOT) for number in (1, 2, 3)]
    assert {name: float(number) for name, number in slots[0]["rooms"]["kitchen"]["temperature"].items()} == {
        "mean": 1.125,
        "min": 21.0,
        "max": 22.0,
        "count": 15.0,
    }
    assert {"house", "slot", "rooms", "version"} <= set(slots[0])


def test_a_dashboard_reads_on_past_a_page(stage: Stage, plain_tables: Any) -> None:
    """A page is 1 MB."""
    prefix = stage.settings.prefix
    starts = [format_slot(START + number * SLOT) for number in range(6)]
    for start in starts:
        item = {"house": "h1", "slot": start, "rooms": {"kitchen": {}}, "filler": "." * 300_000}
        plain_tables.Table(f"{prefix}-observations").put_item(Item=item)
        plain_tables.Table(f"{prefix}-houses").put_item(Item={**item, "house": start})
    slots = dashboard.observations_between(plain_tables, prefix, "h1", starts[0], starts[-1])
    assert [item["slot"] for item in slots] == starts
    assert dashboard.houses(plain_tables, prefix) == {start: ["kitchen"] for start in starts}


def the_item(table: str) -> dict[str, Any]:
    client: Any = boto3.client("dynamodb", region_name=REGION)
    (item,) = client.scan(TableName=f"roomidity-test-{table}")["Items"]
    return dict(item)


def dearest_forecast(house: str, room: str, notes: tuple[str, ...]) -> StoredForecast:
    """Three digits everywhere, and a winter's outbuilding with a sign before every temperature."""
    rng = np.random.default_rng(0)
    numbers = np.array([rng.uniform(10.1, 99.9, (3, 96)), -rng.uniform(10.1, 30.9, (3, 96))]).round(1)
    return replace(
        forecast(room=room),
        house=house,
        quantiles=np.sort(numbers, axis=1),
        grade={"humidity": "persistence", "temperature": "persistence"},
        notes=notes,
        weather=WeatherUsed(START - timedelta(hours=12, minutes=25), 12.42),
        weather_adds={"humidity": WeatherAdds(36, 96, -23.4), "temperature": WeatherAdds(12, 92, -10.1)},
    )


@pytest.mark.parametrize(
    ("house", "room", "notes", "units"),
    [
        ("a home", "the children's room upstairs, west", ("spiking", "rejected"), 1),  # 40 bytes
        ("a home", "the children's room upstairs, west.", ("spiking", "rejected"), 2),
        ("ä" * 10, "ü" * 10, ("stuck", "late"), 1),
        ("\U0001f3e0" * 64, "\U0001f6cb" * 64, NOTES, 2),
    ],
)
def test_a_forecast_costs_a_write_unit_and_one_with_long_names_two(
    stage: Stage, house: str, room: str, notes: tuple[str, ...], units: int
) -> None:
    open_since = START - timedelta(minutes=97)
    stage.forecasts.put_many([replace(dearest_forecast(house, room, notes), open_since=open_since)])
    item = the_item("forecasts")
    assert len(item["humidity_p10"]["L"]) == 28
    assert write_units(item_bytes(item)) == units
    assert ("weather_adds" in item) == (units == 2), "where there is no room for both, numbers go before words"
    assert item["open"] == {"N": "97"}


@pytest.mark.parametrize("write_format", [1, 2])
@pytest.mark.parametrize("room", ["kitchen", "the children's room upstairs, west"])
def test_what_is_returned_is_what_is_read_again_and_writing_that_changes_nothing(
    stage: Stage, plain_tables: Any, write_format: int, room: str
) -> None:
    item = stage.clients.tables.forecasts
    table = ForecastTable(item, keep_days=35, damage=stage.damage, write_format=write_format)
    open_since = START - timedelta(minutes=7) if write_format > 1 else None
    dearest = replace(dearest_forecast("a home", room, ("stuck",)), open_since=open_since)
    (returned,) = table.put_many([dearest])
    assert returned.open_since == open_since
    (read,) = stage.forecasts.between("a home", room, START, START)
    np.testing.assert_array_equal(read.quantiles, returned.quantiles)
    assert replace(read, quantiles=returned.quantiles) == returned
    plain = plain_tables.Table("roomidity-test-forecasts")
    before = plain.scan()["Items"]
    assert before[0]["v"] == write_format
    table.put_many([returned])
    assert plain.scan()["Items"] == before


def test_forecasts_of_format_1_stay_readable(stage: Stage, plain_tables: Any) -> None:
    """As the version before wrote them, item for item."""
    lists = {
        f"{quantity}_{name}": [Decimal(f"{base + step * step / 100:.1f}") for step in range(96)]
        for quantity, bases in (("humidity", (40, 45, 50)), ("temperature", (18, 19, 20)))
        for name, base in zip(("p10", "p50", "p90"), bases, strict=True)
    }
    plain = plain_tables.Table("roomidity-test-forecasts")
    plain.put_item(
        Item={
            "room_id": "h1/kitchen", "issued_at": "2026-03-15T00:00Z", "first_slot": "2026-03-15T00:00Z", "step_s": 900,
            "grade": {"humidity": "full", "temperature": "sparse"}, "data_through": "2026-03-14T23:45Z",
            "model_version": "prior", "v": 1, "expires_at": 1_776_556_800, **lists,
        }
    )  # fmt: skip
    stage.forecasts.put_many([forecast(issued_at=START + SLOT)])
    old, new = stage.forecasts.between("h1", "kitchen", START, START + SLOT)
    for quantity, quantiles in old.quantities.items():
        for name, values in quantiles.items():
            np.testing.assert_array_equal(values, np.array(lists[f"{quantity}_{name}"], dtype=float))
    assert (old.grade["temperature"], old.notes, old.weather, old.weather_adds) == ("sparse", (), None, {})
    assert new.quantiles.shape == old.quantiles.shape == (2, 3, 96)
    item = dashboard.forecast_as_issued(plain_tables, stage.settings.prefix, "h1", "kitchen", "2026-03-15T00:00Z")
    assert item is not None
    assert dashboard.spread(item, "humidity_p50") == [float(value) for value in lists["humidity_p50"]]
    assert stage.damage.take() == ()


def test_the_weather_that_a_forecast_rests_on_comes_back_and_none_is_null(stage: Stage, plain_tables: Any) -> None:
    used = WeatherUsed(START - timedelta(hours=5, minutes=20), 5 + 1 / 3)
    (returned, _) = stage.forecasts.put_many([replace(forecast(), weather=used), forecast(room="bath")])
    items = {one["room_id"]: one["weather"] for one in plain_tables.Table("roomidity-test-forecasts").scan()["Items"]}
    assert items == {"h1/kitchen": {"issued_at": "2026-03-14T18:40Z", "age_h": Decimal("5.33")}, "h1/bath": None}
    (read,) = stage.forecasts.between("h1", "kitchen", START, START)
    assert read.weather == returned.weather == WeatherUsed(used.issued_at, 5.33)


def test_what_the_weather_adds_comes_back_by_quantity_and_nothing_is_absent(stage: Stage, plain_tables: Any) -> None:
    both: Mapping[Quantity, WeatherAdds] = {
        "humidity": WeatherAdds(0, 96, -6.2),
        "temperature": WeatherAdds(12, 36, 1.1),
    }
    wanted: dict[str, tuple[str | None, Mapping[Quantity, WeatherAdds]]] = {
        "kitchen": ("0,96,-6.2;12,36,1.1", both),
        "cellar": (";12,36,1.1", {"temperature": both["temperature"]}),
        "bath": (None, {}),
    }
    stage.forecasts.put_many([replace(forecast(room=room), weather_adds=adds) for room, (_, adds) in wanted.items()])
    items = {one["room_id"]: one for one in plain_tables.Table("roomidity-test-forecasts").scan()["Items"]}
    for room, (text, adds) in wanted.items():
        assert items[f"h1/{room}"].get("weather_adds") == text
        assert stage.forecasts.between("h1", room, START, START)[0].weather_adds == adds


@pytest.mark.parametrize(
    "odd",
    [
        *({"knots": knots} for knots in ("1-96", "0-4,6,8-96/4", "1-4,6,8-92/4", "4-1", "two", None, "96-1/0", 28)),
        *({"weather": weather} for weather in ("odd", {}, {"issued_at": "noon", "age_h": 1}, {"age_h": "1"})),
        *(
            {"weather_adds": adds}
            for adds in ("odd", "0,0,1;", "0,96;", "-1,96,1;", ";0,96,nan", "0,96,1e9;", ";;", 28)
        ),
        *({"open": minutes} for minutes in ("odd", -1, 100_000)),
        {"v": 1},
        {"v": 0},
    ],
    ids=str,
)
def test_a_forecast_of_which_something_cannot_be_is_named_and_passed_over(
    stage: Stage, plain_tables: Any, odd: dict[str, Any]
) -> None:
    stage.forecasts.put_many([forecast(), forecast(issued_at=START + SLOT)])
    plain = plain_tables.Table("roomidity-test-forecasts")
    (item,) = [one for one in plain.scan()["Items"] if one["issued_at"] == "2026-03-15T00:15Z"]
    plain.put_item(Item=item | odd)
    latest = stage.forecasts.latest("h1", "kitchen", now=START + SLOT)
    assert latest is not None
    assert latest.issued_at == START
    (damaged,) = stage.damage.take()
    assert damaged.key["issued_at"] == "2026-03-15T00:15Z"


def test_an_observation_of_eight_rooms_costs_one_write_unit(stage: Stage) -> None:
    rooms = ("bathroom", "ironing", "kitchen", "laundry", "living", "office", "parents", "teenager")
    numbers = Statistics(mean=-12.345, min=-13.579, max=-11.357, count=179)
    stage.observations.put_many(
        {
            key(): (
                {room: dict.fromkeys(("humidity", "temperature"), numbers) for room in rooms},
                Origin(123, 12, "01234567"),
            )
        }
    )
    assert item_bytes(the_item("observations")) <= 1024


def test_a_wild_value_in_a_few_rooms_costs_an_observation_no_more(stage: Stage) -> None:
    numbers = Statistics(mean=12.345, min=-13.579, max=21.357, count=179)
    rooms = {f"room {number}": dict.fromkeys(("humidity", "temperature"), numbers) for number in range(8)}
    for number in range(2):
        rooms[f"room {number}"] = dict.fromkeys(
            ("humidity", "temperature"), msgspec.structs.replace(numbers, robust=20.123)
        )
    stage.observations.put_many({key(): (rooms, Origin(123, 12, "01234567"))})
    assert item_bytes(the_item("observations")) <= 1024


def test_a_robust_value_stands_beside_the_mean_where_it_differs_and_items_without_stay_readable(
    stage: Stage, plain_tables: Any
) -> None:
    wild, sound = Statistics(14.325, 0.0, 19.2, 4, robust=19.1), Statistics(51.2, 51.0, 51.4, 2)
    rooms = {"kitchen": {"temperature": wild, "humidity": sound}}
    stage.observations.put_many({key(): (rooms, Origin(1))})
    (item,) = plain_tables.Table("roomidity-test-observations").scan()["Items"]
    assert item["rooms"]["kitchen"] == {
        "temperature": {
            "mean": Decimal("14.325"), "min": 0, "max": Decimal("19.2"), "count": 4, "robust": Decimal("19.1")
        },
        "humidity": {"mean": Decimal("51.2"), "min": 51, "max": Decimal("51.4"), "count": 2},
    }  # fmt: skip
    ((_, found, _),) = stage.observations.derived("h1", START, START + SLOT)
    assert found == rooms
    values = {"temperature": 19.1, "temperature_mean": 14.325, "humidity": 51.2}
    assert dict(stage.observations.means("h1", START, START + SLOT)) == {START: {"kitchen": values}}
    counted = values | {"temperature_count": 4, "humidity_count": 2}
    assert dict(stage.observations.newest_means("h1", [START])) == {START: {"kitchen": counted}}


def test_notes_are_a_list_of_texts_and_a_forecast_of_before_there_were_any_has_none(
    stage: Stage, plain_tables: Any
) -> None:
    stage.forecasts.put_many([replace(forecast(), notes=("stuck", "dead")), forecast(room="bath")])
    table = plain_tables.Table("roomidity-test-forecasts")
    items = {item["room_id"]: item for item in table.scan()["Items"]}
    assert (items["h1/kitchen"]["notes"], items["h1/bath"]["notes"]) == (["stuck", "dead"], [])
    table.update_item(
        Key={name: items["h1/bath"][name] for name in ("room_id", "issued_at")}, UpdateExpression="REMOVE notes"
    )
    for room, notes in (("kitchen", ("stuck", "dead")), ("bath", ())):
        found = stage.forecasts.latest("h1", room, now=START)
        assert found is not None
        assert found.notes == notes


# ---- accuracy

SUMS = ("count", "error", "square", "persistence_error", "persistence_square", "inside", "pinball")
"""As they are stored, and as dashboards read them."""
ISSUED_ON = START.date()


def accuracy_row(*, day: date = ISSUED_ON, forecasts: int = 96, error: float = 1.25) -> DayAccuracy:
    rng = np.random.default_rng(3)
    score = Score(*(np.full(24, 384.0) if name == "count" else rng.uniform(0, 800, 24).round(3) for name in SUMS))
    score = replace(score, absolute_error=np.full(24, error), covered=np.arange(24.0))
    return DayAccuracy("h1", "kitchen", day, forecasts, True, {"humidity": score}, {"humidity": score[:]})


def test_a_row_of_accuracy_comes_back_as_it_was(stage: Stage) -> None:
    rows = [accuracy_row(day=ISSUED_ON + timedelta(days=number)) for number in range(3)]
    assert stage.accuracy.put_many(rows) == 3
    found = stage.accuracy.between("h1", "kitchen", rows[1].day, rows[2].day)
    assert [(row.house, row.room, row.day) for row in found] == [("h1", "kitchen", row.day) for row in rows[1:]]
    assert [row.plain() for row in found] == [row.plain() for row in rows[1:]]
    assert stage.accuracy.between("h1", "bath", rows[0].day, rows[2].day) == []
    assert stage.accuracy.between("h1", "kitchen", rows[2].day, rows[0].day) == []


def test_a_day_of_mould_comes_back_exactly_and_is_no_row_of_a_room(stage: Stage, plain_tables: Any) -> None:
    rooms = {"kitchen": RoomMould(1 / 3, 7, ISSUED_ON, 24, 3), "bath": RoomMould(0.0, 0, ISSUED_ON, 0, 0)}
    days = [
        MouldDay("h1", ISSUED_ON, "a", "s", OutdoorMean(-2 / 3, 0), rooms),
        MouldDay("h1", ISSUED_ON + timedelta(days=1), "b", "s", OutdoorMean(silent_h=24)),
    ]
    assert stage.moulds.put_many(days) == 2
    first, second = stage.moulds.between("h1", ISSUED_ON, ISSUED_ON + timedelta(days=9))
    assert first == days[0]
    assert repr(second) == repr(days[1])
    assert stage.moulds.of_days("h1", [ISSUED_ON, ISSUED_ON - timedelta(days=1)]) == [first]
    assert stage.accuracy.between("h1", "kitchen", ISSUED_ON, ISSUED_ON) == []
    items = plain_tables.Table("roomidity-test-accuracy").scan()["Items"]
    assert {item["room_id"] for item in items} == {"h1#mould"}
    assert stage.moulds.put_many([replace(days[0], inputs="c")]) == 1
    assert sum(stage.moulds.erase("h1")) == 2


def test_a_row_of_accuracy_gives_way_only_to_one_of_as_many_forecasts(stage: Stage) -> None:
    for forecasts, error, standing in ((50, 1.0, 1.0), (96, 2.0, 2.0), (96, 3.0, 3.0), (95, 4.0, 3.0)):
        assert stage.accuracy.put_many([accuracy_row(forecasts=forecasts, error=error)]) == (error == standing)
        (row,) = stage.accuracy.between("h1", "kitchen", ISSUED_ON, ISSUED_ON)
        assert row.scores["humidity"].absolute_error[0] == standing


def test_a_row_of_accuracy_is_plain_numbers_that_cost_at_most_four_units(stage: Stage, plain_tables: Any) -> None:
    score = accuracy_row().scores["humidity"]
    both = {"humidity": score, "temperature": score}
    stage.accuracy.put_many([replace(accuracy_row(), scores=both, six_hourly=both)])
    (item,) = plain_tables.Table("roomidity-test-accuracy").scan()["Items"]
    assert (item["room_id"], item["day"], item["forecasts"], item["complete"]) == ("h1/kitchen", "2026-03-15", 96, True)
    assert set(item["humidity"]) == set(item["six_hourly"]["temperature"]) == set(SUMS)
    assert [len(item["humidity"][name]) for name in SUMS] == [24] * len(SUMS)
    assert item["humidity"]["error"][0] == Decimal("1.25")
    assert item["expires_at"] == int((START + timedelta(days=400)).timestamp())
    assert item_bytes(the_item("accuracy")) <= 4 * 1024


# ---- flags


def test_an_observation_is_replaced_only_where_one_of_the_same_origin_stands(stage: Stage) -> None:
    observations = stage.observations
    flagged = {"kitchen": {"temperature": Statistics(21.5, 21.0, 22.0, 15, fault="stuck")}}
    origins = {key(0): Origin(2), key(1): Origin(2, 3), key(2): Origin(4)}
    observations.put_many({one: (observation(), origin) for one, origin in origins.items()})
    changed = {key(0): Origin(2), key(1): Origin(2, 3), key(2): Origin(3), key(3): Origin(1)}
    assert observations.replace_many({one: (flagged, origin) for one, origin in changed.items()}) == {key(2), key(3)}
    found = {one: (what, origin) for one, what, origin in observations.derived("h1", START, START + 4 * SLOT)}
    assert found == {
        key(0): (flagged, Origin(2)),
        key(1): (flagged, Origin(2, 3)),
        key(2): (observation(), Origin(4)),
    }
    means = dict(observations.means("h1", START, START + SLOT))
    assert means == {START: {"kitchen": {"temperature": 21.5}}}
    assert observations.replace_many({key(0): (flagged, Origin(2, 3)), key(1): (flagged, Origin(2))}) == {
        key(0),
        key(1),
    }
    observations.put_many({key(0): (observation(), Origin(2))})  # derived anew: the flag is gone
    ((_, plain, _),) = observations.derived("h1", START, START + SLOT)
    assert plain == observation()


def test_the_tables_share_one_client(stage: Stage) -> None:
    tables = tables_of(stage)
    clients = {
        id(item._get_connection().connection.client)
        for item in (tables.houses, tables.readings, tables.observations, tables.forecasts, tables.models)
    }
    assert len(clients) == 1


def test_a_house_on_trial_comes_back_and_expires_until_it_is_real(stage: Stage) -> None:
    client: Any = boto3.client("dynamodb", region_name=REGION)

    def attributes() -> dict[str, Any]:
        answer = client.get_item(TableName="roomidity-test-houses", Key={"house": {"S": "made up"}})
        return {name: answer["Item"].get(name) for name in ("trial", "expires_at", "admitted_at")}

    heard = House("made up", "UTC", rooms={"kitchen": SEEN}, admitted_at=START, trial=Trial())
    heard = heard.hear([START - SLOT], now=START)
    stage.houses.put(heard)
    found = stage.houses.get("made up")
    assert found == replace(heard, version=1)
    expires_at = START + timedelta(days=7)
    assert attributes() == {
        "trial": {"M": {"slots": {"L": [{"S": "2026-03-14T23:45Z"}]}}},
        "expires_at": {"N": str(to_epoch_ms(expires_at) // 1000)},
        "admitted_at": {"S": "2026-03-15T00:00:00Z"},
    }
    real = found.hear([START, START + SLOT, START + 2 * SLOT], now=START)
    stage.houses.put(real)
    assert stage.houses.get("made up") == replace(real, version=2)
    assert attributes() == {"trial": None, "expires_at": None, "admitted_at": {"S": "2026-03-15T00:00:00Z"}}


def test_a_house_that_a_person_set_something_for_never_expires(stage: Stage) -> None:
    heard = House("h1", "UTC", rooms={"kitchen": SEEN}, trial=Trial()).hear([START], now=START)
    stage.houses.put(heard.with_rule(Quarantine(START, START + SLOT)))
    client: Any = boto3.client("dynamodb", region_name=REGION)
    item = client.get_item(TableName="roomidity-test-houses", Key={"house": {"S": "h1"}})["Item"]
    assert "expires_at" not in item
    found = stage.houses.get("h1")
    assert found is not None
    assert found.trial is None


def test_how_readings_come_in_is_kept_with_the_house_and_costs_one_that_is_in_order_nothing(stage: Stage) -> None:
    rooms = {f"room {number}": SEEN for number in range(8)}
    stage.houses.put(House("h1", "UTC", rooms=rooms))
    home = stage.houses.get("h1")
    assert home is not None
    item = the_item("houses")
    assert "deliveries" not in item
    before = item_bytes(item)
    late = Deliveries(24, 24, (21_602, 21_610, 21_650), {"future": 3}, ticks=8, late_ticks=8)
    now, record = START, HouseDeliveries()
    for count in range(96):
        now = START + count * SLOT
        ticks = dict.fromkeys(rooms, replace(late, ticks=1, late_ticks=1))
        record = record.with_tick(ticks, through_ms=to_epoch_ms(now) + 17, now=now)
    stage.houses.put(replace(home, deliveries=record))
    found = stage.houses.get("h1")
    assert found is not None
    assert found.deliveries == record
    assert found.delivered("room 3", now).ticks >= 88
    assert item_bytes(the_item("houses")) - before < 8 * 900
