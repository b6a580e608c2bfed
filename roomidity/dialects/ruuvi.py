"""Ruuvi Gateway: ``ruuvi/<gateway>/<tag>`` with the tag's advertisement in hex or decoded, or many tags by HTTP.

Times are epochs as text. ``ts`` is when the tag was heard. It is missing if time-stamps are switched off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from roomidity.dialects.advertisements import decode_advertisement
from roomidity.dialects.heard import Heard, Measured, as_map
from roomidity.domain.quantities import Quantity
from roomidity.domain.units import DEFAULT_UNITS

__all__ = ["NAME", "read"]

NAME: Final = "ruuvi"

_QUANTITIES: Final[tuple[Quantity, ...]] = ("temperature", "humidity")


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    payload, parts = as_map(heard.payload), heard.parts
    many = as_map(payload.get("data"))
    if "tags" in many and "gw_mac" in many:
        return [
            value
            for address, tag in as_map(many["tags"]).items()
            for value in _tag(address, as_map(tag), as_map(tag).get("timestamp", many.get("timestamp")))
        ]
    if "gw_mac" in payload and ("data" in payload or "dataFormat" in payload):
        address = payload.get("id")
        if not isinstance(address, str) or not address:
            address = parts[-1] if len(parts) >= 3 else ""
        return list(_tag(address, payload, payload.get("ts"))) if address else None
    return [] if parts[0] == "ruuvi" and len(parts) >= 3 else None


def _tag(address: str, tag: Mapping[str, Any], at: Any) -> Iterator[Measured]:
    decoded = decode_advertisement(tag.get("data"))
    values = {quantity: tag.get(quantity) for quantity in _QUANTITIES if quantity in tag} | decoded
    for quantity, value in values.items():
        yield Measured(address, value, quantity, DEFAULT_UNITS.get(quantity), at)
