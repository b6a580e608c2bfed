"""A backtest as a picture: error by lead, reliability, and some days of one room, for each quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter, DayLocator, date2num
from matplotlib.figure import Figure

from roomidity.cli.output import UNITS
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT
from roomidity.forecasting import LEVELS, STEPS
from roomidity.forecasting.backtest import Replay, errors_by_lead, reliability, summarise
from roomidity.forecasting.window import FloatArray

__all__ = ["draw_backtest"]

_SIZE_INCHES: Final = (15.0, 7.5)
_DOTS_PER_INCH: Final = 150

_EXAMPLE_DAYS: Final = 5
"""Forecasts of an example: enough to see days that went well and days that did not."""

_BLUE: Final = "#0b6e99"
_COLOURS: Final = {"roomidity": _BLUE, "persistence": "#8a8a8a", "yesterday": "#d9822b"}
_INK: Final = "#222222"


def draw_backtest(path: Path, houses: Sequence[str], methods: Mapping[str, Sequence[Replay]], *, timezone: str) -> None:
    """Writes the figure, in the format that the file's ending names.

    Parameters
    ----------
    path
        The file.
    houses
        Names, in the order of each method's replays.
    methods
        The replays of "roomidity" and of what it is compared with, by name.
    timezone
        The houses' IANA time zone.
    """
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    panels = figure.subplots(len(QUANTITIES), 3, width_ratios=(5, 5, 11))
    own = methods["roomidity"]
    errors = {name: errors_by_lead(replays) for name, replays in methods.items()}
    shares = reliability(own)
    house, room = _middle_room(houses, own)
    for row, (quantity, (left, middle, right)) in enumerate(zip(QUANTITIES, panels, strict=True)):
        _draw_errors(left, {name: each[row] for name, each in errors.items()}, quantity)
        _draw_reliability(middle, shares[row])
        _draw_example(right, room, row, timezone=timezone)
    panels[0, 0].set_title("Mean error over the next 24 h", loc="left")
    panels[0, 0].legend(frameon=False)
    panels[0, 1].set_title("Reliability", loc="left")
    panels[0, 2].set_title(f"{house}/{room.rooms[0]}: forecasts of 00 UTC and what came", loc="left")
    panels[0, 2].legend(frameon=False, loc="best")
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e6e6e6", linewidth=0.7)
        axes.set_axisbelow(True)
    figure.suptitle(_title(houses, own, timezone=timezone), x=0.01, ha="left", fontsize=14)
    figure.savefig(path, dpi=_DOTS_PER_INCH)


def _title(houses: Sequence[str], own: Sequence[Replay], *, timezone: str) -> str:
    zone = ZoneInfo(timezone)
    first = min(one.issued_at[0] for one in own).astimezone(zone)
    last = max(one.issued_at[-1] for one in own).astimezone(zone)
    score = next(summarise(own))
    named = ", ".join(houses) if len(houses) <= 3 else f"{len(houses)} houses"
    return f"{named}: {score.rooms} rooms, {score.origins} forecasts, {first:%d %b %Y} to {last:%d %b %Y}"


def _middle_room(houses: Sequence[str], own: Sequence[Replay]) -> tuple[str, Replay]:
    """The room whose humidity error is the middle one: neither the best nor the worst to look at."""
    rooms = [(house, room) for house, one in zip(houses, own, strict=True) for room in one.by_room()]
    return sorted(rooms, key=lambda each: next(summarise([each[1]])).mae)[len(rooms) // 2]


def _draw_errors(axes: Axes, errors: Mapping[str, FloatArray], quantity: str) -> None:
    hours = np.arange(1, STEPS + 1) / 4
    for name, course in errors.items():
        axes.plot(hours, course, color=_COLOURS[name], label=name, linewidth=2.2 if name == "roomidity" else 1.5)
    axes.set(xlim=(0, 24), ylim=(0, None), xticks=range(0, 25, 6), xlabel="hours ahead")
    axes.set_ylabel(f"mean error of {quantity}, {UNITS[quantity]}")


def _draw_reliability(axes: Axes, shares: FloatArray) -> None:
    levels = 100 * np.array(LEVELS)
    axes.plot([0, 100], [0, 100], color=_INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.plot(levels, 100 * shares, color=_BLUE, marker="o", markersize=4.5)
    axes.set(xlim=(0, 100), ylim=(0, 100), xticks=range(0, 101, 25), yticks=range(0, 101, 25))
    axes.set(xlabel="forecast level, %", ylabel="measured at or below it, %")


def _draw_example(axes: Axes, room: Replay, q: int, *, timezone: str) -> None:
    zone = ZoneInfo(timezone)
    midnights = [place for place, moment in enumerate(room.issued_at) if moment.hour == 0]
    begin = max(0, (len(midnights) - _EXAMPLE_DAYS) // 2)
    shown = midnights[begin : begin + _EXAMPLE_DAYS]
    for nth, place in enumerate(shown):
        # A slot's mean stands in its middle.
        times = date2num([room.issued_at[place] + (lead + 0.5) * SLOT for lead in range(STEPS)])
        low, median, high = room.quantiles[0, place, q, [0, LEVELS.index(0.5), -1]]
        names = ["p10 to p90", "median", "measured"] if nth == 0 else [None] * 3
        axes.fill_between(times, low, high, color=_BLUE, alpha=0.2, linewidth=0, label=names[0])
        axes.plot(times, median, color=_BLUE, linewidth=2, label=names[1])
        axes.plot(times, room.actual[0, place, q], color=_INK, linewidth=1.1, label=names[2])
    axes.xaxis.set_major_locator(DayLocator(tz=zone))
    axes.xaxis.set_major_formatter(DateFormatter("%a %d %b", tz=zone))
    axes.margins(x=0.01)
    axes.set_xlim(left=date2num(room.issued_at[shown[0]].astimezone(zone).replace(hour=0, minute=0)))
    axes.set_xlabel(f"local midnights ({timezone})")
    axes.set_ylabel(f"{QUANTITIES[q]}, {UNITS[QUANTITIES[q]]}")
