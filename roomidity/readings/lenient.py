"""JSON from anyone: NaN, tabs in strings, integers and nesting of any size are parsed; what is no JSON is refused.

So one odd reading does not cost those that came in the same message. The standard parser gives up on a whole text for
an integer of over 4,300 digits, or for nesting that the stack cannot take, which depends on who calls.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

__all__ = ["loads"]

_DEEPEST: Final = 64
"""Levels that are parsed; a packed reading needs three."""

_LONGEST_INT: Final = 4_000
"""Digits; Python refuses to convert more than 4,300, for the time it takes grows with their square."""

_MARKS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""Strings, and brackets outside them; possessive, so that no text takes more than linear time."""


def loads(text: str) -> Any:
    """The value that ``text`` says; what is nested too deep, and an integer that is too long, stays text.

    >>> loads('{"temperature": NaN}')
    {'temperature': nan}

    Raises
    ------
    ValueError
        If ``text`` is not JSON.
    """
    return json.loads(_flattened(text), parse_int=_whole, strict=False)


def _flattened(text: str) -> str:
    """``text`` with what lies below the deepest level as strings."""
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
