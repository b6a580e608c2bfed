"""Devices: whether the houses' maps are usable, and which devices without a room are heard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from roomidity.dialects import NO_DEVICES, DeviceMap, parse_devices
from roomidity.doctor.findings import Finding, some
from roomidity.domain.houses import House
from roomidity.errors import InputError, StoreError
from roomidity.pipeline.device_maps import MAP_KIND, heard_devices
from roomidity.pipeline.ports import Settings

__all__ = ["devices"]

_LATELY: Final = timedelta(days=1)


def devices(settings: Settings, houses: Sequence[House], *, now: datetime) -> Finding:
    """Returns whether the device maps of some houses are usable, and which devices heard within a day are unmapped.

    The latter are reported but not wrong, since a radio also hears the neighbours' sensors.
    """
    bad: dict[str, str] = {}
    waiting: dict[str, list[str]] = {}
    mapped = 0
    for house in houses:
        try:
            known = _map(settings, house.name)
            heard, _ = heard_devices(settings, house.name, now=now)
        except InputError as error:
            bad[house.name] = str(error)
            continue
        except StoreError:
            continue  # Reported by the check of stored items.
        mapped += len(known.devices)
        names = [
            name
            for name, of in heard.devices.items()
            if of.quantities and of.last >= now - _LATELY and known.get(name) is None
        ]
        if names:
            waiting[house.name] = sorted(names)
    if bad:
        mend = some(f"roomidity devices import {house} FILE --replace" for house in bad)
        found = some(f"{house}: {why}" for house, why in bad.items())
        return Finding("devices", "wrong", found, "device maps that can be used; their devices count as unmapped", mend)
    if not waiting:
        return Finding("devices", "ok", f"{mapped} mapped; none heard within a day has no room")
    count = sum(map(len, waiting.values()))
    named = some(f"{house}: {', '.join(names[:3])}" for house, names in waiting.items())
    first = next(iter(waiting))
    found = f"{mapped} mapped; {count} heard within a day have no room ({named}); see roomidity devices list {first}"
    return Finding("devices", "ok", found)


def _map(settings: Settings, house: str) -> DeviceMap:
    setting = settings.get(house, MAP_KIND)
    return NO_DEVICES if setting is None else parse_devices(setting.content)
