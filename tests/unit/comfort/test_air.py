"""Comfort, airing and the coldest surface; PsychroLib, an independent library, is the oracle of what air holds."""

from __future__ import annotations

import math

import numpy as np
import psychrolib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.climate import absolute_humidity, dew_point, mixing_ratio, vapour_pressure
from roomidity.domain.comfort.airing import airing_of
from roomidity.domain.comfort.walls import DEFAULT_WALL, OutdoorMean, Wall, surface_humidity, surface_temperature
from roomidity.domain.comfort.words import comfort_of, humidity_category
from roomidity.errors import InputError

psychrolib.SetUnitSystem(psychrolib.SI)

PRESSURE_PA = 101_325.0
rooms = st.floats(2, 40)
humidities = st.floats(5, 99)


@given(rooms, humidities)
def test_what_air_holds_is_as_psychrolib_says(temperature: float, humidity: float) -> None:
    share = humidity / 100
    vapour = vapour_pressure(temperature, humidity)
    dew = float(dew_point(vapour))
    if dew > 0.1:  # below, PsychroLib's is that over ice
        assert dew == pytest.approx(psychrolib.GetTDewPointFromRelHum(temperature, share), abs=0.1)
    ratio = psychrolib.GetHumRatioFromRelHum(temperature, share, PRESSURE_PA)
    assert float(mixing_ratio(vapour)) == pytest.approx(1000 * ratio, rel=0.006)
    density = psychrolib.GetVapPresFromRelHum(temperature, share) / (461.52 * (temperature + 273.15))
    assert float(absolute_humidity(temperature, humidity)) == pytest.approx(1000 * density, rel=0.006)


@given(rooms, humidities, st.floats(-25, 40), st.floats(0.2, 1))
def test_the_coldest_surface_is_no_warmer_and_no_drier_than_the_room(
    temperature: float, humidity: float, outside: float, f_rsi: float
) -> None:
    at_surface = float(surface_temperature(temperature, outside, f_rsi=f_rsi))
    assert min(outside, temperature) - 1e-9 <= at_surface <= temperature
    relative = float(surface_humidity(temperature, humidity, outside, f_rsi=f_rsi))
    assert humidity - 1e-9 <= relative <= 100
    oracle = psychrolib.GetVapPresFromRelHum(temperature, humidity / 100) / psychrolib.GetVapPresFromRelHum(
        at_surface, 1
    )
    if at_surface >= 0:  # below, PsychroLib saturates over ice
        assert relative == pytest.approx(min(100 * oracle, 100), abs=0.8)
    better = float(surface_humidity(temperature, humidity, outside, f_rsi=min(f_rsi + 0.1, 1)))
    assert better <= relative + 1e-9


@pytest.mark.parametrize(
    ("humidity", "category"),
    [
        *((30, "I"), (50, "I"), (50.1, "II"), (60, "II"), (29.9, "II"), (25, "II")),
        *((24.9, "III"), (20, "III"), (70, "III"), (19.9, "IV"), (70.1, "IV"), (0, "IV"), (100, "IV")),
    ],
)
def test_humidity_has_the_categories_of_en_16798(humidity: float, category: str) -> None:
    assert humidity_category(humidity) == category


@pytest.mark.parametrize(
    ("humidity", "temperature", "word", "limits"),
    [
        (45, 22, "comfortable", []),
        (58, 20, "comfortable", []),
        (65, 22, "humid", [60]),
        (75, 17, "damp", [70, 18]),
        (22, 22, "dry", [25]),
        (15, 28, "very_dry", [20, 27]),
        (45, 19, "cool", [20]),
        (45, 26.5, "warm", [26]),
        (45, 30, "hot", [27]),
        (58, 27, "muggy", [12, 26]),
        (math.nan, 17, "cold", [18]),
        (80, math.nan, "damp", [70]),
    ],
)
def test_comfort_is_the_worst_word_with_every_reason(
    humidity: float, temperature: float, word: str, limits: list[float]
) -> None:
    comfort = comfort_of(humidity, temperature)
    assert comfort is not None
    assert comfort.word == word
    assert [reason.limit for reason in comfort.why] == limits
    assert (comfort.severity == 0) == (word == "comfortable")


def test_nothing_known_is_no_comfort() -> None:
    assert comfort_of(math.nan, math.nan) is None


@given(rooms, humidities, st.floats(-20, 38), humidities)
def test_airing_is_advised_only_where_the_air_outside_is_drier(
    temperature: float, humidity: float, outside_temperature: float, outside_humidity: float
) -> None:
    air = airing_of(
        temperature=temperature,
        humidity=humidity,
        outside_temperature=outside_temperature,
        outside_humidity=outside_humidity,
    )
    if air.verdict == "yes":
        assert air.inside_g_m3 - air.outside_g_m3 >= 1
        assert temperature >= 16
    if air.verdict == "outside_wetter":
        assert air.inside_g_m3 - air.outside_g_m3 < 1


@pytest.mark.parametrize(
    ("temperature", "humidity", "surface", "outside", "verdict"),
    [
        (20, 65, None, (5, 80), "yes"),
        (20, 50, 79, (5, 80), "yes"),
        (20, 50, 70, (5, 80), "not_needed"),
        (20, 25, 40, (0, 80), "too_dry"),
        (14, 75, 90, (0, 80), "too_cold"),
        (22, 65, None, (26, 70), "outside_wetter"),
    ],
)
def test_airing_has_a_reason_for_every_verdict(
    temperature: float, humidity: float, surface: float | None, outside: tuple[float, float], verdict: str
) -> None:
    air = airing_of(
        temperature=temperature,
        humidity=humidity,
        surface_humidity=surface,
        outside_temperature=outside[0],
        outside_humidity=outside[1],
    )
    assert air.verdict == verdict


@given(st.lists(st.floats(-20, 35) | st.just(math.nan), max_size=60), st.integers(0, 60))
def test_the_mean_outside_is_the_same_at_once_and_in_parts(temperatures: list[float], cut: int) -> None:
    at_once, end = OutdoorMean().over(temperatures)
    first, between = OutdoorMean().over(temperatures[:cut])
    second, last = between.over(temperatures[cut:])
    assert np.array_equal(at_once, np.concatenate([first, second]), equal_nan=True)
    assert repr(end) == repr(last)
    known = [one for one in temperatures if math.isfinite(one)]
    assert all(min(known) - 1e-9 <= mean <= max(known) + 1e-9 for mean in at_once if math.isfinite(mean))


def test_the_mean_outside_forgets_by_12_hours_and_is_unknown_after_a_silent_day() -> None:
    means, mean = OutdoorMean(0.0).over([10.0] * 12)
    assert means[-1] == pytest.approx(10 * (1 - math.exp(-1)))
    held, mean = mean.over([math.nan] * 23)
    assert set(held) == {means[-1]}
    gone, mean = mean.over([math.nan])
    assert np.isnan(gone).all()
    assert mean.over([3.0])[0].tolist() == [3.0]


@pytest.mark.parametrize("f_rsi", [0.19, 1.01, math.nan, "0.7", None, True])
def test_a_wall_that_cannot_be_is_refused(f_rsi: object) -> None:
    with pytest.raises(InputError, match=r"f_Rsi is .*expected a number from 0.2"):
        Wall.from_plain({"f_rsi": f_rsi})


@pytest.mark.parametrize("material", ["wood", 3, None, ["sensitive"]])
def test_a_material_that_is_none_is_refused(material: object) -> None:
    with pytest.raises(InputError, match="expected one of very-sensitive, sensitive"):
        Wall.from_plain({"material": material})


def test_what_is_not_set_is_the_default() -> None:
    assert Wall.from_plain({}) == DEFAULT_WALL == Wall(0.7, "sensitive")
    assert Wall.from_plain({"f_rsi": 1, "unit": "f"}) == Wall(1, "sensitive")
