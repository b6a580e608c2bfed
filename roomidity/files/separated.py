"""Reads separated values with any separator. A broken line costs only itself and does not swallow the rest."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from roomidity.files.headers import Column, columns
from roomidity.files.table import LINE, Fault, Table

__all__ = ["MAX_LINE_BYTES", "read_separated"]

MAX_LINE_BYTES: Final = 2**20
"""Maximum length of a line. Longer lines are not readings. An unclosed quote can turn a whole file into one line."""

_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SEP_LINE: Final = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""A line that declares the separator, as used by spreadsheets and Grafana."""

_HEADER_WITHIN: Final = 60
"""Number of lines within which the header must come. Loggers write about themselves before it."""

_JOINED_LINES: Final = 20
"""Maximum number of further lines that a cell may span."""


@dataclass(frozen=True)
class _Header:
    """The names of the columns, the header's place among the lines, and the separator."""

    place: int
    separator: str
    names: tuple[str, ...]

    @property
    def columns(self) -> dict[str, Column]:
        return columns(self.names)

    @property
    def score(self) -> int:
        return sum(one.role != "other" for one in self.columns.values())

    @property
    def is_one(self) -> bool:
        """Whether it names a time and something measured."""
        roles = {one.role for one in self.columns.values()}
        return bool(roles & {"time", "date"}) and bool(roles & {"quantity", "value"})


def read_separated(text: str) -> list[Table]:
    """Returns the tables in a text, each with its own header. InfluxDB writes many tables into one file.

    The first line that names a time and something measured is the header, and lines before it are dropped. If there is
    no such line, the one with the most known columns is taken, so that the error can name its columns.
    """
    lines = (
        pl.DataFrame({"text": text.split("\n")})
        .with_row_index("number", offset=1)
        .with_columns(pl.col("number").cast(pl.Int64))
    )
    long = lines.filter(pl.col("text").str.len_bytes() > MAX_LINE_BYTES)
    faults = [
        Fault(number, "too_long", f"it has {len(content.encode()):,} bytes; a line has at most {MAX_LINE_BYTES:,}")
        for number, content in long.iter_rows()
    ]
    told = next((found[1] for found in map(_SEP_LINE.fullmatch, text[:200].split("\n")[:2]) if found), None)
    blank = pl.col("text").str.strip_chars(" \t,;|").str.len_bytes() == 0
    lines = lines.with_columns(
        blank.alias("blank"),
        pl.col("text").str.contains(r'^"?#(?:group|datatype|default|constant)').alias("annotation"),
    ).filter(pl.col("text").str.len_bytes() <= MAX_LINE_BYTES)
    headers = _headers(lines, told)
    if not headers:
        return [Table(pl.DataFrame({LINE: []}, schema={LINE: pl.Int64}), faults)]
    ends = [header.place for header in headers[1:]] + [len(lines)]
    tables = [_table(lines[header.place + 1 : end], header) for header, end in zip(headers, ends, strict=True)]
    return [Table(pl.DataFrame({LINE: []}, schema={LINE: pl.Int64}), faults), *tables] if faults else tables


def _headers(lines: pl.DataFrame, told: str | None) -> list[_Header]:
    """Returns all headers: the first one, and similar lines that follow blank or annotated lines.

    The result is empty only if there is no text.
    """
    separators = [told] if told else list(_SEPARATORS)
    first: _Header | None = None
    best: _Header | None = None
    candidates = lines.with_row_index("place").filter(~pl.col("blank") & ~pl.col("annotation"))
    for place, content in candidates.head(_HEADER_WITHIN).select("place", "text").iter_rows():
        found = (_header(place, content, separator) for separator in separators)
        header = max(found, key=lambda one: (one.score, len(one.names)))
        if header.is_one:
            first = header
            break
        if best is None or header.score > best.score:
            best = header
    if first is None:
        return [best] if best else []
    time = next(one.name for one in first.columns.values() if one.role in ("time", "date"))
    after_gap = (pl.col("blank") | pl.col("annotation")).shift(1, fill_value=False)
    later = lines.with_row_index("place").filter(
        after_gap & ~pl.col("blank") & ~pl.col("annotation") & pl.col("text").str.contains(time, literal=True)
    )
    more = (_header(place, content, first.separator) for place, content in later.select("place", "text").iter_rows())
    return [first, *(header for header in more if header.place > first.place and header.is_one)]


def _header(place: int, line: str, separator: str) -> _Header:
    names = _split(line.lstrip("# ") if line.startswith("#") else line, separator) or [line]
    seen: dict[str, int] = {}
    unique = []
    for name in (name.strip() for name in names):
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return _Header(place, separator, tuple(unique))


def _split(line: str, separator: str) -> list[str] | None:
    """Returns the cells of a line, or None if a quote is unclosed or followed by text."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return None


def _table(lines: pl.DataFrame, header: _Header) -> Table:
    """Returns the rows below a header."""
    names, separator = header.names, header.separator
    width = len(names)
    lines = lines.filter(~pl.col("blank") & ~pl.col("annotation") & ~pl.col("text").str.starts_with("#"))
    plain = lines.filter(~pl.col("text").str.contains('"', literal=True))
    parts = [plain.select("number", pl.col("text").str.split(separator).alias("cells"))]
    faults: list[Fault] = []
    quoted = lines.filter(pl.col("text").str.contains('"', literal=True)).select("number", "text")
    if quoted.height:
        whole = _unquoted(quoted, separator)
        parts.append(whole)
        odd = quoted.join(whole, on="number", how="anti", maintain_order="left")
        if odd.height:
            found, faults = _quoted(odd, lines, separator, width)
            parts = [part.filter(~pl.col("number").is_in(found.joined)) for part in parts]
            parts.append(found.cells)
    rows = pl.concat(parts)
    surplus = pl.col("cells").list.slice(width).list.join("").str.strip_chars().str.len_bytes() > 0
    size = pl.col("cells").list.len()
    ragged = rows.filter((size < width) | surplus)
    faults += [Fault(number, "malformed", _ragged(content, header)) for number, content in ragged.iter_rows()]
    good = rows.filter((size >= width) & ~surplus)
    fields = good.select(
        pl.col("number").alias(LINE), *(pl.col("cells").list.get(at).alias(name) for at, name in enumerate(names))
    )
    named = [pl.col(name) == name for name in names if name]
    if named:  # The header may be repeated.
        fields = fields.filter(~pl.all_horizontal(named).fill_null(value=False))
    fields = fields.sort(LINE)
    return Table(fields, faults, dialect=f"values separated by {_SEPARATORS.get(separator, repr(separator))}")


def _ragged(cells: Sequence[str], header: _Header) -> str:
    width = len(header.names)
    why = f"it has {len(cells)} values, the header has {width}"
    values = sum(one.role in ("quantity", "value") for one in header.columns.values())
    if header.separator == "," and width < len(cells) <= width + values:
        why += ": are the decimals after commas? then put the numbers in quotes, or separate by semicolons"
    return why


def _unquoted(quoted: pl.DataFrame, separator: str) -> pl.DataFrame:
    """Returns the cells of those lines in which every quote opens or closes a cell or is doubled within one."""
    sep = re.escape(separator)
    cell = rf'{sep}(?: *"(?:[^"]|"")*" *|[^{sep}"]*)'
    found = quoted.select("number", "text", (pl.lit(separator) + pl.col("text")).str.extract_all(cell).alias("cells"))
    read = pl.col("cells").list.eval(pl.element().str.len_bytes()).list.sum()
    whole = found.filter(read == pl.col("text").str.len_bytes() + len(separator.encode()))
    plain = pl.element().str.slice(1).str.replace(r'^ *"((?s:.*))" *$', "${1}").str.replace_all('""', '"', literal=True)
    return whole.select("number", pl.col("cells").list.eval(plain))


@dataclass(frozen=True)
class _Quoted:
    cells: pl.DataFrame
    joined: list[int]
    """Numbers of the lines that continue a cell begun on an earlier line."""


def _quoted(quoted: pl.DataFrame, lines: pl.DataFrame, separator: str, width: int) -> tuple[_Quoted, list[Fault]]:
    """Returns the rows of lines with quotes.

    Each line is read on its own. Only a line with an open quote is joined with those that close it.
    """
    text_of: dict[int, str] = {}
    places: dict[int, int] = {}
    numbers: list[int] = []
    rows: list[list[str]] = []
    kept: list[int] = []
    joined: set[int] = set()
    faults: list[Fault] = []
    for number, line in quoted.iter_rows():
        if number in joined:
            continue
        cells = _split(line, separator)
        if cells is None:
            if not text_of:
                text_of = dict(lines.select("number", "text").iter_rows())
                numbers = list(text_of)
                places = {one: at for at, one in enumerate(numbers)}
            following = ((one, text_of[one]) for one in numbers[places[number] + 1 :][:_JOINED_LINES])
            cells, rest = _joined(line, following, separator, width)
            joined.update(rest)
        if cells is None:
            faults.append(Fault(number, "malformed", "a quote is not closed"))
        else:
            kept.append(number)
            rows.append(cells)
    frame = pl.DataFrame({"number": kept, "cells": rows}, schema={"number": pl.Int64, "cells": pl.List(pl.String)})
    return _Quoted(frame, sorted(joined)), faults


def _joined(
    line: str, following: Iterator[tuple[int, str]], separator: str, width: int
) -> tuple[list[str] | None, list[int]]:
    """Returns the cells of a line joined with the lines that close its open quote, and the numbers of those lines.

    A line that is a valid row on its own is never joined.
    """
    rest = []
    for number, more in following:
        alone = _split(more, separator)
        if alone is not None and len(alone) == width:
            break
        line = f"{line}\n{more}"
        rest.append(number)
        cells = _split_lines(line, separator)
        if cells is not None and len(cells) == width:
            return cells, rest
    return None, []


def _split_lines(text: str, separator: str) -> list[str] | None:
    try:
        rows = list(csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None
