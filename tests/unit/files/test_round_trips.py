"""The same readings come out of every form that a file of them can have."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roomidity.files import Hints, read_readings

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 10, 1, tzinfo=UTC)

Reading = tuple[str, str, datetime, float | None, float | None]

rooms = st.sampled_from(["kitchen", "Küche", "living room", "Bad 1", 'a"b', "x;y", "x,y", "Łazienka"])
western = st.sampled_from(["kitchen", "Küche", "living room", "Bad 1"])
temperatures = st.integers(-200, 400).map(lambda tenths: tenths / 10)
humidities = st.integers(120, 1000).map(lambda tenths: tenths / 10)


def readings(rooms: st.SearchStrategy[str] = rooms) -> st.SearchStrategy[list[Reading]]:
    """Readings of distinct moments of each room, in order of time; with at least one value each."""
    one = st.tuples(
        rooms,
        st.integers(0, 40_000),
        st.none() | temperatures,
        st.none() | humidities,
        st.sampled_from(["h1", "Häuschen"]),
    )
    return st.lists(one, min_size=1, max_size=12, unique_by=lambda row: (row[0], row[1], row[4])).map(
        lambda rows: sorted(
            [
                (house, room, START + timedelta(minutes=minute), temperature, humidity)
                if temperature is not None or humidity is not None
                else (house, room, START + timedelta(minutes=minute), 20.0, humidity)
                for room, minute, temperature, humidity, house in rows
            ],
            key=lambda row: (row[2], row[0], row[1]),
        )
    )


def found(path: Path, **hints: Any) -> list[Reading]:
    frame = read_readings(path, Hints(**hints)).readings
    assert "sensor" not in frame.columns
    assert frame["ts"].is_sorted()
    return sorted(frame.rows(), key=lambda row: (row[2], row[0], row[1]))


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


MOMENTS: dict[str, Callable[[datetime], Any]] = {
    "ISO with Z": iso,
    "ISO with an offset": lambda moment: moment.astimezone(BERLIN).isoformat(),
    "a blank for the T": lambda moment: moment.isoformat(sep=" "),
    "an offset without a colon": lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%S+0000"),
    "UTC": lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
    "no seconds": lambda moment: moment.strftime("%Y-%m-%dT%H:%MZ"),
    "epoch in s": lambda moment: int(moment.timestamp()),
    "epoch in ms": lambda moment: int(moment.timestamp()) * 1000,
    "epoch in µs": lambda moment: int(moment.timestamp()) * 10**6,
    "epoch in ns": lambda moment: int(moment.timestamp()) * 10**9,
    "RFC 2822": lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S +0000"),
    "JavaScript": lambda moment: moment.astimezone(BERLIN).strftime("%a %b %d %Y %H:%M:%S GMT%z (of the summer)"),
}
CLOCKS: dict[str, str] = {
    "ISO": "%Y-%m-%d %H:%M:%S",
    "slashes": "%Y/%m/%d %H:%M",
    "German": "%d.%m.%Y %H:%M:%S",
    "German, short": "%d.%m.%y, %H:%M",
    "English": "%d %B %Y %I:%M %p",
    "compact": "%Y%m%d%H%M%S",
}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
HEADERS = [
    ("house", "room", "ts", "temperature", "humidity"),
    ("House", "Room", "Timestamp", "Temp", "Hum"),
    ("HAUS", "Raum", "Datum/Uhrzeit", "Temperatur [°C]", "rel. Feuchte (%)"),
    ("home", "location", "Time", "T", "RH"),
    ("Building", "Zimmer", "Zeitpunkt", "Lufttemperatur", "Luftfeuchtigkeit"),
]

fast = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(
    rows: list[Reading],
    *,
    header: tuple[str, ...] = HEADERS[0],
    delimiter: str = ",",
    comma: bool = False,
    quoting: int = csv.QUOTE_MINIMAL,
    moment: Callable[[datetime], Any] = iso,
    unit: bool = False,
    end: str = "\n",
) -> str:
    def number(value: float | None, sign: str) -> str:
        text = "" if value is None else str(value).replace(".", "," if comma else ".")
        return f"{text} {sign}" if unit and text else text

    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerow(header)
    for house, room, at, temperature, humidity in rows:
        writer.writerow([house, room, moment(at), number(temperature, "°C"), number(humidity, "%")])
    return out.getvalue()


FORMS = st.fixed_dictionaries(
    {
        "header": st.sampled_from(HEADERS),
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "comma": st.booleans(),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "unit": st.booleans(),
        "end": st.sampled_from(["\n", "\r\n", "\r"]),
    }
)


@settings(fast, max_examples=60)
@given(rows=readings(), form=FORMS, encoding=st.sampled_from(ENCODINGS[:5]), told=st.booleans())
def test_separated_values(rows: list[Reading], form: dict[str, Any], encoding: str, told: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    sep = f"sep={form['delimiter']}{form['end']}" if told else ""
    path.write_bytes((sep + written(rows, **form)).encode(encoding))
    assert found(path) == rows


@fast
@given(rows=readings(western), encoding=st.sampled_from(["cp1252", "latin-1"]))
def test_western_encodings(rows: list[Reading], encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(written(rows, header=HEADERS[2], delimiter=";", comma=True).encode(encoding))
    assert found(path) == rows


@pytest.mark.parametrize("form", MOMENTS)
@fast
@given(rows=readings())
def test_moments(form: str, rows: list[Reading], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(written(rows, moment=MOMENTS[form]), "utf-8")
    assert found(path) == rows
    path.write_text(
        json.dumps(
            [
                {
                    "house": house,
                    "room": room,
                    "ts": MOMENTS[form](at),
                    "temperature": temperature,
                    "humidity": humidity,
                }
                for house, room, at, temperature, humidity in rows
            ]
        )
    )
    assert found(path) == rows


@pytest.mark.parametrize("form", CLOCKS)
@fast
@given(rows=readings())
def test_clocks_on_the_wall(form: str, rows: list[Reading], tmp_path: Path) -> None:
    rows = [row for row in rows if row[2] < datetime(2026, 10, 24, tzinfo=UTC)] or [("h", "r", START, 20.0, None)]
    path = tmp_path / "a.csv"
    path.write_text(written(rows, moment=lambda at: at.astimezone(BERLIN).strftime(CLOCKS[form])), "utf-8")
    assert found(path, timezone="Europe/Berlin") == rows


def objects(rows: list[Reading], *, text: bool = False) -> list[dict[str, Any]]:
    return [
        {
            "house": house,
            "room": room,
            "ts": iso(at),
            **{name: str(value) if text else value for name, value in values.items() if value is not None},
        }
        for house, room, at, *both in rows
        for values in [dict(zip(("temperature", "humidity"), both, strict=True))]
    ]


LAYOUTS: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    "lines": lambda ones: "\n".join(map(json.dumps, ones)),
    "lines with blanks and comments": lambda ones: "# mine\n\n" + "\n\n".join(map(json.dumps, ones)) + "\n\n",
    "an array": json.dumps,
    "a pretty array": lambda ones: json.dumps(ones, indent=2),
    "an array, a line each": lambda ones: "[\n" + ",\n".join(map(json.dumps, ones)) + "\n]\n",
    "packed": lambda ones: json.dumps({"readings": ones}),
    "packed and pretty": lambda ones: json.dumps({"readings": ones, "more": {"a": [1]}}, indent=1),
    "packed lines": lambda ones: "\n".join(json.dumps({"readings": [one]}) for one in ones),
    "lines of arrays": lambda ones: "\n".join(json.dumps([one]) for one in ones),
    "pretty objects": lambda ones: "\n".join(json.dumps(one, indent=1) for one in ones),
    "nested": lambda ones: json.dumps([{"device": one | {"ts": None}, "time": one["ts"]} for one in ones]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@fast
@given(rows=readings(), encoding=st.sampled_from(ENCODINGS[:5]), text=st.booleans())
def test_json(layout: str, rows: list[Reading], encoding: str, text: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(LAYOUTS[layout](objects(rows, text=text)).encode(encoding))
    assert found(path) == rows


def frame(rows: list[Reading]) -> pl.DataFrame:
    schema: dict[str, Any] = {"house": pl.String, "room": pl.String, "ts": pl.Datetime("ms", "UTC")}
    return pl.DataFrame(rows, schema=schema | {"temperature": pl.Float64, "humidity": pl.Float64}, orient="row")


TYPES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "tidy": lambda frame: frame,
    "in any order": lambda frame: frame.sample(fraction=1, shuffle=True, seed=1),
    "in nanoseconds, of another zone": lambda frame: frame.with_columns(
        pl.col("ts").dt.convert_time_zone("Asia/Kathmandu").dt.cast_time_unit("ns")
    ),
    "categories": lambda frame: frame.cast({"house": pl.Categorical, "room": pl.Enum(frame["room"].unique().sort())}),
    "decimals": lambda frame: frame.cast({"temperature": pl.Decimal(10, 2), "humidity": pl.Decimal(10, 1)}),
    "text": lambda frame: frame.with_columns(pl.col("ts").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).cast(pl.String),
    "epochs": lambda frame: frame.with_columns(pl.col("ts").dt.epoch("us")),
    "a structure": lambda frame: frame.select(
        "house", "room", pl.struct("ts", pl.struct("temperature", "humidity").alias("values")).alias("reading")
    ),
    "lists of structures": lambda frame: frame.group_by("house", "room").agg(
        pl.struct("ts", "temperature", "humidity").alias("readings")
    ),
    "NaN for null": lambda frame: frame.with_columns(pl.col("temperature", "humidity").fill_null(float("nan"))),
}


@pytest.mark.parametrize("kind", TYPES)
@fast
@given(rows=readings())
def test_parquet(kind: str, rows: list[Reading], tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    TYPES[kind](frame(rows)).write_parquet(path)
    assert found(path) == rows


@fast
@given(rows=readings())
def test_single_values_of_a_moment_are_one_reading(rows: list[Reading], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = ["house\troom\ttime\tvariable\tvalue"]
    lines += [
        f"{house}\t{room}\t{iso(at)}\t{name}\t{value}"
        for quantity in (0, 1)
        for house, room, at, *values in rows
        for name, value in [list(zip(("Temperature", "RH"), values, strict=True))[quantity]]
        if value is not None
    ]
    path.write_text("\n".join(lines).replace('"', "'"), "utf-8")
    assert found(path) == [(house, room.replace('"', "'"), *rest) for house, room, *rest in rows]


@fast
@given(rows=readings(st.sampled_from(["kitchen", "Bad 1", "living_room"])))
def test_a_column_a_room(rows: list[Reading], tmp_path: Path) -> None:
    rows = [("h1", *row[1:]) for row in {(row[1], row[2]): row for row in rows}.values()]
    rows.sort(key=lambda row: (row[2], row[0], row[1]))
    wide: dict[str, dict[str, Any]] = {}
    for _, room, at, temperature, humidity in rows:
        wide.setdefault(iso(at), {"time": iso(at)}).update(
            {f"{room}_temperature": temperature, f"{room} Feuchte [%]": humidity}
        )
    names = sorted({room for _, room, *_ in rows})
    schema = {"time": pl.String} | {
        column: pl.Float64 for room in names for column in (f"{room}_temperature", f"{room} Feuchte [%]")
    }
    path = tmp_path / "a.csv"
    pl.DataFrame(list(wide.values()), schema=schema).write_csv(path, separator=";")
    assert found(path, house="h1") == rows
    pl.DataFrame(list(wide.values()), schema=schema).write_parquet(path)
    assert found(path, house="h1") == rows
