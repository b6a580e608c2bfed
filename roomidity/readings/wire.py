"""The wire contract: message bodies in, one frame with a row a reading out. No body makes it raise.

A body is JSON: one reading, or ``{"readings": [reading, ...]}`` where keys common to all may stand once beside
``readings``. Splitting a packed body costs C speed only: msgspec cuts it into raw readings, Polars parses those as
JSON lines. What that path cannot take (a wrong type, NaN, a field said twice) is read again one by one, with the same
outcome. Of a field that is said twice the last counts, as JSON parsers have it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from roomidity.domain.messages import Message
from roomidity.domain.quantities import QUANTITIES, Quantity
from roomidity.readings.lenient import loads
from roomidity.readings.numerals import read_number
from roomidity.readings.reasons import Reason

__all__ = ["Decoded", "decode"]

_NAMES: Final = ("house", "room", "sensor")
_WIRE: Final = pl.Schema(
    {"house": pl.String, "room": pl.String, "sensor": pl.String, "ts": pl.String}
    | dict.fromkeys(QUANTITIES, pl.Float64())
)
_ROWS: Final = pl.Schema({"message": pl.UInt32(), "position": pl.UInt32(), **_WIRE, "fault": pl.String()})


class _Packed(msgspec.Struct):
    """The outermost level of a body: what is common, and the readings, each still raw."""

    readings: list[msgspec.Raw] | None = None
    house: msgspec.Raw = msgspec.Raw()  # empty where it is absent; a union with None would take null alone
    room: msgspec.Raw = msgspec.Raw()
    sensor: msgspec.Raw = msgspec.Raw()
    ts: msgspec.Raw = msgspec.Raw()
    temperature: msgspec.Raw = msgspec.Raw()
    humidity: msgspec.Raw = msgspec.Raw()


_NEEDS_CARE: Final = (
    msgspec.MsgspecError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,  # a parser that gives up on a body must not end the drain
    UnicodeEncodeError,
    RecursionError,
)
_CHEAP: Final = 20_000
"""Characters of bodies that are read in Python in the 2 ms that parsing them apart would take."""

_LONGEST: Final = 1_000
"""Characters of a name or a time, and of a common key that is kept with each reading: beside one of 128 KB can stand
40,000 readings."""

_REPEATED: Final = "|".join((*(rf'"{name}"\s*:.*"{name}"\s*:' for name in _WIRE), r'\\[^"]*"\s*:'))
"""A line that has a field twice; or a key with an escape, which may be any."""

_WHITE: Final = " \t\r\n"
"""What JSON takes as white space."""

_packed: Final = msgspec.json.Decoder(_Packed)


@dataclass(frozen=True)
class Decoded:
    """Readings as they came, unchecked.

    ``rows`` has the columns message (index into ``messages``), position (in its message), house, room, sensor, ts
    (text), temperature, humidity, and fault: a reason where the reading could not even be read, else null.
    """

    messages: Sequence[Message]
    rows: pl.DataFrame

    def originals(self, message: int) -> list[Any]:
        """A message's readings as sent, by position, with its common keys; its text where that is not JSON.

        A very long common key stands whole with the first reading that lacks it, and cut short with the others.
        """
        common, readings = _split(self.messages[message].body)
        originals = []
        for reading in readings:
            if isinstance(reading, dict):
                lacking = _lacking(reading, common)
                originals.append({**reading, **lacking})
                common |= {name: _cut(value) for name, value in lacking.items()}
            else:
                originals.append(reading)
        return originals


def decode(messages: Sequence[Message]) -> Decoded:
    """One frame of all readings of ``messages``, in their order; whatever the bodies hold, it does not raise.

    A body that is no JSON object counts as one reading with the fault ``malformed``.
    """
    try:
        rows = _decode_fast(messages)
    except _NEEDS_CARE:
        rows = None
    if rows is None:
        rows = _decode_apart(messages)
    return Decoded(messages=messages, rows=rows)


def _decode_apart(messages: Sequence[Message]) -> pl.DataFrame:
    """Halve until the bodies that need care stand nearly alone, so that one of them does not slow the others."""
    if len(messages) == 1 or sum(len(message.body) for message in messages) <= _CHEAP:
        return _decode_with_care(messages)
    half = len(messages) // 2
    parts = []
    for start, part in ((0, messages[:half]), (half, messages[half:])):
        rows = decode(part).rows
        parts.append(rows.with_columns(pl.col("message") + pl.lit(start, pl.UInt32)))
    return pl.concat(parts)


def _decode_fast(messages: Sequence[Message]) -> pl.DataFrame | None:
    """All bodies at C speed; None, or an exception, where one of them needs care."""
    raws: list[msgspec.Raw | bytes] = []
    commons: list[bytes] = []
    counts = np.zeros(len(messages), dtype=np.uint32)
    spread = False
    for index, message in enumerate(messages):
        body = message.body.rstrip(_WHITE).encode()
        spread = spread or b"\n" in body
        packed = _packed.decode(body)
        if packed.readings is None:
            raws.append(body)
            commons.append(b"{}")
            counts[index] = 1
        else:
            raws += packed.readings
            commons.append(_common_line(packed))
            counts[index] = len(packed.readings)
    if not raws:
        return _ROWS.to_frame()
    lines, common_lines = _joined(raws, spread=spread), _joined(commons, spread=spread)
    rows = pl.read_ndjson(lines, schema=_WIRE)
    common = pl.read_ndjson(common_lines, schema=_WIRE)
    if len(rows) != len(raws) or len(common) != len(commons) or _may_repeat_a_field(lines, rows):
        return None
    if any((frame["ts"].str.len_bytes() > _LONGEST).any() for frame in (rows, common)):
        return None
    owner = np.repeat(np.arange(len(messages), dtype=np.uint32), counts)
    first = np.repeat(np.cumsum(counts, dtype=np.uint32) - counts, counts)
    given = [name for name in _WIRE if common[name].null_count() < len(common)]
    rows = rows.with_columns(pl.coalesce(rows[name], common[name].gather(owner)) for name in given)
    names = pl.concat([rows[name].unique() for name in _NAMES])
    if names.str.contains(r"^[\[{]").any():
        return None
    return rows.select(
        pl.Series("message", owner),
        pl.Series("position", np.arange(len(rows), dtype=np.uint32) - first),
        pl.all(),
        pl.lit(None, pl.String).alias("fault"),
    )


def _common_line(packed: _Packed) -> bytes:
    parts = [b'"%s":%s' % (name.encode(), raw) for name in _WIRE if (raw := bytes(getattr(packed, name)))]
    return b"{" + b",".join(parts) + b"}"


def _joined(lines: Sequence[msgspec.Raw | bytes], *, spread: bool) -> bytes:
    """JSON lines; ``spread`` if one may be several: JSON allows line feeds as white space between tokens only."""
    if spread:
        return b"\n".join(bytes(line).replace(b"\n", b" ").replace(b"\r", b" ") for line in lines)
    return b"\n".join(lines)


def _may_repeat_a_field(lines: bytes, rows: pl.DataFrame) -> bool:
    """Whether a line may say a field twice, of which Polars took the first; mostly told by counting keys."""
    said = [rows.height - nulls for nulls in rows.null_count().row(0)]
    spaced = b"\r" in lines or any(  # perhaps before a colon: not counted; one byte is found far faster than two
        space in lines and b'"' + space in lines for space in (b" ", b"\t")
    )
    if not spaced and lines.count(b'":') == sum(said):
        return False
    if not spaced and b"null" not in lines and b"\\" not in lines:
        keys = (b'"%s":' % name.encode() for name in rows.columns)
        return any(lines.count(key) != values for key, values in zip(keys, said, strict=True))
    each = pl.Series([lines.decode()]).str.split("\n").explode()
    return each.str.contains(_REPEATED).any()


def _decode_with_care(messages: Sequence[Message]) -> pl.DataFrame:
    """Reading by reading, in Python: says what is wrong with which."""
    rows = []
    for index, message in enumerate(messages):
        common, readings = _split(message.body)
        for position, reading in enumerate(readings):
            rows.append({"message": index, "position": position, **_read(common, reading)})
    return pl.DataFrame(rows, schema=_ROWS)


def _split(body: str) -> tuple[dict[str, Any], list[Any]]:
    """The common keys and the readings of a body; one reading, the text itself, where that is not JSON."""
    try:
        content = loads(body)
    except ValueError:
        return {}, [body]
    if isinstance(content, dict) and isinstance(content.get("readings"), list):
        common = {name: value for name, value in content.items() if name in _WIRE and value is not None}
        return common, content["readings"]
    return {}, [content]


def _lacking(reading: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """The common keys that a reading leaves out or says as null."""
    return {name: value for name, value in common.items() if reading.get(name) is None}


def _cut(value: Any) -> Any:
    """A value, or the beginning of its text where that is very long."""
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _read(common: dict[str, Any], reading: Any) -> dict[str, Any]:
    """A row of one parsed reading; what the reading leaves out or says as null is taken from ``common``."""
    if not isinstance(reading, dict):
        return {"fault": "malformed"}
    given = reading | _lacking(reading, common)
    row: dict[str, Any] = {}
    fault: Reason | None = None
    for quantity in QUANTITIES:
        row[quantity], wrong = _number(given.get(quantity), quantity)
        fault = "bad_value" if wrong else fault
    row["ts"], wrong = _scalar_text(given.get("ts"))
    fault = "bad_time" if wrong else fault
    for name in _NAMES:
        row[name], wrong = _scalar_text(given.get(name))
        fault = "bad_name" if wrong else fault
    return row | {"fault": fault}


def _scalar_text(value: Any) -> tuple[str | None, bool]:
    """A scalar's text, as Polars reads it, and whether it is none: no scalar, far too long, or not UTF-8."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int):
        text = str(value)
    elif isinstance(value, float) and math.isfinite(value):
        text = np.format_float_positional(value, trim="-")
    else:
        return None, value is not None
    return (text, False) if len(text) <= _LONGEST and (text.isascii() or _is_utf8(text)) else (None, True)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(value: Any, quantity: Quantity) -> tuple[float | None, bool]:
    """A number, also as text, and whether it is something else; one too large for a float is infinite."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        return None, True
    try:
        if isinstance(value, str):
            return read_number(value, quantity), False
        return (None if value is None else float(value)), False
    except ValueError:
        return None, True
    except OverflowError:
        return float("inf"), False
