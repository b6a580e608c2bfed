"""OGC SensorThings: observations of a datastream. Its quantity is given by the device map or the datastream itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from roomidity.dialects.heard import Heard, Measured, as_map
from roomidity.dialects.words import quantity_named, unit_signed

__all__ = ["NAME", "read"]

NAME: Final = "sensorthings"

_DATASTREAM: Final = re.compile(r"Datastreams\(\s*'?([^()']{1,128})'?\s*\)")


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    payload = as_map(heard.payload)
    if "result" not in payload or not ({"phenomenonTime", "resultTime"} & payload.keys() or "Datastream" in payload):
        return [] if "Datastreams(" in heard.topic else None
    stream = as_map(payload.get("Datastream"))
    device = _device(heard.topic, payload, stream)
    if device is None:
        return None
    observed = as_map(stream.get("ObservedProperty")).get("name", stream.get("name"))
    guess = quantity_named(observed) if isinstance(observed, str) else None
    sign = as_map(stream.get("unitOfMeasurement")).get("symbol")
    unit = unit_signed(sign, guess) if guess else unit_signed(sign, "temperature")
    if unit is not None and guess is None:
        guess = "temperature"  # The datastream's unit is a degree.
    at = payload.get("phenomenonTime") or payload.get("resultTime")
    if isinstance(at, str):
        at = at.rpartition("/")[2]  # An observation over an interval is dated at its end.
    return [Measured(device, payload["result"], None, unit, at, guess)]


def _device(topic: str, payload: Mapping[str, Any], stream: Mapping[str, Any]) -> str | None:
    number = stream.get("@iot.id", stream.get("id"))
    if isinstance(number, str | int) and not isinstance(number, bool) and number != "":
        return f"Datastream {number}"
    links = (topic, payload.get("Datastream@iot.navigationLink"), stream.get("@iot.selfLink"))
    for link in links:
        found = _DATASTREAM.search(link) if isinstance(link, str) else None
        if found:
            return f"Datastream {found[1].strip()}"
    return None
