"""Time zones by name."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo

__all__ = ["is_timezone"]


@cache
def is_timezone(name: str) -> bool:
    """Whether there is an IANA time zone of that name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True
