"""ESPHome: ``<prefix>/sensor/<object>/state`` with one plain number per topic, without time or unit.

The quantity follows from the object's name if that is unambiguous, else from the device map. A binary sensor that is
a window's contact, by its name or the device map, is open when it is ON, as ESPHome's device classes have it.
"""

from __future__ import annotations

from typing import Final

from roomidity.dialects.contacts import contact_named, opening_state
from roomidity.dialects.heard import Heard, Measured, is_scalar
from roomidity.dialects.words import quantity_named, room_named
from roomidity.domain.quantities import MeasuredQuantity

__all__ = ["NAME", "read"]

NAME: Final = "esphome"

_KINDS: Final = frozenset({"text_sensor", "switch", "light", "climate", "fan", "cover", "number"})


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    parts = heard.parts
    if len(parts) < 4 or parts[-1] != "state":
        return None
    if parts[-3] == "binary_sensor" and is_scalar(heard.payload):
        contact: MeasuredQuantity | None = "contact" if contact_named(parts[-2]) else None
        room = room_named(parts[-2] if "_" in parts[-2] else parts[-4])
        said = opening_state(heard.payload)
        return [Measured("/".join(parts[:-1]), said, None, guess=contact, listed=False, room=room)]
    if parts[-3] == "binary_sensor":
        return []
    if parts[-3] != "sensor":
        return [] if parts[-3] in _KINDS else None
    if not is_scalar(heard.payload):
        return []
    guess = quantity_named(parts[-2])
    room = room_named(parts[-2] if "_" in parts[-2] else parts[-4])
    return [Measured("/".join(parts[:-1]), heard.payload, None, guess=guess, listed=False, room=room)]
