"""Awair's local API. The topic is the requested URL, whose host identifies the device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from roomidity.dialects.heard import Heard, Measured, as_map
from roomidity.domain.quantities import Quantity
from roomidity.domain.units import DEFAULT_UNITS

__all__ = ["NAME", "read"]

NAME: Final = "awair"

_KEYS: Final[Mapping[str, Quantity]] = {"temp": "temperature", "humid": "humidity"}


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    payload = heard.payload
    if isinstance(payload, dict) and isinstance(payload.get("data"), list) and "://" in heard.topic:
        payload = payload["data"]
    samples = payload if isinstance(payload, list) else [payload]
    samples = [one for one in samples if isinstance(one, dict) and "score" in one and "timestamp" in one]
    host = _host(heard.topic)
    return [value for sample in samples for value in _values(host, sample)] if samples and host else None


def _host(topic: str) -> str:
    try:
        return urlsplit(topic if "://" in topic else f"http://{topic}").hostname or ""
    except ValueError:  # Brackets that do not enclose an IP address.
        return ""


def _values(host: str, sample: Mapping[str, Any]) -> Iterator[Measured]:
    said = {key: sample[key] for key in _KEYS if key in sample}
    sensors = sample.get("sensors")
    for sensor in sensors if isinstance(sensors, list) else ():
        name = as_map(sensor).get("comp")
        if isinstance(name, str) and name in _KEYS:
            said.setdefault(name, sensor.get("value"))
    for key, value in said.items():
        yield Measured(host, value, _KEYS[key], DEFAULT_UNITS[_KEYS[key]], sample["timestamp"])
