"""Home-made sensors: values under plain names, or a topic whose last level is such a name. The topic is the device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from roomidity.dialects.heard import Heard, Measured, is_scalar
from roomidity.dialects.words import Said, plain_values, room_named, unit_signed

__all__ = ["NAME", "read"]

NAME: Final = "plain"

_TIMES: Final = ("ts", "time", "timestamp", "datetime", "measured_at", "date", "Time")
_UNITS: Final = ("temperature_unit", "temp_unit", "unit", "units", "unit_of_measurement", "TempUnit")


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it has none under a plain name."""
    parts, payload = heard.parts, heard.payload
    if isinstance(payload, dict) and heard.topic:
        at = next((payload[name] for name in _TIMES if name in payload), None)
        found = list(plain_values(payload))
        return [_measured(heard.topic, said, at, payload) for said in found] or None
    if len(parts) >= 2 and is_scalar(payload):
        device = "/".join(parts[:-1])
        return [_measured(device, said, None, {}) for said in plain_values({parts[-1]: payload})] or None
    return None


def _measured(device: str, said: Said, at: Any, beside: Mapping[str, Any]) -> Measured:
    quantity, value, unit = said
    if unit is None:
        signs = (unit_signed(beside.get(name), quantity) for name in _UNITS)
        unit = next((sign for sign in signs if sign), None)
    return Measured(device, value, quantity, unit, at, room=room_named(device))
