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
    """What DynamoDB counts for an item: its names and its values.

    >>> item_bytes({"house": {"S": "h1"}, "slot": {"N": "-51.25"}})
    15
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    """By "DynamoDB item sizes and formats" of its developer guide, rounded up where it says approximately."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "N":  # a byte for every two significant digits, one more, and one for a sign
            digits = content.lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + int(content.startswith("-"))
        case "L":
            return 3 + sum(1 + _value_bytes(one) for one in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_bytes(one) for name, one in content.items())
        case _:
            return 1


def write_units(size_bytes: int) -> int:
    """Units of writing an item: one for each KiB begun.

    >>> write_units(0), write_units(1024), write_units(1025)
    (1, 1, 2)
    """
    return max(1, ceil(size_bytes / WRITE_UNIT_BYTES))
