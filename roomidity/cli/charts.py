"""Forecasts for a person's eyes: a table of rooms, and a chart of one, in the house's local time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import plotext
from rich.table import Table
from rich.text import Text

from roomidity.cli.output import UNITS, shown
from roomidity.domain.forecasts import QUANTILES, StoredForecast
from roomidity.domain.names import visible
from roomidity.domain.quantities import SPECS
from roomidity.domain.slots import SLOT

__all__ = ["chart", "forecast_table", "sparkline"]

_LEADS: Final = {"in 1 h": 3, "6 h": 23, "24 h": 95}
_DECIMALS: Final = {spec.name: spec.shown_decimals for spec in SPECS}
_BARS: Final = "▁▂▃▄▅▆▇█"


def forecast_table(forecasts: Sequence[StoredForecast], *, timezone: str) -> Table:
    """A row for each room and quantity: the median at some leads with p10 to p90, and the 24 h as a line."""
    issued = forecasts[0].issued_at.astimezone(ZoneInfo(timezone))
    title = shown(f"{forecasts[0].house}: issued {issued:%a %d %b %Y %H:%M} ({timezone})")
    table = Table(title=title, title_justify="left")
    for heading in ("room", "", "grade", *_LEADS, "the next 24 hours"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for one in forecasts:
        name = one.room
        for quantity, quantiles in one.quantities.items():
            cells = [_cell(quantiles, lead, digits=_DECIMALS[quantity]) for lead in _LEADS.values()]
            table.add_row(shown(name), UNITS[quantity], one.grade[quantity], *cells, sparkline(quantiles["p50"]))
            name = ""
    return table


def _cell(quantiles: Mapping[str, npt.NDArray[np.float64]], lead: int, *, digits: int) -> Text:
    low, mid, high = (quantiles[name][lead] for name in QUANTILES)
    return Text.assemble(f"{mid:.{digits}f} ", (f"{low:.{digits}f}–{high:.{digits}f}", "dim"))


def sparkline(values: npt.NDArray[np.float64], *, width: int = 24) -> str:
    """Values as a line of bars from their least to their greatest, ``width`` characters wide.

    >>> sparkline(np.arange(96.0), width=8)
    '▁▂▃▄▅▆▇█'
    """
    means = values[: len(values) // width * width].reshape(width, -1).mean(axis=1)
    span = means.max() - means.min()
    heights = (means - means.min()) / span * (len(_BARS) - 1) if span else np.zeros(width)
    return "".join(_BARS[round(height)] for height in heights)


def chart(forecast: StoredForecast, *, timezone: str, width: int) -> str:
    """Median and p10 to p90 of each quantity over the local hours."""
    zone = ZoneInfo(timezone)
    charts = []
    for quantity, quantiles in forecast.quantities.items():
        hours = np.arange(len(quantiles["p50"])) / 4
        plotext.clear_figure()
        plotext.theme("clear")
        plotext.plotsize(min(width, 110), 15)
        plotext.title(
            f"{visible(forecast.house)}/{visible(forecast.room)} {quantity} {UNITS[quantity]}: median, p10 and p90"
        )
        for name, marker in (("p90", "dot"), ("p10", "dot"), ("p50", "braille")):
            plotext.plot(hours.tolist(), quantiles[name].tolist(), marker=marker)
        ticks = list(range(0, 25, 3))
        begin = forecast.issued_at
        plotext.xticks(ticks, [f"{(begin + 4 * tick * SLOT).astimezone(zone):%H:%M}" for tick in ticks])
        charts.append(plotext.uncolorize(plotext.build()))
    return "\n".join(charts)
