"""Home Assistant's recorder: the history of a home in a SQLite database, states and long-term statistics.

The database is opened to be read alone (`database`); its entities become series of a room by the map (`entities`), its
time windows of bounded size (`windows`), and of each window the finest rows that there are become readings (`rows`,
`history`). Without a map one is proposed (`proposal`).
"""

from __future__ import annotations

from roomidity.files.recorder.database import is_sqlite
from roomidity.files.recorder.history import History
from roomidity.files.recorder.proposal import proposed_map

__all__ = ["History", "is_sqlite", "proposed_map"]
