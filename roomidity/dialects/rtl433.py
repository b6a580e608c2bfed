"""rtl_433, on its own or in OpenMQTTGateway: radio sensors whose keys name the unit.

A device is identified by model, channel and ID, as in OpenMQTTGateway's topics. rtl_433's own topics and events give
the same name. Its times are local unless they have an offset. OpenMQTTGateway gives no time.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from roomidity.dialects.heard import Heard, Measured, after, as_map, is_scalar
from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit

__all__ = ["NAME", "read"]

NAME: Final = "rtl_433"

_KEYS: Final[Mapping[str, tuple[Quantity, Unit]]] = MappingProxyType(
    {
        "temperature_C": ("temperature", "c"),
        "temperature_F": ("temperature", "f"),
        "humidity": ("humidity", "percent"),
    }
)


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    payload = as_map(heard.payload)
    gateway, own = after(heard.parts, "RTL_433toMQTT"), after(heard.parts, "rtl_433")
    if gateway is not None:
        return _values("/".join(gateway) or _composed(payload), payload)
    if own is not None and "devices" in own:
        levels = own[own.index("devices") + 1 :]
        if len(levels) >= 2 and levels[-1] in _KEYS and is_scalar(heard.payload):
            return [Measured("/".join(levels[:-1]), heard.payload, *_KEYS[levels[-1]])]
        return []
    if own is not None or ("model" in payload and ("temperature_C" in payload or "temperature_F" in payload)):
        return _values(_composed(payload), payload)
    return None


def _values(device: str, payload: Mapping[str, Any]) -> list[Measured]:
    if not device:
        return []
    keys = [key for key in _KEYS if key in payload]
    if payload.get("temperature_C") is not None and "temperature_F" in keys:
        keys.remove("temperature_F")
    return [Measured(device, payload[key], *_KEYS[key], payload.get("time")) for key in keys]


def _composed(payload: Mapping[str, Any]) -> str:
    parts = [payload.get(key) for key in ("model", "subtype", "channel", "id")]
    return "/".join(str(part) for part in parts if is_scalar(part)) if is_scalar(parts[0]) else ""
