"""What gateways heard, through the drain: translated, confined, counted; kept until a map knows the device."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from roomidity.dialects import parse_devices
from roomidity.domain.devices import MAX_HEARD
from roomidity.domain.rejects import Selection
from roomidity.domain.setting import MAX_SETTING_BYTES, Setting
from roomidity.domain.slots import SLOT, format_moment
from roomidity.pipeline.device_maps import HEARD_KIND, MAP_KIND, change_map
from roomidity.pipeline.drain import DrainConfig, DrainSummary, drain
from roomidity.pipeline.replaying import replay_object
from roomidity.readings import pack_lines
from roomidity.readings.messages import MAX_BODY_BYTES
from tests.fakes import World
from tests.faults import Faults
from tests.unit.samples import NOW, SENT, reading, values_by_bin

CONFIG = DrainConfig(timezone="Europe/Berlin")
AT = format_moment(NOW - timedelta(minutes=20))


def heard(topic: str, payload: Any, **more: Any) -> dict[str, Any]:
    return {"topic": topic, "received_at": AT, "payload": payload, **more}


def z2m(name: str = "den", **values: float) -> dict[str, Any]:
    return heard(f"zigbee2mqtt/{name}", {"linkquality": 1, **(values or {"humidity": 41.5})})


def envelope(*messages: Any, house: str = "h1") -> dict[str, Any]:
    return {"house": house, "messages": list(messages)}


def mapped(world: World, house: str = "h1", **devices: Any) -> None:
    named = {f"zigbee2mqtt/{name}": said for name, said in devices.items()}
    change_map(world.settings, world.backoff, house, lambda _before: parse_devices(named))


def run(world: World, *contents: Any, now: Any = NOW, faults: Faults | None = None) -> DrainSummary:
    bodies = [one if isinstance(one, str) else json.dumps(one) for one in contents]
    world.readings.send(bodies, sent=SENT)
    summary = drain(world.drain_ports(faults), CONFIG, now=now, remaining_s=lambda: 300.0)
    assert summary.conserved
    assert summary.violations == 0
    return summary


def stored(world: World) -> set[tuple[str, str, str]]:
    """House, room and sensor of what is stored."""
    return {(key[0], key[2], key[3]) for key in values_by_bin(world.sets.values())}


def kept(world: World) -> list[dict[str, Any]]:
    return world.rejects.all()


def test_a_message_of_a_gateway_is_stored_as_its_devices_room() -> None:
    world = World()
    mapped(world, den="den")
    summary = run(world, envelope(z2m(), z2m(temperature=20.5)), reading())
    assert summary.as_dict()["readings"] == {"received": 3, "stored": 3, "duplicate": 0, "rejected": 0}
    assert stored(world) == {("h1", "den", "z2m-den"), ("h1", "kitchen", "s1")}


def test_what_a_rule_of_aws_wrote_is_stored_too() -> None:
    world = World()
    mapped(world, den="den")
    flat = {"house": "h1", "topic": "zigbee2mqtt/den", "timestamp": 1_795_331_000_000, "linkquality": 1, "humidity": 40}
    assert run(world, flat).stored == 1


def test_what_holds_no_reading_is_counted_apart_and_not_kept() -> None:
    world = World()
    mapped(world, den="den")
    lamp = heard("zigbee2mqtt/lamp", {"state": "ON", "linkquality": 1})
    summary = run(world, envelope(lamp, lamp, z2m() | {"retain": True}, z2m()))
    assert (summary.no_reading, summary.retained, summary.received) == (2, 1, 1)
    assert summary.as_dict()["no_reading"] == 2
    assert kept(world) == []


def test_a_houses_map_is_read_once_a_drain_and_only_where_a_message_needs_it() -> None:
    world = World()
    mapped(world, den="den")
    world.settings.read = 0
    run(world, reading(), {"house": "h2", "readings": [reading(house=...)]})
    assert world.settings.read == 0
    run(world, *(envelope(z2m()) for _ in range(9)))
    assert world.settings.read == 1


def test_a_map_counts_from_the_next_drain_on_whenever_it_changes() -> None:
    world = World()
    ports = world.drain_ports()
    for room in ("den", "attic"):
        mapped(world, den=room)
        world.readings.send([json.dumps(envelope(z2m()))], sent=SENT)
        drain(ports, CONFIG, now=NOW, remaining_s=lambda: 300.0)
    assert {room for _, room, _ in stored(world)} == {"den", "attic"}


def test_readings_of_a_device_without_a_room_wait_and_come_in_exactly_once_it_has_one() -> None:
    world, wanted = World(), World()
    probes = {
        "src": "shelly-1",
        "dst": "x",
        "method": "NotifyStatus",
        "params": {"ts": 1_795_331_000, "temperature:100": {"tC": 9.5}, "temperature:101": {"tC": 4.5}},
    }
    times = [format_moment(NOW - timedelta(minutes=number)) for number in (20, 22, 50)]
    messages = [envelope(z2m(humidity=41) | {"received_at": at}) for at in times]
    messages.append(envelope(heard("shelly-1/events/rpc", probes)))
    summary = run(world, *messages)
    assert (summary.received, summary.rejected["unmapped"], summary.alarming, summary.stored) == (5, 5, 0, 0)
    maps = {"zigbee2mqtt/den": "den", "shelly-1/100": "outdoor"}
    for one in (world, wanted):
        change_map(one.settings, one.backoff, "h1", lambda _before: parse_devices(maps))
    run(wanted, *messages)
    for expected in (4, 0):
        rejects = [one for one in kept(world) if Selection(house="h1", reason="unmapped").holds(one)]
        lines = [json.dumps(one["original"], separators=(",", ":")) for one in rejects]
        world.rejects.lines.clear()
        again = run(world, *pack_lines(lines))
        assert (again.received, again.stored) == (expected + 1, expected)
    assert values_by_bin(world.sets.values()) == values_by_bin(wanted.sets.values())


def test_what_waits_beside_readings_of_another_house_comes_in_too() -> None:
    """Those keep all of their message together, as what stood beside them must stay."""
    world = World()
    other = heard("t", {"house": "h2", "readings": [reading(house=...)]})
    summary = run(world, envelope(z2m(), other))
    assert summary.rejected == {"unmapped": 1, "house_conflict": 1}
    mapped(world, den="den")
    replayed = replay_object(Kept(world), "", world.forecast_jobs, selection=Selection(house="h1"))
    assert replayed.reasons == {"unmapped": 1, "house_conflict": 1}
    again = run(world, *world.forecast_jobs.bodies)
    assert (again.stored, again.rejected) == (1, {"house_conflict": 1})
    assert stored(world) == {("h1", "den", "z2m-den")}


class Kept:
    """What a world has of rejects, as one object."""

    def __init__(self, world: World) -> None:
        self._lines = [json.loads(line) for _, line in world.rejects.lines]

    def days(self, first: Any = None, last: Any = None) -> list[Any]:
        raise NotImplementedError

    def keys(self, day: Any) -> list[str]:
        raise NotImplementedError

    def lines(self, key: str) -> Any:
        yield from self._lines

    def rewrite(self, key: str, rejects: Any) -> None:
        assert rejects == []


def test_of_a_device_without_a_room_some_readings_of_each_slot_are_kept_and_all_are_counted() -> None:
    world = World()
    summary = run(
        world,
        envelope(
            *(
                heard("zigbee2mqtt/den", {"humidity": 41, "linkquality": 1, "last_seen": 1_795_331_000_000 + number})
                for number in range(50)
            )
        ),
    )
    assert summary.rejected == {"unmapped": 50}
    assert len(kept(world)) == 5


def test_devices_without_a_room_are_listed_with_a_room_that_their_name_suggests() -> None:
    world = World()
    run(
        world,
        envelope(
            z2m("Guest room"),
            heard("g/events/rpc", {"src": "g", "method": "NotifyStatus", "params": {"bthomesensor:200": {"value": 3}}}),
        ),
    )
    listed = world.settings.stored["h1", HEARD_KIND].content["devices"]
    assert listed["zigbee2mqtt/Guest room"]["room"] == "guest room"
    assert listed["zigbee2mqtt/Guest room"]["quantities"] == ["humidity"]
    assert json.loads(listed["zigbee2mqtt/Guest room"]["message"]) == {"linkquality": 1, "humidity": 41.5}
    assert listed["g/200"]["quantities"] == []


def test_the_list_is_written_hourly_unless_a_device_is_new_and_ends_with_the_map() -> None:
    world = World()
    versions = []
    for tick in range(7):
        names = ["den", "new"] if tick == 2 else ["den"]
        world.readings.send(
            [json.dumps(envelope(*({**z2m(name), "received_at": format_moment(NOW + tick * SLOT)} for name in names)))],
            sent=NOW + tick * SLOT,
        )
        drain(world.drain_ports(), CONFIG, now=NOW + tick * SLOT, remaining_s=lambda: 300.0)
        versions.append(world.settings.stored["h1", HEARD_KIND].version)
    assert versions == [1, 1, 2, 2, 2, 2, 3]
    mapped(world, den="den")
    run(world, envelope(z2m("third")), now=NOW + 9 * SLOT)
    assert set(world.settings.stored["h1", HEARD_KIND].content["devices"]) == {"zigbee2mqtt/new", "zigbee2mqtt/third"}


def test_thousands_of_devices_are_a_list_that_its_item_holds() -> None:
    world = World()
    long = "ü" * 450
    summary = run(
        world,
        *(
            envelope(*(z2m(f"{long}{number}", humidity=41, temperature=20) for number in range(first, first + 200)))
            for first in range(0, 1_000, 200)
        ),
    )
    assert summary.rejected == {"unmapped": 1_000}
    content = world.settings.stored["h1", HEARD_KIND].content
    assert len(content["devices"]) <= MAX_HEARD
    assert len(json.dumps(content, ensure_ascii=False).encode()) <= MAX_SETTING_BYTES
    assert len(kept(world)) == MAX_HEARD


def test_whoever_names_thousands_of_houses_has_few_of_them_listed() -> None:
    world = World()
    run(world, *(envelope(z2m(), house=f"made up {number}") for number in range(200)))
    assert len(world.settings.stored) == 50


@pytest.mark.parametrize(
    "poison",
    [
        envelope(*[0] * 70_000),
        envelope(*["x" * 30] * 7_000),
        envelope(*[{}] * 60_000),
        envelope(*[{"topic": "zigbee2mqtt/den", "payload": {}}] * 4_000),
        envelope(
            heard("t", [{"bn": "urn:dev:ow:1/", "n": str(number), "u": "Cel", "v": 1} for number in range(5_000)])
        ),
        envelope(
            heard("t", [{"bn": "x" * 200_000, "n": "a", "u": "Cel", "v": 1}] + [{"n": "t", "u": "Cel", "v": 1}] * 1_000)
        ),
        '{"house":"h1","messages":' + "[" * 200_000,
        '{"house":"h1","messages":[{"topic":"t","payload":' + "[" * 60_000 + "]" * 60_000 + "}]}",
        {"house": "h1", "topic": "t", "payload": "A" * 200_000},
        "A" * 200_000,
        json.dumps([{"n": "a" * 9, "v": 9}] * 6_000),
    ],
    ids=range(11),
)
def test_a_poisoned_envelope_costs_itself_alone(poison: Any) -> None:
    world = World()
    mapped(world, den="den")
    text = poison if isinstance(poison, str) else json.dumps(poison)
    assert len(text) <= MAX_BODY_BYTES * 2
    summary = run(world, envelope(z2m()), text, reading())
    assert summary.stored == 2
    assert world.readings.is_empty()
    assert sum(len(line) for _, line in world.rejects.lines) < 12 * len(text)


def test_a_map_that_cannot_be_used_loses_nothing() -> None:
    world = World()
    world.settings.put(Setting("h1", MAP_KIND, {"devices": {"zigbee2mqtt/den": {"room": 5}}}))
    assert run(world, envelope(z2m())).rejected == {"unmapped": 1}
    assert len(kept(world)) == 1


@pytest.mark.parametrize("method", ["get", "put"])
def test_a_table_that_fails_loses_nothing(method: str) -> None:
    world = World()
    world.readings.send([json.dumps(envelope(z2m())), json.dumps(reading())], sent=SENT)
    ports = world.drain_ports()

    def fails(*_arguments: Any) -> None:
        raise RuntimeError("throttled")

    setattr(world.settings, method, fails)
    if method == "get":
        with pytest.raises(RuntimeError, match="throttled"):
            drain(ports, CONFIG, now=NOW, remaining_s=lambda: 300.0)
        assert not world.readings.is_empty()
    else:
        assert drain(ports, CONFIG, now=NOW, remaining_s=lambda: 300.0).rejected == {"unmapped": 1}
    assert stored(world) == {("h1", "kitchen", "s1")}
