"""SenML (RFC 8428): an array of records, in which base fields apply to all records that follow.

A name is the base name followed by the record's own name. The device is the name without its last part. Times below
2**28 s are relative to the time of receipt. The unit ``/`` is a share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from roomidity.dialects.heard import LONGEST_DEVICE, Heard, Measured
from roomidity.dialects.words import quantity_named
from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit

__all__ = ["NAME", "read"]

NAME: Final = "senml"

_RELATIVE: Final = 2**28
_OWN: Final[Mapping[str, tuple[Quantity, Unit]]] = MappingProxyType(
    {"Cel": ("temperature", "c"), "K": ("temperature", "k"), "%RH": ("humidity", "percent")}
)
_SHARES: Final[Mapping[str, Unit]] = MappingProxyType({"/": "share", "%": "percent"})
"""Units of a share, valid only if the name says that the quantity is humidity."""

_FIELDS: Final = frozenset({"bn", "n", "u", "bu", "v", "bv", "vs", "vb", "vd", "s"})
_SEPARATORS: Final = "/:_-."
_LAST_PART: Final = re.compile(r"[:/]([^:/]+)$")


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    records = heard.payload
    if not isinstance(records, list) or not records or not isinstance(records[0], dict):
        return None
    if _FIELDS.isdisjoint(records[0]) or not ({"bn", "n"} & records[0].keys() or "senml" in heard.parts):
        return None
    found: list[Measured] = []
    base: dict[str, Any] = {}
    for record in records:
        if not isinstance(record, dict):
            continue
        base.update({key: record[key] for key in ("bn", "bt", "bu", "bv") if key in record})
        value = record.get("v")
        if "v" not in record or isinstance(value, bool) or not isinstance(value, int | float | None):
            continue
        name, device = _names(_text(base.get("bn")), _text(record.get("n")), heard.topic)
        kind = _kind(record.get("u", base.get("bu")), name)
        if kind is not None and len(device) <= LONGEST_DEVICE:
            at = _time(_number(base.get("bt")) + _number(record.get("t")), heard)
            found.append(Measured(device, value if value is None else value + _number(base.get("bv")), *kind, at))
    return found


def _names(base: str, own: str, topic: str) -> tuple[str, str]:
    """Returns the record's full name and its device."""
    name = base + own
    if "/" in name:
        device = name.rstrip("/").rpartition("/")[0] if own or not name.endswith("/") else name.rstrip("/")
    elif own:
        last = _LAST_PART.search(own)
        device = base.rstrip(_SEPARATORS) or (own[: last.start()] if last and quantity_named(last[1]) else "")
        device = device or (own if quantity_named(own) is None else "")
    else:
        device = base.rstrip(_SEPARATORS)
    return name, device or topic


def _kind(unit: Any, name: str) -> tuple[Quantity, Unit | None] | None:
    if isinstance(unit, str) and unit in _OWN:
        return _OWN[unit]
    quantity = quantity_named(name[-LONGEST_DEVICE:])
    if quantity == "humidity" and isinstance(unit, str) and unit in _SHARES:
        return quantity, _SHARES[unit]
    return (quantity, None) if quantity is not None and unit is None else None


def _time(seconds: float, heard: Heard) -> Any:
    """Returns the time as an epoch in s, or None for 0, which means now, so that the time of receipt is used."""
    if seconds == 0:
        return None
    return seconds if abs(seconds) >= _RELATIVE else heard.received.timestamp() + seconds


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15 else 0.0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
