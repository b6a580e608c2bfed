"""A house's devices: whose rooms they are, and which were heard that nobody has mapped yet."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click
from rich.table import Table

from roomidity.cli.context import now_option, stage
from roomidity.cli.help import Commands
from roomidity.cli.output import Output, json_option, notes, shown
from roomidity.cli.places import house_argument
from roomidity.cli.translate import read_devices
from roomidity.dialects.devices import MAP_UNITS, DeviceMap, Mapped, device_named, parse_devices, sensor_of
from roomidity.domain.devices import HeardOf
from roomidity.domain.names import is_name
from roomidity.domain.quantities import MEASURED
from roomidity.domain.slots import format_moment
from roomidity.errors import InputError, NotFoundError
from roomidity.pipeline.device_maps import change_map, heard_devices, read_map

__all__ = ["devices"]

_IGNORED: Final = Mapped(None, ignored=True)


@click.group(cls=Commands)
def devices() -> None:
    """Say whose rooms the devices are that a gateway hears, and list those that have none.

    What is heard of a device without a room waits: map it, then bring it in by a replay.

      roomidity devices list h1
      roomidity devices map h1 zigbee2mqtt/bath bath
      roomidity devices map h1 shellyht-a1b2c3 attic --unit f
      roomidity replay --house h1 --reason unmapped

    Every command takes --json.
    """


@devices.command("list")
@house_argument
@now_option("The time that they are listed at.")
@json_option
def list_(house: str, now: datetime, as_json: bool) -> None:
    """List the devices of HOUSE: those that are mapped, and those that were heard and are not.

    A proposed room is what a name suggests; nothing is stored by it. Of each device the last message is kept, cut to
    512 bytes, and written at most hourly; at most 256 devices, those of the last 35 days.
    """
    output = Output(as_json=as_json)
    known = read_map(stage().house_settings, house)
    listed, _ = heard_devices(stage().house_settings, house, now=now)
    heard = {name: of for name, of in sorted(listed.devices.items()) if known.get(name) is None}
    if known.devices:
        output.tables.print(_map_table(house, known))
    if heard:
        output.tables.print(_heard_table(house, heard))
        notes.print(
            f"To map one: roomidity devices map {house} DEVICE ROOM. What waits of it: "
            f"roomidity replay --house {house} --reason unmapped",
            soft_wrap=True,
        )
    if not known.devices and not heard:
        output.tables.print(f"No device of {house} is mapped, and none was heard.")
    unmapped = {name: _heard_json(of) for name, of in heard.items()}
    output.answer({"house": house, "mapped": known.plain(), "unmapped": unmapped})


@devices.command("map")
@house_argument
@click.argument("device")
@click.argument("room", required=False)
@click.option("--sensor", help="The sensor's name; without, it is made from the device's.")
@click.option("--quantity", type=click.Choice(MEASURED), help="What it measures, where no message says so.")
@click.option("--unit", type=click.Choice(MAP_UNITS), help="In which unit, where no message says so.")
@click.option("--remove", is_flag=True, help="Take the device out of the map.")
@json_option
def map_(house: str, device: str, room: str | None, remove: bool, as_json: bool, **said: Any) -> None:
    """Map DEVICE of HOUSE to ROOM, from the next drain on.

    A device is named as `roomidity devices list` and `roomidity translate` name it. Mapped to another room, its former
    readings stay where they are.
    """
    if remove == (room is not None) or (remove and any(said.values())):
        raise click.UsageError("give a ROOM, with what is to be said of the device, or --remove alone")
    name = _device(device)
    if remove:
        known, changed = _change(house, lambda before: _without(before, name))
        if not changed:
            raise NotFoundError(f"device {name!r} in the map of {house}", hint=f"roomidity devices list {house}")
        _answer(Output(as_json=as_json), house, known, name, f"{house}: {name} is mapped no more.")
        return
    given = {key: value for key, value in said.items() if value is not None}
    mapped = parse_devices({name: {"room": room, **given}}).devices[name]
    known, _ = _change(house, lambda before: _with(before, name, mapped))
    words = f"{house}: {name} is {mapped.room} from the next drain on, as sensor {mapped.sensor or sensor_of(name)}."
    notes.print(f"What waited of it: roomidity replay --house {house} --reason unmapped", soft_wrap=True)
    _answer(Output(as_json=as_json), house, known, name, words)


@devices.command()
@house_argument
@click.argument("device")
@json_option
def ignore(house: str, device: str, as_json: bool) -> None:
    """Ignore DEVICE of HOUSE: a neighbour's, or one in no room. To undo it: devices map --remove."""
    name = _device(device)
    known, _ = _change(house, lambda before: _with(before, name, _IGNORED))
    _answer(Output(as_json=as_json), house, known, name, f"{house}: {name} is ignored from the next drain on.")


@devices.command("import")
@house_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", "replaces", is_flag=True, help="Have these devices alone; without, others stay.")
@json_option
def import_(house: str, file: Path, replaces: bool, as_json: bool) -> None:
    """Map the devices of FILE, as `devices export` writes it: TOML, or JSON.

    "zigbee2mqtt/bath" = "bath"
    "shellyht-a1b2c3" = { room = "attic", unit = "f" }
    "keller/DS18B20" = { ignore = true }
    """
    output = Output(as_json=as_json)
    found = read_devices(file)
    both = (lambda before: {**before.devices, **found.devices}) if not replaces else (lambda _before: found.devices)
    known, changed = _change(house, lambda before: DeviceMap(MappingProxyType(dict(both(before)))))
    output.tables.print(f"{house}: {len(found.devices)} devices of {file.name}, {len(known.devices)} in the map.")
    output.answer({"house": house, "imported": len(found.devices), "changed": changed, "mapped": known.plain()})


@devices.command()
@house_argument
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@json_option
def export(house: str, file: Path | None, as_json: bool) -> None:
    """Write the device map of HOUSE as TOML, to FILE or to standard output."""
    output = Output(as_json=as_json)
    known = read_map(stage().house_settings, house)
    text = "".join(f"{_quoted(device)} = {_inline(said)}\n" for device, said in known.plain().items())
    if file is not None:
        file.write_text(text, "utf-8")
        output.tables.print(f"{house}: {len(known.devices)} devices written to {file}.")
    elif not as_json:
        click.echo(text, nl=False)
    output.answer({"house": house, "mapped": known.plain()})


def _device(name: str) -> str:
    device = device_named(name)
    if device is None:
        raise InputError(f"found the device {name!r:.80}; expected 1 to 512 characters that can be seen")
    return device


def _change(house: str, change: Callable[[DeviceMap], DeviceMap]) -> tuple[DeviceMap, bool]:
    if not is_name(house):
        raise InputError(f"found the house {house!r}; expected 1 to 64 characters that can be seen, none of / # $ +")
    return change_map(stage().house_settings, stage().backoff, house, change)


def _with(before: DeviceMap, device: str, mapped: Mapped) -> DeviceMap:
    return DeviceMap(MappingProxyType({**before.devices, device: mapped}))


def _without(before: DeviceMap, device: str) -> DeviceMap:
    return DeviceMap(MappingProxyType({name: said for name, said in before.devices.items() if name != device}))


def _answer(output: Output, house: str, known: DeviceMap, device: str, words: str) -> None:
    mapped = known.devices.get(device)
    output.tables.print(words)
    said = None if mapped is None else mapped.plain()
    output.answer({"house": house, "device": device, "mapped": said, "devices": len(known.devices)})


def _map_table(house: str, known: DeviceMap) -> Table:
    table = Table("device", "room", "sensor", "quantity", "unit", title=f"{house}: mapped")
    for device, mapped in sorted(known.devices.items()):
        room = "(ignored)" if mapped.ignored else mapped.room or ""
        sensor = "" if mapped.ignored else mapped.sensor or sensor_of(device)
        table.add_row(shown(device), shown(room), shown(sensor), mapped.quantity or "", mapped.unit or "")
    return table


def _heard_table(house: str, heard: dict[str, HeardOf]) -> Table:
    table = Table("device", "measures", "heard", "proposed room", "message", title=f"{house}: heard, not mapped")
    for device, of in heard.items():
        measures = ", ".join(sorted(of.quantities)) or "?"
        table.add_row(shown(device), measures, format_moment(of.last), shown(of.room or ""), shown(of.message[:80]))
    return table


def _heard_json(of: HeardOf) -> dict[str, Any]:
    said = {"proposed_room": of.room, "dialect": of.dialect, "message": of.message}
    return {"heard": format_moment(of.last), "quantities": sorted(of.quantities), **said}


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _inline(said: dict[str, Any]) -> str:
    if set(said) == {"room"}:
        return _quoted(said["room"])
    fields = (f"{key} = {_quoted(value) if isinstance(value, str) else 'true'}" for key, value in said.items())
    return "{ " + ", ".join(fields) + " }"
