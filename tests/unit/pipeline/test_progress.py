"""Every active house gets a forecast each tick, whatever storing does, and whatever one message holds."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from roomidity.domain.houses import House, Seen
from roomidity.domain.messages import ForecastJob, Message
from roomidity.domain.slots import SLOT, format_moment
from roomidity.errors import ConflictError
from roomidity.pipeline import wave_storing
from roomidity.pipeline.drain import DrainConfig, DrainSummary, drain
from roomidity.pipeline.waves import WaveSize
from tests.fakes import InMemory, World
from tests.faults import OutageError
from tests.oracle import sets_of
from tests.schedules import assert_derived, bins_of
from tests.unit.samples import NOW, SENT, SLOT_START, reading

CONFIG = DrainConfig(timezone="UTC")
KNOWN = ("h1", "h2", "h3")


def refuse(*_: Any, **__: Any) -> Any:
    raise OutageError("refused")


def no_memory(*_: Any, **__: Any) -> Any:
    raise MemoryError


@pytest.fixture
def world() -> World:
    """Three active houses."""
    world = World()
    for name in KNOWN:
        world.houses.put(House(name, "UTC").admit([Seen("kitchen", "", NOW - SLOT, NOW - SLOT)])[0])
    return world


def send(world: World, *contents: Any) -> None:
    world.readings.send((one if isinstance(one, str) else json.dumps(one) for one in contents), sent=SENT)


def asked(world: World) -> list[str]:
    jobs = [ForecastJob.from_body(body) for body in world.forecast_jobs.bodies]
    assert {job.issued_at for job in jobs} <= {NOW}
    return [job.house for job in jobs]


BROKEN = {
    "no set can be written": ("sets", "put_many", refuse),
    "no set can be read": ("sets", "get_many", refuse),
    "no observation can be written": ("observations", "put_many", refuse),
    "no house can be written": ("houses", "put", refuse),
    "no house can be read": ("houses", "get_many", refuse),
    "nothing can be received": ("readings", "receive", refuse),
    "nothing can be deleted": ("readings", "delete", refuse),
    "the memory is full": ("sets", "put_many", no_memory),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_forecasts_are_asked_for_whatever_storing_does_and_the_drain_ends_as_failed(
    broken: str, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    port, method, wrong = BROKEN[broken]
    send(world, *(reading(house=name) for name in (*KNOWN, "new")))
    healthy = getattr(getattr(world, port), method)
    setattr(getattr(world, port), method, wrong)
    summary = DrainSummary()
    with pytest.raises((OutageError, MemoryError)):
        drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 300.0, summary=summary)
    assert set(KNOWN) <= set(asked(world)) <= {*KNOWN, "new"}
    assert summary.forecast_jobs == summary.active_houses == len(asked(world))
    assert "stay in the queue" in caplog.text or "ended early" in caplog.text
    assert not world.readings.is_empty()

    setattr(getattr(world, port), method, healthy)
    world.readings.time_out()
    drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 300.0)
    assert world.readings.is_empty()
    assert len(world.sets.stored) == 4


def test_a_slot_that_others_always_get_first_costs_itself_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put_many = world.sets.put_many
    monkeypatch.setattr(
        world.sets,
        "put_many",
        lambda sets: (
            put_many({key: one for key, one in sets.items() if key.house != "h2"})
            | {key for key in sets if key.house == "h2"}
        ),
    )
    send(world, *(reading(house=name) for name in KNOWN))
    summary = DrainSummary()
    with pytest.raises(ConflictError):
        drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 300.0, summary=summary)
    assert {key.house for key in world.sets.stored} == {"h1", "h3"}
    assert (summary.received, summary.stored, summary.left, summary.undeleted) == (2, 2, 1, 1)
    assert summary.conserved
    assert asked(world) == list(KNOWN)


def test_a_house_that_cannot_be_written_costs_itself_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one whose item is damaged: it is there, and cannot be read."""
    put = world.houses.put

    def refusing(house: House) -> None:
        if house.name == "damaged":
            raise ConflictError("house 'damaged'", attempts=1)
        put(house)

    monkeypatch.setattr(world.houses, "put", refusing)
    send(world, reading(house="damaged"), reading(house="h1"), {"readings": [reading(house="h2")]})
    summary = DrainSummary()
    with pytest.raises(ConflictError, match="damaged"):
        drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 300.0, summary=summary)
    assert {key.house for key in world.sets.stored} == {"h1", "h2"}
    assert (summary.stored, summary.left, summary.undeleted, summary.violations) == (2, 1, 1, 0)
    assert asked(world) == list(KNOWN)


@pytest.mark.parametrize("stage", ["decode", "check", "describe"])
@pytest.mark.parametrize("error", [MemoryError, ValueError, RecursionError])
def test_a_message_that_cannot_be_dealt_with_costs_itself_alone(
    stage: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = getattr(wave_storing, stage)

    def failing(first: Any, *rest: Any, **named: Any) -> Any:
        messages: Sequence[Message] = first if stage == "decode" else first.messages
        if any("poison" in message.body for message in messages):
            raise error
        return whole(first, *rest, **named)

    monkeypatch.setattr(wave_storing, stage, failing)
    place = InMemory(NOW)
    good = [reading(ts=format_moment(SLOT_START + timedelta(seconds=5 * number))) for number in range(100)]
    place.send([*map(json.dumps, good[:61]), '{"poison": 1}', *map(json.dumps, good[61:])])
    summary = DrainSummary()
    with pytest.raises(error):
        drain(place.ports, CONFIG, now=NOW, remaining_s=lambda: 300.0, summary=summary)
    assert (summary.stored, summary.undeleted) == (100, 1)
    assert bins_of(place.sets()) == sets_of(good)
    assert_derived(place)
    assert not place.is_empty()
    assert summary.forecast_jobs == 1


def test_where_all_fails_a_drain_gives_up_soon(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def refusing(_: Any) -> Any:
        calls.append(1)
        raise OutageError("refused")

    monkeypatch.setattr(world.sets, "get_many", refusing)
    send(world, *(reading(house=f"h{1 + number % 3}") for number in range(2_000)))
    summary = DrainSummary()
    with pytest.raises(OutageError):
        drain(
            world.drain_ports(),
            replace(CONFIG, wave=WaveSize(messages=100)),
            now=NOW,
            remaining_s=lambda: 300.0,
            summary=summary,
        )
    assert len(calls) <= 40
    assert summary.undeleted >= 40
    assert asked(world) == list(KNOWN)


# Rejects


def test_a_bucket_that_refuses_rejects_costs_their_messages_alone(world: World) -> None:
    good = [reading(house=KNOWN[number % 3], sensor=str(number)) for number in range(20)]
    both = {"house": "h1", "readings": [reading(house=..., sensor="beside"), reading(house=..., humidity=150)]}
    send(world, *good, reading(humidity=150), both, "not JSON")
    kept, world.rejects.put = world.rejects.put, refuse  # type: ignore[method-assign]
    summary = DrainSummary()
    with pytest.raises(OutageError):
        drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 300.0, summary=summary)
    assert (summary.received, summary.stored, summary.left, summary.undeleted) == (20, 20, 4, 3)
    assert summary.rejected.total() == summary.violations == 0
    assert asked(world) == list(KNOWN)

    world.rejects.put = kept  # type: ignore[method-assign]
    world.readings.time_out()
    again = drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=lambda: 300.0)
    assert (again.received, again.stored, again.rejected.total(), again.left) == (4, 1, 3, 0)
    assert world.readings.is_empty()


# Time


class Clock:
    """So many seconds are left; each call of a port that is watched takes some."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def __call__(self) -> float:
        return self.left

    def slows(self, port: Any, method: str, seconds: float) -> None:
        do = getattr(port, method)

        def slow(*arguments: Any, **named: Any) -> Any:
            self.left -= seconds
            assert self.left > 0, "the function was ended"
            return do(*arguments, **named)

        setattr(port, method, slow)


@pytest.mark.parametrize(("port", "method", "takes_s"), [("houses", "put", 1.0), ("sets", "put_many", 15.0)])
def test_a_wave_heeds_the_clock_within_itself(
    port: str, method: str, takes_s: float, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomidity.pipeline.slot_writing._ROUND_SLOTS", 5)
    clock = Clock(90.0)
    clock.slows(getattr(world, port), method, takes_s)
    slots = [format_moment(SLOT_START - number * SLOT) for number in range(200)]
    send(world, *({"house": f"n{number}", "readings": [reading(house=..., ts=ts)]} for number, ts in enumerate(slots)))
    summary = drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=clock)
    assert clock.left >= 30.0
    assert set(KNOWN) <= set(asked(world))
    assert summary.conserved
    assert 0 < summary.left < 200
    assert summary.left + summary.received == 200
    assert summary.undeleted == summary.left
    for _ in range(20):
        clock.left = 90.0
        world.readings.time_out()
        drain(world.drain_ports(), CONFIG, now=NOW, remaining_s=clock)
    assert world.readings.is_empty()
    assert len(world.sets.stored) == 200


def test_a_call_that_hangs_does_not_keep_forecasts_from_being_asked_for(world: World) -> None:
    """The clock that asks beside it is a real one: it has 30.2 s left, and asks when 30 are."""
    is_asked = threading.Event()
    send_jobs = world.forecast_jobs.send

    def asking(bodies: Sequence[str]) -> None:
        send_jobs(bodies)
        is_asked.set()

    world.forecast_jobs.send = asking  # type: ignore[method-assign]
    receive = world.readings.receive

    def hanging() -> list[Message]:
        assert is_asked.wait(30), "not asked while storing hangs"
        return receive()

    world.readings.receive = hanging  # type: ignore[method-assign]
    send(world, reading())
    summary = drain(
        world.drain_ports(), replace(CONFIG, last_wave_s=10, last_round_s=5), now=NOW, remaining_s=lambda: 30.2
    )
    assert (summary.stored, summary.forecast_jobs) == (1, 3)
    assert asked(world) == list(KNOWN), "once"


def test_in_a_healthy_tick_forecasts_are_asked_for_after_all_is_stored(world: World) -> None:
    """So that a forecast has seen its newest slot."""
    order: list[str] = []
    for port, method in (("sets", "put_many"), ("observations", "put_many"), ("readings", "delete")):
        note(getattr(world, port), method, order, f"{port}.{method}")
    note(world.forecast_jobs, "send", order, "ask")
    newest = NOW - SLOT
    send(world, *(reading(house=name, ts=format_moment(newest)) for name in KNOWN))
    seen: list[dict[Any, Any]] = []
    send_jobs = world.forecast_jobs.send

    def looking(bodies: Sequence[str]) -> None:
        houses = [ForecastJob.from_body(body).house for body in bodies]
        seen.extend(dict(world.observations.newest_means(house, [newest])) for house in houses)
        send_jobs(bodies)

    world.forecast_jobs.send = looking  # type: ignore[method-assign]
    drain(world.drain_ports(), replace(CONFIG, wave=WaveSize(messages=1)), now=NOW, remaining_s=lambda: 300.0)
    assert order.index("ask") == len(order) - 1
    assert [means[newest]["kitchen"]["temperature"] for means in seen] == [21.3] * 3


def note(port: Any, method: str, order: list[str], name: str) -> None:
    do: Callable[..., Any] = getattr(port, method)

    def noting(*arguments: Any) -> Any:
        order.append(name)
        return do(*arguments)

    setattr(port, method, noting)
