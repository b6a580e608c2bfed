"""Advice on a house's real readings as a person would have read it: each morning's plan, and how long a fan would run.

The readings are of a house without advice, so what following it would have changed is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.advice.acting import ActState, Measured, act
from roomidity.domain.advice.air import Air
from roomidity.domain.advice.outlook import outdoor_mean_ahead, outlook_of
from roomidity.domain.advice.planning import plan_day
from roomidity.domain.advice.words import say_plan
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, SLOTS_A_DAY
from roomidity.errors import InputError
from roomidity.files import read_outdoor, read_slots
from roomidity.forecasting import Window
from roomidity.forecasting.serving.forecast import HouseForecast, forecast
from roomidity.forecasting.serving.gaps import fill
from roomidity.forecasting.serving.online import advance
from roomidity.forecasting.serving.prior import load_prior
from roomidity.forecasting.simulated_issues import simulate_issues
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.forecasting.window import WINDOW_SLOTS
from scripts.tools.closing.planner import PLAN_MINUTE
from scripts.tools.closing.policies import FANS

FloatArray = NDArray[np.float64]

LEAST_DAYS = 10
P10_P50_P90 = [0, 4, 8]


@dataclass(frozen=True)
class Replayed:
    """A house's readings with the outdoor values by slot, shape (2, slots), and their mean over 12 h, (slots,)."""

    house: Window
    outside: FloatArray
    mean_c: FloatArray
    zone: ZoneInfo

    def measured(self, row: int, slot: int) -> Measured:
        """Returns what is measured of a room at the end of a slot."""
        at = self.house.start + (slot + 1) * SLOT
        local = at.astimezone(self.zone)
        humidity, warmth = self.house.values[row, :, slot].tolist()
        wet, cold = self.outside[:, slot].tolist()
        return Measured(
            at, 60 * local.hour + local.minute, Air(warmth, humidity), Air(cold, wet), float(self.mean_c[slot])
        )


def tell(
    readings: Path, outdoor: Path, *, timezone: str, days: int, seed: int, until: date | None = None
) -> Iterator[str]:
    """Yields the advice of the last ``days`` days of a file's first house (before ``until``), line by line.

    Forecasts are the product's, by the shipped prior. Weather forecasts are the measured course with simulated errors.

    Raises
    ------
    RoomidityError
        If a file cannot be read, or holds too few days.
    """
    windows = windows_of(read_slots(readings).means, timezone=timezone, outdoor=read_outdoor(outdoor))
    name, house = next(iter(windows.items()), ("no house", None))
    if house is not None and until is not None:
        house = house.until(datetime.combine(until, time(), UTC))
    if house is None or house.outdoor is None or house.slots < LEAST_DAYS * SLOTS_A_DAY:
        raise InputError(f"{readings} holds too little of {name}; expected {LEAST_DAYS} days or more")
    air: FloatArray = house.outdoor
    house = replace(house, issues=tuple(simulate_issues(air, first=house.first, seed=seed)))
    outside = fill(air[None])[0]
    mean_c = outdoor_mean_ahead(float("nan"), outside[QUANTITIES.index("temperature")])
    replayed = Replayed(house, outside, mean_c, ZoneInfo(timezone))
    model, state, manifest = load_prior()
    seen = "the prior has learnt from it" if name in manifest["houses"] else "new to the prior"
    yield f"{name}, {seen}; the weather ahead is what came, with simulated errors"
    states = [ActState() for _ in house.rooms]
    ran = np.zeros(len(house.rooms))
    begin = max(house.slots - (days + 8) * SLOTS_A_DAY, 2 * SLOTS_A_DAY)
    for slot in range(begin, house.slots):
        now = replayed.measured(0, slot)
        if now.at.hour == now.at.minute == 0:
            state = advance(state, model, house.until(now.at))
        if slot < house.slots - days * SLOTS_A_DAY:
            continue
        for row in range(len(house.rooms)):
            decision = act(states[row], replayed.measured(row, slot), house=FANS)
            ran[row] += 15 * states[row].is_open
            states[row] = decision.state
        if now.minute_of_day == PLAN_MINUTE:
            yield f"\n{now.at.astimezone(replayed.zone):%A %d %B %Y, %H:%M}"
            issued = forecast(house.until(now.at).tail(WINDOW_SLOTS), model, state)
            plans: dict[str, list[str]] = {}
            for row, room in enumerate(issued.rooms):
                lines = plan_of(replayed, issued, row, float(mean_c[slot]))
                plans.setdefault("\n    ".join(lines), []).append(room)
            for lines_of, rooms in plans.items():
                yield f"  {', '.join(rooms)}:\n    {lines_of}"
            fans = [f"{room} {minutes:.0f} min" for room, minutes in zip(house.rooms, ran, strict=True) if minutes]
            yield f"  By act now a fan would have run since: {', '.join(fans) or 'nowhere'}"
            ran[:] = 0


def plan_of(replayed: Replayed, issued: HouseForecast, row: int, mean_c: float) -> list[str]:
    """Returns a room's plan of the day in words."""
    at = issued.issued_at
    grade = {str(quantity): grade for quantity, grade in issued.grades[row].items()}
    stored = StoredForecast("told", issued.rooms[row], at, issued.quantiles[row][:, P10_P50_P90], grade, at, "prior")
    known = [one for one in replayed.house.issues if one.known_from <= at]
    plan = plan_day(
        outlook_of(stored, now=at, weather=known[-1] if known else None),
        outside_mean_c=mean_c,
        minutes_of_day=np.array([_minute(at + slot * SLOT, replayed.zone) for slot in range(SLOTS_A_DAY)]),
    )
    return say_plan(plan, zone=replayed.zone)


def _minute(at: datetime, zone: ZoneInfo) -> int:
    local = at.astimezone(zone)
    return 60 * local.hour + local.minute
