"""What is refused, and in which words: found, expected, what to do, in few lines, and none of a library's."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roomidity.errors import InputError, ReadingsFileError, RejectedFileError, RoomidityError
from roomidity.files import Hints, read_map, read_readings, read_units

HEAD = "house,room,ts,temperature,humidity\n"
ROW = "h1,kitchen,2026-11-25T01:00:00Z,21.3,50\n"

MANY = 40_000


def refused(path: Path, **hints: Any) -> InputError:
    with pytest.raises((ReadingsFileError, RejectedFileError)) as caught:
        read_readings(path, Hints(**hints))
    text = str(caught.value)
    assert text.startswith(str(path))
    assert len(text.splitlines()) <= 20
    assert all(len(line) < 1_000 for line in text.splitlines())
    assert not any(
        word in text for word in ("Polars", "polars", "truncate_ragged_lines", "schema", "Traceback", "dtype")
    )
    return caught.value


def refusal(path: Path, **hints: Any) -> str:
    return str(refused(path, **hints))


def parquet(path: Path, frame: pl.DataFrame) -> Path:
    frame.write_parquet(path)
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ["no rows"]),
        (b"\n\n \n", ["no rows"]),
        (HEAD.encode(), ["no rows"]),
        (b"[]", ["no rows"]),
        (b'{"readings": []}', ["no rows"]),
        (b"PK\x03\x04" + bytes(99), ["Excel workbook", "save the sheet as CSV"]),
        (b"\x1f\x8b" + bytes(99), ["gzip", "gunzip"]),
        (b"SQLite format 3\x00" + bytes(99), ["SQLite"]),
        (bytes(range(256)) * 50, ["no text"]),
        (b"PAR1" + bytes(999), ["Parquet file that is damaged or cut"]),
        (b"a,b\n1,2\n", ["the columns 'a', 'b'", "'temperature' or 'humidity'", "--map"]),
        (b"2026-11-25T01:00:00Z,21,50\n2026-11-25T01:15:00Z,21,50\n", ["first line with values", "names the columns"]),
        (b"house,room,temperature\nh,k,21\n", ["'house', 'room', 'temperature'", "'ts'", "timestamp"]),
        (b"house,ts,temperature\nh,2026-11-25T01:00:00Z,21\n", ["room", "--room NAME"]),
        (b"room,ts,temperature\nk,2026-11-25T01:00:00Z,21\n", ["house", "--house NAME"]),
        (b"ts,temperature\n2026-11-25T01:00:00Z,21\n", ["house and room", "--house NAME --room NAME"]),
        (b"sensor,ts,temperature\ns,2026-11-25T01:00:00Z,21\n", ["--map X=ROOM for each 'sensor'"]),
        (b"date,temperature\n2026-11-25,21\n", ["without a time of day", "2026-11-25"]),
        (b"hello\n", ["'hello'"]),
        (b"not JSON\n" * 3, ["'not JSON'"]),
        (b'{"house": "h"\n' * 3, ["malformed: 3"]),
    ],
)
def test_what_is_no_file_of_readings(tmp_path: Path, content: bytes, said: list[str]) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    text = refusal(path)
    assert all(words in text for words in said), text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('""\n"x"\n', "found columns, none of which has a name; expected"),
        (
            "2026-01-01T00:00:00Z;21.3;51\n2026-01-01T00:15:00Z;21.3;51\n",
            "values: '2026-01-01T00:00:00Z', '21.3', '51'",
        ),
        ("a|b\n1|2\n", "found the columns 'a', 'b'; expected"),
    ],
)
def test_a_header_without_names_is_told_as_such(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(content)
    assert said in refusal(tmp_path / "a.csv")


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "missing.csv")
    assert "directory" in refusal(tmp_path)


def minutes(count: int) -> list[str]:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    return [(start + timedelta(minutes=at)).strftime("%Y-%m-%d %H:%M:%S") for at in range(count)]


MOSTLY_BAD: dict[str, tuple[Callable[[str], str], dict[str, Any], list[str]]] = {
    "local times": (lambda at: f"h,k,{at},21,50", {}, ["bad_time: 40,000 lines", "has no offset", "--timezone"]),
    "decimals after unquoted commas": (lambda at: f"h,k,{at}Z,21,3,50,1", {}, ["malformed", "7 values", "quotes"]),
    "no numbers": (lambda at: f"h,k,{at}Z,warm,50", {}, ["bad_value", "'warm' is no number"]),
    "bad names": (lambda at: f"h,a/b,{at}Z,21,50", {}, ["bad_name", "the room 'a/b'", "none of / # $ +"]),
    "°F": (lambda at: f"h,k,{at}Z,71,50", {}, ["unit", "temperature 71 in 'k'", "°F", "--unit k=f", "--unit c"]),
    "shares": (lambda at: f"h,k,{at}Z,21,.5", {}, ["unit", "humidity 0.5 in 'k'", "shares of one", "--unit k=share"]),
    "hundredths": (lambda at: f"h,k,{at}Z,2130,5050", {}, ["unit", "hundredths", "--unit k=hundredths"]),
    "kelvin": (lambda at: f"h,k,{at}Z,294.3,50", {}, ["unit", "kelvin", "--unit k=k"]),
    "wild values": (lambda at: f"h,k,{at}Z,21,333333", {}, ["implausible"]),
    "open quotes": (lambda at: f'h,"k,{at}Z,21,50', {}, ["malformed: 40,000", "a quote is not closed"]),
}


@pytest.mark.parametrize("kind", MOSTLY_BAD)
def test_a_file_that_is_mostly_bad_is_refused_in_few_lines_however_long(tmp_path: Path, kind: str) -> None:
    row, hints, said = MOSTLY_BAD[kind]
    path = tmp_path / "file.csv"
    path.write_text(HEAD + "\n".join(map(row, minutes(MANY))) + "\n" + ROW)
    refusal_of_all = refused(path, **hints)
    text = str(refusal_of_all)
    assert "what to do" in text or kind in ("no numbers", "wild values")
    assert all(words in text for words in said), text
    assert isinstance(refusal_of_all, RejectedFileError)
    assert (refusal_of_all.readings, sum(refusal_of_all.rejected.values())) == (1, MANY)


@pytest.mark.parametrize(("good", "bad", "is_refused"), [(3, 3, False), (3, 4, True), (0, 1, True), (1, 1, False)])
def test_most_rows_is_more_than_half(tmp_path: Path, good: int, bad: int, is_refused: bool) -> None:
    path = tmp_path / "file.csv"
    path.write_text(HEAD + ROW * good + ROW.replace("21.3", "warm") * bad)
    if is_refused:
        refusal(path)
    else:
        assert read_readings(path).rejected == {"bad_value": bad}


def test_rows_without_a_value_do_not_speak_against_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    nothing = ROW.replace("21.3,50", ",") * 99
    path.write_text(HEAD + ROW + nothing)
    assert len(read_readings(path).readings) == 1
    path.write_text(HEAD + nothing)
    assert "no_value: 99 lines" in refusal(path)


def test_two_rooms_in_other_units_are_each_named(tmp_path: Path) -> None:
    rows = [f"h,{room},{at}Z,{value}" for at in minutes(9) for room, value in (("a", "70,50"), ("b b", "21,.5"))]
    path = tmp_path / "file.csv"
    path.write_text(HEAD + "\n".join(rows))
    text = refusal(path)
    assert "a can only be in °F: give --unit a=f" in text
    assert "b b can only be in shares of one: give --unit 'b b=share'" in text
    found = read_readings(path, Hints(units=read_units(["a=f", "b b=share"])))
    assert found.rejected == {}


def test_entities_without_a_map_are_refused_with_the_map_that_they_need(tmp_path: Path) -> None:
    names = [f"sensor.room_{number}_{quantity}" for number in range(30) for quantity in ("temperature", "humidity")]
    path = tmp_path / "file.csv"
    head = "entity_id,state,last_changed\n"
    path.write_text(head + "\n".join(f"{name},20,2026-11-25T01:00:00Z" for name in names[:2]))
    text = refusal(path, house="h")
    assert "--map sensor.room_0_temperature=room_0:temperature" in text
    path.write_text(head + "\n".join(f"{name},20,2026-11-25T01:00:00Z" for name in names))
    text = refusal(path, house="h")
    assert "--map 'sensor.*_temperature=*:temperature'" in text
    stars = read_map(["sensor.*_temperature=*:temperature", "sensor.*_humidity=*:humidity"])
    assert read_readings(path, Hints(house="h", entities=stars)).readings["room"].n_unique() == 30


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("a", "no file that can be read"),
        ("a=", "ENTITY=ROOM:QUANTITY"),
        ("a=b:pressure", "temperature or humidity"),
        ("a=b:t:x", "c, f, k"),
        ("a=b:t:f:g", "ENTITY=ROOM"),
    ],
)
def test_a_map_that_is_none_is_refused_with_how_it_is_written(given: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_map([given])
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["a = 1", "a = [", '{"a": ', '"a" = {room = 1}'])
def test_a_map_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map"
    path.write_text(text)
    with pytest.raises(InputError, match="--map"):
        read_map([str(path)])


@pytest.mark.parametrize("cut", [4, 100, 900])
def test_a_parquet_file_that_is_cut(tmp_path: Path, cut: int) -> None:
    path = parquet(tmp_path / "a.parquet", pl.DataFrame({"house": ["h"] * 99, "x": list(range(99))}))
    path.write_bytes(path.read_bytes()[:cut])
    assert "damaged or cut short" in refusal(path)


def test_parquet_names_rows_not_lines(tmp_path: Path) -> None:
    ts = pl.Series([datetime(2026, 11, 25, tzinfo=UTC)] * 3)
    frame = pl.DataFrame({"house": "h", "room": ["k", "a/b", "k"], "ts": ts, "temperature": [21.0, 21.0, 200.0]})
    assert "row 2: the room 'a/b' is no name" in refusal(parquet(tmp_path / "a.parquet", frame))


texts = st.text(max_size=300) | st.text(alphabet='",;\n\r\t|h1:-{}[]=#. 0', max_size=300)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=texts.map(lambda text: text.encode(errors="replace"))
    | st.binary(max_size=300)
    | texts.map(lambda text: (HEAD + ROW + text).encode(errors="replace"))
    | texts.map(lambda text: (json.dumps({"house": "h", "room": "k"}) + "\n" + text).encode(errors="replace"))
)
def test_whatever_a_file_holds_only_words_come_of_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    try:
        found = read_readings(path, Hints(house="h", room="k", timezone="Europe/Berlin"))
    except RoomidityError as error:
        assert len(str(error).splitlines()) <= 20  # noqa: PT017  # any error will do, with few words
    else:
        assert len(found.readings)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.text(alphabet='",;|h1:-{}[]=. 0é', max_size=40), max_size=6))
def test_good_lines_are_read_whatever_stands_between_them(noise: list[str], tmp_path: Path) -> None:
    good = [f"h1,kitchen,{at}Z,21.3,50" for at in minutes(40)]
    lines = list(good)
    for place, text in enumerate(noise):
        lines.insert(3 + 5 * place, text)
    path = tmp_path / "file"
    path.write_text(HEAD + "\n".join(lines), "utf-8")
    found = read_readings(path)
    times = set(found.readings.filter(house="h1", room="kitchen")["ts"].dt.strftime("%Y-%m-%d %H:%M:%S"))
    assert set(minutes(40)) <= times
