"""Parses JSON leniently: NaN, tabs in strings, and integers and nesting of any size are accepted.

Thus one odd reading does not cost the others in its message. The standard parser rejects a whole text because of an
integer of more than 4,300 digits, or because of nesting that exceeds the stack, which depends on the caller.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

__all__ = ["loads"]

_DEEPEST: Final = 64
"""Maximum nesting that is parsed. A packed reading needs three levels."""

_LONGEST_INT: Final = 4_000
"""Maximum number of digits. Python refuses to convert more than 4,300, since the time grows with their square."""

_MARKS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""Matches strings, and brackets outside them. It is possessive, so that the time is linear for any text."""


def loads(text: str) -> Any:
    """Returns the value of a JSON text. What is nested too deeply, and integers that are too long, remain text.

    >>> loads('{"temperature": NaN}')
    {'temperature': nan}

    Raises
    ------
    ValueError
        If ``text`` is not JSON.
    """
    return json.loads(_flattened(text), parse_int=_whole, strict=False)


def _flattened(text: str) -> str:
    """Returns ``text`` with everything below the deepest level replaced by strings."""
    parts: list[str] = []
    depth = begin = 0
    for mark in _MARKS.finditer(text):
        if mark[0] in "[{":
            depth += 1
            if depth == _DEEPEST + 1:
                parts.append(text[begin : mark.start()])
                begin = mark.start()
        elif mark[0] in "]}":
            depth -= 1
            if depth == _DEEPEST:
                parts.append(json.dumps(text[begin : mark.end()]))
                begin = mark.end()
    if depth > _DEEPEST:
        raise ValueError("brackets are not closed")
    return "".join((*parts, text[begin:]))


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INT else digits
