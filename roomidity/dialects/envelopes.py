"""Envelopes that a bridge or a rule has put around messages heard by a gateway.

A bridge writes ``{"house", "messages": [{"topic", "received_at", "payload", "retain"}, ...]}``. An AWS IoT rule writes
one object per message. Topic and time stand either beside the payload's own keys, or beside a key that holds the
payload, in base64 if the rule is configured so. A rule may wrap again what another rule has republished.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from roomidity.dialects.heard import Heard, parsed
from roomidity.dialects.times import absolute
from roomidity.domain.names import kept_name

__all__ = ["Broken", "Found", "Kept", "Opened", "Stamp", "from_base64", "is_own", "open_envelope"]

_TOPICS: Final = ("topic", "mqtt_topic", "mqttTopic")
_PAYLOADS: Final = ("payload", "message", "mqtt_payload")
_RULE_TIMES: Final = ("received_at", "timestamp", "timestamp_ms", "ts")
_RULE_MS: Final = 1e11
"""A rule's ``timestamp()`` is an integer in ms. A smaller number is a time of the payload itself."""

_DEEPEST: Final = 4
_SHORTEST: Final = 8
"""Minimum number of characters. Many shorter words happen to be valid base64 of some text, though not of a number."""

_BASE64: Final = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
_NUMERAL: Final = re.compile(r"\s*-?\d+(\.\d+)?\s*")


class Stamp(NamedTuple):
    """The house named by the outermost envelope, and a different one claimed inside it. Each is None if not given."""

    house: Any = None
    claimed: Any = None

    def within(self, content: Mapping[str, Any]) -> Stamp:
        """Returns the stamp for what is inside ``content``, which may itself name a house."""
        said = content.get("house")
        if said is None:
            return self
        if self.house is None:
            return Stamp(said)
        texts = isinstance(said, str) and isinstance(self.house, str)
        return self if texts and kept_name(said) == kept_name(self.house) else Stamp(self.house, said)


@dataclass(frozen=True)
class Broken:
    """An entry of an envelope that is not a message."""

    entry: Any
    stamp: Stamp


@dataclass(frozen=True)
class Kept:
    """A reading of an unmapped device, kept until somebody maps the device."""

    reading: Mapping[str, Any]
    stamp: Stamp
    received: datetime


@dataclass(frozen=True)
class Opened:
    """A message taken out of its envelopes."""

    heard: Heard
    stamp: Stamp


Found = Opened | Broken | Kept


def open_envelope(
    content: Any, *, received: datetime, topic: str = "", house: Any = None, retain: bool = False
) -> Iterator[Found]:
    """Yields the messages in ``content``, received at ``received`` unless the envelope gives its own time.

    ``house`` is the house the messages must belong to. The caller judges whether a message may claim another one.
    """
    yield from _open(Opened(Heard(topic, content, received, retain), Stamp(house)), depth=0)


def is_own(payload: Any) -> bool:
    """Returns whether a payload is in the project's own form: a list of readings, or a reading that names its room."""
    return isinstance(payload, dict) and (isinstance(payload.get("readings"), list) or "room" in payload)


def from_base64(text: str) -> Any:
    """Returns what a base64 text encodes if that is JSON or a number, else None."""
    if not _BASE64.fullmatch(text):
        return None
    try:
        said = base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    found = parsed(said) if len(text) >= _SHORTEST else said
    return found if not isinstance(found, str) or _NUMERAL.fullmatch(found) else None


def _open(outer: Opened, *, depth: int) -> Iterator[Found]:
    heard = outer.heard
    payload = parsed(heard.payload)
    if isinstance(payload, str):
        decoded = from_base64(payload)
        payload = payload if decoded is None else decoded
    if not isinstance(payload, dict) or is_own(payload) or depth > _DEEPEST:
        yield Opened(replace(heard, payload=payload), outer.stamp)
        return
    stamp = outer.stamp.within(payload)
    if isinstance(payload.get("messages"), list):
        for entry in payload["messages"]:
            yield from _entry(entry, heard, stamp, depth=depth + 1)
    elif _is_kept(payload):
        yield Kept(payload, stamp, heard.received)
    else:
        yield from _rule(payload, heard, stamp, depth=depth + 1)


def _entry(entry: Any, outer: Heard, stamp: Stamp, *, depth: int) -> Iterator[Found]:
    """Yields the contents of one entry of a bridge's envelope."""
    if not isinstance(entry, dict):
        yield Broken(entry, stamp)
        return
    said = entry.get("received_at")
    received = outer.received if said is None else absolute(said)
    topic = next((entry[key] for key in _TOPICS if key in entry), "")
    retain = entry.get("retain") or False
    if _is_kept(entry):
        yield Kept(entry, stamp.within(entry), outer.received)
    elif "payload" not in entry or not isinstance(topic, str) or not isinstance(retain, bool | int) or received is None:
        yield Broken(entry, stamp)
    else:
        heard = Heard(topic, entry["payload"], received, bool(retain) or outer.retain)
        yield from _open(Opened(heard, stamp.within(entry)), depth=depth)


def _rule(payload: Mapping[str, Any], heard: Heard, stamp: Stamp, *, depth: int) -> Iterator[Found]:
    """Yields what a rule has wrapped, or the bare message."""
    topic = next((payload[key] for key in _TOPICS if isinstance(payload.get(key), str)), None)
    if topic is None:
        yield Opened(replace(heard, payload=payload), stamp)
        return
    times = (payload[key] for key in _RULE_TIMES if isinstance(payload.get(key), int) and payload[key] > _RULE_MS)
    received = next((moment for moment in map(absolute, times) if moment is not None), heard.received)
    inner = next((key for key in _PAYLOADS if key in payload), None)
    if inner is None:
        yield Opened(Heard(topic, payload, received, heard.retain), stamp)
    else:
        yield from _open(Opened(Heard(topic, payload[inner], received, heard.retain), stamp), depth=depth)


def _is_kept(payload: Mapping[str, Any]) -> bool:
    return isinstance(payload.get("device"), str) and isinstance(payload.get("ts"), str) and "payload" not in payload
