"""What DynamoDB counts for an item, and bills for writing it."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any, Final

__all__ = ["WRITE_UNIT_BYTES", "Item", "item_bytes", "write_units"]

WRITE_UNIT_BYTES: Final = 1024

Item = Mapping[str, Mapping[str, Any]]
"""An item, or a key, in DynamoDB's own form."""


def item_bytes(item: Item) -> int:
    """Returns the size in bytes that DynamoDB counts for an item, from its names and values.

    >>> item_bytes({"house": {"S": "h1"}, "slot": {"N": "-51.25"}})
    15
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    """Returns the size in bytes of a value.

    It follows "DynamoDB item sizes and formats" in the developer guide, and rounds up where that says approximately.
    """
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "N":  # one byte per two significant digits, plus one, plus one for a sign
            digits = content.lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + int(content.startswith("-"))
        case "L":
            return 3 + sum(1 + _value_bytes(one) for one in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_bytes(one) for name, one in content.items())
        case _:
            return 1


def write_units(size_bytes: int) -> int:
    """Returns the units for writing an item: one per started KiB.

    >>> write_units(0), write_units(1024), write_units(1025)
    (1, 1, 2)
    """
    return max(1, ceil(size_bytes / WRITE_UNIT_BYTES))
