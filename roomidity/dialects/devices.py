"""Devices: the names dialects give them, the map from device to room, and sensor names derived from device names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final
from unicodedata import normalize

from roomidity.dialects.heard import LONGEST_DEVICE
from roomidity.domain.names import is_name, kept_name
from roomidity.domain.quantities import MEASURED, MeasuredQuantity
from roomidity.domain.units import Unit, parse_units
from roomidity.errors import InputError

__all__ = ["MAP_UNITS", "NO_DEVICES", "DeviceMap", "Mapped", "device_named", "parse_devices", "sensor_of"]

MAP_UNITS: Final[tuple[Unit, ...]] = ("c", "f", "k", "percent", "share")

_MOST: Final = 64
_FORBIDDEN: Final = re.compile(r"[/#$+]")
_ADDRESS: Final = r"(?:[0-9A-Fa-f]{2}:){5}(?:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}:)?[0-9A-Fa-f]{2}"
_OWN_COLONS: Final = re.compile(_ADDRESS + r"|urn(?::[^:/]+){1,3}")
"""Names that may contain colons: addresses of 6 or 8 bytes, and URNs such as urn:dev:mac:0024befffe804ff1."""

_BELOW_COLONS: Final = re.compile(rf"(?:{_ADDRESS}|urn(?::[^:/]+){{3}})/[^:]+")
"""A name that may contain colons, followed by a level below it."""

_Z2M: Final = "zigbee2mqtt/"
_Z2M_SENSOR: Final = "z2m-"
_ESPHOME: Final = re.compile(r"([a-z0-9]+)/sensor/(\1_[a-z0-9_-]*(?:temperature|humidity))")
_ESPHOME_SENSOR: Final = re.compile(r"[a-z0-9]+_[a-z0-9_-]*(?:temperature|humidity)")
_MARKED: Final = re.compile(r".*~[0-9a-f]{12}")


@dataclass(frozen=True)
class Mapped:
    """The entry of a device map for one device. If ``ignored`` is true, the device's messages are to be ignored."""

    room: str | None
    sensor: str | None = None
    quantity: MeasuredQuantity | None = None
    unit: Unit | None = None
    ignored: bool = False

    def plain(self) -> dict[str, Any]:
        """Returns the entry in the form used by the map file and the table."""
        said = {"room": self.room, "sensor": self.sensor, "quantity": self.quantity, "unit": self.unit}
        return {key: value for key, value in said.items() if value is not None} | (
            {"ignore": True} if self.ignored else {}
        )


@dataclass(frozen=True)
class DeviceMap:
    """A map from device names to their entries."""

    devices: Mapping[str, Mapped] = field(default_factory=lambda: MappingProxyType({}))

    def get(self, device: str) -> Mapped | None:
        """Returns a device's entry, or None if it has none. Addresses match in upper or lower case."""
        found = self.devices.get(device)
        if found is None and ":" in device and _OWN_COLONS.fullmatch(device):
            found = self.devices.get(device.upper()) or self.devices.get(device.lower())
        return found

    def plain(self) -> dict[str, dict[str, Any]]:
        """Returns the map in the form used by the map file and the table."""
        return {device: mapped.plain() for device, mapped in sorted(self.devices.items())}


NO_DEVICES: Final = DeviceMap()


@lru_cache(maxsize=4096)
def device_named(name: str) -> str | None:
    """Returns a device name as maps store it: in NFC and stripped of whitespace.

    Returns None if the name is empty, longer than ``LONGEST_DEVICE`` characters or not printable.
    """
    name = normalize("NFC", name).strip()
    if not 0 < len(name) <= LONGEST_DEVICE or not name.isprintable():
        return None
    return name


@lru_cache(maxsize=4096)
def sensor_of(device: str) -> str:
    """Returns a valid sensor name for a device, such that no two devices share a sensor.

    Characters that a sensor name must not contain become colons. If another device could then get the same name, or if
    the name would be too long, it ends in a hash of the full device name.

    >>> sensor_of("zigbee2mqtt/bath"), sensor_of("bad/SI7021"), sensor_of("flur/sensor/flur_humidity")
    ('z2m-bath', 'bad:SI7021', 'flur_humidity')
    >>> sensor_of("a:b"), sensor_of("CB:B8:33:4C:88:4F")
    ('a:b~6783a31eabf6', 'CB:B8:33:4C:88:4F')
    """
    esphome = _ESPHOME.fullmatch(device)
    if esphome:
        return _marked(device, esphome[2]) if len(esphome[2]) > _MOST else esphome[2]
    is_z2m = device.startswith(_Z2M)
    own = device.removeprefix(_Z2M)
    spelled = _FORBIDDEN.sub(":", own)
    name = kept_name((_Z2M_SENSOR if is_z2m else "") + spelled)
    is_taken = (
        (":" in own and not _OWN_COLONS.fullmatch(own) and not _BELOW_COLONS.fullmatch(own))
        or ("/" in own and _OWN_COLONS.fullmatch(spelled))
        or any(sign in own for sign in "#$+")
        or _MARKED.fullmatch(own)
        or _ESPHOME_SENSOR.fullmatch(name)
        or (not is_z2m and name.startswith(_Z2M_SENSOR))
        or not own
        or name != (_Z2M_SENSOR if is_z2m else "") + spelled
        or not is_name(name)
    )
    return _marked(device, name) if is_taken else name


def _marked(device: str, name: str) -> str:
    mark = "~" + hashlib.sha256(device.encode(errors="surrogatepass")).hexdigest()[:12]
    short = kept_name("".join(character if is_name(character) else ":" for character in name)[: _MOST - len(mark)])
    return short + mark


def parse_devices(found: Any) -> DeviceMap:
    """Returns the device map read from a file or the table.

    Its form is ``{device: room}`` or ``{device: {room, sensor, quantity, unit, ignore}}``.

    Raises
    ------
    InputError
        If it is not a valid map. The message names the device, what was found and what was expected.
    """
    if not isinstance(found, Mapping):
        raise InputError(f"the device map is a {type(found).__name__}; expected a table of devices")
    if isinstance(found.get("devices"), Mapping) and len(found) == 1 and "room" not in found["devices"]:
        found = found["devices"]
    devices: dict[str, Mapped] = {}
    for name, said in found.items():
        device = device_named(str(name))
        if device is None:
            raise InputError(f"device {str(name)[:80]!r}: expected a name of 1 to {LONGEST_DEVICE} characters")
        if device in devices:
            raise InputError(f"device {device!r} stands twice")
        devices[device] = _mapped(device, {"room": said} if isinstance(said, str) else said)
    return DeviceMap(MappingProxyType(devices))


def _mapped(device: str, said: Any) -> Mapped:
    if not isinstance(said, Mapping):
        raise InputError(f"device {device!r} is {said!r:.80}; expected a room, or a table with one")
    unknown = set(said) - {"room", "sensor", "quantity", "unit", "ignore"}
    if unknown:
        expected = "room, sensor, quantity, unit or ignore"
        raise InputError(f"device {device!r} has {', '.join(sorted(map(repr, unknown)))}; expected {expected}")
    ignored = said.get("ignore", False)
    if not isinstance(ignored, bool):
        raise InputError(f"device {device!r}: its ignore is {ignored!r:.80}; expected true or false")
    if said.get("room") is None and not ignored:
        raise InputError(f"device {device!r} has no room; expected one, or ignore = true")
    return Mapped(
        room=_name(device, "room", said.get("room")),
        sensor=_name(device, "sensor", said.get("sensor")),
        quantity=_quantity(device, said.get("quantity")),
        unit=_unit(device, said.get("unit")),
        ignored=ignored,
    )


def _name(device: str, what: str, said: Any) -> str | None:
    if said is None:
        return None
    name = kept_name(said, is_room=what == "room") if isinstance(said, str) else ""
    if not is_name(name):
        raise InputError(
            f"device {device!r}: its {what} is {said!r:.80}; expected a name of 1 to 64 characters without / # $ +"
        )
    return name


def _quantity(device: str, said: Any) -> MeasuredQuantity | None:
    found = next((one for one in MEASURED if one == said), None)
    if said is not None and found is None:
        raise InputError(f"device {device!r}: its quantity is {said!r:.80}; expected {' or '.join(MEASURED)}")
    return found


def _unit(device: str, said: Any) -> Unit | None:
    if said is None:
        return None
    try:
        units = set(parse_units(said).values()) if isinstance(said, str) else set()
    except InputError:
        units = set()
    if len(units) != 1 or not units.issubset(MAP_UNITS):
        raise InputError(f"device {device!r}: its unit is {said!r:.80}; expected one of {', '.join(MAP_UNITS)}")
    return units.pop()
