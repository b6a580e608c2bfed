"""The weather ahead of a simulated house, as a provider might have issued it: what will be, with its errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from roomidity.domain.slots import SLOT_MS, SLOT_S, floor_slot, to_epoch_ms
from roomidity.domain.weather import HOURS, WeatherIssue
from roomidity.forecasting import simulated_issues
from roomidity.local.simulation.course import SPIN_UP_S, STEP_S
from roomidity.local.simulation.kinds import DEMO_KIND, HouseKind
from roomidity.local.simulation.weather import simulate_weather

__all__ = ["simulate_issues"]

_BEFORE: Final = timedelta(days=2)
"""Issues from so long before the first reading, so that there is one at the first forecast."""


def simulate_issues(
    *, seed: int, start: datetime, days: int, house: str = "demo", kind: HouseKind = DEMO_KIND
) -> list[WeatherIssue]:
    """Returns the issues known during the readings that ``simulate_house`` gives for the same arguments, oldest first.

    Every 6 h one, known 4 h later, of the weather that the same seed brings.

    Parameters
    ----------
    seed, start, days, house, kind
        As in :func:`~roomidity.local.simulation.simulate_house`.
    """
    first = floor_slot(start.astimezone(UTC))
    begin_s = to_epoch_ms(first) // 1000 - SPIN_UP_S
    slots = (SPIN_UP_S + days * 86_400 + HOURS * 3600) // SLOT_S
    a_slot = SLOT_S // STEP_S
    weather = simulate_weather(kind.climate, seed=seed, begin_s=begin_s, nodes=slots * a_slot, step_s=STEP_S)
    outdoor = np.stack([weather.humidity[::a_slot], weather.temperature[::a_slot]])
    issues = simulated_issues.simulate_issues(
        outdoor, first=begin_s * 1000 // SLOT_MS, seed=seed, place=f"house:{house}"
    )
    end = first + timedelta(days=days)
    return [one for one in issues if first - _BEFORE <= one.known_from <= end]
