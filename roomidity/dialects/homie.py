"""The Homie convention, versions 3 to 5: ``homie/<device>/<node>/<property>``, retained, without time or unit."""

from __future__ import annotations

from typing import Final

from roomidity.dialects.heard import Heard, Measured, after, is_scalar
from roomidity.dialects.words import quantity_named, room_named

__all__ = ["NAME", "read"]

NAME: Final = "homie"


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    levels = after(heard.parts, "homie")
    if levels is None:
        return None
    if levels[:1] in (["5"], ["4"]):
        levels = levels[1:]
    if len(levels) != 3 or any(level.startswith("$") for level in levels) or not is_scalar(heard.payload):
        return []
    device, node, name = levels
    quantity = quantity_named(name)
    return [Measured(f"{device}/{node}", heard.payload, quantity, room=room_named(device))] if quantity else []
