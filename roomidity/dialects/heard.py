"""What a gateway heard, and the device values that a dialect reads from it before any map assigns rooms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from roomidity.domain.quantities import MeasuredQuantity
from roomidity.domain.units import Unit
from roomidity.readings.lenient import loads

__all__ = ["LONGEST_DEVICE", "Heard", "Measured", "after", "as_map", "is_scalar", "parsed"]

LONGEST_DEVICE: Final = 512
"""Maximum length of a device name in characters. A message could pair a longer name with thousands of values."""


@dataclass(frozen=True)
class Heard:
    """One message: topic, payload (parsed if JSON, else text), time of receipt, and whether it was retained."""

    topic: str
    payload: Any
    received: datetime
    retain: bool = False

    @cached_property
    def parts(self) -> list[str]:
        """The levels of the topic."""
        return self.topic.strip("/").split("/")


@dataclass(frozen=True)
class Measured:
    """One value measured by a device.

    Parameters
    ----------
    device
        The device's name as used in the device map.
    value
        The value as sent: a number, text, or a marker for a missing value. Of a contact ``open`` or ``closed``, or what
        was sent if that cannot be told.
    quantity
        The quantity stated by the message, or None.
    unit
        The unit stated by the message, or None.
    at
        The time of measurement as stated by the message, or None.
    guess
        The quantity suggested by the name if the message states none. A device map overrules it.
    asked
        Whether the value counts only if the device map names this quantity.
    listed
        Whether a device of unknown quantity is worth showing to a person.
    room
        The room suggested by a name. It is only proposed, never assumed.
    """

    device: str
    value: Any
    quantity: MeasuredQuantity | None
    unit: Unit | None = None
    at: Any = None
    guess: MeasuredQuantity | None = None
    asked: bool = False
    listed: bool = True
    room: str | None = None


def parsed(payload: Any) -> Any:
    """Returns a payload parsed as JSON. Text that is not a JSON object or array is returned unchanged."""
    if isinstance(payload, str) and payload.lstrip()[:1] in ("{", "["):
        try:
            return loads(payload)
        except ValueError:
            return payload
    return payload


def as_map(value: Any) -> Mapping[str, Any]:
    """Returns ``value`` if it is a JSON object, else an empty mapping."""
    return value if isinstance(value, dict) else {}


def is_scalar(value: Any) -> bool:
    """Returns whether ``value`` is a single number or text. A Boolean is not a scalar here."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def after(parts: list[str], root: str) -> list[str] | None:
    """Returns a topic's levels after the level ``root``, or None if there is no such level.

    A bridge or a rule may have put other levels before ``root``.

    >>> after(["houses", "h1", "zigbee2mqtt", "bath"], "zigbee2mqtt"), after(["bath"], "zigbee2mqtt")
    (['bath'], None)
    """
    return parts[parts.index(root) + 1 :] if root in parts else None
