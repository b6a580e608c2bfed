"""A recorder's database, opened read-only, which is safe while Home Assistant writes to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from roomidity.errors import ReadingsFileError

__all__ = ["KNOWN_SCHEMAS", "Recorder", "is_sqlite"]

KNOWN_SCHEMAS: Final = (41, 53)
"""The schemas of Home Assistant 2023.8 and 2025.11. Others are accepted if they have the columns that are read."""

_MAGIC: Final = b"SQLite format 3\x00"
_WAL: Final = 2
"""Value of bytes 18 and 19 if the database uses a write-ahead log."""

_WAIT_S: Final = 10.0
"""How long to wait for a writer's lock, in s. With a write-ahead log, the default, no writer locks the database."""

_LONGEST_VALUE: Final = 4_000_000
"""Maximum size of a cell in bytes. Home Assistant's longest attributes have 16 KiB."""

_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "states_meta": frozenset({"metadata_id", "entity_id"}),
    "states": frozenset({"state_id", "metadata_id", "state", "last_updated_ts", "attributes_id"}),
    "state_attributes": frozenset({"attributes_id", "shared_attrs"}),
    "statistics_meta": frozenset({"id", "statistic_id", "unit_of_measurement"}),
    "statistics": frozenset({"id", "metadata_id", "start_ts", "mean"}),
    "statistics_short_term": frozenset({"id", "metadata_id", "start_ts", "mean"}),
}
"""Tables and columns that are read.

The flag for statistics with a mean has changed twice, so a mean counts wherever it is present.
"""

_COPY: Final = "a copy by: sqlite3 home-assistant_v2.db '.backup copy.db'"


def is_sqlite(path: Path) -> bool:
    """Returns whether the file begins like a SQLite database."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


@dataclass(frozen=True)
class Recorder:
    """An open database. ``schema`` is the version it states, or None if it states none."""

    path: Path
    schema: int | None
    connection: sqlite3.Connection

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Recorder]:
        """Yields the database, which is open until the end of the block.

        Raises
        ------
        ReadingsFileError
            If it cannot be read or does not belong to a recorder.
        """
        connection = _connected(path)
        try:
            yield cls(path, _checked(connection, path), connection)
        finally:
            connection.close()

    def select(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Returns all rows of a query. No lock is held afterwards, so that Home Assistant never has to wait.

        Raises
        ------
        ReadingsFileError
            If the query fails.
        """
        return _select(self.connection, self.path, sql, parameters)


def _connected(path: Path) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    if _has_no_writer(path):
        uri += "&immutable=1"  # Otherwise SQLite would create files beside it, or fail without write permission.
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None)
    except sqlite3.Error as error:
        raise _told(path, error) from error
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    for pragma in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _has_no_writer(path: Path) -> bool:
    """Returns whether nobody has the database open: its header says it uses a write-ahead log, but there is none."""
    with path.open("rb") as file:
        head = file.read(20)
    return head[18:20] == bytes((_WAL, _WAL)) and not path.with_name(f"{path.name}-wal").exists()


def _checked(connection: sqlite3.Connection, path: Path) -> int | None:
    """Returns the schema version. Raises ReadingsFileError if a table (not a view) or a column is missing."""
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    tables = {name for (name,) in _select(connection, path, sql, ())}
    missing = [table for table in _COLUMNS if table not in tables]
    version = None
    if "schema_changes" in tables:
        sql = "SELECT schema_version FROM schema_changes ORDER BY change_id DESC LIMIT 1"
        version = next((one for (one,) in _select(connection, path, sql, ()) if isinstance(one, int)), None)
    for table in _COLUMNS.keys() - missing:
        found = {name for _, name, *_ in _select(connection, path, f"PRAGMA table_info({table})", ())}
        missing += [f"{table}.{column}" for column in sorted(_COLUMNS[table] - found)]
    if len(missing) >= len(_COLUMNS) and "states" in missing:
        found_text = "a SQLite database that has none of the recorder's tables"
        raise ReadingsFileError(path, column=None, found=found_text, expected="Home Assistant's home-assistant_v2.db")
    if missing:
        raise ReadingsFileError(
            path,
            column=None,
            found=f"a recorder's database of schema {version or 'unknown'} without {', '.join(sorted(missing)[:6])}",
            expected=f"schema {KNOWN_SCHEMAS[0]} (Home Assistant 2023.8) or newer, whole: let a current Home Assistant "
            "start with it once, which migrates it",
        )
    return version


def _select(connection: sqlite3.Connection, path: Path, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.Error as error:
        raise _told(path, error) from error


def _told(path: Path, error: sqlite3.Error) -> ReadingsFileError:
    """Returns what a person should know about a SQLite error."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        found, expected = (
            "a SQLite database that another program has locked",
            f"one that can be read: try again, or {_COPY}",
        )
    elif code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR):
        found, expected = "a SQLite database that is damaged or cut short", f"a whole one: {_COPY}"
    elif code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        found = "a SQLite database that cannot be opened to be read, or was left in the middle of a write"
        expected = f"the right to read it and its folder, or {_COPY}"
    else:
        found, expected = f"a SQLite database that cannot be read ({error})", f"a recorder's, whole: {_COPY}"
    return ReadingsFileError(path, column=None, found=found, expected=expected)
