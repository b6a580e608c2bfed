"""Sensor dialects: translate what gateways hear from devices into readings of rooms, without I/O or a clock."""

from __future__ import annotations

from roomidity.dialects.devices import NO_DEVICES, DeviceMap, Mapped, parse_devices, sensor_of
from roomidity.dialects.envelopes import open_envelope
from roomidity.dialects.translating import HeardDevice, Reading, Translation, translate

__all__ = [
    "NO_DEVICES",
    "DeviceMap",
    "HeardDevice",
    "Mapped",
    "Reading",
    "Translation",
    "open_envelope",
    "parse_devices",
    "sensor_of",
    "translate",
]
