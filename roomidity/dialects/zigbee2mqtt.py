"""Zigbee2MQTT: ``zigbee2mqtt/<friendly name>`` as JSON, or one topic per value. The time is ``last_seen`` if enabled.

The name may contain slashes. ``device_temperature`` is that of the radio and ``color_temp`` that of a lamp.
``local_temperature`` is that of a thermostat, often next to its radiator, so it counts only if the device map names the
temperature explicitly. Zigbee2MQTT sends °C and %RH whatever unit a device displays.
``contact: true`` is a closed window: the contact is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from roomidity.dialects.contacts import stated
from roomidity.dialects.heard import Heard, Measured, after, is_scalar
from roomidity.dialects.words import room_named
from roomidity.domain.quantities import MeasuredQuantity, Quantity

__all__ = ["NAME", "read"]

NAME: Final = "zigbee2mqtt"

_QUANTITIES: Final[tuple[Quantity, ...]] = ("temperature", "humidity")
_NO_DEVICE: Final = frozenset({"availability", "set", "get"})


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    levels = after(heard.parts, "zigbee2mqtt")
    payload = heard.payload
    if levels is None:
        is_own = isinstance(payload, dict) and "linkquality" in payload and bool(heard.topic)
        levels = heard.parts if is_own else []
        prefix = ""
    else:
        prefix = "zigbee2mqtt/"
        if not levels or levels[0] == "bridge" or levels[-1] in _NO_DEVICE:
            return []
    if not levels:
        return None
    if isinstance(payload, dict):
        return _values(prefix + "/".join(levels), payload, levels)
    quantity = _named(levels[-1])
    if len(levels) > 1 and quantity is not None and (is_scalar(payload) or isinstance(payload, bool)):
        payload = _state(payload) if quantity == "contact" else payload
        device, room = prefix + "/".join(levels[:-1]), room_named("/".join(levels[:-1]))
        return [Measured(device, payload, quantity, room=room)]
    return []


def _values(device: str, payload: Mapping[str, object], levels: list[str]) -> list[Measured]:
    at, room = payload.get("last_seen"), room_named("/".join(levels))
    found = [
        Measured(device, payload[quantity], quantity, at=at, room=room)
        for quantity in _QUANTITIES
        if quantity in payload
    ]
    if "contact" in payload:
        found.append(Measured(device, _state(payload["contact"]), "contact", at=at, room=room))
    if "temperature" not in payload and "local_temperature" in payload:
        found.append(Measured(device, payload["local_temperature"], "temperature", at=at, asked=True, room=room))
    return found


def _named(name: str) -> MeasuredQuantity | None:
    return "contact" if name == "contact" else next((quantity for quantity in _QUANTITIES if quantity == name), None)


def _state(contact: Any) -> Any:
    """Returns ``open`` or ``closed``, or what was sent if it is neither. A contact that is made is closed."""
    if isinstance(contact, bool):
        return "closed" if contact else "open"
    return {"true": "closed", "false": "open"}.get(contact, stated(contact)) if isinstance(contact, str) else contact
