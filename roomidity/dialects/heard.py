"""What a gateway heard, and what a dialect makes of it: values of devices, before any map says whose rooms they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit
from roomidity.readings.lenient import loads

__all__ = ["LONGEST_DEVICE", "Heard", "Measured", "after", "as_map", "is_scalar", "parsed"]

LONGEST_DEVICE: Final = 512
"""Characters of a device's name; beside a longer one could stand thousands of values."""


@dataclass(frozen=True)
class Heard:
    """One message: its topic, its payload (parsed where it is JSON, else text), when it came, and whether retained."""

    topic: str
    payload: Any
    received: datetime
    retain: bool = False

    @cached_property
    def parts(self) -> list[str]:
        """The topic's levels."""
        return self.topic.strip("/").split("/")


@dataclass(frozen=True)
class Measured:
    """A value of a device.

    Parameters
    ----------
    device
        Its name, as the device map has it.
    value
        As it was said: a number, text, or what says that there is none.
    quantity
        What the message says that it is; None where it does not.
    unit
        In which the message says that it is; None where it does not.
    at
        When the message says that it was measured, as it says it; None where it does not.
    guess
        What its name suggests that it is, where the message does not say; a device map overrules it.
    asked
        Whether it counts only where the device map asks for the quantity by name.
    listed
        Whether a device of unknown quantity is worth showing to a person.
    room
        A room that a name suggests, to be proposed and never assumed.
    """

    device: str
    value: Any
    quantity: Quantity | None
    unit: Unit | None = None
    at: Any = None
    guess: Quantity | None = None
    asked: bool = False
    listed: bool = True
    room: str | None = None


def parsed(payload: Any) -> Any:
    """A payload as the value that its text says; text that is no JSON object or array stays as it is."""
    if isinstance(payload, str) and payload.lstrip()[:1] in ("{", "["):
        try:
            return loads(payload)
        except ValueError:
            return payload
    return payload


def as_map(value: Any) -> Mapping[str, Any]:
    """``value`` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def is_scalar(value: Any) -> bool:
    """Whether ``value`` is one number or text; a truth value is none."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def after(parts: list[str], root: str) -> list[str] | None:
    """The levels of a topic after its first level ``root``, wherever a bridge or a rule has put that; None without.

    >>> after(["houses", "h1", "zigbee2mqtt", "bath"], "zigbee2mqtt"), after(["bath"], "zigbee2mqtt")
    (['bath'], None)
    """
    return parts[parts.index(root) + 1 :] if root in parts else None
