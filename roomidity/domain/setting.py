"""What is set of a house by kind, such as its read tokens: each kind a small item of its own, beside the house's."""

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
"""As JSON: a DynamoDB item takes 400 KB, of which a number or an empty text may take a few more bytes there."""

_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")


def is_kind(text: str) -> bool:
    """Whether settings may be of a kind called ``text``: small letters, digits and hyphens.

    >>> is_kind("tokens"), is_kind("Tokens"), is_kind("")
    (True, False, False)
    """
    return _KIND.fullmatch(text) is not None


@dataclass(frozen=True)
class Setting:
    """The settings of one kind of a house.

    ``content`` holds plain values: maps, lists, strings, numbers, booleans and None. ``version`` counts the writes; 0
    is one that was never stored. The table deletes it some time after ``expires_at``; who reads it looks at the clock.
    """

    house: str
    kind: str
    content: Mapping[str, Any]
    version: int = 0
    expires_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        """Whether it is to be taken for one that is not there."""
        return self.expires_at is not None and self.expires_at <= now
