"""Which forecasts count: at 15 minutes by the standard scoring, hourly by expected slots; and why a room has none."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from roomidity.domain.quantities import HUMIDITY, TEMPERATURE
from roomidity.forecasting.evaluation.protocol import Cadence, Eligible, eligible, issue_slots
from roomidity.forecasting.window import Window

END = datetime(2026, 11, 22, tzinfo=UTC)


def house(days: int = 21, *, every: int = 1, rooms: int = 1) -> Window:
    values = np.full((rooms, 2, days * 96), np.nan)
    values[:, HUMIDITY, ::every] = 50
    values[:, TEMPERATURE, ::every] = 20
    return Window(rooms=tuple(f"room {n}" for n in range(rooms)), end=END, timezone="UTC", values=values)


def judged(window: Window, cadence: Cadence = "15min") -> Eligible:
    start = window.first + round(0.75 * window.slots / 96) * 96
    return eligible(window, issue_slots(window, start=start), cadence=cadence)


def test_a_whole_room_counts_at_every_issue_time() -> None:
    found = judged(house())
    assert found.counted.all()
    assert found.counted.shape == (1, 17)
    assert found.reasons == {}


def test_hourly_readings_count_only_where_they_are_expected() -> None:
    window = house(every=4)
    found = judged(window)
    assert not found.counted.any()
    assert found.reasons["room 0"].startswith("hourly data: 25% of slots have a humidity, scoring needs 60%")
    assert "--cadence hourly" in found.reasons["room 0"]
    hourly = judged(window, "hourly")
    assert hourly.counted.sum() >= 16
    assert hourly.reasons == {}


def test_at_an_hour_the_rule_of_60_per_cent_is_of_the_hours() -> None:
    window = house(every=4)
    window.values[:, :, np.arange(window.slots) // 4 % 2 == 1] = np.nan  # every other hour
    found = judged(window, "hourly")
    assert not found.counted.any()
    assert "gaps" in found.reasons["room 0"]


@pytest.mark.parametrize("every", [2, 3])
def test_other_cadences_are_said_in_minutes(every: int) -> None:
    share = {2: 50, 3: 33}[every]
    reason = judged(house(every=every)).reasons.get("room 0", "")
    if every == 3:
        assert reason.startswith(f"a reading every 45 minutes: {share}% of slots")
    assert judged(house(every=every), "hourly").reasons == {}


def test_too_few_days_are_said_in_days() -> None:
    assert judged(house(days=5)).reasons["room 0"].startswith("it spans 5.0 days, and the last quarter has 1 forecasts")


def test_gaps_are_said() -> None:
    window = house()
    window.values[:, :, np.arange(window.slots) % 96 < 60] = np.nan
    assert "gaps" in judged(window).reasons["room 0"]


def test_a_room_without_a_hygrometer_is_left_out_and_would_count_by_temperature() -> None:
    window = house(rooms=2)
    window.values[1, HUMIDITY] = np.nan
    found = judged(window)
    assert found.counted[0].all()
    assert not found.counted[1].any()
    assert found.temperature_only[1].all()
    assert not found.temperature_only[0].any()
    assert found.reasons == {"room 1": "it never measures humidity, and only rooms that measure both are scored"}


def test_no_issue_time_is_no_error() -> None:
    window = house(days=1)
    found = eligible(window, issue_slots(window, start=window.last))
    assert found.counted.shape == (1, 0)
    assert found.reasons["room 0"].startswith("it spans 1.0 days")


def test_issue_times_lie_where_their_targets_do() -> None:
    window = house(days=3)
    slots = issue_slots(window, start=window.first + 5)
    assert [int(slot - window.first) for slot in slots] == list(range(24, 193, 24))
    assert len(issue_slots(window, start=window.first, stop=window.first + 25)) == 2


def test_the_end_of_hourly_readings_is_the_end_of_their_hour() -> None:
    window = house(every=4)
    assert judged(window, "hourly").counted[0, -1]
