"""Storage of device maps and of devices heard, which are two kinds of a house's settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from roomidity.dialects.devices import NO_DEVICES, DeviceMap, parse_devices
from roomidity.domain.devices import HeardDevices
from roomidity.domain.setting import Setting
from roomidity.errors import ConflictError, InputError, ItemDamagedError
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.ports import Settings

__all__ = ["HEARD_KIND", "MAP_KIND", "ParsedMaps", "change_map", "heard_devices", "read_map", "write_heard"]

logger: Final = logging.getLogger(__name__)

MAP_KIND: Final = "devices"
HEARD_KIND: Final = "devices-heard"

_HEARD_FOR: Final = timedelta(days=35)

ParsedMaps = MutableMapping[str, tuple[int, DeviceMap]]
"""Maps each house to its parsed device map, with the version that was parsed."""


def read_map(settings: Settings, house: str, parsed: ParsedMaps | None = None) -> DeviceMap:
    """Returns a house's device map, which is parsed again only if it has changed.

    A stored map that cannot be read counts as empty, which is logged. Its devices are then unmapped, and their readings
    are kept until the map is mended.
    """
    try:
        setting = settings.get(house, MAP_KIND)
    except ItemDamagedError:
        logger.exception("a device map cannot be read; its devices count as unmapped", extra={"house": house})
        return NO_DEVICES
    if setting is None:
        return NO_DEVICES
    known = parsed.get(house) if parsed is not None else None
    if known is not None and known[0] == setting.version:
        return known[1]
    try:
        devices = parse_devices(setting.content)
    except InputError:
        logger.exception("a device map cannot be used; its devices count as unmapped", extra={"house": house})
        return NO_DEVICES
    if parsed is not None:
        parsed[house] = setting.version, devices
    return devices


def change_map(
    settings: Settings, backoff: BackOff, house: str, change: Callable[[DeviceMap], DeviceMap]
) -> tuple[DeviceMap, bool]:
    """Change a house's device map. Returns the map, and whether it was changed.

    If other writers are faster, the map is read and changed again.

    Raises
    ------
    ConflictError
        If others were faster every time.
    InputError
        If the stored map cannot be used.
    """
    for attempt in range(ATTEMPTS):
        stored = settings.get(house, MAP_KIND)
        setting = stored or Setting(house, MAP_KIND, {"devices": {}})
        before = parse_devices(setting.content) if stored is not None else NO_DEVICES
        after = change(before)
        if after == before:
            return before, False
        try:
            settings.put(replace(setting, content={"devices": after.plain()}))
        except ConflictError:
            backoff.pause(attempt)
            continue
        return after, True
    raise ConflictError(f"the device map of house {house!r}", attempts=ATTEMPTS)


def heard_devices(settings: Settings, house: str, *, now: datetime) -> tuple[HeardDevices, int]:
    """Returns the unmapped devices that a house has heard, and the version of the list."""
    try:
        setting = settings.get(house, HEARD_KIND)
    except ItemDamagedError as error:
        logger.warning("the list of devices heard cannot be read, and begins anew", extra={"why": str(error)})
        return HeardDevices({}), 0
    if setting is None:
        return HeardDevices({}), 0
    if setting.has_expired(now):
        return HeardDevices({}), setting.version
    return HeardDevices.from_plain(setting.content), setting.version


def write_heard(settings: Settings, house: str, heard: HeardDevices, version: int, *, now: datetime) -> None:
    """Write the list with optimistic locking. If another drain was faster, its list is as good."""
    setting = Setting(house, HEARD_KIND, heard.plain(), version, expires_at=now + _HEARD_FOR)
    try:
        settings.put(setting)
    except ConflictError:
        logger.info("another drain was faster to write the devices heard", extra={"house": house})
