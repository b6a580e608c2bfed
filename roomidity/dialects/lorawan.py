"""The Things Network v3: uplinks whose values have the names chosen by the device's decoder.

The time is when the network received the uplink, to the nanosecond. An uplink may arrive again with the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from roomidity.dialects.heard import Heard, Measured, as_map
from roomidity.dialects.words import Said, plain_values, unnumbered_values

__all__ = ["NAME", "read"]

NAME: Final = "the-things-network"


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    payload = as_map(heard.payload)
    if "end_device_ids" not in payload and isinstance(payload.get("data"), dict):
        payload = payload["data"]  # An event of the network's own stream.
    device = as_map(payload.get("end_device_ids")).get("device_id")
    if not isinstance(device, str) or not device:
        return None
    uplink = as_map(payload.get("uplink_message"))
    at = uplink.get("received_at", payload.get("received_at"))
    return [Measured(device, value, quantity, unit, at) for quantity, value, unit in _values(uplink)]


def _values(uplink: Mapping[str, Any]) -> Iterator[Said]:
    decoded = as_map(uplink.get("decoded_payload"))
    found = list(plain_values(decoded)) or list(unnumbered_values(decoded))
    for below in [] if found else decoded.values():
        found = list(plain_values(as_map(below)))
        if found:
            break
    if {quantity for quantity, _, _ in found} != {"temperature", "humidity"}:
        more = [one for one in unnumbered_values(decoded) if one[0] not in {quantity for quantity, _, _ in found}]
        found += more
    if not found:
        normalized = uplink.get("normalized_payload")
        for one in normalized if isinstance(normalized, list) else [normalized]:
            found += plain_values(as_map(as_map(one).get("air")))
    yield from found
