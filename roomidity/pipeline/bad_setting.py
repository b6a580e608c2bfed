"""A stored setting that cannot be used, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["BadSetting"]


@dataclass(frozen=True)
class BadSetting:
    """A stored setting that cannot be used: its name, its value, what was expected, and the command that mends it.

    ``instead`` says what is used in its place.
    """

    house: str
    setting: str
    found: Any
    expected: str
    instead: str
    mend: str

    def __str__(self) -> str:
        return f"{self.house}: its {self.setting} is {self.found!r:.80}; {self.instead}"
