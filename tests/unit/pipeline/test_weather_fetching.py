"""The weather from a provider, against one on loopback that replays answers, errors and nonsense."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from roomidity.domain.houses import House, Room
from roomidity.domain.position import Position
from roomidity.domain.slots import SLOT
from roomidity.domain.weather import WeatherIssue
from roomidity.errors import ConfigurationError, ProviderError, WeatherError
from roomidity.pipeline.weather_fetching import Fetched, WeatherPorts, fetch_weather
from roomidity.providers.http import Asker, check_url
from roomidity.providers.openmeteo import OpenMeteo
from tests.fakes import World
from tests.provider import Answer, answer_of, answering
from tests.unit.samples import NOW

HERE: Final = Position(52.5, 13.4)
THERE: Final = Position(48.1, 11.6)
CAME: Final = NOW + timedelta(seconds=3)
SOUND: Final = answer_of(NOW)
SECRET: Final = "key-" + "of-a-plan"


def asked_of(url: str, **more: Any) -> WeatherIssue:
    asker = Asker(url, "test", **more)
    return OpenMeteo(url, asker=asker).fetch(HERE, issued_at=NOW, known=lambda: CAME)


def world_with(*positions: Position | None, seen: datetime = NOW - SLOT) -> World:
    world = World()
    for number, position in enumerate(positions):
        rooms = {"kitchen": Room(seen, seen, frozenset({""}), {"humidity": seen})}
        settings = {} if position is None else {"position": position.plain()}
        world.houses.put(House(f"h{number}", "UTC", rooms=rooms, settings=settings, admitted_at=NOW - 99 * SLOT))
    return world


def fetched(
    world: World, url: str, *, now: datetime = NOW, calls_a_day: int = 100, slept: list[float] | None = None
) -> Fetched:
    sleep: Callable[[float], None] = (lambda _: None) if slept is None else slept.append
    ports = WeatherPorts(world.houses, world.weather, OpenMeteo(url), calls_a_day, replace(world.backoff, sleep=sleep))
    return fetch_weather(ports, now=now, known=lambda: now + timedelta(seconds=3), remaining_s=lambda: 300.0)


def test_an_answer_is_an_issue_known_from_when_it_came_and_the_position_alone_leaves() -> None:
    with answering(SOUND) as (url, asked):
        issue = asked_of(url)
    assert (issue.place, issue.issued_at, issue.known_from) == (HERE.place, NOW, CAME)
    assert (issue.first, len(issue.temperature)) == (NOW.replace(minute=0), 49)
    assert (issue.temperature[:2], issue.humidity[:2]) == ((5.0, 5.1), (80.0, 79.0))
    (question,) = asked
    headers = question.pop("headers")
    assert question == {
        "latitude": "52.5",
        "longitude": "13.4",
        "hourly": "temperature_2m,relative_humidity_2m",
        "forecast_hours": "49",
        "timezone": "UTC",
        "timeformat": "unixtime",
    }
    assert headers.keys() <= {"Host", "User-Agent", "Accept", "Accept-Encoding"}


def test_of_a_longer_answer_the_hours_from_now_on_are_taken_also_where_times_are_text() -> None:
    midnight = NOW.replace(hour=0, minute=0)
    times = [f"{midnight + number * timedelta(hours=1):%Y-%m-%dT%H:%M}" for number in range(168)]
    with answering(answer_of(midnight, hours=168, hourly={"time": times})) as (url, _):
        issue = asked_of(url)
    assert issue.first == NOW.replace(minute=0)
    assert issue.temperature[0] == round(5 + NOW.hour / 10, 1)


NONSENSE: Final = {
    "no JSON": Answer(b"<html>sign in to this network</html>"),
    "no object": Answer(b"[1, 2, 3]"),
    "nothing": Answer(b""),
    "no hours": Answer(b'{"hourly": {}}'),
    "deep": Answer(b"[" * 100_000),
    "too few hours": answer_of(NOW, hours=48),
    "of yesterday": answer_of(NOW - timedelta(days=3)),
    "not hourly": answer_of(NOW, hourly={"time": list(range(2 * 10**9, 2 * 10**9 + 49 * 900, 900))}),
    "null": answer_of(NOW, hourly={"temperature_2m": [None] * 49}),
    "text": answer_of(NOW, hourly={"temperature_2m": ["5.0"] * 49}),
    "NaN": answer_of(NOW, hourly={"temperature_2m": [float("nan")] * 49}),
    "too warm": answer_of(NOW, hourly={"temperature_2m": [99] * 49}),
    "fewer values than times": answer_of(NOW, hourly={"relative_humidity_2m": [80] * 48}),
    "Fahrenheit": answer_of(NOW, hourly_units={"temperature_2m": "°F", "relative_humidity_2m": "%"}),
    "local times": answer_of(NOW, utc_offset_seconds=3600),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_refused_in_a_sentence(answer: Answer) -> None:
    with answering(answer) as (url, _), pytest.raises(ProviderError, match=r"^its answer") as refused:
        asked_of(url)
    assert not refused.value.is_passing
    assert len(str(refused.value)) < 400


def test_a_redirection_is_not_followed() -> None:
    with (
        answering(SOUND) as (elsewhere, reached),
        answering(Answer(status=302, headers={"Location": elsewhere})) as (
            url,
            _,
        ),
    ):
        with pytest.raises(ProviderError, match="302, a redirection, which is not followed"):
            asked_of(url)
        assert not reached


def test_an_answer_is_bounded_in_size_and_time() -> None:
    with answering(Answer(b" " * 1_000_001)) as (url, _), pytest.raises(ProviderError, match="larger than 1,000,000"):
        asked_of(url)
    with answering(Answer(b" " * 40, parts=40, pause_s=0.05)) as (url, _):
        with pytest.raises(ProviderError, match="not all there") as slow:
            asked_of(url, answer_s=0.3)
        assert slow.value.is_passing
    with answering(Answer(b" ", pause_s=0.5)) as (url, _), pytest.raises(ProviderError, match="ReadTimeout"):
        asked_of(url, read_s=0.1)
    with answering(Answer(b" ", length=9)) as (url, _), pytest.raises(ProviderError, match="no answer came"):
        asked_of(url)
    with pytest.raises(ProviderError, match="no answer came"):
        asked_of("http://127.0.0.1:9/v1/forecast")


def test_what_the_provider_says_of_an_error_is_told_and_escaped() -> None:
    body = b'{"error": true, "reason": "Latitude must be in range\\u001b[2J"}'
    with answering(Answer(body, status=400)) as (url, _), pytest.raises(ProviderError) as told:
        asked_of(url)
    assert str(told.value) == "it answered 400: Latitude must be in range\\u001b[2J"


def test_the_key_is_sent_and_stands_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    read: list[int] = []

    def key() -> str:
        read.append(1)
        return SECRET

    for url in ("http://127.0.0.1:9/v1", "http://weather.example/v1", f"https://x:{SECRET}@weather.example/v1"):
        with pytest.raises((ProviderError, ConfigurationError)) as told:
            OpenMeteo(url, key).fetch(HERE, issued_at=NOW, known=lambda: CAME)
        assert SECRET not in str(told.value)
    assert not read, "it is not read for an address that it would go to in the clear"
    with answering(Answer(status=401)) as (url, asked):
        provider = OpenMeteo("https://weather.example/v1", key, asker=Asker(url, "test"))
        for _ in range(2):
            with pytest.raises(ProviderError) as told:
                provider.fetch(HERE, issued_at=NOW, known=lambda: CAME)
            assert SECRET not in repr(told.value)
            assert told.value.__cause__ is None
    assert [question["apikey"] for question in asked] == [SECRET] * 2
    assert read == [1]
    assert SECRET not in caplog.text
    check_url("https://customer-api.open-meteo.com/v1/forecast", has_key=True)


# ---- All places of a stage.


def test_a_place_is_asked_for_once_however_many_active_houses_are_there() -> None:
    world = world_with(HERE, HERE, THERE, None)
    old = NOW - timedelta(days=9)
    world.houses.put(
        House(
            "silent",
            "UTC",
            {"k": Room(old, old, frozenset(), {})},
            settings={"position": {"latitude": 1, "longitude": 1}},
        )
    )
    with answering(SOUND) as (url, asked):
        found = fetched(world, url)
        assert (found.places, found.stored, found.calls) == (2, 2, 2)
        assert {(one["latitude"], one["longitude"]) for one in asked} == {("52.5", "13.4"), ("48.1", "11.6")}
        again = fetched(world, url)
        assert (again.fresh, again.stored, len(asked)) == (2, 0, 2)
    assert len(world.weather.stored) == 2


def test_what_fails_for_a_while_is_asked_again_after_a_pause_as_long_as_the_provider_says() -> None:
    world = world_with(HERE)
    slept: list[float] = []
    later = Answer(status=429, headers={"Retry-After": "7"})
    with answering(Answer(status=503), later, SOUND) as (url, _):
        found = fetched(world, url, slept=slept)
    assert (found.stored, found.calls) == (1, 3)
    assert slept == [1.0, 7.0]


def test_what_fails_for_good_costs_its_place_alone_and_is_told_in_the_end() -> None:
    world = world_with(HERE, THERE)
    with answering(Answer(status=400), SOUND) as (url, asked), pytest.raises(WeatherError) as told:
        fetched(world, url)
    assert (told.value.failed, told.value.left, len(asked)) == (1, 0, 2)
    assert len(world.weather.stored) == 1
    with answering(SOUND) as (url, asked):
        assert (fetched(world, url).stored, len(asked)) == (1, 1)


def test_a_provider_that_is_down_is_not_asked_for_every_place() -> None:
    world = world_with(*(Position(float(number), 0.0) for number in range(9)))
    with answering(Answer(status=500)) as (url, asked), pytest.raises(WeatherError, match="it answered 500") as told:
        fetched(world, url)
    assert (told.value.failed, told.value.left, len(asked)) == (5, 4, 15)


def test_a_budget_of_calls_a_day_holds_and_who_has_waited_longest_comes_first() -> None:
    world = world_with(HERE, THERE)
    with answering(SOUND, answer_of(NOW + SLOT)) as (url, asked):
        with pytest.raises(WeatherError, match="budget of 1 calls a day is spent") as told:
            fetched(world, url, calls_a_day=1)
        assert (told.value.failed, told.value.left) == (0, 1)
        first = asked[0]["latitude"]
        with pytest.raises(WeatherError):
            fetched(world, url, now=NOW + SLOT, calls_a_day=2)
        assert len(asked) == 2
        assert asked[1]["latitude"] != first


def test_where_time_is_short_no_place_is_begun() -> None:
    world = world_with(HERE)
    with answering(SOUND) as (url, asked):
        ports = WeatherPorts(world.houses, world.weather, OpenMeteo(url), 9, world.backoff)
        with pytest.raises(WeatherError, match="no time"):
            fetch_weather(ports, now=NOW, known=lambda: CAME, remaining_s=lambda: 40.0)
    assert not asked
