"""Times of the clock on the wall: the hour that comes twice is told by order, or said as the one that never was is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roomidity.errors import RejectedFileError
from roomidity.files import FileReadings, Hints, problems, read_map, read_readings

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]


def read(path: Path, clocks: list[str], rooms: list[str] | None = None, **hints: Any) -> FileReadings:
    rooms = rooms or ["k"] * len(clocks)
    lines = [f"h,{room},{clock},20,50" for room, clock in zip(rooms, clocks, strict=True)]
    path.write_text("\n".join(["house,room,ts,temperature,humidity", *lines]))
    return read_readings(path, Hints(**({"timezone": "Europe/Berlin"} | hints)))


def utc(found: FileReadings) -> list[str]:
    return found.readings["ts"].dt.strftime("%d %H:%M").to_list()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=st.sampled_from(ZONES),
    start=st.sampled_from([datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 11, 1, 2, tzinfo=UTC)])
    | st.integers(0, 330 * 1440).map(lambda minute: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)),
    minutes=st.sampled_from([1, 5, 10, 15, 20]),
    rooms=st.integers(1, 3),
    newest_first=st.booleans(),
)
def test_whole_days_come_out_as_they_were(
    zone: str, start: datetime, minutes: int, rooms: int, newest_first: bool, tmp_path: Path
) -> None:
    moments = [start + timedelta(minutes=minutes * at) for at in range(14 * 60 // minutes)]
    rows = [(moment, f"room {room}") for moment in moments for room in range(rooms)]
    rows = rows[::-1] if newest_first else rows
    clocks = [moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S") for moment, _ in rows]
    found = read(tmp_path / "a.csv", clocks, [room for _, room in rows], timezone=zone)
    assert found.rejected == {}
    assert sorted(found.readings.select("ts", "room").rows()) == sorted(rows)


def test_the_second_hour_begins_where_times_go_back(tmp_path: Path) -> None:
    hours = ["02:15", "02:30", "02:45", "02:00", "02:15", "02:30"]
    found = read(tmp_path / "a.csv", [f"2026-10-25 {hour}:00" for hour in hours])
    assert utc(found) == ["25 00:15", "25 00:30", "25 00:45", "25 01:00", "25 01:15", "25 01:30"]


def test_hourly_the_same_time_twice_is_both_hours(tmp_path: Path) -> None:
    hours = ["01:00", "02:00", "02:00", "03:00"]
    found = read(tmp_path / "a.csv", [f"2026-10-25T{hour}" for hour in hours])
    assert utc(found) == ["24 23:00", "25 00:00", "25 01:00", "25 02:00"]


@pytest.mark.parametrize(
    "hours",
    [
        ["01:30", "02:00", "02:30", "03:00", "03:30", "04:00"],  # once: either
        ["02:30", "01:30", "02:10", "03:00", "03:30", "04:00"],  # in no order
        ["02:30", "02:00", "02:30", "02:00", "03:00", "03:30", "04:00", "04:30", "05:00"],
    ],
)
def test_where_order_does_not_tell_the_rows_are_said_and_others_are_read(tmp_path: Path, hours: list[str]) -> None:
    found = read(tmp_path / "a.csv", [f"2026-10-25 {hour}:00" for hour in hours])
    doubtful = sum(hour.startswith("02") for hour in hours)
    assert found.rejected == {"bad_time": doubtful}
    assert len(found.readings) == len(hours) - doubtful
    assert "came twice when the clocks of Europe/Berlin went back" in problems(found)[0]


def test_the_hour_that_does_not_exist_is_said(tmp_path: Path) -> None:
    hours = ["01:45", "02:15", "03:00", "03:15"]
    found = read(tmp_path / "a.csv", [f"2026-03-29 {hour}:00" for hour in hours])
    assert utc(found) == ["29 00:45", "29 01:00", "29 01:15"]
    assert problems(found) == [
        (
            "bad_time: 1 line without a time that is known: line 3: '2026-03-29 02:15:00': it did not exist: "
            "the clocks of Europe/Berlin went forward"
        )
    ]


def test_times_with_an_offset_need_no_zone_and_heed_none(tmp_path: Path) -> None:
    clocks = ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25 12:00:00"]
    assert utc(read(tmp_path / "a.csv", clocks)) == ["25 00:30", "25 01:30", "25 11:00"]


def test_without_a_zone_local_times_are_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(RejectedFileError) as caught:
        read(tmp_path / "a.csv", ["2026-11-25 01:00:00"] * 3, timezone=None)
    assert caught.value.rejected == {"bad_time": 3}
    assert "'2026-11-25 01:00:00': it has no offset" in str(caught.value)
    assert "--timezone Europe/Berlin" in str(caught.value)


def test_parquet_without_a_zone(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    first = datetime(2026, 10, 25, tzinfo=UTC)
    ts = pl.datetime_range(first, first + timedelta(hours=4), "15m", eager=True)
    clocks = ts.dt.convert_time_zone("Europe/Berlin").dt.replace_time_zone(None)
    pl.DataFrame({"house": "h", "room": "k", "ts": clocks, "temperature": 20.0}).write_parquet(path)
    found = read_readings(path, Hints(timezone="Europe/Berlin"))
    assert found.readings["ts"].to_list() == ts.to_list()
    with pytest.raises(RejectedFileError, match="--timezone"):
        read_readings(path)


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (["25/11/2026 01:00", "26/11/2026 01:00"], "2026-11-25"),
        (["11/25/2026 01:00", "11/26/2026 01:00"], "2026-11-25"),
        (["11/10/2026 01:00", "11/11/2026 01:00", "11/12/2026 01:00"], "2026-11-10"),
        (["10/11/2026 01:00", "11/11/2026 01:00", "12/11/2026 01:00"], "2026-11-10"),
        (["11.10.2026 01:00"], "2026-10-11"),
        (["11-25-26 1:00 PM"], "2026-11-25"),
    ],
)
def test_the_order_of_day_and_month_is_told_by_the_dates(tmp_path: Path, dates: list[str], first: str) -> None:
    found = read(tmp_path / "a.csv", dates, timezone="UTC")
    assert found.readings["ts"][0].strftime("%Y-%m-%d") == first


def test_where_it_is_not_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(RejectedFileError, match="--day-first or --month-first"):
        read(tmp_path / "a.csv", ["11/10/2026 01:00"])
    found = read(tmp_path / "a.csv", ["11/10/2026 01:00"], day_first=False)
    assert found.readings["ts"][0].month == 11


@pytest.mark.parametrize("clock", ["yesterday", "", "2026-02-30 01:00:00", "2026-11-25", "01:00", "-5", "1e99", "inf"])
def test_what_is_no_time_is_said(tmp_path: Path, clock: str) -> None:
    found = read(tmp_path / "a.csv", [clock, "2026-11-25T01:00:00Z", "2026-11-25T01:15:00Z"])
    assert (len(found.readings), found.rejected) == (2, {"bad_time": 1})


def test_a_spreadsheets_days_are_local_times(tmp_path: Path) -> None:
    assert utc(read(tmp_path / "a.csv", ["46351.0833333333"])) == ["25 01:00"]


def test_the_zone_may_stand_in_the_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for header in ("Time (UTC+01:00)", "Time (Europe/Berlin)", "Date Time, GMT+1"):
        path.write_text(f'"{header}",temp\n2026-11-25 02:00:00,20\n')
        assert utc(read_readings(path, Hints(house="h", room="k"))) == ["25 01:00"]
    path.write_text("time_utc,temp\n2026-11-25 01:00:00,20\n")
    assert utc(read_readings(path, Hints(house="h", room="k"))) == ["25 01:00"]


BESIDE = '{"house":"h","timezone":"America/New_York",'
READING = '"room":"k","ts":"2026-11-26T07:00:00","humidity":50}'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", f'{BESIDE}"readings":[{{{READING}]}}'),
        ("a.jsonl", f"{BESIDE}{READING}\n"),
        ("a.csv", "house,room,ts,humidity,Time zone\nh,k,2026-11-26 07:00,50,America/New_York\n"),
        ("b.csv", "house,tz,ts,entity,value\nh,America/New_York,2026-11-26 07:00,k humidity,50\n"),
    ],
)
def test_a_zone_beside_readings_is_that_of_their_clocks_and_how_to_set_it_is_told(
    name: str, content: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    hints = Hints(entities=read_map(["k humidity=k:humidity"])) if name == "b.csv" else Hints()
    found = read_readings(tmp_path / name, hints)
    assert utc(found) == ["26 12:00"]
    assert "roomidity house HOUSE --timezone America/New_York" in "\n".join(problems(found))


@pytest.mark.parametrize("zones", [("Europe/Berln", "Europe/Berln"), ("Europe/Berlin", "Europe/Paris"), ("1", "1")])
def test_zones_that_are_none_or_differ_say_nothing(zones: tuple[str, str], tmp_path: Path) -> None:
    rows = [f"h,k,2026-11-26T07:{minute}:00Z,50,{zone}" for minute, zone in zip(("00", "15"), zones, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["house,room,ts,humidity,timezone", *rows]))
    found = read_readings(tmp_path / "a.csv", Hints())
    assert utc(found) == ["26 07:00", "26 07:15"]
    assert "--timezone" not in "\n".join(problems(found))
