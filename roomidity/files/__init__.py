"""Reads files of readings in the forms people have them: Parquet, CSV, JSON and Home Assistant's recorder.

Bytes become lines of text (`text`). Lines or columns become a table (`separated`, `objects`, `parquet`). A table
becomes rows of readings (`headers`, `roles`, `shapes`, `long`). Rows become readings or rejected rows, by the same
rules as for all other inputs (`clocks`, `checking`). A recorder's database has its own path to rows (`recorder`), in
parts that fit in memory. Good rows are used, bad ones are counted with line and reason.
"""

from __future__ import annotations

from roomidity.files.checking import FileReadings
from roomidity.files.hints import Hints, read_units
from roomidity.files.mapping import EntityMap, read_map
from roomidity.files.reading import read_parts, read_readings, refuse_bad
from roomidity.files.recorder import History, is_sqlite, proposed_map
from roomidity.files.report import problems, remedies
from roomidity.files.slots import SlotMeans, read_outdoor, read_slots, read_whole

__all__ = [
    "EntityMap",
    "FileReadings",
    "Hints",
    "History",
    "SlotMeans",
    "is_sqlite",
    "problems",
    "proposed_map",
    "read_map",
    "read_outdoor",
    "read_parts",
    "read_readings",
    "read_slots",
    "read_units",
    "read_whole",
    "refuse_bad",
    "remedies",
]
