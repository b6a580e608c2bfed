"""Packs readings into as few messages as the maximum size allows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
import polars as pl

from roomidity.domain.quantities import MEASURED

__all__ = ["MAX_BODY_BYTES", "pack_lines", "pack_readings"]

MAX_BODY_BYTES: Final = 256_000
"""Maximum size of a packed body in bytes, below the 256 KiB that every SQS endpoint accepts.

SQS bills it as four requests.
"""

_FIELDS: Final = ("room", "sensor", "ts", *MEASURED)


def pack_readings(readings: pl.DataFrame, *, max_bytes: int = MAX_BODY_BYTES) -> Iterator[str]:
    """Yields bodies with all ``readings``, each of one house and at most ``max_bytes`` of UTF-8.

    Parameters
    ----------
    readings
        Columns house, room, ts (Datetime with a time zone), and any of sensor, temperature (°C), humidity (%RH).
    max_bytes
        Maximum size of a body in bytes of UTF-8.
    """
    present = [name for name in _FIELDS if name in readings.columns]
    utc = pl.col("ts").dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    plain = readings.select("house", *present).with_columns(
        utc.str.replace(".000Z", "Z", literal=True), pl.selectors.float().cast(pl.Float64).round(3)
    )
    for own in plain.partition_by("house", maintain_order=True):
        text = own.select(present).write_ndjson()
        for name in present:  # Missing values are left out. Quotes inside strings are escaped, so none match.
            text = text.replace(f',"{name}":null', "")
        body = _Body(own["house"][0], max_bytes)
        for line in text.split("\n")[:-1]:  # Not splitlines(), which also splits at characters that a name may contain.
            yield from body.add(line)
        yield from body.rest()


class _Body:
    """A body being filled with readings, or with a gateway's messages, of one house."""

    def __init__(self, house: str, max_bytes: int, *, of: str = "readings") -> None:
        self._head = f'{{"house":{msgspec.json.encode(house).decode()},"{of}":['
        self._room = max_bytes - len(self._head.encode()) - len(_TAIL)
        self._lines: list[str] = []
        self._bytes = 0

    def add(self, line: str) -> Iterator[str]:
        """Adds a reading. Yields the full body if it had to be closed first."""
        size = (len(line) if line.isascii() else len(line.encode())) + 1
        if self._bytes + size > self._room:
            yield from self.rest()
        self._lines.append(line)
        self._bytes += size

    def rest(self) -> Iterator[str]:
        """Yields the rest as a body if there is any."""
        if self._lines:
            yield self._head + ",".join(self._lines) + _TAIL
            self._lines, self._bytes = [], 0


class _House(msgspec.Struct):
    """The parts of a line that decide which body it goes into."""

    house: str | None = None
    readings: msgspec.Raw = msgspec.Raw()  # Empty if absent.
    messages: msgspec.Raw = msgspec.Raw()
    device: msgspec.Raw = msgspec.Raw()
    weather: msgspec.Raw = msgspec.Raw()


_TAIL: Final = "]}"
_UNSENDABLE: Final = re.compile(r"[^\t\n\r -\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""Characters that SQS does not accept in a body. Only a line that is not JSON can contain them."""

_house: Final = msgspec.json.Decoder(_House)


def pack_lines(lines: Iterable[str], *, max_bytes: int = MAX_BODY_BYTES) -> Iterator[str]:
    """Yields bodies with all ``lines`` (one JSON reading each), in their order within a house.

    The house's name is moved beside the readings. A line that is no JSON, has no house, or is a packed message or a
    forecast of the weather goes as a body of its own: it is for the drain to say what is wrong with it. Readings of
    devices, which name no room, go as messages of a gateway.
    """
    bodies: dict[tuple[str, str], _Body] = {}
    for line in lines:
        try:
            found = _house.decode(line)
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
            found = _House()
        if found.house is None or any(map(bytes, (found.readings, found.messages, found.weather))):
            yield _UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", line)
            continue
        of = "messages" if bytes(found.device) else "readings"
        if (found.house, of) not in bodies:
            bodies[found.house, of] = _Body(found.house, max_bytes, of=of)
        yield from bodies[found.house, of].add(
            line.replace(f'"house":{msgspec.json.encode(found.house).decode()},', "", 1)
        )
    for body in bodies.values():
        yield from body.rest()
