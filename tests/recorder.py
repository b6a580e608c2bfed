"""Databases of Home Assistant's recorder, made with its own tables: the schemas of 2023.8 and of 2025.11."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["NEW", "OLD", "Recorder", "Sensor", "bath"]

_STATISTICS: Final = """
CREATE TABLE {name} (
    id INTEGER NOT NULL PRIMARY KEY, created CHAR(0), created_ts FLOAT, metadata_id INTEGER, start CHAR(0),
    start_ts FLOAT, mean FLOAT, {more} min FLOAT, max FLOAT, last_reset CHAR(0), last_reset_ts FLOAT, state FLOAT,
    sum FLOAT, FOREIGN KEY(metadata_id) REFERENCES statistics_meta (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX ix_{name}_statistic_id_start_ts ON {name} (metadata_id, start_ts);
"""
_TABLES: Final = """
CREATE TABLE schema_changes (
    change_id INTEGER NOT NULL PRIMARY KEY, schema_version INTEGER, changed DATETIME NOT NULL
);
CREATE TABLE states_meta (metadata_id INTEGER NOT NULL PRIMARY KEY, entity_id VARCHAR(255));
CREATE UNIQUE INDEX ix_states_meta_entity_id ON states_meta (entity_id);
CREATE TABLE state_attributes (attributes_id INTEGER NOT NULL PRIMARY KEY, hash BIGINT, shared_attrs TEXT);
CREATE TABLE states (
    state_id INTEGER NOT NULL PRIMARY KEY, entity_id CHAR(0), state VARCHAR(255), attributes CHAR(0), event_id SMALLINT,
    last_changed CHAR(0), last_changed_ts FLOAT, {reported} last_updated CHAR(0), last_updated_ts FLOAT,
    old_state_id INTEGER, attributes_id INTEGER, context_id CHAR(0), context_user_id CHAR(0),
    context_parent_id CHAR(0), origin_idx SMALLINT, context_id_bin BLOB, context_user_id_bin BLOB,
    context_parent_id_bin BLOB, metadata_id INTEGER, FOREIGN KEY(metadata_id) REFERENCES states_meta (metadata_id)
);
CREATE INDEX ix_states_last_updated_ts ON states (last_updated_ts);
CREATE INDEX ix_states_metadata_id_last_updated_ts ON states (metadata_id, last_updated_ts);
CREATE TABLE statistics_meta (
    id INTEGER NOT NULL PRIMARY KEY, statistic_id VARCHAR(255), source VARCHAR(32), unit_of_measurement VARCHAR(255),
    {mean} has_sum BOOLEAN, name VARCHAR(255)
);
"""
OLD: Final = 41
NEW: Final = 53


def _tables(schema: int) -> str:
    is_old = schema <= OLD
    mean = "has_mean BOOLEAN," if is_old else "unit_class VARCHAR(255), mean_type SMALLINT NOT NULL DEFAULT 0,"
    made = _TABLES.format(reported="" if is_old else "last_reported_ts FLOAT,", mean=mean)
    more = "" if is_old else "mean_weight FLOAT,"
    return made + "".join(_STATISTICS.format(name=name, more=more) for name in ("statistics", "statistics_short_term"))


@dataclass
class Sensor:
    """An entity: what it says of itself, its states (time in s, state), and means by time of their begin."""

    name: str
    device_class: str | None = "temperature"
    unit: str | None = "°C"
    friendly_name: str | None = None
    states: Iterable[tuple[float, object]] = ()
    short_term: Iterable[tuple[float, object]] = ()
    hours: Iterable[tuple[float, object]] = ()
    statistics_unit: str | None = None

    def attributes(self) -> str:
        """Its attributes as Home Assistant keeps them."""
        said = {
            "device_class": self.device_class,
            "unit_of_measurement": self.unit,
            "friendly_name": self.friendly_name,
        }
        return json.dumps({key: value for key, value in said.items() if value is not None}, ensure_ascii=False)


@dataclass
class Recorder:
    """A database at ``path`` with ``sensors``."""

    path: Path
    sensors: list[Sensor] = field(default_factory=list)
    schema: int = NEW

    def write(self) -> Path:
        """Make it, with a write-ahead log as Home Assistant does."""
        with closing(sqlite3.connect(self.path)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(_tables(self.schema))
            database.execute("INSERT INTO schema_changes VALUES (1, ?, '2026-01-01 00:00:00')", (self.schema,))
            for number, sensor in enumerate(self.sensors, 1):
                self._add(database, number, sensor)
            database.commit()
        return self.path

    def _add(self, database: sqlite3.Connection, number: int, sensor: Sensor) -> None:
        database.execute("INSERT INTO states_meta VALUES (?, ?)", (number, sensor.name))
        database.execute("INSERT INTO state_attributes VALUES (?, 0, ?)", (number, sensor.attributes()))
        database.executemany(
            "INSERT INTO states (state, last_updated_ts, attributes_id, metadata_id) VALUES (?, ?, ?, ?)",
            [(state, at, number, number) for at, state in sensor.states],
        )
        kind = ("has_mean", True) if self.schema <= OLD else ("mean_type", 1)
        database.execute(
            f"INSERT INTO statistics_meta (id, statistic_id, source, unit_of_measurement, {kind[0]}, has_sum) "  # noqa: S608
            "VALUES (?, ?, 'recorder', ?, ?, 0)",
            (number, sensor.name, sensor.statistics_unit or sensor.unit, kind[1]),
        )
        for table, means in (("statistics", sensor.hours), ("statistics_short_term", sensor.short_term)):
            database.executemany(
                f"INSERT INTO {table} (metadata_id, start_ts, mean) VALUES (?, ?, ?)",  # noqa: S608
                [(number, at, mean) for at, mean in means],
            )


def bath(
    path: Path, end_s: int, course: Callable[[float, float], float], *, hour_days: int, state_days: int, short_days: int
) -> Path:
    """A database of a bathroom up to ``end_s``: means of hours and of 5 minutes of some days, states one each slot.

    ``course`` gives what is measured at a time (s), about a level: 20 °C and 55 %RH.
    """
    hour_s = end_s // 3600 * 3600

    def means(days: int, step_s: int, level: float) -> list[tuple[float, object]]:
        return [(at, course(at, level)) for at in range(hour_s - days * 86_400, hour_s, step_s)]

    sensors = [
        Sensor(
            f"sensor.bath_{kind}",
            kind,
            unit,
            states=[(at, f"{course(at, level):.2f}") for at in range(end_s - state_days * 86_400, end_s, 900)],
            short_term=means(short_days, 300, level),
            hours=means(hour_days, 3600, level),
        )
        for kind, unit, level in (("temperature", "°C", 20.0), ("humidity", "%", 55.0))
    ]
    return Recorder(path, sensors).write()
