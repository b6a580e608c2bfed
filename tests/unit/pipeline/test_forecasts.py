"""Forecasting a house: every room seen lately, by champion or prior, whatever the observations are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House, Seen
from roomidity.domain.observations import Origin, Statistics
from roomidity.domain.slots import SLOT
from roomidity.errors import NotFoundError, StoreError
from roomidity.forecasting import Model, State, load_prior
from roomidity.pipeline.forecasts import IssuedForecast, forecast_house
from roomidity.pipeline.serving import serving_model
from tests.fakes import World
from tests.unit.samples import NOW, slot_key

DAY = timedelta(days=1)
PRIOR_VERSION = str(load_prior()[2]["version"])


def observe(
    world: World,
    rooms: tuple[str, ...] = ("kitchen",),
    *,
    days: float = 3,
    until: timedelta = timedelta(0),
    quantities: tuple[str, ...] = ("humidity", "temperature"),
) -> None:
    """Observations of rooms over ``days`` that ended ``until`` before NOW, and the house that they make known."""
    newest = NOW - until - SLOT
    for back in range(round(days * 96)):
        slot = newest - back * SLOT
        key = slot_key("h1", slot)
        observation, version = world.observations.stored.get(key, ({}, 0))
        mean = {"humidity": 50 + 5 * np.sin(back / 15), "temperature": 20 + np.sin(back / 15)}
        for room in rooms:
            values = {quantity: Statistics(mean[quantity], 0, 0, 1) for quantity in quantities}
            observation = {**observation, room: values}
        world.observations.put_many({key: (observation, Origin(version + 1))})
    house = world.houses.get("h1") or House("h1", "Europe/Brussels")
    grown, _ = house.admit(
        Seen(room, "", newest - days * DAY, newest, dict.fromkeys(quantities, newest)) for room in rooms
    )
    world.houses.put(grown)


def promote(world: World, *rooms: str) -> str:
    """A champion for the house: the prior with ridges of no effect, so that it counts as the house's own."""
    model, state, _ = load_prior()
    nothing = np.zeros((len(rooms), *model.local.shape[1:]))
    own = replace(model, rooms=rooms, local=nothing, residual=nothing)
    version = world.registry.publish("h1", model=own, state=state, manifest={}, trained_at=NOW - DAY)
    world.registry.promote("h1", version, at=NOW - DAY)
    return version


def issue(world: World) -> IssuedForecast:
    return forecast_house(world.forecast_ports(), house="h1", issued_at=NOW)


def only(issued: IssuedForecast) -> StoredForecast:
    (room,) = issued.rooms
    return room


def same(one: StoredForecast, other: StoredForecast) -> bool:
    np.testing.assert_array_equal(one.quantiles, other.quantiles)
    return replace(one, quantiles=other.quantiles) == other


def test_every_room_is_forecast_and_written_but_the_air_outside() -> None:
    world = World()
    observe(world, ("kitchen", "bath", "outdoor"))
    issued = issue(world)
    assert [room.room for room in issued.rooms] == ["bath", "kitchen"]
    assert set(world.forecasts.stored) == {("h1", "bath", NOW), ("h1", "kitchen", NOW)}
    for room in issued.rooms:
        assert world.forecasts.stored["h1", room.room, NOW] is room
        assert set(room.quantities) == {"humidity", "temperature"}
        for quantiles in room.quantities.values():
            assert set(quantiles) == {"p10", "p50", "p90"}
            assert {len(values) for values in quantiles.values()} == {96}
            assert (quantiles["p10"] <= quantiles["p50"]).all()
            assert (quantiles["p50"] <= quantiles["p90"]).all()
            for values in quantiles.values():
                np.testing.assert_array_equal(values, values.round(1))


def test_without_a_champion_the_prior_serves_and_the_grade_says_so() -> None:
    world = World()
    observe(world)
    issued = issue(world)
    assert only(issued).grade == {"humidity": "prior", "temperature": "prior"}
    assert only(issued).model_version == PRIOR_VERSION == issued.serving.version
    assert only(issued).data_through == NOW - SLOT
    assert not issued.serving.refused


def test_the_champion_serves_and_the_grade_is_full() -> None:
    world = World()
    observe(world)
    version = promote(world, "kitchen")
    issued = issue(world)
    assert only(issued).grade == {"humidity": "full", "temperature": "full"}
    assert only(issued).model_version == version == issued.serving.version


def test_a_champion_whose_bytes_are_not_those_registered_is_refused_and_the_prior_serves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    observe(world)
    version = promote(world, "kitchen")
    world.registry.models["h1", version] += b"\0"
    issued = issue(world)
    assert issued.serving.refused
    assert only(issued).model_version == PRIOR_VERSION
    assert only(issued).grade == {"humidity": "prior", "temperature": "prior"}
    assert "model refused, the next in line serves" in caplog.text


def test_what_served_before_a_refused_champion_serves_again_while_it_is_intact() -> None:
    world = World()
    observe(world, ("bath", "kitchen"))
    first = promote(world, "kitchen")
    second = promote(world, "bath", "kitchen")
    assert issue(world).serving.version == second
    world.registry.models["h1", second] += b"\0"
    issued = issue(world)
    assert (issued.serving.version, issued.serving.refused) == (first, True)
    assert {room.model_version for room in issued.rooms} == {first}
    assert {grade for room in issued.rooms for grade in room.grade.values()} == {"full"}
    world.registry.models["h1", first] += b"\0"
    issued = issue(world)
    assert (issued.serving.version, issued.serving.refused) == (PRIOR_VERSION, True)
    assert {grade for room in issued.rooms for grade in room.grade.values()} == {"prior"}


def test_a_champion_that_cannot_be_read_just_now_gives_way_to_the_one_before() -> None:
    world = World()
    observe(world)
    first, second = promote(world, "kitchen"), promote(world, "bath", "kitchen")
    world.registry.unreadable = {second}
    assert (issue(world).serving.version, issue(world).serving.refused) == (first, True)
    world.registry.unreadable = {first, second}
    assert (issue(world).serving.version, issue(world).serving.refused) == (PRIOR_VERSION, True)


def test_where_not_even_the_name_of_the_champion_can_be_read_the_prior_serves_and_says_so(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(_: str) -> tuple[str, ...]:
        raise StoreError("throttled")

    world = World()
    observe(world)
    promote(world, "kitchen")
    monkeypatch.setattr(world.registry, "succession", throttled)
    issued = issue(world)
    assert (issued.serving.version, issued.serving.refused) == (PRIOR_VERSION, True)
    assert only(issued).grade == {"humidity": "prior", "temperature": "prior"}
    assert "model refused" in caplog.text


@pytest.mark.parametrize("damage", [b"", b"PK", b"not a model"])
def test_a_champion_that_does_not_parse_is_refused(damage: bytes) -> None:
    class Damaged:
        def to_bytes(self) -> bytes:
            return damage

    world = World()
    version = world.registry.publish("h1", model=Damaged(), state=load_prior()[1], manifest={}, trained_at=NOW)  # type: ignore[arg-type]
    world.registry.promote("h1", version, at=NOW)
    serving = serving_model(world.registry, "h1")
    assert (serving.refused, serving.version) == (True, PRIOR_VERSION)


@pytest.mark.parametrize(("days", "hours"), [(3.0, 72), (0.1, 4), (1.0, 167)])
def test_a_silent_room_is_still_forecast_by_its_newest_value(days: float, hours: int) -> None:
    world = World()
    observe(world, days=days, until=timedelta(hours=hours))
    observe(world, ("bath",))
    bath, kitchen = issue(world).rooms
    assert kitchen.grade == {"humidity": "persistence", "temperature": "persistence"}
    assert kitchen.data_through == NOW - timedelta(hours=hours) - SLOT
    assert (kitchen.quantities["temperature"]["p10"] <= 20).all()
    assert (kitchen.quantities["temperature"]["p90"] >= 20).all()
    assert bath.grade == {"humidity": "prior", "temperature": "prior"}
    assert bath.data_through == NOW - SLOT


def test_a_room_that_is_silent_for_over_seven_days_is_not_forecast() -> None:
    world = World()
    observe(world, until=timedelta(days=7))
    assert issue(world).rooms == ()
    assert world.forecasts.stored == {}


def test_with_few_of_the_last_two_days_the_grade_is_sparse() -> None:
    world = World()
    observe(world, days=1)
    promote(world, "kitchen")
    assert only(issue(world)).grade == {"humidity": "sparse", "temperature": "sparse"}


def test_a_quantity_that_was_never_measured_is_absent() -> None:
    world = World()
    observe(world, quantities=("temperature",))
    room = only(issue(world))
    assert set(room.quantities) == set(room.grade) == {"temperature"}


def test_a_quantity_that_fell_silent_three_days_ago_is_forecast_by_its_newest_value() -> None:
    world = World()
    observe(world, days=1, until=timedelta(days=3))
    observe(world, days=3, quantities=("temperature",))
    assert only(issue(world)).grade == {"humidity": "persistence", "temperature": "prior"}


def test_a_room_of_which_nothing_was_observed_is_there_and_says_that_it_knows_nothing() -> None:
    world = World()
    house, _ = House("h1", "UTC").admit([Seen("kitchen", "", NOW, NOW)])
    world.houses.put(house)
    room = only(issue(world))
    assert (room.quantities, room.grade, room.data_through) == ({}, {}, None)


def test_nothing_from_the_issue_time_on_is_looked_at() -> None:
    now, later = World(), World()
    for world in (now, later):
        observe(world)
    observe(later, ("kitchen",), days=1, until=-DAY)
    assert same(only(issue(now)), only(issue(later)))


def test_a_job_that_comes_again_writes_the_same_item() -> None:
    world = World()
    observe(world, ("kitchen", "bath"))
    first = issue(world)
    stored = dict(world.forecasts.stored)
    again = issue(world)
    assert len(world.forecasts.stored) == 2
    assert all(same(one, other) for one, other in zip(first.rooms, again.rooms, strict=True))
    assert stored.keys() == world.forecasts.stored.keys()


def test_a_house_that_was_never_seen_is_said() -> None:
    with pytest.raises(NotFoundError, match="house 'h1' does not exist; it appears with its first reading"):
        issue(World())


def test_the_serving_model_is_what_was_registered() -> None:
    world = World()
    promote(world, "kitchen")
    serving = serving_model(world.registry, "h1")
    assert isinstance(serving.model, Model)
    assert isinstance(serving.state, State)
    assert serving.model.rooms == ("kitchen",)
    assert serving_model(world.registry, "h2").model.rooms == ()
