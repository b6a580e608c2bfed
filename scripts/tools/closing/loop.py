"""The closed loop: runs all policies side by side on copies of the same houses, and sums up what comes of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.climate import humidity_at
from roomidity.domain.comfort.mould import grow
from roomidity.domain.comfort.walls import RISK_HUMIDITY, surface_humidity, surface_temperature
from roomidity.local.simulation.controlled import ControlledHouses
from roomidity.local.simulation.course import STEP_S
from scripts.tools.closing.houses import Truth
from scripts.tools.closing.planner import Planned
from scripts.tools.closing.policies import Policy, Seen

FloatArray = NDArray[np.float64]

_HOUR = 3600 // STEP_S
_KEEP = float(np.exp(-STEP_S / 3600 / 12))
"""Weight that a step leaves to the past in the running outdoor mean over 12 h."""
_NOISE = np.array([0.05, 0.4])
"""Standard deviation of the sensors' noise (K and %RH), which adds to their constant errors."""


@dataclass
class Counted:
    """The outcome of a policy. Hours and kWh are per 30 days."""

    risk_h: FloatArray
    """Hours over 80 %RH at the true coldest surface, shape (houses, rooms)."""
    humid_h: FloatArray
    """Hours over 70 %RH in the air, shape (houses, rooms)."""
    minutes_a_day: FloatArray
    heat_kwh: FloatArray
    """Heat of the house, shape (houses,)."""
    mould: FloatArray
    """The mould index at the end, shape (houses, rooms)."""
    coldest_open_c: float
    """The lowest temperature measured in a room at a step at which its window was open."""
    longest_min: float
    humidity: FloatArray
    """True humidity (%RH) by slot, shape (slots, houses, rooms); empty unless it was asked for."""
    temperature: FloatArray


def run(
    houses: ControlledHouses,
    truth: Truth,
    policies: Mapping[str, Policy],
    *,
    seed: int,
    zone: tzinfo,
    true_values: Sequence[str] = (),
    keep_course: bool = False,
    progress: Callable[[], None],
) -> dict[str, Counted]:
    """Returns the outcome of each policy after the spin-up. ``houses`` holds one copy of the houses for each policy.

    Policies named in ``true_values`` are given true values, all others the readings of sensors with errors.
    """
    names = list(policies)
    shape = houses.temperature.shape
    rng = np.random.default_rng([seed, 0x5EE])
    true_mean = houses.outdoor_c[0].copy()
    window = np.zeros(shape)
    sums = {name: np.zeros(shape) for name in ("risk", "humid", "open", "heat", "running")}
    hourly: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    coldest, longest = np.full(len(names), np.inf), np.zeros(len(names))
    course: list[tuple[FloatArray, FloatArray]] = []
    for step in range(houses.steps):
        houses.step(window * truth.window_per_h)
        progress()
        node = step + 1
        true_mean = _KEEP * true_mean + (1 - _KEEP) * houses.outdoor_c[node]
        at = datetime.fromtimestamp(houses.first_s, UTC) + timedelta(seconds=STEP_S * (node - houses.lead))
        local = at.astimezone(zone)
        noise = _NOISE[:, None, None] * rng.standard_normal((2, *shape[1:]))
        for copy, name in enumerate(names):
            if node < houses.lead and not isinstance(policies[name], Planned):
                continue  # During the spin-up only forecasts need to see readings.
            exact = name in true_values
            wrong = np.zeros_like(noise) if exact else noise + truth.bias
            outside = np.stack([houses.outdoor_c[node], houses.outdoor_humidity[node]])
            outside = outside if exact else outside + truth.outdoor_bias
            seen = Seen(
                at, 60 * local.hour + local.minute,
                houses.temperature[copy] + wrong[0], np.clip(houses.humidity[copy] + wrong[1], 1, 100),
                outside[0][:, None], np.clip(outside[1], 1, 100)[:, None],
                (true_mean + (0 if exact else truth.outdoor_bias[0]))[:, None],
            )  # fmt: skip
            opened = policies[name](seen) & houses.real
            if node < houses.lead:
                continue
            window[copy] = opened
            if opened.any():
                coldest[copy] = min(coldest[copy], float(seen.temperature[opened].min()))
        if node < houses.lead:
            continue
        sums["running"] = np.where(window > 0, sums["running"] + STEP_S / 60, 0.0)
        longest = np.maximum(longest, sums["running"].max(axis=(1, 2)))
        at_surface = surface_humidity(houses.temperature, houses.humidity, true_mean[:, None], f_rsi=truth.f_rsi)
        sums["risk"] += at_surface > RISK_HUMIDITY
        sums["humid"] += houses.humidity > 70
        sums["open"] += window > 0
        sums["heat"] += houses.heat_w
        if keep_course and at.minute % 15 == 10:  # The middle of a slot.
            course.append((houses.humidity[0].copy(), houses.temperature[0].copy()))
        if node % _HOUR == 0:
            at_wall = surface_temperature(houses.temperature, true_mean[:, None], f_rsi=truth.f_rsi)
            humidity = np.minimum(humidity_at(at_wall, of=houses.temperature, humidity=houses.humidity), 100)
            hourly.append((at_wall.astype(np.float32), humidity.astype(np.float32)))
    return _counted(names, houses, sums, hourly, (coldest, longest), course)


def _counted(
    names: Sequence[str],
    houses: ControlledHouses,
    sums: Mapping[str, FloatArray],
    hourly: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]],
    limits: tuple[FloatArray, FloatArray],
    course: Sequence[tuple[FloatArray, FloatArray]],
) -> dict[str, Counted]:
    days = (houses.steps - houses.lead) * STEP_S / 86_400
    a_month = 30 / days * STEP_S / 3600
    walls = np.stack([np.stack(pair) for pair in hourly])  # (hours, 2, copies, houses, rooms)
    humidity, temperature = (np.stack(part) for part in zip(*course, strict=True)) if course else (np.empty(0),) * 2
    found = {}
    for copy, name in enumerate(names):
        mould = np.zeros(houses.real.shape)
        for house, room in zip(*np.nonzero(houses.real), strict=True):
            celsius, percent = walls[:, :, copy, house, room].T
            if percent.max() >= RISK_HUMIDITY:
                mould[house, room], _ = grow(0.0, 0, temperature=celsius, humidity=percent, material="sensitive")
        found[name] = Counted(
            risk_h=sums["risk"][copy] * a_month,
            humid_h=sums["humid"][copy] * a_month,
            minutes_a_day=sums["open"][copy] * STEP_S / 60 / days,
            heat_kwh=(sums["heat"][copy] * houses.real).sum(axis=1) / 1000 * a_month,
            mould=mould,
            coldest_open_c=float(limits[0][copy]),
            longest_min=float(limits[1][copy]),
            humidity=humidity,
            temperature=temperature,
        )
    return found
