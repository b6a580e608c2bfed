"""The file of homes that a prior learns from, and pieces in which each counts the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from roomidity.errors import RoomidityError
from roomidity.forecasting import Window
from scripts.tools.homes import CHUNK_DAYS, Home, bridged, chunks_of, read_homes
from scripts.tools.train_prior import copies_of

START = datetime(2026, 1, 1, tzinfo=UTC)
ENTRY = """
[[home]]
readings = "flat.parquet"
timezone = "Europe/Berlin"
attribution = "A. Author"
licence = "CC BY 4.0"
"""


def window(days: float) -> Window:
    slots = round(days * 96)
    values = np.broadcast_to(np.array([[50.0], [20.0]]), (1, 2, slots)).copy()
    return Window(rooms=("room",), end=START + timedelta(minutes=15 * slots), timezone="UTC", values=values)


def readings(house: str = "flat", *, days: int = 12, every: str = "15m") -> pl.DataFrame:
    times = pl.datetime_range(START, START + timedelta(days=days), every, closed="left", eager=True)
    return pl.DataFrame(
        {"house": house, "room": "hall", "ts": times, "temperature": 20.0 + times.dt.hour() / 10, "humidity": 50.0}
    )


def file_of_homes(folder: Path, text: str = ENTRY) -> Path:
    pl.concat([readings(), readings("other")]).write_parquet(folder / "flat.parquet")
    path = folder / "homes.toml"
    path.write_text(text)
    return path


def test_each_house_of_a_file_is_a_home_with_whom_it_is_owed_to(tmp_path: Path) -> None:
    homes = read_homes(file_of_homes(tmp_path))
    assert [home.name for home in homes] == ["flat", "other"]
    assert homes[0].source["licence"] == "CC BY 4.0"
    assert homes[0].source["attribution"] == "A. Author"
    assert homes[0].chunks[0].timezone == "Europe/Berlin"
    (one,) = read_homes(file_of_homes(tmp_path, ENTRY + 'houses = ["other"]\ndoi = "10.1/x"\n'))
    assert (one.name, one.source["doi"]) == ("other", "10.1/x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no \\[\\[home\\]\\] table"),
        ("home = 3", "no \\[\\[home\\]\\] table"),
        ("[[home", "expected a TOML file"),
        (ENTRY.replace("licence", "license"), "lacks licence"),
        (ENTRY + "color = 3\n", "has color"),
        (ENTRY.replace("flat.parquet", "none.parquet"), "there is no file"),
        (ENTRY.replace("Europe/Berlin", "Mars/Base"), "Mars/Base"),
        (ENTRY + 'houses = ["third"]\n', "has no house third"),
        (ENTRY + ENTRY, "more than one"),
    ],
)
def test_a_file_of_homes_that_is_not_one_is_refused_with_what_was_expected(
    text: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(RoomidityError, match=told):
        read_homes(file_of_homes(tmp_path, text))


def test_long_records_are_cut_so_that_each_home_counts_the_same() -> None:
    long, short = Home("long", chunks_of(window(400)), ""), Home("short", chunks_of(window(20)), "")
    assert len(short.chunks) == 1
    assert len(long.chunks) == 7
    assert sum(chunk.slots for chunk in long.chunks) == 400 * 96
    assert all(abs(chunk.slots / 96 - CHUNK_DAYS) < 5 for chunk in long.chunks)
    copies = list(copies_of([long, short], 20))
    assert len(copies) == 40
    assert {chunk.first for chunk in copies[::2]} == {chunk.first for chunk in long.chunks}
    half = list(copies_of([long], 3))
    assert [chunk.first for chunk in half] == [long.chunks[place].first for place in (0, 2, 4)]


def test_a_piece_that_was_hardly_measured_is_left_out() -> None:
    house = window(180)
    house.values[:, :, 60 * 96 : 118 * 96] = np.nan
    assert [chunk.slots for chunk in chunks_of(house)] == [60 * 96, 60 * 96]


def test_readings_that_come_seldom_are_joined_by_straight_lines_and_others_are_not() -> None:
    hourly = window(2)
    course = np.arange(2 * 96.0)
    hourly.values[0, 0] = np.where(course % 4 == 0, course, np.nan)
    hourly.values[0, 0, 40:80] = np.nan
    hourly.values[0, 1, 5:9] = np.nan
    found = bridged(hourly).values
    assert found[0, 0, :37] == pytest.approx(course[:37])
    assert np.isnan(found[0, 0, 40:80]).all()
    assert np.isnan(found[0, 1, 5:9]).all()
