"""Reads times as written in files: as moments if they have an offset, else as local times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from roomidity.domain.slots import to_epoch_ms

__all__ = ["day_comes_first", "read_times"]

_EPOCHS: Final = ((1e9, 4.2e9, 1e3), (1e12, 4.2e12, 1.0), (1e15, 4.2e15, 1e-3), (1e18, 4.2e18, 1e-6))
"""Lower limit, upper limit and ms per unit of epochs in s, ms, µs and ns. The limits are 2001 and 2103."""

_SERIALS: Final = (36_500.0, 74_500.0)
"""Range of spreadsheet serial dates, in days since the end of 1899: 1999 to 2103."""

_SERIAL_ZERO_MS: Final = -2_209_161_600_000

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True)
class _Form:
    """A way to write a time: which texts it matches and how to parse them, and whether they have an offset."""

    texts: str
    formats: tuple[str, ...]
    offset: bool = False


_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
_CLOCKS: Final = ("%H:%M:%S%.f", "%H:%M")
_CLOCKS_12: Final = ("%I:%M:%S %p", "%I:%M %p", "%I:%M:%S%p", "%I:%M%p")
_OFFSET: Final = r"(?:[+-]\d{2}:?\d{2}|[+-]\d{2})"


def _forms(date: str, written: str) -> tuple[_Form, ...]:
    """Returns the forms of a date with a time of day in 24 or 12 hours."""
    return (
        _Form(rf"^{date}T{_CLOCK}$", tuple(f"{written}T{clock}" for clock in _CLOCKS)),
        _Form(rf"^{date}T{_CLOCK} ?[AaPp][Mm]$", tuple(f"{written}T{clock}" for clock in _CLOCKS_12)),
        _Form(rf"^{date}T{_CLOCK}{_OFFSET}$", tuple(f"{written}T{clock}%#z" for clock in _CLOCKS), offset=True),
    )


_ISO: Final = (
    *_forms(r"\d{4}-\d{1,2}-\d{1,2}", "%Y-%m-%d"),
    *_forms(r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
    *_forms(r"\d{4}\.\d{1,2}\.\d{1,2}", "%Y.%m.%d"),
)
_SHORT_DATE: Final = r"^(\d{1,2})([./-])(\d{1,2})[./-](\d{4}|\d{2})(?:T|$)"
"""Day and month in either order."""

_ABBREVIATIONS: Final[Mapping[str, int]] = MappingProxyType(
    {"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2}
    | {"EEST": 3, "EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8}
)
"""Offsets from UTC in h."""

_MONTHS: Final = {
    name: month
    for month, names in enumerate(
        ("jan", "feb", "mar mär mrz", "apr", "may mai", "jun", "jul", "aug", "sep", "oct okt", "nov", "dec dez"), 1
    )
    for name in names.split()
}
_NAMED_MONTH: Final = re.compile(
    r"(?:[A-Za-z]+,?\s+)?(?:(\d{1,2})\.?[\s-]+([^\W\d_]{3,9})\.?|([^\W\d_]{3,9})\.?\s+(\d{1,2}),?)[\s,-]+(\d{4}),?\s+(.+)"
)
_DAY_AND_CLOCK: Final = re.compile(
    rf"({_CLOCK})\s*([AaPp]\.?[Mm]\.?)?\s*(?:(?:GMT|UTC)?\s*([+-]\d{{2}}):?(\d{{2}})?|([A-Z]{{1,4}}))?(?:\s*\(.*\))?"
)


def read_times(times: pl.Series, *, day_first: bool | None = None) -> pl.DataFrame:
    """Returns for each time ``at`` if it is a moment, or ``local`` if it is a local time, else null.

    Both are in ms since 1970.

    Parameters
    ----------
    times
        Text, numbers or times as in the file.
    day_first
        The order of day and month if the texts leave it open. If it is None, such texts give null.
    """
    dtype = times.dtype
    none = pl.repeat(None, len(times), dtype=pl.Int64, eager=True)
    if isinstance(dtype, pl.Datetime):
        ms = times.dt.epoch("ms")
        return _frame(none, ms) if dtype.time_zone is None else _frame(ms, none)
    if dtype.is_numeric():
        return _numbers(times.cast(pl.Float64))
    if dtype == pl.String:  # Each distinct text is parsed once, since rooms share their times.
        different = times.alias("text").unique().to_frame()
        read = different.hstack(_texts(different["text"], day_first=day_first))
        found = (
            times.alias("text").to_frame().join(read, on="text", how="left", maintain_order="left", nulls_equal=True)
        )
        return found.drop("text")
    return _frame(none, none)


def _frame(at: pl.Series, local: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"at": at, "local": local})


def _numbers(numbers: pl.Series) -> pl.DataFrame:
    number = pl.col("number")
    at = pl.coalesce(pl.when(number.is_between(low, high)).then(number * ms) for low, high, ms in _EPOCHS)
    serial = pl.when(number.is_between(*_SERIALS)).then((number * _DAY_MS / 1000).round() * 1000 + _SERIAL_ZERO_MS)
    columns = (one.round().cast(pl.Int64, strict=False).alias(name) for one, name in ((at, "at"), (serial, "local")))
    return numbers.alias("number").to_frame().select(columns)


def _texts(texts: pl.Series, *, day_first: bool | None) -> pl.DataFrame:
    plain = _plain(texts)
    numbers = plain.cast(pl.Float64, strict=False)
    found = _numbers(numbers)
    for form in (*_ISO, *_short_forms(plain, day_first=day_first)):
        rest = found["at"].is_null() & found["local"].is_null()
        if not rest.any():
            return found
        chosen = (rest & plain.str.contains(form.texts)).fill_null(value=False)
        if chosen.any():
            found = _filled(found, chosen, _parsed(plain.filter(chosen), form), "at" if form.offset else "local")
    rest = (found["at"].is_null() & found["local"].is_null() & plain.is_not_null()).fill_null(value=False)
    return _filled_by_hand(found, texts, rest) if rest.any() else found


def _plain(texts: pl.Series) -> pl.Series:
    """Returns the texts trimmed, with ``T`` before times, offsets for ``Z`` and ``UTC``, points before fractions."""
    plain = texts.str.strip_chars(" \t\u00a0\"'")
    return (
        plain.str.replace(r"\[[A-Za-z_/+-]+\]$", "")
        .str.replace(r"^(\d{1,4}[./-]\d{1,2}[./-]\d{1,4}),?[ \u00a0T]+(\d)", "${1}T${2}")
        .str.replace(r"(\d{2}),(\d{1,9})", "${1}.${2}")
        .str.replace(r"(\d)\s*(?:Z|z|UTC|GMT)$", "${1}+00:00")
        .str.replace(r"(\d)\s+([+-]\d{2}:?\d{0,2})$", "${1}${2}")
        .str.replace(r"(:\d{2}(?:\.\d+)?)([+-]\d{2})$", "${1}${2}:00")
    )


def _parsed(texts: pl.Series, form: _Form) -> pl.Series:
    read = partial(texts.str.to_datetime, strict=False, time_unit="ms", time_zone="UTC" if form.offset else None)
    tries = [read(written, ambiguous="null").dt.epoch("ms") for written in form.formats]
    return pl.select(pl.coalesce(tries)).to_series()


def _filled(found: pl.DataFrame, chosen: pl.Series, ms: pl.Series, column: str) -> pl.DataFrame:
    places = chosen.arg_true()
    return found.with_columns(found[column].scatter(places, ms).alias(column))


def _short_forms(plain: pl.Series, *, day_first: bool | None) -> tuple[_Form, ...]:
    """Returns the forms of dates that begin with day or month, in the order shown by the texts or ``day_first``."""
    dates = plain.filter(plain.str.contains(_SHORT_DATE))
    if dates.is_empty():
        return ()
    forms: list[_Form] = []
    for separator in dates.str.extract(_SHORT_DATE, 2).unique():
        first = day_comes_first(dates.filter(dates.str.extract(_SHORT_DATE, 2) == separator))
        first = day_first if first is None else first
        if first is None:
            continue
        for digits, year in ((r"\d{4}", "%Y"), (r"\d{2}", "%y")):
            date = rf"\d{{1,2}}[{separator}]\d{{1,2}}[{separator}]{digits}"
            forms += _forms(date, separator.join(("%d", "%m", year) if first else ("%m", "%d", year)))
    return tuple(forms)


def day_comes_first(dates: pl.Series) -> bool | None:
    """Returns whether the day comes first in texts such as 26/11/2026, or None if all of them could be either.

    With points as separators it does. If no number exceeds 12, the order is taken in which the days lie closer
    together.
    """
    first, second = (dates.str.extract(_SHORT_DATE, group).cast(pl.Int64, strict=False) for group in (1, 3))
    if (first > 12).any() != (second > 12).any():
        return bool((first > 12).any())
    if (first > 12).any():
        return None
    if dates.str.extract(_SHORT_DATE, 2).eq(".").all():
        return True
    spans = [int(np.ptp((months * 31 + days).to_numpy())) for days, months in ((first, second), (second, first))]
    return None if spans[0] == spans[1] else spans[0] < spans[1]


def _filled_by_hand(found: pl.DataFrame, texts: pl.Series, rest: pl.Series) -> pl.DataFrame:
    """Returns ``found`` with times in rare forms filled in. Each distinct text is parsed once."""
    left = texts.filter(rest)
    different = left.unique()
    read = [_by_hand(text) for text in different]
    for column, values in zip(("at", "local"), zip(*read, strict=True), strict=True):
        ms = left.replace_strict(different, pl.Series(values, dtype=pl.Int64), default=None, return_dtype=pl.Int64)
        found = _filled(found, rest, ms, column)
    return found


def _by_hand(text: str) -> tuple[int | None, int | None]:
    """Returns ``at`` and ``local`` of one text in a rare form.

    These are an abbreviated zone, a month's name, RFC 2822, JavaScript's format and basic ISO 8601.
    """
    text = text.strip(" \t\u00a0\"'")
    words = text.rsplit(maxsplit=1)
    if len(words) == 2 and words[1] in _ABBREVIATIONS:
        at, local = _by_hand(words[0])
        hours = _ABBREVIATIONS[words[1]]
        return (at, None) if local is None else (local - hours * 3_600_000, None)
    for read in (datetime.fromisoformat, _compact, _with_named_month, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
        if not 1970 <= moment.year <= 2103 or re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text):
            return None, None
        if moment.tzinfo is None:
            return None, to_epoch_ms(moment.replace(tzinfo=UTC))
        return to_epoch_ms(moment), None
    return None, None


def _compact(text: str) -> datetime:
    """Returns the time in ``20261126090000`` or ``202611260900``, which loggers write."""
    if not re.fullmatch(r"20\d{10}(?:\d{2})?", text):
        raise ValueError(text)
    return datetime.strptime(text.ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007  # the clock on the wall


def _with_named_month(text: str) -> datetime:
    """Returns the time in a text with the name of a month.

    Examples are ``26-Nov-2026 09:00``, ``Nov 26, 2026 9:00 AM``, ``26. November 2026 09:00`` and JavaScript's format.
    """
    found = _NAMED_MONTH.fullmatch(text)
    if found is None:
        raise ValueError(text)
    day, month, month_first, day_second, year, rest = found.groups()
    clock = _DAY_AND_CLOCK.fullmatch(rest)
    if clock is None:
        raise ValueError(text)
    hours, minutes, *seconds = clock[1].split(":")
    hour = int(hours)
    if clock[2]:
        hour = hour % 12 + 12 * clock[2].lower().startswith("p")
    moment = datetime(  # noqa: DTZ001  # an offset follows, if there is one
        int(year),
        _MONTHS[(month or month_first)[:3].lower()],
        int(day or day_second),
        hour,
        int(minutes),
        int(float(seconds[0])) if seconds else 0,
    )
    if clock[3] is None and clock[5] is None:
        return moment
    offset = int(f"{clock[3][0]}1") * (int(clock[3][1:]) * 60 + int(clock[4] or 0)) if clock[3] else 0
    if clock[5]:
        offset = _ABBREVIATIONS[clock[5]] * 60
    return (moment - timedelta(minutes=offset)).replace(tzinfo=UTC)
