"""Tasmota: ``tele/<topic>/SENSOR`` with one table per sensor. The time is local, without an offset.

A device whose clock is not set reports 1970. ``TempUnit`` states °F. ``ESP32`` is the chip. What Tasmota hears as a
Zigbee bridge is in ``ZbReceived``; there ``Contact`` is 1 while a window is open, for it is the alarm bit of the zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from roomidity.dialects.contacts import opening_state
from roomidity.dialects.heard import Heard, Measured, as_map
from roomidity.dialects.words import room_named
from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit

__all__ = ["NAME", "read"]

NAME: Final = "tasmota"

_ROOTS: Final = frozenset({"tele", "stat", "cmnd"})
_TAILS: Final = frozenset({"SENSOR", "STATUS8", "STATUS10"})
_OTHERS: Final = frozenset({"STATE", "LWT", "RESULT", "UPTIME", "INFO1", "INFO2", "INFO3", "STATUS", "STATUS11"})
_NO_ROOM: Final = frozenset({"ESP32", "ENERGY"})
_KEYS: Final[tuple[tuple[str, Quantity], ...]] = (("Temperature", "temperature"), ("Humidity", "humidity"))


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    parts, payload = heard.parts, as_map(heard.payload)
    sensors = as_map(payload.get("StatusSNS")) or payload
    if parts[-1] in _TAILS or ("Time" in sensors and "TempUnit" in sensors):
        start = max(
            (place + 1 for place, part in enumerate(parts) if part in _ROOTS and place < len(parts) - 2), default=0
        )
        topic = "/".join(part for part in parts[start:] if part not in _ROOTS and part not in _TAILS)
        return list(_sensors(topic, sensors)) if topic else None
    return [] if parts[-1] in _OTHERS and not _ROOTS.isdisjoint(parts) else None


def _sensors(topic: str, sensors: Mapping[str, Any]) -> Iterator[Measured]:
    unit: Unit = "f" if sensors.get("TempUnit") == "F" else "c"
    for name, values in sensors.items():
        if name == "ZbReceived":
            for short, device in as_map(values).items():
                said = as_map(device).get("Name")
                yield from _values(topic, said if isinstance(said, str) else short, as_map(device), unit, None)
        elif name not in _NO_ROOM:
            yield from _values(topic, name, as_map(values), unit, sensors.get("Time"))


def _values(topic: str, name: str, values: Mapping[str, Any], unit: Unit, at: Any) -> Iterator[Measured]:
    if "Contact" in values:
        yield Measured(f"{topic}/{name}", opening_state(values["Contact"]), "contact", at=at, room=room_named(topic))
    for key, quantity in _KEYS:
        if key in values:
            yield Measured(
                f"{topic}/{name}",
                values[key],
                quantity,
                unit if quantity == "temperature" else "percent",
                at,
                room=room_named(topic),
            )
