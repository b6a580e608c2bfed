"""Choosing among rejected readings by day, reason and house; and which houses a reject names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

__all__ = ["Selection", "named_houses"]

_HOUSE: Final = re.compile(r'"house"\s*:\s*("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True)
class Selection:
    """Which rejects, by the day of the drain (UTC), the reason and the house; what is None does not matter."""

    first: date | None = None
    last: date | None = None
    reason: str | None = None
    house: str | None = None

    def holds(self, reject: Mapping[str, Any]) -> bool:
        """Whether a reject of the right day is one of them."""
        return (self.reason is None or reject["reason"] == self.reason) and (
            self.house is None or self.house in named_houses(reject)
        )


def named_houses(reject: Mapping[str, Any]) -> set[str]:
    """The houses that a reject names, also where what names them is no reading.

    >>> sorted(named_houses({"house": None, "original": '{"house": "h1", "room": '}))
    ['h1']
    >>> sorted(named_houses({"house": "h2", "original": {"house": "h1", "readings": [{"house": "h2"}]}}))
    ['h1', 'h2']
    """
    original = reject["original"]
    found = {reject["house"]} if reject["house"] is not None else set()
    if isinstance(original, dict):
        inner = original.get("readings")
        said = [original, *(one for one in (inner if isinstance(inner, list) else ()) if isinstance(one, dict))]
        found.update(one["house"] for one in said if isinstance(one.get("house"), str))
    elif isinstance(original, str):
        for quoted in _HOUSE.findall(original):
            try:
                found.add(json.loads(quoted, strict=False))
            except ValueError:  # an escape that is none
                found.add(quoted[1:-1])
    return found
