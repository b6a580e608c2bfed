"""Home Assistant's recorder: a home's history in a SQLite database, as states and long-term statistics.

The database is opened read-only (`database`). The map turns its entities into series of a room (`entities`). Its time
span is split into windows of bounded size (`windows`), and the finest rows in each window become readings (`rows`,
`history`). If there is no map, one is proposed (`proposal`).
"""

from __future__ import annotations

from roomidity.files.recorder.database import is_sqlite
from roomidity.files.recorder.history import History
from roomidity.files.recorder.proposal import proposed_map

__all__ = ["History", "is_sqlite", "proposed_map"]
