"""Unmapped devices: a bounded list per house of devices that were heard, from which a person can map them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from roomidity.domain.quantities import MEASURED, MeasuredQuantity
from roomidity.domain.slots import format_moment, parse_time

__all__ = ["MAX_HEARD", "HeardDevices", "HeardOf", "cut"]

MAX_HEARD: Final = 256
"""As many devices as a house can have sensors. A neighbourhood may have more radio sensors than that."""

_MESSAGE_BYTES: Final = 512
_MOST_BYTES: Final = 240_000
"""Maximum size of the list as JSON, which is below what a setting may hold."""

_WRITTEN_EVERY: Final = timedelta(hours=1)
_KEPT_FOR: Final = timedelta(days=35)


def cut(text: str) -> str:
    """Returns ``text`` cut to at most 512 bytes of UTF-8.

    >>> len(cut("ü" * 400).encode())
    512
    """
    return text.encode(errors="replace")[:_MESSAGE_BYTES].decode(errors="ignore")


@dataclass(frozen=True)
class HeardOf:
    """What was heard of a device: when last, the quantities it measures, and the room that its name suggests."""

    last: datetime
    quantities: frozenset[MeasuredQuantity] = frozenset()
    room: str | None = None
    dialect: str | None = None
    message: str = ""

    def with_more(self, other: HeardOf) -> HeardOf:
        """Returns both combined. Where they differ, the later one takes precedence."""
        newer, older = (other, self) if other.last >= self.last else (self, other)
        return HeardOf(
            last=newer.last,
            quantities=self.quantities | other.quantities,
            room=newer.room or older.room,
            dialect=newer.dialect or older.dialect,
            message=newer.message or older.message,
        )

    def plain(self) -> dict[str, Any]:
        """Returns the record as it is stored."""
        said = {"room": self.room, "dialect": self.dialect, "message": self.message or None}
        return {
            "last": format_moment(self.last),
            "quantities": sorted(self.quantities),
            **{key: value for key, value in said.items() if value is not None},
        }


@dataclass(frozen=True)
class HeardDevices:
    """The unmapped devices that a house has heard, by device."""

    devices: Mapping[str, HeardOf]

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> HeardDevices:
        """Returns the list that :meth:`plain` wrote. Entries that cannot be read are left out."""
        stored = content.get("devices")
        found = {}
        for device, said in stored.items() if isinstance(stored, Mapping) else ():
            try:
                found[device] = HeardOf(
                    last=parse_time(said["last"]),
                    quantities=frozenset(one for one in MEASURED if one in said.get("quantities", ())),
                    room=said.get("room"),
                    dialect=said.get("dialect"),
                    message=str(said.get("message", "")),
                )
            except (KeyError, TypeError, ValueError, AttributeError):
                continue
        return cls(found)

    def plain(self) -> dict[str, Any]:
        """Returns the list as it is stored.

        If it is too long, the oldest messages are dropped first, then the oldest devices.
        """
        rows = {device: heard.plain() for device, heard in sorted(self.devices.items(), key=lambda one: one[1].last)}
        excess = sum(_bytes({device: row}) for device, row in rows.items()) - _MOST_BYTES
        for row in rows.values():
            if excess > 0 and "message" in row:
                excess -= _bytes({"message": row.pop("message")})
        while excess > 0:
            device = next(iter(rows))
            excess -= _bytes({device: rows.pop(device)})
        return {"devices": rows}

    def takes(self, device: str) -> bool:
        """Returns whether the device is in the list, or there is still a place for it."""
        return device in self.devices or len(self.devices) < MAX_HEARD

    def hear(self, heard: Mapping[str, HeardOf]) -> HeardDevices:
        """Returns the list with newly heard devices added, as far as there are places for them."""
        devices = dict(self.devices)
        for device, of in heard.items():
            if device in devices:
                devices[device] = devices[device].with_more(of)
            elif len(devices) < MAX_HEARD:
                devices[device] = of
        return HeardDevices(devices)

    def without(self, devices: Iterable[str], *, now: datetime) -> HeardDevices:
        """Returns the list without the given devices, and without those unheard for 35 days."""
        gone = set(devices)
        kept = {name: of for name, of in self.devices.items() if name not in gone and of.last >= now - _KEPT_FOR}
        return HeardDevices(kept)

    def is_worth_writing(self, before: HeardDevices) -> bool:
        """Returns whether the list is worth writing.

        That is so if devices or quantities have changed, or a device was heard an hour or more after its last record.
        """
        if self.devices.keys() != before.devices.keys():
            return True
        return any(
            of.last - before.devices[name].last >= _WRITTEN_EVERY or of.quantities != before.devices[name].quantities
            for name, of in self.devices.items()
        )


def _bytes(content: Mapping[str, Any]) -> int:
    return len(json.dumps(content, ensure_ascii=False).encode(errors="replace"))
