"""The closed lists of reasons why a reading is rejected, and of kinds of duplicates."""

from __future__ import annotations

from typing import Final, Literal, get_args

__all__ = ["DUPLICATES", "FORGOTTEN", "REASONS", "Duplicate", "Reason"]

Reason = Literal[
    "malformed",  # not JSON, or not an object
    "unmapped",  # of a device without a room in any map; some of each slot are kept until it has one
    "bad_name",  # house, room or sensor is missing, too long or has a character that keys must not have
    "house_conflict",  # it names another house than the one stated beside the readings
    "bad_time",  # ts is missing, cannot be read, or has no offset
    "bad_value",  # temperature or humidity is not a number
    "no_value",  # neither temperature nor humidity
    "unit",  # the room's values can only be in a unit other than °C or %RH, and no setting says which
    "implausible",  # outside -60..85 °C, more than 5 %RH outside 0..100 %RH, or not finite
    "future",  # more than 5 minutes after its message was sent
    "too_old",  # before the retention window
    "too_many",  # the house already has the maximum number of rooms and sensors
    "weather",  # a forecast of the weather that cannot be one, exceeds the hourly limit, or is of an unknown house
    "quota",  # of a new house, after the maximum number of new houses per tick or day
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

FORGOTTEN: Final = "forgotten"
"""The reason for readings sent before their house was forgotten. They are counted as rejected, but not kept."""

Duplicate = Literal[
    "repeat",  # the same value at the same time
    "conflict",  # another value at the same time
    "dense",  # another value within the same 5 s
]
DUPLICATES: Final[tuple[Duplicate, ...]] = get_args(Duplicate)
