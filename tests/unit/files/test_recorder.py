"""Home Assistant's recorder as readings: both forms of its schema, what wins, what is refused; and nothing changes."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roomidity.errors import ReadingsFileError, RejectedFileError
from roomidity.files import Hints, proposed_map, read_map, read_parts, read_readings, read_slots
from roomidity.files.recorder import History
from tests.recorder import NEW, OLD, Recorder, Sensor

T0: Final = 1_780_000_000 // 3600 * 3600
MAP: Final = ["sensor.bath_temperature=bath", "sensor.bath_humidity=bath"]


def hints(*maps: str, house: str | None = "h1") -> Hints:
    return Hints(house=house, entities=read_map(maps or MAP))


def history(path: Path, *maps: str) -> History:
    found = read_parts(path, hints(*maps))
    assert isinstance(found, History)
    return found


def rows(path: Path, *maps: str) -> list[tuple[Any, ...]]:
    """Room, seconds since T0, temperature and humidity, in order of time."""
    found = read_readings(path, hints(*maps)).readings
    at = (pl.col("ts").dt.epoch("ms") / 1000 - T0).alias("at")
    return found.select("room", at, "temperature", "humidity").rows()


@pytest.mark.parametrize("schema", [OLD, NEW])
def test_states_and_then_hours_become_readings(tmp_path: Path, schema: int) -> None:
    humidity = Sensor("sensor.bath_humidity", "humidity", "%", states=[(T0 + 10.25, "51.5"), (T0 + 70, "unavailable")])
    temperature = Sensor("sensor.bath_temperature", hours=[(T0 - 3600, 20.5)], states=[(T0 + 20, "21.3")])
    path = Recorder(tmp_path / "a.db", [humidity, temperature], schema).write()
    assert rows(path) == [
        ("bath", -1800.0, 20.5, None),
        ("bath", 10.25, None, 51.5),
        ("bath", 20.0, 21.3, None),
    ]
    found = read_readings(path, hints())
    assert found.rejected == {"no_value": 1}
    assert found.notes == ()
    assert set(found.readings["sensor"]) == {"sensor.bath_temperature", "sensor.bath_humidity"}


def test_the_finest_that_there_is_counts_alone(tmp_path: Path) -> None:
    """A state's slot has no means; an hour with any of both has no mean of it; a value that is none takes no place."""
    sensor = Sensor(
        "sensor.bath_temperature",
        states=[(T0 + 100, "21"), (T0 + 3700, "unknown")],
        short_term=[(T0, 1.0), (T0 + 300, 1.0), (T0 + 900, 22.0), (T0 + 1200, 23.0)],
        hours=[(T0, 1.0), (T0 + 3600, 24.0)],
    )
    path = Recorder(tmp_path / "a.db", [sensor]).write()
    found = [(at, temperature) for _, at, temperature, _ in rows(path)]
    assert found == [(100.0, 21.0), (1050.0, 22.0), (1350.0, 23.0), (5400.0, 24.0)]
    assert read_readings(path, hints()).superseded == 3


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    states=st.sets(st.integers(0, 8 * 3600 - 1), max_size=12),
    short_term=st.sets(st.integers(0, 95), max_size=30),
    hours=st.sets(st.integers(0, 7)),
    most_rows=st.integers(1, 20),
)
def test_no_time_has_a_reading_of_two_sources(
    tmp_path: Path, states: set[int], short_term: set[int], hours: set[int], most_rows: int
) -> None:
    """Whatever is there, and however the windows fall; and of each hour that has anything there is a reading."""
    path = tmp_path / "property.db"
    path.unlink(missing_ok=True)
    sensor = Sensor(
        "sensor.bath_temperature",
        states=[(T0 + at, "1") for at in states],
        short_term=[(T0 + 300 * at, 2.0) for at in short_term],
        hours=[(T0 + 3600 * at, 3.0) for at in hours],
    )
    Recorder(path, [sensor]).write()
    if not (states or short_term or hours):
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("roomidity.files.recorder.windows._MOST_ROWS", most_rows)
        found = [(int(at), int(value)) for _, at, value, _ in rows(path)]
    by_state = {at for at, source in found if source == 1}
    by_five = {at - 150 for at, source in found if source == 2}
    by_hour = {at - 1800 for at, source in found if source == 3}
    assert len(found) == len(by_state) + len(by_five) + len(by_hour)
    assert by_state == states
    assert by_five == {300 * at for at in short_term if 300 * at // 900 not in {one // 900 for one in states}}
    finer = {at // 3600 for at in by_state | by_five}
    assert by_hour == {3600 * at for at in hours if at not in finer}


def test_a_long_history_is_read_in_parts_that_begin_with_whole_hours(tmp_path: Path) -> None:
    hours = [(T0 - 3600 * at, 20.0 + at % 5) for at in range(1, 700)]
    path = Recorder(tmp_path / "a.db", [Sensor("sensor.bath_temperature", hours=hours)]).write()
    found = history(path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("roomidity.files.recorder.history.windows_of", small)
        parts = [part.readings for part in history(path)]
    assert found.rows == 699
    assert max(len(part) for part in parts) <= 100
    assert sum(len(part) for part in parts) == 699
    assert len(read_slots(path, hints()).means) == 699


def small(hours: Any) -> Any:
    from roomidity.files.recorder.windows import windows_of  # noqa: PLC0415

    return windows_of(hours, most_rows=100)


def test_units_are_those_of_the_state_then_of_the_statistic(tmp_path: Path) -> None:
    fahrenheit = Sensor("sensor.bath_temperature", unit="°F", states=[(T0, "68")], hours=[(T0 - 3600, 50.0)])
    moved = Sensor("sensor.loft", None, "°F", states=[(T0, "86")], hours=[(T0 - 3600, 10.0)], statistics_unit="°C")
    path = Recorder(tmp_path / "a.db", [fahrenheit, moved]).write()
    found = rows(path, "sensor.bath_temperature=bath", "sensor.loft=loft")
    assert sorted((room, at, round(value, 6)) for room, at, value, _ in found) == [
        ("bath", -1800.0, 10.0),
        ("bath", 0.0, 20.0),
        ("loft", -1800.0, 10.0),
        ("loft", 0.0, 30.0),
    ]


def test_a_map_is_proposed_and_works(tmp_path: Path) -> None:
    sensors = [
        Sensor("sensor.x1", friendly_name="Bad Temperatur", states=[(T0, "21")]),
        Sensor("sensor.x2", "humidity", "%", "Bad Luftfeuchtigkeit", states=[(T0, "55")]),
        Sensor("sensor.cpu_temperature", friendly_name="CPU temperature", states=[(T0, "60")]),
        Sensor("sensor.battery", "battery", "%", states=[(T0, "90")]),
        Sensor('sensor.o"dd\n\u202e', friendly_name="\x1b[2J", states=[(T0, "20")]),
    ]
    path = Recorder(tmp_path / "a.db", sensors).write()
    text, rooms = proposed_map(path)
    assert rooms == 2
    assert '"sensor.cpu_temperature" = { ignore = true }' in text
    assert "battery" not in text
    toml = tmp_path / "map.toml"
    toml.write_text(text, "utf-8")
    found = read_readings(path, hints(str(toml)))
    assert len(found.readings) == 2
    assert found.rejected == {"unmapped": 1}
    with pytest.raises(ReadingsFileError, match="--propose-map") as refused:
        read_parts(path, Hints(house="h1"))
    assert '"sensor.x1" = ' in str(refused.value)
    with pytest.raises(ReadingsFileError, match="none of the 1 entities of the map"):
        read_parts(path, hints("sensor.nowhere=bath"))
    with pytest.raises(ReadingsFileError, match="--house NAME"):
        read_parts(path, Hints(entities=read_map(["sensor.x1=bath"])))


def test_what_the_map_lacks_and_what_it_has_in_vain_is_said(tmp_path: Path) -> None:
    sensors = [Sensor("sensor.bath_temperature", states=[(T0, "21")]), Sensor("sensor.hall_temp", states=[(T0, "20")])]
    path = Recorder(tmp_path / "a.db", sensors).write()
    found = read_readings(path, hints("sensor.bath_temperature=bath", "sensor.gone=attic:t"))
    assert found.rejected == {"unmapped": 1}
    said = " ".join(found.notes)
    assert "in the map and not in the database: sensor.gone" in said
    assert "sensor.hall_temp (1)" in said


def test_nonsense_values_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    nonsense: list[object] = ["", "on", "1e999", "-274", b"\xff\xfe", 21, "٣", "21,5 °C", None, "9" * 255]
    states = [(T0 + 10 * at, value) for at, value in enumerate(nonsense)]
    times: list[tuple[Any, object]] = [(None, "21"), (-5.0, "21"), (1e18, "21"), ("soon", "21"), (T0 + 999.0, "22.5")]
    times += [(T0 + 1000.0 + at, "20") for at in range(20)]
    hours: list[tuple[Any, object]] = [(T0 - 3600, float("inf")), (T0 - 7200, "warm"), (T0 - 10800, 19.0)]
    path = Recorder(
        tmp_path / "a.db", [Sensor("sensor.bath_temperature", states=[*states, *times], hours=hours)]
    ).write()
    found = read_readings(path, hints())
    assert sorted(found.readings["temperature"]) == [19.0, *[20.0] * 20, 21.0, 21.5, 22.5]
    assert found.rejected == {"bad_time": 4, "bad_value": 3, "implausible": 4, "no_value": 2}


def damaged(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def without_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE statistics_short_term")


def of_another_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE notes (text)")


def with_a_view(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript("DROP TABLE states; CREATE VIEW states AS SELECT 1 AS state_id")


def with_an_old_schema(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "ALTER TABLE states RENAME COLUMN metadata_id TO m; UPDATE schema_changes SET schema_version = 30"
        )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (damaged, "damaged or cut short"),
        (without_a_table, "without statistics_short_term"),
        (of_another_program, "none of the recorder's tables"),
        (with_a_view, "without states"),
        (with_an_old_schema, "schema 30 without states.metadata_id"),
    ],
)
def test_what_is_no_whole_recorder_is_refused_in_words(
    tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    states = [(T0 + at, "21") for at in range(0, 90_000, 10)]
    path = Recorder(tmp_path / "a.db", [Sensor("sensor.bath_temperature", states=states)]).write()
    spoil(path)
    with pytest.raises(ReadingsFileError) as refused:
        read_readings(path, hints())
    assert said in str(refused.value)


def test_a_database_without_a_good_value_is_refused_as_any_file(tmp_path: Path) -> None:
    path = Recorder(
        tmp_path / "a.db", [Sensor("sensor.bath_temperature", states=[(T0, "on"), (T0 + 9, "off")])]
    ).write()
    with pytest.raises(RejectedFileError, match="bad_value"):
        read_readings(path, hints())


def test_a_newer_schema_is_read_and_said(tmp_path: Path) -> None:
    path = Recorder(tmp_path / "a.db", [Sensor("sensor.bath_temperature", states=[(T0, "21")])], schema=60).write()
    found = read_readings(path, hints())
    assert len(found.readings) == 1
    assert "schema 60 is newer" in found.notes[0]


def test_a_lock_is_told_and_not_waited_for_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roomidity.files.recorder.database._WAIT_S", 0.01)
    path = Recorder(tmp_path / "a.db", [Sensor("sensor.bath_temperature", states=[(T0, "21")])]).write()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ReadingsFileError, match="another program has locked"):
            read_parts(path, hints())


def test_it_is_never_changed_and_read_while_home_assistant_writes(tmp_path: Path) -> None:
    path = Recorder(tmp_path / "a.db", [Sensor("sensor.bath_temperature", states=[(T0, "21")])]).write()
    before = hashlib.sha256(path.read_bytes()).digest()
    assert len(rows(path)) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["a.db"]
    with closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO states (state, last_updated_ts, metadata_id) VALUES ('22', ?, 1)", (T0 + 5,))
        database.commit()  # is in the write-ahead log
        database.execute("INSERT INTO states (state, last_updated_ts, metadata_id) VALUES ('23', ?, 1)", (T0 + 6,))
        assert [value for _, _, value, _ in rows(path)] == [21.0, 22.0]
        database.commit()  # the reader holds no lock
        assert hashlib.sha256(path.read_bytes()).digest() == before


def test_slots_are_means_of_what_was_measured(tmp_path: Path) -> None:
    states = [(T0 + at, f"{20 + at / 900:.2f}") for at in range(0, 900, 300)]
    path = Recorder(tmp_path / "a.db", [Sensor("sensor.bath_temperature", states=states)]).write()
    (slot,) = read_slots(path, hints()).means.iter_rows(named=True)
    assert slot["ts"] == datetime.fromtimestamp(T0, UTC)
    assert slot["temperature"] == pytest.approx((20 + 20.33 + 20.67) / 3)
