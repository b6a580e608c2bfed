"""Shelly of the first generation: ``shellies/<id>/sensor/...`` with plain numbers and without a time.

The temperature's unit is set on the device and appears in no topic, so °F must be stated by the device map. Probes of
an add-on are in °C. A Door/Window sensor says ``open`` or ``close``.
``shellies/<id>/temperature`` is the temperature of the chip.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from roomidity.dialects.contacts import stated
from roomidity.dialects.heard import Heard, Measured, after, as_map, is_scalar
from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit

__all__ = ["NAME", "read"]

NAME: Final = "shelly-gen1"

_SENSOR: Final[Mapping[str, Quantity]] = MappingProxyType({"temperature": "temperature", "humidity": "humidity"})
_PROBE: Final[Mapping[str, tuple[Quantity, Unit]]] = MappingProxyType(
    {"ext_temperature": ("temperature", "c"), "ext_humidity": ("humidity", "percent")}
)


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    levels = after(heard.parts, "shellies")
    if levels is None:
        return None
    if len(levels) == 3 and levels[1] == "sensor" and levels[2] in _SENSOR and is_scalar(heard.payload):
        return [Measured(levels[0], heard.payload, _SENSOR[levels[2]])]
    if len(levels) == 3 and levels[1:] == ["sensor", "state"] and is_scalar(heard.payload):
        return [Measured(levels[0], stated(heard.payload), "contact")]
    if len(levels) == 3 and levels[1] in _PROBE and is_scalar(heard.payload):
        return [Measured(f"{levels[0]}/ext/{levels[2]}", heard.payload, *_PROBE[levels[1]])]
    if len(levels) == 2 and levels[1] == "info":
        return _info(levels[0], as_map(heard.payload))
    return []


def _info(device: str, info: Mapping[str, Any]) -> list[Measured]:
    """Returns the values in the full status of a Shelly H&T, which states its unit."""
    tmp, hum = as_map(info.get("tmp")), as_map(info.get("hum"))
    sensor = as_map(info.get("sensor"))
    if "state" in sensor and sensor.get("is_valid") is not False:
        return [Measured(device, stated(sensor["state"]), "contact", at=info.get("unixtime"))]
    if not hum:
        return []  # The status of a relay or a radiator valve.
    at = info.get("unixtime")
    found = [Measured(device, hum.get("value"), "humidity", "percent", at)]
    if tmp.get("tC") is not None:
        return [*found, Measured(device, tmp["tC"], "temperature", "c", at)]
    unit: Unit | None = "f" if tmp.get("units") == "F" else "c" if tmp.get("units") == "C" else None
    return [*found, Measured(device, tmp.get("value"), "temperature", unit, at)]
