"""Settings of a house by kind, such as read tokens. Each kind is a small item of its own beside the house's item."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

__all__ = ["MAX_SETTING_BYTES", "STAGE", "Setting", "is_kind"]

STAGE: Final = "#stage"
"""In the place of a house, of what is kept of the whole stage; no house can have this name."""

MAX_SETTING_BYTES: Final = 256_000
"""Measured as JSON. A DynamoDB item holds 400 KB, and numbers and empty texts may take a few more bytes there."""

_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")


def is_kind(text: str) -> bool:
    """Returns whether ``text`` can name a kind of settings: lower-case letters, digits and hyphens, a letter first.

    >>> is_kind("tokens"), is_kind("Tokens"), is_kind("")
    (True, False, False)
    """
    return _KIND.fullmatch(text) is not None


@dataclass(frozen=True)
class Setting:
    """The settings of one kind of a house.

    ``content`` holds plain values: maps, lists, strings, numbers, booleans and None. ``version`` counts the writes, and
    is 0 if it was never stored. The table deletes the item some time after ``expires_at``, so readers also have to
    check the clock.
    """

    house: str
    kind: str
    content: Mapping[str, Any]
    version: int = 0
    expires_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        """Returns whether it has expired, and is to be treated as absent."""
        return self.expires_at is not None and self.expires_at <= now
