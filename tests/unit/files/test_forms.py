"""Forms that people's files have, one by one: what comes out, and what is said of the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roomidity.files import FileReadings, Hints, problems, read_map, read_readings, read_units

HEAD = "house,room,ts,temperature,humidity\n"
ROW = "h1,kitchen,2026-11-25T01:00:00Z,21.3,50\n"
GOOD = ("h1", "kitchen", "2026-11-25T01:00Z", 21.3, 50.0)

Read = Callable[..., FileReadings]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes a file and reads it."""

    def read_content(content: str | bytes, *, maps: Iterable[str] = (), units: Iterable[str] = (), **hints: Any) -> Any:
        path = tmp_path / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_readings(path, Hints(entities=read_map(maps), units=read_units(units), **hints))

    return read_content


def rows(found: FileReadings) -> list[tuple[Any, ...]]:
    """House, room, time to the minute, temperature, humidity."""
    frame = found.readings.with_columns(pl.col("ts").dt.strftime("%Y-%m-%dT%H:%MZ"))
    frame = frame.select("house", "room", "ts", pl.col("temperature", "humidity").round(6))
    return frame.sort("ts", "room").rows()


INFLUX = """#group,false,false,true,true,false,false,true,true,true
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string
#default,_result,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,room
,,0,2026-11-25T00:00:00Z,2026-11-26T00:00:00Z,2026-11-25T01:00:00Z,21.3,temperature,climate,kitchen
,,0,2026-11-25T00:00:00Z,2026-11-26T00:00:00Z,2026-11-25T01:15:00Z,21.4,temperature,climate,kitchen

#group,false,false,true,true,false,false,true,true,true
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,long,string,string,string
#default,_result,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,room
,,1,2026-11-25T00:00:00Z,2026-11-26T00:00:00Z,2026-11-25T01:00:00Z,50,humidity,climate,kitchen
,,2,2026-11-25T00:00:00Z,2026-11-26T00:00:00Z,2026-11-25T01:00:00Z,100,battery,climate,kitchen
"""


def test_influxdb_annotated_with_a_table_a_series(read: Read) -> None:
    found = read(INFLUX.replace("\n", "\r\n"), house="h1")
    assert rows(found) == [GOOD, ("h1", "kitchen", "2026-11-25T01:15Z", 21.4, None)]
    assert found.rejected == {"unmapped": 1}
    assert "battery (1)" in problems(found)[-1]


def test_influxdb_pivoted(read: Read) -> None:
    content = ",result,table,_time,room,temperature,humidity\n,_result,0,2026-11-25T01:00:00Z,kitchen,21.3,50\n"
    assert rows(read(content, house="h1")) == [GOOD]


@pytest.mark.parametrize(
    "content",
    [
        "name,time,humidity,room,temperature\nclimate,1795568400000000000,50,kitchen,21.3\n",
        "name,tags,time,humidity,temperature\nclimate,room=kitchen,1795568400000000000,50,21.3\n",
        'name,tags,time,humidity,temperature\nclimate,"house=h1,room=kitchen",1795568400000000000,50,21.3\n',
        "name,tags,time,mean_temp\na,room=kitchen,1795568400,21.3\n\nname,tags,time,mean_hum\na,room=kitchen,1795568400,50\n",
    ],
)
def test_influxdb_command_line(read: Read, content: str) -> None:
    found = read(content, house="h1")
    assert {row[:3] for row in rows(found)} == {GOOD[:3]}
    assert found.readings["temperature"].drop_nulls().to_list() == [21.3]
    assert found.readings["humidity"].drop_nulls().to_list() == [50]


def test_influxdbs_measurement_is_no_room(read: Read) -> None:
    content = "name,time,humidity,temperature\nclimate,1795568400000000000,50,21.3\n"
    with pytest.raises(Exception, match="--room NAME"):
        read(content, house="h1")
    assert rows(read(content, house="h1", room="kitchen")) == [GOOD]


HISTORY = """entity_id,state,last_changed
sensor.kitchen_temperature,unavailable,2026-11-25T00:50:00.000Z
sensor.kitchen_temperature,21.3,2026-11-25T01:00:00.720Z
sensor.kitchen_humidity,unknown,2026-11-25T00:50:00.000Z
sensor.kitchen_humidity,50,2026-11-25T01:00:00.720Z
sensor.kitchen_battery,90,2026-11-25T01:00:00.720Z
"""


@pytest.mark.parametrize(
    "maps",
    [
        ["sensor.kitchen_temperature=kitchen:temperature", "sensor.kitchen_humidity=kitchen:humidity"],
        ["sensor.kitchen_temperature=kitchen", "sensor.kitchen_humidity=kitchen"],
        ["sensor.*_temperature=*:temperature:c", "sensor.*_humidity=*:humidity"],
        ["sensor.*_temperature=h1/*", "sensor.*_humidity=h1/*:rh:percent"],
    ],
)
def test_home_assistants_history_by_a_map(read: Read, maps: list[str]) -> None:
    found = read(HISTORY, maps=maps, house="h1")
    assert rows(found) == [GOOD]
    assert found.rejected == {"no_value": 2, "unmapped": 1}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "map.toml",
            (
                '"sensor.kitchen_temperature" = "kitchen"\n'
                '"sensor.kitchen_humidity" = { room = "kitchen", quantity = "humidity", unit = "percent" }\n'
                '"sensor.kitchen_battery" = { ignore = true }\n'
            ),
        ),
        (
            "map.toml",
            (
                'sensor.kitchen_temperature = "kitchen"\nsensor.kitchen_humidity = "kitchen"\n'
                "sensor.kitchen_battery.ignore = true\n"
            ),
        ),
        (
            "map.json",
            (
                '{"devices": {"sensor.kitchen_temperature": "kitchen", "sensor.kitchen_humidity": {"room": "kitchen"}, '
                '"sensor.kitchen_battery": {"ignore": true}}}'
            ),
        ),
    ],
)
def test_a_map_may_be_a_file(read: Read, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    found = read(HISTORY, maps=[str(tmp_path / name)], house="h1")
    assert rows(found) == [GOOD]
    assert found.rejected == {"no_value": 2}


def test_a_map_may_say_the_unit(read: Read) -> None:
    content = "entity_id,state,last_changed\nsensor.attic,72.5,2026-11-25T01:00:00Z\n"
    found = read(content, maps=["sensor.attic=attic:temperature:f"], house="h1")
    assert rows(found) == [("h1", "attic", "2026-11-25T01:00Z", 22.5, None)]


def test_two_entities_of_a_room_are_two_sensors(read: Read) -> None:
    content = "entity_id,state,last_changed\n" + "".join(
        f"sensor.{name},{state},2026-11-25T01:00:00Z\n" for name, state in (("a", 21), ("b", 22), ("c", 50))
    )
    found = read(content, maps=["sensor.a=k:t", "sensor.b=k:t", "sensor.c=k:h"], house="h1")
    assert found.readings.select("sensor", "temperature", "humidity").rows() == [
        ("", None, 50.0),
        ("sensor.a", 21.0, None),
        ("sensor.b", 22.0, None),
    ]


def test_home_assistants_rest_api(read: Read) -> None:
    history = [
        [
            {"entity_id": "sensor.k_t", "state": "21.3", "last_changed": "2026-11-25T01:00:00+00:00", "attributes": {}},
            {"state": "21.4", "last_changed": "2026-11-25T01:10:00+00:00"},
        ],
        [{"entity_id": "sensor.k_h", "state": "50", "last_changed": "2026-11-25T01:00:00+00:00"}],
    ]
    found = read(json.dumps(history), maps=["sensor.k_t=kitchen:t", "sensor.k_h=kitchen:h"], house="h1")
    assert rows(found) == [GOOD, ("h1", "kitchen", "2026-11-25T01:10Z", 21.4, None)]


def test_home_assistant_by_way_of_influxdb_has_the_unit_where_the_measurement_is(read: Read) -> None:
    content = (
        ",result,table,_time,_value,_field,_measurement,entity_id\n"
        ",,0,2026-11-25T01:00:00Z,70.34,value,°F,kitchen_temp\n,,1,2026-11-25T01:00:00Z,50,value,%,kitchen_humidity\n"
    )
    assert rows(read(content, maps=["kitchen_*=kitchen"], house="h1")) == [GOOD]


def test_a_column_a_room(read: Read) -> None:
    content = (
        "time,kitchen_temperature,kitchen_humidity,Bad Temperatur (°F),outdoor_temperature,battery,CO2 (ppm)\n"
        "2026-11-25T01:00:00Z,21.3,50,72.5,5,90,600\n2026-11-25T01:15:00Z,,,72.5,,90,600\n"
    )
    found = read(content, house="h1")
    assert rows(found) == [
        ("h1", "Bad", "2026-11-25T01:00Z", 22.5, None),
        GOOD,
        ("h1", "outdoor", "2026-11-25T01:00Z", 5.0, None),
        ("h1", "Bad", "2026-11-25T01:15Z", 22.5, None),
    ]
    assert found.rejected == {}


def test_numbered_rooms_and_the_air_outside(read: Read) -> None:
    content = (
        "date,lights,T1,RH_1,T2,RH_2,T_out,RH_out,Tdewpoint\n2016-01-11 17:00:00,30,19.9,47.6,19.2,44.8,6.6,92,5\n"
    )
    found = rows(read(content, house="h", timezone="Etc/GMT-1"))
    assert [row[1:] for row in found] == [
        ("1", "2016-01-11T16:00Z", 19.9, 47.6),
        ("2", "2016-01-11T16:00Z", 19.2, 44.8),
        ("outdoor", "2016-01-11T16:00Z", 6.6, 92.0),
    ]


def test_columns_by_a_map(read: Read) -> None:
    content = "created_at,field1,field2,field3\n2026-11-25T01:00:00Z,21.3,50,3.1\n"
    assert rows(read(content, maps=["field1=kitchen:t", "field2=kitchen:h"], house="h1")) == [GOOD]


def test_grafana_wide_with_units_in_cells_and_long(read: Read) -> None:
    wide = 'sep=,\n"Time","Kitchen Temperature","Kitchen Humidity"\n"2026-11-25 02:00:00","21.3 °C","50.0%"\n'
    long = (
        'sep=;\n"Series";"Time";"Value"\n"Kitchen temperature";"2026-11-25T02:00:00+01:00";21.3\n'
        '"Kitchen humidity";"2026-11-25T02:00:00+01:00";50\n'
    )
    wanted = [("h1", "Kitchen", *GOOD[2:])]
    assert rows(read(wide, house="h1", timezone="Europe/Berlin")) == wanted
    assert rows(read(long, house="h1")) == wanted


@pytest.mark.parametrize(
    "content",
    [
        # Loggers and apps, each with its own header
        "Timestamp for sample frequency every 1 min,Temperature_Celsius,Relative_Humidity\n2026-11-25 01:00,21.3,50\n",
        "Timestamp for sample frequency,Temperature_Fahrenheit,Relative_Humidity\n2026-11-25 01:00,70.34,50\n",
        (
            '"Plot Title: kitchen"\n"#","Date Time, GMT+01:00","Temp, °C (LGR S/N: 1)","RH, % (LGR S/N: 1)"\n'
            "1,11/25/26 02:00:00 AM,21.3,50\n"
        ),
        (
            "Time(dd/mm/yyyy),Carbon dioxide(ppm),Temperature(°C),Relative humidity(%),Atmospheric pressure(hPa)\n"
            "25/11/2026 1:00:00 AM,600,21.3,50,1013\n"
        ),
        "No.,Time,Temperature℃,Humidity%RH\n1,2026-11-25 01:00:00,21.3,50\n",
        "recorded;CO2 ppm;TEMP °C;HUMIDITY %;PRESSURE hPa\n2026-11-25T01:00:00;600;21,3;50;1013\n",
        "Datum;Uhrzeit;Temp.;rel. Feuchte\n25.11.2026;01:00:00;21,3;50\n",
        "Date,Time,Current Temp (F),Current Humidity (%RH),Cool Set Temp (F)\n2026-11-25,01:00,70.34,50,75\n",
        "Time,Temperature,Humidity,Dew Point,Feels Like\n2026/11/25 1:00,21.3,50,10,21\n",
        "timestamp(UTC),tempinf,humidityin,baromrelin\n2026-11-25 01:00:00,70.34,50,29\n",
        "# my logger\n# version 2\ntime\ttemp\thum\n2026-11-25 01:00:00\t21.3\t50\n",
        "Unixtime|T|RH\n1795568400|21.3|50\n",
        "Time,Temperature,Unit,Humidity\n2026-11-25 01:00:00,70.34,F,50\n",
    ],
    ids=range(13),
)
def test_loggers(read: Read, content: str) -> None:
    assert rows(read(content, house="h1", room="kitchen", timezone="UTC")) == [GOOD]


def test_names_from_beside_the_file_fill_what_is_empty_and_overrule_nothing(read: Read) -> None:
    content = HEAD + ROW + ",kitchen,2026-11-25T01:15:00Z,21.3,50\nh1,,2026-11-25T01:30:00Z,21.3,50\n"
    found = read(content, house="h2", room="attic")
    assert [row[:2] for row in rows(found)] == [("h1", "kitchen"), ("h2", "kitchen"), ("h1", "attic")]
    assert found.notes == [
        "--house h2 names only what the file does not: its 'house' is 'h1'",
        "--room attic names only what the file does not: its 'room' is 'kitchen'",
    ]


def test_devices_are_rooms_unless_a_room_is_given_or_a_map(read: Read) -> None:
    content = "device,time,temp\nd1,2026-11-25T01:00:00Z,20\nd2,2026-11-25T01:00:00Z,21\n"
    assert [row[1] for row in rows(read(content, house="h1"))] == ["d1", "d2"]
    given = read(content, house="h1", room="kitchen").readings
    assert given.select("room", "sensor").rows() == [("kitchen", "d1"), ("kitchen", "d2")]
    mapped = read(content, house="h1", maps=["d1=bath::f", "d9=attic"])
    assert mapped.readings.select("room").rows() == [("bath",)]
    assert mapped.readings["temperature"].item() == pytest.approx(-6.667, abs=0.001)
    assert mapped.rejected == {"unmapped": 1}


def test_columnar_json(read: Read) -> None:
    content = {"latitude": 52, "hourly": {"time": ["2026-11-25T01:00"], "temperature_2m": [5], "dew_point_2m": [1]}}
    found = rows(read(json.dumps(content), house="h1", room="outdoor", timezone="UTC"))
    assert found == [("h1", "outdoor", "2026-11-25T01:00Z", 5.0, None)]


def test_rooms_as_keys(read: Read) -> None:
    lists = {"kitchen": [{"ts": 1795568400, "temp": 21.3, "hum": 50}], "bath": [{"ts": 1795568400, "temp": 22}]}
    nested = {"ts": 1795568400, "kitchen": {"temperature": 21.3, "humidity": 50}, "bath": {"temperature": 22}}
    wanted = [("h1", "bath", "2026-11-25T01:00Z", 22.0, None), GOOD]
    assert rows(read(json.dumps(lists), house="h1")) == wanted
    assert rows(read(json.dumps([nested]), house="h1")) == wanted


def test_a_cell_with_ends_of_line_and_doubled_quotes(read: Read) -> None:
    content = HEAD.replace("\n", ",note\n") + ROW.replace("\n", ',"a\nb, ""c"""\n') + ROW.replace("01:00", "01:15", 1)
    found = read(content.replace("01:15:00Z,21.3,50\n", '01:15:00Z,21.3,50,"x ""y"""\n'))
    assert len(found.readings) == 2
    assert found.rejected == {}


@pytest.mark.parametrize("count", [1, 40, 4_000])
def test_an_open_quote_costs_its_line_alone(read: Read, count: int) -> None:
    good = "".join(
        f"h1,kitchen,{(datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=at)).isoformat()},21,50\n"
        for at in range(count)
    )
    found = read(HEAD + good + 'h1,"kitchen,2026-11-25T01:00:00Z,21,50\n' + good.replace("h1", "h2"))
    assert len(found.readings) == 2 * count
    assert found.rejected == {"malformed": 1}
    assert [(one.line, one.why) for one in found.examples["malformed"]] == [(count + 2, "a quote is not closed")]


def test_rows_with_too_many_or_too_few_values_cost_themselves_alone(read: Read) -> None:
    found = read(
        HEAD + ROW + "h1,k,2026-11-25T01:00:00Z,21\n" + "h1,k,2026-11-25T01:00:00Z,21,3,50,1\n" + ROW[:-1] + ",,\n"
    )
    assert len(found.readings) == 2
    assert found.rejected == {"malformed": 2}
    assert [one.why[:38] for one in found.examples["malformed"]] == [
        "it has 4 values, the header has 5",
        "it has 7 values, the header has 5: are",
    ]


def test_a_header_that_comes_again_is_no_row(read: Read) -> None:
    assert rows(read(HEAD + ROW + HEAD + "\n" + HEAD)) == [GOOD]


def line(minute: int, **more: Any) -> dict[str, Any]:
    return {"house": "h1", "room": "k", "ts": f"2026-11-25T01:{minute:02}:00Z", "temperature": 21, **more}


def test_a_line_of_over_a_mebibyte_is_refused_by_name_and_others_sent(read: Read) -> None:
    lines = [json.dumps(line(0)), json.dumps(line(1, note="x" * 2**20)), json.dumps(line(2))]
    found = read("\n".join(lines))
    assert len(found.readings) == 2
    assert found.rejected == {"too_long": 1}
    assert found.examples["too_long"][0].line == 2
    separated = read(HEAD + ROW + ROW.replace("kitchen", "k" * 2**20) + ROW)
    assert len(separated.readings) == 2
    assert separated.examples["too_long"][0].line == 3


def test_an_array_on_one_long_line_is_no_long_line(read: Read) -> None:
    assert len(read(json.dumps([line(at % 60) for at in range(20_000)])).readings) == 20_000


@pytest.mark.parametrize("indent", [None, 1])
def test_of_a_json_array_that_is_cut_or_broken_the_rest_is_read(read: Read, indent: int | None) -> None:
    elements = [json.dumps(line(at), indent=indent) for at in range(5)]
    text = "[" + ",\n".join(elements) + "]"
    cut = read(text[:-30])
    assert (len(cut.readings), cut.rejected) == (4, {"malformed": 1})
    broken = read(text.replace('"2026-11-25T01:02:00Z"', "oops"))
    assert (len(broken.readings), broken.rejected) == (4, {"malformed": 1})
    assert broken.examples["malformed"][0].line == 1 + sum(one.count("\n") + 1 for one in elements[:2])


def test_json_lines_are_judged_each_by_itself(read: Read) -> None:
    odd = ["not JSON", "17", '"text"', '{"house": "h1", "room": "k', '{"a": NaN}']
    lines = [json.dumps(line(at)) for at in range(10)]
    found = read("\n".join([*lines[:5], *odd, *lines[5:]]))
    assert len(found.readings) == 10
    assert found.rejected == {"malformed": 4, "bad_name": 1}
    assert [one.line for one in found.examples["malformed"]] == [6, 7, 8, 9]


def test_one_dialect_beside_another_in_one_file(read: Read) -> None:
    lines = [line(0), {**line(1), "ts": None, "last_seen": "2026-11-25T02:01:00+01:00"}, line(2, temperature="21,3 °C")]
    assert len(read("\n".join(map(json.dumps, lines))).readings) == 3


def test_bytes_that_are_no_utf_8_cost_their_line_alone(read: Read) -> None:
    good = json.dumps(line(0)).encode()
    found = read(good + b"\n\xff\xfe\x00\n" + good)
    assert (len(found.readings), found.rejected) == (2, {"malformed": 1})


def test_a_name_with_what_cannot_be_seen_is_refused_and_others_are_kept_as_at_the_door(read: Read) -> None:
    found = read(
        HEAD
        + ROW.replace("kitchen", "a\u2028b")
        + ROW.replace("kitchen", " Ku\u0308che ")
        + ROW.replace("kitchen", "Outside")
    )
    assert [row[1] for row in rows(found)] == ["Küche", "outdoor"]
    assert found.rejected == {"bad_name": 1}


def test_values_are_judged_as_at_the_door(read: Read) -> None:
    values = [
        "99.9,100.4",
        "21,-0.3",
        "21,105.1",
        "-61,50",
        "warm,50",
        ",",
        "21,",
        "NaN,50",
        "unavailable,50",
        "true,50",
    ]
    content = HEAD + "".join(f"h1,k,2026-11-25T01:{at:02}:00Z,{value}\n" for at, value in enumerate(values))
    found = read(content + "".join(ROW.replace("kitchen", "k").replace("01:00", f"02:{at:02}") for at in range(9)))
    assert [row[3:] for row in rows(found)[:5]] == [(21.0, 0.0), (21.0, None), (None, 50.0), (None, 50.0), (21.3, 50.0)]
    assert found.rejected == {"implausible": 3, "bad_value": 2, "no_value": 1}


def test_units_are_given_for_all_rooms_or_for_one(read: Read) -> None:
    content = HEAD + ROW + ROW.replace("kitchen,2026-11-25T01:00:00Z,21.3,50", "attic,2026-11-25T01:00:00Z,72.5,0.5")
    found = read(content, units=["attic=f", "attic=share"])
    assert rows(found) == [("h1", "attic", "2026-11-25T01:00Z", 22.5, 50.0), GOOD]
    whole = HEAD + ROW.replace("21.3,50", "72.5,50")
    assert rows(read(whole, units=["f"]))[0][3] == 22.5
    assert rows(read(whole, units=["f", "kitchen=c"]))[0][3] == 72.5


def test_a_room_in_another_unit_is_left_out_and_said_with_the_remedy(read: Read) -> None:
    content = HEAD + ROW * 3 + ROW.replace("kitchen", "attic").replace("21.3", "72.5")
    found = read(content)
    assert [row[1] for row in rows(found)] == ["kitchen"] * 3
    assert found.rejected == {"unit": 1}
    assert found.units == {("h1", "attic"): {"temperature": "f"}}


def test_columns_that_are_called_by_the_room_alone_are_told_by_the_units_in_their_cells(read: Read) -> None:
    content = (
        '"Time","kitchen","Bad"\n"2026-11-25T01:00:00Z","21.3 °C","45 %"\n"2026-11-25T01:15:00Z","21.3 °C","45 %"\n'
    )
    found = rows(read(content, house="h1"))
    assert found[:2] == [
        ("h1", "Bad", "2026-11-25T01:00Z", None, 45.0),
        ("h1", "kitchen", "2026-11-25T01:00Z", 21.3, None),
    ]
    plain = content.replace(" °C", "").replace(" %", "")
    assert len(rows(read(plain, house="h1", maps=["kitchen=kitchen:t", "Bad=Bad:rh"]))) == 4
