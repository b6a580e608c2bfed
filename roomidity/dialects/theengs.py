"""Theengs Gateway and OpenMQTTGateway: ``home/<gateway>/BTtoMQTT/<address>``, and sensors wired to a gateway.

Two gateways may hear the same tag, so the device is the tag's ID and not the topic. The keys name the unit, and °C and
°F are both given. Advertisements that an older decoder passes on as hex are decoded here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from roomidity.dialects.advertisements import decode_manufacturer, decode_service
from roomidity.dialects.heard import Heard, Measured, as_map
from roomidity.dialects.words import Said, plain_values

__all__ = ["NAME", "read"]

NAME: Final = "theengs"

_TO_MQTT: Final = "toMQTT"
_RAW: Final = ("servicedata", "manufacturerdata")
_TIMES: Final = ("UTCtime", "unixtime", "time")


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    payload, parts = as_map(heard.payload), heard.parts
    place = next((place for place, part in enumerate(parts) if part.endswith(_TO_MQTT)), None)
    address = payload.get("id")
    if place is None and not (isinstance(address, str) and any(name in payload for name in _RAW)):
        return None
    if not isinstance(address, str) or not address:
        address = _address(parts[-1]) or heard.topic
    if not address:
        return None
    at = next((payload[name] for name in _TIMES if name in payload), None)
    return [Measured(address, value, quantity, unit, at) for quantity, value, unit in _values(payload)]


def _values(payload: Any) -> Iterable[Said]:
    plain = list(plain_values(payload))
    if plain:
        return plain
    values = decode_service(payload.get("servicedatauuid"), payload.get("servicedata"))
    values = values or decode_manufacturer(payload.get("manufacturerdata"))
    return [(quantity, value, None) for quantity, value in values.items()]


def _address(tail: str) -> str:
    """Returns the address at the end of a topic with colons, as in IDs, or an empty string if there is none."""
    if len(tail) == 12 and all(digit in "0123456789ABCDEF" for digit in tail):
        return ":".join(tail[place : place + 2] for place in range(0, 12, 2))
    return ""
