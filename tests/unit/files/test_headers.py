"""What a column is by its name, in English and German, with unit and room."""

from __future__ import annotations

import pytest

from roomidity.files.headers import column, columns, quantity_of

T, H = "temperature", "humidity"


@pytest.mark.parametrize(
    ("name", "quantity", "unit", "label"),
    [
        *((name, T, None, "") for name in ("temperature", "Temperature", "TEMP", "t", "T", "tmp", "Temperatur")),
        *(
            (name, T, None, "")
            for name in ("Raumtemperatur", "air_temperature", "roomTemperature", "Indoor Temp", "mean temp")
        ),
        *(
            (name, T, "c", "")
            for name in ("Temperature (°C)", "temp_c", "tempC", "Temp. [°C]", "Temperature_Celsius", "°C")
        ),
        *(
            (name, T, "c", "")
            for name in ("Temperatur in °C", "temperature(C)", "TEMP ℃", "temperature_degC", "Celsius")
        ),
        *((name, T, "f", "") for name in ("Temperature (°F)", "temp_f", "tempF", "tempinf", "Fahrenheit", "Temp ℉")),
        *((name, T, "k", "") for name in ("temperature_k", "Temperature [K]")),
        *(
            (name, H, None, "")
            for name in ("humidity", "RH", "rh", "hum", "h", "rF", "Luftfeuchte", "Luftfeuchtigkeit")
        ),
        *(
            (name, H, None, "")
            for name in ("rel. Feuchte", "Relative_Humidity", "relative humidity", "humidityin", "relHum")
        ),
        *(
            (name, H, "percent", "")
            for name in ("RH (%)", "humidity_percent", "Humidity%RH", "r.F. %", "rel. Luftfeuchte [%]")
        ),
        ("kitchen_temperature", T, None, "kitchen"),
        ("sensor.bath_humidity", H, None, "bath"),
        ("Living Room Temperature (°F)", T, "f", "Living Room"),
        ("temperature_kitchen_2", T, None, "kitchen_2"),
        ("Küche Feuchte (%)", H, "percent", "Küche"),
        ("wohnzimmertemperatur", T, None, "wohnzimmer"),
        ("Room 1 temperature", T, None, "Room 1"),
        ("T1", T, None, "1"),
        ("RH_out", H, None, "out"),
        ("outTemp", T, None, "out"),
        ("kitchen.temperature", T, None, "kitchen"),
        ("values.temperature", T, None, ""),
        ("Kitchen (°F)", T, "f", "Kitchen"),
        ("Flur °C", T, "c", "Flur"),
    ],
)
def test_quantities(name: str, quantity: str, unit: str | None, label: str) -> None:
    found = column(name)
    assert (found.role, found.quantity, found.unit, found.label) == ("quantity", quantity, unit, label)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "dew_point",
            "Taupunkt (°C)",
            "Feels Like(℃)",
            "Heat Index (°F)",
            "battery",
            "Battery (%)",
            "set_temperature",
        ),
        *(
            "Solltemperatur",
            "temperature_max",
            "T_min",
            "CPU temperature",
            "abs. humidity (g/m³)",
            "soil_humidity",
            "lux",
        ),
        *(
            "Tdewpoint",
            "pressure_hpa",
            "timezone",
            "rv1",
            "",
            "linkquality",
            "DPT(℃)",
            "CO2 (ppm)",
            "forecast_temperature",
        ),
    ],
)
def test_what_measures_something_else(name: str) -> None:
    assert column(name).role == "other"


@pytest.mark.parametrize(
    ("role", "names"),
    [
        (
            "time",
            "ts time Timestamp DATETIME Zeit zeitstempel _time last_changed Datum/Uhrzeit created_at Uhrzeit epoch_ms",
        ),
        ("date", "date Datum Date"),
        ("house", "house Haus home BUILDING house_id"),
        ("room", "room Raum Zimmer location room_name device.room"),
        ("sensor", "sensor sensor_id MAC address"),
        ("entity", "entity_id statistic_id topic"),
        ("field", "_field variable metric type device_class"),
        ("value", "_value state Wert value mean"),
        ("unit", "unit unit_of_measurement Einheit TempUnit attributes.unit_of_measurement"),
    ],
)
def test_roles(role: str, names: str) -> None:
    assert {column(name).role for name in names.split()} == {role}


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Time (UTC)", "+00:00"),
        ("dateutc", "+00:00"),
        ("Date Time, GMT+01:00", "+01:00"),
        ("Time (UTC-5)", "-05:00"),
        ("timestamp(Europe/Berlin)", "Europe/Berlin"),
        ("Datum/Zeit", None),
        ("time", None),
    ],
)
def test_zones(name: str, zone: str | None) -> None:
    assert (column(name).role, column(name).zone) == ("time", zone)


def test_the_best_of_several_names_is_the_contracts_own() -> None:
    assert column("temperature").rank < column("temp_c").rank < column("temp_f").rank
    assert column("ts").rank < column("time").rank < column("last_changed").rank


def test_a_lone_letter_counts_where_both_quantities_have_it() -> None:
    assert [one.role for one in columns(["bath_t", "bath_h"]).values()] == ["quantity"] * 2
    assert [one.role for one in columns(["power_h", "kitchen_t"]).values()] == ["other"] * 2


@pytest.mark.parametrize(
    ("cell", "quantity"), [("Temperature", T), ("t", T), ("RH", H), ("%", H), ("sensor.x_hum", H), ("co2", None)]
)
def test_cells_that_name_a_quantity(cell: str, quantity: str | None) -> None:
    found = quantity_of(cell)
    assert (found and found.quantity) == quantity
