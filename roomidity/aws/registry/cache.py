"""What a warm function keeps of what it read, up to so many bytes: what was used least recently goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import fields
from typing import Any, Final, Generic, TypeVar

import numpy as np

__all__ = ["ByteCache", "held_bytes"]

_ELSE_BYTES: Final = 4_096
"""Of a model or a state: names, numbers, headers of arrays."""

Key = TypeVar("Key", bound=Hashable)
Kept = TypeVar("Kept")


class ByteCache(Generic[Key, Kept]):
    """Values by key and stamp, the newest of a key; one that is larger than all may be is handed out, and not kept.

    Parameters
    ----------
    most_bytes
        What all values together may take.
    size
        How many bytes a value takes.
    """

    def __init__(self, most_bytes: int, size: Callable[[Kept], int]) -> None:
        self._most_bytes = most_bytes
        self._size = size
        self._kept: OrderedDict[Key, tuple[str, Kept, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.bytes = 0

    def get(self, key: Key, stamp: str, load: Callable[[], Kept]) -> Kept:
        """Returns the value of ``key`` and ``stamp``, by ``load`` if it is not kept; what that raises is not kept."""
        with self._lock:
            held = self._kept.get(key)
            if held is not None and held[0] == stamp:
                self._kept.move_to_end(key)
                return held[1]
        value = load()
        size = self._size(value)
        with self._lock:
            if (replaced := self._kept.pop(key, None)) is not None:
                self.bytes -= replaced[2]
            if size <= self._most_bytes:
                self._kept[key] = stamp, value, size
                self.bytes += size
            while self.bytes > self._most_bytes:
                self.bytes -= self._kept.popitem(last=False)[1][2]
        return value


def held_bytes(artifact: Any) -> int:
    """Returns the bytes of the arrays that a dataclass holds, and some for all else of it."""
    held = (getattr(artifact, part.name) for part in fields(artifact))
    return _ELSE_BYTES + sum(array.nbytes for array in held if isinstance(array, np.ndarray))
