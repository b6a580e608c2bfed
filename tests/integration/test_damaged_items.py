"""Whatever stands in one attribute of one item of a table, the other items are read, and nothing raises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roomidity.aws.dynamodb import botocore_session, dynamodb_client, is_decoding
from roomidity.aws.registry.records import ModelTable
from roomidity.aws.store import (
    ForecastTable,
    HouseTable,
    NoticeTable,
    ObservationTable,
    SetTable,
    SettingTable,
    Tables,
    WeatherTable,
    bind,
)
from roomidity.aws.store.accuracy import AccuracyTable
from roomidity.aws.store.means import PAGE
from roomidity.aws.store.mould import MouldTable
from roomidity.domain.damage import Damage, Damaged
from roomidity.domain.notices.words import LANGUAGES, words_of
from roomidity.domain.quantities import SPECS
from roomidity.domain.slots import SLOT, SlotKey, format_moment, format_slot, to_epoch_ms
from roomidity.errors import ItemDamagedError
from roomidity.forecasting.evaluation.scores import STORED_SUMS

START: Final = datetime(2026, 3, 15, tzinfo=UTC)
NOW: Final = START + timedelta(hours=1)
Wire = dict[str, Any]

slow: Final = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))

numbers: Final = st.sampled_from(
    ["0", "1", "-1", "2", "2.5", "96", "1E+30", "-1E+30", "9.9E+125", "1E-130", "253402300800", "12345678901234567890"]
)
texts: Final = st.sampled_from(
    ["", "x", "champion", "2026-03-15T00:00Z", "2026-03-15T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:45Z"]
) | st.text(max_size=5)
flat: Final = (
    texts.map(lambda text: {"S": text})
    | numbers.map(lambda text: {"N": text})
    | st.booleans().map(lambda value: {"BOOL": value})
    | st.just({"NULL": True})
    | st.lists(texts, min_size=1, max_size=2, unique=True).map(lambda many: {"SS": many})
    | st.lists(numbers, min_size=1, max_size=2, unique=True).map(lambda many: {"NS": many})
)
names: Final = st.sampled_from(
    ["kitchen", "rules", "version", "mean", "N", "humidity", "temperature", "won", "sha256", "first_seen", "p10"]
) | st.text(max_size=3)
inner: Final = st.recursive(
    flat,
    lambda more: (
        st.lists(more, max_size=3).map(lambda many: {"L": many})
        | st.dictionaries(names, more, max_size=3).map(lambda many: {"M": many})
    ),
    max_leaves=8,
)
anything: Final = inner | st.binary(max_size=8).map(lambda content: {"B": content})
"""A value of DynamoDB, as the client hands it over."""


def text(value: str) -> Wire:
    return {"S": value}


def number(value: float) -> Wire:
    return {"N": str(value)}


def many(value: dict[str, Wire]) -> Wire:
    return {"M": value}


def line(values: list[Wire]) -> Wire:
    return {"L": values}


# ---- One sound item of each kind, and how its table reads it.


def house(place: int) -> Wire:
    seen = text(format_moment(START))
    room = {"first_seen": seen, "last_seen": seen, "sensors": line([text("")]), "measured": many({"humidity": seen})}
    rule = {"start": seen, "end": text(format_moment(NOW)), "room": {"NULL": True}, "sensor": {"NULL": True}}
    return {
        "house": text(f"h{place}"),
        "timezone": text("Europe/Brussels"),
        "last_seen": seen,
        "rooms": many({"kitchen": many(room)}),
        "quarantine": many({"rules": line([many(rule | {"number": number(1)})]), "version": number(1)}),
        "settings": many({}),
        "version": number(1),
    }


def packed(place: int) -> Wire:
    key = {"house": text("h1"), "slot": text(format_slot(START + place * SLOT))}
    return key | {"packed": {"B": b"\x01bytes"}, "version": number(2), "expires_at": number(1_900_000_000)}


def observation(place: int) -> Wire:
    figures = {"mean": number(21.5), "min": number(21), "max": number(22), "count": number(9)}
    robust = figures | {"robust": number(21.25)}
    rooms = {"kitchen": many({"temperature": many(robust), "humidity": many(figures | {"fault": text("stuck")})})}
    key = {"house": text("h1"), "slot": text(format_slot(START + place * SLOT))}
    return key | {"rooms": many(rooms), "version": number(2), "rules": number(1), "expires_at": number(1_900_000_000)}


def forecast(place: int) -> Wire:
    values = {
        f"{spec.name}_{quantile}": line([number(20 + level)] * 96)
        for spec in SPECS
        for level, quantile in enumerate(("p10", "p50", "p90"))
    }
    return values | {
        "room_id": text("h1/kitchen"),
        "issued_at": text(format_slot(START + place * SLOT)),
        "first_slot": text(format_slot(START + place * SLOT)),
        "step_s": number(900),
        "grade": many({spec.name: text("full") for spec in SPECS}),
        "notes": line([text("stuck"), text("of a newer version")]),
        "data_through": text(format_slot(START)),
        "model_version": text("v"),
        "v": number(1),
        "expires_at": number(1_900_000_000),
    }


def record(place: int) -> Wire:
    manifest = {
        "sha256": text("a"),
        "first_state_sha256": text("b"),
        "trained_from": text(format_slot(START)),
        "trained_through": text(format_slot(NOW)),
        "rooms": line([text("kitchen")]),
        "quarantine": line([text("d7f652")]),
        "slots_with_readings": number(96),
        "bytes": number(1000),
    }
    return {
        "house": text("h1"),
        "version": text(f"2026031{place}T0000Z-0123abcd"),
        "manifest": many(manifest),
        "decision": many({"won": {"BOOL": True}, "reasons": line([text("better")])}),
        "state_sha256": text("c"),
        "state_through": number(1),
        "former_state": text("d"),
        "expires_at": number(1_900_000_000),
    }


def served(place: int) -> Wire:
    since = format_moment(START + place * SLOT)
    facts = {"points_to": text("v"), "previous": text("u"), "since": text(since), "why": text("promoted")}
    return {"house": text("h1"), "version": text(f"served#{since}#0000000{place + 1}"), **facts}


def row(place: int) -> Wire:
    sums = many({name: line([number(1)] * 24) for name in STORED_SUMS.values()})
    return {
        "room_id": text("h1/kitchen"),
        "day": text(f"2026-03-1{place}"),
        "forecasts": number(96),
        "complete": {"BOOL": True},
        "humidity": sums,
        "temperature": sums,
        "six_hourly": many({"humidity": sums}),
        "v": number(1),
        "expires_at": number(1_900_000_000),
    }


def mould(place: int) -> Wire:
    room = {"index": number(0.25), "dry_h": number(3), "since": text("2026-03-01"), "hours": number(24)}
    return {
        "room_id": text("h1#mould"),
        "day": text(f"2026-03-1{place}"),
        "inputs": text("0123"),
        "settings": text("4567"),
        "outdoor": many({"mean": number(-1.5), "silent_h": number(0)}),
        "rooms": many({"kitchen": many({**room, "risk_hours": number(2)})}),
        "v": number(1),
        "expires_at": number(1_900_000_000),
    }


def notice(place: int) -> Wire:
    at = text(format_slot(START + place * SLOT))
    told = {"kind": text("humid"), "room": text("bath"), "likely": number(0.8), "start": at, "end": at}
    more = {"raised_at": at, "cleared_at": {"NULL": True}, "muted": {"BOOL": False}}
    key = {"house": text("h1"), "id": text(f"{format_slot(START + place * SLOT)}/humid/bath")}
    return key | {"content": many(told | more), "v": number(1), "expires_at": number(1_900_000_000)}


def setting(place: int) -> Wire:
    return {
        "house": text("h1"),
        "kind": text(f"kind-{place}"),
        "content": many({"made": text(format_moment(START)), "list": line([number(1), text("x")])}),
        "version": number(3),
        "expires_at": number(1_900_000_000),
    }


def issue(place: int) -> Wire:
    known = f"2026-03-14T1{place}:00:00.000Z"
    return {
        "place": text("house:h1"),
        "known_from": text(known),
        "issued_at": text("2026-03-14T09:00:00Z"),
        "first_slot": text("2026-03-14T09:00Z"),
        "step_s": number(3600),
        "temperature": line([number(5.5)] * 49),
        "humidity": line([number(80)] * 49),
        "v": number(1),
        "expires_at": number(1_900_000_000),
    }


DAY: Final = timedelta(days=1)
SPAN: Final = (START - DAY, START + DAY)
KEYS: Final = [SlotKey("h1", to_epoch_ms(START + place * SLOT)) for place in range(3)]


def read_houses(tables: Tables, damage: Damage) -> list[Any]:
    table = HouseTable(tables.houses, damage, timezone="UTC")
    found = list(table.all())
    assert [one for one in table.get_many(["h0", "h1", "h2"]).values() if one.flaw is None] == [
        one for one in found if one.flaw is None
    ]
    for one in found:
        assert one.rooms_to_forecast(NOW) in ((), ("kitchen",)) or one.flaw is None
        if one.flaw is not None:
            with pytest.raises(ItemDamagedError):
                table.put(one)
    return [one for one in found if one.flaw is None]


def read_sets(tables: Tables, damage: Damage) -> list[Any]:
    table = SetTable(tables.readings, retention_days=400, damage=damage)
    found = [one for some in table.between("h1", *SPAN) for one in some.items()]
    assert dict(found) == table.get_many(KEYS)
    return [one for one in found if one[1].packed]


def without_counts(rooms: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    assert all(of.get(f"{name}_count", 0) >= 0 for of in rooms.values() for name in of)
    return {
        room: {name: value for name, value in of.items() if not name.endswith("_count")} for room, of in rooms.items()
    }


def read_observations(tables: Tables, damage: Damage) -> list[Any]:
    table = ObservationTable(tables.observations, retention_days=400, damage=damage)
    means = list(table.means("h1", *SPAN))
    newest = [(slot, without_counts(rooms)) for slot, rooms in table.newest_means("h1", [START])]
    assert [one for one in means if one in newest] == newest, "an odd count costs the newest alone"
    for _, rooms in means:
        for of in rooms.values():
            for spec in SPECS:
                for name in (spec.name, f"{spec.name}_mean"):
                    assert spec.plausible[0] <= of.get(name, 0) <= spec.plausible[1]
    assert set(table.rooms("h1")) >= {"kitchen"}
    table.origins(KEYS)
    return list(table.derived("h1", *SPAN))


def read_forecasts(tables: Tables, damage: Damage) -> list[Any]:
    table = ForecastTable(tables.forecasts, keep_days=35, damage=damage)
    assert table.latest("h1", "kitchen", now=NOW) is not None
    found = table.between("h1", "kitchen", *SPAN)
    for one in found:
        assert one.quantiles.shape == (2, 3, 96)
        assert np.isfinite(one.quantiles).all(axis=(1, 2)).any() or one.quantities == {}
        assert one.grade.keys() >= one.quantities.keys()
        assert all(isinstance(note, str) for note in one.notes)
    return found


def read_records(tables: Tables, damage: Damage) -> list[Any]:
    return ModelTable(tables.models, damage).records("h1")


def read_log(tables: Tables, damage: Damage) -> list[Any]:
    table = ModelTable(tables.models, damage)
    assert list(table.served("h1", at=NOW)) == list(table.served("h1"))
    return list(table.served("h1"))


def read_accuracy(tables: Tables, damage: Damage) -> list[Any]:
    table = AccuracyTable(tables.accuracy, retention_days=400, damage=damage)
    found = table.between("h1", "kitchen", date(2026, 3, 10), date(2026, 3, 12))
    for one in found:
        assert one.plain()
    return found


def read_moulds(tables: Tables, damage: Damage) -> list[Any]:
    table = MouldTable(tables.mould, retention_days=400, damage=damage)
    found = table.between("h1", date(2026, 3, 10), date(2026, 3, 12))
    assert table.of_days("h1", [date(2026, 3, 10)]) == found
    for one in found:
        assert all(0 <= of.index <= 6 and 0 <= of.hours <= 24 for of in one.rooms.values())
    return found


def read_settings(tables: Tables, damage: Damage) -> list[Any]:
    found = SettingTable(tables.settings, damage).list("h1")
    for one in found:
        assert one.version >= 1
        assert one.has_expired(NOW) in (True, False)
    return found


def read_notices(tables: Tables, damage: Damage) -> list[Any]:
    found = NoticeTable(tables.notices, damage).newest("h1", now=NOW)
    for one in found:
        for language in LANGUAGES:
            assert words_of(one, at=NOW, zone="UTC", language=language)
    return found


def read_weather(tables: Tables, damage: Damage) -> list[Any]:
    table = WeatherTable(tables.weather, retention_days=400, damage=damage)
    found = table.issues(["house:h1"], since=START - DAY, until=START + DAY)
    for one in found:
        assert len(one.temperature) == len(one.humidity) == 49
        assert np.isfinite([*one.temperature, *one.humidity]).all()
    return found


Sound = Callable[[int], Wire]
Read = Callable[[Tables, Damage], list[Any]]
KINDS: Final[dict[str, tuple[str, Sound, Read]]] = {
    "house": ("houses", house, read_houses),
    "set": ("readings", packed, read_sets),
    "observation": ("observations", observation, read_observations),
    "forecast": ("forecasts", forecast, read_forecasts),
    "record": ("models", record, read_records),
    "log": ("models", served, read_log),
    "accuracy": ("accuracy", row, read_accuracy),
    "mould": ("mould", mould, read_moulds),
    "setting": ("settings", setting, read_settings),
    "notice": ("notices", notice, read_notices),
    "weather": ("weather", issue, read_weather),
}


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    """Models without tables: what they are asked for is given."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, "test")
        yield bind("test", dynamodb_client(botocore_session(), region="eu-central-1"))


def given_items(tables: Tables, table: str, items: list[Wire], patched: pytest.MonkeyPatch) -> None:
    model = getattr(tables, table)

    def read(*_: Any, **__: Any) -> Iterator[Any]:
        try:  # a page that has the form of the short way comes by it, while means are asked for
            short = PAGE.decode(json.dumps({"Items": items})) if table == "observations" else None
        except (msgspec.DecodeError, TypeError):
            short = None
        for place, item in enumerate(items):
            yield short["Items"][place] if short and is_decoding() else model.from_raw_data(item)

    for way in ("scan", "query", "batch_get"):
        patched.setattr(model, way, read)


def altered(data: st.DataObject, item: Wire) -> Wire:
    """The item with a value somewhere in it replaced, left out or added; its key stays."""
    keys = {
        "house",
        "slot",
        "room_id",
        "issued_at",
        "version" if "manifest" in item or "why" in item else "",
        "day",
        "kind",
        "id",
        "place",
        "known_from",
    }
    name = data.draw(st.sampled_from(sorted(item.keys() - keys)))
    way = data.draw(st.sampled_from(["replace", "leave out", "add", "replace within"]))
    if way == "leave out":
        return {one: value for one, value in item.items() if one != name}
    if way == "add":
        return item | {data.draw(st.sampled_from(["more", "robust", "flaw"])): data.draw(anything)}
    if way == "replace within":
        return item | {name: replaced(data, item[name])}
    return item | {name: data.draw(anything)}


def replaced(data: st.DataObject, value: Wire) -> Wire:
    ((kind, held),) = value.items()
    if kind == "M" and held and data.draw(st.integers(0, 3)):
        name = data.draw(st.sampled_from(sorted(held)))
        return {"M": held | {name: replaced(data, held[name])}}
    if kind == "L" and held and data.draw(st.integers(0, 3)):
        place = data.draw(st.integers(0, len(held) - 1))
        return {"L": [*held[:place], replaced(data, held[place]), *held[place + 1 :]]}
    return data.draw(inner)


@pytest.mark.parametrize("kind", KINDS)
def test_sound_items_are_read_and_none_is_noted(tables: Tables, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table, sound, read = KINDS[kind]
    damage = Damage()
    given_items(tables, table, [sound(place) for place in range(3)], monkeypatch)
    assert len(read(tables, damage)) == 3
    assert damage.take() == ()


@pytest.mark.parametrize("kind", KINDS)
@slow
@given(data=st.data())
def test_an_item_that_is_odd_anywhere_costs_itself_alone(tables: Tables, kind: str, data: st.DataObject) -> None:
    table, sound, read = KINDS[kind]
    items = [sound(place) for place in range(3)]
    place = data.draw(st.integers(0, 2))
    items[place] = altered(data, items[place])
    damage = Damage()
    with pytest.MonkeyPatch.context() as patched:
        given_items(tables, table, [item for number, item in enumerate(items) if number != place], patched)
        others = read(tables, Damage())
        given_items(tables, table, items, patched)
        found = read(tables, damage)
    assert len(others) == 2
    as_text = [repr(one) for one in found]
    assert all(repr(one) in as_text for one in others)
    noted = damage.take()
    is_no_version = kind == "record" and not items[place].get("manifest", {}).get("M")
    assert len(found) + len(noted) >= 3 or is_no_version, "what is left out is named"
    name = getattr(tables, table).Meta.table_name
    assert all(one.table == name and one.why for one in noted)
    assert len(noted) <= 1


@slow
@given(data=st.data())
def test_an_odd_pointer_is_no_pointer_and_says_so(tables: Tables, data: st.DataObject) -> None:
    pointer = served(0) | {"version": text("champion"), "counter": number(3)}
    del pointer["why"]
    odd = pointer | {data.draw(st.sampled_from(["points_to", "previous", "since", "counter"])): data.draw(anything)}
    damage = Damage()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables.models, "get", lambda *_, **__: tables.models.from_raw_data(odd))
        found = None
        with suppress(ItemDamagedError):
            found = ModelTable(tables.models, damage).pointer("h1")
    assert [one.key["version"] for one in damage.take()] == ([] if found else ["champion"])
    if found:
        assert all(isinstance(name, str) for name in found.succession)
        assert found.counter >= 1


def test_each_damaged_item_is_named_once_a_call_and_no_more_than_fifty(caplog: pytest.LogCaptureFixture) -> None:
    damage = Damage()
    for place in (*range(60), *range(60)):
        damage.note(Damaged("t", {"house": f"h{place}"}, "why"))
    assert len(damage.take()) == 60
    assert len([one for one in caplog.records if one.message == "an item is damaged, the others are read"]) == 50
    assert damage.take() == ()


@pytest.mark.parametrize("odd", [text("21"), number(200), many({}), line([]), {"NULL": True}], ids=str)
def test_an_odd_robust_value_damages_its_slot_alone(tables: Tables, odd: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [observation(place) for place in range(3)]
    items[1]["rooms"]["M"]["kitchen"]["M"]["temperature"]["M"]["robust"] = odd
    given_items(tables, "observations", items, monkeypatch)
    damage = Damage()
    assert [key.start for key, _, _ in read_observations(tables, damage)] == [START, START + 2 * SLOT]
    assert [one.key["slot"] for one in damage.take()] == [format_slot(START + SLOT)]


@pytest.mark.parametrize("odd", [text("stuck"), line([number(1)]), line([line([])]), many({}), number(1)], ids=str)
def test_odd_notes_damage_their_forecast_alone(tables: Tables, odd: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [forecast(place) for place in range(3)]
    items[1]["notes"] = odd
    given_items(tables, "forecasts", items, monkeypatch)
    damage = Damage()
    found = read_forecasts(tables, damage)
    assert [one.issued_at for one in found] == [START, START + 2 * SLOT]
    assert [tuple(one.notes) for one in found] == [("stuck", "of a newer version")] * 2
    assert [one.key["issued_at"] for one in damage.take()] == [format_slot(START + SLOT)]


@pytest.mark.parametrize(
    "odd",
    [many({}), many({"rooms": line([])}), many({"rooms": many({"a/b": many({})}), "through_ms": number(1)})],
    ids=str,
)
def test_odd_deliveries_cost_their_house_nothing_but_them(
    tables: Tables, odd: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [house(place) for place in range(3)]
    items[1]["deliveries"] = odd
    given_items(tables, "houses", items, monkeypatch)
    damage = Damage()
    found = read_houses(tables, damage)
    assert [(one.name, one.deliveries.rooms) for one in found] == [("h0", {}), ("h1", {}), ("h2", {})]
    assert [one.key["house"] for one in damage.take()] == ["h1"]


@slow
@given(data=st.data())
def test_the_short_way_of_means_tells_what_the_long_one_does(tables: Tables, data: st.DataObject) -> None:
    """Also of items that are odd, and of which of them cannot be read."""
    items = [observation(place) for place in range(3)]
    place = data.draw(st.integers(0, 2))
    items[place] = altered(data, items[place])
    found = []
    with pytest.MonkeyPatch.context() as patched:
        for _ in range(2):
            damage = Damage()
            given_items(tables, "observations", items, patched)
            table = ObservationTable(tables.observations, retention_days=400, damage=damage)
            found.append((list(table.means("h1", *SPAN)), {one.key["slot"] for one in damage.take()}))
            patched.setattr("roomidity.aws.store.observations.PAGE", msgspec.json.Decoder(int))
            patched.setattr("tests.integration.test_damaged_items.PAGE", msgspec.json.Decoder(int))
    assert repr(found[0]) == repr(found[1])
