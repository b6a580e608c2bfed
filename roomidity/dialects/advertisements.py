"""Decodes Bluetooth advertisements in hex: BTHome v2, Ruuvi, and the thermometer firmwares ATC and pvvx.

Sources: the BTHome v2 format (bthome.io), Ruuvi's data formats 3, 5, 6 and E1 (docs.ruuvi.com), and the descriptions of
the firmwares' advertisements. A temperature or humidity that a sensor marks as not measured is None.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from roomidity.domain.quantities import MeasuredQuantity, Quantity

__all__ = ["decode_advertisement", "decode_bthome", "decode_manufacturer", "decode_service"]

Values = dict[MeasuredQuantity, float | str | None]

_RUUVI: Final = b"\x99\x04"
_LONGEST: Final = 1_024
"""Maximum number of hex digits. An extended advertisement has 255 bytes."""

_OBJECTS: Final[Mapping[int, tuple[Quantity, str, float]]] = MappingProxyType(
    {
        0x02: ("temperature", "<h", 0.01),
        0x03: ("humidity", "<H", 0.01),
        0x2E: ("humidity", "<B", 1.0),
        0x45: ("temperature", "<h", 0.1),
        0x57: ("temperature", "<b", 1.0),
        0x58: ("temperature", "<b", 0.35),
    }
)
_OPENINGS: Final = frozenset({0x11, 0x1A, 0x2D})
"""Objects of one byte that is 1 while an opening, a door or a window is open."""

_LENGTHS: Final[Mapping[int, int]] = MappingProxyType(
    {
        number: length
        for length, numbers in {
            1: "00 01 09 0F 10 11 15 16 17 18 19 1A 1B 1C 1D 1E 1F 20 21 22 23 24 25 26 27 28 29 2A 2B 2C 2D 2E 2F "
            "3A 46 57 58 59 60",
            2: "02 03 06 07 08 0C 0D 0E 12 13 14 3C 3D 3F 40 41 43 44 45 47 48 49 4A 51 52 56 5A 5D 5E 5F F0",
            3: "04 05 0A 0B 42 4B F2",
            4: "3E 4C 4D 4E 4F 50 55 5B 5C F1",
        }.items()
        for number in bytes.fromhex(numbers)
    }
)
"""Length in bytes of each object. Text (0x53) and raw bytes (0x54) carry their own length."""


def decode_bthome(service: Any) -> Values:
    """Returns temperature (°C), humidity (%RH) and contact (open or closed) from BTHome v2 service data.

    The result is empty if the data is encrypted or not BTHome v2.
    """
    content = _bytes(service)
    if len(content) < 2 or content[0] & 1 or content[0] >> 5 != 2:
        return {}
    values: Values = {}
    place = 1
    while place < len(content):
        number = content[place]
        place += 1
        if number in (0x53, 0x54):
            place += 1 + (content[place] if place < len(content) else 0)
            continue
        length = _LENGTHS.get(number)
        if length is None or place + length > len(content):
            break
        if number in _OPENINGS:
            values.setdefault("contact", {0: "closed", 1: "open"}.get(content[place]))
        if number in _OBJECTS:
            quantity, layout, step = _OBJECTS[number]
            values.setdefault(quantity, round(struct.unpack_from(layout, content, place)[0] * step, 3))
        place += length
    return values


def decode_service(uuid: Any, service: Any) -> Values:
    """Returns temperature (°C) and humidity (%RH) from service data, decoded by the service's UUID."""
    name = uuid.lower().removeprefix("0x") if isinstance(uuid, str) and len(uuid) <= 64 else ""
    if "fcd2" in (name, name[4:8]):
        return decode_bthome(service)
    content = _bytes(service)
    if "181a" in (name, name[4:8]) and len(content) == 13:  # ATC is big-endian.
        temperature, humidity = struct.unpack_from(">hB", content, 6)
        return {"temperature": temperature / 10, "humidity": float(humidity)}
    if "181a" in (name, name[4:8]) and len(content) == 15:  # pvvx is little-endian.
        temperature, humidity = struct.unpack_from("<hH", content, 6)
        return {"temperature": temperature / 100, "humidity": humidity / 100}
    return {}


def decode_manufacturer(manufacturer: Any) -> Values:
    """Returns temperature (°C) and humidity (%RH) from manufacturer data that begins with Ruuvi's company ID.

    The result is empty for any other manufacturer.
    """
    content = _bytes(manufacturer)
    return _ruuvi(content[2:]) if content[:2] == _RUUVI else {}


def decode_advertisement(advertisement: Any) -> Values:
    """Returns temperature (°C) and humidity (%RH) from a complete advertisement of Ruuvi or BTHome."""
    for kind, content in _structures(_bytes(advertisement)):
        if kind == 0xFF and content[:2] == _RUUVI:
            return _ruuvi(content[2:])
        if kind == 0x16 and content[:2] == b"\xd2\xfc":
            return decode_bthome(content[2:].hex())
    return {}


def _structures(content: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + 1 < len(content) and content[place]:
        yield content[place + 1], content[place + 2 : place + 1 + content[place]]
        place += 1 + content[place]


def _ruuvi(content: bytes) -> Values:
    if content[:1] == b"\x03" and len(content) >= 14:
        whole, hundredths = content[2], content[3]
        temperature = (whole & 0x7F) + hundredths / 100
        return {"temperature": -temperature if whole & 0x80 else temperature, "humidity": content[1] * 0.5}
    if content[:1] in (b"\x05", b"\x06", b"\xe1") and len(content) >= 5:
        raw_temperature, raw_humidity = struct.unpack_from(">hH", content, 1)
        return {
            "temperature": None if raw_temperature == -0x8000 else round(raw_temperature * 0.005, 3),
            "humidity": None if raw_humidity == 0xFFFF else round(raw_humidity * 0.0025, 4),
        }
    return {}


def _bytes(hexadecimal: Any) -> bytes:
    if not isinstance(hexadecimal, str) or len(hexadecimal) > _LONGEST:
        return b""
    try:
        return bytes.fromhex(hexadecimal.removeprefix("0x"))
    except ValueError:
        return b""
