"""Names of houses, rooms and sensors: what keys, topics and terminals can carry, and how they are kept."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["OUTDOOR", "OUTSIDE", "is_name", "kept_name"]

OUTDOOR: Final = "outdoor"
"""The room that is the air outside: stored, not forecast."""

_MAX_NAME: Final = 64
_FORBIDDEN: Final = frozenset("/#$+")  # key separator and the wildcards of MQTT topics

_BLANKS: Final = " \u00a0\u2007\u202f"
"""Blanks only: a line feed or a tab at the end of a name is an error of who sends it."""

OUTSIDE: Final = frozenset({"outdoor", "outdoors", "outside", "außen", "aussen", "draußen", "draussen"})
"""In small letters: what can only be the air outside. A balcony or a garden house can be more."""


def is_name(name: str) -> bool:
    """Whether a house or a room may be called ``name``: 1 to 64 characters, NFC, printable in keys and topics.

    >>> is_name("kitchen"), is_name("h1/kitchen"), is_name("")
    (True, False, False)
    """
    return 1 <= len(name) <= _MAX_NAME and (
        (name.isascii() and name.isalnum())
        or (
            _FORBIDDEN.isdisjoint(name)
            and unicodedata.is_normalized("NFC", name)
            and not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
        )
    )


def kept_name(name: str, *, is_room: bool = False) -> str:
    """The name as it is kept; of a room that can only be the air outside, ``outdoor``.

    >>> kept_name("  Ku\u0308che "), kept_name("Outside", is_room=True)
    ('Küche', 'outdoor')
    """
    kept = unicodedata.normalize("NFC", name.strip(_BLANKS))
    return OUTDOOR if is_room and kept.lower() in OUTSIDE else kept
