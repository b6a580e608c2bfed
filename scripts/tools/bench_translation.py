"""Measure what it costs to take in what gateways heard, beside messages of the project's own form.

    scripts/bench-translation [--messages N] [--rounds N] [--json]

Counted is the CPU time of this process, on one core, from bodies to checked readings: decode, translate, check. Own
messages are measured twice, with and without the look for foreign ones. Contestants take turns; each figure is the
median of the rounds. Also told are the sizes of what is stored: a device map, and the list of devices heard.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from time import process_time
from typing import Any

from rich.table import Table

from roomidity.cli.output import Output, notes
from roomidity.dialects import parse_devices
from roomidity.domain.devices import MAX_HEARD, HeardDevices, HeardOf, cut
from roomidity.domain.houses import House
from roomidity.domain.messages import Message
from roomidity.domain.setting import Setting
from roomidity.domain.slots import to_epoch_ms
from roomidity.pipeline.foreign import foreign_messages
from roomidity.pipeline.translating import Translator
from roomidity.readings import check, decode

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
ROOMS = 8
ENVELOPE = 100
"""Messages of a gateway in one of the queue."""


class InMemory:
    """A house's device map, and nothing else that is asked for."""

    def __init__(self, devices: dict[str, Any]) -> None:
        self._setting = Setting("h1", "devices", {"devices": devices}, version=1)

    def get(self, house: str, kind: str) -> Setting | None:
        return self._setting if (house, kind) == ("h1", "devices") else None

    def get_many(self, names: Iterable[str]) -> dict[str, House]:
        return {name: House(name=name, timezone="Europe/Berlin") for name in names}


def _z2m(room: int, at: datetime) -> tuple[str, Any]:
    seen = at.isoformat().replace("+00:00", "Z")
    payload = {"battery": 87, "voltage": 2900, "linkquality": 113, "temperature": 21.3, "humidity": 51.2}
    return f"zigbee2mqtt/room {room}", {**payload, "last_seen": seen}


def _shelly(room: int, at: datetime) -> tuple[str, Any]:
    params = {
        "ts": at.timestamp(),
        "temperature:0": {"id": 0, "tC": 20.8, "tF": 69.4},
        "humidity:0": {"id": 0, "rh": 61},
    }
    return f"shelly-{room}/events/rpc", {
        "src": f"shelly-{room}",
        "dst": "x",
        "method": "NotifyStatus",
        "params": params,
    }


def _tasmota(room: int, at: datetime) -> tuple[str, Any]:
    local = (at + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"tele/room{room}/SENSOR", {
        "Time": local,
        "SI7021": {"Temperature": 20.9, "Humidity": 60.2},
        "TempUnit": "C",
    }


def _ruuvi(room: int, at: datetime) -> tuple[str, Any]:
    data = "0201061BFF99040510A45000C87D0004FFFC040CAC364200CDCBB8334C884F"
    return f"ruuvi/AA/BB:00:00:00:00:0{room}", {
        "gw_mac": "AA",
        "rssi": -6,
        "ts": str(int(at.timestamp())),
        "data": data,
    }


def _esphome(room: int, _at: datetime) -> tuple[str, Any]:
    return f"room{room}/sensor/room{room}_humidity/state", "51.2"


def _lamp(room: int, _at: datetime) -> tuple[str, Any]:
    return f"zigbee2mqtt/lamp {room}", {"state": "ON", "brightness": 200, "color_temp": 370, "linkquality": 80}


DIALECTS: dict[str, Callable[[int, datetime], tuple[str, Any]]] = {
    "Zigbee2MQTT": _z2m,
    "Shelly": _shelly,
    "Tasmota": _tasmota,
    "Ruuvi": _ruuvi,
    "ESPHome": _esphome,
    "no reading": _lamp,
}
NAMES = ("zigbee2mqtt/room {}", "shelly-{}", "room{}/SI7021", "BB:00:00:00:00:0{}", "room{0}/sensor/room{0}_humidity")
MAP = {name.format(room): {"room": f"room {room}"} for name in NAMES for room in range(ROOMS)}


def _times(count: int) -> list[datetime]:
    return [NOW - timedelta(seconds=7_000) + timedelta(seconds=number * 6_900 / count) for number in range(count)]


def _own(count: int) -> list[dict[str, Any]]:
    values = {"temperature": 21.3, "humidity": 51.2}
    return [
        {"room": f"room {number % ROOMS}", "sensor": "s1", "ts": at.strftime("%Y-%m-%dT%H:%M:%SZ"), **values}
        for number, at in enumerate(_times(count))
    ]


def _messages(bodies: Iterable[Any]) -> list[Message]:
    sent = to_epoch_ms(NOW)
    return [Message(str(number), json.dumps(body), sent, "") for number, body in enumerate(bodies)]


def _envelopes(count: int, dialect: Callable[[int, datetime], tuple[str, Any]]) -> list[Message]:
    heard = []
    for number, at in enumerate(_times(count)):
        topic, payload = dialect(number % ROOMS, at)
        heard.append({"topic": topic, "received_at": at.isoformat(), "payload": payload, "retain": False})
    return _messages(
        {"house": "h1", "messages": heard[first : first + ENVELOPE]} for first in range(0, count, ENVELOPE)
    )


def _take(messages: Sequence[Message], *, mark_foreign: bool) -> None:
    """From bodies to checked readings, as the drain does it."""
    decoded = decode(messages, mark_foreign=mark_foreign)
    if foreign := foreign_messages(decoded):
        store: Any = InMemory(MAP)
        decoded = Translator(store, store, {}, timezone="UTC", now=NOW).translate(decoded, foreign).decoded
    check(decoded, now=NOW)


def bench(count: int, rounds: int) -> dict[str, float]:
    """Messages of a device a second of CPU, by contestant."""
    own = _own(count)
    packed = _messages({"house": "h1", "readings": own[first : first + 1_000]} for first in range(0, count, 1_000))
    single = _messages({"house": "h1", **one} for one in own)
    contestants: dict[str, Callable[[], None]] = {
        "own, packed, without the look": lambda: _take(packed, mark_foreign=False),
        "own, packed": lambda: _take(packed, mark_foreign=True),
        "own, one by one, without the look": lambda: _take(single, mark_foreign=False),
        "own, one by one": lambda: _take(single, mark_foreign=True),
    }
    for name, dialect in DIALECTS.items():
        envelopes = _envelopes(count, dialect)
        contestants[name] = lambda envelopes=envelopes: _take(envelopes, mark_foreign=True)  # type: ignore[misc]
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, take in contestants.items():
            begin = process_time()
            take()
            if number:  # the first warms up
                seconds[name].append(process_time() - begin)
    return {name: count / median(taken) for name, taken in seconds.items()}


def sizes() -> dict[str, int]:
    """Bytes as JSON of what is stored of a house."""
    devices = parse_devices({f"zigbee2mqtt/upper floor/room {number}": f"room {number % 64}" for number in range(256)})
    of = HeardOf(NOW, frozenset(["humidity"]), "upper floor room", "zigbee2mqtt", cut("x" * 512))
    heard = HeardDevices({f"zigbee2mqtt/upper floor/room {number}": of for number in range(MAX_HEARD)})
    return {
        "map of 256 devices": len(json.dumps(devices.plain())),
        "256 devices heard": len(json.dumps(heard.plain())),
        "5 devices heard": len(json.dumps(HeardDevices(dict(list(heard.devices.items())[:5])).plain())),
    }


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        prog="bench-translation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000, help="of each kind (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object to standard output")
    arguments = parser.parse_args()
    output = Output(as_json=arguments.json)
    with notes.status("measuring"):
        speeds = bench(arguments.messages, arguments.rounds)
    stored = sizes()
    table = Table("messages of", "a second of CPU")
    for name, speed in speeds.items():
        table.add_row(name, f"{speed:,.0f}")
    output.tables.print(table)
    for name, size in stored.items():
        output.tables.print(f"{name}: {size:,} bytes")
    output.answer({"messages_a_second": {name: round(speed) for name, speed in speeds.items()}, "bytes": stored})


if __name__ == "__main__":
    main()
