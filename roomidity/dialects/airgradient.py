"""AirGradient, by MQTT or from its local API: always °C, without a time; its case warms the sensor.

So where there is a compensated value that is taken, and the raw one not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from roomidity.dialects.heard import Heard, Measured, after, as_map

__all__ = ["NAME", "read"]

NAME: Final = "airgradient"


def read(heard: Heard) -> list[Measured] | None:
    """What the message holds; None if it is of another dialect."""
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
