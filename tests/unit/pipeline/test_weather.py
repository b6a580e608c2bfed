"""The weather ahead: queued issues are counted like readings, nothing lost; forecasts read what was known, no later."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.houses import House
from roomidity.domain.position import Position
from roomidity.domain.slots import SLOT, format_moment, to_epoch_ms
from roomidity.domain.weather import HOURS, WeatherIssue, checked_issue, house_place, own_first
from roomidity.errors import ConflictError, InputError, StoreError
from roomidity.pipeline.drain import DrainConfig, DrainSummary, drain
from roomidity.pipeline.forecasts import forecast_house
from roomidity.pipeline.forgetting import forget_house
from roomidity.pipeline.weather_ahead import HeldWeather, weather_known, with_weather_history
from roomidity.readings import pack_lines
from tests.fakes import World
from tests.faults import Faults, Killed, OutageError, faults_of
from tests.unit.samples import NOW

HOUR: Final = timedelta(hours=1)
OWN: Final = house_place("h1")
CONFIG: Final = DrainConfig(timezone="UTC")


def weather(at: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """What a gateway says of the weather, issued an hour before ``at``."""
    first = at.replace(minute=0, second=0, microsecond=0)
    content = {
        "issued_at": format_moment(at - HOUR),
        "times": [format_moment(first + number * HOUR) for number in range(HOURS)],
        "temperature": [5.0 + number / 4 for number in range(HOURS)],
        "humidity": [80] * HOURS,
    }
    return content | changes


def body(content: Any, house: Any = "h1") -> str:
    return json.dumps({"house": house, "weather": content})


def reading(at: datetime = NOW, house: str = "h1") -> str:
    return json.dumps({"house": house, "room": "kitchen", "ts": format_moment(at - SLOT), "temperature": 20.5})


def drained(world: World, now: datetime = NOW, faults: Faults | None = None) -> DrainSummary:
    summary = DrainSummary()
    drain(world.drain_ports(faults), CONFIG, now=now, remaining_s=lambda: 300.0, summary=summary)
    assert summary.conserved
    assert not summary.violations
    return summary


def stored(world: World, place: str = OWN) -> list[WeatherIssue]:
    return world.weather.issues([place], since=NOW - 500 * 24 * HOUR, until=NOW + 500 * 24 * HOUR)


def issue(known_from: datetime, *, place: str = OWN, level: float = 5.0) -> WeatherIssue:
    first = known_from.replace(minute=0)
    return WeatherIssue(place, known_from - HOUR, known_from, first, (level,) * HOURS, (80.0,) * HOURS)


# ---- The queue.


def test_a_queued_issue_is_known_from_when_its_message_was_sent_whatever_it_says_itself() -> None:
    world = World()
    sent = NOW - timedelta(minutes=3, milliseconds=-7)
    world.readings.send([reading(), body(weather(known_from="2020-01-01T00:00:00Z"))], sent=sent)
    summary = drained(world)
    assert summary.as_dict()["readings"] == {"received": 2, "stored": 2, "duplicate": 0, "rejected": 0}
    (found,) = stored(world)
    assert (found.place, found.known_from, found.issued_at) == (OWN, sent, NOW - HOUR)
    assert found.first == NOW.replace(minute=0)
    assert found.temperature == tuple(weather()["temperature"])
    assert world.readings.is_empty()


def test_an_issue_that_comes_again_is_a_duplicate_of_the_first() -> None:
    world = World()
    world.readings.send([reading(), body(weather())], sent=NOW - timedelta(minutes=3))
    drained(world)
    first = stored(world)
    world.readings.send([body(weather())], sent=NOW - timedelta(minutes=2))
    world.readings.send([body(weather(humidity=[70] * HOURS))], sent=NOW - timedelta(minutes=1))
    assert drained(world).as_dict()["duplicates"] == {"repeat": 1, "conflict": 1, "dense": 0}
    assert stored(world) == first


def test_at_most_four_an_hour_of_a_house_are_kept_and_the_others_stand_with_the_rejects() -> None:
    world = World()
    world.readings.send([reading(), reading(house="h2")], sent=NOW)
    for number in range(6):
        sent = NOW - timedelta(minutes=30 - number)
        issued = format_moment(NOW - HOUR - number * timedelta(minutes=1))
        for house in ("h1", "h2"):
            world.readings.send([body(weather(issued_at=issued), house)], sent=sent)
    summary = drained(world)
    assert dict(summary.rejected) == {"weather": 4}
    assert len(stored(world)) == len(stored(world, house_place("h2"))) == 4
    rejects = world.rejects.all()
    assert sorted((one["reason"], one["house"]) for one in rejects) == [("weather", "h1")] * 2 + [("weather", "h2")] * 2
    assert rejects[0]["original"]["weather"]["humidity"] == [80] * HOURS
    world.readings.send([body(weather(NOW + HOUR))], sent=NOW + HOUR)
    assert drained(world, NOW + HOUR).outcomes["stored"] == 1


NONSENSE: Final[dict[str, Any]] = {
    "no object": "sunny",
    "nothing": {},
    "48 values": weather(humidity=[80] * 48),
    "50 of all": {key: value if key == "issued_at" else [*value, value[-1]] for key, value in weather().items()},
    "not finite": weather(temperature=[float("nan"), *[5.0] * 48]),
    "infinite": weather(temperature=[float("inf"), *[5.0] * 48]),
    "far too large": weather(temperature=[10**400, *[5.0] * 48]),
    "text": weather(temperature=["5.0", *[5.0] * 48]),
    "true": weather(humidity=[True] * HOURS),
    "null": weather(humidity=[None] * HOURS),
    "too warm": weather(temperature=[5.0] * 48 + [86.0]),
    "too humid": weather(humidity=[100.5, *[80] * 48]),
    "of the future": weather(issued_at=format_moment(NOW + HOUR)),
    "never issued": weather(issued_at=None),
    "an odd time": weather(issued_at="this morning"),
    "no offset": weather(issued_at="2026-03-14T10:00:00"),
    "half hours": weather(times=[format_moment(NOW + number * HOUR / 2) for number in range(HOURS)]),
    "unordered": weather(times=weather()["times"][::-1]),
    "no slot": weather(times=[format_moment(NOW + number * HOUR + timedelta(minutes=1)) for number in range(HOURS)]),
    "of another year": weather(times=[format_moment(NOW + (number + 9000) * HOUR) for number in range(HOURS)]),
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE.keys())
def test_what_cannot_be_an_issue_is_rejected_and_costs_nothing_else(content: Any) -> None:
    world = World()
    world.readings.send([reading(), body(content), body(weather())], sent=NOW)
    summary = drained(world)
    assert dict(summary.rejected) == {"weather": 1}
    assert summary.outcomes["stored"] == 2
    (reject,) = world.rejects.all()
    assert (reject["reason"], reject["original"] is not None) == ("weather", True)
    assert len(stored(world)) == 1


@pytest.mark.parametrize("house", ["", "a/b", None, 5, ["h1"]])
def test_an_issue_of_what_is_no_house_is_rejected_as_a_reading_of_it_is(house: Any) -> None:
    world = World()
    world.readings.send([body(weather(), house)], sent=NOW)
    assert dict(drained(world).rejected) == {"bad_name": 1}
    assert not world.weather.stored


def test_an_issue_makes_no_house_but_may_come_with_its_first_reading() -> None:
    world = World()
    world.readings.send([body(weather(), "made-up"), body(weather()), reading()], sent=NOW)
    assert dict(drained(world).rejected) == {"weather": 1}
    assert len(stored(world)) == 1
    assert not stored(world, house_place("made-up"))
    assert world.houses.get("made-up") is None


def test_a_rejected_issue_can_be_sent_again_as_it_is() -> None:
    world = World()
    world.readings.send([body(weather())], sent=NOW)
    assert dict(drained(world).rejected) == {"weather": 1}
    (reject,) = world.rejects.all()
    again = list(pack_lines([reading(), json.dumps(reject["original"])]))
    world.readings.send([again[1]], sent=NOW)
    drained(world)
    world.readings.send([again[0]], sent=NOW + HOUR)
    assert drained(world, NOW + HOUR).outcomes["stored"] == 1
    assert [one.known_from for one in stored(world)] == [NOW + HOUR]


def test_readings_that_speak_of_weather_are_readings() -> None:
    world = World()
    packed = {"house": "h1", "weather": weather(), "readings": [{"room": "k", "ts": format_moment(NOW), "humidity": 5}]}
    world.readings.send([json.dumps(json.loads(reading()) | {"weather": "sunny"}), json.dumps(packed)], sent=NOW)
    assert drained(world).outcomes["stored"] == 2
    assert not stored(world)


def with_a_fault(faults: Faults) -> None:
    """Drain with a fault, and then without: an issue is kept once, and each drain has counted all that it saw."""
    world = World()
    world.houses.put(House("h1", "UTC", admitted_at=NOW))
    world.readings.send([reading(), body(weather()), body("nonsense")], sent=NOW)
    faults.show = world.readings.show
    summary = DrainSummary()
    try:
        drain(world.drain_ports(faults), CONFIG, now=NOW, remaining_s=lambda: faults.left_s, summary=summary)
    except (Killed, OutageError, ConflictError):
        assert faults.injected  # that one of many calls fails is not certain
    assert summary.conserved
    world.readings.time_out()
    drained(world)
    assert world.readings.is_empty()
    assert len(stored(world)) == 1
    assert {one["reason"] for one in world.rejects.all()} == {"weather"}


def test_whatever_goes_wrong_with_a_call_an_issue_is_kept_once_and_counted_as_often_as_it_was_received() -> None:
    with_a_fault(sound := Faults())
    around = {("weather", "issues"), ("weather", "put_many"), ("rejects", "put"), ("readings", "delete")}
    concerned = [at for at, call in enumerate(sound.calls) if call in around]
    assert {sound.calls[at] for at in concerned} == around
    for at in concerned:
        for fault in faults_of(*sound.calls[at]):
            with_a_fault(Faults(at=at, fault=fault))


def test_what_was_sent_before_its_house_was_forgotten_is_dropped_also_where_that_happens_meanwhile() -> None:
    world = World()
    world.readings.send([reading(), body(weather())], sent=NOW)
    drained(world)
    assert dict(forget_house(world.forget_ports(lambda: NOW + SLOT), house="h1"))["weather"] == 0 or not stored(world)
    assert not stored(world)
    world.readings.send([body(weather())], sent=NOW + SLOT / 2)
    assert dict(drained(world, NOW + 2 * SLOT).rejected) == {"forgotten": 1}
    assert not stored(world)
    world.readings.send([reading(NOW + 40 * SLOT), body(weather(NOW + 40 * SLOT))], sent=NOW + 40 * SLOT)
    put_many = world.weather.put_many

    def forgotten_just_then(issues: Any) -> list[bool]:
        written = put_many(issues)
        list(forget_house(world.forget_ports(lambda: NOW + 41 * SLOT), house="h1"))
        return put_many(issues) or written  # as if the deletion had come before the write

    world.weather.put_many = forgotten_just_then  # type: ignore[method-assign]
    summary = DrainSummary()
    drain(world.drain_ports(), CONFIG, now=NOW + 40 * SLOT, remaining_s=lambda: 300.0, summary=summary)
    assert summary.conserved
    assert not stored(world)


# ---- What a forecast reads.


def test_a_house_uses_its_own_issues_first_then_its_places_and_never_anothers() -> None:
    world = World()
    world.readings.send([reading(), reading(house="h2")], sent=NOW)
    drained(world)
    here = Position(52.5, 13.4)
    for name in ("h1", "h2"):
        home = world.houses.get(name)
        assert home is not None
        world.houses.put(replace(home, settings={"position": here.plain()}))
    old, own = issue(NOW - 60 * HOUR), issue(NOW - 3 * HOUR)
    provided = [issue(NOW - hours * HOUR, place=here.place, level=9.0) for hours in (50, 40, 30, 2, 1)]
    elsewhere = issue(NOW - HOUR, place="place:52.5,13.5")
    world.weather.put_many([old, own, elsewhere, *provided])
    home, other = world.houses.get("h1"), world.houses.get("h2")
    assert home is not None
    assert other is not None
    known = weather_known(world.weather, home, HeldWeather(), until=NOW)
    assert known == (old, *provided[2:3], own), "its own covers 24 h for 24 h; then a provider's stands in"
    assert weather_known(world.weather, other, HeldWeather(), until=NOW) == tuple(provided)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-300, 20)), max_size=12, unique=True), st.integers(-290, 0))
def test_no_later_issue_changes_what_is_chosen(issues: list[tuple[bool, int]], end: int) -> None:
    made = [issue(NOW + hours * HOUR, place=OWN if own else "place:1.0,1.0") for own, hours in issues]
    until = NOW + end * HOUR
    own, others = ([one for one in made if (one.place == OWN) == wanted] for wanted in (True, False))
    chosen = [one for one in own_first(own, others) if one.known_from <= until]
    early = [[one for one in some if one.known_from <= until] for some in (own, others)]
    assert chosen == own_first(*early)


def house_with_weather(world: World) -> None:
    for back in range(200):
        at = NOW - back * SLOT
        world.readings.send([reading(at)], sent=at)
    drained(world)


def test_a_forecast_reads_what_was_known_at_its_issue_time_and_another_time_gives_the_same() -> None:
    world = World()
    house_with_weather(world)
    early = [issue(NOW - hours * HOUR) for hours in (30, 9, 3)]
    world.weather.put_many(early)
    home = world.houses.get("h1")
    assert home is not None
    held = HeldWeather()
    before = weather_known(world.weather, home, held, until=NOW)
    assert before == tuple(early)
    world.weather.put_many([issue(NOW + timedelta(milliseconds=1)), issue(NOW + HOUR)])
    assert weather_known(world.weather, home, held, until=NOW + HOUR)[-1].known_from == NOW + HOUR
    assert weather_known(world.weather, home, held, until=NOW) == before == tuple(early)
    assert weather_known(world.weather, home, HeldWeather(), until=NOW) == before
    assert weather_known(world.weather, home, held, until=NOW - 4 * HOUR) == tuple(early[:2])


def test_a_stored_forecast_says_which_issue_it_rests_on_and_what_that_adds() -> None:
    world = World()
    for back in range(200):  # of a day and a night
        content = json.loads(reading(NOW - back * SLOT))
        content["temperature"] = round(20 + 2 * math.sin(back / 96 * math.tau), 2)
        world.readings.send([json.dumps(content)], sent=NOW - back * SLOT)
    drained(world)
    (without,) = forecast_house(world.forecast_ports(), house="h1", issued_at=NOW).rooms
    assert (without.weather, without.weather_adds) == (None, {})
    frost = replace(issue(NOW - 3 * HOUR), temperature=tuple(20.0 - hour for hour in range(HOURS)))
    world.weather.put_many([frost])
    (one,) = forecast_house(world.forecast_ports(), house="h1", issued_at=NOW).rooms
    assert one.weather is not None
    assert one.weather.issued_at == frost.issued_at
    colder = one.weather_adds["temperature"]
    assert colder.change < 0
    lead = colder.peaks - 1
    assert one.quantiles[1, 1, lead] - without.quantiles[1, 1, lead] == pytest.approx(colder.change, abs=0.11)


def test_houses_of_one_place_read_it_once_a_tick() -> None:
    world = World()
    here = Position(52.5, 13.4)
    for name in ("h1", "h2", "h3"):
        world.readings.send([reading(house=name)], sent=NOW)
    drained(world)
    world.weather.put_many([issue(NOW - HOUR, place=here.place)])
    held = HeldWeather()
    world.weather.read = 0
    for name in ("h1", "h2", "h3"):
        home = world.houses.get(name)
        assert home is not None
        home = replace(home, settings={"position": here.plain()})
        assert len(weather_known(world.weather, home, held, until=NOW)) == 1
    assert world.weather.read == 4, "each house's own, and the place"


def test_an_issue_that_was_stored_late_is_still_found_by_who_holds_the_others() -> None:
    world = World()
    house_with_weather(world)
    home, held = world.houses.get("h1"), HeldWeather()
    assert home is not None
    world.weather.put_many([issue(NOW - 5 * HOUR)])
    weather_known(world.weather, home, held, until=NOW)
    world.weather.put_many([issue(NOW - 2 * HOUR)])  # it waited in the queue
    found = weather_known(world.weather, home, held, until=NOW + SLOT)
    assert [one.known_from for one in found] == [NOW - 5 * HOUR, NOW - 2 * HOUR]


def test_the_forecast_never_stops_where_the_table_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    house_with_weather(world)

    def fail(*_: object, **__: object) -> list[WeatherIssue]:
        raise StoreError("the table does not answer")

    monkeypatch.setattr(world.weather, "issues", fail)
    issued = forecast_house(world.forecast_ports(), house="h1", issued_at=NOW)
    assert [room.weather for room in issued.rooms] == [None]


def test_a_history_has_the_issues_known_in_it_and_those_of_the_week_before() -> None:
    world = World()
    house_with_weather(world)
    home = world.houses.get("h1")
    assert home is not None
    known = [issue(NOW + hours * HOUR) for hours in (-9 * 24, -7 * 24, -5, 1)]
    world.weather.put_many(known)
    from roomidity.pipeline.history import read_history  # noqa: PLC0415

    window = read_history(world.observations, home, ("kitchen",), start=NOW - 24 * HOUR, end=NOW)
    assert with_weather_history(window, world.weather, home).issues == (known[0], known[1], known[2])


# ---- Words.


@pytest.mark.parametrize("text", ["", "52.5", "a,b", "52.5,13.4,1", "91,0", "0,181", "nan,0", "inf,0", "52,5;13,4"])
def test_what_is_no_position_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(InputError, match=r"expected LAT,LON"):
        Position.parse(text)


def test_a_position_is_kept_to_a_tenth_of_a_degree() -> None:
    exact = Position.parse("-0.04,-180")
    assert (exact.latitude, exact.longitude, exact.place) == (0.0, 180.0, "place:0.0,180.0")
    assert Position.of_settings({"position": Position(52.517, 13.389).plain()}) == Position(52.5, 13.4)
    for odd in (None, 5, {}, {"latitude": "52"}, {"latitude": 52.5, "longitude": 999}):
        assert Position.of_settings({"position": odd}) is None


def test_an_issue_is_kept_to_hundredths_and_whole_seconds() -> None:
    sent = replace(issue(NOW, level=5.004), issued_at=NOW - HOUR + timedelta(microseconds=5))
    kept = checked_issue(sent)
    assert (kept.temperature[0], kept.issued_at) == (5.0, NOW - HOUR)
    assert to_epoch_ms(kept.first) == to_epoch_ms(sent.first)
