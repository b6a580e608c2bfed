"""No message stops a drain, and none costs what stands beside it: through the whole drain, in one wave."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from roomidity.domain.houses import MAX_NAME_BYTES, MAX_ROOMS, MAX_SENSORS
from roomidity.domain.slots import SLOT, format_moment
from roomidity.pipeline.drain import DrainConfig, DrainSummary, drain
from tests.fakes import InMemory
from tests.oracle import sets_of
from tests.schedules import assert_derived, bins_of
from tests.unit.readings.test_hostile_wire import BOMBS
from tests.unit.samples import NOW, SLOT_START, reading

CONFIG = DrainConfig(timezone="UTC")


def run(place: InMemory, *contents: Any) -> DrainSummary:
    """Send texts, or values as JSON, and drain them; nothing is left, and the law holds."""
    place.send(one if isinstance(one, str) else json.dumps(one) for one in contents)
    summary = drain(place.ports, CONFIG, now=NOW, remaining_s=lambda: 300.0)
    assert summary.conserved
    assert summary.violations == summary.undeleted == 0
    assert place.is_empty()
    return summary


def test_all_bombs_in_one_wave_are_rejected_and_kept_and_the_good_readings_among_them_stored() -> None:
    place = InMemory(NOW)
    good = [reading(ts=format_moment(SLOT_START + timedelta(seconds=5 * number))) for number in range(len(BOMBS))]
    summary = run(place, *(one for pair in zip(BOMBS.values(), good, strict=True) for one in pair))
    assert (summary.stored, summary.rejected.total()) == (len(good), len(BOMBS))
    assert bins_of(place.sets()) == sets_of(good)
    assert_derived(place)
    originals = [reject["original"] for reject in place.rejects()]
    texts = {one if isinstance(one, str) else json.dumps(one) for one in originals}
    assert {BOMBS["XML"], BOMBS["cut off"], BOMBS["brackets"], BOMBS["a lone surrogate"]} <= texts


def test_a_hundred_thousand_readings_of_one_slot_are_the_few_that_it_holds() -> None:
    place = InMemory(NOW)
    sent = [
        {"ts": round(SLOT_START.timestamp() * 1000) + number % 900_000, "temperature": 20 + number % 7 / 10}
        for number in range(0, 900_000, 9)
    ]
    summary = run(place, {"house": "h1", "room": "bath", "readings": sent})
    assert (summary.received, summary.stored, summary.slots_changed) == (100_000, 180, 1)
    plain = [
        {
            "house": "h1",
            "room": "bath",
            "ts": (SLOT_START + timedelta(milliseconds=number)).isoformat(),
            "temperature": one["temperature"],
        }
        for number, one in zip(range(0, 900_000, 9), sent, strict=True)
    ]
    assert bins_of(place.sets()) == sets_of(plain)


def test_readings_of_every_slot_of_the_window_come_in_one_message() -> None:
    place = InMemory(NOW)
    slots = 400 * 96
    sent = [{"ts": round((NOW - number * SLOT).timestamp()), "humidity": 50} for number in range(-5, slots + 10, 97)]
    summary = run(place, {"house": "h1", "room": "bath", "readings": sent})
    late = [one for one in sent if one["ts"] < (NOW - timedelta(days=400)).timestamp()]
    assert summary.rejected == {"future": 1, "too_old": len(late)}
    assert summary.stored == len(sent) - len(late) - 1 == len(place.sets())


def test_a_flood_of_names_is_refused_and_those_that_were_known_are_still_stored() -> None:
    place = InMemory(NOW)
    run(place, reading())
    flood = [reading(room=f"room {number}", sensor=f"sensor {number}") for number in range(2_000)]
    known = reading(ts=format_moment(SLOT_START))
    summary = run(place, {"readings": [*flood, known]})
    assert summary.rejected == {"too_many": 2_000 - (MAX_ROOMS - 1)}
    assert summary.stored == MAX_ROOMS
    sensors = [reading(sensor=f"sensor {number}") for number in range(2_000)]
    summary = run(place, {"readings": [*sensors, reading(ts=format_moment(SLOT_START + timedelta(minutes=1)))]})
    assert summary.stored == MAX_SENSORS - MAX_ROOMS + 1
    assert run(place, reading(house="h2")).stored == 1


def test_names_of_any_length_are_refused_before_their_set_is_too_large() -> None:
    place = InMemory(NOW)
    long = [reading(room="🛁" * 64, sensor=f"{number:03}" + "🚿" * 61) for number in range(MAX_SENSORS)]
    summary = run(place, {"readings": long})
    assert 0 < summary.stored <= MAX_NAME_BYTES // (4 * 64 + 4 * 61 + 3)
    assert summary.rejected == {"too_many": MAX_SENSORS - summary.stored}


BESIDE_NOTHING = [
    {"readings": [], **reading()},
    {"readings": [], "room": "kitchen"},
    {"house": "h1", "readings": [], "temperature": 21.3, "humidity": None},
]


@pytest.mark.parametrize("company", [[], ["x"], [reading(temperature="warm")]], ids=["alone", "not JSON", "odd"])
@pytest.mark.parametrize("body", BESIDE_NOTHING, ids=json.dumps)
def test_a_reading_beside_an_empty_list_is_counted_and_kept(body: Any, company: list[Any]) -> None:
    place = InMemory(NOW)
    summary = run(place, body, *company)
    assert summary.received == 1 + len(company)
    assert summary.rejected["malformed"] == 1 + company.count("x")
    assert json.dumps(body) in [reject["original"] for reject in place.rejects()]


@pytest.mark.parametrize("body", [{"readings": []}, {"readings": [], "house": "h1"}, {"readings": [], "room": None}])
def test_an_empty_list_beside_nothing_but_whose_it_is_is_nothing(body: Any) -> None:
    assert run(InMemory(NOW), body).received == 0


@pytest.mark.parametrize("ts", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "0001-W01-1T00:00:00Z"])
def test_a_reading_of_year_one_is_counted(ts: str) -> None:
    assert run(InMemory(NOW), reading(ts=ts)).rejected.keys() <= {"too_old", "bad_time"}


def test_a_house_never_touches_the_keys_of_another() -> None:
    place = InMemory(NOW)
    forged = ["h1/kitchen", "h1#", "h1\x00", "h1\n", "../h1", "$h1", "h1+", "h1\u200b", "\u202eh1", "h1\u2060"]
    summary = run(place, reading(), *(reading(house=name) for name in forged), *(reading(room=name) for name in forged))
    assert (summary.stored, summary.rejected) == (1, {"bad_name": 2 * len(forged)})
    assert {key.house for key in place.sets()} == {"h1"}
    assert [house.name for house in place.ports.houses.all()] == ["h1"]


@pytest.mark.parametrize("pair", [("A", "a"), ("a", "а"), ("é", "e"), ("..", ".")])
def test_names_that_look_alike_are_different_houses(pair: tuple[str, str]) -> None:
    place = InMemory(NOW)
    run(place, *(reading(house=name) for name in pair))
    assert {key.house for key in place.sets()} == set(pair)
