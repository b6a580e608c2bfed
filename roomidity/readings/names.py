"""Names as they are kept: trimmed and in NFC, so that no two rooms look alike; one name for the air outside."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["OUTSIDE", "kept_name"]

_BLANKS: Final = " \u00a0\u2007\u202f"
"""Blanks only: a line feed or a tab at the end of a name is an error of who sends it."""

_OUTDOOR: Final = "outdoor"
OUTSIDE: Final = frozenset({"outdoor", "outdoors", "outside", "außen", "aussen", "draußen", "draussen"})
"""In small letters: what can only be the air outside. A balcony or a garden house can be more."""


def kept_name(name: str, *, is_room: bool = False) -> str:
    """The name as it is kept; of a room that can only be the air outside, ``outdoor``.

    >>> kept_name("  Ku\u0308che "), kept_name("Outside", is_room=True)
    ('Küche', 'outdoor')
    """
    kept = unicodedata.normalize("NFC", name.strip(_BLANKS))
    return _OUTDOOR if is_room and kept.lower() in OUTSIDE else kept
