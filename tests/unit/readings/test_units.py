"""Units: a room that can only be in another is told, one wild value never is, and converting is exact."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.quantities import HUMIDITY, SPECS, Quantity
from roomidity.domain.units import UNITS, Unit, parse_units
from roomidity.errors import InputError
from roomidity.readings import check, decode
from roomidity.readings.numerals import read_number
from roomidity.readings.units import clamp, convert, judge
from tests.unit.samples import NOW, fast, message, reading

celsius = st.lists(st.floats(10, 32), min_size=1, max_size=40)
percent = st.lists(st.floats(15, 99), min_size=1, max_size=40)

SAID: dict[Unit, Any] = {
    "f": lambda value: value * 1.8 + 32,
    "k": lambda value: value + 273.15,
    "share": lambda value: value / 100,
    "tenths": lambda value: value * 10,
    "hundredths": lambda value: value * 100,
    "thousandths": lambda value: value * 1000,
}
"""How a sensor of that unit says a value of the contract's."""


@fast
@given(celsius)
def test_rooms_of_homes_are_in_celsius(values: list[float]) -> None:
    assert judge("temperature", values) is None


@fast
@given(percent)
def test_rooms_of_homes_are_in_per_cent(values: list[float]) -> None:
    assert judge("humidity", values) is None


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        ("temperature", "f"),
        ("temperature", "k"),
        ("temperature", "hundredths"),
        ("temperature", "thousandths"),
        ("humidity", "share"),
        ("humidity", "hundredths"),
        ("humidity", "thousandths"),
    ],
)
@fast
@given(data=st.data())
def test_a_room_in_another_unit_is_told_and_converted_back(quantity: Quantity, unit: Unit, data: Any) -> None:
    values = data.draw(celsius if quantity == "temperature" else percent)
    said = [SAID[unit](value) for value in values]
    assert judge(quantity, said) == unit
    assert judge(quantity, said, past=[]) == unit
    for value, as_said in zip(values, said, strict=True):
        assert convert(as_said, unit) == pytest.approx(value, abs=1e-9)
    assert judge(quantity, [convert(value, unit) for value in said]) is None


@fast
@given(
    past=st.lists(st.floats(17, 26), min_size=4, max_size=96), wild=st.floats(-60, 20_000), more=st.floats(-60, 20_000)
)
def test_one_wild_value_or_two_are_no_unit_where_a_room_has_a_past(past: list[float], wild: float, more: float) -> None:
    assert judge("temperature", [wild], past=past) is None
    assert judge("temperature", [wild, more], past=past) is None


@fast
@given(st.lists(st.floats(17, 26), min_size=4, max_size=40), st.lists(st.floats(-60, 3_000), max_size=3))
def test_wild_values_among_good_ones_are_no_unit(good: list[float], wild: list[float]) -> None:
    assert judge("temperature", [*good, *wild]) is None


@fast
@given(st.lists(st.floats(17, 26), min_size=4, max_size=96), st.lists(st.floats(17, 26), min_size=3, max_size=30))
def test_a_change_of_unit_is_told_by_the_past(past: list[float], values: list[float]) -> None:
    assert judge("temperature", [SAID["f"](value) for value in values], past=past) == "f"
    assert judge("temperature", values, past=past) is None


def test_a_past_that_was_stored_in_the_wrong_unit_excuses_nothing() -> None:
    assert judge("temperature", [72.5], past=[72.1, 72.2, 72.3, 72.4]) == "f"


@pytest.mark.parametrize("reset", [85.0, -127.0, 0.0, 127.0])
def test_values_that_sensors_say_when_they_start_are_no_evidence(reset: float) -> None:
    assert judge("temperature", [reset]) is None
    assert judge("temperature", [reset, reset]) is None
    assert judge("humidity", [0.0]) is None


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([44.9], None),  # under a roof in August
        ([45.1], "f"),
        ([-10.0, 5.0, 20.0], None),
        ([38.0, 55.0, 66.0, 70.0, 71.0], "f"),  # a cold start in °F
        ([21.0, 72.0], None),
        ([], None),
    ],
)
def test_where_celsius_ends(values: list[float], unit: Unit | None) -> None:
    assert judge("temperature", values) == unit


@pytest.mark.parametrize(
    ("values", "unit"), [([0.45], "share"), ([1.004], "share"), ([1.2], None), ([0.4, 40.0], None), ([150.0], None)]
)
def test_where_shares_end(values: list[float], unit: Unit | None) -> None:
    assert judge("humidity", values) == unit


@fast
@given(st.floats(-20, 120))
def test_slight_excess_is_clamped_and_more_is_left(value: float) -> None:
    kept = pl.select(clamp(pl.lit(value), SPECS[HUMIDITY])).item()
    if 0 <= value <= 100:
        assert kept == value
    elif -5 <= value <= 105:
        assert kept in (0, 100)
    else:
        assert kept == value


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("f", {"temperature": "f"}),
        ("°F", {"temperature": "f"}),
        (" Fahrenheit ", {"temperature": "f"}),
        ("c,percent", {"temperature": "c", "humidity": "percent"}),
        ("hundredths", {"temperature": "hundredths", "humidity": "hundredths"}),
        ("humidity:tenths", {"humidity": "tenths"}),
    ],
)
def test_settings_name_units(text: str, units: dict[Quantity, Unit]) -> None:
    assert parse_units(text) == units


@pytest.mark.parametrize("text", ["", "x", "humidity:f", "pressure:c", "f,,"])
def test_a_setting_that_is_no_unit_is_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(InputError, match=", ".join(UNITS)):
        parse_units(text)


def reasons(*contents: Any, **known: Any) -> list[str | None]:
    checked = check(decode([message(content) for content in contents]), now=NOW, **known)
    found = dict.fromkeys(range(len(contents))) | dict(checked.rejected.select("message", "reason").iter_rows())
    return [found[number] for number in range(len(contents))]


def test_the_door_rejects_a_room_in_another_unit_and_leaves_others_alone() -> None:
    warm = [reading(room="attic", ts=f"2026-11-22T07:1{minute}:00Z", temperature=70 + minute) for minute in range(4)]
    assert reasons(*warm, reading()) == ["unit"] * 4 + [None]
    assert reasons(reading(temperature=..., humidity=0.45)) == ["unit"]
    assert reasons(reading(temperature=..., room="attic"), *warm) == [None] + ["unit"] * 4


def test_sensors_of_a_room_are_judged_each_by_itself() -> None:
    assert reasons(reading(sensor="s1"), reading(sensor="s2", temperature=70.3)) == [None, "unit"]


def test_what_is_known_of_a_room_is_converted_and_not_judged() -> None:
    rows = [reading(temperature=72.5, humidity=0.505), reading(room="sauna", temperature=80)]
    units: Any = {("h1", "kitchen"): {"temperature": "f", "humidity": "share"}, ("h1", "sauna"): {"temperature": "c"}}
    accepted = check(decode([message(row) for row in rows]), now=NOW, units=units).accepted
    assert accepted.select("temperature", "humidity").rows() == [(22_500, 50_500), (80_000, 51_200)]


def test_the_past_is_asked_for_only_where_values_look_odd() -> None:
    asked: list[tuple[str, str, str]] = []

    def past(house: str, room: str, quantity: Quantity) -> list[float]:
        asked.append((house, room, quantity))
        return [21.0, 21.1, 21.2]

    assert reasons(reading(), reading(room="attic", temperature=60), past=past) == [None, None]
    assert asked == [("h1", "attic", "temperature")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("21.3", 21.3),
        (" 21,3 ", 21.3),
        ("+21.3", 21.3),
        ("-3", -3.0),
        ("−3,5", -3.5),
        ("2.13e1", 21.3),
        ("21.3°C", 21.3),
        ("21,3 ° C", 21.3),
        ("72.5 °F", 22.5),
        ("294.45 K", 21.3),
        ("", None),
        ("unavailable", None),
        ("NaN", None),
        ("N/A", None),
    ],
)
def test_numbers_as_people_write_them(text: str, value: float | None) -> None:
    found = read_number(text, "temperature")
    assert found == (value if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    "text", ["warm", "21 %", "21.3.4", "1.234,5", "2 1", "21 hPa", "0x15", "1_000", "9" * 65, "inf", "１２"]
)
def test_what_is_no_temperature_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        read_number(text, "temperature")


@pytest.mark.parametrize("text", ["45", "45 %", "45%RH", "45 % r.F."])
def test_per_cent_as_people_write_them(text: str) -> None:
    assert read_number(text, "humidity") == 45


def test_text_at_the_door_is_read_as_from_a_file() -> None:
    rows = [reading(temperature="21,3", humidity="51.2 %"), reading(room="bath", temperature="unavailable")]
    accepted = check(decode([message(row) for row in rows]), now=NOW).accepted
    assert accepted.select("temperature", "humidity").rows() == [(21_300, 51_200), (None, 51_200)]


@pytest.mark.parametrize("ts", [1_795_331_695_000_000, 1_795_331_695_000_000_000, "1795331695000000"])
def test_epochs_at_the_door_may_be_in_micro_and_nanoseconds(ts: Any) -> None:
    accepted = check(decode([message(reading(ts=ts))]), now=NOW).accepted
    assert accepted.select(pl.col("slot") + pl.col("time_ms")).item() == 1_795_331_695_000


@pytest.mark.parametrize("name", ["outdoor", "Outdoor", " OUTSIDE ", "außen", "draussen"])
def test_the_air_outside_has_one_name(name: str) -> None:
    assert check(decode([message(reading(room=name))]), now=NOW).accepted["room"].item() == "outdoor"


@pytest.mark.parametrize("name", ["Balkon", "Kitchen", "out", "outdoor 2"])
def test_other_rooms_keep_theirs(name: str) -> None:
    assert check(decode([message(reading(room=name))]), now=NOW).accepted["room"].item() == name
