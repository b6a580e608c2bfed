"""Each dialect as its devices speak it: what a message holds, whose time it bears, and what is no room's."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from roomidity.dialects import open_envelope, parse_devices, translate

RECEIVED = datetime(2026, 3, 10, 18, 30, 5, 500_000, tzinfo=UTC)
S = 1773167400
"""The same to five seconds and a half, as an epoch: 18:30:00Z."""

DEVICE, HEARD = "18:30:00", "18:30:05.500"
ZONE = "Europe/Vienna"


def readings(topic: str, payload: Any, devices: Any = None, **more: Any) -> list[dict[str, Any]]:
    """What is mapped of a message."""
    found = open_envelope(payload, received=RECEIVED, topic=topic, house="h9", **more)
    known = parse_devices(devices or {})
    translation = translate(found, devices=lambda _house: known, zones=lambda _house: ZONE)
    return [
        {**one.sent, "ts": one.sent["ts"][11:-1], "from": one.ts_from} for one in translation.readings if one.is_mapped
    ]


def one(room: str, sensor: str, at: str = HEARD, **values: float) -> dict[str, Any]:
    return {"room": room, "sensor": sensor, "ts": at, **values, "from": "received" if at == HEARD else "device"}


def shelly(source: str, method: str = "NotifyStatus", /, **params: Any) -> dict[str, Any]:
    return {"src": source, "dst": "x/events", "method": method, "params": params}


def state(entity: str, value: Any, **attributes: Any) -> dict[str, Any]:
    new = {"entity_id": entity, "state": value, "attributes": attributes, "last_updated": "2026-03-10T18:30:00+00:00"}
    return {"event_type": "state_changed", "data": {"entity_id": entity, "old_state": None, "new_state": new}}


def uplink(**decoded: Any) -> dict[str, Any]:
    ids = {"device_id": "ws-7", "application_ids": {"application_id": "a"}}
    received = {"received_at": "2026-03-10T18:30:00.123456789Z", "decoded_payload": decoded}
    return {"end_device_ids": ids, "received_at": "2026-03-10T18:30:04Z", "uplink_message": received}


BTHOME = "40000701640C1A0B02E803037017"
"""Packet 7, battery, voltage, 10.00 °C, 60.00 %."""

Z2M = {"zigbee2mqtt/attic/west": "attic"}
TAG = {"D1:22:33:44:55:66": "loft"}

CASES: dict[str, tuple[str, Any, Any, list[dict[str, Any]]]] = {
    "z2m, a name with a slash": (
        "zigbee2mqtt/attic/west",
        {"temperature": -3.25, "humidity": 81, "linkquality": 40, "last_seen": "2026-03-10T19:30:00+01:00"},
        Z2M,
        [one("attic", "z2m-attic:west", DEVICE, temperature=-3.25, humidity=81.0)],
    ),
    "z2m says °C whatever the device shows": (
        "zigbee2mqtt/attic/west",
        {"temperature": 20.5, "temperature_unit": "fahrenheit", "linkquality": 1, "device_temperature": 31},
        Z2M,
        [one("attic", "z2m-attic:west", temperature=20.5)],
    ),
    "z2m, an attribute a topic": (
        "zigbee2mqtt/attic/west/humidity",
        "44.5",
        Z2M,
        [one("attic", "z2m-attic:west", humidity=44.5)],
    ),
    "z2m, another attribute": ("zigbee2mqtt/attic/west/battery", "44", Z2M, []),
    "z2m behind a bridge's prefix": (
        "cabin/zigbee2mqtt/attic/west/humidity",
        44.5,
        Z2M,
        [one("attic", "z2m-attic:west", humidity=44.5)],
    ),
    "z2m under another base topic": (
        "zb/attic",
        {"linkquality": 9, "humidity": 40},
        {"zb/attic": "attic"},
        [one("attic", "zb:attic", humidity=40.0)],
    ),
    "z2m, its own affairs": ("zigbee2mqtt/bridge/info", {"temperature": 1, "linkquality": 1}, Z2M, []),
    "z2m, a command": ("zigbee2mqtt/attic/west/set", {"temperature": 21}, Z2M, []),
    "z2m, a radiator's valve": ("zigbee2mqtt/attic/west", {"local_temperature": 27.5, "linkquality": 3}, Z2M, []),
    "z2m, a thermostat that the map asks for": (
        "zigbee2mqtt/attic/west",
        {"local_temperature": 20.5, "linkquality": 3},
        {"zigbee2mqtt/attic/west": {"room": "attic", "quantity": "temperature"}},
        [one("attic", "z2m-attic:west", temperature=20.5)],
    ),
    "z2m, cached values are of when they were seen": (
        "zigbee2mqtt/attic/west",
        {"temperature": 20, "linkquality": 3, "last_seen": (S - 2 * 86_400) * 1000},
        Z2M,
        [one("attic", "z2m-attic:west", DEVICE, temperature=20.0)],
    ),
    "shelly, both sides of a wake-up": (
        "shellyplusht-0a/events/rpc",
        shelly(
            "shellyplusht-0a",
            "NotifyFullStatus",
            **{"ts": S, "temperature:0": {"id": 0, "tC": 18.2, "tF": 64.8}, "humidity:0": {"id": 0, "rh": 57.1}},
        ),
        {"shellyplusht-0a": "hall"},
        [one("hall", "shellyplusht-0a", DEVICE, temperature=18.2, humidity=57.1)],
    ),
    "shelly before it has the time": (
        "shellyplusht-0a/events/rpc",
        shelly("shellyplusht-0a", **{"ts": 12.3, "humidity:0": {"id": 0, "rh": 57.1}}),
        {"shellyplusht-0a": "hall"},
        [one("hall", "shellyplusht-0a", humidity=57.1)],
    ),
    "shelly without a time": (
        "shellyplusht-0a/events/rpc",
        shelly(
            "shellyplusht-0a",
            **{
                "ts": None,
                "temperature:0": {"id": 0, "tC": None, "tF": None, "errors": ["read"]},
                "humidity:0": {"rh": 50},
            },
        ),
        {"shellyplusht-0a": "hall"},
        [one("hall", "shellyplusht-0a", humidity=50.0)],
    ),
    "shelly under a topic of one's own": (
        "flat/bath/events/rpc",
        shelly("shellyhtg3-0b", **{"ts": S, "humidity:0": {"id": 0, "rh": 50}}),
        {"shellyhtg3-0b": "bath"},
        [one("bath", "shellyhtg3-0b", DEVICE, humidity=50.0)],
    ),
    "shelly, °F alone": (
        "shellyplus1-0c/status/temperature:102",
        {"id": 102, "tF": 41.0},
        {"shellyplus1-0c/102": "outdoor"},
        [one("outdoor", "shellyplus1-0c:102", temperature=5.0)],
    ),
    "shelly, an answer to a call": (
        "me/rpc",
        {"id": 1, "src": "shellyhtg3-0b", "dst": "me", "result": {"temperature:0": {"id": 0, "tC": 7.5}, "sys": {}}},
        {"shellyhtg3-0b": "shed"},
        [one("shed", "shellyhtg3-0b", temperature=7.5)],
    ),
    "shelly, a relay's chip by its own topic": (
        "shelly1pm-0d/status/switch:0",
        {"temperature": {"tC": 51}},
        {"shelly1pm-0d": "hall"},
        [],
    ),
    "shelly BLU, a component nobody asked for": (
        "g/events/rpc",
        shelly("g", **{"bthomesensor:204": {"value": 3}}),
        {"g/204": "hall"},
        [],
    ),
    "shelly BLU by a script": (
        "g/events/rpc",
        shelly(
            "g",
            "NotifyEvent",
            ts=S,
            events=[
                {
                    "component": "script:1",
                    "data": {"address": "d1:22:33:44:55:66", "temperature": 21.5, "humidity": 40, "battery": 9},
                    "ts": S,
                }
            ],
        ),
        TAG,
        [one("loft", "D1:22:33:44:55:66", DEVICE, temperature=21.5, humidity=40.0)],
    ),
    "shelly gen1 in °F by the map": (
        "shellies/shellyht-1/sensor/temperature",
        "68.0",
        {"shellyht-1": {"room": "den", "unit": "f"}},
        [one("den", "shellyht-1", temperature=20.0)],
    ),
    "shelly gen1, °F is none of humidity's": (
        "shellies/shellyht-1/sensor/humidity",
        "68.0",
        {"shellyht-1": {"room": "den", "unit": "f"}},
        [one("den", "shellyht-1", humidity=68.0)],
    ),
    "shelly gen1, its chip": ("shellies/shelly1pm-2/temperature", "61.0", {"shelly1pm-2": "den"}, []),
    "shelly gen1, a probe": (
        "shellies/shelly1-2/ext_temperature/1",
        "5.5",
        {"shelly1-2/ext/1": "outdoor"},
        [one("outdoor", "shelly1-2:ext:1", temperature=5.5)],
    ),
    "shelly gen1, all at once": (
        "shellies/shellyht-1/info",
        {
            "tmp": {"value": 69.8, "units": "F", "tC": 21.0, "tF": 69.8, "is_valid": True},
            "hum": {"value": 41},
            "unixtime": S,
        },
        {"shellyht-1": "den"},
        [one("den", "shellyht-1", DEVICE, humidity=41.0, temperature=21.0)],
    ),
    "tasmota, local time": (
        "tele/wc/SENSOR",
        {
            "Time": "2026-03-10T19:30:00",
            "AM2301": {"Temperature": 19.5, "Humidity": 60, "DewPoint": 11.5},
            "TempUnit": "C",
        },
        {"wc/AM2301": "wc"},
        [one("wc", "wc:AM2301", DEVICE, temperature=19.5, humidity=60.0)],
    ),
    "tasmota set to UTC": (
        "tele/wc/SENSOR",
        {"Time": "2026-03-10T18:30:00", "BME280": {"Humidity": 60}, "TempUnit": "C"},
        {"wc/BME280": "wc"},
        [one("wc", "wc:BME280", DEVICE, humidity=60.0)],
    ),
    "tasmota without a clock": (
        "tele/wc/SENSOR",
        {"Time": "1970-01-01T00:02:11", "DHT11": {"Humidity": 60, "Temperature": None}, "TempUnit": "C"},
        {"wc/DHT11": "wc"},
        [one("wc", "wc:DHT11", humidity=60.0)],
    ),
    "tasmota, asked for its status": (
        "stat/wc/STATUS10",
        {
            "StatusSNS": {
                "Time": "2026-03-10T19:30:00",
                "SHT3X-0x44": {"Temperature": 50, "Humidity": 60},
                "TempUnit": "F",
            }
        },
        {"wc/SHT3X-0x44": "wc"},
        [one("wc", "wc:SHT3X-0x44", DEVICE, temperature=10.0, humidity=60.0)],
    ),
    "tasmota with the full topic the other way round": (
        "tasmota_9/tele/SENSOR",
        {"Time": "2026-03-10T19:30:00", "SI7021": {"Humidity": 60}, "ESP32": {"Temperature": 50}, "TempUnit": "C"},
        {"tasmota_9/SI7021": "wc"},
        [one("wc", "tasmota_9:SI7021", DEVICE, humidity=60.0)],
    ),
    "tasmota as a Zigbee bridge": (
        "tele/bridge/SENSOR",
        {"ZbReceived": {"0x1A2B": {"Device": "0x1A2B", "Name": "Pantry", "Temperature": 12.5, "LinkQuality": 40}}},
        {"bridge/Pantry": "pantry"},
        [one("pantry", "bridge:Pantry", temperature=12.5)],
    ),
    "tasmota, its state": ("tele/wc/STATE", {"Time": "2026-03-10T19:30:00", "Wifi": {"RSSI": 9}}, {}, []),
    "esphome by its name": (
        "study/sensor/study_temperature/state",
        "20.31",
        {"study/sensor/study_temperature": "study"},
        [one("study", "study_temperature", temperature=20.31)],
    ),
    "esphome in °F by the map": (
        "a/b/sensor/probe/state",
        "32",
        {"a/b/sensor/probe": {"room": "attic", "quantity": "temperature", "unit": "f"}},
        [one("attic", "a:b:sensor:probe", temperature=0.0)],
    ),
    "esphome, not measured": (
        "study/sensor/study_temperature/state",
        "nan",
        {"study/sensor/study_temperature": "study"},
        [],
    ),
    "esphome, nothing": ("study/sensor/study_temperature/state", "", {"study/sensor/study_temperature": "study"}, []),
    "esphome, something else": (
        "study/sensor/study_wifi_signal/state",
        "-61",
        {"study/sensor/study_wifi_signal": "study"},
        [],
    ),
    "home assistant in °C": (
        "x",
        state("sensor.den", "19.5", device_class="temperature", unit_of_measurement="°C"),
        {"sensor.den": "den"},
        [one("den", "sensor.den", DEVICE, temperature=19.5)],
    ),
    "home assistant in K, told by its unit": (
        "x",
        state("sensor.den_temp", "273.15", unit_of_measurement="K"),
        {"sensor.den_temp": "den"},
        [one("den", "sensor.den_temp", DEVICE, temperature=0.0)],
    ),
    "home assistant, a battery": (
        "x",
        state("sensor.den", "80", device_class="battery", unit_of_measurement="%"),
        {"sensor.den": "den"},
        [],
    ),
    "home assistant, gone": (
        "x",
        state("sensor.den", "unavailable", device_class="humidity"),
        {"sensor.den": "den"},
        [],
    ),
    "home assistant, removed": (
        "x",
        {"event_type": "state_changed", "data": {"entity_id": "sensor.a", "new_state": None}},
        {"sensor.a": "a"},
        [],
    ),
    "home assistant, the eventstream": (
        "x",
        {"event_type": "state_changed", "event_data": state("sensor.den", "55", device_class="humidity")["data"]},
        {"sensor.den": "den"},
        [one("den", "sensor.den", DEVICE, humidity=55.0)],
    ),
    "home assistant, a weather entity": (
        "x",
        state("weather.home", "cloudy", temperature=50, temperature_unit="°F", humidity=90),
        {"weather.home": "outdoor"},
        [one("outdoor", "weather.home", DEVICE, temperature=10.0, humidity=90.0)],
    ),
    "statestream": (
        "homeassistant/sensor/den_temperature/state",
        "70",
        {"sensor.den_temperature": {"room": "den", "unit": "f"}},
        [one("den", "sensor.den_temperature", temperature=21.111)],
    ),
    "statestream, an attribute": (
        "homeassistant/sensor/den_temperature/unit_of_measurement",
        '"°F"',
        {"sensor.den_temperature": "den"},
        [],
    ),
    "statestream, unknown": (
        "homeassistant/sensor/den_temperature/state",
        "unknown",
        {"sensor.den_temperature": "den"},
        [],
    ),
    "homie 5": (
        "homie/5/loft/climate/temperature",
        "20.5",
        {"loft/climate": "loft"},
        [one("loft", "loft:climate", temperature=20.5)],
    ),
    "homie, the unit beside": ("homie/loft/climate/temperature/$unit", "°C", {"loft/climate": "loft"}, []),
    "homie, another property": (
        "homie/loft/climate/battery",
        "20",
        {"loft/climate": {"room": "loft", "quantity": "humidity"}},
        [],
    ),
    "homie, only what the map asks for": (
        "homie/loft/climate/temperature",
        "20",
        {"loft/climate": {"room": "loft", "quantity": "humidity"}},
        [],
    ),
    "ruuvi without a time": (
        "ruuvi/AA:AA:AA:AA:AA:AA/D1:22:33:44:55:66",
        {
            "gw_mac": "AA:AA:AA:AA:AA:AA",
            "rssi": -1,
            "cnt": "3",
            "data": "0201061BFF990405F8307530000000000000000000000000000000000000000000",
        },
        TAG,
        [one("loft", "D1:22:33:44:55:66", temperature=-10.0, humidity=75.0)],
    ),
    "ruuvi, humidity not measured": (
        "ruuvi/AA:AA:AA:AA:AA:AA/D1:22:33:44:55:66",
        {"gw_mac": "AA:AA:AA:AA:AA:AA", "ts": str(S), "data": "1BFF9904050FA0FFFF" + "00" * 18},
        TAG,
        [one("loft", "D1:22:33:44:55:66", DEVICE, temperature=20.0)],
    ),
    "ruuvi, nothing measured": (
        "ruuvi/A/D1:22:33:44:55:66",
        {"gw_mac": "A", "ts": str(S), "data": "1BFF9904058000FFFF" + "00" * 18},
        TAG,
        [],
    ),
    "ruuvi, an old tag": (
        "ruuvi/A/D1:22:33:44:55:66",
        {"gw_mac": "A", "ts": str(S), "data": "11FF9904037B8519" + "00" * 10},
        TAG,
        [one("loft", "D1:22:33:44:55:66", DEVICE, humidity=61.5, temperature=-5.25)],
    ),
    "ruuvi, decoded": (
        "ruuvi/A/D1:22:33:44:55:66",
        {"gw_mac": "A", "ts": S, "dataFormat": 5, "temperature": 20.5, "humidity": 44.25, "id": "D1:22:33:44:55:66"},
        TAG,
        [one("loft", "D1:22:33:44:55:66", DEVICE, humidity=44.25, temperature=20.5)],
    ),
    "ruuvi, many tags by HTTP": (
        "http://gateway",
        {
            "data": {
                "timestamp": str(S),
                "gw_mac": "A",
                "tags": {
                    "D1:22:33:44:55:66": {"rssi": -9, "timestamp": str(S), "data": "1BFF9904050FA07530" + "00" * 18}
                },
            }
        },
        TAG,
        [one("loft", "D1:22:33:44:55:66", DEVICE, temperature=20.0, humidity=75.0)],
    ),
    "ruuvi, another tag's advertisement": (
        "ruuvi/A/D1:22:33:44:55:66",
        {"gw_mac": "A", "data": "02010603FFFFFF"},
        TAG,
        [],
    ),
    "theengs, °F alone": (
        "home/gw/BTtoMQTT/D12233445566",
        {"id": "D1:22:33:44:55:66", "tempf": 50.0, "hum": 40},
        TAG,
        [one("loft", "D1:22:33:44:55:66", temperature=10.0, humidity=40.0)],
    ),
    "theengs, a small address in the map": (
        "home/gw/BTtoMQTT/D12233445566",
        {"id": "D1:22:33:44:55:66", "hum": 40},
        {"d1:22:33:44:55:66": "loft"},
        [one("loft", "D1:22:33:44:55:66", humidity=40.0)],
    ),
    "theengs, BTHome undecoded": (
        "home/gw/BTtoMQTT/D12233445566",
        {"id": "D1:22:33:44:55:66", "servicedatauuid": "0xfcd2", "servicedata": BTHOME},
        TAG,
        [one("loft", "D1:22:33:44:55:66", temperature=10.0, humidity=60.0)],
    ),
    "theengs, BTHome of one byte": (
        "t",
        {"id": "D1:22:33:44:55:66", "servicedatauuid": "fcd2", "servicedata": "4445D3FF2E2D"},
        TAG,
        [one("loft", "D1:22:33:44:55:66", temperature=-4.5, humidity=45.0)],
    ),
    "theengs, BTHome encrypted": (
        "home/gw/BTtoMQTT/D12233445566",
        {"id": "D1:22:33:44:55:66", "servicedatauuid": "fcd2", "servicedata": "41" + BTHOME[2:]},
        TAG,
        [],
    ),
    "theengs, ATC undecoded": (
        "home/gw/BTtoMQTT/D12233445566",
        {"id": "D1:22:33:44:55:66", "servicedatauuid": "181a", "servicedata": "D1223344556600D72B640BB801"},
        TAG,
        [one("loft", "D1:22:33:44:55:66", temperature=21.5, humidity=43.0)],
    ),
    "theengs, pvvx undecoded": (
        "home/gw/BTtoMQTT/D12233445566",
        {"id": "D1:22:33:44:55:66", "servicedatauuid": "181a", "servicedata": "66554433221134088813B80B640104"},
        TAG,
        [one("loft", "D1:22:33:44:55:66", temperature=21.0, humidity=50.0)],
    ),
    "theengs, Ruuvi undecoded": (
        "home/gw/BTtoMQTT/D12233445566",
        {"id": "D1:22:33:44:55:66", "manufacturerdata": "9904050FA07530" + "00" * 18},
        TAG,
        [one("loft", "D1:22:33:44:55:66", temperature=20.0, humidity=75.0)],
    ),
    "openmqttgateway, a sensor on its wires": (
        "home/OMG/BMEtoMQTT/bme",
        {"hum": 40, "tempc": 20, "tempf": 68},
        {"home/OMG/BMEtoMQTT/bme": "loft"},
        [one("loft", "home:OMG:BMEtoMQTT:bme", temperature=20.0, humidity=40.0)],
    ),
    "rtl_433 by openmqttgateway": (
        "home/OMG/RTL_433toMQTT/Nexus-TH/2/77",
        {"model": "Nexus-TH", "id": 77, "channel": 2, "temperature_C": 4.5, "humidity": 88, "protocol": "x"},
        {"Nexus-TH/2/77": "outdoor"},
        [one("outdoor", "Nexus-TH:2:77", temperature=4.5, humidity=88.0)],
    ),
    "rtl_433's events, local time": (
        "rtl_433/pi/events",
        {"time": "2026-03-10 19:30:00", "model": "Nexus-TH", "id": 77, "channel": 2, "temperature_F": 41.0},
        {"Nexus-TH/2/77": "outdoor"},
        [one("outdoor", "Nexus-TH:2:77", DEVICE, temperature=5.0)],
    ),
    "rtl_433's topics": (
        "rtl_433/pi/devices/Nexus-TH/2/77/humidity",
        "88",
        {"Nexus-TH/2/77": "outdoor"},
        [one("outdoor", "Nexus-TH:2:77", humidity=88.0)],
    ),
    "senml, a base for all": (
        "any",
        [
            {"bn": "urn:dev:ow:10e2/", "bt": S, "bu": "Cel", "n": "t", "v": 20.0},
            {"n": "h", "u": "%RH", "v": 40},
            {"n": "t", "t": -5, "v": 19.5},
        ],
        {"urn:dev:ow:10e2": "den"},
        [
            one("den", "urn:dev:ow:10e2", DEVICE, temperature=20.0, humidity=40.0),
            one("den", "urn:dev:ow:10e2", "18:29:55", temperature=19.5),
        ],
    ),
    "senml, K and a share": (
        "any",
        [
            {"bn": "urn:dev:ow:10e2:", "n": "temp", "u": "K", "v": 283.15, "bt": S},
            {"n": "humidity", "u": "/", "v": 0.405},
        ],
        {"urn:dev:ow:10e2": "den"},
        [one("den", "urn:dev:ow:10e2", DEVICE, temperature=10.0, humidity=40.5)],
    ),
    "senml, relative to now": (
        "any",
        [{"n": "urn:dev:ow:10e2/t", "u": "Cel", "v": 1, "t": -5.5}],
        {"urn:dev:ow:10e2": "den"},
        [one("den", "urn:dev:ow:10e2", DEVICE, temperature=1.0)],
    ),
    "senml, now": (
        "any",
        [{"n": "urn:dev:ow:10e2/t", "u": "Cel", "v": 1}],
        {"urn:dev:ow:10e2": "den"},
        [one("den", "urn:dev:ow:10e2", temperature=1.0)],
    ),
    "senml, a base value": (
        "any",
        [{"bn": "urn:dev:ow:10e2/t", "bv": 20, "u": "Cel", "v": 0.5, "bt": S}],
        {"urn:dev:ow:10e2": "den"},
        [one("den", "urn:dev:ow:10e2", DEVICE, temperature=20.5)],
    ),
    "senml, one device without parts": (
        "any",
        [{"n": "urn:dev:ow:10e2", "u": "Cel", "v": 23.1, "t": S}],
        {"urn:dev:ow:10e2": "den"},
        [one("den", "urn:dev:ow:10e2", DEVICE, temperature=23.1)],
    ),
    "senml, a share of something": (
        "any",
        [{"bn": "urn:dev:ow:10e2/", "n": "battery", "u": "/", "v": 0.4}],
        {"urn:dev:ow:10e2": "den"},
        [],
    ),
    "ttn, its decoder's names": (
        "v3/a@ttn/devices/ws-7/up",
        uplink(TempC1="20.5", Hum_SHT=41, BatV=3),
        {"ws-7": "den"},
        [one("den", "ws-7", "18:30:00.123456", temperature=20.5, humidity=41.0)],
    ),
    "ttn, cayenne": (
        "v3/a@ttn/devices/ws-7/up",
        uplink(temperature_1=20.5, relative_humidity_2=41, analog_in_3=1),
        {"ws-7": "den"},
        [one("den", "ws-7", "18:30:00.123456", temperature=20.5, humidity=41.0)],
    ),
    "ttn, the sensor and not the probe": (
        "",
        uplink(TempC_DS=4.5, TempC_SHT=20.5),
        {"ws-7": "den"},
        [one("den", "ws-7", "18:30:00.123456", temperature=20.5)],
    ),
    "ttn, below a name": (
        "",
        uplink(sensor={"temperature": 20.5}),
        {"ws-7": "den"},
        [one("den", "ws-7", "18:30:00.123456", temperature=20.5)],
    ),
    "ttn, a join": (
        "v3/a@ttn/devices/ws-7/join",
        {"end_device_ids": {"device_id": "ws-7"}, "join_accept": {}},
        {"ws-7": "den"},
        [],
    ),
    "airgradient without compensation": (
        "airgradient/readings/ff01",
        {"serialno": "ff01", "atmp": 21, "rhum": 40, "rco2": 9},
        {"ff01": "den"},
        [one("den", "ff01", temperature=21.0, humidity=40.0)],
    ),
    "airgradient by its local API": (
        "http://airgradient_ff01.local/measures/current",
        {"serialno": "ff01", "atmp": 25, "atmpCompensated": 21.5, "rhum": 30, "rco2": 4},
        {"ff01": "den"},
        [one("den", "ff01", temperature=21.5, humidity=30.0)],
    ),
    "awair": (
        "http://awair-elem-00aa.local/air-data/latest",
        {
            "timestamp": "2026-03-10T18:30:00.000Z",
            "score": 80,
            "dew_point": 9.1,
            "temp": 20.5,
            "humid": 41.5,
            "abs_humid": 7.2,
        },
        {"awair-elem-00aa.local": "den"},
        [one("den", "awair-elem-00aa.local", DEVICE, temperature=20.5, humidity=41.5)],
    ),
    "thingsboard, a gateway": (
        "v1/gateway/telemetry",
        {
            "Den 1": [
                {"ts": S * 1000, "values": {"temperature": 20.5, "humidity": "41"}},
                {"ts": (S - 60) * 1000, "values": {"humidity": 42}},
            ],
            "Lamp": [{"ts": 1, "values": {"on": True}}],
        },
        {"Den 1": "den"},
        [one("den", "Den 1", DEVICE, temperature=20.5, humidity=41.0), one("den", "Den 1", "18:29:00", humidity=42.0)],
    ),
    "thingsboard without times": (
        "v1/gateway/telemetry",
        {"Den 1": [{"temperature": 20.5}]},
        {"Den 1": "den"},
        [one("den", "Den 1", temperature=20.5)],
    ),
    "sensorthings": (
        "v1.1/Datastreams(7)/Observations",
        {"phenomenonTime": "2026-03-10T18:00:00Z/2026-03-10T18:30:00Z", "resultTime": None, "result": 41.5},
        {"Datastream 7": {"room": "den", "quantity": "humidity"}},
        [one("den", "Datastream 7", DEVICE, humidity=41.5)],
    ),
    "sensorthings, in °F by the map": (
        "v1.1/Observations",
        {"phenomenonTime": "2026-03-10T18:30:00Z", "result": 50, "Datastream": {"@iot.id": 8}},
        {"Datastream 8": {"room": "den", "quantity": "temperature", "unit": "f"}},
        [one("den", "Datastream 8", DEVICE, temperature=10.0)],
    ),
    "plain names": (
        "me/shed",
        {"Temperature": "4,5 °C", "luftfeuchtigkeit": 88, "ts": S},
        {"me/shed": "shed"},
        [one("shed", "me:shed", DEVICE, temperature=4.5, humidity=88.0)],
    ),
    "plain names, the unit beside": (
        "me/shed",
        {"temp": 50, "unit": "F"},
        {"me/shed": "shed"},
        [one("shed", "me:shed", temperature=10.0)],
    ),
    "a plain topic": ("me/shed/temperature", "50 °F", {"me/shed": "shed"}, [one("shed", "me:shed", temperature=10.0)]),
    "a plain share, by the map": (
        "me/shed/hum",
        "0.5",
        {"me/shed": {"room": "shed", "unit": "share"}},
        [one("shed", "me:shed", humidity=50.0)],
    ),
    "no names that are plain": ("me/shed", {"t1": 4, "h1": 5}, {"me/shed": "shed"}, []),
    "a sensor that the map names": (
        "me/shed",
        {"humidity": 40},
        {"me/shed": {"room": "shed", "sensor": "old"}},
        [one("shed", "old", humidity=40.0)],
    ),
    "a device to be ignored": ("me/shed", {"humidity": 40}, {"me/shed": {"ignore": True}}, []),
    "truth is no number": ("me/shed", {"humidity": True}, {"me/shed": "shed"}, []),
}


X = {"binary_sensor.x": "bath"}

CONTACTS: dict[str, tuple[str, Any, Any, str | None]] = {
    "z2m: true is closed": ("zigbee2mqtt/attic/west", {"contact": True, "linkquality": 1}, Z2M, "closed"),
    "z2m: false is open": ("zigbee2mqtt/attic/west", {"contact": False, "linkquality": 1}, Z2M, "open"),
    "z2m, an attribute a topic": ("zigbee2mqtt/attic/west/contact", "false", Z2M, "open"),
    "z2m, neither": ("zigbee2mqtt/attic/west", {"contact": "tilted"}, Z2M, "tilted"),
    "z2m, no state yet": ("zigbee2mqtt/attic/west", {"contact": None}, Z2M, None),
    "home assistant, by its class": ("", state("binary_sensor.x", "on", device_class="window"), X, "open"),
    "home assistant, a door": ("", state("binary_sensor.x", "off", device_class="door"), X, "closed"),
    "home assistant, offline": ("", state("binary_sensor.x", "unavailable", device_class="door"), X, None),
    "home assistant, something that moves": (
        "", state("binary_sensor.window", "on", device_class="motion"), {"binary_sensor.window": "bath"}, None,
    ),
    "home assistant, no class and no name": ("", state("binary_sensor.x", "on"), X, None),
    "home assistant, as the map says": (
        "", state("binary_sensor.x", "on"), {"binary_sensor.x": {"room": "bath", "quantity": "contact"}}, "open",
    ),
    "statestream, by its name": (
        "homeassistant/binary_sensor/bath_window/state", "on", {"binary_sensor.bath_window": "bath"}, "open",
    ),
    "statestream, its battery": (
        "ha/binary_sensor/bath_window_battery/state", "on", {"binary_sensor.bath_window_battery": "bath"}, None,
    ),
    "esphome, by its name": ("flat/binary_sensor/window/state", "OFF", {"flat/binary_sensor/window": "bath"}, "closed"),
    "esphome, as the map says": (
        "f/binary_sensor/reed/state", "ON", {"f/binary_sensor/reed": {"room": "bath", "quantity": "contact"}}, "open",
    ),
    "esphome, a presence": ("flat/binary_sensor/presence/state", "ON", {"flat/binary_sensor/presence": "bath"}, None),
    "shelly door/window": ("shellies/shellydw2-0f/sensor/state", "close", {"shellydw2-0f": "bath"}, "closed"),
    "shelly door/window, its status": (
        "shellies/shellydw2-0f/info", {"sensor": {"state": "open", "is_valid": True}}, {"shellydw2-0f": "bath"}, "open",
    ),
    "shelly door/window, not valid": (
        "shellies/shellydw2-0f/info", {"sensor": {"state": "open", "is_valid": False}}, {"shellydw2-0f": "bath"}, None,
    ),
    "shelly door/window, unknown": ("shellies/shellydw2-0f/sensor/state", "unknown", {"shellydw2-0f": "bath"}, None),
    "a BLU window that a gateway follows": (
        "g/events/rpc",
        shelly("shellyblugw-1", **{"bthomesensor:200": {"id": 200, "value": True}}),
        {"shellyblugw-1/200": {"room": "bath", "quantity": "contact"}},
        "open",
    ),
    "tasmota's zigbee: 1 is the zone's alarm": (
        "tele/zb/SENSOR", {"ZbReceived": {"0x1A2B": {"Contact": 1, "Endpoint": 1}}}, {"zb/0x1A2B": "bath"}, "open",
    ),
    "BTHome: a window": (
        "home/gw/BTtoMQTT/D12233445566",
        {"id": "D1:22:33:44:55:66", "servicedatauuid": "0xfcd2", "servicedata": "4000072D01"},
        TAG,
        "open",
    ),
    "a lorawan contact": ("", uplink(magnet_status="close"), {"ws-7": "bath"}, "closed"),
    "home-made": ("den/window", {"window": "open"}, {"den/window": "bath"}, "open"),
    "home-made, a Boolean that may mean either": ("den/window", {"contact": True}, {"den/window": "bath"}, None),
    "home-made, a window of 30 minutes": ("den/window", {"window": 30}, {"den/window": "bath"}, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTACTS)
def test_what_a_contact_says(case: str) -> None:
    topic, payload, devices, expected = CONTACTS[case]
    assert [found.get("contact") for found in readings(topic, payload, devices)] == [expected] * (expected is not None)


def test_a_state_that_will_be_refused_costs_no_other_value() -> None:
    found = readings("zigbee2mqtt/attic/west", {"contact": "tilted", "humidity": 50, "temperature": 20}, Z2M)
    assert [{*one} & {"contact", "humidity", "temperature"} for one in found] == [
        {"humidity", "temperature"},
        {"contact"},
    ]


def test_a_contact_waits_for_its_room_like_any_value() -> None:
    opened = open_envelope(
        {"contact": False, "linkquality": 1}, received=RECEIVED, topic="zigbee2mqtt/attic/west", house="h9"
    )
    nothing = parse_devices({})
    (kept,) = translate(opened, devices=lambda _house: nothing, zones=lambda _house: ZONE).readings
    assert not kept.is_mapped
    again = readings("", {"readings": [{**kept.sent}]}, Z2M) or readings("", dict(kept.sent), Z2M)
    assert [one["contact"] for one in again] == ["open"]


@pytest.mark.parametrize("case", CASES)
def test_what_a_message_holds(case: str) -> None:
    topic, payload, devices, expected = CASES[case]
    assert readings(topic, payload, devices) == expected


@pytest.mark.parametrize("case", CASES)
def test_text_and_base64_say_the_same(case: str) -> None:
    topic, payload, devices, expected = CASES[case]
    text = payload if isinstance(payload, str) else json.dumps(payload)
    assert readings(topic, text, devices) == expected
    if text:
        assert readings(topic, {"topic": topic, "payload": base64.b64encode(text.encode()).decode()}, devices) in (
            expected,
            [],  # a text that is neither JSON nor a number is not taken for what base64 hides
        )


@pytest.mark.parametrize("case", CASES)
def test_what_was_retained_without_a_time_is_no_reading(case: str) -> None:
    topic, payload, devices, expected = CASES[case]
    assert readings(topic, payload, devices, retain=True) == [each for each in expected if each["from"] == "device"]
