"""The VTT mould index against what its authors published, and what must hold of any course."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.comfort.mould import MATERIALS, MAX_INDEX, critical_humidity, grow

WEEK_H = 168

courses = st.lists(st.tuples(st.floats(-15, 45), st.floats(10, 100)), min_size=1, max_size=72)
materials = st.sampled_from(sorted(MATERIALS))


def steady(hours: int, *, temperature: float, humidity: float, material: str, index: float = 0.0) -> float:
    return grow(index, 0, temperature=[temperature] * hours, humidity=[humidity] * hours, material=material)[0]


def weeks_until(index: float, *, temperature: float, humidity: float, material: str) -> float:
    now, hours = 0.0, 0
    while now < index and hours < 400 * WEEK_H:
        now = steady(24, temperature=temperature, humidity=humidity, material=material, index=now)
        hours += 24
    return hours / WEEK_H


@pytest.mark.parametrize(
    ("temperature", "humidity", "index", "weeks"),
    [  # Hukka and Viitanen (1999), eq. 2: weeks until first growth (M = 1) on pine
        (20.0, 97.0, 1.0, math.exp(-0.68 * math.log(20) - 13.9 * math.log(97) + 66.02)),
        (10.0, 97.0, 1.0, math.exp(-0.68 * math.log(10) - 13.9 * math.log(97) + 66.02)),
        (20.0, 85.0, 1.0, math.exp(-0.68 * math.log(20) - 13.9 * math.log(85) + 66.02)),
    ],
)
def test_raw_wood_sprouts_after_the_published_time(
    temperature: float, humidity: float, index: float, weeks: float
) -> None:
    found = weeks_until(index, temperature=temperature, humidity=humidity, material="very-sensitive")
    assert found == pytest.approx(weeks, rel=0.15, abs=1 / 7)  # slowed a little by the greatest index (k2)


def test_wood_is_overgrown_in_months_and_tiles_never() -> None:
    """97 %RH and 22 °C: in the authors' figures raw wood is overgrown in 12 weeks, and nothing is seen on tiles."""
    at_12_weeks = {
        material: steady(12 * WEEK_H, temperature=22, humidity=97, material=material) for material in MATERIALS
    }
    assert at_12_weeks["very-sensitive"] > 4.5
    assert 3 < at_12_weeks["sensitive"] < at_12_weeks["very-sensitive"]
    assert at_12_weeks["medium-resistant"] < 2
    assert at_12_weeks["resistant"] < 1


@pytest.mark.parametrize(("temperature", "critical"), [(0, 100), (5, 88.016), (10, 82.03), (20, 80), (35, 80)])
def test_the_critical_humidity_is_the_published_curve(temperature: float, critical: float) -> None:
    assert float(critical_humidity(temperature, "sensitive")) == pytest.approx(critical, abs=0.05)
    assert float(critical_humidity(temperature, "resistant")) == pytest.approx(max(critical, 85), abs=0.05)


@pytest.mark.parametrize(("temperature", "humidity"), [(20, 79.9), (5, 87), (-1, 100), (0, 100), (51, 99), (20, 20)])
def test_nothing_grows_where_it_is_too_dry_or_too_cold_or_too_hot(temperature: float, humidity: float) -> None:
    assert steady(1000, temperature=temperature, humidity=humidity, material="very-sensitive") == 0


def test_mould_declines_at_first_then_rests_then_declines_slowly() -> None:
    def declined(hours: int, material: str = "very-sensitive") -> float:
        return 3 - steady(hours, temperature=20, humidity=40, material=material, index=3.0)

    assert declined(6) == pytest.approx(6 * 0.00133)
    assert declined(24) == declined(6)
    assert declined(24 + 168) == pytest.approx(6 * 0.00133 + 168 * 0.000667)
    assert declined(200, "sensitive") == pytest.approx(declined(200) / 4)


@settings(max_examples=50)
@given(courses, materials, st.floats(0, 6), st.integers(0, 72))
def test_a_course_in_parts_comes_to_the_same(
    course: list[tuple[float, float]], material: str, index: float, cut: int
) -> None:
    def through(part: list[tuple[float, float]], state: tuple[float, int]) -> tuple[float, int]:
        celsius, relative = [one for one, _ in part], [one for _, one in part]
        return grow(*state, temperature=celsius, humidity=relative, material=material)

    at_once = through(course, (index, 0))
    assert through(course[cut:], through(course[:cut], (index, 0))) == at_once
    assert 0 <= at_once[0] <= MAX_INDEX


@settings(max_examples=50)
@given(courses, materials)
def test_an_hour_that_is_unknown_changes_nothing(course: list[tuple[float, float]], material: str) -> None:
    celsius, relative = [one for one, _ in course], [one for _, one in course]
    known = grow(1.0, 3, temperature=celsius, humidity=relative, material=material)
    gaps = [math.nan] * len(course)
    mixed = grow(
        1.0,
        3,
        temperature=[one for pair in zip(celsius, gaps, strict=True) for one in pair],
        humidity=[one for pair in zip(relative, celsius, strict=True) for one in pair],
        material=material,
    )
    assert mixed == known


@settings(max_examples=50)
@given(st.floats(1, 40), st.floats(60, 99), st.floats(0, 1), materials)
def test_more_humidity_never_grows_less(temperature: float, humidity: float, more: float, material: str) -> None:
    drier = steady(200, temperature=temperature, humidity=humidity, material=material)
    assert drier <= steady(200, temperature=temperature, humidity=humidity + more, material=material)
