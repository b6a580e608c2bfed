"""Converts JSON values to rows: the readings in each value, with their fields as columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from roomidity.files.headers import column
from roomidity.files.table import LINE, Fault

__all__ = ["Records", "cut", "filled"]

_DEEPEST: Final = 4
"""Maximum nesting of objects whose fields become columns, such as Home Assistant's attributes."""

_CHUNK: Final = 5_000
"""Number of pieces parsed at once. If one of them is not plain, they are read one by one."""

_lines: Final = msgspec.json.Decoder(dict[str, str | float | int | bool | None])
_decoder: Final = json.JSONDecoder(strict=False)


def cut(text: str) -> str:
    """Returns a text in quotes, shortened to 40 characters."""
    text = text.strip()
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


class Records:
    """Collects readings as columns, with null for missing fields. Other values become faults of their lines."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._lines: list[int] = []
        self._columns: dict[str, list[Any]] = {}

    def add_pieces(self, pieces: Sequence[str], lines: Sequence[int], common: Mapping[str, Any]) -> None:
        """Adds JSON values given as texts with their line numbers, and the keys they have in common."""
        for start in range(0, len(pieces), _CHUNK):
            chunk, own = pieces[start : start + _CHUNK], lines[start : start + _CHUNK]
            if not self._add_plain(chunk, own, common):
                for line, piece in zip(own, chunk, strict=True):
                    self._add_text(line, piece, common)

    def _add_plain(self, pieces: Sequence[str], lines: Sequence[int], common: Mapping[str, Any]) -> bool:
        """Adds objects without nested lists or objects, all at once. Returns False if any of them is not like this."""
        try:
            text = "\n".join(piece.replace("\n", " ") if "\n" in piece else piece for piece in pieces)
            objects = _lines.decode_lines(text.encode())
        except (msgspec.MsgspecError, UnicodeEncodeError):
            return False
        if len(objects) != len(pieces):
            return False
        count = len(self._lines)
        self._lines += lines
        for name in dict.fromkeys(name for found in objects for name in found) | dict.fromkeys(common):
            own = self._columns.setdefault(name, [])
            own.extend([None] * (count - len(own)))
            values = [found.get(name) for found in objects]
            if (shared := common.get(name)) is not None:
                values = [shared if value is None else value for value in values]
            own.extend(values)
        return True

    def _add_text(self, line: int, piece: str, common: Mapping[str, Any]) -> None:
        try:
            value = _decoder.decode(piece.strip())
        except (ValueError, RecursionError):
            self.faults.append(Fault(line, "malformed", f"{cut(piece)} is no JSON"))
            return
        self.add(line, filled(value, common))

    def add(self, line: int, value: Any) -> None:
        """Adds the readings in a JSON value."""
        try:
            for record in _records(value):
                if isinstance(record, dict):
                    self._add_record(line, record)
                else:
                    self.faults.append(Fault(line, "malformed", f"{cut(json.dumps(record))} is no JSON object"))
        except RecursionError:
            self.faults.append(Fault(line, "malformed", "it is nested too deep"))

    def _add_record(self, line: int, record: Mapping[str, Any]) -> None:
        count = len(self._lines)
        self._lines.append(line)
        for name, value in _flat(record, "", _DEEPEST):
            own = self._columns.setdefault(name, [])
            if len(own) > count:  # The same name occurs both dotted and nested.
                own[count] = value
            else:
                own.extend([None] * (count - len(own)))
                own.append(value)

    def frame(self) -> pl.DataFrame:
        """Returns all readings."""
        count = len(self._lines)
        for values in self._columns.values():
            values.extend([None] * (count - len(values)))
        lines = pl.Series(LINE, self._lines, dtype=pl.Int64)
        return pl.DataFrame([lines, *(_series(name, values) for name, values in self._columns.items())])


def _series(name: str, values: list[Any]) -> pl.Series:
    """Returns a column of floats if all values are numbers, else of text."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {str}:
        try:
            return pl.Series(name, values, dtype=pl.String)
        except (UnicodeEncodeError, pl.exceptions.PolarsError):
            return pl.Series(name, [_text(value) for value in values], dtype=pl.String)
    if kinds <= {float, int}:
        try:
            return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
        except OverflowError:
            pass
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.encode(errors="replace").decode() if isinstance(value, str) else json.dumps(value)


def _flat(record: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict) and depth:
            yield from _flat(value, f"{prefix}{name}.", depth - 1)
        elif isinstance(value, dict | list):
            yield f"{prefix}{name}", json.dumps(value)
        else:
            yield f"{prefix}{name}", value


def _records(value: Any) -> Iterator[Any]:
    """Yields the readings in a JSON value, each with the keys it shares with others. Yields other values unchanged."""
    if isinstance(value, list):
        yield from _of_list(value)
    elif isinstance(value, dict):
        yield from _of_object(value)
    else:
        yield value


def _of_list(elements: list[Any]) -> Iterator[Any]:
    entity = None
    for element in elements:
        if isinstance(element, dict):  # Home Assistant names the entity only in the first element of a series.
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
            yield from _records(filled(element, common))
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


def filled(value: Any, common: Mapping[str, Any]) -> Any:
    """Returns a reading completed with the common keys that it lacks or has as null."""
    if not isinstance(value, dict) or not common:
        return value
    return value | {name: own for name, own in common.items() if value.get(name) is None}


def _only_list_of_objects(lists: Mapping[str, list[Any]]) -> str | None:
    names = [name for name, inner in lists.items() if inner and all(isinstance(element, dict) for element in inner)]
    return names[0] if len(names) == len(lists) == 1 else None


def _is_columnar(value: Mapping[str, Any]) -> bool:
    """Returns whether an object holds a list of times and other lists of the same length."""
    lists = {name: inner for name, inner in value.items() if isinstance(inner, list)}
    return (
        len(lists) > 1
        and len({len(inner) for inner in lists.values()}) == 1
        and any(column(name).role in ("time", "date") for name in lists)
        and not any(isinstance(element, dict | list) for inner in lists.values() for element in inner[:1])
    )
