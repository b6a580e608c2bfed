"""Houses stepped side by side take the course of a single one, until somebody opens a window."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from roomidity.local.simulation import DEMO_KIND, random_kind
from roomidity.local.simulation.controlled import ControlledHouses
from roomidity.local.simulation.course import simulate_course

START: Final = datetime(2026, 1, 5, tzinfo=UTC)
ZONE: Final = ZoneInfo("Europe/Berlin")


def test_without_control_it_is_the_same_simulation() -> None:
    kinds = ((DEMO_KIND, 3), (random_kind(11), 4))
    both = ControlledHouses(kinds, start=START, days=1, zone=ZONE, copies=1)
    temperature, humidity = [], []
    for step in range(both.steps):
        both.step(np.zeros(1))
        if step >= both.lead - 1:
            temperature.append(both.temperature[0])
            humidity.append(both.humidity[0])
    for house, (kind, seed) in enumerate(kinds):
        course = simulate_course(kind, seed=seed, start=START, days=1, zone=ZONE)
        rooms = len(kind.rooms)
        assert both.real[house].sum() == rooms
        assert np.array(temperature)[:, house, :rooms] == pytest.approx(course.temperature[:, :rooms], abs=1e-7)
        assert np.array(humidity)[:, house, :rooms] == pytest.approx(course.humidity[:, :rooms], abs=1e-6)


def test_an_open_window_dries_cools_and_takes_heat_in_its_copy_alone() -> None:
    houses = ControlledHouses([(DEMO_KIND, 3)], start=START, days=1, zone=ZONE, copies=2)
    for _ in range(houses.lead):
        houses.step(np.zeros(1))
    assert (houses.temperature[0] == houses.temperature[1]).all()
    window = np.zeros((2, 1, houses.rooms))
    window[1, 0, 4] = 4.0
    for _ in range(3):
        houses.step(window)
    assert houses.temperature[1, 0, 4] < houses.temperature[0, 0, 4] - 0.3
    assert houses.humidity[1, 0, 4] < houses.humidity[0, 0, 4] - 0.4
    assert houses.heat_w[1].sum() > houses.heat_w[0].sum()
