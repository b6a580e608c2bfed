"""Files of readings: good ones are sent as they are; of others the message names column, found and expected."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roomidity.errors import ReadingsFileError
from roomidity.files import SUFFIXES, bodies_of, read_tidy
from roomidity.readings import check, decode
from tests.unit.samples import NOW, message, reading

TS = datetime(2026, 11, 22, 7, 14, 55, tzinfo=UTC)


def frame(**changes: Any) -> pl.DataFrame:
    """One good row with columns changed, or left out where changed to ``...``."""
    columns = {name: [value] for name, value in reading(**{"ts": TS, **changes}).items()}
    return pl.DataFrame(columns)


def bodies(path: Path, *, house: str | None = None) -> list[str]:
    count, packed = bodies_of(path, house=house, max_bytes=10_000)
    packed_bodies = list(packed)
    assert len(decode([message(body) for body in packed_bodies]).rows) == count
    return packed_bodies


def verdicts(path: Path, *, house: str | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    """House, room, temperature of the accepted readings of a file, and the reasons of the rejected ones."""
    checked = check(decode([message(body) for body in bodies(path, house=house)]), now=NOW)
    return checked.accepted.select("house", "room", "temperature").to_dicts(), checked.rejected["reason"].to_list()


GOOD = {"house": "h1", "room": "kitchen", "temperature": 21_300}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | pl.DataFrame], Path]:
    def write_file(name: str, content: str | pl.DataFrame) -> Path:
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content, "utf-8")
        else:
            content.write_parquet(path)
        return path

    return write_file


Write = Callable[[str, str | pl.DataFrame], Path]


def test_a_good_parquet_file(write: Write) -> None:
    path = write("a.parquet", frame())
    assert verdicts(path) == ([GOOD], [])
    assert read_tidy(path).schema["ts"] == pl.Datetime("ms", "UTC")


def test_parquet_may_have_no_sensor_one_quantity_whole_numbers_and_another_zone(write: Write) -> None:
    moment = pl.col("ts").dt.convert_time_zone("Asia/Kathmandu").dt.cast_time_unit("ns")
    readings = frame(sensor=..., humidity=..., temperature=21).with_columns(moment)
    assert verdicts(write("a.parquet", readings)) == ([GOOD | {"temperature": 21_000}], [])


def test_rows_without_a_value_are_no_readings(write: Write) -> None:
    empty = frame(temperature=float("nan"), humidity=None).cast({"humidity": pl.Float64})
    assert verdicts(write("a.parquet", pl.concat([empty, frame()]))) == ([GOOD], [])


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "A.CSV"])
def test_the_house_may_be_named_beside_the_file(write: Write, name: str) -> None:
    content = frame(house=...) if name == "a.parquet" else "room,ts,temperature\nkitchen,2026-11-22T07:14:55Z,21.3\n"
    assert verdicts(write(name, content), house="h1") == ([GOOD], [])


def changed(**columns: pl.Expr | Any) -> pl.DataFrame:
    return frame().with_columns(**columns)


@pytest.mark.parametrize(
    ("readings", "column", "found", "expected"),
    [
        (frame(house=...), "house", "only room, sensor, ts", "--house"),
        (frame(room=...), "room", "only house", "a column 'room'"),
        (frame(ts=...), "ts", "only house", "a column 'ts'"),
        (frame(temperature=..., humidity=...), None, "house, room, sensor, ts", "'temperature' or 'humidity'"),
        (changed(room=pl.lit(1)), "room", "Int", "text"),
        (changed(sensor=pl.lit(1)), "sensor", "Int", "text"),
        (changed(temperature=pl.lit("21.3")), "temperature", "String", "numbers"),
        (changed(humidity=pl.lit(value=True)), "humidity", "Boolean", "numbers"),
        (changed(ts=pl.lit("2026-11-22T07:14:55Z")), "ts", "String", "Datetime"),
        (changed(ts=pl.lit(1_795_331_695)), "ts", "Int", "Datetime"),
        (changed(ts=pl.col("ts").dt.replace_time_zone(None)), "ts", "without a time zone", "replace_time_zone('UTC')"),
        (changed(ts=pl.lit(None, pl.Datetime("ms", "UTC"))), "ts", "1 nulls", "none"),
        (frame().clear(), None, "no rows", "readings"),
    ],
)
def test_a_bad_parquet_file_is_refused_with_column_found_and_expected(
    write: Write, readings: pl.DataFrame, column: str | None, found: str, expected: str
) -> None:
    path = write("a.parquet", readings)
    with pytest.raises(ReadingsFileError) as caught:
        bodies_of(path, house=None, max_bytes=10_000)
    assert caught.value.column == column
    assert found in caught.value.found
    assert expected in caught.value.expected
    text = str(caught.value)
    assert text.startswith(f"{path}: " + (f"column {column!r}: " if column else "") + "found ")
    assert caught.value.found in text
    assert caught.value.expected in text


def test_a_csv_file_is_judged_line_by_line(write: Write) -> None:
    content = """house,room,sensor,ts,temperature,humidity,note
h1,kitchen,,2026-11-22T07:14:55Z,21.3,51.2,good
h1,bath,s1,1795331695,,51.2,no temperature
h1,kitchen,,2026-11-22T07:14:55Z,warm,51.2,no number
h1,kitchen,,2026-11-22T07:14:55Z,NaN,51.2,not finite
h1,kitchen,,2026-11-22T07:14:55,21.3,51.2,no offset
h1,a/b,,2026-11-22T07:14:55Z,21.3,51.2,no name
,kitchen,,2026-11-22T07:14:55Z,21.3,51.2,no house
h1,kitchen,,2026-11-22T07:14:55Z,,,no value
h1,kitchen,,2026-11-22T07:14:55Z,99,51.2,too hot
"""
    accepted, rejected = verdicts(write("a.csv", content))
    assert accepted == [GOOD, {"house": "h1", "room": "bath", "temperature": None}]
    assert sorted(rejected) == sorted(
        ["bad_value", "bad_value", "bad_time", "bad_name", "bad_name", "no_value", "implausible"]
    )


def test_a_name_in_a_csv_file_may_hold_a_line_separator(write: Write) -> None:
    content = "house,room,ts,temperature\nh1,a\u2028b,2026-11-22T07:14:55Z,21.3\n"
    assert verdicts(write("a.csv", content)) == ([GOOD | {"room": "a\u2028b"}], [])


@pytest.mark.parametrize(
    ("content", "column"),
    [
        ("", None),
        ("room,ts,temperature\nkitchen,2026-11-22T07:14:55Z,21.3\n", "house"),
        ("house,ts,temperature\nh1,2026-11-22T07:14:55Z,21.3\n", "room"),
        ("house,room,temperature\nh1,kitchen,21.3\n", "ts"),
        ("house,room,ts\nh1,kitchen,2026-11-22T07:14:55Z\n", None),
        ("house,room,ts,temperature\nh1,kitchen,2026-11-22T07:14:55Z,21,3,5\n", None),
    ],
)
def test_a_bad_csv_file_is_refused(write: Write, content: str, column: str | None) -> None:
    with pytest.raises(ReadingsFileError) as caught:
        bodies_of(write("a.csv", content), house=None, max_bytes=10_000)
    assert caught.value.column == column


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".json", ".JSONL"])
def test_lines_of_json_are_sent_as_they_stand(write: Write, suffix: str) -> None:
    good = json.dumps(reading())
    path = write(f"a{suffix}", f"{good}\r\n\n  \nnot JSON\n{good.replace('21.3', '99')}\n{good}")
    assert verdicts(path) == ([GOOD, GOOD], ["malformed", "implausible"])


def test_bytes_that_are_no_utf_8_cost_their_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = json.dumps(reading()).encode()
    path.write_bytes(good + b"\n\xff\xfe\x00\n" + good)
    assert verdicts(path) == ([GOOD, GOOD], ["malformed"])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_not_there_or_is_a_folder_is_said(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ReadingsFileError, match="missing"):
        bodies_of(tmp_path / f"missing{suffix}", house=None, max_bytes=10_000)
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(ReadingsFileError, match="folder"):
        bodies_of(tmp_path / f"folder{suffix}", house=None, max_bytes=10_000)


def test_what_is_no_parquet_is_said(write: Write) -> None:
    with pytest.raises(ReadingsFileError, match=r"expected a Parquet file"):
        read_tidy(write("a.parquet", "not Parquet"))


@pytest.mark.parametrize("name", ["a", "a.txt", "a.csv.gz"])
def test_another_ending_is_refused_with_those_that_are_read(write: Write, name: str) -> None:
    with pytest.raises(ReadingsFileError, match=r"found the ending '.*'; expected \.parquet, \.csv, \.jsonl"):
        bodies_of(write(name, "x"), house=None, max_bytes=10_000)


def test_parquet_is_sent_in_order_of_time(write: Write) -> None:
    rows = pl.concat([frame(ts=TS + timedelta(minutes=minute), room=room) for room in "ab" for minute in (7, 0, 3)])
    (body,) = bodies(write("a.parquet", rows))
    times = [one["ts"] for one in json.loads(body)["readings"]]
    assert times == sorted(times)
    assert len(times) == 6
