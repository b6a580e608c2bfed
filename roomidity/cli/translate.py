"""What the drain would make of one message of a gateway; nothing is sent, and no endpoint is needed."""

from __future__ import annotations

import json
import sys
import tomllib
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Table

from roomidity.cli.context import Moment, present
from roomidity.cli.output import Output, json_option, shown
from roomidity.dialects import NO_DEVICES, DeviceMap, Reading, Translation, open_envelope, parse_devices, translate
from roomidity.dialects.bodies import own_form, with_faults
from roomidity.dialects.envelopes import Found
from roomidity.dialects.times import absolute, format_exact
from roomidity.domain.messages import Message
from roomidity.domain.quantities import MEASURED
from roomidity.domain.slots import floor_slot, from_epoch_ms, to_epoch_ms
from roomidity.errors import InputError
from roomidity.readings import check
from roomidity.readings.careful import decode_with_care
from roomidity.readings.wire import Decoded
from roomidity.settings import check_timezone

__all__ = ["read_devices", "translate_command"]

_NO_HOUSE: Final = "-"
"""Stands in for the house where none is named; it is none of the answer."""


@click.command("translate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--topic", required=True, help="The topic that the message came by; of a poll over HTTP, its URL.")
@click.option("--received-at", "received", type=Moment(), callback=present, help="When it came.  [default: now]")
@click.option("--house", help="The house that confines it.")
@click.option(
    "--devices",
    "devices_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The device map, as TOML or JSON.",
)
@click.option("--timezone", default="UTC", show_default=True, help="The house's IANA zone, of times without an offset.")
@click.option("--retain", is_flag=True, help="The broker had retained it.")
@json_option
def translate_command(
    file: Path,
    topic: str,
    received: datetime,
    house: str | None,
    devices_file: Path | None,
    timezone: str,
    retain: bool,
    as_json: bool,
) -> None:
    """Say what the drain would make of the message in FILE (- is standard input): readings, or why none.

    Known are Zigbee2MQTT, Shelly, Tasmota, ESPHome, Home Assistant, Homie, Ruuvi, Theengs and OpenMQTTGateway,
    rtl_433, SenML, The Things Network, AirGradient, Awair, ThingsBoard, SensorThings, envelopes, the output of AWS IoT
    rules, and plain names. A reading says by ts_from whose time it bears: the device's, or that of receiving.

    A device map says whose rooms devices are:

      "zigbee2mqtt/bath sensor" = "bath"
      "shellyht-a1b2c3" = { room = "attic", unit = "f" }
      "flur/sensor/flur_aht20" = { room = "hall", quantity = "humidity" }
      "AA:BB:CC:DD:EE:FF" = { ignore = true }

      roomidity translate --topic T --house h1 --devices map.toml message.json
      mosquitto_sub -t T -C 1 | roomidity translate --topic T --house h1 -
    """
    output = Output(as_json=as_json)
    zone = check_timezone(timezone, "--timezone")
    devices = NO_DEVICES if devices_file is None else read_devices(devices_file)
    text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    found = _opened(text.decode(errors="replace"), topic=topic, received=received, house=house, retain=retain)
    translation = translate(found, devices=lambda _house: devices, zones=lambda _house: zone)
    readings, rejected = _checked(translation, received)
    rejected += [{"reason": "retained"}] * translation.retained + [{"reason": "no_reading"}] * translation.no_reading
    dialect = next(iter(translation.dialects), None)
    for table in _tables(dialect, readings, rejected):
        output.tables.print(table)
    output.answer({"readings": readings, "rejected": rejected, "dialect": dialect})


def read_devices(path: Path) -> DeviceMap:
    """The device map of a TOML or JSON file.

    Raises
    ------
    InputError
        If it is neither, or no map.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return parse_devices(json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text))
    except ValueError as error:
        raise InputError(f"{path} is neither TOML nor JSON: {error}") from error


def _opened(text: str, *, topic: str, received: datetime, house: str | None, retain: bool) -> list[Found]:
    found = list(open_envelope(text, received=received, topic=topic, house=house, retain=retain))
    if all(one.stamp.house is None for one in found):
        return list(open_envelope(text, received=received, topic=topic, house=_NO_HOUSE, retain=retain))
    return found


def _checked(translation: Translation, received: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The readings that the drain would take as they came, and those that it would reject, each with the reason."""
    sent = Message(id="", body="", sent_ms=to_epoch_ms(received), handle="")
    message, faults = own_form(sent, translation.readings, translation.broken)
    rows = decode_with_care([message])
    rows = with_faults(rows, {(0, position): reason for position, reason in faults.items()})
    checked = check(Decoded([message], rows), now=floor_slot(received))
    readings = [_plain(row, translation.readings[row["position"]]) for row in checked.accepted.iter_rows(named=True)]
    rejected = []
    for row in checked.rejected.sort("position").iter_rows(named=True):
        place = row["position"]
        device = translation.readings[place].device if place < len(translation.readings) else None
        rejected.append({"reason": row["reason"], **({"device": device} if device else {})})
    return readings, rejected


def _plain(row: dict[str, Any], reading: Reading) -> dict[str, Any]:
    at = absolute(reading.sent.get("ts")) or from_epoch_ms(row["slot"] + row["time_ms"])
    values: dict[str, float] = {name: row[name] / 1000 for name in MEASURED if row[name] is not None}
    house = None if row["house"] == _NO_HOUSE else row["house"]
    place = {"house": house, "room": row["room"], "sensor": row["sensor"], "ts": format_exact(at)}
    return {**place, **values, "ts_from": reading.ts_from}


def _tables(dialect: str | None, readings: list[dict[str, Any]], rejected: list[dict[str, Any]]) -> list[Table]:
    title = f"dialect: {dialect or 'none that is known'}"
    table = Table("house", "room", "sensor", "time", "by", *MEASURED, title=title)
    for reading in readings:
        values = ["" if reading.get(name) is None else f"{reading[name]:g}" for name in MEASURED]
        names = [shown(reading[name] or "") for name in ("house", "room", "sensor")]
        table.add_row(*names, reading["ts"], reading["ts_from"], *values)
    if not rejected:
        return [table]
    why = Table("no reading", "device", "messages or readings")
    for (reason, device), count in Counter((one["reason"], one.get("device", "")) for one in rejected).items():
        why.add_row(reason, shown(device), str(count))
    return [table, why]
