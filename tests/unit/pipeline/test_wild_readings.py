"""From the queue to the forecast: dying, stuck and silent sensors, and those that report changes only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.slots import SLOT, format_moment
from roomidity.pipeline.drain import DrainConfig, drain
from roomidity.pipeline.forecasts import forecast_house
from roomidity.pipeline.verification import score_days
from tests.fakes import World
from tests.unit.samples import NOW

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
CONFIG = DrainConfig(timezone="Europe/Brussels")


def reading(at: datetime, temperature: float | None, humidity: float | None, *, room: str = "cellar") -> dict[str, Any]:
    return {"room": room, "ts": format_moment(at), "temperature": temperature, "humidity": humidity}


def course(
    start: datetime, end: datetime, *, level: tuple[float, float] = (16.0, 72.0), every: timedelta = SLOT, **more: str
) -> Iterator[dict[str, Any]]:
    """A room at some °C and %RH, give or take a little by the hour."""
    at = start
    while at < end:
        hour = at.timestamp() / 3600
        temperature = level[0] + 0.4 * np.sin(2 * np.pi * hour / 24) + 0.03 * np.sin(hour * 7)
        humidity = level[1] + 1.5 * np.cos(2 * np.pi * hour / 24) + 0.2 * np.sin(hour * 5)
        yield reading(at, round(temperature, 2), round(humidity, 1), **more)
        at += every


def receive(world: World, readings: Iterable[dict[str, Any]], *, now: datetime = NOW) -> None:
    world.readings.send([json.dumps({"house": "h1", "readings": list(readings)})], sent=now)
    summary = drain(world.drain_ports(), CONFIG, now=now, remaining_s=lambda: 300.0)
    assert not summary.rejected


def issue(world: World, at: datetime = NOW) -> dict[str, StoredForecast]:
    return {one.room: one for one in forecast_house(world.forecast_ports(), house="h1", issued_at=at).rooms}


def median(forecast: StoredForecast, quantity: str) -> float:
    return float(np.median(forecast.quantities[quantity]["p50"]))


@pytest.mark.parametrize("wild", [(0.0, 0.0), (85.0, 99.9), (85.0, None), (None, 100.0), (31.0, 20.0)])
@pytest.mark.parametrize("later", [SLOT, 2 * SLOT, timedelta(hours=4), DAY, 1.99 * DAY, 3 * DAY, 6.98 * DAY])
def test_the_last_words_of_a_dying_sensor_are_not_carried_on(
    wild: tuple[float | None, float | None], later: timedelta
) -> None:
    """Three good days, one wild reading, silence; a quarter of an hour later and a week later it is not believed."""
    world = World()
    receive(world, [*course(NOW - 3 * DAY, NOW), reading(NOW + MINUTE, *wild)])
    at = NOW + later - later % SLOT
    cellar = issue(world, at)["cellar"]
    assert abs(median(cellar, "temperature") - 16) < 0.8
    assert abs(median(cellar, "humidity") - 72) < 3
    lowest, highest = cellar.quantities["humidity"]["p10"].min(), cellar.quantities["humidity"]["p90"].max()
    assert 45 < lowest < 72 < highest < 95
    silent = later > timedelta(hours=3, minutes=30)
    assert set(cellar.grade.values()) == ({"persistence"} if silent else {"prior"})
    assert cellar.data_through == NOW - SLOT
    assert ("spiking" in cellar.notes) == (SLOT < later <= DAY or (later == SLOT and wild != (31.0, 20.0)))
    assert "dead" not in cellar.notes, "nothing else of the house reports"


def test_one_wild_reading_among_others_of_the_newest_slot_moves_nothing() -> None:
    world, other = World(), World()
    good = [*course(NOW - 3 * DAY, NOW, every=5 * MINUTE)]
    receive(world, good)
    receive(other, [*good, reading(NOW - MINUTE, 0.0, 0.0)])
    right, found = issue(world)["cellar"], issue(other)["cellar"]
    for quantity, quantiles in right.quantities.items():
        for name, values in quantiles.items():
            np.testing.assert_array_equal(values, found.quantities[quantity][name])
    (observation, _) = other.observations.stored[max(other.observations.stored)]
    assert observation["cellar"]["temperature"].min == 0.0
    assert observation["cellar"]["temperature"].mean < 13
    assert observation["cellar"]["temperature"].value > 15
    receive(other, course(NOW, NOW + SLOT, every=5 * MINUTE), now=NOW + SLOT)
    assert issue(other, NOW + SLOT)["cellar"].notes == ("spiking",)


@pytest.mark.parametrize("value", [(85.0, None), (0.0, 0.0), (None, 0.0), (-45.0, None)])
def test_a_new_rooms_only_reading_is_not_believed_if_sensors_show_it_when_they_start(
    value: tuple[float | None, float | None],
) -> None:
    world = World()
    receive(world, [reading(NOW - MINUTE, *value)])
    cellar = issue(world)["cellar"]
    assert (cellar.quantities, cellar.grade, cellar.data_through, cellar.notes) == ({}, {}, None, ("spiking",))
    receive(world, course(NOW, NOW + SLOT), now=NOW + SLOT)
    assert set(issue(world, NOW + SLOT)["cellar"].quantities) == {"humidity", "temperature"}


def test_a_sauna_is_believed() -> None:
    world = World()
    warmth = enumerate((40, 55, 68, 76, 81, 85, 85, 85))
    heating = [reading(NOW - (8 - place) * SLOT, value, 12.0) for place, value in warmth]
    receive(world, [*course(NOW - 2 * DAY, NOW - 8 * SLOT, level=(22, 40)), *heating])
    sauna = issue(world)["cellar"]
    assert sauna.quantities["temperature"]["p50"][0] > 78
    assert sauna.notes == ()


def test_fog_in_a_cellar_is_believed() -> None:
    world = World()
    fog = [reading(NOW - (40 - place) * SLOT, 12.0 + place % 3 / 10, min(90 + place / 2, 100.0)) for place in range(40)]
    receive(world, [*course(NOW - 3 * DAY, NOW - 40 * SLOT, level=(12, 90)), *fog])
    cellar = issue(world)["cellar"]
    assert cellar.quantities["humidity"]["p50"][0] > 98
    assert cellar.notes == ()


@pytest.mark.parametrize(("minutes", "warms"), [(1, True), (5, True), (15, True), (1, False)])
def test_a_shower_is_followed_from_its_first_slot_on(minutes: int, *, warms: bool) -> None:
    """Up by 35 %RH within minutes; with readings a minute it needs no thermometer."""
    world = World()
    every = minutes * MINUTE
    before = [*course(NOW - 3 * DAY, NOW - SLOT, level=(20, 50), every=every)]
    steam = []
    for place in range(15 // minutes):
        at = NOW - SLOT + place * every
        warm = before[-1]["temperature"] + 0.3 + 0.05 * place
        steam.append(reading(at, warm if warms else None, 50 + min(35.0, 7.0 * (place + 1) * minutes)))
    receive(world, [*before, *steam])
    bath = issue(world)["cellar"]
    assert bath.quantities["humidity"]["p50"][0] > 62
    assert bath.notes == ()


def test_a_sensor_stuck_at_the_top_is_told_not_scored_and_not_forecast_on() -> None:
    """Five days at 99.9 %RH: by the prior, which remembers nothing, and with two days read at a time."""
    world = World()
    receive(world, course(NOW - 12 * DAY, NOW))
    receive(world, course(NOW - 12 * DAY, NOW, room="attic"))
    failed = [one | {"humidity": 99.9} for one in course(NOW - 5 * DAY, NOW, room="bath")]
    receive(world, [*course(NOW - 12 * DAY, NOW - 5 * DAY, room="bath"), *failed])
    for back in range(96, 4 * 96, 7):
        issue(world, NOW - back * SLOT)
    found = issue(world)
    assert found["bath"].notes == ("stuck",)
    assert found["bath"].grade == {"humidity": "persistence", "temperature": "prior"}
    assert abs(median(found["bath"], "humidity") - 72) < 3
    assert found["cellar"].notes == found["attic"].notes == ()
    home = world.houses.get("h1")
    assert home is not None
    days = [(NOW - back * DAY).date() for back in (2, 3)]
    rows = {(row.room, row.day): row for row in score_days(world.verify_ports(), house=home, days=days, now=NOW)}
    for day in days:
        assert rows["bath", day].scores["humidity"].count.sum() == 0
        assert rows["bath", day].scores["temperature"].count.sum() > 0
        assert rows["cellar", day].scores["humidity"].count.sum() > 0


def test_a_sensor_that_died_is_told_while_the_rest_of_the_house_reports() -> None:
    world = World()
    receive(world, course(NOW - 3 * DAY, NOW))
    receive(world, course(NOW - 3 * DAY, NOW - timedelta(hours=5), room="bath"))
    found = issue(world)
    assert (found["cellar"].notes, found["bath"].notes) == ((), ("dead",))
    assert set(found["bath"].grade.values()) == {"persistence"}


def test_a_sensor_that_reports_only_changes_is_as_good_as_any() -> None:
    """Reports by half a degree and percent, and a sign of life after two hours; two days are all that is known."""
    world = World()
    last, sent = None, []
    for one in course(NOW - 2 * DAY, NOW, every=MINUTE):
        changed = last is None or abs(one["temperature"] - last["temperature"]) >= 0.2
        changed = changed or abs(one["humidity"] - last["humidity"]) >= 0.5
        if changed or datetime.fromisoformat(one["ts"]) - datetime.fromisoformat(last["ts"]) >= 120 * MINUTE:
            last = one
            sent.append(one)
    assert len({datetime.fromisoformat(one["ts"]).timestamp() // 900 for one in sent}) < 0.6 * 192
    receive(world, sent)
    assert issue(world)["cellar"].grade == {"humidity": "prior", "temperature": "prior"}
    late = issue(world, NOW + 20 * SLOT)["cellar"]
    assert late.grade == {"humidity": "persistence", "temperature": "persistence"}
