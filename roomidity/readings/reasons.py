"""The closed lists: why a reading is rejected, and how one can be a duplicate."""

from __future__ import annotations

from typing import Final, Literal, get_args

__all__ = ["DUPLICATES", "FORGOTTEN", "REASONS", "Duplicate", "Reason"]

Reason = Literal[
    "malformed",  # not JSON, or not an object
    "unmapped",  # of a device that no map gives a room; kept until one does, some of each slot
    "bad_name",  # house, room or sensor is missing, too long or has a character that keys must not have
    "house_conflict",  # it names another house than the one that stands beside the readings
    "bad_time",  # ts is missing, cannot be read, or has no offset
    "bad_value",  # temperature or humidity is not a number
    "no_value",  # neither temperature nor humidity
    "unit",  # the room's values can only be in another unit than °C or %RH, and no setting says which
    "implausible",  # outside -60..85 °C, more than 5 outside 0..100 %RH, or not finite
    "future",  # more than 5 minutes after its message was sent
    "too_old",  # before the retention window
    "too_many",  # the house has all the rooms and sensors that a house can have
    "weather",  # a forecast of the weather that cannot be one, is one too many an hour, or of a house never heard of
    "quota",  # of a new house, when as many came already as may come in a tick or a day
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

FORGOTTEN: Final = "forgotten"
"""Sent before its house was forgotten: rejected for this reason it is counted, as for any other, but not kept."""

Duplicate = Literal[
    "repeat",  # the same value at the same time again
    "conflict",  # another value at the same time
    "dense",  # another value within the same 5 seconds
]
DUPLICATES: Final[tuple[Duplicate, ...]] = get_args(Duplicate)
