"""Names of houses, rooms and sensors: which characters are allowed, and how names are normalised and shown."""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from typing import Final

__all__ = ["OUTDOOR", "OUTSIDE", "is_key", "is_name", "kept_name", "visible"]

OUTDOOR: Final = "outdoor"
"""The room that stands for the air outside. It is stored but not forecast."""

_MAX_NAME: Final = 64
_FORBIDDEN: Final = frozenset("/#$+")  # key separator and the wildcards of MQTT topics

_BLANKS: Final = " \u00a0\u2007\u202f"
"""Blanks only. A line feed or a tab at the end of a name is an error of the sender."""

OUTSIDE: Final = frozenset({"outdoor", "outdoors", "outside", "außen", "aussen", "draußen", "draussen"})
"""Lower-case names that can only mean the air outside. A balcony or a garden house may be something else."""

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that readers do not see or that terminals obey: control, format (zero width, direction),
unassigned, private use, surrogates, line and paragraph separators. A zero-width joiner is one of them, so emoji
joined by it are refused.
"""

_BLANK_LETTERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that show nothing: Hangul and Khmer fillers, the combining grapheme joiner, and the blank Braille
pattern.
"""


@cache
def _hides(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN or character in _BLANK_LETTERS


def is_name(name: str) -> bool:
    r"""Returns whether a new house or room may be called ``name``: 1 to 64 visible characters in NFC.

    >>> is_name("kitchen"), is_name("h1/kitchen"), is_name("")
    (True, False, False)
    >>> is_name("Küche 🛁"), is_name("bath\u200b"), is_name("bath\u202ex"), is_name("bath\x9b2J")
    (True, False, False, False)
    """
    return is_key(name) and ((name.isascii() and name.isprintable()) or not any(map(_hides, name)))


def is_key(name: str) -> bool:
    r"""Returns whether a stored house or room can be called ``name``. More characters used to be accepted than are now.

    >>> is_key("bath\u200b"), is_key("bath\n"), is_key("h1/kitchen"), is_key("")
    (True, False, False, False)
    """
    return 1 <= len(name) <= _MAX_NAME and (
        (name.isascii() and name.isalnum())
        or (
            _FORBIDDEN.isdisjoint(name)
            and unicodedata.is_normalized("NFC", name)
            and not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
        )
    )


def visible(text: str) -> str:
    r"""Returns ``text`` with characters that terminals obey or readers cannot see escaped as in JSON.

    Line feeds stay. JSON that contains ``text`` remains valid JSON.

    >>> visible("Küche"), visible("ba\u200bth"), visible("\x9b2J\u202e")
    ('Küche', 'ba\\u200bth', '\\u009b2J\\u202e')
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        json.dumps(character)[1:-1] if character != "\n" and _hides(character) else character for character in text
    )


def kept_name(name: str, *, is_room: bool = False) -> str:
    """Returns the name in its normalised form, or ``outdoor`` for a room that can only be the air outside.

    >>> kept_name("  Ku\u0308che "), kept_name("Outside", is_room=True)
    ('Küche', 'outdoor')
    """
    kept = unicodedata.normalize("NFC", name.strip(_BLANKS))
    return OUTDOOR if is_room and kept.lower() in OUTSIDE else kept
