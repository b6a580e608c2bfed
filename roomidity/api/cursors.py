"""Pagination cursors. A cursor holds only a position in time, and is valid only for the query it came from.

A cursor grants no access. Every request is authorised anew, and the house is that of the token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from roomidity.api.problems import ProblemError

__all__ = ["cursor_of", "place_of"]

_WORDS: Final = re.compile(r"[0-9A-Za-z:-]{1,32}")


def cursor_of(query: Mapping[str, Any], place: str) -> str:
    """Returns a cursor that continues a query at ``place``.

    >>> place_of({"house": "h1"}, cursor_of({"house": "h1"}, "2026-11-22"))
    '2026-11-22'
    """
    text = f"{_digest(query)}.{place}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def place_of(query: Mapping[str, Any], cursor: str) -> str:
    """Returns the place at which a cursor continues.

    Raises
    ------
    ProblemError
        If it is not a cursor, or belongs to another query.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        digest, _, place = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(".")
    except (UnicodeError, binascii.Error, ValueError):
        digest, place = "", ""
    if not _WORDS.fullmatch(place) or digest != _digest(query):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "the cursor is not of this query; send what the last answer said, and the rest of the query as it was",
        )
    return place


def _digest(query: Mapping[str, Any]) -> str:
    """Returns a digest that identifies the query."""
    return hashlib.sha256(json.dumps(query, sort_keys=True, default=str).encode()).hexdigest()[:16]
