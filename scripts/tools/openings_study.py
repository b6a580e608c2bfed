"""Whether forecasts should know more of open windows than what was measured: on simulated houses that are aired.

    scripts/openings-study [--season winter|spring] [--houses N] [--seed N] [--json]

In each house four rooms at most, the hall aside, are aired on seven mornings of ten, and in mild weather their windows
are tilted; contacts see all of it. A model is trained on five weeks, and forecasts the eleven days after them, every
three hours, as a deployed one would. Sensors are noisy. Two questions:

**Learning.** Training and the daily scoring leave out what was measured with a window open (`open`), or also in the
hour after (`hour`). Left out is what came, never what a forecast is made from. The difference to leaving nothing out is
in %RH and °C of MAE and RMSE, over all slots, and those with and without an opening near; ± is its standard error over
houses.

**Rebound.** Forecasts that are issued when a window was open in the last quarter of an hour, having been opened for an
hour and a quarter at most. They may take the drop since for the room's own. `kernel` adds what `regained` says of it,
as roomidity does for temperatures; `fitted` adds to each lead the multiple of the drop that was best in as many other
houses, whose seeds are 100 higher. The difference to adding nothing, of MAE.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from roomidity.cli.output import Output, notes
from roomidity.domain.advice.effects import regained
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting import WINDOW_SLOTS, Model, State, Window, advance, forecast, load_prior
from roomidity.forecasting.serving import online
from roomidity.forecasting.serving.features import targets
from roomidity.forecasting.serving.gaps import fill
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.forecasting.training import ridges
from roomidity.forecasting.window import LEVELS, STEPS, FloatArray
from roomidity.local.simulation import random_kind, simulate_slots
from roomidity.local.simulation.course import STEP_S, conditions

Slots = NDArray[np.bool_]

ZONE = "Europe/Brussels"
SEASONS = {"winter": datetime(2025, 1, 6, tzinfo=UTC), "spring": datetime(2025, 4, 7, tzinfo=UTC)}
LEARNT_DAYS, FORECAST_DAYS = 35, 11
MOST_ROOMS = 4
AIRED = 0.7
"""Chance of a room to be aired on a morning; a house that anybody fits with contacts is aired."""
NOISE = np.array([0.3, 0.05])[:, None]
"""Standard deviation of a slot's mean, %RH and °C."""
HOUR = 4
STRIDE = 12
SINCE = 5
"""Slots before a forecast in which a window was opened, if its rebound is looked at."""
OTHER_SEEDS = 100
BANDS = [LEVELS.index(level) for level in (0.1, 0.5, 0.9)]
LEADS_H = (np.arange(STEPS) + 0.5) / 4
LEADS = {"1 h": slice(0, HOUR), "1-6 h": slice(HOUR, 6 * HOUR), "24 h": slice(0, STEPS)}


@dataclass(frozen=True)
class Aired:
    """A house, and the slots in which a room's window was open for some time, (rooms, slots)."""

    house: Window
    is_open: Slots


def simulated(seed: int, start: datetime) -> Aired:
    kind = replace(random_kind(seed), airing=AIRED)
    days = LEARNT_DAYS + FORECAST_DAYS + 2
    (house,) = windows_of(simulate_slots(seed=seed, start=start, days=days, kind=kind), timezone=ZONE).values()
    acting = conditions(kind, seed=seed, start=start, days=days, zone=ZoneInfo(ZONE))
    names = [room.name for room in kind.rooms]
    rooms = [room for room in house.rooms if room != names[0]][:MOST_ROOMS]
    steps = acting.activity.window_per_h[acting.lead :, [names.index(room) for room in rooms]] > 0
    a_slot = 900 // STEP_S
    is_open = np.any(steps.T[:, : house.slots * a_slot].reshape(len(rooms), house.slots, a_slot), axis=2)
    chosen = house.select(rooms)
    noise = NOISE * np.random.default_rng([seed, 0x0BE]).standard_normal(chosen.values.shape)
    return Aired(replace(chosen, values=chosen.values + noise), is_open)


def and_after(is_open: Slots, slots: int) -> Slots:
    """Returns the same with so many slots after each."""
    found = is_open.copy()
    for later in range(1, slots + 1):
        found[:, later:] |= is_open[:, :-later]
    return found


@contextmanager
def unlearnt(house: Window, hidden: Slots) -> Iterator[None]:
    """Training and scoring do not see what came in some slots, which is known by its noise. Inputs stay."""
    values = house.values.swapaxes(1, 2)[hidden]

    def seen(found: FloatArray) -> FloatArray:
        return np.where(np.isin(found, values), np.nan, found)

    with ExitStack() as stack:
        for module in (ridges, online):
            stack.enter_context(patch.object(module, "targets", lambda found, origins: targets(seen(found), origins)))
        stack.enter_context(patch.object(ridges, "fill", lambda found: fill(seen(found))))
        yield


def served(house: Window) -> Iterator[tuple[int, Model, State]]:
    """Yields model and state by day, as they would serve: trained once, then scored daily."""
    edge = house.first + LEARNT_DAYS * SLOTS_A_DAY
    model, state, _ = load_prior()
    trained = ridges.train(house.until(_time(house, edge)), prior=(model, state), seed=0)
    state = trained.state
    for day in range(edge, edge + FORECAST_DAYS * SLOTS_A_DAY, SLOTS_A_DAY):
        state = advance(state, trained.model, house.until(_time(house, day)))
        yield day, trained.model, state


def _time(house: Window, slot: int) -> datetime:
    return house.between(house.first, slot).end


def quantiles(house: Window, slot: int, model: Model, state: State) -> FloatArray:
    """Returns p10, p50 and p90 as they would be issued, (rooms, 2, 3, STEPS)."""
    window = house.between(house.first, slot).tail(WINDOW_SLOTS)
    return forecast(window, model, state).quantiles[:, :, BANDS]


def learning(one: Aired) -> dict[str, dict[str, FloatArray]]:
    """Returns MAE, RMSE and coverage (3, 2) by what is not learnt from and slots scored."""
    near = and_after(one.is_open, HOUR)
    found = {}
    for name, hidden in (("nothing", np.zeros_like(near)), ("open", one.is_open), ("hour", near)):
        with unlearnt(one.house, hidden):
            made = {
                slot: quantiles(one.house, slot, model, state)
                for day, model, state in served(one.house)
                for slot in range(day, day + SLOTS_A_DAY, STRIDE)
            }
        ahead = np.array([*made])[:, None] - one.house.first + np.arange(STEPS)
        actual = one.house.values[:, :, ahead].transpose(2, 0, 1, 3)
        low, middle, high = np.moveaxis(np.stack([*made.values()]), 3, 0)
        is_near = near[:, ahead].swapaxes(0, 1)[:, :, None]
        found[name] = {
            where: _scores(low, middle, high, actual, np.broadcast_to(chosen, actual.shape))
            for where, chosen in (("all", np.ones_like(is_near)), ("closed", ~is_near), ("near", is_near))
        }
    return found


def _scores(low: FloatArray, middle: FloatArray, high: FloatArray, actual: FloatArray, chosen: Slots) -> FloatArray:
    """Returns them of the chosen slots, NaN where a house has none: where it is mild, windows are open all day."""
    error = np.where(chosen, actual - middle, 0.0)
    covered = chosen & (actual >= low) & (actual <= high)
    sums = np.stack([one.sum(axis=(0, 1, 3)) for one in (np.abs(error), error**2, covered)])
    count = chosen.sum(axis=(0, 1, 3))
    absolute, squared, within = np.divide(sums, count, out=np.full(sums.shape, np.nan), where=count > 0)
    return np.stack([absolute, np.sqrt(squared), within])


@dataclass(frozen=True)
class Rebound:
    """Of forecasts soon after an opening: the drop until then, (forecasts, 2), and errors, (forecasts, 2, STEPS)."""

    drop: FloatArray
    error: FloatArray

    def corrected(self, lacking: FloatArray) -> FloatArray:
        """Returns the errors if so many times the drop is added, (2, STEPS) or (STEPS,)."""
        return self.error - self.drop[:, :, None] * lacking


def rebounds(one: Aired) -> Rebound:
    house, opened = one.house, one.is_open.copy()
    opened[:, 1:] &= ~one.is_open[:, :-1]
    drops, errors = [], []
    for day, model, state in served(house):
        for slot in range(day, day + SLOTS_A_DAY):
            column = slot - house.first
            lately = opened[:, column - SINCE : column]
            aired = np.flatnonzero(lately.any(axis=1) & one.is_open[:, column - 1])
            if len(aired):
                middle = quantiles(house, slot, model, state)[:, :, 1]
            for room in aired:
                before = house.values[room, :, column - SINCE + int(lately[room].argmax()) - 1]
                drops.append(np.maximum(before - house.values[room, :, column - 1], 0))
                errors.append(house.values[room, :, column : column + STEPS] - middle[room])
    shape = (len(drops), len(QUANTITIES), STEPS)
    return Rebound(np.reshape(drops, shape[:2]), np.reshape(errors, shape))


def fitted(houses: list[Rebound]) -> FloatArray:
    """Returns by quantity and lead the multiple of the drop that the forecast lacks, by least squares, (2, STEPS)."""
    drop = np.concatenate([one.drop for one in houses])[:, :, None]
    error = np.concatenate([one.error for one in houses])
    return np.asarray((drop * error).sum(axis=0) / (drop**2).sum(axis=0), dtype=np.float64)


def with_error(values: list[float]) -> str:
    """Returns the mean over houses that have a value, and its standard error."""
    values = [one for one in values if np.isfinite(one)]
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{np.mean(values):+.4f} ± {error:.4f}"


def learning_table(found: list[dict[str, dict[str, FloatArray]]], rows: list[dict[str, object]]) -> Table:
    table = Table("slots", "", "MAE", "within p10-p90", "left out", "dMAE", "dRMSE", "within p10-p90", title="Learning")
    for where in ("all", "closed", "near"):
        for q, quantity in enumerate(QUANTITIES):
            plain = np.nanmean([one["nothing"][where][:, q] for one in found], axis=0)
            for name in ("open", "hour"):
                change = [one[name][where][:, q] - one["nothing"][where][:, q] for one in found]
                mae, rmse = (with_error([one[score] for one in change]) for score in (0, 1))
                covered = plain[2] + np.nanmean(change, axis=0)[2]
                cells = (where, quantity, f"{plain[0]:.3f}", f"{plain[2]:.3f}", name, mae, rmse, f"{covered:.3f}")
                table.add_row(*cells)
                rows.append(dict(zip((str(column.header) for column in table.columns), cells, strict=True)))
    return table


def rebound_table(found: list[Rebound], others: list[Rebound], rows: list[dict[str, object]]) -> Table:
    found = [one for one in found if len(one.drop)]
    table = Table("quantity", "leads", "forecasts", "bias", "MAE", "kernel", "fitted", title="Rebound")
    ways = (regained(LEADS_H), fitted(others))
    for q, quantity in enumerate(QUANTITIES):
        for leads, chosen in LEADS.items():
            plain = [one.error[:, q, chosen] for one in found]
            base = [float(np.abs(one).mean()) for one in plain]
            changes = [
                with_error(
                    [
                        float(np.abs(one.corrected(way)[:, q, chosen]).mean()) - mae
                        for one, mae in zip(found, base, strict=True)
                    ]
                )
                for way in ways
            ]
            count = str(sum(len(one) for one in plain))
            bias = with_error([float(one.mean()) for one in plain])
            cells = (quantity, leads, count, bias, f"{np.mean(base):.3f}", *changes)
            table.add_row(*cells)
            rows.append({str(column.header): cell for column, cell in zip(table.columns, cells, strict=True)})
    return table


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="openings-study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--season", choices=sorted(SEASONS), default="winter", help="default %(default)s")
    parser.add_argument("--houses", type=int, default=6, metavar="N", help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the first house (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output; tables to the other")
    arguments = parser.parse_args()
    if arguments.houses < 1 or arguments.seed < 0:
        parser.error(f"--houses is {arguments.houses} and --seed {arguments.seed}; expected at least 1 and 0")
    output = Output(as_json=arguments.json)
    learnt, found, others = [], [], []
    for seed in range(arguments.seed, arguments.seed + arguments.houses):
        notes.print(f"house {seed}: learning, then rebounds, and those of house {seed + OTHER_SEEDS}")
        one = simulated(seed, SEASONS[arguments.season])
        learnt.append(learning(one))
        found.append(rebounds(one))
        others.append(rebounds(simulated(seed + OTHER_SEEDS, SEASONS[arguments.season])))
    tables: dict[str, list[dict[str, object]]] = {"learning": [], "rebound": []}
    output.tables.print(learning_table(learnt, tables["learning"]))
    output.tables.print(rebound_table(found, others, tables["rebound"]))
    output.answer({"season": arguments.season, "seed": arguments.seed, "houses": arguments.houses, **tables})
    return 0


if __name__ == "__main__":
    sys.exit(main())
