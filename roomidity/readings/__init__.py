"""Readings: from message bodies to checked rows, to the set of values of a slot, to the observations in it."""

from __future__ import annotations

from roomidity.readings.checks import LIMITS, Checked, Limits, check
from roomidity.readings.messages import pack_lines, pack_readings
from roomidity.readings.observations import derive
from roomidity.readings.packing import Unpacked, pack_sets, unpack_sets
from roomidity.readings.reasons import DUPLICATES, REASONS, Duplicate, Reason
from roomidity.readings.union import Union, union
from roomidity.readings.wire import Decoded, decode

__all__ = [
    "DUPLICATES",
    "LIMITS",
    "REASONS",
    "Checked",
    "Decoded",
    "Duplicate",
    "Limits",
    "Reason",
    "Union",
    "Unpacked",
    "check",
    "decode",
    "derive",
    "pack_lines",
    "pack_readings",
    "pack_sets",
    "union",
    "unpack_sets",
]
