"""Translates a drain's foreign messages into bodies of the project's own form, which then take the usual path.

A message of no known form stays as it is, and is rejected as such. Some readings per slot of unmapped devices are kept
until a map knows the device. Everything else heard of them is in the house's list of devices.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import polars as pl

from roomidity.dialects import NO_DEVICES, DeviceMap, HeardDevice, Reading, open_envelope, translate
from roomidity.dialects.bodies import own_form, with_faults
from roomidity.dialects.envelopes import Found, Opened, Stamp, from_base64, is_own
from roomidity.dialects.times import absolute
from roomidity.dialects.translating import house_of
from roomidity.domain.devices import HeardDevices, HeardOf, cut
from roomidity.domain.houses import House
from roomidity.domain.messages import Message
from roomidity.domain.slots import SLOT_MS, from_epoch_ms, to_epoch_ms
from roomidity.pipeline.device_maps import ParsedMaps, heard_devices, read_map, write_heard
from roomidity.pipeline.foreign import Translated
from roomidity.pipeline.ports import Houses, Settings
from roomidity.readings import Decoded, Reason, decode
from roomidity.readings.lenient import loads

__all__ = ["Translator"]

logger: Final = logging.getLogger(__name__)

_KEPT_A_SLOT: Final = 5
"""Readings that are kept of an unmapped device per slot. That is at most 480 a day of a device that may send one a
second.
"""

_NEW_HOUSES: Final = 50
"""Maximum unknown houses per drain whose map is read and whose devices are listed, because anybody can name
thousands.
"""


class Translator:
    """Translates the foreign messages of a drain. It reads a house's map once, and only if a message needs it."""

    def __init__(self, settings: Settings, houses: Houses, parsed: ParsedMaps, *, timezone: str, now: datetime) -> None:
        self._settings = settings
        self._houses = houses
        self._parsed = parsed
        self._timezone = timezone
        self._now = now
        self._maps: dict[str, DeviceMap] = {}
        self._homes: dict[str, House | None] = {}
        self._unknown = 0
        self._overlooked: set[str] = set()
        self._before: dict[str, tuple[HeardDevices, int]] = {}
        self._heard: dict[str, HeardDevices] = {}

    def translate(self, decoded: Decoded, foreign: Sequence[int]) -> Translated:
        """Returns the decoded messages, in which the ``foreign`` ones are translated."""
        found = Translated(decoded)
        messages = list(decoded.messages)
        faults: dict[tuple[int, int], Reason] = {}
        kept: Counter[tuple[str, str, int]] = Counter()
        opened = {place: _opened(messages[place]) for place in foreign}
        self._look_up(one.stamp for some in opened.values() for one in some)
        for place, inside in opened.items():
            translation = translate(inside, devices=self._map, zones=self._zone)
            if not inside or (_is_bare(inside) and not translation.dialects):
                continue  # not of another form, and rejected as what it is
            self._note([one for one in translation.unmapped if not self._is_of_forgotten(one, messages[place])])
            readings = [one for one in translation.readings if one.is_mapped or self._keeps(one, kept)]
            found.unkept[place] = len(translation.readings) - len(readings)
            found.no_reading[place], found.retained[place] = translation.no_reading, translation.retained
            messages[place], wrong = own_form(messages[place], readings, translation.broken)
            faults |= {(place, position): reason for position, reason in wrong.items()}
        own = decode([messages[place] for place in foreign]).rows
        places = pl.Series(foreign, dtype=pl.UInt32)
        own = own.with_columns(places.gather(own["message"]).alias("message"))
        others = decoded.rows.filter(~pl.col("message").is_in(list(foreign)))
        rows = with_faults(pl.concat([others, own]), faults)
        return Translated(Decoded(messages, rows), found.unkept, found.no_reading, found.retained)

    def write_heard(self) -> None:
        """Store what was heard of unmapped devices."""
        for house, all_heard in self._heard.items():
            before, version = self._before[house]
            heard = all_heard.without(self._map(house).devices, now=self._now)
            if heard.is_worth_writing(before):
                write_heard(self._settings, house, heard, version, now=self._now)

    def _look_up(self, stamps: Iterable[Stamp]) -> None:
        """Read the houses that are named, and decide whose maps are not read."""
        names = {name for stamp in stamps if (name := house_of(stamp)) is not None} - self._homes.keys()
        found = self._houses.get_many(sorted(names)) if names else {}
        for name in sorted(names):
            self._homes[name] = found.get(name)
            self._unknown += name not in found
            if name not in found and self._unknown > _NEW_HOUSES:
                self._overlooked.add(name)

    def _map(self, house: str) -> DeviceMap:
        if house in self._overlooked:
            return NO_DEVICES
        if house not in self._maps:
            self._maps[house] = read_map(self._settings, house, self._parsed)
        return self._maps[house]

    def _zone(self, house: str) -> str:
        home = self._homes[house]
        return self._timezone if home is None else home.zone

    def _is_of_forgotten(self, one: HeardDevice, message: Message) -> bool:
        """Returns whether a device was heard in a message that was sent before its house was forgotten."""
        home = self._homes.get(one.house)
        return home is not None and home.forgotten_at is not None and message.sent_ms <= to_epoch_ms(home.forgotten_at)

    def _note(self, unmapped: Sequence[HeardDevice]) -> None:
        texts: dict[int, str] = {}  # by message, since one may have thousands of devices
        for one in unmapped:
            if one.house in self._overlooked:
                continue
            if one.house not in self._before:
                self._before[one.house] = heard_devices(self._settings, one.house, now=self._now)
                self._heard[one.house] = self._before[one.house][0]
            if not self._heard[one.house].takes(one.device):
                continue
            text = ""
            if one.message is not None:
                text = texts.setdefault(id(one.message), "") or cut(_text(one.message.payload))
                texts[id(one.message)] = text
            of = HeardOf(
                last=min(self._now, one.message.received) if one.message else self._now,
                quantities=frozenset([one.quantity] if one.quantity else []),
                room=one.room,
                dialect=one.dialect,
                message=text,
            )
            self._heard[one.house] = self._heard[one.house].hear({one.device: of})

    def _keeps(self, reading: Reading, kept: Counter[tuple[str, str, int]]) -> bool:
        """Returns whether a reading of an unmapped device is one of those that are kept."""
        at = absolute(reading.sent["ts"])
        if reading.device is None or reading.house is None or at is None:
            return True  # of no house that could have a map, and rejected as what it is
        heard = self._heard.get(reading.house)
        if heard is not None and reading.device not in heard.devices:
            return False
        slot = reading.house, reading.device, to_epoch_ms(at) // SLOT_MS
        kept[slot] += 1
        return kept[slot] <= _KEPT_A_SLOT


def _opened(message: Message) -> list[Found]:
    """Returns the contents of a message's envelopes.

    It is empty for a message of the project's own form, or without JSON.
    """
    try:
        content = _parsed(message.body)
        if is_own(content):
            return []
    except ValueError:
        content = from_base64(message.body)
    return list(open_envelope(content, received=from_epoch_ms(message.sent_ms)))


def _is_bare(inside: Sequence[Found]) -> bool:
    """Returns whether a message had neither an envelope nor a topic that could say what it is."""
    return len(inside) == 1 and isinstance(inside[0], Opened) and not inside[0].heard.topic


def _parsed(body: str) -> Any:
    """Returns the parsed body. msgspec is fast, and the lenient parser handles what it refuses."""
    try:
        return msgspec.json.decode(body.encode())
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return loads(body)


def _text(payload: Any) -> str:
    if isinstance(payload, str):
        return payload
    plain = dict(payload) if isinstance(payload, Mapping) else payload
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), default=str)
