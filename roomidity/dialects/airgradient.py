"""AirGradient, by MQTT or from its local API. Values are always in °C and carry no time.

The case warms the sensor, so a compensated value is preferred to the raw one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from roomidity.dialects.heard import Heard, Measured, after, as_map

__all__ = ["NAME", "read"]

NAME: Final = "airgradient"


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    payload, levels = as_map(heard.payload), after(heard.parts, "airgradient")
    serial = payload.get("serialno")
    is_own = isinstance(serial, str) and not {"atmp", "rhum", "rco2", "pm02"}.isdisjoint(payload)
    if not is_own and levels is None:
        return None
    device = serial if isinstance(serial, str) and serial else (levels or [""])[-1]
    if not device:
        return []
    return [
        Measured(device, _value(payload, "atmp"), "temperature", "c"),
        Measured(device, _value(payload, "rhum"), "humidity", "percent"),
    ]


def _value(payload: Mapping[str, Any], name: str) -> Any:
    compensated = payload.get(f"{name}Compensated")
    return payload.get(name) if compensated is None else compensated
