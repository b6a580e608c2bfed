"""ESPHome: ``<prefix>/sensor/<object>/state`` with one plain number per topic, without time or unit.

The quantity follows from the object's name if that is unambiguous, else from the device map.
"""

from __future__ import annotations

from typing import Final

from roomidity.dialects.heard import Heard, Measured, is_scalar
from roomidity.dialects.words import quantity_named, room_named

__all__ = ["NAME", "read"]

NAME: Final = "esphome"

_KINDS: Final = frozenset({"binary_sensor", "text_sensor", "switch", "light", "climate", "fan", "cover", "number"})


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    parts = heard.parts
    if len(parts) < 4 or parts[-1] != "state":
        return None
    if parts[-3] != "sensor":
        return [] if parts[-3] in _KINDS else None
    if not is_scalar(heard.payload):
        return []
    guess = quantity_named(parts[-2])
    room = room_named(parts[-2] if "_" in parts[-2] else parts[-4])
    return [Measured("/".join(parts[:-1]), heard.payload, None, guess=guess, listed=False, room=room)]
