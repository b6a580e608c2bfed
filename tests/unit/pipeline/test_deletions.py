"""A house is forgotten beside whatever else runs: nothing of it stays, and what is sent later makes a new house."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from roomidity.domain.deletion import OPENS_AFTER, tombstone
from roomidity.domain.houses import House, Room
from roomidity.domain.messages import Message
from roomidity.domain.rejects import concerns
from roomidity.domain.slots import SLOT, format_moment, to_epoch_ms
from roomidity.errors import ForgottenError
from roomidity.forecasting import load_prior
from roomidity.pipeline.drain import drain
from roomidity.pipeline.fleet import run_nights
from roomidity.pipeline.forecasts import forecast_house
from roomidity.pipeline.forgetting import forget_house
from roomidity.pipeline.training import _unless_forgotten
from tests.fakes import InMemory, World
from tests.oracle import sets_of
from tests.schedules import CONFIG, Drain, assert_derived, bins_of
from tests.unit.samples import NOW, SLOT_START, reading

BEFORE: Final = NOW + timedelta(seconds=1)
DELETED: Final = NOW + timedelta(seconds=2)
AFTER: Final = NOW + timedelta(seconds=3)


def forget(world: World, house: str = "h1", *, at: datetime = DELETED) -> Counter[str]:
    deleted: Counter[str] = Counter()
    for what, count in forget_house(world.forget_ports(lambda: at), house=house):
        deleted[what] += count
    return deleted


def messages(*, value: float = 21.0, houses: tuple[str, ...] = ("h1", "h2")) -> list[str]:
    """Good and bad readings of each house, in a message each."""
    sent = []
    for house in houses:
        for number in range(2):
            ts = format_moment(SLOT_START + timedelta(seconds=7 * number) - (number % 2) * SLOT)
            sent.append(json.dumps(reading(house=house, ts=ts, temperature=value + number)))
        sent.append(json.dumps(reading(house=house, humidity=150.0)))
        sent.append(f'{{"house": "{house}", "room": ')
    return sent


def good(bodies: list[str]) -> list[dict[str, Any]]:
    readings = [json.loads(body) for body in bodies if body.endswith("}")]
    return [one for one in readings if (one.get("humidity") or 0) <= 100]


def nothing_is_left(world: World, house: str = "h1") -> None:
    assert not [key for key in world.sets.stored if key.house == house]
    assert not [key for key in world.observations.stored if key.house == house]
    assert not [reject for reject in world.rejects.all() if concerns(reject, house)]
    assert not [key for key in world.forecasts.stored if key[0] == house]
    assert not [key for key in world.accuracy.stored if key[0] == house]
    assert not [key for key in world.registry.models if key[0] == house]
    note = world.houses.get_many([house])[house]
    assert note == House(house, "UTC", version=note.version, forgotten_at=note.forgotten_at)
    assert world.houses.get(house) is None


def drained(place: InMemory) -> Counter[str]:
    counts: Counter[str] = Counter()
    for _ in range(4):
        place.world.readings.time_out()
        summary = drain(place.ports, CONFIG, now=NOW, remaining_s=lambda: 300.0)
        assert summary.violations == 0
        counts.update({**summary.rejected, "stored": summary.stored, "received": summary.received})
        if place.is_empty():
            return counts
    raise AssertionError("messages that are never deleted")


def calls_of_a_drain(bodies: list[str]) -> int:
    place = InMemory(NOW, seed=1)
    place.world.readings.send(bodies, sent=BEFORE)
    one = Drain(place, CONFIG)
    one.go_on()
    return len(one.calls)


CALLS: Final = calls_of_a_drain(messages())


@pytest.mark.parametrize(("known", "killed"), [(False, False), (True, False), (True, True)])
def test_forgotten_at_any_call_of_a_drain_nothing_is_left(
    known: bool, killed: bool, record_property: Callable[[str, Any], None]
) -> None:
    tried = 0
    for call in range(CALLS + 2):
        for more in (1, 3) if killed else (0,):
            place = InMemory(NOW, seed=1)
            world = place.world
            if known:
                world.readings.send(messages(value=15.0), sent=BEFORE)
                drained(place)
            world.readings.send(messages(), sent=BEFORE)
            one = Drain(place, CONFIG)
            one.go_on(call)
            forget(world)
            one.go_on(more if killed else 1_000)
            if killed and one.next_call is not None:
                one.step("killed before")
            drained(place)
            assert not [key for key in (*world.sets.stored, *world.observations.stored) if key.house == "h1"]
            if killed:  # between a reject that it wrote and its second look nobody but who forgets can take that back
                forget(world, at=AFTER)
            nothing_is_left(world)
            tried += 1
            others = good(messages(houses=("h2",))) + (good(messages(value=15.0, houses=("h2",))) if known else [])
            assert bins_of(place.sets()) == sets_of(others)
            assert_derived(place)
    record_property("races", tried)
    assert tried > 10


def test_a_drain_of_before_and_one_of_after_write_the_same_slots() -> None:
    """What the first holds is of the house of before; the second stores for the new one; at every call of both."""
    sent_later = messages(value=10.0, houses=("h1",))
    for call in range(7, CALLS, 2):
        for ahead in range(2, CALLS, 7):
            place = InMemory(NOW, seed=1)
            world = place.world
            world.readings.send(messages(houses=("h1",)), sent=BEFORE)
            first = Drain(place, CONFIG)
            first.go_on(call)
            forget(world)
            world.readings.send(sent_later, sent=AFTER)
            second = Drain(place, CONFIG)
            second.go_on(ahead)
            first.go_on()
            second.go_on()
            drained(place)
            assert bins_of(place.sets()) == sets_of(good(sent_later)), (call, ahead)
            assert_derived(place)
            assert {one.life for one in place.sets().values()} == {to_epoch_ms(DELETED)}


def test_what_was_sent_before_is_counted_and_dropped_and_what_is_sent_later_makes_a_new_house() -> None:
    place = InMemory(NOW)
    world = place.world
    world.readings.send(messages(value=15.0), sent=BEFORE)
    drained(place)
    world.readings.send(messages(houses=("h1",)), sent=BEFORE)
    assert forget(world)["readings"] == 2
    counts = drained(place)
    assert +counts == {"forgotten": 4, "received": 4}
    nothing_is_left(world)

    later = messages(value=10.0, houses=("h1",))
    world.readings.send(later, sent=AFTER)
    counts = drained(place)
    assert (counts["stored"], counts["forgotten"]) == (2, 0)
    home = world.houses.get("h1")
    assert home is not None
    assert (home.admitted_at, home.on_trial, home.life) == (NOW, True, to_epoch_ms(DELETED))
    world.readings.send(messages(houses=("h1",)), sent=BEFORE)  # still one of before
    assert drained(place)["forgotten"] == 4
    assert bins_of({key: one for key, one in place.sets().items() if key.house == "h1"}) == sets_of(good(later))

    assert forget(world, at=AFTER + timedelta(seconds=1))["readings"] == 2
    nothing_is_left(world)
    assert not forget(world, at=AFTER + timedelta(seconds=2)).total(), "a second one finds nothing"


def test_a_message_with_readings_of_two_houses_loses_those_of_the_forgotten_alone() -> None:
    place = InMemory(NOW)
    world = place.world
    world.houses.put(House("h1", "UTC"))
    forget(world)
    packed = {"readings": [reading(house="h1"), reading(house="h2"), reading(house="h1", humidity=150.0), "h1"]}
    world.readings.send([json.dumps(packed)], sent=BEFORE)
    assert drained(place) == {"forgotten": 2, "malformed": 1, "stored": 1, "received": 4}
    assert [reject["original"] for reject in world.rejects.all()] == ["h1"]


def test_a_replayed_message_is_as_old_as_when_it_was_sent_first() -> None:
    message = Message("m", "", to_epoch_ms(AFTER), "", first_sent_ms=to_epoch_ms(BEFORE))
    assert message.origin_ms == to_epoch_ms(BEFORE)
    assert replace(message, first_sent_ms=None).origin_ms == to_epoch_ms(AFTER)
    assert replace(message, first_sent_ms=2**60).origin_ms == to_epoch_ms(AFTER)


def test_nothing_comes_while_the_house_is_being_deleted_unless_that_died() -> None:
    place = InMemory(NOW)
    world = place.world
    world.houses.put(tombstone(House("h1", "UTC"), DELETED))
    world.readings.send([json.dumps(reading(house="h1"))], sent=AFTER)
    summary = drain(place.ports, CONFIG, now=NOW, remaining_s=lambda: 300.0)
    assert (summary.left, summary.undeleted, summary.stored) == (1, 1, 0)
    world.readings.time_out()
    summary = drain(place.ports, CONFIG, now=NOW + OPENS_AFTER + SLOT, remaining_s=lambda: 300.0)
    assert summary.stored == 1


# What else runs


def lived_in(*, days: int = 1) -> World:
    """A world with a house that is heard, and has a model."""
    place = InMemory(NOW)
    place.world.readings.send(messages(houses=("h1",)), sent=BEFORE)
    drained(place)
    return place.world


def test_a_forecast_that_was_under_way_takes_back_what_it_wrote() -> None:
    for call in range(12):
        world = lived_in()
        meanwhile = Forgetting(world, call)
        ports = meanwhile.beside(world.forecast_ports())
        try:
            forecast_house(ports, house="h1", issued_at=NOW)
        except ForgottenError:
            nothing_is_left(world)
        else:
            assert meanwhile.calls <= call, "it was not noticed"
            assert world.forecasts.stored


def test_a_forgotten_house_has_no_forecast_and_no_night_and_nobody_fails() -> None:
    world = lived_in()
    forget(world)
    with pytest.raises(ForgottenError, match="was forgotten"):
        forecast_house(world.forecast_ports(), house="h1", issued_at=NOW)
    fleet = run_nights(world.verify_ports(), ["h1"], day=None, now=NOW, remaining_s=lambda: 300.0)
    assert fleet.failed == []


def test_a_night_that_was_under_way_writes_nothing_of_it() -> None:
    for call in range(14):
        world = lived_in()
        forecast_house(world.forecast_ports(), house="h1", issued_at=NOW)
        meanwhile = Forgetting(world, call)
        ports = meanwhile.beside(world.verify_ports())
        later = NOW + timedelta(days=3)
        fleet = run_nights(ports, ["h1"], day=None, now=later, remaining_s=lambda: 300.0)
        assert fleet.failed == []
        if world.houses.get("h1") is None:
            nothing_is_left(world)
        else:
            assert meanwhile.calls <= call
            assert world.accuracy.stored


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_training_that_was_under_way_registers_nothing(when: str) -> None:
    world = lived_in()
    home = world.houses.get("h1")
    assert home is not None
    model, state, _ = load_prior()
    if when == "before":
        world.registry.before_publishing = lambda: forget(world)
    else:
        world.registry.meanwhile = lambda: forget(world)

    def register(home: House) -> None:
        with _unless_forgotten(world.training_ports(), home):
            version = world.registry.publish("h1", model=model, state=state, manifest={}, trained_at=NOW, home=home)
            world.registry.promote("h1", version, at=NOW)

    with pytest.raises(ForgottenError):
        register(home)
    assert not world.registry.models
    assert not world.registry.manifests("h1")


class Counting:
    """A port that tells of each call before it is made."""

    def __init__(self, port: Any, tell: Callable[[], None]) -> None:
        self._port, self._tell = port, tell

    def __getattr__(self, name: str) -> Any:
        do = getattr(self._port, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._tell()
            return do(*arguments, **named)

        return call


def one_of(world: World) -> House:
    house = world.houses.get("h1")
    assert house is not None
    return house


def test_a_house_that_cannot_be_read_is_forgotten_too() -> None:
    world = World()
    world.houses.put(House("h1", "UTC", rooms={"bath": Room(NOW, NOW, frozenset())}))
    world.houses.put(replace(one_of(world), flaw="its rooms cannot be read"))
    assert forget(world)["houses"] == 1
    nothing_is_left(world)


@dataclass
class Forgetting:
    """Forgets the house just before one of the calls that others make."""

    world: World
    call: int
    calls: int = 0

    def beside(self, ports: Any) -> Any:
        """The ports, whose calls are counted."""
        return replace(ports, **{name: Counting(getattr(ports, name), self.count) for name in vars(ports)})

    def count(self) -> None:
        if self.calls == self.call:
            forget(self.world)
        self.calls += 1
