"""Reads JSON: lines, arrays, packed readings, or columns of values. A broken piece costs only itself."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, islice
from typing import Any, Final

import msgspec

from roomidity.files.records import Records, cut, filled
from roomidity.files.separated import MAX_LINE_BYTES
from roomidity.files.table import Fault, Table

__all__ = ["is_json", "read_objects"]

_SAMPLE_LINES: Final = 50
_COMMON_LENGTH: Final = 10_000
"""Maximum length in characters of the keys before a list of readings."""

_PACKED: Final = re.compile(r'"readings"\s*:\s*\[')
_HEADER: Final = re.compile(r"\[?[^\W\d_\"]+\]?[,;\t]")

_elements: Final = msgspec.json.Decoder(list[msgspec.Raw])
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_decoder: Final = json.JSONDecoder(strict=False)


def is_json(text: str) -> bool:
    """Returns whether a text is JSON rather than separated values, judged by the start of its first line."""
    begin = next((line for line in text[:10_000].split("\n") if line.strip() and not line.startswith("#")), "")
    return begin.lstrip()[:1] in ("{", "[") and _HEADER.match(begin.strip()) is None


def read_objects(text: str) -> Table:
    """Returns the readings in a text with one JSON value per line, or with values that span lines and may be arrays.

    Keys beside a list of readings apply to all of them. Objects within a reading become columns with dotted names.
    """
    found = Records()
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line and not line.isspace()]
    lines = [(number, line) for number, line in lines if not line.startswith("#")]
    sample = [_is_value(line) for _, line in islice(lines, _SAMPLE_LINES)]
    if len(lines) > 1 and sum(sample) * 2 >= len(sample):
        _add_lines(lines, found)
    elif not _add_document(text, found):
        _add_streamed(text, found)
    return Table(found.frame(), found.faults, dialect="JSON")


def _is_value(line: str) -> bool:
    try:
        return isinstance(_decoder.decode(line.strip()), dict | list)
    except (ValueError, RecursionError):
        return False


def _add_lines(lines: Sequence[tuple[int, str]], found: Records) -> None:
    """Adds lines with one value each."""
    kept = []
    for number, line in lines:
        if len(line) > MAX_LINE_BYTES // 4 and (size := len(line.encode(errors="replace"))) > MAX_LINE_BYTES:
            why = f"it has {size:,} bytes; a line has at most {MAX_LINE_BYTES:,}"
            found.faults.append(Fault(number, "too_long", why))
        else:
            kept.append((number, line))
    found.add_pieces([line for _, line in kept], [number for number, _ in kept], {})


def _add_document(text: str, found: Records) -> bool:
    """Adds one complete array, or one object with a list of readings. Returns whether the text is such a document."""
    common: dict[str, Any] = {}
    data = text.strip().encode(errors="replace")
    try:
        if data[:1] == b"{":
            fields = _fields.decode(data)
            if "readings" not in fields:
                return False
            common = {name: json.loads(bytes(raw)) for name, raw in fields.items() if name != "readings"}
            pieces = _elements.decode(fields["readings"])
        else:
            pieces = _elements.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    whole, lines, place = text.encode(errors="replace"), [], 0
    line = 1
    for piece in pieces:
        begin = whole.find(bytes(piece), place)
        line += whole.count(b"\n", place, begin)
        lines.append(line)
        place = begin
    found.add_pieces([bytes(piece).decode() for piece in pieces], lines, common)
    return True


class _Lines:
    """Finds the line number of a position in a text."""

    def __init__(self, text: str) -> None:
        self._ends = list(accumulate(len(line) + 1 for line in text.split("\n")))

    def of(self, place: int) -> int:
        """Returns the line number, counted from 1."""
        return bisect_right(self._ends, place) + 1


def _add_streamed(text: str, found: Records) -> None:
    """Adds what can be read of consecutive values and of arrays that are broken or cut short."""
    lines = _Lines(text)
    place = 0
    while (place := _next(text, place, " \t\r\n,;")) < len(text):
        if text[place] == "[":
            place = _add_elements(text, place + 1, lines, found, {})
            continue
        packed = _PACKED.search(text, place, place + _COMMON_LENGTH) if text[place] == "{" else None
        if packed is not None and (common := _common(text, place, packed)) is not None:
            place = _add_elements(text, packed.end(), lines, found, common)
            place = text.find("}", place) + 1 or len(text)
            continue
        try:
            value, end = _decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = _beyond(text, place, lines, found)
        else:
            found.add(lines.of(place), value)
            place = end


def _common(text: str, place: int, packed: re.Match[str]) -> dict[str, Any] | None:
    """Returns the keys beside a list of readings, or None if the list does not belong to the object itself."""
    try:
        before: dict[str, Any] = json.loads(f"{text[place : packed.end()]}]}}", strict=False)
    except (ValueError, RecursionError):
        return None
    tail = text[text.rfind("]") + 1 :]
    try:
        after = json.loads("{" + tail.strip().removeprefix(","), strict=False)
    except (ValueError, RecursionError):
        after = {}
    return {name: value for name, value in (before | after).items() if name != "readings"}


def _add_elements(text: str, place: int, lines: _Lines, found: Records, common: dict[str, Any]) -> int:
    """Adds the elements of an array that begins before ``place``. Returns where the array ends."""
    while (place := _next(text, place, " \t\r\n,")) < len(text):
        if text[place] == "]":
            return place + 1
        try:
            value, end = _decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = _beyond(text, place, lines, found)
        else:
            found.add(lines.of(place), filled(value, common))
            place = end
    return place


def _next(text: str, place: int, skipped: str) -> int:
    while place < len(text) and text[place] in skipped:
        place += 1
    return place


def _beyond(text: str, place: int, lines: _Lines, found: Records) -> int:
    """Returns where reading can resume after a broken piece: at the next object that begins a line."""
    end = text.find("\n", place)
    line = text[place : end if end >= 0 else len(text)]
    found.faults.append(Fault(lines.of(place), "malformed", f"{cut(line)} begins what is no JSON"))
    begin = re.compile(r"\n\s*\{").search(text, place + 1)
    return begin.start() + 1 if begin else len(text)
