"""JSON: lines, arrays on one line or many, packed readings, columns of values; a broken piece costs itself alone."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from typing import Any, Final

import polars as pl

from roomidity.files.headers import column
from roomidity.files.separated import MAX_LINE_BYTES
from roomidity.files.table import LINE, Fault, Table

__all__ = ["is_json", "read_objects"]

_DEEPEST: Final = 4
"""Levels of objects in a reading whose fields become columns, as Home Assistant's attributes."""

_SAMPLE_LINES: Final = 50
_COMMON_LENGTH: Final = 10_000
"""Characters of the keys that stand before a list of readings."""

_PACKED: Final = re.compile(r'"readings"\s*:\s*\[')
_decoder: Final = json.JSONDecoder(strict=False)


def is_json(text: str) -> bool:
    """Whether a text is JSON rather than separated values, by how its first line begins."""
    begin = next((line for line in text[:10_000].split("\n") if line.strip() and not line.startswith("#")), "")
    return begin.lstrip()[:1] in ("{", "[") and not _looks_like_header(begin)


def _looks_like_header(line: str) -> bool:
    return bool(re.match(r"\[?[^\W\d_\"]+\]?[,;\t]", line.strip()))


def read_objects(text: str) -> Table:
    """The readings of a text: a JSON value a line, or values over many lines, which may be arrays of readings.

    Keys that stand beside a list of readings are common to them. Objects in a reading become columns with dotted names.
    """
    faults: list[Fault] = []
    found = _Columns()
    for line, value in _values(text, faults):
        try:
            for record in _records(value):
                if isinstance(record, dict):
                    found.add(line, record)
                else:
                    faults.append(Fault(line, "malformed", f"{_cut(json.dumps(record))} is no JSON object"))
        except RecursionError:
            faults.append(Fault(line, "malformed", "it is nested too deep"))
    return Table(found.frame(), faults, dialect="JSON")


class _Columns:
    """Records as columns of text; a record without a field has null there."""

    def __init__(self) -> None:
        self._lines: list[int] = []
        self._columns: dict[str, list[str | None]] = {}

    def add(self, line: int, record: Mapping[str, Any]) -> None:
        """Add a record's fields."""
        count = len(self._lines)
        self._lines.append(line)
        for name, value in _flat(record, "", _DEEPEST):
            column_ = self._columns.get(name)
            if column_ is None:
                column_ = self._columns[name] = []
            if len(column_) > count:
                column_[count] = value
                continue
            column_.extend([None] * (count - len(column_)))
            column_.append(value)

    def frame(self) -> pl.DataFrame:
        """All records."""
        count = len(self._lines)
        for values in self._columns.values():
            values.extend([None] * (count - len(values)))
        lines = pl.Series(LINE, self._lines, dtype=pl.Int64)
        return pl.DataFrame([lines, *(pl.Series(name, own, dtype=pl.String) for name, own in self._columns.items())])


def _flat(record: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, str | None]]:
    for name, value in record.items():
        if isinstance(value, dict) and depth:
            yield from _flat(value, f"{prefix}{name}.", depth - 1)
        elif value is None or isinstance(value, str):
            yield f"{prefix}{name}", None if value is None else value.encode(errors="replace").decode()
        elif isinstance(value, float):
            yield f"{prefix}{name}", repr(value)
        else:
            yield f"{prefix}{name}", json.dumps(value)


def _values(text: str, faults: list[Fault]) -> Iterator[tuple[int, Any]]:
    """Each JSON value of a text, those of its outermost array one by one, with the line on which it begins."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    lines = [(number, line) for number, line in lines if not line.startswith("#")]
    sample = [_parsed(line) for _, line in islice(lines, _SAMPLE_LINES)]
    if len(lines) > 1 and sum(value is not None for value in sample) * 2 >= len(sample):
        yield from _by_line(lines, faults)
    else:
        yield from _streamed(text, faults)


def _parsed(line: str) -> dict[str, Any] | list[Any] | None:
    try:
        value = _decoder.decode(line.strip())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _by_line(lines: Sequence[tuple[int, str]], faults: list[Fault]) -> Iterator[tuple[int, Any]]:
    for number, line in lines:
        if len(line) > MAX_LINE_BYTES or (len(line) > MAX_LINE_BYTES // 4 and len(line.encode()) > MAX_LINE_BYTES):
            why = f"it has {len(line.encode()):,} bytes; a line has at most {MAX_LINE_BYTES:,}"
            faults.append(Fault(number, "too_long", why))
            continue
        value = _parsed(line)
        if value is None:
            faults.append(Fault(number, "malformed", f"{_cut(line)} is no JSON object"))
        else:
            yield number, value


def _cut(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= 40 else text[:40] + "…")


class _Lines:
    """Which line a place in a text is on."""

    def __init__(self, text: str) -> None:
        self._ends = list(accumulate(len(line) + 1 for line in text.split("\n")))

    def of(self, place: int) -> int:
        """The line's number, from 1."""
        return bisect_right(self._ends, place) + 1


def _streamed(text: str, faults: list[Fault]) -> Iterator[tuple[int, Any]]:
    lines = _Lines(text)
    place = 0
    while (place := _next(text, place, " \t\r\n,;")) < len(text):
        if text[place] == "[":
            place = yield from _elements(text, place + 1, lines, faults, {})
            continue
        packed = _PACKED.search(text, place, place + _COMMON_LENGTH) if text[place] == "{" else None
        if packed is not None and (common := _common(text, place, packed)) is not None:
            place = yield from _elements(text, packed.end(), lines, faults, common)
            place = text.find("}", place) + 1 or len(text)
            continue
        try:
            value, end = _decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = _beyond(text, place, lines, faults)
        else:
            yield lines.of(place), value
            place = end


def _common(text: str, place: int, packed: re.Match[str]) -> dict[str, Any] | None:
    """The keys beside a list of readings; None where the list is not the object's own."""
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


def _elements(
    text: str, place: int, lines: _Lines, faults: list[Fault], common: dict[str, Any]
) -> Generator[tuple[int, Any], None, int]:
    """The elements of an array that begins before ``place``; returns where it ends."""
    while (place := _next(text, place, " \t\r\n,")) < len(text):
        if text[place] == "]":
            return place + 1
        try:
            value, end = _decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = _beyond(text, place, lines, faults)
        else:
            yield lines.of(place), _filled(value, common)
            place = end
    return place


def _next(text: str, place: int, skipped: str) -> int:
    while place < len(text) and text[place] in skipped:
        place += 1
    return place


def _beyond(text: str, place: int, lines: _Lines, faults: list[Fault]) -> int:
    """Where reading can go on after what is broken: at the next object that begins a line."""
    line = text[place : text.find("\n", place) if "\n" in text[place:] else len(text)]
    faults.append(Fault(lines.of(place), "malformed", f"{_cut(line)} begins what is no JSON"))
    begin = re.compile(r"\n\s*\{").search(text, place + 1)
    return begin.start() + 1 if begin else len(text)


def _records(value: Any) -> Iterator[Any]:
    """The readings that a JSON value holds, each with the keys that it shares with others; what is none, as it is."""
    if isinstance(value, list):
        yield from _of_list(value)
    elif isinstance(value, dict):
        yield from _of_object(value)
    else:
        yield value


def _of_list(elements: list[Any]) -> Iterator[Any]:
    entity = None
    for element in elements:
        if isinstance(element, dict):  # Home Assistant says the entity once, with the first of a series
            entity = element.get("entity_id", entity)
            yield from _of_object(element if entity is None else {"entity_id": entity, **element})
        elif isinstance(element, list):
            yield from _of_list(element)
        else:
            yield element


def _of_object(value: dict[str, Any]) -> Iterator[Any]:
    lists = {name: inner for name, inner in value.items() if isinstance(inner, list)}
    packed = "readings" if "readings" in lists else _only_list_of_objects(lists)
    series = next((own for own in (value, *value.values()) if isinstance(own, dict) and _is_columnar(own)), None)
    if packed is not None:
        common = {name: own for name, own in value.items() if name != packed}
        for element in lists[packed]:
            yield from _records(_filled(element, common))
    elif series is not None:
        common = {name: own for name, own in value.items() if not isinstance(own, dict | list)}
        names = [name for name, inner in series.items() if isinstance(inner, list)]
        for row in zip(*(series[name] for name in names), strict=True):
            yield common | dict(zip(names, row, strict=True))
    elif lists and len(lists) == len(value) and all(isinstance(one, dict) for inner in lists.values() for one in inner):
        for name, inner in lists.items():
            for element in inner:
                yield {"series": name, **element}
    else:
        yield value


def _filled(value: Any, common: Mapping[str, Any]) -> Any:
    """A reading with the common keys that it leaves out or says as null."""
    if not isinstance(value, dict) or not common:
        return value
    return value | {name: own for name, own in common.items() if value.get(name) is None}


def _only_list_of_objects(lists: Mapping[str, list[Any]]) -> str | None:
    names = [name for name, inner in lists.items() if inner and all(isinstance(element, dict) for element in inner)]
    return names[0] if len(names) == len(lists) == 1 else None


def _is_columnar(value: Mapping[str, Any]) -> bool:
    """Whether it holds a list of times, and others as long."""
    lists = {name: inner for name, inner in value.items() if isinstance(inner, list)}
    return (
        len(lists) > 1
        and len({len(inner) for inner in lists.values()}) == 1
        and any(column(name).role in ("time", "date") for name in lists)
        and not any(isinstance(element, dict | list) for inner in lists.values() for element in inner[:1])
    )
