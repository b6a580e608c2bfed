"""Selects rejected readings by day, reason and house, and finds the houses that a reject names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from roomidity.domain.names import kept_name

__all__ = ["Selection", "concerns", "named_houses", "quoted_houses"]

_HOUSE: Final = re.compile(r'"\s*house\s*"\s*:\s*("(?:[^"\\]|\\.)*")', re.IGNORECASE)
_DEEPEST: Final = 8
"""Depth to which what was sent is searched for a house's name. A packed reading has two levels."""


@dataclass(frozen=True)
class Selection:
    """Selects rejects by day of the drain (UTC), reason and house. Criteria that are None match everything."""

    first: date | None = None
    last: date | None = None
    reason: str | None = None
    house: str | None = None

    def holds(self, reject: Mapping[str, Any]) -> bool:
        """Returns whether a reject of a matching day is selected."""
        return (self.reason is None or reject["reason"] == self.reason) and (
            self.house is None or self.house in named_houses(reject)
        )


def named_houses(reject: Mapping[str, Any]) -> set[str]:
    """Returns the houses that a reject names, even if what names them is not a reading.

    >>> sorted(named_houses({"house": None, "original": '{"house": "h1", "room": '}))
    ['h1']
    >>> sorted(named_houses({"house": "h2", "original": {"house": "h1", "readings": [{"house": "h2"}]}}))
    ['h1', 'h2']
    """
    original = reject["original"]
    found = {reject["house"]} if reject["house"] is not None else set()
    said = quoted_houses(original) if isinstance(original, str) else set(_values(original, depth=_DEEPEST))
    return found.union(said, map(kept_name, said))


def quoted_houses(text: str) -> set[str]:
    """Returns the houses that ``text`` names in JSON notation, whether or not it is valid JSON.

    >>> quoted_houses('{"house": "h1", "room": ')
    {'h1'}
    """
    found = set()
    for quoted in _HOUSE.findall(text):
        try:
            found.add(json.loads(quoted, strict=False))
        except ValueError:  # an invalid escape
            found.add(quoted[1:-1])
    return found


def concerns(reject: Mapping[str, Any], house: str) -> bool:
    """Returns whether a reject concerns a house.

    It does if it names the house, or if it is text that names no house in JSON notation and contains the name as a
    word.

    >>> concerns({"house": None, "original": "h1;kitchen;21.3"}, "h1")
    True
    >>> concerns({"house": None, "original": "h10;kitchen;21.3"}, "h1")
    False
    """
    named = named_houses(reject)
    if named or not isinstance(reject["original"], str):
        return house in named
    return re.search(rf"(?<![\w-]){re.escape(house)}(?![\w-])", reject["original"]) is not None


def _values(original: Any, *, depth: int) -> Iterator[str]:
    """Yields every value under a key ``house`` (in any case), down to the given depth."""
    if isinstance(original, dict):
        for key, value in original.items():
            if key.strip().casefold() == "house" and isinstance(value, str | int):
                yield str(value)
            elif depth:
                yield from _values(value, depth=depth - 1)
    elif isinstance(original, list) and depth:
        for value in original:
            yield from _values(value, depth=depth - 1)
