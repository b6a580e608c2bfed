"""Cursors: where an answer that was cut goes on. One holds a place in time alone, and fits the query that it came from.

It opens nothing: who may read is asked anew with every request, and the house is the token's.
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
    """A cursor that goes on at ``place`` of a query.

    >>> place_of({"house": "h1"}, cursor_of({"house": "h1"}, "2026-11-22"))
    '2026-11-22'
    """
    text = f"{_digest(query)}.{place}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def place_of(query: Mapping[str, Any], cursor: str) -> str:
    """Where a cursor goes on.

    Raises
    ------
    ProblemError
        If it is none, or of another query.
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
    """Tells a query from others by what it asks for."""
    return hashlib.sha256(json.dumps(query, sort_keys=True, default=str).encode()).hexdigest()[:16]
