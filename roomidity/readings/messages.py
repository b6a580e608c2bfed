"""Messages: what a queue hands over, and readings packed into as few of them as the size allows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec
import polars as pl

__all__ = ["MAX_BODY_BYTES", "Message", "pack_lines", "pack_readings", "to_lines"]

MAX_BODY_BYTES: Final = 256_000
"""A packed body's size: under the 256 KiB that every SQS endpoint takes; SQS bills it as four requests."""

_FIELDS: Final = ("house", "room", "sensor", "ts", "temperature", "humidity")


@dataclass(frozen=True)
class Message:
    """One message as received: its id, its text, when it was sent (ms since 1970), and the handle that deletes it."""

    id: str
    body: str
    sent_ms: int
    handle: str


def pack_readings(readings: pl.DataFrame, *, max_bytes: int = MAX_BODY_BYTES) -> Iterator[str]:
    """Bodies that hold all ``readings``, each of one house and at most ``max_bytes`` of UTF-8.

    Parameters
    ----------
    readings
        Columns house, room, ts (Datetime with a time zone), and any of sensor, temperature (°C), humidity (%RH).
    max_bytes
        The longest body in bytes of UTF-8.
    """
    return pack_lines(to_lines(readings), max_bytes=max_bytes)


def to_lines(readings: pl.DataFrame) -> list[str]:
    """Each reading as a line of JSON; a field that it has not is left out."""
    present = [name for name in _FIELDS if name in readings.columns]
    utc = pl.col("ts").dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    plain = readings.select(present).with_columns(
        utc.str.replace(".000Z", "Z", literal=True), pl.selectors.float().cast(pl.Float64).round(3)
    )
    text = plain.write_ndjson()
    for name in present:  # inside a string the quotes would be escaped
        text = text.replace(f',"{name}":null', "")
    return text.split("\n")[:-1]  # not splitlines: a name may hold a line separator of Unicode


@dataclass
class _Open:
    """A body that still takes readings of one house."""

    head: str
    lines: list[str] = field(default_factory=list)
    size: int = 0

    def close(self) -> str:
        return self.head + ",".join(self.lines) + _TAIL


class _House(msgspec.Struct):
    """Of a line only what decides where it goes."""

    house: str | None = None
    readings: msgspec.Raw = msgspec.Raw()


_TAIL: Final = "]}"
_UNSENDABLE: Final = re.compile(r"[^\t\n\r -\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""What SQS does not take in a body; only a line that is no JSON can hold it."""

_house: Final = msgspec.json.Decoder(_House)


def pack_lines(lines: Iterable[str], *, max_bytes: int = MAX_BODY_BYTES) -> Iterator[str]:
    """Bodies that hold all ``lines`` (a reading in JSON each), in their order within a house.

    The house's name is moved beside the readings. A line that is no JSON, has no house, or is a packed message already
    goes as a body of its own: it is for the drain to say what is wrong with it.
    """
    bodies: dict[str, _Open] = {}
    for line in lines:
        try:
            found = _house.decode(line)
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
            found = _House()
        if found.house is None or bytes(found.readings):
            yield _UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", line)
            continue
        name = msgspec.json.encode(found.house).decode()
        body = bodies.setdefault(found.house, _Open(head=f'{{"house":{name},"readings":['))
        reading = line.replace(f'"house":{name},', "", 1)
        length = len(reading.encode()) + 1
        if body.lines and len(body.head.encode()) + body.size + length + len(_TAIL) > max_bytes:
            yield body.close()
            body.lines, body.size = [], 0
        body.lines.append(reading)
        body.size += length
    for body in bodies.values():
        if body.lines:
            yield body.close()
