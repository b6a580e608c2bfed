"""Files as slot means: whatever the cadence, each slot of a room once, and tidy ones to the last bit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from roomidity.errors import ReadingsFileError, RejectedFileError
from roomidity.files import Hints, read_outdoor, read_slots, read_units
from roomidity.forecasting.tidy_windows import windows_of

START = datetime(2026, 11, 1, tzinfo=UTC)


def frame(every: str, days: float = 1, **more: Any) -> pl.DataFrame:
    ts = pl.datetime_range(START, START + timedelta(days=days), every, closed="left", eager=True, time_unit="ms")
    at = np.arange(len(ts))
    columns = {"ts": ts, "temperature": 20 + np.sin(at / 9), "humidity": 50 + np.cos(at / 9)}
    return pl.DataFrame({"house": "h", "room": "k"} | columns | more)


def written(path: Path, *frames: pl.DataFrame) -> Path:
    pl.concat(frames, how="diagonal").write_parquet(path)
    return path


def test_tidy_slots_come_out_to_the_last_bit(tmp_path: Path) -> None:
    tidy = frame("15m").cast({"temperature": pl.Float32, "humidity": pl.Float32})
    found = read_slots(written(tmp_path / "a.parquet", tidy)).means
    assert found.equals(tidy.cast({"temperature": pl.Float64, "humidity": pl.Float64}))


@pytest.mark.parametrize("every", ["1m", "5m", "10m", "15m", "30m", "1h"])
def test_readings_of_any_cadence_are_averaged_in_their_slots(tmp_path: Path, every: str) -> None:
    readings = frame(every)
    found = read_slots(written(tmp_path / "a.parquet", readings)).means
    wanted = readings.group_by("house", "room", pl.col("ts").dt.truncate("15m"), maintain_order=True).mean()
    assert found.select("ts").equals(wanted.select("ts"))
    assert np.allclose(found["temperature"], wanted["temperature"])
    values = windows_of(found, timezone="UTC")["h"].values
    assert np.isfinite(values).sum() == 2 * len(wanted)


def test_the_same_reading_again_counts_once_and_another_sensors_for_itself(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {"house": "h", "room": "k", "ts": START, "temperature": [20.0, 20.0, 23.0], "sensor": ["a", "a", "b"]}
    )
    assert read_slots(written(tmp_path / "a.parquet", rows)).means["temperature"].to_list() == [21.5]


def test_a_missing_quantity_is_null(tmp_path: Path) -> None:
    means = read_slots(written(tmp_path / "a.parquet", frame("15m").drop("humidity"))).means
    assert means["humidity"].null_count() == len(means) == 96


def test_a_room_in_another_unit_is_refused_before_any_work(tmp_path: Path) -> None:
    warm = frame("15m").with_columns(pl.lit("attic").alias("room"), pl.col("temperature") * 1.8 + 32)
    path = written(tmp_path / "a.parquet", frame("15m"), warm)
    with pytest.raises(RejectedFileError, match="attic can only be in °F: give --unit attic=f"):
        read_slots(path)
    means = read_slots(path, Hints(units=read_units(["attic=f"]))).means
    assert np.allclose(means.filter(room="attic")["temperature"], means.filter(room="k")["temperature"])


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    odd = frame("15m").head(1).with_columns(pl.lit("a/b").alias("room"))
    notes = read_slots(written(tmp_path / "a.parquet", frame("15m"), odd)).notes
    assert notes == ("bad_name: 1 row without a good name: row 97: the room 'a/b' is no name",)


def test_the_air_outside_needs_no_names_and_leaves_other_columns_alone(tmp_path: Path) -> None:
    outside = frame("10m", pressure_hpa=1013.0, wall_temperature=7.0, dew_point=3.0).drop("house", "room")
    found = read_outdoor(written(tmp_path / "a.parquet", outside))
    assert found.columns == ["ts", "temperature", "humidity"]
    assert len(found) == 96


def test_the_air_outside_may_be_one_of_many_rooms(tmp_path: Path) -> None:
    outside = frame("15m").with_columns(pl.lit("Outdoor").alias("room"), pl.col("temperature") - 20)
    path = written(tmp_path / "a.parquet", frame("15m"), outside)
    assert abs(read_outdoor(path)["temperature"].to_numpy().mean()) < 1
    with pytest.raises(ReadingsFileError, match="one called 'outdoor'"):
        read_outdoor(written(tmp_path / "b.parquet", frame("15m"), frame("15m", room="b")))


@pytest.mark.parametrize("quantity", ["temperature", "humidity"])
def test_the_air_outside_needs_both_quantities(tmp_path: Path, quantity: str) -> None:
    with pytest.raises(ReadingsFileError) as caught:
        read_outdoor(written(tmp_path / "a.parquet", frame("15m").drop(quantity)))
    assert caught.value.column == quantity
