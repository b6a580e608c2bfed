"""Readings: from message bodies to checked rows, to the set of values of a slot, to what was observed in it."""

from __future__ import annotations

from roomidity.readings.checks import LIMITS, Checked, Limits, check
from roomidity.readings.messages import Message, pack_lines, pack_readings
from roomidity.readings.observations import Quarantine, derive
from roomidity.readings.reasons import DUPLICATES, REASONS, Duplicate, Reason
from roomidity.readings.sets import QUANTITIES, SlotKey, Union, pack_sets, union, unpack_sets, unreadable_sets
from roomidity.readings.wire import Decoded, decode

__all__ = [
    "DUPLICATES",
    "LIMITS",
    "QUANTITIES",
    "REASONS",
    "Checked",
    "Decoded",
    "Duplicate",
    "Limits",
    "Message",
    "Quarantine",
    "Reason",
    "SlotKey",
    "Union",
    "check",
    "decode",
    "derive",
    "pack_lines",
    "pack_readings",
    "pack_sets",
    "union",
    "unpack_sets",
    "unreadable_sets",
]
