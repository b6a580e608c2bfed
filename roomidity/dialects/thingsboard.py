"""ThingsBoard telemetry of a gateway, ``{device: [{"ts": ms, "values": {...}}]}``, and of a single device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from roomidity.dialects.heard import Heard, Measured, as_map
from roomidity.dialects.words import plain_values, room_named

__all__ = ["NAME", "read"]

NAME: Final = "thingsboard"


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    levels = heard.parts[-3:]
    if len(levels) < 3 or levels[0] != "v1":
        return _unnamed(heard)
    if levels[1:] == ["gateway", "telemetry"]:
        return [
            value for device, entries in as_map(heard.payload).items() for value in _entries(device, _listed(entries))
        ]
    if levels[1:] == ["gateway", "attributes"]:
        return []
    return None


def _unnamed(heard: Heard) -> list[Measured] | None:
    """Returns telemetry of a gateway passed on under another topic, or of a device named by its topic."""
    payload, parts = heard.payload, heard.parts
    if parts[-4:-2] == ["v1", "devices"] and parts[-1] == "telemetry":
        device = heard.topic if parts[-2] == "me" else parts[-2]
        return list(_entries(device, _listed(payload)))
    entries = [one for some in as_map(payload).values() for one in _listed(some)]
    if entries and all(isinstance(one, dict) and "ts" in one and "values" in one for one in entries):
        return [value for device, some in payload.items() for value in _entries(device, _listed(some))]
    return None


def _entries(device: str, entries: list[Any]) -> Iterator[Measured]:
    for entry in entries:
        values = as_map(entry.get("values")) if isinstance(entry, dict) and "values" in entry else as_map(entry)
        at = entry.get("ts") if isinstance(entry, dict) else None
        for quantity, value, unit in plain_values(values):
            yield Measured(device, value, quantity, unit, at, room=room_named(device))


def _listed(entries: Any) -> list[Any]:
    return entries if isinstance(entries, list) else [entries]
