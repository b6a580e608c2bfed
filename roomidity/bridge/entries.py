"""Turns a broker's messages into envelope entries, which :mod:`roomidity.dialects.envelopes` opens in the drain.

They are not translated here. The drain interprets each message with its device map and version, so that a bridge that
has been in a cupboard for years needs no update.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from roomidity.dialects.envelopes import Broken, Kept, is_own, open_envelope
from roomidity.dialects.heard import parsed
from roomidity.dialects.recognise import recognise
from roomidity.dialects.times import format_exact

__all__ = ["LeftOut", "Published", "entry_of", "has_own_time"]


class LeftOut(StrEnum):
    """Why a message is not forwarded. Nothing will change that, so it is acknowledged and counted."""

    NOT_UTF8 = "not_utf8"  # such as a picture; JSON cannot hold it, and no dialect uses it
    RETAINED = "retained"  # from the broker's store, and of unknown age
    TOO_LARGE = "too_large"  # for the queue
    NOT_ASKED = "not_asked"  # from an earlier subscription that the broker still keeps
    OWN = "own"  # published by a bridge to Home Assistant, so not a reading
    NO_WEATHER = "no_weather"  # on the weather topic, but not a weather forecast
    REFUSED = "refused"  # by the queue, because of its content


_CLOCK_IS_SET: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""A clock before this was never set, as after a start without a network. The queue's time is used instead."""

_FEW_BRACKETS: Final = 64
"""Maximum number of brackets in a payload that is embedded as JSON.

A payload nested deeper than a parser accepts would spoil the whole envelope, so it is sent as text.
"""


@dataclass(frozen=True)
class Published:
    """A message as the broker delivered it.

    Parameters
    ----------
    topic
        The topic, or None if it is not UTF-8.
    qos
        0 to 2. At 0 the broker wants no acknowledgement and keeps no copy.
    mid
        The packet's identifier, valid for one connection. It is 0 at QoS 0.
    retain
        Whether it comes from the broker's store, so that its age is unknown.
    dup
        Whether the broker says that it delivered it before.
    """

    topic: str | None
    payload: bytes
    qos: int = 0
    mid: int = 0
    retain: bool = False
    dup: bool = False


def entry_of(message: Published, *, received: datetime) -> str | LeftOut:
    """Returns the entry of a message received at ``received`` as ASCII JSON, or why it has none.

    >>> at = datetime(2026, 11, 22, 7, 14, 57, 250_000, tzinfo=UTC)
    >>> entry_of(Published("zigbee2mqtt/bath", b'{"humidity":51.2}'), received=at)
    '{"topic":"zigbee2mqtt/bath","received_at":"2026-11-22T07:14:57.250Z","payload":{"humidity":51.2}}'
    >>> entry_of(Published("esphome/bath/humidity", b"51.2"), received=at)
    '{"topic":"esphome/bath/humidity","received_at":"2026-11-22T07:14:57.250Z","payload":"51.2"}'
    >>> entry_of(Published("camera/door", bytes([0xFF, 0xD8])), received=at)
    <LeftOut.NOT_UTF8: 'not_utf8'>
    """
    try:
        payload = message.payload.decode()
    except UnicodeDecodeError:
        return LeftOut.NOT_UTF8
    if message.topic is None:
        return LeftOut.NOT_UTF8
    if message.retain and not has_own_time(message.topic, payload, received=received):
        return LeftOut.RETAINED
    content = payload if _can_be_embedded(message.payload) else json.dumps(payload)
    at = format_exact(received.replace(microsecond=received.microsecond // 1000 * 1000))
    came = f'"received_at":"{at}",' if received >= _CLOCK_IS_SET else ""
    retain = ',"retain":true' if message.retain else ""
    return f'{{"topic":{json.dumps(message.topic)},{came}"payload":{content}{retain}}}'


def has_own_time(topic: str, payload: str, *, received: datetime) -> bool:
    """Returns whether a message states when something was measured. The drain decides whether to trust it."""
    return any(map(_says_when, open_envelope(parsed(payload), received=received, topic=topic, retain=True)))


def _says_when(found: Any) -> bool:
    if isinstance(found, Kept | Broken):
        return isinstance(found, Kept)
    content = found.heard.payload
    if is_own(content):
        readings = content.get("readings")
        beside = content.get("ts")
        return any(
            isinstance(one, dict) and (one.get("ts", beside)) is not None
            for one in (readings if isinstance(readings, list) else [content])
        )
    return any(one.at is not None for one in recognise(found.heard)[1])


def _can_be_embedded(payload: bytes) -> bool:
    """Returns whether a payload is plain ASCII JSON of an object or array, which the envelope may contain unchanged."""
    if payload[:1] not in {b"{", b"["} or not payload.isascii():
        return False
    if payload.count(b"{") + payload.count(b"[") > _FEW_BRACKETS:
        return False
    try:
        msgspec.json.decode(payload)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True
