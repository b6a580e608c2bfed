"""Stores rejected readings in at most a few times as many bytes as the messages they came in.

A rejected reading is normally stored on its own, with its reason, its message and what was sent. If this would take far
more space than the message (thousands of readings with many common keys), a message's rejected readings are stored
together: packed as they came, with the reason for each. This also holds for readings that name another house than the
one stated beside them. Stored without the stated house, they would come back as readings of the house they name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import compress, groupby
from typing import Any, Final

import polars as pl

from roomidity.domain.messages import Message
from roomidity.domain.slots import from_epoch_ms
from roomidity.readings.careful import names_another_house, original_of, split_body
from roomidity.readings.wire import Decoded

__all__ = ["bodies_of", "count_by_reason", "describe", "divide", "expand"]

Reject = dict[str, Any]
"""One reading: reason, house, message_id, position, sent_at, original."""

Kept = dict[str, Any]
"""A stored line: either a reject, or a body ``packed`` with its ``rejects`` (reason, house, spans of positions)."""

_Place = tuple[int, str, str | None]
"""Position in the message, reason, house."""

_MOST: Final = 4
"""Maximum size of a message's separately stored rejects, as a multiple of the characters of the message."""

_BESIDE: Final = 200
"""Number of characters stored in addition to what was sent of a reading."""


def describe(decoded: Decoded, rejected: pl.DataFrame) -> list[Kept]:
    """Returns what is to be stored of the ``rejected`` readings (message, position, house, reason), by message."""
    kept: list[Kept] = []
    ordered = rejected.sort("message", "position").select("message", "position", "house", "reason")
    for place, rows in groupby(ordered.iter_rows(), key=lambda row: row[0]):
        message = decoded.messages[place]
        common, readings = split_body(message.body)
        found = [(position, reason, house) for _, position, house, reason in rows]
        kept += _apart(message, common, readings, found) or [_together(message, common, readings, found)]
    return kept


def expand(kept: Kept) -> Iterator[Reject]:
    """Yields the rejects of a line one by one."""
    if "packed" not in kept:
        yield kept
        return
    common, readings = split_body(kept["packed"])
    for (position, reason, house), reading in zip(_places(kept), readings, strict=True):
        yield _reject(kept, position, reason, house, original_of(common, reading))


def divide(kept: Kept, chosen: Callable[[Reject], bool]) -> tuple[Kept | None, Kept | None]:
    """Returns a line split in two, its ``chosen`` rejects and the others. Each is None if there are none."""
    if "packed" not in kept:
        return (kept, None) if chosen(kept) else (None, kept)
    are_chosen = [chosen(reject) for reject in expand(kept)]
    if len(set(are_chosen)) == 1:
        return (kept, None) if are_chosen[0] else (None, kept)
    return _part(kept, are_chosen), _part(kept, [not one for one in are_chosen])


def count_by_reason(kept: Kept) -> dict[str, int]:
    """Returns the number of a line's rejects by reason."""
    if "packed" not in kept:
        return {kept["reason"]: 1}
    counts: dict[str, int] = {}
    for group in kept["rejects"]:
        readings = sum(last - first + 1 for first, last in group["positions"])
        counts[group["reason"]] = counts.get(group["reason"], 0) + readings
    return counts


def bodies_of(kept: Kept, *, max_bytes: int) -> Iterator[str]:
    """Yields the bodies that bring back readings stored together, with everything that stood beside them."""
    body = kept["packed"]
    places = _places(kept)
    if len(body.encode()) <= max_bytes or len(places) == 1:
        yield body
        return
    half = len(places) // 2
    for first in (True, False):
        part = _part(kept, [(number < half) == first for number in range(len(places))])
        yield from bodies_of(part, max_bytes=max_bytes)


def _apart(message: Message, common: dict[str, Any], readings: list[Any], found: list[_Place]) -> list[Kept] | None:
    """Returns one line per reading, or None if they would be too long or lose the house stated beside a reading."""
    left = _MOST * len(message.body)
    if len(found) > 1 and len(found) * _BESIDE > left:
        return None
    rejects: list[Kept] = []
    for position, reason, house in found:
        reading = readings[position]
        if names_another_house(common, reading):
            return None
        rejects.append(_reject(_sender(message), position, reason, house, original_of(common, reading)))
        left -= _BESIDE + len(json.dumps(rejects[-1]["original"]))
        if len(found) > 1 and left < 0:
            return None
    return rejects


def _together(message: Message, common: dict[str, Any], readings: list[Any], found: list[_Place]) -> Kept:
    return _kept(_sender(message), common, [readings[position] for position, _, _ in found], found)


def _part(kept: Kept, taken: list[bool]) -> Kept:
    """Returns some of the rejects of a line in which they are stored together."""
    common, readings = split_body(kept["packed"])
    return _kept(kept, common, list(compress(readings, taken)), list(compress(_places(kept), taken)))


def _kept(sender: Mapping[str, Any], common: dict[str, Any], readings: list[Any], places: list[_Place]) -> Kept:
    groups: dict[tuple[str, str | None], list[list[int]]] = {}
    for position, reason, house in places:
        spans = groups.setdefault((reason, house), [])
        if spans and spans[-1][1] == position - 1:
            spans[-1][1] = position
        else:
            spans.append([position, position])
    return {
        "message_id": sender["message_id"],
        "sent_at": sender["sent_at"],
        "packed": json.dumps({**common, "readings": readings}, separators=(",", ":"), ensure_ascii=False),
        "rejects": [
            {"reason": reason, "house": house, "positions": spans} for (reason, house), spans in groups.items()
        ],
    }


def _places(kept: Kept) -> list[_Place]:
    """Returns position, reason and house of each packed reading, in the order of the readings."""
    return sorted(
        (
            (position, group["reason"], group["house"])
            for group in kept["rejects"]
            for first, last in group["positions"]
            for position in range(first, last + 1)
        ),
        key=lambda place: place[0],
    )


def _sender(message: Message) -> dict[str, str]:
    sent_at = from_epoch_ms(message.sent_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"message_id": message.id, "sent_at": sent_at}


def _reject(sender: Mapping[str, Any], position: int, reason: str, house: str | None, original: Any) -> Reject:
    return {
        "reason": reason,
        "house": house,
        "message_id": sender["message_id"],
        "position": position,
        "sent_at": sender["sent_at"],
        "original": _plain(original),
    }


def _plain(original: Any) -> Any:
    """Returns the original if it is strict JSON, else (NaN, infinity) the text that Python writes for it."""
    try:
        json.dumps(original, allow_nan=False)
    except ValueError:
        return json.dumps(original)
    return original
