"""Shelly from Gen2 on, and BLU sensors behind a gateway.

``<id>/events/rpc`` has a time, ``<id>/status/...`` has none. °C and °F are both given, and °C is taken. A temperature
below a relay is that of its chip. Components from number 100 on (add-on probes, BLU sensors) are devices of their own.
Only the device map can say what a BLU sensor measures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from roomidity.dialects.contacts import opening_state
from roomidity.dialects.heard import Heard, Measured, as_map
from roomidity.dialects.words import plain_values

__all__ = ["NAME", "read"]

NAME: Final = "shelly"

_FIRST_OWN: Final = 100
_METHODS: Final = frozenset({"NotifyStatus", "NotifyFullStatus", "NotifyEvent"})


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    payload, parts = as_map(heard.payload), heard.parts
    source = payload.get("src")
    if isinstance(source, str) and source and (payload.get("method") in _METHODS or "result" in payload):
        params = as_map(payload.get("params")) or as_map(payload.get("result"))
        at = params.get("ts")
        return [*_events(params, at), *_components(source, params, at)]
    if len(parts) >= 3 and parts[-2] == "status" and parts[0] != "shellies":
        device = _device(parts[:-2])
        return list(_components(device, {parts[-1]: heard.payload}, None)) if device else None
    return [] if heard.topic.endswith("/events/rpc") else None


def _device(prefix: list[str]) -> str:
    """Returns the device for a topic's prefix, which is its ID unless somebody chose another prefix."""
    return prefix[-1] if prefix[-1].startswith("shelly") else "/".join(prefix)


def _components(source: str, components: Mapping[str, Any], at: Any) -> Iterator[Measured]:
    for key, status in components.items():
        kind, _, number = key.partition(":")
        if not isinstance(status, dict) or not number.isdecimal() or len(number) > 6:
            continue
        device = f"{source}/{int(number)}" if int(number) >= _FIRST_OWN else source
        if kind == "temperature":
            celsius = status.get("tC")
            if celsius is None and status.get("tF") is not None:
                yield Measured(device, status["tF"], "temperature", "f", at)
            else:
                yield Measured(device, celsius, "temperature", "c", at)
        elif kind == "humidity":
            yield Measured(device, status.get("rh"), "humidity", "percent", at)
        elif kind == "bthomesensor":
            said = status.get("value")  # a Boolean is that of an opening, which BTHome calls true while it is open
            said = opening_state(said) if isinstance(said, bool) else said
            yield Measured(device, said, None, at=status.get("last_updated_ts", at))


def _events(params: Mapping[str, Any], at: Any) -> Iterator[Measured]:
    """Yields values from BLU advertisements decoded by a script on the gateway. The tag's address is the device."""
    events = params.get("events")
    for event in events if isinstance(events, list) else ():
        heard = as_map(as_map(event).get("data"))
        address = heard.get("address")
        if isinstance(address, str):
            for quantity, value, unit in plain_values(heard):
                yield Measured(address.upper(), value, quantity, unit, as_map(event).get("ts", at))
