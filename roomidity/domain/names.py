"""Names of houses, rooms and sensors: what keys, topics and terminals can carry."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["is_name"]

_MAX_NAME: Final = 64
_FORBIDDEN: Final = frozenset("/#$+")  # key separator and the wildcards of MQTT topics


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
