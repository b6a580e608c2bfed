"""The wire contract: turns message bodies into one frame with a row per reading. No body makes it raise.

A body is JSON: one reading, or ``{"readings": [reading, ...]}``, where keys common to all may stand once beside
``readings``. Packed bodies are split at C speed: msgspec cuts them into raw readings, which Polars parses as JSON
lines. What this path cannot take (a wrong type, NaN, a duplicate field) is read again one by one, with the same
outcome. If a field occurs twice, the last one counts, as in other JSON parsers.

A house beside ``readings`` confines them, since whoever stamped it there vouches for no other. A reading that names
another house therefore has the fault ``house_conflict``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import polars as pl

from roomidity.domain.messages import Message
from roomidity.domain.names import kept_name
from roomidity.readings.careful import CONTACT_STATES, LONGEST, NAMES, READING_KEYS, ROWS, WIRE, decode_with_care

__all__ = ["Decoded", "decode"]


_ABSENT: Final = msgspec.Raw()
"""Stands for an absent key and is recognised by identity. In a union with None, msgspec would accept only null."""


class _Packed(msgspec.Struct):
    """The outermost level of a body: the common fields and the readings, each still raw."""

    readings: list[msgspec.Raw] | None = None
    house: msgspec.Raw = msgspec.Raw()  # Empty if absent. In a union with None, msgspec would accept only null.
    room: msgspec.Raw = _ABSENT
    sensor: msgspec.Raw = msgspec.Raw()
    ts: msgspec.Raw = msgspec.Raw()
    temperature: msgspec.Raw = msgspec.Raw()
    humidity: msgspec.Raw = msgspec.Raw()
    contact: msgspec.Raw = msgspec.Raw()


_NEEDS_CARE: Final = (
    msgspec.MsgspecError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,  # A parser that panics on a body must not end the drain.
    UnicodeEncodeError,
    RecursionError,
)
_CHEAP: Final = 20_000
"""Number of characters of bodies that Python reads in 2 ms, the time that splitting them further would take."""

_REPEATED: Final = "|".join((*(rf'"{name}"\s*:.*"{name}"\s*:' for name in WIRE), r'\\[^"]*"\s*:'))
"""Matches a line with a duplicate field, or with an escape in a key, which may stand for any field."""

_END_OF_KEY: Final = int.from_bytes(b'":', "little")

_WHITE: Final = " \t\r\n"
"""White space according to JSON."""

_packed: Final = msgspec.json.Decoder(_Packed)


@dataclass(frozen=True)
class Decoded:
    """Readings as received, unchecked.

    ``rows`` has the columns message (index into ``messages``), position (in its message), house, room, sensor, ts
    (text), temperature, humidity, contact (1 if open, 0 if closed), and fault, which is a reason if the reading could
    not even be read, else null.
    """

    messages: Sequence[Message]
    rows: pl.DataFrame


def decode(messages: Sequence[Message], *, mark_foreign: bool = False) -> Decoded:
    """Returns one frame of all readings in ``messages``, in their order. Never raises because of a body.

    A body that is not a JSON object counts as one reading with the fault ``malformed``. With ``mark_foreign`` a body
    that is neither packed nor names a room has the fault ``foreign`` and no other, since it may be in another form.
    """
    try:
        rows = _decode_fast(messages, mark_foreign=mark_foreign)
    except _NEEDS_CARE:
        rows = None
    if rows is None:
        rows = _decode_apart(messages, mark_foreign=mark_foreign)
    return Decoded(messages=messages, rows=rows)


def _decode_apart(messages: Sequence[Message], *, mark_foreign: bool) -> pl.DataFrame:
    """Returns the decoded rows of messages some of which need care.

    Messages are halved until those are nearly alone, so that they do not slow down the others.
    """
    if len(messages) == 1 or sum(len(message.body) for message in messages) <= _CHEAP:
        rows = decode_with_care(messages)
        if mark_foreign:  # Also marks a single packed reading without a room, which is noticed later.
            is_foreign = pl.col("room").is_null() & (pl.len().over("message") == 1)
            rows = rows.with_columns(pl.when(is_foreign).then(pl.lit("foreign")).otherwise("fault").alias("fault"))
        return rows
    half = len(messages) // 2
    parts = []
    for start, part in ((0, messages[:half]), (half, messages[half:])):
        rows = decode(part, mark_foreign=mark_foreign).rows
        parts.append(rows.with_columns(pl.col("message") + pl.lit(start, pl.UInt32)))
    return pl.concat(parts)


def _decode_fast(messages: Sequence[Message], *, mark_foreign: bool) -> pl.DataFrame | None:
    """Returns the rows of all bodies at C speed. Returns None or raises if one of them needs care."""
    raws: list[msgspec.Raw | bytes] = []
    commons: list[bytes] = []
    counts = np.zeros(len(messages), dtype=np.uint32)
    spread = False
    foreign: list[int] = []
    for index, message in enumerate(messages):
        body = message.body.rstrip(_WHITE).encode()
        spread = spread or b"\n" in body
        packed = _packed.decode(body)
        if packed.readings is None:
            if mark_foreign and packed.room is _ABSENT:
                foreign.append(index)
                body = b"{}"
            raws.append(body)
            commons.append(b"{}")
            counts[index] = 1
        else:
            if not packed.readings and any(bytes(getattr(packed, name)) for name in READING_KEYS):
                return None  # A reading beside an empty list.
            raws += packed.readings
            commons.append(_common_line(packed))
            counts[index] = len(packed.readings)
    if not raws:
        return ROWS.to_frame()
    lines, common_lines = _joined(raws, spread=spread), _joined(commons, spread=spread)
    rows = pl.read_ndjson(lines, schema=WIRE)
    common = pl.read_ndjson(common_lines, schema=WIRE)
    if len(rows) != len(raws) or len(common) != len(commons) or _may_repeat_a_field(lines, rows):
        return None
    if any((frame["ts"].str.len_bytes() > LONGEST).any() for frame in (rows, common)):
        return None
    owner = np.repeat(np.arange(len(messages), dtype=np.uint32), counts)
    first = np.repeat(np.cumsum(counts, dtype=np.uint32) - counts, counts)
    given = [name for name in WIRE if common[name].null_count() < len(common)]
    conflict: pl.Series | bool = False
    if "house" in given and rows["house"].null_count() < len(rows):
        conflict = _conflicts(rows["house"], common["house"].gather(owner))
    rows = rows.with_columns(pl.coalesce(rows[name], common[name].gather(owner)) for name in given)
    names = pl.concat([*(rows[name].unique() for name in NAMES), common["house"]])
    if names.str.contains(r"^[\[{]").any():
        return None
    states = _contact_states(rows["contact"])
    if states is None:
        return None
    rows = rows.with_columns(states)
    fault = pl.when(pl.lit(conflict)).then(pl.lit("house_conflict"))
    return rows.select(
        pl.Series("message", owner),
        pl.Series("position", np.arange(len(rows), dtype=np.uint32) - first),
        pl.all(),
        (fault.when(pl.Series(owner).is_in(foreign)).then(pl.lit("foreign")) if foreign else fault).alias("fault"),
    )


def _contact_states(said: pl.Series) -> pl.Series | None:
    """Returns 1 for an open contact, 0 for a closed one and null where none is given, or None if one says else."""
    if said.null_count() == len(said):
        return said.cast(pl.Float64)
    if not said.is_in([*CONTACT_STATES]).all():  # nulls apart
        return None
    return said.replace_strict(CONTACT_STATES, default=None, return_dtype=pl.Float64)


def _conflicts(own: pl.Series, stamped: pl.Series) -> pl.Series:
    """Returns whether each reading names another house than that beside it. Names are compared as they are stored."""
    differ = (own != stamped).fill_null(value=False)
    if differ.any():
        pairs = pl.DataFrame({"own": own, "stamped": stamped})
        alike = [pair for pair in pairs.filter(differ).unique().iter_rows() if kept_name(pair[0]) == kept_name(pair[1])]
        if alike:
            same = pl.DataFrame(alike, schema=pairs.schema, orient="row").with_columns(same=pl.lit(value=True))
            differ &= pairs.join(same, on=["own", "stamped"], how="left", maintain_order="left")["same"].is_null()
    return differ


def _common_line(packed: _Packed) -> bytes:
    parts = [b'"%s":%s' % (name.encode(), raw) for name in WIRE if (raw := bytes(getattr(packed, name)))]
    return b"{" + b",".join(parts) + b"}"


def _joined(lines: Sequence[msgspec.Raw | bytes], *, spread: bool) -> bytes:
    """Returns JSON lines joined. ``spread`` says that some may span lines, as JSON allows line feeds between tokens."""
    if spread:
        return b"\n".join(bytes(line).replace(b"\n", b" ").replace(b"\r", b" ") for line in lines)
    return b"\n".join(lines)


def _may_repeat_a_field(lines: bytes, rows: pl.DataFrame) -> bool:
    """Returns whether a line may have a duplicate field, of which Polars took the first. Usually counting suffices."""
    said = [rows.height - nulls for nulls in rows.null_count().row(0)]
    spaced = b"\r" in lines or any(  # It may precede a colon, so counting fails. One byte is found far faster than two.
        space in lines and b'"' + space in lines for space in (b" ", b"\t")
    )
    if not spaced and _ends_of_keys(lines) == sum(said):
        return False
    if not spaced and b"null" not in lines and b"\\" not in lines:
        keys = (b'"%s":' % name.encode() for name in rows.columns)
        return any(lines.count(key) != values for key, values in zip(keys, said, strict=True))
    each = pl.Series([lines.decode()]).str.split("\n").explode()
    return each.str.contains(_REPEATED).any()


def _ends_of_keys(lines: bytes) -> int:
    """Returns how often ``":`` occurs. Comparing pairs of bytes as numbers takes a third of the time of counting text.

    >>> _ends_of_keys(b'{"a":1}'), _ends_of_keys(b'":"":'), _ends_of_keys(b'"')
    (1, 2, 0)
    """
    single = np.frombuffer(lines, np.uint8)
    return sum(
        int(np.count_nonzero(single[begin : begin + (len(single) - begin) // 2 * 2].view("<u2") == _END_OF_KEY))
        for begin in range(min(2, len(single)))
    )
