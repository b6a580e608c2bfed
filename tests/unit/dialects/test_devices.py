"""Names of devices: sensors that keep the contract, never two devices one sensor; and maps as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.dialects.devices import NO_DEVICES, Mapped, device_named, parse_devices, sensor_of
from roomidity.domain.names import is_name, kept_name
from roomidity.errors import InputError

ALIKE = [
    ["a/b", "a:b", "a#b", "a$b", "a+b", "a//b", "a:/b"],
    ["zigbee2mqtt/attic", "z2m-attic", "zigbee2mqtt/z2m-attic", "zigbee2mqtt:attic", "zigbee2mqtt/"],
    ["zigbee2mqtt/a/b", "zigbee2mqtt/a:b", "zigbee2mqtt/a#b", "z2m-a:b"],
    [
        "den/sensor/den_humidity",
        "den_humidity",
        "attic/sensor/den_humidity",
        "den/sensor/humidity",
        "den:sensor:humidity",
    ],
    ["AA:BB:CC:DD:EE:FF", "AA/BB/CC/DD/EE/FF", "AA:BB:CC:DD:EE:FF/0", "AA:BB:CC:DD:EE:FF:0", "AA:BB:CC:DD:EE:FF/00/11"],
    ["AA:BB:CC:DD:EE:FF:00:11", "AA:BB:CC:DD:EE:FF/00/11", "AA:BB:CC:DD:EE:FF/00:11"],
    ["urn:dev:ow:1", "urn/dev/ow/1", "urn:dev/ow:1", "urn:dev:ow/1"],
    ["urn:dev:ow:1/a", "urn:dev:ow:1:a", "urn:dev:ow/1/a"],
    ["x" * 64 + "1", "x" * 64 + "2", "x" * 64],
]
PARTS = st.lists(
    st.sampled_from(
        [
            "a",
            "b_humidity",
            "b",
            "/",
            ":",
            "#",
            "~",
            "zigbee2mqtt/",
            "z2m-",
            "/sensor/",
            "AA:BB:CC:DD:EE:FF",
            "urn:dev:ow:1",
            " ",
            "x" * 61,
        ]
    ),
    max_size=7,
)
NAMES = st.one_of(st.text(max_size=8), PARTS.map("".join))


@pytest.mark.parametrize("names", ALIKE, ids=lambda names: names[0][:20])
def test_names_that_look_alike_are_different_sensors(names: list[str]) -> None:
    sensors = [sensor_of(name) for name in names]
    assert len(set(sensors)) == len(names), sensors
    assert all(is_name(sensor) for sensor in sensors)


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMES, min_size=2, max_size=6))
def test_two_devices_never_become_one_sensor_and_each_keeps_the_contract(names: list[str]) -> None:
    devices = {device for name in names if (device := device_named(name)) is not None}
    sensors = {sensor_of(device) for device in devices}
    assert len(sensors) == len(devices)
    assert all(is_name(sensor) and kept_name(sensor) == sensor for sensor in sensors)


def test_a_name_is_the_same_every_time_and_says_what_it_can() -> None:
    long = "zigbee2mqtt/" + "second floor/" * 12
    assert sensor_of(long) == sensor_of(long)
    assert sensor_of(long).startswith("z2m-second floor:second floor")
    assert sensor_of("Nexus-TH/2/77") == "Nexus-TH:2:77"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("den", Mapped("den")),
        ({"room": "den"}, Mapped("den")),
        ({"room": "Draußen"}, Mapped("outdoor")),
        (
            {"room": "den", "sensor": "s", "quantity": "humidity", "unit": "share"},
            Mapped("den", "s", "humidity", "share"),
        ),
        ({"room": "den", "unit": "°F"}, Mapped("den", unit="f")),
        ({"ignore": True}, Mapped(None, ignored=True)),
    ],
    ids=str,
)
def test_a_map_says_it_shortly_or_whole(said: Any, expected: Mapped) -> None:
    known = parse_devices({"a device": said})
    assert known.get("a device") == expected
    assert parse_devices(known.plain()) == known
    assert parse_devices({"devices": {"a device": said}}) == known


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([], "a list; expected a table"),
        ({"d": 5}, "'d' is 5; expected a room"),
        ({"d": {}}, "'d' has no room"),
        ({"d": "a/b"}, "its room is 'a/b'; expected a name of 1 to 64 characters"),
        ({"d": {"room": "den", "sensor": ""}}, "its sensor is ''"),
        ({"d": {"room": "den", "unit": "psi"}}, "its unit is 'psi'; expected one of c, f, k, percent, share"),
        ({"d": {"room": "den", "unit": "tenths"}}, "its unit is 'tenths'"),
        ({"d": {"room": "den", "quantity": "co2"}}, "its quantity is 'co2'; expected humidity or temperature"),
        ({"d": {"room": "den", "rooms": 1}}, "has 'rooms'; expected room, sensor"),
        ({"d": {"ignore": "yes"}}, "its ignore is 'yes'; expected true or false"),
        ({"": "den"}, "expected a name of 1 to 512 characters"),
        ({"x" * 513: "den"}, "expected a name of 1 to 512 characters"),
        ({"d": "den", " d": "den"}, "'d' stands twice"),
    ],
    ids=lambda case: str(case)[:40],
)
def test_what_is_wrong_with_a_map_is_said(found: Any, words: str) -> None:
    with pytest.raises(InputError) as error:
        parse_devices(found)
    assert words in str(error.value)


def test_addresses_are_the_same_in_small_letters_and_other_names_are_not() -> None:
    known = parse_devices({"aa:bb:cc:dd:ee:ff": "den", "Lamp": "den"})
    assert known.get("AA:BB:CC:DD:EE:FF") == Mapped("den")
    assert known.get("lamp") is None
    assert NO_DEVICES.get("lamp") is None
