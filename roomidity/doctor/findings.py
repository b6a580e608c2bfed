"""The result of one check, and its wording."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

__all__ = ["Finding", "Status", "age_text", "some"]

Status = Literal["ok", "wrong", "unknown"]

_EXAMPLES: Final = 5


@dataclass(frozen=True)
class Finding:
    """The result of one check. ``mend`` is empty if all is well."""

    check: str
    status: Status
    found: str
    expected: str = ""
    mend: str = ""


def some(of: Iterable[str]) -> str:
    """Returns the first few of several, and how many more there are."""
    several = list(of)
    more = f" and {len(several) - _EXAMPLES} more" if len(several) > _EXAMPLES else ""
    return "; ".join(several[:_EXAMPLES]) + more


def age_text(age: timedelta) -> str:
    """Returns an age in words."""
    minutes = round(age.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
